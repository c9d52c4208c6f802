from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from saas import clock
from saas.components.access import load_component
from saas.components.fleet import start_import
from saas.components.models import Callback, ComponentApp, ComponentStatus, FleetImport, ImportStatus, WeChatCall
from saas.db import tenant_session
from saas.queue import Job
from tests.cast import Cast
from tests.components.conftest import AES_KEY, APPID, SECRET, TOKEN
from tests.components.conftest import component as component
from tests.components.conftest import ready as ready
from tests.web.conftest import Browser

Browsers = Callable[[str], Browser]
FIELDS = {"name": "第二平台", "appid": "wx0000000000000001", "secret": SECRET, "token": TOKEN, "aes_key": AES_KEY}
HTMX = {"HX-Request": "true"}


def page(component: ComponentApp, tail: str = "", slug: str = "alice") -> str:
    return f"/p/{slug}/components/{component.id}{tail}"


def jobs(cast: Cast) -> list[str]:
    with tenant_session(cast.alices) as db:
        return list(db.scalars(select(Job.name)))


def run_of(cast: Cast, component: ComponentApp, **values: object) -> FleetImport:
    with tenant_session(cast.alices) as db:
        row = load_component(db, component.id)
        row.status = ComponentStatus.READY
        run = start_import(db, row, who=cast.who["alice"])
        for name, value in values.items():
            setattr(run, name, value)
    return run


LOOKING = ("", "/traffic", "/release-check")
CHANGING_PAGES = ("/edit", "/import")
CHANGES = ("/edit", "/import")


@pytest.mark.parametrize("tail", LOOKING)
@pytest.mark.parametrize(
    ("person", "status"), [("alice", 200), ("anna", 200), ("max", 200), ("bob", 200), ("charlie", 404), ("", 303)]
)
def test_who_may_look(browser: Browsers, component: ComponentApp, person: str, status: int, tail: str) -> None:
    assert browser(person).get(page(component, tail)).status_code == status


@pytest.mark.parametrize("tail", CHANGING_PAGES)
@pytest.mark.parametrize(
    ("person", "status"), [("alice", 200), ("anna", 200), ("max", 403), ("bob", 403), ("charlie", 404), ("", 303)]
)
def test_who_may_open_the_pages_for_changes(
    browser: Browsers, component: ComponentApp, person: str, status: int, tail: str
) -> None:
    assert browser(person).get(page(component, tail)).status_code == status


@pytest.mark.parametrize("tail", CHANGES)
@pytest.mark.parametrize(("person", "status"), [("max", 403), ("bob", 403), ("charlie", 404), ("", 303)])
def test_who_may_not_change(browser: Browsers, component: ComponentApp, person: str, status: int, tail: str) -> None:
    assert browser(person).post(page(component, tail), {"name": "x"}).status_code == status


@pytest.mark.parametrize(("person", "status"), [("max", 303), ("bob", 403), ("charlie", 404), ("mei", 404)])
def test_who_may_have_it_checked(
    browser: Browsers, cast: Cast, component: ComponentApp, person: str, status: int
) -> None:
    assert browser(person).post(page(component, "/check")).status_code == status
    assert jobs(cast) == (["jobs.components.check"] if status == 303 else [])


def test_charlie_finds_alices_component_under_his_own_address_neither(
    browser: Browsers, component: ComponentApp
) -> None:
    assert browser("charlie").get(page(component, slug="charlie")).status_code == 404


@pytest.mark.parametrize(("person", "status"), [("alice", 200), ("bob", 200), ("charlie", 404), ("", 303)])
def test_who_may_see_the_list(browser: Browsers, component: ComponentApp, person: str, status: int) -> None:
    assert browser(person).get("/p/alice/components").status_code == status


def test_an_empty_list_leads_to_the_wizard_for_those_who_may(browser: Browsers, cast: Cast) -> None:
    assert "/p/alice/components/new" in browser("alice").text("/p/alice/components")
    assert "/p/alice/components/new" not in browser("bob").text("/p/alice/components")
    assert browser("bob").get("/p/alice/components/new").status_code == 403


