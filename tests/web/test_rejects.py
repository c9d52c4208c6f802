"""The pages of the reject desk: groups and their numbers, one group, submitting many again, setting aside."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from saas.batches.models import Batch, BatchItem
from saas.releases import bulk, rejects
from saas.releases.models import Audit, AuditStatus
from saas.tenants.stored_files import keep_file
from saas.trains import steering
from saas.wx.reasons import reason_key
from tests.trains.conftest import Yard, yard  # noqa: F401 - a fixture
from tests.web.conftest import Browser

Browsers = Callable[[str], Browser]
DESK = "/p/alice/rejects"
GROUP = f"{DESK}/reasons/3.4.1"
BLANK, LURE = "1:规则:\n(1):涉及 3.4.1 页面空白", "5.2.1 诱导分享"
HTMX = {"HX-Request": "true"}
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 32
pytestmark = pytest.mark.usefixtures("cast")


def batches(yard: Yard) -> list[Batch]:  # noqa: F811
    with yard.session() as db:
        return list(db.scalars(select(Batch).where(Batch.step == bulk.SUBMIT)))


def ticked(ids: list[UUID]) -> str:
    return "&".join(f"id={one}" for one in ids)


def test_the_desk_shows_groups_with_numbers_texts_and_a_month(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    yard.rejected(2, BLANK)
    yard.rejected(1, LURE, "1.1.0")
    page = browser("bob").text(DESK)
    for text in ("3 个待处理", "最近 30 天共驳回 3 次", "规则 3.4.1", "页面空白", "规则 5.2.1", "1.1.0", "审核驳回 3"):
        assert text in page
    assert page.index("规则 3.4.1") < page.index("规则 5.2.1")
    assert page.count('class="spark"') == 5
    assert "整组重新提交" not in page
    assert "整组重新提交" in browser("max").text(DESK)
    assert 'aria-current="page"' in page


def test_an_empty_desk_says_so(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    assert "没有待处理的驳回" in browser("alice").text(DESK)


def test_the_desk_asks_again_only_while_more_may_come(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    (program_id,) = yard.rejected(1, BLANK)
    assert "hx-get" not in browser("alice").text(DESK)
    with yard.session() as db:
        own = {"provider_id": yard.cast.alices, "program_id": yard.programs(1)[0], "auditid": "5"}
        db.add(Audit(**own, user_version="1.0.0", status=AuditStatus.IN_REVIEW))
    page = browser("alice").text(DESK, headers=HTMX)
    assert "hx-get" in page
    assert "<html" not in page
    assert str(program_id) not in page


def test_groups_are_paged(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    for number in range(21):
        yard.rejected(1, f"3.4.{number + 1} 空白")
    page = browser("alice").text(DESK)
    assert page.count("reject-group") == 20
    assert "下一页" in page
    rest = browser("alice").text(f"{DESK}?count=1&reason=3.4.8")
    assert "规则 3.4.9" in rest
    assert "回到第一页" in rest


def test_reviewers_pictures_are_shown_with_their_group(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    (program_id,) = yard.programs(1)
    audit_id = yard.refuse(program_id, BLANK, ScreenShot="m1|m2")
    with yard.session() as db:
        file = keep_file(db, yard.cast.alices, "screenshot", PNG, content_type="image/png")
        db.get_one(Audit, audit_id).screenshots = {"m1": str(file.id)}
    for address in (DESK, GROUP):
        page = browser("alice").text(address)
        assert f"/audits/{audit_id}/screenshots/1" in page
        assert f"/audits/{audit_id}/screenshots/2" not in page


def test_a_group_lists_its_mini_programs_and_what_helps(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    yard.rejected(1, "3.4.1 请补充服务类目的资质", name="梅记茶铺", merchant_id=yard.cast.meis)
    yard.rejected(1, BLANK, name="失联小铺", authorization="lost")
    page = browser("alice").text(GROUP)
    for text in ("梅记茶铺", "失联小铺", "商家没有授权", "2 个待处理", "换新模板批量发布", "reject=3.4.1"):
        assert text in page
    assert page.index("补服务类目") < page.index("修改头像")
    assert "重新提交勾选的" not in browser("bob").text(GROUP)


def test_the_ways_to_repair_take_the_whole_group(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    yard.rejected(2, BLANK)
    yard.programs(3)
    assert "已选 2 个小程序" in browser("alice").text("/p/alice/trains/new?all=1&reject=3.4.1")
    assert "已选 2 个小程序" in browser("alice").text("/p/alice/programs/selection?all=1&reject=3.4.1")
    assert "共 2 个" in browser("alice").text("/p/alice/programs?reject=3.4.1")


def test_a_group_that_is_overcome_says_so_and_one_that_never_was_is_not_there(
    browser: Browsers, yard: Yard  # noqa: F811
) -> None:  # fmt: skip
    (program_id,) = yard.rejected(1, BLANK)
    yard.refuse(program_id, LURE, "1.1.0")
    assert "这个原因没有待处理的小程序" in browser("alice").text(GROUP)
    assert browser("alice").get(f"{DESK}/reasons/7.7.7").status_code == 404
    assert browser("charlie").get("/p/charlie/rejects/reasons/5.2.1").status_code == 404


def test_before_the_click_it_says_what_it_takes(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    yard.rejected(3, BLANK)
    yard.rejected(1, BLANK, authorization="lost")
    yard.component(audit_quota_rest=260)
    page = browser("alice").text(f"{GROUP}/resubmit?all=1")
    for text in ("会提交 3 个", "需要 3 次，本月还剩 260 次", "1 个这次不提交：商家没有授权", "重新提交 3 个"):
        assert text in page
    yard.component(audit_quota_rest=1)
    assert "额度不够的 2 个这次不提交" in browser("alice").text(f"{GROUP}/resubmit?all=1")


def test_a_whole_group_is_submitted_again_with_what_is_new(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    yard.rejected(3, BLANK)
    form: dict[str, Any] = {
        "all": "1", "do-feedback": "已经补上内容", "do-tag": "奶茶", "do-release": "auto", "do-category": "1",
        "do-feedback_files": (io.BytesIO(PNG), "改好.png"),
    }  # fmt: skip
    answer = browser("max").post(f"{GROUP}/resubmit", form)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    (batch,) = batches(yard)
    assert str(batch.id) in str(answer.location)
    changes = batch.params["changes"]
    (file,) = changes.pop("feedback_files")
    assert file["kind"] == "image/png"
    assert changes == {"feedback": "已经补上内容", "tag": "奶茶", "category": "1", "releases_itself": True}
    assert batch.total == 3
    page = browser("max").text(GROUP)
    assert page.count("正在重新提交") == 4
    assert "hx-get" in page


@pytest.mark.parametrize("tail", ["resubmit", "set-aside"])
def test_what_was_refused_since_the_page_was_shown_is_not_meant(
    browser: Browsers, yard: Yard, tail: str  # noqa: F811
) -> None:  # fmt: skip
    yard.rejected(2, BLANK)
    page = browser("alice").text(f"{GROUP}/{tail}?all=1")
    (shown,) = re.findall('name="shown" value="([^"]+)"', page)
    yard.rejected(1, BLANK)
    form = {"all": "1", "shown": shown, "do-release": "hold", "do-note": "下周改版"}
    assert browser("alice").post(f"{GROUP}/{tail}", form).status_code == 303
    with yard.session() as db:
        submitted = db.query(BatchItem).count()
        assert (submitted, rejects.count_set_aside(db)) == ((2, 0) if tail == "resubmit" else (0, 2))


def test_the_list_is_loaded_again_once_nothing_is_under_way(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    yard.rejected(1, BLANK)
    alice = browser("alice")
    assert "HX-Refresh" not in alice.get(GROUP, headers=HTMX).headers
    assert alice.get(f"{GROUP}?under_way=1", headers=HTMX).headers["HX-Refresh"] == "true"
    alice.post(f"{GROUP}/resubmit", {"all": "1", "do-release": "hold"})
    assert "under_way=1" in alice.text(GROUP, headers=HTMX)
    assert "HX-Refresh" not in alice.get(f"{GROUP}?under_way=1", headers=HTMX).headers


def test_only_those_that_were_ticked_are_submitted(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    ids = yard.rejected(3, BLANK)
    page = browser("alice").text(f"{GROUP}/resubmit?{ticked(ids[:2])}")
    assert "会提交 2 个" in page
    answer = browser("alice").post(f"{GROUP}/resubmit", {"id": [str(one) for one in ids[:2]], "do-release": "hold"})
    assert answer.status_code == 303
    with yard.session() as db:
        assert set(db.scalars(select(BatchItem.subject_id))) == set(ids[:2])


def test_a_train_takes_its_own(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    train = yard.running(2)
    yard.to_review(train)
    yard.decide(train, AuditStatus.REJECTED, only=1)
    yard.conduct(train)
    yard.steer(steering.pause, train)
    group = f"{DESK}/reasons/{reason_key('首页打不开')}"
    assert f"/trains/{train.id}" in browser("alice").text(DESK)
    page = browser("alice").text(f"{group}/resubmit?all=1")
    assert "由批量发布 2.0.0 提交，它现在停着" in page
    assert "do-release" not in page
    answer = browser("alice").post(f"{group}/resubmit", {"all": "1", "do-feedback": "好了"})
    assert str(answer.location).endswith(f"/trains/{train.id}")
    assert ("check", "ready") in yard.states(train)
    assert len(batches(yard)) == 1, "the train's own"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"do-feedback": "好" * 201}, "不能超过 200"),
        ({"do-ugc": "y"}, "请选择用户能在哪些地方发布内容"),
        ({"do-feedback_files": (io.BytesIO(b"text"), "a.txt")}, "不是 PNG 或 JPG 图片"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    browser: Browsers, yard: Yard, values: dict[str, Any], text: str  # noqa: F811
) -> None:  # fmt: skip
    yard.rejected(1, BLANK)
    answer = browser("alice").post(f"{GROUP}/resubmit", {"all": "1", "do-release": "hold", **values})
    assert answer.status_code == 422
    assert text in answer.get_data(as_text=True)
    assert batches(yard) == []


def test_what_is_set_aside_leaves_the_desk_and_comes_back(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    ids = yard.rejected(2, BLANK)
    alice = browser("alice")
    assert "搁置 1 个小程序？" in alice.text(f"{GROUP}/set-aside?{ticked(ids[:1])}")
    form = {"id": str(ids[0])}
    assert alice.post(f"{GROUP}/set-aside", form).status_code == 422
    assert alice.post(f"{GROUP}/set-aside", form | {"do-note": "等商家改名"}).status_code == 303
    page = alice.text(DESK)
    assert "1 个待处理" in page
    assert "已搁置 1 个" in page
    page = alice.text(f"{DESK}/set-aside")
    assert "等商家改名" in page
    assert "Alice" in page
    assert alice.post(f"{DESK}/take-back", form).status_code == 303
    assert "2 个待处理" in alice.text(DESK)
    assert "搁置驳回" in alice.text(f"/p/alice/programs/{ids[0]}/activity")


def test_nothing_ticked_says_so(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    yard.rejected(1, BLANK)
    answer = browser("alice").get(f"{GROUP}/resubmit", follow_redirects=True)
    assert "请先勾选小程序" in answer.get_data(as_text=True)


def test_the_tabs_stand_on_the_pages_of_trains(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    yard.rejected(1, BLANK)
    for address in ("/p/alice/trains", DESK, "/p/alice/fleet-versions"):
        page = browser("alice").text(address)
        for text in ("审核驳回 1", "版本分布"):
            assert text in page
        assert page.count('class="nav-item active"') == 1


def test_it_speaks_english(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    yard.rejected(1, BLANK)
    alice = browser("alice")
    alice.post("/language/en")
    page = alice.text(DESK)
    assert "Rejections of late" in page
    assert "Rule 3.4.1" in page
