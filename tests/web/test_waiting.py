"""A merchant's page of what waits for her side; who may have it sent again; the provider's reminders."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from saas import clock
from saas.batches.models import BatchItem
from saas.db import platform_session
from saas.onboarding.models import Reminder
from saas.programs import standing
from saas.programs.certification_models import Certification, CertificationStatus
from saas.programs.filing_models import FilingStatus
from saas.programs.registration_models import Registration, RegistrationStatus
from saas.programs.words import Step, Word
from saas.tenants.models import OutgoingMail, WeChatMessage
from tests.onboarding.scenes import Scene, scene  # noqa: F401 - fixture
from tests.web.conftest import Browser

Open = Callable[[str], Browser]
HX = {"HX-Request": "true"}


@pytest.fixture
def texted(scene: Scene) -> Scene:  # noqa: F811
    """The ministry's text message came an hour ago."""
    due_at = clock.now() + timedelta(hours=22, minutes=41, seconds=30)
    scene.file(FilingStatus.SMS, due_at=due_at, values={"icp_subject.principal_info.mobile": "13800138000"})
    with scene.session() as db:
        standing.note_step(db, scene.program(db), Step.FILE, Word.FILE_SMS, due_at=due_at)
    return scene


def page(scene: Scene) -> str:  # noqa: F811
    return f"/m/alice/w/{scene.program_id}"


def test_her_big_button_leads_to_what_to_do(browser: Open, texted: Scene) -> None:
    mei = browser("mei")
    assert page(texted) in mei.text("/m/alice/")
    text = mei.text(page(texted))
    told = ("备案短信核验", "备案负责人", "短信号码 12381（工信部）", "138****8000", "没有收到消息？", "不能补发")
    for words in told:
        assert words in text
    assert "还剩 22 小时 41 分钟" in text
    assert re.search(r"最晚 <time datetime=\"[^\"]+\" title=\"[^\"]+\">20\d\d-\d\d-\d\d \d\d:\d\d</time>", text)
    assert "再发一次" not in text
    assert "13800138000" not in text


def test_helpers_see_it_and_strangers_do_not(browser: Open, texted: Scene) -> None:
    assert "备案短信核验" in browser("hana").text(page(texted))
    for name in ("alice", "charlie", "ming"):
        assert browser(name).get(page(texted)).status_code == 404
        assert browser(name).post(f"{page(texted)}/again").status_code == 404
    assert browser("ming").get(page(texted).replace("alice", "charlie")).status_code == 404
    assert browser("").get(page(texted)).status_code == 303


def test_it_lives_by_asking_for_itself_and_stops_at_the_end(browser: Open, texted: Scene) -> None:
    mei = browser("mei")
    fragment = mei.text(page(texted), headers=HX)
    assert "<html" not in fragment
    assert f'hx-get="{page(texted)}"' in fragment
    assert "load delay:30s" in fragment
    texted.file(FilingStatus.AUTHORITY_REVIEW)
    fragment = mei.text(page(texted), headers=HX)
    assert "现在没有等您处理的事" in fragment
    assert "hx-get" not in fragment


def test_it_speaks_english(browser: Open, texted: Scene) -> None:
    mei = browser("mei")
    mei.client.set_cookie("daiban_language", "en")
    text = mei.text(page(texted))
    assert "22 hours 41 minutes left" in text
    assert "No message?" in text
    body = text.partition("<main")[2].partition("</main>")[0]
    assert not re.findall(r"[\u4e00-\u9fff]+", body.replace("梅记点单", ""))


def test_the_administrators_link_is_there_as_code_button_and_text(browser: Open, scene: Scene) -> None:  # noqa: F811
    with scene.session() as db:
        now = clock.now()
        row = Certification(
            **scene.own, status=CertificationStatus.ADMIN_PENDING, changed_at=now, started_at=now, papers={},
            auth_url="https://mp.weixin.qq.com/auth?t=1",
        )  # fmt: skip
        db.add(row)
    text = browser("mei").text(page(scene))
    assert 'href="https://mp.weixin.qq.com/auth?t=1"' in text
    assert "<svg" in text
    assert text.count("btn-big") == 1
    assert "微信“服务通知”" in text
    assert "还剩 23 小时 59 分钟" in text


def test_a_check_that_ran_out_is_hers_to_send_again(browser: Open, scene: Scene) -> None:  # noqa: F811
    scene.file(FilingStatus.FACE_FAILED, face_asked_at=clock.now() - timedelta(hours=25))
    with scene.session() as db:
        standing.note_step(db, scene.program(db), Step.FILE, Word.FILE_FACE_FAILED)
    mei = browser("mei")
    assert page(scene) in mei.text("/m/alice/")
    text = mei.text(page(scene))
    assert "没有在期限前完成" in text
    assert f"{page(scene)}/again" in text
    assert f"{page(scene)}/again" not in browser("hana").text(page(scene))
    assert browser("hana").post(f"{page(scene)}/again").status_code == 403
    answer = mei.post(f"{page(scene)}/again")
    assert (answer.status_code, answer.location) == (303, page(scene))
    assert "需要服务商先处理" in mei.text(page(scene)), "the filing has no data yet"


