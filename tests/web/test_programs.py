"""The mini programs' pages at a provider: list, overview, permissions, calls, whose it is."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from sqlalchemy import event, select

from saas import clock
from saas import db as database
from saas.components.models import ComponentApp, WeChatCall
from saas.db import tenant_session
from saas.programs.models import AuthorizationStatus, Program
from saas.queue import Job
from saas.tenants import activity
from saas.tenants.models import Merchant
from saas.tenants.stored_files import keep_file
from tests.cast import Cast
from tests.web.conftest import Browser
from tests.web.things import put_online

Open = Callable[[str], Browser]


@pytest.fixture
def program(cast: Cast) -> Program:
    """A mini program of alice's provider that nobody owns yet, without the set for code."""
    with tenant_session(cast.alices) as db:
        component = ComponentApp(provider_id=cast.alices, key="alicekey", name="爱丽平台", appid="wx8a2b1c3d4e5f6071")
        db.add(component)
        db.flush()
        row = Program(
            provider_id=cast.alices, component_id=component.id, appid="wx11aa22bb33cc44dd", name="青禾咖啡",
            permission_sets=[17, 30, 118], authorized_at=clock.now(), company_name="青禾餐饮管理有限公司",
        )  # fmt: skip
        db.add(row)
        db.flush()
        for errcode, rid in ((0, ""), (61007, "65f0-1-2"), (None, "")):
            db.add(
                WeChatCall(
                    provider_id=cast.alices, component_id=component.id, appid=row.appid, operation="commit",
                    errcode=errcode, rid=rid, ms=12,
                )
            )  # fmt: skip
    return row


def again(cast: Cast, program: Program) -> Program:
    with tenant_session(cast.alices) as db:
        return db.scalars(select(Program).where(Program.id == program.id)).one()


def test_the_list_finds_by_name_appid_merchant_and_state(browser: Open, cast: Cast, program: Program) -> None:
    alice = browser("alice")
    for query in (
        "q=青禾",
        "q=wx11aa",
        "q=餐饮",
        "authorization=authorized",
        "merchant=none",
        "lacking=essential",
        "lacking=18",
        "turn=provider",
        "stage=no_code",
    ):
        assert "青禾咖啡" in alice.text(f"/p/alice/programs?{query}"), query
    for query in ("q=奶茶", "authorization=lost", "q=%25"):
        assert "青禾咖啡" not in alice.text(f"/p/alice/programs?{query}"), query


def test_the_list_asks_the_database_no_more_for_more_rows(browser: Open, cast: Cast, program: Program) -> None:
    alice = browser("alice")
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        statements.append(statement)

    def count() -> int:
        statements.clear()
        alice.text("/p/alice/programs")
        return len(statements)

    event.listen(database.engine("tenant"), "before_cursor_execute", note)
    try:
        few = count()
        with tenant_session(cast.alices) as db:
            db.add_all(
                Program(provider_id=cast.alices, component_id=program.component_id, appid=f"wx{number:016}")
                for number in range(40)
            )
        assert count() == few
    finally:
        event.remove(database.engine("tenant"), "before_cursor_execute", note)


def test_the_page_names_what_is_missing_and_set_118_is_not_18(browser: Open, cast: Cast, program: Program) -> None:
    alice = browser("alice")
    page = alice.text(f"/p/alice/programs/{program.id}")
    assert "缺少必需的权限" in page
    assert "这个小程序还没有商家" in page
    permissions = alice.text(f"/p/alice/programs/{program.id}/permissions")
    assert "未授权" in permissions
    assert "硬件服务" in permissions


