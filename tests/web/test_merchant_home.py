"""A merchant's own pages: her programs and where they stand, her open links; who may answer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from saas import clock
from saas.components.models import ComponentApp
from saas.db import tenant_session
from saas.programs.models import AuthorizationLink, Program
from tests.cast import Cast
from tests.programs.conftest import Desk
from tests.web.conftest import Browser

Open = Callable[[str], Browser]


@pytest.fixture
def component(cast: Cast) -> ComponentApp:
    with tenant_session(cast.alices) as db:
        row = ComponentApp(provider_id=cast.alices, key="alicekey", name="爱丽平台", appid="wx8a2b1c3d4e5f6071")
        db.add(row)
    return row


@pytest.fixture
def link(cast: Cast, component: ComponentApp, run_jobs: Callable[..., list[str]]) -> AuthorizationLink:
    return Desk(cast, component, run_jobs).link()


def test_mei_sees_hers_and_nothing_else(browser: Open, cast: Cast, component: ComponentApp) -> None:
    with tenant_session(cast.alices) as db:
        for appid, name, merchant_id in (("wx1", "梅记点单", cast.meis), ("wx2", "别家商城", None)):
            db.add(
                Program(
                    provider_id=cast.alices, component_id=component.id, appid=appid, name=name,
                    merchant_id=merchant_id, authorized_at=clock.now(),
                )
            )  # fmt: skip
    text = browser("mei").text("/m/alice/")
    assert "梅记点单" in text
    assert "别家商城" not in text
    assert "未上传代码" in text


def test_mei_goes_on_to_authorize_from_her_page(browser: Open, link: AuthorizationLink) -> None:
    mei = browser("mei")
    assert "去授权" in mei.text("/m/alice/")
    answer = mei.post(f"/m/alice/links/{link.id}/authorize")
    assert answer.status_code == 303
    assert answer.location == f"/m/alice/authorize/{link.token}"
    assert mei.get(answer.location).status_code == 200


def test_of_several_links_for_one_purpose_the_newest_is_offered(
    browser: Open, cast: Cast, component: ComponentApp, run_jobs: Callable[..., list[str]]
) -> None:
    desk = Desk(cast, component, run_jobs)
    old, new = desk.link(), desk.link()
    text = browser("mei").text("/m/alice/")
    assert str(new.id) in text
    assert str(old.id) not in text


def test_hana_sees_no_button_and_gets_403(browser: Open, link: AuthorizationLink) -> None:
    hana = browser("hana")
    text = hana.text("/m/alice/")
    assert "去授权" not in text
    assert link.token not in text
    assert hana.post(f"/m/alice/links/{link.id}/authorize").status_code == 403


def test_nobody_elses_merchant_comes_in(browser: Open, link: AuthorizationLink) -> None:
    path = f"/m/alice/links/{link.id}/authorize"
    for name in ("ming", "charlie", "alice"):
        assert browser(name).get("/m/alice/").status_code == 404
        assert browser(name).post(path).status_code == 404
    assert browser("ming").get("/m/charlie/").status_code == 200
    assert browser("ming").post(f"/m/charlie/links/{link.id}/authorize").status_code == 404
    assert browser("").get("/m/alice/").status_code == 303


def test_an_empty_page_says_what_will_come(browser: Open, cast: Cast) -> None:
    assert "还没有小程序" in browser("mei").text("/m/alice/")
