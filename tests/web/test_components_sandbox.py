"""Component apps at a real sandbox: real pushes over HTTP into the real pages, worked on by real jobs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.serving import make_server

from saas.components.access import load_component
from saas.components.models import AccessTokenRow, Callback, ComponentApp, ComponentStatus, FleetImport, RefreshToken
from saas.components.wechat import component_tokens
from saas.config import settings
from saas.db import tenant_session
from saas.programs.models import AuthorizationStatus, Program
from saas.sandbox.control import SandboxControl
from saas.sandbox.server import RunningSandbox
from saas.tenants.tasks import open_tasks
from saas.wx.errors import NotAuthorized, RefreshTokenInvalid
from tests.cast import Cast
from tests.web.conftest import Browser

Browsers = Callable[[str], Browser]


@pytest.fixture
def site(app: Flask, cast: Cast, tmp_path: Path, home: Path, move_clock: object) -> Iterator[str]:
    """Our pages on a real port, for the sandbox to push to."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    with (
        RunningSandbox(tmp_path / "sandbox.sqlite", clock_file=home / "clock") as sandbox,
        pytest.MonkeyPatch.context() as environment,
    ):
        environment.setenv("DAIBAN_PUBLIC_URL", f"http://127.0.0.1:{server.server_port}")
        environment.setenv("DAIBAN_WECHAT_API_URL", sandbox.url)
        environment.setenv("DAIBAN_WECHAT_CALLS_PER_SECOND", "100000")
        settings.cache_clear()
        yield sandbox.url
    settings.cache_clear()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def control(site: str) -> Iterator[SandboxControl]:
    with SandboxControl(site) as control:
        yield control


def connect(browser: Browsers, control: SandboxControl, cast: Cast, **values: Any) -> ComponentApp:
    """Alice enters what WeChat's console shows, then enters our addresses there."""
    made = control.create_component(**{key: value for key, value in values.items() if key != "secret"})
    fields = {name: made[name] for name in ("appid", "secret", "token", "aes_key")} | {"name": "爱丽平台", **values}
    fields = {name: fields[name] for name in ("name", "appid", "secret", "token", "aes_key")}
    response = browser("alice").post("/p/alice/components/new", fields)
    assert response.status_code == 303
    with tenant_session(cast.alices) as db:
        component = db.scalars(select(ComponentApp)).one()
    base = settings().public_url
    control.change_component(
        made["appid"], events_url=f"{base}/wx/{component.key}/events",
        messages_url=f"{base}/wx/{component.key}/$APPID$/messages",
    )  # fmt: skip
    return component


def work(control: SandboxControl, component: ComponentApp, run_jobs: Callable[..., list[str]]) -> None:
    """Let the pushes arrive and the jobs run, until neither is left."""
    while run_jobs() or control.wait_for_pushes(component_appid=component.appid) or run_jobs():
        pass


def now(component: ComponentApp) -> ComponentApp:
    with tenant_session(component.provider_id) as db:
        return load_component(db, component.id)


def shown(browser: Browsers, component: ComponentApp) -> str:
    return browser("alice").text(f"/p/alice/components/{component.id}")


def test_from_entering_the_credentials_to_all_green(
    browser: Browsers, control: SandboxControl, cast: Cast, run_jobs: Callable[..., list[str]]
) -> None:
    component = connect(browser, control, cast)
    work(control, component, run_jobs)
    assert now(component).status == ComponentStatus.READY
    page = shown(browser, component)
    assert "全部通过" in page
    assert "step-todo" not in page
    assert control.mistakes() == []


def test_a_wrong_secret_is_explained_and_mended(
    browser: Browsers, control: SandboxControl, cast: Cast, run_jobs: Callable[..., list[str]]
) -> None:
    component = connect(browser, control, cast, secret="0" * 32)
    work(control, component, run_jobs)
    assert now(component).status == ComponentStatus.FAULTY
    assert "AppSecret 不正确" in shown(browser, component)
    secret = next(one["secret"] for one in control.components() if one["appid"] == component.appid)
    browser("alice").post(f"/p/alice/components/{component.id}/edit", {"name": "爱丽平台", "secret": secret})
    work(control, component, run_jobs)
    assert "全部通过" in shown(browser, component)


def test_an_address_missing_on_the_ip_list_is_named(
    browser: Browsers, control: SandboxControl, cast: Cast, run_jobs: Callable[..., list[str]]
) -> None:
    component = connect(browser, control, cast, ip_whitelist=["203.0.113.7"])
    work(control, component, run_jobs)
    assert now(component).refused_ip == "127.0.0.1"
    assert "127.0.0.1 的请求" in shown(browser, component)


def test_a_wrong_aes_key_shows_in_the_check_list(
    browser: Browsers, control: SandboxControl, cast: Cast, run_jobs: Callable[..., list[str]]
) -> None:
    component = connect(browser, control, cast)
    control.change_component(component.appid, aes_key="B" * 43)
    control.push_ticket(component.appid)
    control.wait_for_pushes(component_appid=component.appid)
    assert now(component).last_refusal == "key"


