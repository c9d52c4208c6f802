"""A provider's settings: its name, its time zone, its contact."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from saas.db import platform_session
from saas.tenants.models import Activity, Provider
from tests.cast import Cast
from tests.web.conftest import Browser

Browsers = Callable[[str], Browser]
GOOD = {"name": "爱丽服务（上海）", "time_zone": "Asia/Tokyo", "contact": "微信 alice-sh"}


def provider() -> Provider:
    with platform_session("test") as db:
        return db.scalars(select(Provider).where(Provider.slug == "alice")).one()


@pytest.mark.parametrize(
    ("name", "status"), [("alice", 200), ("anna", 200), ("max", 403), ("bob", 403), ("charlie", 404)]
)
def test_only_managers_see_and_change_settings(browser: Browsers, cast: Cast, name: str, status: int) -> None:
    assert browser(name).get("/p/alice/settings").status_code == status
    assert browser(name).post("/p/alice/settings", GOOD).status_code == (303 if status == 200 else status)
    assert (provider().name == GOOD["name"]) is (status == 200)


def test_settings_are_saved_logged_and_shown(browser: Browsers, cast: Cast) -> None:
    alice = browser("alice")
    assert alice.post("/p/alice/settings", GOOD).status_code == 303
    assert "爱丽服务（上海）" in alice.text("/p/alice/settings")
    with platform_session("test") as db:
        entry = db.scalars(select(Activity)).one()
    assert (entry.verb, entry.detail) == ("provider.change_settings", {"changed": ["name", "time_zone", "contact"]})
    alice.post("/p/alice/settings", GOOD)
    with platform_session("test") as db:
        assert len(db.scalars(select(Activity)).all()) == 1


def test_times_follow_the_providers_zone(browser: Browsers, cast: Cast) -> None:
    alice = browser("alice")
    alice.post("/p/alice/settings", {**GOOD, "time_zone": "UTC"})
    created = provider().created_at.strftime("%Y-%m-%d %H:%M")
    assert created in alice.text("/p/alice/settings")


@pytest.mark.parametrize(
    "bad", [{"name": ""}, {"name": "x" * 51}, {"name": "领奖 http://evil.example"}, {"time_zone": "Mars/Olympus"}]
)
def test_bad_input_is_named_and_changes_nothing(browser: Browsers, cast: Cast, bad: dict[str, str]) -> None:
    answer = browser("alice").post("/p/alice/settings", {**GOOD, **bad})
    assert answer.status_code == 422
    assert "is-invalid" in answer.get_data(as_text=True)
    assert provider().name == "爱丽服务"
