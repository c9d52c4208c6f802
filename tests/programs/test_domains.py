"""Domains of a component app and of its mini programs, against the sandbox: wished, set, read back, refused by host."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from saas.batches.models import BatchItem, ItemStatus
from saas.batches.starting import Subject, start_batch
from saas.components import domains as platform
from saas.components.access import load_component
from saas.components.budgets import left
from saas.components.domains import Kind, list_domains
from saas.config import settings
from saas.db import platform_session
from saas.errors import Conflict, Forbidden, Invalid
from saas.programs import domains
from saas.programs.access import load_program
from saas.programs.check_files import check_file_content
from saas.programs.domains import DomainState, domains_of, state_of
from saas.programs.models import DomainWay
from tests.releases.conftest import Desk, control, desk, sandbox  # noqa: F401 - fixtures

API, WS, H5 = "https://api.example.com", "wss://api.example.com", "https://h5.example.com"


class Domains:
    """What the tests do with domains, each step in a transaction of its own."""

    def __init__(self, desk: Desk) -> None:  # noqa: F811
        self.desk = desk

    def register(self, server: str = "", business: str = "", *, published: bool = True) -> BatchItem:
        typed = {Kind.SERVER: server, Kind.BUSINESS: business}
        with self.desk.session() as db:
            component = load_component(db, self.desk.component.id)
            change = platform.plan_change(db, component, typed, published=published)
            item = platform.start_change(db, component, change, published=published, who=self.desk.alice)
        return self.ended(item)

    def set(self, way: DomainWay = DomainWay.LISTED, **typed: str) -> BatchItem | None:
        with self.desk.session() as db:
            program = load_program(db, self.desk.program.id)
            change = domains.plan_change(db, program, typed, way=way)
            item = domains.start_change(db, program, change, way=way, who=self.desk.alice)
        return self.ended(item) if item else None

    def read(self) -> BatchItem:
        with self.desk.session() as db:
            item = domains.start_reading(db, load_program(db, self.desk.program.id), who=self.desk.alice)
        return self.ended(item)

    def ended(self, item: BatchItem) -> BatchItem:
        self.desk.run_jobs()
        with self.desk.session() as db:
            return db.scalars(select(BatchItem).where(BatchItem.id == item.id)).one()

    def platform(self) -> dict[tuple[str, str], tuple[bool, bool, bool]]:
        with self.desk.session() as db:
            rows = list_domains(db, self.desk.component.id)
            return {(row.kind, row.host): (row.wished, row.testing, row.published) for row in rows}

    def states(self) -> dict[tuple[str, str], DomainState]:
        with self.desk.session() as db:
            program = load_program(db, self.desk.program.id)
            listed = domains.listed_of(db, program)
            return {(row.kind, row.address): state_of(row, listed) for row in domains_of(db, program.id)}

    def refused(self) -> dict[str, str]:
        with self.desk.session() as db:
            return {row.address: row.refused for row in domains_of(db, self.desk.program.id) if row.refused}

    def refuse_change(self, operation: str, errcode: int) -> None:
        """The same call reads first what is registered: that works."""
        self.desk.control.slow_next(operation, 0)
        self.desk.control.fail_next(operation, errcode)

    def ways(self) -> dict[str, list[str]]:
        with self.desk.session() as db:
            return {row.address: row.ways for row in domains_of(db, self.desk.program.id)}

    def left(self, name: str) -> int | None:
        with self.desk.session() as db:
            thing = self.desk.component if name == platform.BUDGET else load_program(db, self.desk.program.id)
            return left(db, thing, name).left


@pytest.fixture
def at(desk: Desk) -> Domains:  # noqa: F811
    return Domains(desk)


def test_the_component_app_comes_first(at: Domains) -> None:
    item = at.register("api.example.com\ncdn.example.com", "h5.example.com")
    assert (item.status, item.partial) == (ItemStatus.DONE, [])
    assert at.platform() == {
        ("server", "api.example.com"): (True, True, True),
        ("server", "cdn.example.com"): (True, True, True),
        ("business", "h5.example.com"): (True, True, True),
    }
    with at.desk.session() as db:
        item = platform.start_reading(db, load_component(db, at.desk.component.id), who=at.desk.cast.who["max"])
    assert at.ended(item).status == ItemStatus.DONE
    with at.desk.session() as db:
        found = platform.check_file_of(db, at.desk.component.id)
        assert found is not None
        assert found.name.startswith("component_verify_")
        name, content = found.name, found.content
    with platform_session("a test") as db:
        assert check_file_content(db, "h5.example.com", name) == content
        assert check_file_content(db, "api.example.com", name) is None
        assert check_file_content(db, "h5.example.com", "other.txt") is None


def test_removing_leaves_what_others_registered(at: Domains) -> None:
    at.register("api.example.com cdn.example.com", published=False)
    assert at.platform()["server", "cdn.example.com"] == (True, True, False)
    before = at.left(platform.BUDGET)
    assert at.register("cdn.example.com", published=False).status == ItemStatus.DONE
    assert at.platform() == {("server", "cdn.example.com"): (True, True, False)}
    assert before is not None
    assert at.left(platform.BUDGET) == before - 1
    with at.desk.session() as db:
        component = load_component(db, at.desk.component.id)
        assert not platform.plan_change(db, component, {Kind.SERVER: "cdn.example.com"}, published=False)
        assert platform.plan_change(db, component, {Kind.SERVER: "cdn.example.com"}, published=True).add


def test_only_administrators_change_the_component_apps_domains(at: Domains) -> None:
    with at.desk.session() as db:
        component = load_component(db, at.desk.component.id)
        change = platform.plan_change(db, component, {Kind.SERVER: "a.example.com"}, published=True)
        with pytest.raises(Forbidden):
            platform.start_change(db, component, change, published=True, who=at.desk.cast.who["max"])


def test_a_host_that_wechat_refuses_is_named(at: Domains) -> None:
    with at.desk.session() as db:
        component = load_component(db, at.desk.component.id)
        change = platform.Change({"server": ["a.example.com:1"]}, {})
        item = platform.start_change(db, component, change, published=False, who=at.desk.alice)
    item = at.ended(item)
    assert item.partial == [{"name": "a.example.com:1", "why": platform.NOT_REGISTERED}]
    assert at.platform() == {("server", "a.example.com:1"): (True, False, False)}


def test_what_wechat_took_before_it_refused_is_shown(at: Domains) -> None:
    at.refuse_change("modifyThirdpartyJumpDomain", 86103)
    item = at.register("api.example.com", "h5.example.com")
    assert (item.status, item.errcode) == (ItemStatus.FAILED, 86103)
    assert at.platform() == {
        ("server", "api.example.com"): (True, True, True),
        ("business", "h5.example.com"): (True, False, False),
    }
    with at.desk.session() as db:
        rows = list_domains(db, at.desk.component.id)
        assert {row.host: row.refused for row in rows} == {
            "api.example.com": "", "h5.example.com": platform.NOT_REGISTERED,
        }  # fmt: skip


def test_one_kind_is_registered_although_the_other_is_refused(at: Domains) -> None:
    at.refuse_change("modifyThirdpartyServerDomain", 89030)
    item = at.register("api.example.com", "h5.example.com")
    assert (item.status, item.errcode) == (ItemStatus.FAILED, 89030)
    assert at.platform() == {
        ("server", "api.example.com"): (True, False, False),
        ("business", "h5.example.com"): (True, True, True),
    }
    with at.desk.session() as db:
        assert [row.refused for row in list_domains(db, at.desk.component.id)] == ["", ""]


def test_what_somebody_registered_meanwhile_is_no_failure(at: Domains) -> None:
    at.refuse_change("modifyThirdpartyJumpDomain", 89019)
    item = at.register("api.example.com", "h5.example.com")
    assert (item.status, item.partial) == (ItemStatus.DONE, [])


def test_domains_are_set_and_read_back(at: Domains) -> None:
    at.register("example.com", "h5.example.com")
    item = at.set(requestdomain="api.example.com", wsrequestdomain="api.example.com", webviewdomain="h5.example.com")
    assert item is not None
    assert (item.status, item.partial) == (ItemStatus.DONE, [])
    assert set(at.states().values()) == {DomainState.EFFECTIVE}
    assert at.states().keys() == {("requestdomain", API), ("wsrequestdomain", WS), ("webviewdomain", H5)}
    assert at.set(requestdomain="api.example.com") is None
    item = at.set(requestdomain="", wsrequestdomain="api.example.com", webviewdomain="")
    assert item is not None
    assert at.states() == {("wsrequestdomain", WS): DomainState.EFFECTIVE}


def test_what_the_component_app_lost_is_seen_at_once(at: Domains) -> None:
    at.register("example.com example.org")
    at.set(requestdomain="api.example.com www.example.org")
    at.register("example.com")
    lost = ("requestdomain", "https://www.example.org")
    assert at.states() == {("requestdomain", API): DomainState.EFFECTIVE, lost: DomainState.UNREGISTERED}
    at.read()
    assert at.states()[lost] is DomainState.UNREGISTERED
    at.register("example.com example.org")
    at.read()
    assert set(at.states().values()) == {DomainState.EFFECTIVE}


def test_what_the_component_app_lacks_is_not_sent_but_offered(at: Domains) -> None:
    at.register("api.example.com")
    before = at.left("server_domain_month")
    item = at.set(requestdomain="api.example.com shop.example.org")
    assert item is not None
    assert item.partial == [{"name": "https://shop.example.org", "why": domains.UNREGISTERED}]
    assert at.states()["requestdomain", "https://shop.example.org"] is DomainState.UNREGISTERED
    with at.desk.session() as db:
        item = domains.start_registration(db, load_program(db, at.desk.program.id), who=at.desk.alice)
    assert at.ended(item).status == ItemStatus.DONE
    assert at.platform()["server", "shop.example.org"] == (True, True, True)
    assert at.states()["requestdomain", "https://shop.example.org"] is DomainState.MISSING
    at.set(requestdomain="api.example.com shop.example.org")
    assert set(at.states().values()) == {DomainState.EFFECTIVE}
    assert before is not None
    assert at.left("server_domain_month") == before - 2


def test_partial_and_whole_refusals_of_wechat_are_kept(at: Domains) -> None:
    at.register("example.com unfiled.test")
    item = at.set(requestdomain="api.example.com api.unfiled.test")
    assert item is not None
    assert (item.status, item.partial) == (
        ItemStatus.DONE, [{"name": "https://api.unfiled.test", "why": domains.UNFILED}],
    )  # fmt: skip
    assert at.states()["requestdomain", "https://api.unfiled.test"] is DomainState.REFUSED
    item = at.set(requestdomain="api.example.com api.unfiled.test", webviewdomain="h5.example.com")
    assert item is not None
    assert (item.status, item.errcode) == (ItemStatus.FAILED, 85302)
    assert at.states()["requestdomain", API] is DomainState.EFFECTIVE
    assert at.refused() == {"https://api.unfiled.test": domains.UNFILED}
    at.desk.control.change_host("api.unfiled.test", filed=1)
    with at.desk.session() as db:
        item = domains.start_missing(db, load_program(db, at.desk.program.id), who=at.desk.alice)
    at.ended(item)
    assert at.states()["requestdomain", "https://api.unfiled.test"] is DomainState.EFFECTIVE


def test_another_way_is_carried_out_for_the_same_addresses(at: Domains) -> None:
    at.register("example.com", "h5.example.com")
    typed = {"requestdomain": "api.example.com", "webviewdomain": "h5.example.com"}
    at.set(**typed)
    assert at.ways() == {API: ["third"], H5: ["third"]}
    at.desk.control.fail_next("modifyServerDomainDirectly", 45082)
    item = at.set(DomainWay.DIRECT, **typed)
    assert item is not None
    assert (item.status, item.errcode) == (ItemStatus.FAILED, 45082)
    assert at.ways() == {API: ["third"], H5: ["direct", "third"]}
    with at.desk.session() as db:
        item = domains.start_missing(db, load_program(db, at.desk.program.id), who=at.desk.alice)
    assert at.ended(item).status == ItemStatus.DONE
    assert at.ways() == {API: ["direct", "third"], H5: ["direct", "third"]}
    assert at.set(DomainWay.DIRECT, **typed) is None


def test_the_way_stays_when_its_month_is_used_up(at: Domains) -> None:
    at.register("example.com")
    at.desk.control.fail_next("modifyServerDomainDirectly", 86102)
    at.set(DomainWay.DIRECT, requestdomain="other.example.com")
    at.set(DomainWay.LISTED, requestdomain="api.example.com")
    with pytest.raises(Conflict, match="已用完"):
        at.set(DomainWay.DIRECT, requestdomain="api.example.com")
    with at.desk.session() as db:
        assert load_program(db, at.desk.program.id).domain_way == DomainWay.LISTED


def test_one_kind_is_set_although_the_other_is_refused(at: Domains) -> None:
    at.register("", "h5.example.com")
    item = at.set(DomainWay.DIRECT, requestdomain="api.unfiled.test", webviewdomain="h5.example.com")
    assert item is not None
    assert (item.status, item.errcode) == (ItemStatus.FAILED, 45082)
    assert at.states()["webviewdomain", H5] is DomainState.EFFECTIVE


def test_a_directly_set_business_domain_needs_its_check_file(at: Domains) -> None:
    at.desk.control.change_host("shop.example.com", check_file=0)
    item = at.set(DomainWay.DIRECT, webviewdomain="shop.example.com h5.example.com")
    assert item is not None
    assert (item.status, item.errcode) == (ItemStatus.FAILED, 86103)
    assert at.states()["webviewdomain", H5] is DomainState.EFFECTIVE
    assert at.refused() == {"https://shop.example.com": domains.NO_CHECK_FILE}
    with at.desk.session() as db:
        found = platform.check_file_of(db, at.desk.program.id)
        assert found is not None
    at.desk.control.change_host("shop.example.com", check_file=1)
    item = at.set(DomainWay.DIRECT, webviewdomain="shop.example.com h5.example.com")
    assert item is not None
    assert item.status == ItemStatus.DONE


def test_when_the_month_is_used_up_nothing_is_sent(at: Domains) -> None:
    at.register("example.com")
    at.desk.control.fail_next("modifyServerDomain", 86102)
    item = at.set(requestdomain="api.example.com")
    assert item is not None
    assert (item.status, item.errcode, at.left("server_domain_month")) == (ItemStatus.FAILED, 86102, 0)
    with pytest.raises(Conflict, match="已用完"):
        at.set(requestdomain="api.example.com cdn.example.com")
    assert at.states().keys() == {("requestdomain", API)}
    at.register("example.com", "h5.example.com")
    item = at.set(requestdomain="api.example.com", webviewdomain="h5.example.com")
    assert item is not None
    assert (item.status, at.desk.counts().get("modifyServerDomain", 0)) == (ItemStatus.DONE, 0)
    assert at.set(requestdomain="", webviewdomain="h5.example.com") is None
    assert at.states() == {("webviewdomain", H5): DomainState.EFFECTIVE}


def test_the_component_apps_month_can_be_used_up_too(at: Domains, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAIBAN_WECHAT_LIMITS", '{"platform_domain_month": 1}')
    settings.cache_clear()
    at.register("example.com")
    with pytest.raises(Conflict, match="已用完"):
        at.register("example.com example.org")
    assert at.register("example.com", "h5.example.com").status == ItemStatus.DONE


def test_the_first_reading_takes_what_it_finds_for_wished(at: Domains) -> None:
    at.register("example.com")
    at.set(requestdomain="api.example.com")
    with at.desk.session() as db:
        program = load_program(db, at.desk.program.id)
        for row in domains_of(db, program.id):
            db.delete(row)
        program.domains_read_at = None
    assert at.read().status == ItemStatus.DONE
    assert at.states() == {("requestdomain", API): DomainState.EFFECTIVE}
    with at.desk.session() as db:
        db.delete(domains_of(db, at.desk.program.id)[0])
    at.read()
    assert at.states() == {("requestdomain", API): DomainState.EXTRA}


def test_a_selection_gets_domains_and_keeps_its_own(at: Domains) -> None:
    at.register("example.com")
    at.set(requestdomain="own.example.com")
    with at.desk.session() as db:
        subject = Subject(at.desk.program.id, "梅记茶铺")
        params = domains.addition({"requestdomain": "api.example.com", "udpdomain": ""})
        start_batch(db, domains.CHANGE, [subject], who=at.desk.alice, params=params)
    at.desk.run_jobs()
    assert at.states().keys() == {("requestdomain", API), ("requestdomain", "https://own.example.com")}
    with at.desk.session() as db:
        params = domains.removal({"requestdomain": "own.example.com other.example.com"})
        start_batch(db, domains.CHANGE, [subject], who=at.desk.alice, params=params)
    at.desk.run_jobs()
    assert at.states().keys() == {("requestdomain", API)}
    with pytest.raises(Invalid, match="至少"):
        domains.addition({"requestdomain": " "})


def test_input_is_refused_at_its_field_and_nothing_is_sent(at: Domains) -> None:
    typed, way = {"udpdomain": "a.example.com/x"}, DomainWay.LISTED
    with at.desk.session() as db, pytest.raises(Invalid, match="路径") as refused:
        domains.plan_change(db, load_program(db, at.desk.program.id), typed, way=way)
    assert refused.value.field == "udpdomain"
    assert at.desk.counts().get("modifyServerDomain", 0) == 0
