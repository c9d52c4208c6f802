"""The five parts: kept as they are typed, right when they are handed in, locked then, and not undone from elsewhere."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from saas import clock
from saas.components.models import ComponentApp, ComponentStatus
from saas.db import new_id, tenant_session
from saas.errors import Forbidden, Invalid, NotFound
from saas.onboarding.access import get_part
from saas.onboarding.fields import FORMS, paper_field
from saas.onboarding.models import OnboardingPart, Part, PartStatus
from saas.onboarding.papers import attach, detach, look_at
from saas.onboarding.parts import Answers, answers_of, open_onboarding, parts_of
from saas.onboarding.saving import Locked, NotComplete, Outdated, hand_in, reveal, save_page, shown
from saas.programs.certification_data import QUALIFICATION
from saas.programs.filing_fields import NAME, PAPER_NUMBER
from saas.programs.filing_models import FilingTable
from saas.programs.filing_tables import load_tables
from saas.programs.models import CategoryTree
from saas.tenants.access import Verb
from saas.tenants.merchants import load_merchant
from saas.tenants.models import Activity, StoredFile
from saas.tenants.stored_files import load_file, read_file
from tests.cast import Cast
from tests.programs.filing_data import PICTURES, PROGRAM, SUBJECT

CODE = "91350100M000100Y43"
COMPANY = {"kind": "enterprise", "name": "梅记餐饮有限公司", "company_code": CODE, "person_name": "陈梅"}
PROFILE = {"name": "梅记茶铺", "introduction": "福州手作奶茶，门店自提和外卖"}
CONTACT = {"contact_name": "陈梅", "contact_email": "mei@example.com"}


def picture(*size: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (size or (60, 40)), "red").save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def onboarding_id(cast: Cast) -> UUID:
    """All five parts, asked of mei for a mini program that is still to be registered."""
    with tenant_session(cast.alices) as db:
        merchant = load_merchant(db, cast.meis)
        return open_onboarding(db, merchant, None, list(Part), who=cast.who["alice"]).id


@pytest.fixture
def opened(cast: Cast, onboarding_id: UUID) -> Callable[..., Any]:
    """`with opened(Part.PROFILE) as (db, answers)`: mei has the part before her."""

    @contextmanager
    def of(part: Part, who: str = "mei", verb: Verb = Verb.VIEW) -> Iterator[tuple[Session, Answers]]:
        with tenant_session(cast.who[who].provider_id) as db:
            yield db, answers_of(db, *get_part(db, cast.who[who], onboarding_id, part, verb))

    return of


@pytest.fixture
def save(cast: Cast, opened: Callable[..., Any]) -> Callable[..., list[str]]:
    def saved(
        part: Part, typed: Mapping[str, Any], page: str = "", *, version: int | None = None, **kwargs: Any
    ) -> list[str]:
        with opened(part) as (db, answers):
            version = answers.part.version if version is None else version
            page = page or next(iter(FORMS[part].pages))
            return save_page(db, answers, page, typed, version=version, who=cast.who["mei"], **kwargs)

    return saved


def give(cast: Cast, opened: Callable[..., Any], part: Part, name: str, *contents: bytes) -> None:
    with opened(part) as (db, answers):
        attach(db, answers, name, contents or [picture()], who=cast.who["mei"])


def give_in(cast: Cast, opened: Callable[..., Any], part: Part) -> None:
    with opened(part) as (db, answers):
        hand_in(db, answers, version=answers.part.version, who=cast.who["mei"])


def verbs(cast: Cast) -> list[str]:
    with tenant_session(cast.alices) as db:
        return list(
            db.scalars(select(Activity.verb).where(Activity.verb.startswith("onboarding")).order_by(Activity.id))
        )


def test_asking_twice_opens_once(cast: Cast, onboarding_id: UUID) -> None:
    with tenant_session(cast.alices) as db:
        merchant = load_merchant(db, cast.meis)
        again = open_onboarding(db, merchant, None, [Part.FILING, Part.COMPANY], who=cast.who["alice"])
        assert again.id == onboarding_id
        (found,) = parts_of(db, [cast.meis])
        assert [one.key for one in found.parts] == [part.value for part in Part]
        assert (found.done, found.next.key if found.next else "") == (0, Part.COMPANY)
        assert parts_of(db, []) == []
    assert verbs(cast) == ["onboarding.open"]


def test_only_this_merchants_people_reach_it(cast: Cast, onboarding_id: UUID) -> None:
    for name in ("ming", "charlie"):
        with tenant_session(cast.who[name].provider_id) as db, pytest.raises(NotFound):
            get_part(db, cast.who[name], onboarding_id, Part.COMPANY, Verb.VIEW)
    with tenant_session(cast.alices) as db:
        get_part(db, cast.who["hana"], onboarding_id, Part.COMPANY, Verb.VIEW)
        for act in (save_page_as, attach_as, hand_in_as):
            with pytest.raises(Forbidden):
                act(db, cast, onboarding_id, "hana")
        with pytest.raises(NotFound):
            get_part(db, cast.who["mei"], onboarding_id, "nonsense", Verb.VIEW)


def save_page_as(db: Session, cast: Cast, onboarding_id: UUID, name: str) -> None:
    answers = answers_of(db, *get_part(db, cast.who[name], onboarding_id, Part.COMPANY, Verb.VIEW))
    save_page(db, answers, "facts", COMPANY, version=0, who=cast.who[name])


def attach_as(db: Session, cast: Cast, onboarding_id: UUID, name: str) -> None:
    answers = answers_of(db, *get_part(db, cast.who[name], onboarding_id, Part.PROFILE, Verb.VIEW))
    attach(db, answers, "avatar", [picture()], who=cast.who[name])


def hand_in_as(db: Session, cast: Cast, onboarding_id: UUID, name: str) -> None:
    answers = answers_of(db, *get_part(db, cast.who[name], onboarding_id, Part.COMPANY, Verb.VIEW))
    hand_in(db, answers, version=0, who=cast.who[name])


def test_what_is_typed_is_kept_even_when_it_is_wrong(
    opened: Callable[..., Any], save: Callable[..., list[str]]
) -> None:
    save(Part.COMPANY, COMPANY | {"company_code": "91350100M000100Y44"})
    with opened(Part.COMPANY) as (_db, answers):
        assert answers.values["company_code"] == "91350100M000100Y44"
        assert [fault.field for fault in answers.faults()] == ["company_code"]
        assert answers.gaps() == []
        assert answers.part.saved_by == "Mei"
        assert b"91350100" not in (answers.part.data_sealed or b"")


def test_a_field_nobody_asks_for_is_not_kept(opened: Callable[..., Any], save: Callable[..., list[str]]) -> None:
    assert save(Part.COMPANY, {"name": "梅记", "status": "accepted", "component_phone": "1"}) == ["name"]
    with pytest.raises(Invalid) as refusal:
        save(Part.COMPANY, {"name": "梅" * 3000})
    assert refusal.value.field == "name"
    with opened(Part.COMPANY) as (_db, answers):
        assert answers.part.values == {"name": "梅记"}


def test_personal_fields_are_masked_and_stay_when_left_empty(
    cast: Cast, opened: Callable[..., Any], save: Callable[..., list[str]]
) -> None:
    save(Part.COMPANY, COMPANY | {"person_wechat": "chenmei_1988"})
    assert save(Part.COMPANY, COMPANY | {"person_wechat": "", "person_name": ""}) == []
    with opened(Part.COMPANY) as (db, answers):
        ask = next(one for one in answers.asks() if one.name == "person_wechat")
        assert "mei_1" not in shown(ask, answers.values)
        assert reveal(db, answers, who=cast.who["mei"])["person_wechat"] == "chenmei_1988"
    assert save(Part.COMPANY, COMPANY | {"person_wechat": ""}, cleared=["person_wechat"]) == ["person_wechat"]
    assert verbs(cast) == ["onboarding.open", "onboarding.save", "onboarding.personal.view"]


def test_an_older_page_does_not_undo_what_another_device_saved(
    opened: Callable[..., Any], save: Callable[..., list[str]]
) -> None:
    save(Part.PROFILE, PROFILE)
    save(Part.PROFILE, PROFILE | {"name": "梅记手作"}, version=1)
    assert save(Part.PROFILE, PROFILE | {"name": "梅记手作"}, version=1) == [], "sent twice"
    with pytest.raises(Outdated) as refusal:
        save(Part.PROFILE, {"name": "梅记奶茶", "introduction": PROFILE["introduction"]}, version=1)
    assert refusal.value.theirs == {"name": "梅记手作"}
    with opened(Part.PROFILE) as (_db, answers):
        assert answers.values["name"] == "梅记手作"
    save(Part.CERTIFICATION, {"account_name": "梅记茶铺"}, "basics")
    assert save(Part.CERTIFICATION, CONTACT, "contact", version=0), "another page of the part is no quarrel"


def test_a_page_whose_answer_got_lost_does_not_quarrel_with_itself(
    opened: Callable[..., Any], save: Callable[..., list[str]]
) -> None:
    """The page still has the version from before its own saving."""
    hers, other = {"page_id": "a", "version": 0}, {"page_id": "b", "version": 0}
    for typed in ("梅", "梅记", "梅记茶铺"):
        assert save(Part.PROFILE, {"name": typed}, **hers) == ["name"]
    with pytest.raises(Outdated):
        save(Part.PROFILE, {"name": "梅记奶茶"}, **other)
    assert save(Part.PROFILE, {"introduction": PROFILE["introduction"]}, **other) == ["introduction"]
    save(Part.PROFILE, {"name": "梅记奶茶"}, page_id="b", version=4)
    with pytest.raises(Outdated) as refusal:
        save(Part.PROFILE, {"name": "梅记茶铺"}, **hers)
    assert refusal.value.theirs == {"name": "梅记奶茶"}
    with opened(Part.PROFILE) as (_db, answers):
        assert answers.values["name"] == "梅记奶茶"


def test_what_another_page_of_the_part_saved_is_no_quarrel(save: Callable[..., list[str]]) -> None:
    save(Part.CERTIFICATION, {"account_name": "梅记"}, "basics", page_id="a", version=0)
    save(Part.CERTIFICATION, CONTACT, "contact", page_id="b", version=1)
    assert save(Part.CERTIFICATION, {"account_name": "梅记茶铺"}, "basics", page_id="c", version=1), "gone back to"


def test_handing_in_names_what_is_missing_and_locks(
    cast: Cast, opened: Callable[..., Any], save: Callable[..., list[str]]
) -> None:
    save(Part.PROFILE, PROFILE | {"introduction": "tea"})
    with pytest.raises(NotComplete) as refusal:
        give_in(cast, opened, Part.PROFILE)
    assert {fault.field for fault in refusal.value.faults} == {"introduction", "avatar"}
    save(Part.PROFILE, PROFILE)
    give(cast, opened, Part.PROFILE, "avatar")
    with opened(Part.PROFILE) as (db, answers), pytest.raises(Outdated):
        hand_in(db, answers, version=0, who=cast.who["mei"])
    give_in(cast, opened, Part.PROFILE)
    with opened(Part.PROFILE) as (_db, answers):
        assert (answers.part.status, answers.part.handed_in_by) == (PartStatus.HANDED_IN, "Mei")
        assert answers.values == PROFILE
        file_id = UUID(answers.part.files["avatar"][0])
    with pytest.raises(Locked):
        save(Part.PROFILE, PROFILE | {"name": "别的"})
    with pytest.raises(Locked):
        give(cast, opened, Part.PROFILE, "avatar")
    with opened(Part.PROFILE) as (db, answers), pytest.raises(Locked):
        detach(db, answers, "avatar", file_id, who=cast.who["mei"])
    with tenant_session(cast.alices) as db:
        (found,) = parts_of(db, [cast.meis])
        assert (found.done, found.next.key if found.next else "") == (1, Part.COMPANY)


def test_what_came_back_is_changed_and_handed_in_again(
    cast: Cast, opened: Callable[..., Any], save: Callable[..., list[str]]
) -> None:
    save(Part.COMPANY, COMPANY)
    give_in(cast, opened, Part.COMPANY)
    with opened(Part.COMPANY) as (_db, answers):
        answers.part.status, answers.part.comments = PartStatus.RETURNED, {"name": "要和执照一致"}
    save(Part.COMPANY, COMPANY | {"name": "梅记（福州）餐饮有限公司"})
    give_in(cast, opened, Part.COMPANY)
    with opened(Part.COMPANY) as (_db, answers):
        assert answers.values["name"] == "梅记（福州）餐饮有限公司"


def test_nobody_types_twice(cast: Cast, opened: Callable[..., Any], save: Callable[..., list[str]]) -> None:
    save(Part.COMPANY, COMPANY)
    save(Part.PROFILE, PROFILE)
    with opened(Part.CERTIFICATION) as (_db, answers):
        assert (answers.values["account_name"], answers.values["taxpayer_id"]) == ("梅记茶铺", CODE)
    with opened(Part.FILING) as (_db, answers):
        assert (answers.values[NAME], answers.values[PAPER_NUMBER]) == ("梅记餐饮有限公司", CODE)
        assert answers.part.values == {}


def test_files_are_sealed_and_of_this_part_alone(cast: Cast, opened: Callable[..., Any]) -> None:
    give(cast, opened, Part.PROFILE, "avatar", picture(300, 100))
    with opened(Part.PROFILE) as (db, answers):
        (first,) = answers.part.files["avatar"]
        with Image.open(io.BytesIO(read_file(load_file(db, UUID(first))))) as image:
            assert image.size == (100, 100), "an avatar is square"
        look_at(db, answers, UUID(first), who=cast.who["mei"])
    with opened(Part.CERTIFICATION) as (db, answers), pytest.raises(NotFound):
        look_at(db, answers, UUID(first), who=cast.who["mei"])
    give(cast, opened, Part.PROFILE, "avatar")
    with opened(Part.PROFILE) as (db, answers):
        (second,) = answers.part.files["avatar"]
        assert [str(one) for one in db.scalars(select(StoredFile.id))] == [second], "the one before is forgotten"
        detach(db, answers, "avatar", UUID(second), who=cast.who["mei"])
        detach(db, answers, "avatar", UUID(second), who=cast.who["mei"])
        assert db.scalars(select(StoredFile.id)).all() == []


REFUSED = {"pdf": (b"%PDF-1.7", "PDF"), "text": (b"hello", "不是能读"), "large": (b"\xff\xd8\xff" * 4_000_000, "10 MB")}


@pytest.mark.parametrize(("content", "word"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_picture_is_refused_at_its_field(
    cast: Cast, opened: Callable[..., Any], content: bytes, word: str
) -> None:
    with pytest.raises(Invalid, match=word) as refusal:
        give(cast, opened, Part.PROFILE, "avatar", content)
    assert refusal.value.field == "avatar"
    with pytest.raises(NotFound):
        give(cast, opened, Part.PROFILE, "name", picture())


def test_a_certification_without_what_the_provider_decides(
    cast: Cast, opened: Callable[..., Any], save: Callable[..., list[str]]
) -> None:
    save(Part.CERTIFICATION, {"customer_type": "1", "account_name": "梅记茶铺", "account_name_type": "1"}, "basics")
    save(Part.CERTIFICATION, CONTACT, "contact")
    save(Part.CERTIFICATION, {"invoice_type": "2", "invoice_title": "梅记", "taxpayer_id": CODE}, "invoice")
    with opened(Part.CERTIFICATION) as (_db, answers):
        assert [fault.field for fault in answers.gaps()] == [QUALIFICATION]
    give(cast, opened, Part.CERTIFICATION, QUALIFICATION)
    give_in(cast, opened, Part.CERTIFICATION)
    with opened(Part.CERTIFICATION) as (_db, answers):
        assert not {"pay_type", "service_appid", "third_party_phone"} & set(answers.values)


def test_a_person_gets_no_invoice_of_that_kind(opened: Callable[..., Any], save: Callable[..., list[str]]) -> None:
    save(Part.CERTIFICATION, {"customer_type": "15", "account_name": "小程序"}, "basics")
    save(Part.CERTIFICATION, {"invoice_type": "4"}, "invoice")
    with opened(Part.CERTIFICATION) as (_db, answers):
        assert {fault.field for fault in answers.faults()} == {"invoice_type", "account_name"}


def test_a_filing_follows_wechats_tables(
    cast: Cast, opened: Callable[..., Any], save: Callable[..., list[str]]
) -> None:
    areas = [{"code": 440000, "name": "广东", "sub_list": [
        {"code": 440100, "name": "广州", "sub_list": [{"code": 440104, "name": "越秀"}]},
    ]}]  # fmt: skip
    with tenant_session(cast.alices) as db:
        db.add(FilingTable(provider_id=cast.alices, kind="districts", items=areas, read_at=clock.now()))
    save(Part.FILING, SUBJECT, "subject")
    save(Part.FILING, PROGRAM | {"legal_in_charge": "yes", "same_person": "yes"}, "program")
    for name, contents in PICTURES.items():
        give(cast, opened, Part.FILING, name, *contents)
    with opened(Part.FILING) as (_db, answers):
        assert answers.faults() == []
        assert answers.gaps() == []
    give_in(cast, opened, Part.FILING)


def test_without_areas_a_filing_can_still_be_handed_in(
    cast: Cast, opened: Callable[..., Any], save: Callable[..., list[str]]
) -> None:
    """Until some mini program could ask WeChat for them the provider fills them in."""
    with tenant_session(cast.alices) as db:
        assert load_tables(db).provinces == []
    with opened(Part.FILING) as (_db, answers):
        assert not {f"icp_subject.base_info.{one}" for one in ("province", "city", "district")} & {
            fault.field for fault in answers.gaps()
        }


NODES = [
    {"id": 0, "name": "", "level": 0, "children": [304]},
    {"id": 304, "name": "商家自营", "level": 1, "children": [321, 330]},
    {"id": 321, "name": "饮品", "level": 2, "qualify": {"exter_list": [
        {"inner_list": [{"name": "《食品经营许可证》", "url": "https://example.com/1.png"}]},
        {"inner_list": [{"name": "《备案证明》", "url": ""}, {"name": "《授权书》", "url": ""}]},
    ]}},
    {"id": 330, "name": "茶叶", "level": 2, "qualify": {}},
]  # fmt: skip


def test_categories_ask_for_their_papers(
    cast: Cast, opened: Callable[..., Any], save: Callable[..., list[str]]
) -> None:
    with opened(Part.CATEGORIES) as (_db, answers):
        assert [ask.name for ask in answers.asks()] == ["wish"], "nobody has read the list yet"
    with tenant_session(cast.alices) as db:
        component = ComponentApp(
            id=new_id(), provider_id=cast.alices, key="k", name="爱丽平台", appid="wx1", status=ComponentStatus.READY
        )
        db.add(component)
        db.flush()
        db.add(
            CategoryTree(provider_id=cast.alices, component_id=component.id, kind="1", nodes=NODES, read_at=clock.now())
        )
    save(Part.CATEGORIES, {"categories": ["304-321", "304-330", ""]})
    with pytest.raises(NotComplete) as refusal:
        give_in(cast, opened, Part.CATEGORIES)
    assert [fault.field for fault in refusal.value.faults] == [paper_field("304-321", "《食品经营许可证》")]
    give(cast, opened, Part.CATEGORIES, paper_field("304-321", "《授权书》"))
    with opened(Part.CATEGORIES) as (_db, answers):
        assert [fault.field for fault in answers.gaps()] == [paper_field("304-321", "《备案证明》")], "the set begun"
    give(cast, opened, Part.CATEGORIES, paper_field("304-321", "《备案证明》"), picture(), picture())
    save(Part.CATEGORIES, {"categories": ["304-330", "304-330"]})
    with opened(Part.CATEGORIES) as (_db, answers):
        assert [fault.field for fault in answers.faults()] == ["categories"]
    save(Part.CATEGORIES, {"categories": ["304-330"]})
    give_in(cast, opened, Part.CATEGORIES)
    with tenant_session(cast.alices) as db:
        assert db.scalars(select(StoredFile.id)).all() == [], "papers of a category that was given up are forgotten"
        part = db.scalars(select(OnboardingPart).where(OnboardingPart.key == Part.CATEGORIES)).one()
        assert part.values == {"categories": ["304-330"]}
