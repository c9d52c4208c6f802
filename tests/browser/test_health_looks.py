"""The health board with everything broken, the pages of its buttons, alarms and their channels; and the board empty."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from saas import clock
from saas.components.models import Callback, CallbackRefusal, CallbackStatus, ComponentApp, WeChatCall
from saas.components.refusals import step_of
from saas.config import settings
from saas.db import new_id, platform_session, tenant_session
from saas.seed import PASSWORD
from saas.tenants import alarm_channels, providers
from saas.tenants.access import Who
from saas.tenants.alarm_channels import Wish
from saas.tenants.alarm_models import AlarmKind, AlarmMessage, ChannelKind
from saas.tenants.alarms import clear_alarm, raise_alarm
from saas.tenants.models import Role, User
from tests.browser.looking import WIDTHS, Looks
from tests.browser.test_looks import LANGUAGES, looks  # noqa: F401
from tests.demo.running import RunningDemo, beside

Begin = Callable[..., Looks]
SLUG = "health-looks"
EMPTY = "health-empty"


@dataclass(frozen=True)
class Ward:
    """Ids of what is looked at."""

    component_id: UUID
    channel_id: UUID


@pytest.fixture(scope="module")
def ward(demo: RunningDemo) -> Iterator[Ward]:
    """Two further providers of alice's in the demo: one in trouble, one without anything."""
    with beside(demo):
        yield _fill()


def _fill() -> Ward:
    now = clock.now()
    with platform_session("make providers of alice's") as db:
        alice = db.scalars(select(User).where(User.email == "alice@example.com")).one()
        provider_id = providers.create_provider(db, alice, "小康科技", SLUG).id
        providers.create_provider(db, alice, "新来科技", EMPTY)
    who = Who(provider_id, "Alice", alice.id, role=Role.OWNER)
    component = ComponentApp(
        id=new_id(), provider_id=provider_id, key=SLUG, name="小康开放平台", appid="wx0123456789abcdef",
        status="faulty", first_ticket_at=now - timedelta(days=40), last_ticket_at=now - timedelta(hours=3),
        push_started_at=now,
        last_token_at=now - timedelta(hours=4), last_errcode=61004, last_operation="getComponentAccessToken",
        last_error_at=now - timedelta(minutes=50), refused_ip="203.0.113.77", last_refusal="key",
        last_refusal_at=now, aes_key_changed_at=now - timedelta(minutes=20), audit_quota_rest=3, audit_quota_limit=300,
        speedup_rest=1, quota_read_at=now, permissions_counted_at=now,
        permission_counts={
            "total": 412, "own": 14, "lacking": 9, "essential": {"18": 9}, "others": {"25": 31, "40": 12}
        },
    )  # fmt: skip
    own = {"provider_id": provider_id, "component_id": component.id}
    with tenant_session(provider_id) as db:
        component.aes_key, component.previous_aes_key, component.secret, component.token = "k" * 43, "p" * 43, "s", "t"
        db.add(component)
        db.flush()
        db.add(CallbackRefusal(**own, began_at=step_of(now), why="key", count=7))
        for number in range(60):
            at = now - timedelta(minutes=number * 3 + 1)
            failed = number == 5
            db.add(
                Callback(
                    **own, digest=new_id().bytes, kind="authorized", created_at=at,
                    finished_at=at + timedelta(seconds=0.4 + number / 40),
                    status=CallbackStatus.FAILED if failed else CallbackStatus.DONE,
                )
            )  # fmt: skip
            code = 45009 if number % 4 == 0 else 0
            call = {"appid": "wxaaaabbbbccccdddd", "operation": "submitAudit", "errcode": code, "ms": 80}
            db.add(WeChatCall(**own, **call, created_at=at))
        raise_alarm(db, provider_id, AlarmKind.IP_REFUSED, component.id, {"name": component.name, "ip": "203.0.113.77"})
        raise_alarm(db, provider_id, AlarmKind.TICKET_MISSING, component.id, {"name": component.name, "hours": 3})
        raise_alarm(db, provider_id, AlarmKind.AUTHORIZATION_LOST, new_id(), {"name": "梅记茶铺（中关村店）"})
        over = new_id()
        raise_alarm(db, provider_id, AlarmKind.CALLS_FAILING, over, {"name": component.name, "percent": 71})
        clear_alarm(db, provider_id, AlarmKind.CALLS_FAILING, over)
        address = f"{settings().bot_bases('wecom')[0]}/cgi-bin/webhook/send?key=693a91f6-7f0d"
        wish = Wish("值班群", address, locale="zh_CN")
        channel = alarm_channels.add_channel(db, ChannelKind.WECOM, wish, who=who)
        mails = Wish("管理员邮箱", member_ids=[alice.id], only_urgent=True, quiet_from="22:00", quiet_until="8:00")
        alarm_channels.add_channel(db, ChannelKind.MAIL, mails, who=who)
        for status, error in (("sent", ""), ("failed", "93000 invalid webhook url, hint: [1796097600]")):
            db.add(
                AlarmMessage(
                    provider_id=provider_id, channel_id=channel.id, occasion="raised", count=2, status=status, tries=3,
                    title="【代办】紧急：“小康开放平台”的出口 IP 203.0.113.77 不在微信的白名单里，另有 1 条其他告警",
                    body="服务商：小康科技\n\n开始于 12-01 20:10\n请把这个 IP 加进微信后台的白名单。", error=error,
                )
            )  # fmt: skip
    return Ward(component.id, channel.id)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_board_and_its_pages(
    width: int, language: str, looks: Begin, ward: Ward, demo: RunningDemo  # noqa: F811
) -> None:  # fmt: skip
    alice = looks(language, width, "alice@example.com", PASSWORD)
    house = f"{demo.url}/p/{SLUG}"
    component, channels = f"{house}/components/{ward.component_id}", f"{house}/health/alarms/channels"
    for name, address in {
        "health": f"{house}/health", "health-empty": f"{demo.url}/p/{EMPTY}/health",
        "health-alarms": f"{house}/health/alarms", "health-alarms-empty": f"{demo.url}/p/{EMPTY}/health/alarms",
        "health-channel": f"{channels}/{ward.channel_id}", "health-channel-edit": f"{channels}/{ward.channel_id}/edit",
        "health-channel-mail": f"{channels}/new?kind=mail", "health-channel-webhook": f"{channels}/new?kind=webhook",
        "health-channel-remove": f"{channels}/{ward.channel_id}/remove",
        "health-clear-counters": f"{component}/clear-counters", "health-message-key": f"{component}/message-key",
    }.items():  # fmt: skip
        alice.examine(name, address)
    assert alice.faults == []