def test_what_was_overtaken_counts_as_done(browser: Open, cast: Cast, program: Program) -> None:
    with tenant_session(cast.alices) as db:
        put_online(db, program)
    text = browser("alice").text(f"/p/alice/programs/{program.id}")
    timeline = text[text.index('<ol class="timeline">') :].partition("</ol>")[0]
    code = timeline.split("<li")[-3:]
    assert all('class="timeline-done"' in one for one in code), code
    assert [word for word in ("待提交审核", "审核通过，待发布") if word in timeline] == []
    assert [word in one for word, one in zip(("已做好", "审核通过", "已发布"), code, strict=True)] == [True] * 3


def test_calls_are_shown_with_errcode_rid_and_words(browser: Open, cast: Cast, program: Program) -> None:
    page = browser("bob").text(f"/p/alice/programs/{program.id}/calls")
    assert "61007" in page
    assert "65f0-1-2" in page
    assert "微信没有响应" in page
    failed = browser("bob").text(f"/p/alice/programs/{program.id}/calls?show=failed&operation=commit")
    assert "成功" not in failed
    assert "65f0-1-2" in failed
    with tenant_session(cast.alices) as db:
        own = {"provider_id": cast.alices, "component_id": program.component_id, "appid": program.appid, "ms": 5}
        db.add_all([WeChatCall(**own, operation="getTester", errcode=85000 + one) for one in range(60)])
    first = browser("bob").text(f"/p/alice/programs/{program.id}/calls?show=failed&operation=getTester")
    following = re.search(r'href="([^"]+)" rel="next"', first)
    assert following
    second = browser("bob").text(following[1].replace("&amp;", "&"))
    seen = re.findall(r">(850\d\d)<", first + second)
    assert len(seen) == 60
    assert set(seen) == {str(85000 + one) for one in range(60)}


def test_the_activity_of_one_is_filtered_by_person_and_deed(browser: Open, cast: Cast, program: Program) -> None:
    page = f"/p/alice/programs/{program.id}/activity"
    with tenant_session(cast.alices) as db:
        for name, verb in (("alice", "program.note.edit"), ("max", "program.upload"), ("max", "program.tags")):
            activity.record(db, cast.who[name], verb, program)
    whole = browser("bob").text(page)
    rows = "<strong>{}</strong>".format
    assert [rows(word) in whole for word in ("修改备注", "上传代码", "修改标签")] == [True, True, True]
    some = browser("bob").text(f"{page}?q=Max&what=program.upload")
    assert [rows(word) in some for word in ("修改备注", "上传代码", "修改标签")] == [False, True, False]
    assert "没有符合条件的记录" in browser("bob").text(f"{page}?q=nobody")


def test_assigning_gives_it_to_the_merchants_people(browser: Open, cast: Cast, program: Program) -> None:
    assert "青禾咖啡" not in browser("mei").text("/m/alice/")
    path = f"/p/alice/programs/{program.id}/merchant"
    assert browser("max").post(path, {"merchant_id": str(cast.meis)}).status_code == 303
    assert "青禾咖啡" in browser("mei").text("/m/alice/")
    assert "青禾咖啡" in browser("alice").text("/p/alice/programs?q=梅记")
    assert browser("alice").post(path, {"merchant_id": str(cast.mings)}).status_code == 422
    assert browser("alice").post(path, {"merchant_id": ""}).status_code == 303
    assert again(cast, program).merchant_id is None


def test_another_subject_than_the_merchants_company_is_pointed_out(browser: Open, cast: Cast, program: Program) -> None:
    browser("alice").post(f"/p/alice/programs/{program.id}/merchant", {"merchant_id": str(cast.meis)})
    with tenant_session(cast.alices) as db:
        db.scalars(select(Merchant).where(Merchant.id == cast.meis)).one().company_name = "梅记茶业有限公司"
    assert "主体与商家资料不一致" in browser("alice").text(f"/p/alice/programs/{program.id}")


