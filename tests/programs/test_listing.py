"""Finding mini programs: filters, fragments of texts, pages, totals, tags, saved filters."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import select

from saas import clock
from saas.components.models import ComponentApp
from saas.db import tenant_session
from saas.errors import Conflict, Forbidden, Invalid, NotFound
from saas.programs import editing, listing, saved_filters
from saas.programs.listing import ProgramFilter
from saas.programs.models import Program, ProgramGram
from saas.programs.searching import grams_of
from saas.programs.standing import note_step
from saas.programs.words import Step, Word
from saas.releases.models import CodeState, Template
from saas.tenants.merchants import MerchantData, edit_merchant, load_merchant
from tests.cast import Cast

Find = Callable[..., list[str]]


@pytest.fixture
def fleet(cast: Cast) -> dict[str, UUID]:
    """Four mini programs of alice's and one of charlie's with a name of alice's."""
    ids: dict[str, UUID] = {}
    for provider_id, key in ((cast.alices, "a"), (cast.charlies, "c")):
        with tenant_session(provider_id) as db:
            component = ComponentApp(provider_id=provider_id, key=key, name="n", appid=f"wx{key}")
            db.add(component)
            db.flush()
            given = [
                ("tea", "梅记茶铺", "广州梅记餐饮有限公司", "wx11aa22bb33cc44dd", [17, 18, 30]),
                ("coffee", "青禾咖啡 Qinghe", "青禾餐饮管理有限公司", "wx11aa99bb33cc44dd", [18, 30]),
                ("shop", "100%好店_一号", "", "wx55ee66ff77aa88bb", [30]),
                ("case", "新店", "", "", []),
            ]
            for name, label, company, appid, sets in given if key == "a" else given[:1]:
                program = Program(
                    provider_id=provider_id, component_id=component.id, appid=appid, name=label,
                    company_name=company, permission_sets=sets, authorized_at=clock.now(),
                )  # fmt: skip
                db.add(program)
                db.flush()
                ids[name if key == "a" else "stranger"] = program.id
    return ids


@pytest.fixture
def find(cast: Cast, fleet: dict[str, UUID]) -> Find:
    """The names of alice's mini programs that a filter finds, newest first."""
    names = {program_id: name for name, program_id in fleet.items()}

    def found(**parts: str) -> list[str]:
        with tenant_session(cast.alices) as db:
            wanted = ProgramFilter.read(parts)
            page = listing.list_programs(db, wanted)
            assert page.total == len(page.programs) == len(listing.select_ids(db, wanted))
            return [names[program.id] for program in page.programs]

    return found


def load(db: object, fleet: dict[str, UUID], name: str) -> Program:
    return db.scalars(select(Program).where(Program.id == fleet[name])).one()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("茶铺", ["tea"]), ("餐饮", ["coffee", "tea"]), ("梅记 餐饮", ["tea"]), ("QINGHE", ["coffee"]),
        ("inghe", ["coffee"]),
        ("店", ["case", "shop"]), ("铺", ["tea"]), ("%", ["shop"]), ("_一", ["shop"]), ("100%", ["shop"]), ("铺茶", []),
        ("猫", []), ("wx11aa", ["coffee", "tea"]), ("WX11AA22", ["tea"]), ("wx22", []),
        ("  ", ["case", "shop", "coffee", "tea"]),
        ("有限公司梅", []), ("\0茶铺", ["tea"]),
    ],
)  # fmt: skip
def test_a_fragment_finds(find: Find, typed: str, expected: list[str]) -> None:
    assert find(q=typed) == expected


