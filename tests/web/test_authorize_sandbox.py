"""A merchant's authorization at a real sandbox: our pages, WeChat's pages, real pushes, real jobs."""

# ruff: noqa: F811 - fixtures are imported and used by name

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from saas.components.models import ComponentApp
from saas.config import settings
from saas.db import tenant_session
from saas.programs.models import AuthorizationStatus, Program
from saas.sandbox.control import SandboxControl, SandboxRefused
from tests.cast import Cast
from tests.web.conftest import Browser
from tests.web.test_components_sandbox import connect, control, site, work  # noqa: F401

Open = Callable[[str], Browser]
RunJobs = Callable[..., list[str]]


@pytest.fixture
def component(
    browser: Open, cast: Cast, control: SandboxControl, run_jobs: RunJobs, monkeypatch: pytest.MonkeyPatch
) -> ComponentApp:
    """Alice's component app, connected; WeChat's pages are the sandbox's, too."""
    monkeypatch.setenv("DAIBAN_WECHAT_MP_URL", control.base_url)
    monkeypatch.setenv("DAIBAN_WECHAT_OPEN_URL", control.base_url)
    settings.cache_clear()
    made = connect(browser, control, cast)
    control.push_ticket(made.appid)
    work(control, made, run_jobs)
    return made


def make_link(browser: Open, cast: Cast, component: ComponentApp, program: str = "") -> str:
    """The path of a new link for mei, as alice's page shows it."""
    answer = browser("alice").post(
        f"/p/alice/merchants/{cast.meis}/links/new",
        {"component_id": str(component.id), "program_id": program, "days": "7"},
    )
    text = browser("alice").text(answer.location)
    return urlsplit(text.split('data-copy="', 1)[1].split('"', 1)[0]).path


def programs(cast: Cast) -> dict[str, Program]:
    with tenant_session(cast.alices) as db:
        return {program.name: program for program in db.scalars(select(Program))}


def came_back(browser: Browser, address: str) -> str:
    """Follow WeChat's redirect into our page; the path of the progress page."""
    parts = urlsplit(address)
    answer = browser.get(f"{parts.path}?{parts.query}")
    assert answer.status_code == 303
    return str(answer.location)


@pytest.mark.parametrize("device", ["computer", "phone"])
@pytest.mark.parametrize("lost", ["", "event", "browser"])
def test_the_merchant_authorizes(
    browser: Open, cast: Cast, component: ComponentApp, control: SandboxControl, run_jobs: RunJobs, device: str,
    lost: str,
) -> None:  # fmt: skip
    path, merchant = make_link(browser, cast, component), browser("")
    if lost == "event":
        control.drop_pushes(component.appid, event="authorized")
    else:
        control.duplicate_pushes(component.appid, event="authorized")
    address = merchant.post(f"{path}/open", {"device": device}).location
    back = control.authorize(address, person="梅姐", account="梅记茶铺")
    if lost == "event":
        came_back(merchant, back)
    elif lost == "browser":
        work(control, component, run_jobs)
    else:
        control.wait_for_pushes(component_appid=component.appid)
        came_back(merchant, back)
    work(control, component, run_jobs)
    text = merchant.text(f"{path}/progress")
    assert "授权成功" in text
    program = programs(cast)["梅记茶铺"]
    assert program.merchant_id == cast.meis
    assert 18 in program.permission_sets
    assert program.avatar_file_id is not None
    assert "梅记茶铺" in browser("mei").text("/m/alice/")
    assert control.counts(component_appid=component.appid)["getAuthorizerRefreshToken"] == 1
    assert control.mistakes(component_appid=component.appid) == []


def test_a_withdrawal_shows_on_all_pages_and_authorizing_again_heals_it(
    browser: Open, cast: Cast, component: ComponentApp, control: SandboxControl, run_jobs: RunJobs
) -> None:
    merchant = browser("")
    path = make_link(browser, cast, component)
    back = control.authorize(
        merchant.post(f"{path}/open", {"device": "phone"}).location, person="梅姐", account="梅记茶铺"
    )
    came_back(merchant, back)
    work(control, component, run_jobs)
    program = programs(cast)["梅记茶铺"]
    control.move_clock(60)
    control.revoke(component.appid, program.appid)
    work(control, component, run_jobs)
    assert programs(cast)["梅记茶铺"].authorization == AuthorizationStatus.UNAUTHORIZED
    assert "授权已取消" in browser("alice").text(f"/p/alice/programs/{program.id}")
    assert "等您授权" in browser("mei").text("/m/alice/")
    path = make_link(browser, cast, component, program=str(program.id))
    address = merchant.post(f"{path}/open", {"device": "computer"}).location
    with pytest.raises(SandboxRefused):
        control.authorize(address, person="小明", account="明明书店")
    came_back(merchant, control.authorize(address, person="梅姐", account="梅记茶铺"))
    work(control, component, run_jobs)
    assert programs(cast)["梅记茶铺"].authorization == AuthorizationStatus.AUTHORIZED
    assert control.mistakes(component_appid=component.appid) == []


def test_an_unticked_set_is_pointed_out(
    browser: Open, cast: Cast, component: ComponentApp, control: SandboxControl, run_jobs: RunJobs
) -> None:
    merchant, path = browser(""), make_link(browser, cast, component)
    address = merchant.post(f"{path}/open", {"device": "phone"}).location
    came_back(merchant, control.authorize(address, person="梅姐", account="梅记茶铺", permission_sets=[17, 30]))
    work(control, component, run_jobs)
    program = programs(cast)["梅记茶铺"]
    assert "缺少必需的权限" in browser("alice").text(f"/p/alice/programs/{program.id}")
    assert "缺权限" in browser("alice").text("/p/alice/programs?lacking=essential")


def test_wechat_that_hangs_up_after_the_exchange_loses_nothing(
    browser: Open, cast: Cast, component: ComponentApp, control: SandboxControl, run_jobs: RunJobs
) -> None:
    merchant, path = browser(""), make_link(browser, cast, component)
    control.cut_next("getAuthorizerRefreshToken")
    address = merchant.post(f"{path}/open", {"device": "phone"}).location
    came_back(merchant, control.authorize(address, person="梅姐", account="梅记茶铺"))
    control.wait_for_pushes(component_appid=component.appid)
    run_jobs(wait=120)
    assert "授权成功" in merchant.text(f"{path}/progress")
    assert programs(cast)["梅记茶铺"].merchant_id == cast.meis