def test_note_and_values_are_edited(browser: Open, cast: Cast, program: Program) -> None:
    alice = browser("alice")
    base = f"/p/alice/programs/{program.id}"
    assert alice.post(f"{base}/note", {"note": "老板姓王"}).status_code == 303
    assert alice.post(f"{base}/values", {"key": ["shop"], "value": ["7"]}).status_code == 303
    assert alice.post(f"{base}/values", {"key": ["1shop"], "value": ["7"]}).status_code == 422
    row = again(cast, program)
    assert (row.note, row.ext_values) == ("老板姓王", {"shop": "7"})
    assert "老板姓王" in alice.text(base)


def test_reading_again_queues_one_job_and_the_page_waits_for_it(browser: Open, cast: Cast, program: Program) -> None:
    alice = browser("alice")
    base = f"/p/alice/programs/{program.id}"
    alice.post(f"{base}/profile")
    alice.post(f"{base}/profile")
    with tenant_session(cast.alices) as db:
        assert [job.name for job in db.scalars(select(Job))] == ["jobs.programs.read_profile"]
    assert "hx-trigger" in alice.text(base)
    part = alice.text(base, headers={"HX-Request": "true"})
    assert "<html" not in part
    assert "正在向微信读取资料" in part


def test_a_withdrawn_authorization_says_what_to_do(browser: Open, cast: Cast, program: Program) -> None:
    with tenant_session(cast.alices) as db:
        row = db.scalars(select(Program).where(Program.id == program.id)).one()
        row.authorization, row.unauthorized_at = AuthorizationStatus.UNAUTHORIZED, clock.now()
    page = browser("alice").text(f"/p/alice/programs/{program.id}")
    assert "授权已取消" in page
    assert "重新读取" not in page


def test_the_avatar_is_ours_to_serve(browser: Open, cast: Cast, program: Program) -> None:
    path = f"/p/alice/programs/{program.id}/avatar"
    assert browser("alice").get(path).status_code == 404
    with tenant_session(cast.alices) as db:
        picture = keep_file(db, cast.alices, "avatar", b"\x89PNG\r\n\x1a\nrest", content_type="image/png")
        row = db.scalars(select(Program).where(Program.id == program.id)).one()
        row.avatar_file_id, row.merchant_id = picture.id, cast.meis
    answer = browser("alice").get(path)
    assert (answer.status_code, answer.content_type) == (200, "image/png")
    assert browser("charlie").get(path).status_code == 404
    assert browser("mei").get(f"/m/alice/programs/{program.id}/avatar").status_code == 200
    assert browser("ming").get(f"/m/charlie/programs/{program.id}/avatar").status_code == 404


def test_who_may_what(browser: Open, cast: Cast, program: Program) -> None:
    base = f"/p/alice/programs/{program.id}"
    pages = (base, f"{base}/permissions", f"{base}/calls", f"{base}/activity", "/p/alice/programs")
    changes = (f"{base}/merchant", f"{base}/note", f"{base}/values")
    for path in pages:
        for name, status in (("alice", 200), ("anna", 200), ("max", 200), ("bob", 200), ("charlie", 404), ("", 303)):
            assert browser(name).get(path).status_code == status, (path, name)
        assert browser("mei").get(path).status_code == 404
        assert browser("ming").get(path).status_code == 404
    for path in changes:
        for name, status in (("max", 200), ("bob", 403), ("charlie", 404), ("mei", 404), ("", 303)):
            assert browser(name).get(path).status_code == status, (path, name)
        assert browser("bob").post(path).status_code == 403
    assert browser("bob").post(f"{base}/profile").status_code == 403
    assert browser("charlie").get(f"/p/charlie/programs/{program.id}").status_code == 404


def test_an_official_account_is_told_apart(browser: Open, cast: Cast, program: Program) -> None:
    page = f"/p/alice/programs/{program.id}"
    assert "这不是小程序" not in browser("alice").text(page)
    with tenant_session(cast.alices) as db:
        row = db.scalars(select(Program).where(Program.id == program.id)).one()
        row.profile = {"is_mini_program": False}
    assert "这不是小程序" in browser("alice").text(page)
