"""The pages of the calendar, and its secret address."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import structlog

from saas import clock
from saas.programs.words import Word
from tests.agenda.conftest import Fleet, fleet  # noqa: F401 - a fixture
from tests.agenda.test_deadlines import own, today
from tests.web.conftest import Browser

Open = Callable[[str], Browser]


def test_an_empty_month_says_so(browser: Open) -> None:
    page = browser("bob").text("/p/alice/calendar")
    assert "没有要到期的" in page
    assert "添加日期" not in page


def test_a_month_shows_its_days_and_a_day_its_list(browser: Open, fleet: Fleet) -> None:  # noqa: F811
    program = fleet.add(Word.CERTIFIED, due=24 * 40, name="梅记茶铺", online=True)
    day = (clock.now() + timedelta(days=40)).date()
    alice = browser("alice")
    month = alice.text(f"/p/alice/calendar?month={day:%Y-%m}")
    assert "认证到期 1" in month
    assert f"/p/alice/programs/{program.id}/certification" in month
    assert "没有要到期的" in alice.text(f"/p/alice/calendar?month={day:%Y-%m}&kind=own")
    listed = alice.text(f"/p/alice/calendar?day={day.isoformat()}") + alice.text(
        f"/p/alice/calendar?day={(day + timedelta(days=1)).isoformat()}"
    )  # the provider's day may be the next one
    assert "梅记茶铺" in listed
    for nonsense in ("month=2026-99", "day=x&after=y", "kind=nope&month="):
        assert alice.get(f"/p/alice/calendar?{nonsense}").status_code == 200


def test_dates_of_our_own_come_and_go(browser: Open, fleet: Fleet) -> None:  # noqa: F811
    alice, day = browser("alice"), today() + timedelta(days=4)
    wrong = alice.post("/p/alice/calendar/dates/new", {"title": "", "day": day.isoformat()})
    assert wrong.status_code == 422
    program = fleet.add(name="梅记茶铺")
    form = {"title": "食品经营许可证", "day": day.isoformat(), "note": "换证要 20 天"}
    assert alice.post(f"/p/alice/calendar/dates/new?program={program.id}", form).status_code == 303
    page = alice.text(f"/p/alice/calendar?day={day.isoformat()}")
    assert "食品经营许可证" in page
    assert "梅记茶铺" in page
    address = re.search(r"/p/alice/calendar/dates/[0-9a-f-]{36}", page)
    assert address
    assert "换证要 20 天" in alice.text(address[0])
    later = {**form, "day": (day + timedelta(days=1)).isoformat()}
    assert alice.post(address[0], later).status_code == 303
    assert alice.post(f"{address[0]}/finish").status_code == 303
    assert "食品经营许可证" not in alice.text(f"/p/alice/calendar?day={later['day']}")


def test_when_to_be_told_is_decided_by_those_who_manage(browser: Open) -> None:
    alice, here = browser("alice"), "/p/alice/calendar/settings"
    assert 'value="60 30 7"' in alice.text(here)
    wrong = alice.post(here, {"sent": "1", "certificate": "dreißig"})
    assert wrong.status_code == 422
    assert "请填写天数" in wrong.get_data(as_text=True)
    assert alice.post(here, {"sent": "1", "certificate": "90，14"}).status_code == 303
    assert 'value="90 14"' in alice.text(here)
    assert browser("max").get(here).status_code == 403


def test_whoever_has_the_secret_address_reads_until_it_is_revoked(
    browser: Open, anonymous: Browser, fleet: Fleet  # noqa: F811
) -> None:  # fmt: skip
    own(fleet, "许可证到期", 5)
    fleet.add(Word.CERTIFIED, due=24 * 9, name="梅记茶铺", online=True)
    alice = browser("alice")
    assert alice.post("/p/alice/calendar/feed").status_code == 303
    found = re.search(r"(/calendar/[\w-]+\.ics)", alice.text("/p/alice/calendar"))
    assert found
    answer = anonymous.get(found[1])
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/calendar")
    whole = answer.get_data(as_text=True).replace("\r\n ", "")
    assert "SUMMARY:许可证到期" in whole
    assert "SUMMARY:认证到期：梅记茶铺" in whole
    assert whole.count("BEGIN:VEVENT") == 2
    assert "http://localhost:8000/p/alice/calendar?month=" in whole
    assert alice.post("/p/alice/calendar/feed/revoke").status_code == 303
    assert anonymous.get(found[1]).status_code == 404
    assert anonymous.get("/calendar/guess.ics").status_code == 404


def test_the_secret_address_stays_out_of_the_logs_and_is_asked_for_thirty_times_an_hour(
    browser: Open, anonymous: Browser
) -> None:
    alice = browser("alice")
    alice.post("/p/alice/calendar/feed")
    found = re.search(r"(/calendar/[\w-]+\.ics)", alice.text("/p/alice/calendar"))
    assert found
    assert {anonymous.get(found[1]).status_code for _ in range(30)} == {200}
    assert anonymous.get(found[1]).status_code == 429
    assert structlog.contextvars.get_contextvars()["path"] == "/calendar/<feed_token>.ics"
    assert anonymous.get("/calendar/anothers.ics").status_code == 404  # from the same place
