"""The activity log's page: filters, paging, and whose log it is."""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlalchemy import event

from saas import db as database
from saas.db import tenant_session
from saas.tenants import activity
from saas.tenants.access import system
from saas.tenants.models import Merchant
from tests.cast import Cast
from tests.web.conftest import Browser

Browsers = Callable[[str], Browser]


def note(cast: Cast, name: str, verb: str, **kwargs: object) -> None:
    with tenant_session(cast.who[name].provider_id) as db:
        activity.record(db, cast.who[name], verb, **kwargs)  # type: ignore[arg-type]


def test_each_provider_sees_its_own_log(browser: Browsers, cast: Cast) -> None:
    note(cast, "alice", "merchant.add", detail={"reason": "alices-only"})
    note(cast, "charlie", "merchant.add", detail={"reason": "charlies-only"})
    page = browser("bob").text("/p/alice/activity")
    assert "alices-only" in page
    assert "charlies-only" not in page
    assert browser("charlie").get("/p/alice/activity").status_code == 404
    assert browser("mei").get("/p/alice/activity").status_code == 404


def test_an_entry_names_person_object_and_origin(browser: Browsers, cast: Cast) -> None:
    with tenant_session(cast.alices) as db:
        merchant = db.get_one(Merchant, cast.meis)
        activity.record(db, cast.who["alice"], "merchant.archive", merchant)
        activity.record(db, system(cast.alices), "program.audit.rejected", outcome="failed")
    page = browser("alice").text("/p/alice/activity")
    for text in ("归档商家", "Alice", "梅记茶铺", f"/p/alice/merchants/{cast.meis}", "审核不通过", "系统", "失败"):
        assert text in page


def test_the_log_is_filtered_by_person_and_area(browser: Browsers, cast: Cast) -> None:
    note(cast, "alice", "merchant.add", detail={"reason": "note-1"})
    note(cast, "anna", "merchant.edit", detail={"reason": "note-2"})
    note(cast, "anna", "template.add", detail={"reason": "note-3"})
    page = browser("alice").text("/p/alice/activity?q=Anna&area=merchant")
    assert [reason in page for reason in ("note-1", "note-2", "note-3")] == [False, True, False]
    assert "没有符合条件的记录" in browser("alice").text("/p/alice/activity?q=%25")
    assert browser("alice").get("/p/alice/activity?area='&before=x").status_code == 200


def test_pages_follow_one_another_without_gaps_or_repeats(browser: Browsers, cast: Cast) -> None:
    with tenant_session(cast.alices) as db:
        for number in range(120):
            activity.record(db, cast.who["max"], "merchant.edit", detail={"reason": f"entry-{number:03}"})
            db.flush()
    seen: list[str] = []
    path = "/p/alice/activity?q=Max&area=merchant"
    for _ in range(4):
        page = browser("alice").text(path)
        seen += re.findall(r"entry-\d{3}", page)
        following = re.search(r'href="([^"]+)" rel="next"', page)
        if following is None:
            break
        path = following[1].replace("&amp;", "&")
    assert seen == [f"entry-{number:03}" for number in reversed(range(120))]


def test_a_page_costs_the_same_number_of_queries_for_one_entry_and_for_fifty(browser: Browsers, cast: Cast) -> None:
    def count() -> int:
        statements: list[str] = []
        engines = [database.engine("tenant"), database.engine("platform")]

        def add(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
            statements.append(statement)

        for engine in engines:
            event.listen(engine, "before_cursor_execute", add)
        browser("alice").text("/p/alice/activity")
        for engine in engines:
            event.remove(engine, "before_cursor_execute", add)
        return len(statements)

    note(cast, "alice", "merchant.add")
    browser("alice").text("/p/alice/activity")
    one = count()
    for _ in range(49):
        note(cast, "alice", "merchant.add")
    assert count() == one