def test_a_registration_of_hers_is_on_her_first_page(browser: Open, scene: Scene) -> None:  # noqa: F811
    case = scene.register()
    mei, path = browser("mei"), f"/m/alice/registrations/{case}"
    assert path in mei.text("/m/alice/")
    text = mei.text(path)
    assert "法人本人" in text
    assert 'href="https://mp.weixin.qq.com/x"' in text
    assert "微信不会主动发消息" in text
    assert mei.post(f"{path}/again").status_code == 303
    assert "现在没有可以再发一次的消息" in mei.text(path)
    with scene.session() as db:
        row = db.get(Registration, case)
        assert row is not None
        row.status, row.finished_at = RegistrationStatus.EXPIRED, clock.now()
    assert "注册链接已过期" in mei.text("/m/alice/")
    for _ in range(2):
        assert mei.post(f"{path}/again").status_code == 303
    with scene.session() as db:
        assert len(list(db.scalars(select(BatchItem)))) == 1
    assert "正在请微信再发一次" in mei.text(path)
    for name in ("alice", "charlie", "ming"):
        assert browser(name).get(path).status_code == 404
        assert browser(name).post(f"{path}/again").status_code == 404
    prepared = scene.prepare(case)
    answer = mei.get(path)
    assert (answer.status_code, answer.location) == (302, f"/m/alice/w/{prepared}")
    assert mei.get(path, headers=HX).headers["HX-Redirect"] == f"/m/alice/w/{prepared}"


def test_a_form_without_its_token_is_refused(browser: Open, texted: Scene) -> None:
    assert browser("mei").client.post(f"{page(texted)}/again").status_code == 400


def test_alice_sees_reminders_and_sends_one(browser: Open, texted: Scene) -> None:
    alice, path = browser("alice"), f"/p/alice/programs/{texted.program_id}"
    assert f"{path}/remind" in alice.text(path)
    assert f"{path}/remind" not in browser("bob").text(path)
    assert alice.post(f"{path}/remind").status_code == 303
    text = alice.text(path)
    assert "已提醒商家，发出 2 条" in text
    assert "Alice 手动提醒" in text
    assert "me***@example.com" in text
    assert f"{path}/remind" not in text
    alice.post(f"{path}/remind")
    assert "1 小时内已经提醒过" in alice.text(path)
    with platform_session("test") as db:
        assert len(list(db.scalars(select(OutgoingMail)))) == 2
        assert [row.sent_by for row in db.scalars(select(Reminder))] == ["Alice"]
    assert "提醒商家" in alice.text(f"{path}/activity")
    assert browser("bob").post(f"{path}/remind").status_code == 403


def test_alice_reminds_of_a_registration_that_has_no_mini_program_yet(
    browser: Open,
    scene: Scene,  # noqa: F811
) -> None:
    case = scene.register()
    alice, path = browser("alice"), f"/p/alice/registrations/{case}"
    assert f"{path}/remind" in alice.text(path)
    assert f"{path}/remind" not in browser("bob").text(path)
    assert alice.post(f"{path}/remind").status_code == 303
    text = alice.text(path)
    assert "已提醒商家，发出 2 条" in text
    assert "确认注册 · 邮件提醒" in text
    assert f"{path}/remind" not in text
    assert browser("bob").post(f"{path}/remind").status_code == 403
    assert browser("charlie").post(f"{path}/remind").status_code == 404
    scene.prepare(case)
    assert alice.post(f"{path}/remind").status_code == 303
    assert "不用提醒" in alice.text(path)


def test_the_card_says_who_got_nothing_by_wechat(browser: Open, texted: Scene) -> None:
    with texted.session() as db:
        told = Reminder(
            **texted.own, step="sms", began_at=clock.now(), stage="begun", channel="wechat", to="梅姐、老周"
        )
        db.add(told)
        db.flush()
        for name, errcode in (("梅姐", None), ("老周", 43004)):
            message = WeChatMessage(
                provider_id=texted.cast.alices, about_id=told.id, appid="wx0000000000000000", openid="o", name=name,
                template_id="x", data={}, url="https://x", errcode=errcode,
            )  # fmt: skip
            db.add(message)
    text = browser("alice").text(f"/p/alice/programs/{texted.program_id}")
    assert "备案短信核验 · 微信提醒" in text
    assert "老周 没有收到：对方没有关注服务号（43004）" in text
    assert "梅姐 没有收到" not in text