def test_a_component_app_is_added_and_its_addresses_shown(browser: Browsers, cast: Cast) -> None:
    response = browser("alice").post("/p/alice/components/new", FIELDS)
    assert response.status_code == 303
    shown = browser("alice").text(response.location)
    with tenant_session(cast.alices) as db:
        row = db.scalars(select(ComponentApp)).one()
    assert f"http://localhost:8000/wx/{row.key}/events" in shown
    assert f"http://localhost:8000/wx/{row.key}/$APPID$/messages" in shown
    assert jobs(cast) == ["jobs.components.check"]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("appid", "wx1", "AppID 应为"),
        ("secret", "short", "AppSecret 应为 32 位"),
        ("token", "!", "Token 应为"),
        ("aes_key", "x", "Key 应为 43 位"),
        ("name", "", "请填写这一项"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_saved(
    browser: Browsers, cast: Cast, field: str, value: str, words: str
) -> None:
    response = browser("alice").post("/p/alice/components/new", {**FIELDS, field: value})
    assert response.status_code == 422
    shown = response.get_data(as_text=True)
    assert words in shown
    assert f'id="{field}-error"' in shown
    with tenant_session(cast.alices) as db:
        assert db.scalars(select(ComponentApp)).all() == []


@pytest.mark.parametrize("tail", [*LOOKING, *CHANGING_PAGES])
def test_saved_secrets_are_never_shown_again(browser: Browsers, component: ComponentApp, tail: str) -> None:
    shown = browser("alice").text(page(component, tail))
    for secret in (SECRET, TOKEN, AES_KEY):
        assert secret not in shown


def test_new_credentials_are_saved_and_a_wrong_one_is_named(
    browser: Browsers, cast: Cast, component: ComponentApp
) -> None:
    fields = {"name": "爱丽平台", "secret": "a" * 32, "aes_key": "A" * 43}
    assert browser("alice").post(page(component, "/edit"), fields).status_code == 303
    with tenant_session(cast.alices) as db:
        row = load_component(db, component.id)
        assert (row.secret, row.token, row.aes_key, row.previous_aes_key) == ("a" * 32, TOKEN, "A" * 43, AES_KEY)
    response = browser("alice").post(page(component, "/edit"), {"name": "爱丽平台", "aes_key": "short"})
    assert (response.status_code, "Key 应为 43 位" in response.get_data(as_text=True)) == (422, True)


def test_the_check_list_polls_itself_until_all_is_well(browser: Browsers, cast: Cast, component: ComponentApp) -> None:
    fragment = browser("alice").text(page(component), headers=HTMX)
    assert 'id="check-list"' in fragment
    assert "<html" not in fragment
    assert "hx-get" in fragment
    with tenant_session(cast.alices) as db:
        row = load_component(db, component.id)
        row.status = ComponentStatus.READY
        row.first_ticket_at = row.last_ticket_at = row.last_token_at = clock.now()
    fragment = browser("alice").text(page(component), headers=HTMX)
    assert "hx-get" not in fragment
    assert "step-todo" not in fragment


def test_a_fault_is_explained_with_its_repair(browser: Browsers, cast: Cast, component: ComponentApp) -> None:
    with tenant_session(cast.alices) as db:
        row = load_component(db, component.id)
        row.status, row.last_errcode, row.last_rid = ComponentStatus.FAULTY, 40125, "66-aa"
    shown = browser("alice").text(page(component))
    assert "AppSecret 不正确" in shown
    assert "66-aa" in shown
    with tenant_session(cast.alices) as db:
        row = load_component(db, component.id)
        row.last_errcode, row.refused_ip = 61004, "203.0.113.9"
    assert "203.0.113.9" in browser("alice").text(page(component))


def test_viewers_see_no_buttons_that_they_may_not_use(browser: Browsers, component: ComponentApp) -> None:
    shown = browser("bob").text(page(component))
    for tail in ("/check", "/edit", "/import"):
        assert page(component, tail) not in shown


def test_the_traffic_page_shows_pushes_and_failed_calls_with_rid(
    browser: Browsers, cast: Cast, component: ComponentApp
) -> None:
    assert "没有失败的调用" in browser("alice").text(page(component, "/traffic"))
    with tenant_session(cast.alices) as db:
        place = {"provider_id": cast.alices, "component_id": component.id}
        db.add(Callback(**place, digest=b"1", kind="authorized", appid="wx1"))
        db.add(WeChatCall(**place, operation="commit", errcode=85045, rid="66-bb", ms=3))
        db.add(WeChatCall(**place, operation="getLatestAuditStatus", errcode=None, ms=3, fault="unreachable"))
        db.add(WeChatCall(**place, operation="release", errcode=0, ms=3))
    shown = browser("bob").text(page(component, "/traffic"))
    for words in ("authorized", "85045", "66-bb", "微信没有响应"):
        assert words in shown
    assert "<code>release</code>" not in shown


def test_an_import_shows_its_progress_and_stops_polling_at_the_end(
    browser: Browsers, cast: Cast, component: ComponentApp
) -> None:
    run = run_of(cast, component)
    address = page(component, f"/imports/{run.id}")
    assert "正在读取授权列表" in browser("bob").text(address)
    with tenant_session(cast.alices) as db:
        row = db.scalars(select(FleetImport)).one()
        row.status, row.total, row.offset, row.added = ImportStatus.RUNNING, 250, 100, 98
    fragment = browser("alice").text(address, headers=HTMX)
    assert "100 / 250" in fragment
    assert "hx-get" in fragment
    with tenant_session(cast.alices) as db:
        db.scalars(select(FleetImport)).one().status = ImportStatus.DONE
    fragment = browser("alice").text(address, headers=HTMX)
    assert "导入完成" in fragment
    assert "hx-get" not in fragment
    assert browser("charlie").get(address).status_code == 404


def test_a_failed_import_says_why(browser: Browsers, cast: Cast, component: ComponentApp) -> None:
    run = run_of(cast, component, status=ImportStatus.FAILED, errcode=48001, rid="66-cc", error="api 100% unauthorized")
    shown = browser("alice").text(page(component, f"/imports/{run.id}"))
    assert "66-cc" in shown
    assert "48001" in shown


def test_starting_an_import_leads_to_its_progress_or_says_why_not(
    browser: Browsers, cast: Cast, component: ComponentApp
) -> None:
    refused = browser("alice").post(page(component, "/import"))
    assert refused.location == page(component)
    assert "还没有接通" in browser("alice").text(refused.location)
    run_of(cast, component, status=ImportStatus.DONE)
    started = browser("alice").post(page(component, "/import"))
    assert "/imports/" in started.location


def test_the_screens_speak_english(browser: Browsers, component: ComponentApp) -> None:
    alice = browser("alice")
    alice.client.set_cookie("daiban_language", "en")
    assert "Check list" in alice.text(page(component))
    assert APPID in alice.text("/p/alice/components")
