"""The pages of batches: how one stands, why items failed, the buttons that steer it, the piece that shows one item."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update

from saas.batches.models import Batch, BatchItem, ItemStatus
from saas.batches.starting import Subject, start_batch, start_one
from saas.db import new_id, tenant_session
from saas.failures import WENT_WRONG
from tests.cast import Cast
from tests.web.conftest import Browser

Browsers = Callable[[str], Browser]
HTMX = {"HX-Request": "true"}
REFRESH = "saas.programs.profile.refresh"


@pytest.fixture
def batch(cast: Cast) -> Batch:
    """Ten mini programs to read, of which some have ended."""
    with tenant_session(cast.alices) as db:
        return start_batch(
            db, REFRESH, [Subject(new_id(), f"小程序{n}") for n in range(10)], who=cast.who["alice"]
        )  # fmt: skip


def change(cast: Cast, batch: Batch, number: int, **values: Any) -> None:
    with tenant_session(cast.alices) as db:
        here = (BatchItem.batch_id == batch.id, BatchItem.subject_name == f"小程序{number}")
        db.execute(update(BatchItem).where(*here).values(**values))


def address(batch: Batch, tail: str = "") -> str:
    return f"/p/alice/batches/{batch.id}{tail}"


def test_the_list_shows_batches_and_not_single_items(cast: Cast, browser: Browsers, batch: Batch) -> None:
    with tenant_session(cast.alices) as db:
        start_one(db, REFRESH, Subject(new_id(), "只有一个"), who=cast.who["alice"])
    page = browser("bob").text("/p/alice/batches")
    assert page.count(">读取小程序资料</a>") == 1
    assert "0 / 10" in page
    assert "还没有批量任务" in browser("charlie").text("/p/charlie/batches")


def test_a_running_batch_polls_and_a_finished_one_reloads_its_page(
    cast: Cast, browser: Browsers, batch: Batch
) -> None:  # fmt: skip
    page = browser("alice").get(address(batch), headers=HTMX)
    assert "hx-get" in page.text
    assert "HX-Refresh" not in page.headers
    browser("alice").post(address(batch, "/pause"))
    page = browser("alice").get(address(batch), headers=HTMX)
    assert "hx-get" not in page.text
    assert page.headers["HX-Refresh"] == "true"


def test_failures_are_told_by_cause_with_a_button_for_each(cast: Cast, browser: Browsers, batch: Batch) -> None:
    for number in range(3):
        change(cast, batch, number, status="failed", errcode=61003, operation="getAuthorizerInfo", rid="r-1")
    change(cast, batch, 3, status="failed", error=WENT_WRONG)
    change(cast, batch, 4, status="done", result={"partial": [{"name": "a.example", "why": "失败"}]})
    page = browser("alice").text(address(batch))
    assert page.count("重试这些") == 2
    assert "怎么办：" in page
    assert "a.example：失败" in page
    assert "重试这些" not in browser("bob").text(address(batch))

    browser("alice").post(
        address(batch, "/retry"), {"operation": "", "error": "系统内部出错，已经记录下来；可以再试一次"}
    )
    assert browser("alice").text(address(batch)).count("重试这些") == 1
    browser("alice").post(address(batch, "/retry"), {"operation": "getAuthorizerInfo", "errcode": "61003"})
    assert "失败原因" not in browser("alice").text(address(batch))


def test_items_are_filtered_and_paged(cast: Cast, browser: Browsers, monkeypatch: pytest.MonkeyPatch) -> None:
    from saas.web.provider import batches

    monkeypatch.setattr(batches, "_ITEMS", 4)
    with tenant_session(cast.alices) as db:
        subjects = [Subject(new_id(), f"小程序{n}") for n in range(9)]
        batch = start_batch(db, REFRESH, subjects, who=cast.who["alice"])
    change(cast, batch, 8, status="failed", error="不行")
    path, seen = address(batch), list[str]()
    while path:
        page = browser("alice").text(path)
        seen += [one.name for one in subjects if f">{one.name}</a>" in page]
        path = page.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0] if 'rel="next"' in page else ""
    assert seen == [one.name for one in subjects]
    page = browser("alice").text(address(batch, "?status=failed"))
    assert [one.name for one in subjects if f">{one.name}</a>" in page] == ["小程序8"]


def test_the_buttons_steer_it(cast: Cast, browser: Browsers, batch: Batch) -> None:
    alice = browser("alice")
    assert "暂停任务" in alice.text(address(batch))
    assert "已暂停" in alice.post(address(batch, "/pause"), follow_redirects=True).text
    assert "状态已经变了" in alice.post(address(batch, "/pause"), follow_redirects=True).text
    assert "继续进行" in alice.post(address(batch, "/resume"), follow_redirects=True).text
    assert "10 个小程序不再处理" in alice.text(address(batch, "/cancel"))
    assert "已取消" in alice.post(address(batch, "/cancel"), follow_redirects=True).text
    page = alice.text("/p/alice/activity?area=batch")
    assert [word in page for word in ("开始批量任务", "暂停批量任务", "继续批量任务", "取消批量任务")] == [True] * 4


def test_the_export_holds_every_item_and_no_formula(cast: Cast, browser: Browsers, batch: Batch) -> None:
    change(cast, batch, 0, status="failed", errcode=61003, error="=1+1", subject_name="=cmd()")
    text = browser("bob").text(address(batch, "/items.csv")).removeprefix("\ufeff")
    rows = list(csv.reader(io.StringIO(text)))
    assert len(rows) == 11
    assert rows[1][0] == "'=cmd()"
    assert (rows[1][1], rows[1][3], rows[1][5]) == ("失败", "61003", "'=1+1")


STATES = [  # values, what the card says, polls
    ({"status": "queued"}, "马上开始", True),
    ({"status": "running"}, "正在处理", True),
    ({"status": "waiting"}, "正在等微信的结果", True),
    ({"error": "微信没有响应，系统会自动重试"}, "微信没有响应，系统会自动重试", True),
    ({"status": "done"}, "已完成", False),
    ({"status": "done", "result": {"partial": [{"name": "a.example", "why": "没有备案"}]}}, "没有备案", False),
    ({"status": "failed", "errcode": 61003, "operation": "getAuthorizerInfo"}, "怎么办：", False),
    ({"status": "skipped", "error": "没有要改的"}, "没有要改的", False),
    ({"status": "cancelled"}, "已取消", False),
]


@pytest.mark.parametrize(("values", "text", "polls"), STATES, ids=[text for _, text, _ in STATES])
def test_the_card_of_an_item(
    cast: Cast, browser: Browsers, batch: Batch, values: dict[str, Any], text: str, polls: bool
) -> None:  # fmt: skip
    with tenant_session(cast.alices) as db:
        item = start_one(db, REFRESH, Subject(new_id(), "青禾"), who=cast.who["alice"])
    with tenant_session(cast.alices) as db:
        db.execute(update(BatchItem).where(BatchItem.id == item.id).values(**values))
    path = f"/p/alice/items/{item.id}"
    assert text in browser("alice").text(path)
    card = browser("bob").get(path, headers=HTMX)
    assert text in card.text
    assert "<html" not in card.text
    assert ("hx-get" in card.text, card.headers.get("HX-Refresh") == "true") == (polls, not polls)
    assert "再试一次</button>" not in card.text


def test_a_failed_item_is_tried_again_from_its_card(cast: Cast, browser: Browsers, batch: Batch) -> None:
    with tenant_session(cast.alices) as db:
        item = start_one(db, REFRESH, Subject(new_id(), "青禾"), who=cast.who["alice"])
    path = f"/p/alice/items/{item.id}"
    assert "只有失败的才能重试" in browser("alice").post(f"{path}/retry", follow_redirects=True).text
    with tenant_session(cast.alices) as db:
        db.execute(update(BatchItem).where(BatchItem.id == item.id).values(status=ItemStatus.FAILED, error="不行"))
    answer = browser("alice").post(f"{path}/retry", {"next": "/p/alice/batches"})
    assert answer.location == "/p/alice/batches"
    assert "马上开始" in browser("alice").text(path)