def test_renaming_a_merchant_and_tagging_change_what_is_found(cast: Cast, fleet: dict[str, UUID], find: Find) -> None:
    alice = cast.who["alice"]
    with tenant_session(cast.alices) as db:
        editing.assign_merchant(db, load(db, fleet, "tea"), load_merchant(db, cast.meis), who=alice)
        editing.change_tags(db, load(db, fleet, "coffee"), add=["重点", "连锁"], who=alice)
    with tenant_session(cast.alices) as db:
        edit_merchant(db, load_merchant(db, cast.meis), MerchantData(name="凤凰投资"), who=alice)
    assert find(q="凤凰") == ["tea"]
    assert find(q="连锁") == find(tag="重点") == ["coffee"]
    assert find(merchant=str(cast.meis)) == ["tea"]
    assert find(merchant="none") == ["case", "shop", "coffee"]
    with tenant_session(cast.alices) as db:
        assert listing.known_tags(db) == ["连锁", "重点"]
        assert not editing.change_tags(db, load(db, fleet, "coffee"), add=["重点"], who=alice)
        assert editing.change_tags(db, load(db, fleet, "coffee"), add=["新"], remove=["重点", "无"], who=alice)
        assert listing.tags_of(db, [fleet["coffee"]]) == {fleet["coffee"]: ["新", "连锁"]}
    assert find(q="重点") == []
    with tenant_session(cast.alices) as db, pytest.raises(Invalid):
        editing.change_tags(db, load(db, fleet, "coffee"), add=[f"t{number}" for number in range(21)], who=alice)


def test_grams_are_kept_exactly(cast: Cast, fleet: dict[str, UUID]) -> None:
    with tenant_session(cast.alices) as db:
        program = load(db, fleet, "tea")
        kept = set(db.scalars(select(ProgramGram.gram).where(ProgramGram.program_id == program.id)))
        assert kept == grams_of(program.search_text)
        program.name = "无"
    with tenant_session(cast.alices) as db:
        assert "茶铺" not in load(db, fleet, "tea").search_text


def test_states_versions_and_people_filter(cast: Cast, fleet: dict[str, UUID], find: Find) -> None:
    alice = cast.who["alice"]
    with tenant_session(cast.alices) as db:
        component_id = load(db, fleet, "tea").component_id
        template = Template(provider_id=cast.alices, component_id=component_id, template_id="12")
        db.add(template)
        db.flush()
        for name, version, row in (("tea", "1.10.0", template.id), ("coffee", "1.9.1", None)):
            own = {"provider_id": cast.alices, "program_id": fleet[name]}
            db.add(CodeState(**own, online_version=version, online_at=clock.now(), online_template_row_id=row))
        note_step(db, load(db, fleet, "shop"), Step.CERTIFY, Word.CERTIFY_PAYING)
        note_step(db, load(db, fleet, "coffee"), Step.FILE, Word.FILE_SMS)
        editing.set_owner(db, load(db, fleet, "tea"), cast.users["max"], "Max", who=alice)
    assert find(stage="released") == ["tea"]
    assert find(stage="unregistered", turn="provider") == ["case"]
    assert find(turn="merchant") == ["shop", "coffee"]
    assert find(certify="certify_paying") == ["shop"]
    assert find(file="file_sms", certify="certify_paying") == []
    assert find(file="file_sms", turn="merchant", q="青禾") == ["coffee"]
    assert find(owner=str(cast.users["max"])) == ["tea"]
    assert find(owner="none") == ["case", "shop", "coffee"]
    assert find(lacking="essential") == ["case", "shop"]
    assert find(lacking="17") == ["case", "shop", "coffee"]
    version = {"version_of": "online", "version": "1.10"}
    assert find(**version, compares="lt") == ["coffee"]
    assert find(**version, compares="eq") == find(**version, compares="ge") == ["tea"]
    assert find(version_of="online_template", compares="ge", version="12") == ["tea"]
    assert find(version_of="online_template", compares="lt", version="12") == []


@pytest.mark.parametrize(
    "nonsense",
    [
        {"stage": "x", "turn": "us", "certify": "filed", "file": "certified", "authorization": "maybe"},
        {"merchant": "1", "owner": "me", "lacking": "18;", "version_of": "online_template", "version": "1.2"},
        {"version_of": "online", "version": ""}, {"compares": "lt", "version": "1"},
    ],
)  # fmt: skip
def test_what_makes_no_sense_filters_nothing(nonsense: dict[str, str]) -> None:
    assert ProgramFilter.read(nonsense).parts() == {}


