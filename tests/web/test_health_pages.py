"""The health board and the pages of alarms: what they show, whom they let do what, and what the buttons start."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import event, select

from saas import clock
from saas.components.access import load_component
from saas.components.models import ComponentApp, ComponentStatus, WeChatCall
from saas.config import settings
from saas.db import engine, new_id, tenant_session
from saas.queue import Job
from saas.tenants.alarm_models import AlarmChannel, AlarmKind, AlarmMessage
from saas.tenants.alarms import raise_alarm
from tests.cast import Cast
from tests.components.conftest import AES_KEY
from tests.components.conftest import component as component
from tests.components.conftest import ready as ready
from tests.tenants.conftest import receiver  # noqa: F401
from tests.tenants.receiver import Receiver
from tests.web.conftest import Browser

Browsers = Callable[[str], Browser]
HEALTH = "/p/alice/health"
ALARMS = "/p/alice/health/alarms"
MINE = ("", "/alarms")


def change(component: ComponentApp, **values: object) -> None:
    with tenant_session(component.provider_id) as db:
        row = load_component(db, component.id)
        for name, value in values.items():
            setattr(row, name, value)


def well(component: ComponentApp) -> None:
    change(component, status=ComponentStatus.READY, last_token_at=clock.now())


def page(component: ComponentApp, tail: str) -> str:
    return f"/p/alice/components/{component.id}{tail}"


def test_without_a_component_app_the_board_says_how_to_begin(browser: Browsers, cast: Cast) -> None:
    text = browser("alice").text(HEALTH)
    assert "还没有第三方平台" in text
    assert "/p/alice/components/new" in text
    assert "/p/alice/components/new" not in browser("bob").text(HEALTH)


def test_a_refused_address_stands_on_the_board_with_its_buttons(browser: Browsers, ready: ComponentApp) -> None:
    change(ready, last_errcode=61004, last_error_at=clock.now(), refused_ip="203.0.113.77")
    text = browser("max").text(HEALTH)
    assert "203.0.113.77" in text
    assert page(ready, "/check") in text
    assert page(ready, "/edit") not in text  # a member does not manage
    assert page(ready, "/check") not in browser("bob").text(HEALTH)


def test_the_board_polls_only_while_something_is_not_well(browser: Browsers, ready: ComponentApp) -> None:
    well(ready)
    assert 'hx-trigger="load' not in browser("alice").text(HEALTH)
    change(ready, last_errcode=40125, last_error_at=clock.now())
    part = browser("alice").text(HEALTH, headers={"HX-Request": "true"})
    assert 'hx-trigger="load' in part
    assert "<html" not in part


def test_the_board_costs_as_many_queries_for_many_component_apps(
    browser: Browsers, cast: Cast, ready: ComponentApp
) -> None:
    def count() -> int:
        asked: list[str] = []

        def note(_c: object, _u: object, statement: str, *_: object) -> None:
            asked.append(statement)

        event.listen(engine("tenant"), "before_cursor_execute", note)
        try:
            browser("alice").text(HEALTH)
        finally:
            event.remove(engine("tenant"), "before_cursor_execute", note)
        return len(asked)

    browser("alice").text(HEALTH)
    one = count()
    with tenant_session(cast.alices) as db:
        for number in range(5):
            row = ComponentApp(provider_id=cast.alices, key=f"key{number}", name=f"平台{number}", appid=f"wx{number}")
            row.secret, row.token, row.aes_key = "s" * 32, "token", AES_KEY
            db.add(row)
    assert count() == one


def test_a_check_from_the_board_leads_back_to_it(browser: Browsers, ready: ComponentApp) -> None:
    assert browser("max").post(page(ready, "/check"), {"next": HEALTH}).location == HEALTH
    assert browser("max").post(page(ready, "/check"), {"next": "https://evil.example.com/"}).location == page(ready, "")


def test_the_board_speaks_english(browser: Browsers, ready: ComponentApp) -> None:
    alice = browser("alice")
    alice.post("/language/en", {"next": HEALTH})
    text = alice.text(HEALTH)
    assert "Health" in text
    assert "验证票据" not in text


def test_counters_are_reset_only_after_a_page_that_says_what_it_costs(
    browser: Browsers, cast: Cast, ready: ComponentApp
) -> None:
    with tenant_session(cast.alices) as db:
        common = {"provider_id": cast.alices, "component_id": ready.id, "operation": "submitAudit", "ms": 5}
        db.add_all([WeChatCall(appid="wxaaaabbbbccccdddd", errcode=45009, **common) for _ in range(3)])
        db.add(WeChatCall(appid="wx1111222233334444", errcode=0, **common))
    alice = browser("alice")
    text = alice.text(page(ready, "/clear-counters"))
    assert "还剩 10 次，共 10 次" in text
    assert "wxaaaabbbbccccdddd：24 小时内被拒绝 3 次" in text
    assert "wx1111222233334444" not in text
    assert alice.post(page(ready, "/clear-counters"), {"appid": "wx1111222233334444"}).status_code == 422
    assert alice.post(page(ready, "/clear-counters"), {"appid": "wxaaaabbbbccccdddd"}).status_code == 303
    assert "清零接口调用次数" in alice.text(page(ready, "/clear-counters"))


def test_the_new_key_is_shown_until_wechat_uses_it(browser: Browsers, ready: ComponentApp) -> None:
    alice = browser("alice")
    assert AES_KEY not in alice.text(page(ready, "/message-key"))
    alice.post(page(ready, "/message-key/rotate"))
    with tenant_session(ready.provider_id) as db:
        row = load_component(db, ready.id)
        new = row.aes_key
        assert (new != AES_KEY, row.previous_aes_key) == (True, AES_KEY)
    shown = alice.get(page(ready, "/message-key"))
    assert new in shown.get_data(as_text=True)
    assert AES_KEY not in shown.get_data(as_text=True)
    assert shown.headers["Cache-Control"] == "no-store"
    alice.post(page(ready, "/message-key/rotate"))  # not a second time
    with tenant_session(ready.provider_id) as db:
        assert load_component(db, ready.id).aes_key == new
    change(ready, aes_key_seen_at=clock.now())
    assert new not in alice.text(page(ready, "/message-key"))
    alice.post(page(ready, "/message-key/drop-previous"))
    with tenant_session(ready.provider_id) as db:
        assert load_component(db, ready.id).previous_aes_key == ""


def test_alarms_are_for_all_channels_for_those_who_manage(browser: Browsers, cast: Cast) -> None:
    with tenant_session(cast.alices) as db:
        raise_alarm(db, cast.alices, AlarmKind.IP_REFUSED, new_id(), {"name": "爱丽平台", "ip": "203.0.113.7"})
    for name in ("alice", "bob"):
        assert "203.0.113.7 不在微信的白名单里" in browser(name).text(ALARMS)
        assert "203.0.113.7 不在微信的白名单里" in browser(name).text(HEALTH)
    assert "通知渠道" in browser("alice").text(ALARMS)
    assert "/channels/new" not in browser("bob").text(ALARMS)
    assert "203.0.113.7" not in browser("charlie").text("/p/charlie/health/alarms")


def test_past_alarms_are_paged_by_key(browser: Browsers, cast: Cast) -> None:
    with tenant_session(cast.alices) as db:
        for number in range(31):
            raise_alarm(db, cast.alices, AlarmKind.AUTHORIZATION_LOST, new_id(), {"name": f"小店{number:02d}"})
    first = browser("alice").text(ALARMS)
    assert "小店30" in first
    assert "小店00" not in first
    following = first.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    assert "小店00" in browser("alice").text(following)


def test_a_channel_is_added_tried_and_removed(
    browser: Browsers,
    cast: Cast,
    receiver: Receiver,  # noqa: F811
    run_jobs: Callable[..., list[str]],
) -> None:
    alice = browser("alice")
    form = alice.text(f"{ALARMS}/channels/new?kind=webhook")
    secret = form.split('name="secret"')[1].split('value="')[1].split('"')[0]
    assert len(secret) > 30
    given = {"name": "值班群", "address": f"{receiver.url}/hook?key=abcd", "secret": secret, "locale": "en"}
    response = alice.post(f"{ALARMS}/channels/new?kind=webhook", given)
    assert response.status_code == 303, response.get_data(as_text=True)
    channel = response.location
    shown = alice.text(channel)
    assert secret not in shown
    assert "/hook?key" not in shown
    assert secret not in alice.text(f"{channel}/edit")
    alice.post(f"{channel}/test")
    run_jobs()
    assert "test message" in receiver.got[0].content["title"].lower()
    assert "已送达" in alice.text(channel)
    assert alice.post(f"{channel}/edit", {"name": "新名字", "locale": "zh_CN", "only_urgent": "y"}).status_code == 303
    with tenant_session(cast.alices) as db:
        row = db.scalars(select(AlarmChannel)).one()
        assert (row.name, row.only_urgent, row.secret) == ("新名字", True, secret)
    assert "以后的告警" in alice.text(f"{channel}/remove")
    assert alice.post(f"{channel}/remove").location == ALARMS
    with tenant_session(cast.alices) as db:
        assert db.scalars(select(AlarmMessage)).all() == []


@pytest.mark.parametrize("address", ["http://10.0.0.1/", "https://localhost/", "https://[::1]/", "javascript:alert(1)"])
def test_a_webhook_that_leads_inside_is_refused(
    browser: Browsers, cast: Cast, run_jobs: Callable[..., list[str]], address: str
) -> None:
    settings.cache_clear()
    given = {"name": "内网", "address": address, "secret": "s" * 16, "locale": "zh_CN"}
    response = browser("alice").post(f"{ALARMS}/channels/new?kind=webhook", given)
    if response.status_code == 303:  # a name is judged when it is looked up
        browser("alice").post(f"{response.location}/test")
        run_jobs()
        assert "不能发往内网地址" in browser("alice").text(response.location)
    else:
        assert response.status_code == 422


def test_a_mail_channel_offers_the_members(browser: Browsers, cast: Cast) -> None:
    text = browser("alice").text(f"{ALARMS}/channels/new?kind=mail")
    assert cast.email("max") in text
    assert cast.email("charlie") not in text
    response = browser("alice").post(f"{ALARMS}/channels/new?kind=mail", {"name": "邮件", "locale": "zh_CN"})
    assert (response.status_code, "请至少选择一位成员" in response.get_data(as_text=True)) == (422, True)
    given = {"name": "邮件", "locale": "zh_CN", "member_ids": str(cast.users["max"]), "alarm_kinds": "ticket_missing"}
    response = browser("alice").post(f"{ALARMS}/channels/new?kind=mail", given)
    assert "Max" in browser("alice").text(response.location)
    assert browser("alice").get(f"{ALARMS}/channels/new?kind=pigeon").status_code == 404


def test_bots_show_what_their_address_looks_like(browser: Browsers, cast: Cast) -> None:
    for kind, start in (
        ("wecom", "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key="),
        ("feishu", "https://open.feishu.cn/open-apis/bot/v2/hook/"),
    ):
        assert start in browser("alice").text(f"{ALARMS}/channels/new?kind={kind}")


def test_the_demo_shows_what_bots_would_get(browser: Browsers, cast: Cast) -> None:
    with tenant_session(cast.alices) as db:
        channel = AlarmChannel(provider_id=cast.alices, kind="wecom", name="值班群")
        db.add(channel)
        db.flush()
        db.add(
            AlarmMessage(
                provider_id=cast.alices,
                channel_id=channel.id,
                occasion="raised",
                title="【代办】紧急：票据",
                body="正文在此",
            )
        )
    text = browser("").text("/mails")
    assert "正文在此" in text
    assert "企业微信机器人" in text


def test_failed_pushes_are_worked_on_again(browser: Browsers, cast: Cast, ready: ComponentApp) -> None:
    from saas.components.models import Callback, CallbackStatus

    with tenant_session(cast.alices) as db:
        push = Callback(
            provider_id=cast.alices, component_id=ready.id, digest=b"1", kind="authorized",
            status=CallbackStatus.FAILED, error="x", created_at=clock.now() - timedelta(hours=1),
        )  # fmt: skip
        db.add(push)
    assert page(ready, "/retry-pushes") in browser("max").text(HEALTH)
    browser("max").post(page(ready, "/retry-pushes"))
    with tenant_session(cast.alices) as db:
        assert db.scalars(select(Callback.status)).one() == CallbackStatus.QUEUED
        assert db.scalars(select(Job.subject).where(Job.name == "jobs.callbacks.process")).one() == str(push.id)
