"""A provider settles what a merchant asks about her data."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from saas.db import tenant_session
from saas.onboarding.data_requests import ask_for_deletion
from saas.onboarding.kept_data import ERASABLE
from saas.programs.filing_models import Filing, FilingStatus
from saas.tenants.merchants import load_merchant
from tests.cast import Cast
from tests.onboarding.scenes import Scene, scene
from tests.onboarding.test_data_exports import fill
from tests.web.conftest import Browser

__all__ = ["scene"]
Open = Callable[[str], Browser]


@pytest.fixture
def asked(scene: Scene) -> str:
    """A request of mei's, and the address of its page."""
    fill(scene)
    with scene.session() as db:
        ask_for_deletion(db, load_merchant(db, scene.cast.meis), "不做了", who=scene.cast.who["mei"])
    return f"/p/alice/merchants/{scene.cast.meis}/data-request"


def test_the_request_is_seen_wherever_the_provider_looks(asked: str, cast: Cast, browser: Open) -> None:
    alice = browser("alice")
    for path in ("/p/alice/", "/p/alice/merchants", f"/p/alice/merchants/{cast.meis}"):
        assert asked in alice.text(path), path
    assert "不做了" in alice.text(asked)


def test_the_preview_says_what_goes_and_what_stays(asked: str, browser: Open) -> None:
    text = browser("alice").text(f"{asked}/erase")
    assert text.count('name="groups"') == text.count(" checked") == len(ERASABLE)
    assert "会保留" in text
    for secret in ("13900001111", "陈梅", "林小燕"):
        assert secret not in text


def test_all_is_deleted_once_her_name_is_typed(asked: str, cast: Cast, browser: Open) -> None:
    alice, groups = browser("alice"), [group.value for group in ERASABLE]
    assert alice.post(f"{asked}/erase", {"groups": groups, "typed": "梅记"}).status_code == 422
    with tenant_session(cast.alices) as db:
        assert load_merchant(db, cast.meis).legal_name == "陈梅"
    assert alice.post(f"{asked}/erase", {"groups": groups, "typed": "梅记茶铺"}).location == asked
    with tenant_session(cast.alices) as db:
        assert load_merchant(db, cast.meis).legal_name == ""
    assert alice.post(f"{asked}/erase", {"groups": groups, "typed": "梅记茶铺"}).location == asked, "once is enough"
    assert "已全部删除" in alice.text(asked)
    assert asked not in alice.text("/p/alice/")
    mei = browser("mei")
    assert "您的资料已经删除" in mei.text("/m/alice/notices")
    assert "已删除" in mei.text(f"/m/alice/data/{cast.meis}")


def test_a_part_wants_a_reason(asked: str, browser: Open) -> None:
    alice, some = browser("alice"), {"groups": ["contact"], "typed": "梅记茶铺"}
    refused = alice.post(f"{asked}/erase", some)
    assert refused.status_code == 422
    assert refused.get_data(as_text=True).count(" checked") == 1, "what was chosen is kept"
    assert alice.post(f"{asked}/erase", {"typed": "梅记茶铺"}).status_code == 422
    assert alice.post(f"{asked}/erase", {**some, "answer": "备案要保留"}).status_code == 303
    assert "已删除一部分" in alice.text(asked)


def test_while_something_is_under_way_there_is_no_button(asked: str, scene: Scene, browser: Open) -> None:
    scene.change(Filing, status=FilingStatus.SMS)
    alice, everything = browser("alice"), {"groups": [one.value for one in ERASABLE], "typed": "梅记茶铺"}
    text = alice.text(asked)
    assert "梅记点单: 备案" in text
    assert f"{asked}/erase" not in text
    assert alice.post(f"{asked}/erase", everything).status_code == 303
    assert "现在不能删除" in alice.text(f"{asked}/erase")
    with scene.session() as db:
        assert load_merchant(db, scene.cast.meis).legal_name == "陈梅"


def test_refusing(asked: str, cast: Cast, browser: Open) -> None:
    alice = browser("alice")
    assert alice.post(f"{asked}/refuse").status_code == 422
    assert alice.post(f"{asked}/refuse", {"answer": "合同还没结束"}).location == asked
    assert alice.post(f"{asked}/refuse", {"answer": "再一次"}).location == asked, "settled already"
    assert "合同还没结束" in browser("mei").text(f"/m/alice/data/{cast.meis}")


def test_who_may_not(asked: str, browser: Open) -> None:
    assert browser("bob").get(asked).status_code == 200
    assert f"{asked}/erase" not in browser("bob").text(asked)
    assert browser("bob").post(f"{asked}/refuse", {"answer": "不"}).status_code == 403
    for name in ("charlie", "mei", "ming"):
        assert browser(name).get(asked).status_code == 404
        assert browser(name).post(f"{asked}/erase").status_code == 404
