"""A merchant's own pages: her programs and where they stand, what she can do, what was done; who may answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, select

from saas import clock
from saas import db as database
from saas.components.models import ComponentApp
from saas.db import tenant_session
from saas.onboarding import notices, parts
from saas.onboarding.models import Part
from saas.programs import standing
from saas.programs.models import AuthorizationLink, AuthorizationStatus, Program
from saas.programs.words import Step, Word
from saas.releases.models import Audit, AuditStatus, CodeState
from saas.tenants import activity
from saas.tenants.access import Verb
from saas.tenants.merchants import get_merchant
from saas.tenants.stored_files import keep_file
from tests.cast import Cast
from tests.programs.conftest import Desk
from tests.web.conftest import Browser
from tests.web.things import put_online

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
    assert "还没有制作" in text
    assert "“爱丽服务”正在办理" in text


@pytest.mark.parametrize("page", ["", "programs/{}"])
def test_no_page_asks_the_database_the_same_twice(
    browser: Open, cast: Cast, component: ComponentApp, page: str
) -> None:
    with tenant_session(cast.alices) as db:
        program = Program(
            provider_id=cast.alices, component_id=component.id, appid="wx1", name="梅记点单", merchant_id=cast.meis,
            authorized_at=clock.now(),
        )  # fmt: skip
        db.add(program)
        db.flush()
        merchant = get_merchant(db, cast.who["alice"], cast.meis, Verb.WORK)
        parts.open_onboarding(db, merchant, program, list(Part), who=cast.who["alice"])
    mei, address, asked = browser("mei"), f"/m/alice/{page.format(program.id)}", []
    mei.text(address)

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_rest: Any) -> None:
        asked.append((statement, str(values)))

    engines = [database.engine(name) for name in ("tenant", "platform")]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        mei.text(address)
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)
    assert len(asked) > 5
    assert len(asked) == len(set(asked))


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


def make_program(cast: Cast, component: ComponentApp, name: str = "梅记点单", **more: object) -> UUID:
    values = {"merchant_id": cast.meis, "permission_sets": [18, 30], "authorized_at": clock.now()} | more
    with tenant_session(cast.alices) as db:
        row = Program(
            provider_id=cast.alices, component_id=component.id, appid=f"wx{len(name):016x}", name=name, **values
        )  # fmt: skip
        db.add(row)
    return row.id


def load(db: object, program_id: UUID) -> Program:
    return db.scalars(select(Program).where(Program.id == program_id)).one()  # type: ignore[attr-defined,no-any-return]


def big_buttons(text: str) -> int:
    return text.count("btn-big")


def test_the_way_online_is_told_in_plain_words(browser: Open, cast: Cast, component: ComponentApp) -> None:
    made = make_program(cast, component)
    with tenant_session(cast.alices) as db:
        program = load(db, made)
        standing.note_step(db, program, Step.CATEGORIES, Word.CATEGORIES_SET)
        standing.note_step(
            db, program, Step.CERTIFY, Word.CERTIFY_FACE, due_at=clock.now() + timedelta(hours=30, minutes=1)
        )
    text = browser("mei").text("/m/alice/")
    for word in ("注册账号", "授权", "名称与头像", "服务类目", "微信认证", "备案", "制作", "微信审核", "上线"):
        assert word in text
    assert "认证：等管理员人脸核验" in text
    assert "等您处理" in text
    assert "还剩 1 天" in text
    assert "点开完成人脸核验" in text
    assert "完成 3 / 9 步" in text
    assert big_buttons(text) == 1
    assert "看看怎么做" in text


def test_what_was_overtaken_counts_as_done(browser: Open, cast: Cast, component: ComponentApp) -> None:
    program_id = make_program(cast, component)
    with tenant_session(cast.alices) as db:
        put_online(db, load(db, program_id))
    text = browser("mei").text(f"/m/alice/programs/{program_id}")
    assert "已做好，待提交审核" not in text
    assert "审核通过，待发布" not in text
    assert "已发布" in text
    done = [
        label for label in ("制作", "微信审核", "上线") if f"<span>{label}</span>" in text.split("timeline-todo")[-1]
    ]
    assert done == ["制作", "微信审核", "上线"], "nothing from the code on is left to do"


def test_word_time_and_button_speak_of_one_thing(browser: Open, cast: Cast, component: ComponentApp) -> None:
    """Permissions lack and forms are open, too: what has a clock comes first, and nothing is said of the others."""
    program_id = make_program(cast, component, permission_sets=[18])
    with tenant_session(cast.alices) as db:
        merchant, program = get_merchant(db, cast.who["alice"], cast.meis, Verb.WORK), load(db, program_id)
        parts.open_onboarding(db, merchant, program, [Part.COMPANY], who=cast.who["alice"])
        standing.note_step(
            db, program, Step.CERTIFY, Word.CERTIFY_FACE, due_at=clock.now() + timedelta(hours=30, minutes=1)
        )
    for path in ("/m/alice/", f"/m/alice/programs/{program_id}"):
        text = browser("mei").text(path)
        now = text[text.index("next-step") :].partition("</section>")[0].partition("<details")[0]
        assert "<strong>认证：等管理员人脸核验</strong>" in now
        assert "还剩 1 天" in now
        assert "看看怎么做" in now
        assert "重新授权" not in now
        assert big_buttons(text) == 1
    with tenant_session(cast.alices) as db:
        standing.note_step(db, load(db, program_id), Step.CERTIFY, Word.CERTIFIED)
    text = browser("mei").text("/m/alice/")
    now = text[text.index("next-step") :].partition("<details")[0]
    assert "<strong>缺少必需的权限</strong>" in now
    assert "重新授权" in now
    assert "还剩" not in now
    assert "前" not in now.partition("</strong>")[2].partition("</p>")[0], "how long the stage lasts is another matter"


def test_a_lost_authorization_is_given_again_by_herself(browser: Open, cast: Cast, component: ComponentApp) -> None:
    program_id = make_program(
        cast, component, authorization=AuthorizationStatus.LOST, unauthorized_at=clock.now()
    )  # fmt: skip
    mei, path = browser("mei"), f"/m/alice/programs/{program_id}"
    text = mei.text("/m/alice/")
    assert "等您授权" in text
    assert big_buttons(text) == 1
    answers = [mei.post(f"{path}/authorize") for _ in range(2)]
    assert answers[0].status_code == 303
    assert answers[0].location == answers[1].location
    assert "只限这个小程序" in mei.text(answers[0].location)
    assert big_buttons(mei.text("/m/alice/")) == 1  # the link does not get a card of its own
    assert browser("hana").post(f"{path}/authorize").status_code == 403
    assert browser("ming").post(f"{path}/authorize").status_code == 404
    assert "去授权" not in browser("hana").text("/m/alice/")


def test_missing_permissions_are_explained(browser: Open, cast: Cast, component: ComponentApp) -> None:
    program_id = make_program(cast, component, permission_sets=[18])
    mei = browser("mei")
    assert "缺少必需的权限" in mei.text("/m/alice/")
    text = mei.text(f"/m/alice/programs/{program_id}")
    assert "重新授权时请全部勾选" in text
    assert "怎样取消授权" in text
    assert big_buttons(text) == 1


def test_what_is_asked_has_a_button_for_owners(browser: Open, cast: Cast, component: ComponentApp) -> None:
    program_id = make_program(cast, component)
    with tenant_session(cast.alices) as db:
        merchant = get_merchant(db, cast.who["alice"], cast.meis, Verb.WORK)
        parts.open_onboarding(db, merchant, load(db, program_id), [Part.COMPANY], who=cast.who["alice"])
        parts.open_onboarding(db, merchant, None, [Part.COMPANY, Part.PROFILE], who=cast.who["alice"])
    text = browser("mei").text("/m/alice/")
    assert "等您填写资料" in text
    assert "等您填写新小程序的资料" in text
    assert "共 2 部分，已交 0 部分" in text
    hana = browser("hana").text("/m/alice/")
    assert "请商家负责人登录后办理" in hana
    assert big_buttons(hana) == 0


def test_after_launch_she_sees_versions_audits_dates_and_deeds(
    browser: Open, cast: Cast, component: ComponentApp
) -> None:
    program_id = make_program(cast, component)
    own = {"provider_id": cast.alices, "program_id": program_id}
    with tenant_session(cast.alices) as db:
        file_id = keep_file(db, cast.alices, kind="screenshot", content=b"x", content_type="image/png").id
        audit = Audit(
            **own, user_version="1.2.0", auditid="7", status=AuditStatus.REJECTED, reason="1. 截图与功能不符",
            screenshot_media_ids=["m"], screenshots={"m": str(file_id)}, submitted_at=clock.now(),
        )  # fmt: skip
        db.add_all([audit, CodeState(**own, online_version="1.1.0", online_at=clock.now(), visible=False)])
        db.flush()
        program = load(db, program_id)
        standing.note_step(
            db, program, Step.CERTIFY, Word.CERTIFIED, due_at=clock.now() + timedelta(days=200)
        )  # fmt: skip
        standing.note_step(db, program, Step.FILE, Word.FILED, detail={"number": "粤ICP备2026000001号-1X"})
        activity.record(db, cast.who["alice"], "program.audit.submit", program)
        activity.record(db, cast.who["alice"], "program.note.edit", program)
    mei, path = browser("mei"), f"/m/alice/programs/{program_id}"
    text = mei.text(path)
    for said in (
        "线上 1.1.0",
        "已暂停服务",
        "截图与功能不符",
        "到期时间",
        "粤ICP备2026000001号-1X",
        "提交审核",
        "爱丽服务",
    ):
        assert said in text
    assert "修改备注" not in text
    assert "Alice" not in text
    shot = f"/m/alice/audits/{audit.id}/screenshots/1"
    assert shot in text
    assert mei.get(shot).status_code == 200
    assert browser("ming").get(shot).status_code == 404
    assert browser("ming").get(f"/m/charlie/audits/{audit.id}/screenshots/1").status_code == 404
    assert "截图与功能不符" in mei.text(f"{path}/audits")
    assert "提交审核" in mei.text(f"{path}/activity")


def test_hers_alone(browser: Open, cast: Cast, component: ComponentApp) -> None:
    others = make_program(cast, component, "别家商城", merchant_id=None)
    mei = browser("mei")
    for part in ("", "/audits", "/activity", "/trial-qr", "/avatar"):
        assert mei.get(f"/m/alice/programs/{others}{part}").status_code == 404
    assert mei.post(f"/m/alice/programs/{others}/authorize").status_code == 404


def test_notices_are_read_by_each_for_herself(browser: Open, cast: Cast, component: ComponentApp) -> None:
    program_id = make_program(cast, component)
    mei = browser("mei")
    assert "还没有通知" in mei.text("/m/alice/notices")
    with tenant_session(cast.alices) as db:
        for number in range(22):
            notices.tell(
                db, cast.alices, cast.meis, kind="program.audit.rejected", key=str(number), program_id=program_id,
                detail={"version": f"1.0.{number}"},
            )  # fmt: skip
    assert "22" in mei.text("/m/alice/")
    text = mei.text("/m/alice/notices")
    assert "审核不通过" in text
    assert "1.0.21" in text
    assert "未读" in text
    assert "before=" in text
    assert mei.post("/m/alice/notices/read").status_code == 303
    assert "badge bg-danger" not in mei.text("/m/alice/notices")
    assert "条未读" not in mei.text("/m/alice/")
    assert "条未读" in browser("hana").text("/m/alice/")


def test_pages_are_small_and_speak_english(browser: Open, cast: Cast, component: ComponentApp) -> None:
    program_id = make_program(cast, component, "Tea")
    for path in ("/m/alice/", f"/m/alice/programs/{program_id}", "/m/alice/notices"):
        text = browser("mei").text(path, headers={"Cookie": "", "Accept-Language": "en"})
        assert len(text) < 60_000