def test_repeated_and_forged_pushes_leave_one_row_each_or_none(
    browser: Browsers, control: SandboxControl, cast: Cast, run_jobs: Callable[..., list[str]]
) -> None:
    component = connect(browser, control, cast)
    work(control, component, run_jobs)
    with tenant_session(cast.alices) as db:
        before = db.scalar(select(func.count()).select_from(Callback)) or 0
    control.duplicate_pushes(component.appid)
    control.push_ticket(component.appid)
    control.wait_for_pushes(component_appid=component.appid)
    control.forge_pushes(component.appid)
    control.push_ticket(component.appid)
    control.wait_for_pushes(component_appid=component.appid)
    with tenant_session(cast.alices) as db:
        assert db.scalar(select(func.count()).select_from(Callback)) == before + 1
        assert db.scalar(select(func.max(Callback.times_seen))) == 2
    assert now(component).callbacks_refused >= 1


def test_a_fleet_is_imported_from_the_sandbox(
    browser: Browsers, control: SandboxControl, cast: Cast, run_jobs: Callable[..., list[str]]
) -> None:
    component = connect(browser, control, cast)
    work(control, component, run_jobs)
    appids = control.authorize_fleet(component.appid, 130)
    browser("alice").post(f"/p/alice/components/{component.id}/import")
    work(control, component, run_jobs)
    with tenant_session(cast.alices) as db:
        run = db.scalars(select(FleetImport)).one()
        assert (run.status, run.added, run.failed) == ("done", 130, 0)
        assert set(db.scalars(select(Program.appid))) == set(appids)
        assert db.scalar(select(func.count()).select_from(RefreshToken)) == 130
    assert component_tokens(component).authorizer_token(appids[0])


def imported(
    browser: Browsers, control: SandboxControl, cast: Cast, run_jobs: Callable[..., list[str]]
) -> tuple[ComponentApp, str]:
    component = connect(browser, control, cast)
    work(control, component, run_jobs)
    (appid,) = control.authorize_fleet(component.appid, 1)
    browser("alice").post(f"/p/alice/components/{component.id}/import")
    work(control, component, run_jobs)
    component_tokens(component).authorizer_token(appid)
    return component, appid


def forget_access_token(cast: Cast, appid: str) -> None:
    with tenant_session(cast.alices) as db:
        row = db.scalars(select(AccessTokenRow).where(AccessTokenRow.appid == appid)).one()
        row.value, row.expires_at = "", None


def test_a_void_refresh_token_is_healed_from_the_list(
    browser: Browsers, control: SandboxControl, cast: Cast, run_jobs: Callable[..., list[str]]
) -> None:
    component, appid = imported(browser, control, cast, run_jobs)
    control.void_refresh_token(component.appid, appid)
    forget_access_token(cast, appid)
    assert component_tokens(component).authorizer_token(appid)
    with tenant_session(cast.alices) as db:
        assert db.scalar(select(func.count()).select_from(RefreshToken)) == 2
        assert open_tasks(db) == []


def test_a_refresh_token_void_everywhere_is_lost_with_a_task(
    browser: Browsers, control: SandboxControl, cast: Cast, run_jobs: Callable[..., list[str]]
) -> None:
    component, appid = imported(browser, control, cast, run_jobs)
    control.void_refresh_token(component.appid, appid, renew=False)
    forget_access_token(cast, appid)
    with pytest.raises(RefreshTokenInvalid):
        component_tokens(component).authorizer_token(appid)
    work(control, component, run_jobs)
    with tenant_session(cast.alices) as db:
        assert [task.kind for task in open_tasks(db)] == ["reauthorize"]
        assert db.scalars(select(Program)).one().authorization == AuthorizationStatus.LOST


def test_a_withdrawal_on_the_phone_stops_all_calls(
    browser: Browsers, control: SandboxControl, cast: Cast, run_jobs: Callable[..., list[str]]
) -> None:
    component, appid = imported(browser, control, cast, run_jobs)
    control.revoke(component.appid, appid)
    work(control, component, run_jobs)
    with tenant_session(cast.alices) as db:
        assert db.scalars(select(Program)).one().authorization == AuthorizationStatus.UNAUTHORIZED
    control.reset_counts()
    with pytest.raises(NotAuthorized):
        component_tokens(component).authorizer_token(appid)
    assert control.counts(component_appid=component.appid) == {}


def test_a_refused_component_token_is_replaced_once(
    browser: Browsers, control: SandboxControl, cast: Cast, run_jobs: Callable[..., list[str]]
) -> None:
    component, appid = imported(browser, control, cast, run_jobs)
    control.invalidate_tokens(component.appid)
    control.reset_counts()
    assert component_tokens(component).client.component.api_get_authorizer_info(appid)["authorizer_info"]
    assert control.counts(component_appid=component.appid)["getComponentAccessToken"] == 1


def test_the_full_network_release_check_passes(
    browser: Browsers, control: SandboxControl, cast: Cast, run_jobs: Callable[..., list[str]]
) -> None:
    component = connect(browser, control, cast)
    work(control, component, run_jobs)
    over = threading.Event()

    def worker() -> None:
        while not over.wait(0.05):
            run_jobs()

    thread = threading.Thread(target=worker)
    thread.start()
    try:
        result = control.run_release_check(component.appid)
    finally:
        over.set()
        thread.join()
    assert [case for case in result["cases"] if not case["passed"]] == []
    assert now(component).release_check_at is not None
    with tenant_session(cast.alices) as db:
        assert db.scalars(select(Program)).all() == []