LONG = "+".join(f"{number}.1" for number in range(1, 60))


@pytest.mark.parametrize("given", [{}, {"q": " 店 ", "stage": ""}, {"reject": LONG}, {"action": "tags", "tag": "连锁"}])
def test_a_filter_that_is_understood_is_read_whole(given: dict[str, str]) -> None:
    parts = {name: text.strip() for name, text in given.items() if text and name != "action"}
    assert ProgramFilter.read_whole(given).parts() == parts


@pytest.mark.parametrize(
    "given",
    [
        {"stage": "x"}, {"reject": "x" * 30}, {"q": "店" * 101}, {"merchant": "1", "q": "店"}, {"version": "1.0"},
        {"version_of": "audit", "version": "1.0", "compares": "lt"}, {"age": "old"},
    ],
)  # fmt: skip
def test_what_would_find_more_than_was_meant_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        ProgramFilter.read_whole(given)


def test_pages_follow_each_other_and_big_totals_stop(cast: Cast, fleet: dict[str, UUID]) -> None:
    with tenant_session(cast.alices) as db:
        component_id = load(db, fleet, "tea").component_id
        db.add_all(
            Program(provider_id=cast.alices, component_id=component_id, appid=f"wx{number:016x}", name=f"店{number}")
            for number in range(1001)
        )
    seen: list[UUID] = []
    with tenant_session(cast.alices) as db:
        page = listing.list_programs(db, ProgramFilter(q="店"), limit=400)
        assert page.total_is_least
        while page.more:
            seen += [program.id for program in page.programs]
            page = listing.list_programs(db, ProgramFilter(q="店"), before=seen[-1], limit=400)
        seen += [program.id for program in page.programs]
    assert len(seen) == len(set(seen)) == 1003
    assert seen == sorted(seen, reverse=True)


def test_filters_are_saved_shared_and_deleted(cast: Cast) -> None:
    alice, max_, bob = (cast.who[name] for name in ("alice", "max", "bob"))
    wanted = ProgramFilter(stage="rejected")
    with tenant_session(cast.alices) as db:
        own = saved_filters.save_filter(db, wanted, name=" 我的  ", shared=False, who=max_)
        shared = saved_filters.save_filter(db, wanted, name="驳回", shared=True, who=max_)
        again = saved_filters.save_filter(db, ProgramFilter(tag="x"), name="我的", shared=False, who=max_)
        assert again.id == own.id
        assert own.query == {"tag": "x"}
        assert [one.name for one in saved_filters.list_filters(db, alice)] == ["驳回"]
        for who, one in ((bob, shared), (alice, own)):
            with pytest.raises(NotFound):
                saved_filters.delete_filter(db, one.id, who=who)
        saved_filters.delete_filter(db, shared.id, who=alice)
        for refused in ({"name": ""}, {"name": "x" * 41}):
            with pytest.raises(Invalid):
                saved_filters.save_filter(db, wanted, shared=False, who=max_, **refused)
        with pytest.raises(Invalid):
            saved_filters.save_filter(db, ProgramFilter(), name="空", shared=False, who=max_)
        for number in range(49):
            saved_filters.save_filter(db, wanted, name=str(number), shared=False, who=max_)
        with pytest.raises(Conflict):
            saved_filters.save_filter(db, wanted, name="多", shared=False, who=max_)
    with tenant_session(cast.charlies) as db:
        assert saved_filters.list_filters(db, cast.who["charlie"]) == []


def test_a_viewer_changes_nothing(cast: Cast, fleet: dict[str, UUID]) -> None:
    bob = cast.who["bob"]
    with tenant_session(cast.alices) as db:
        program = load(db, fleet, "tea")
        for deed in (
            lambda: editing.change_tags(db, program, add=["x"], who=bob),
            lambda: editing.set_owner(db, program, None, "", who=bob),
        ):
            with pytest.raises(Forbidden):
                deed()
