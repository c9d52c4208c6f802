"""Reminders as template messages of a provider's own service account: set up, kept as rows, sent by a job.

The template that the provider chose has places with names and kinds of its own: a ``thing`` takes 20 letters, a
``time`` a point in time. https://developers.weixin.qq.com/doc/service/api/notify/template/
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas import clock
from saas.db import settle
from saas.errors import N_, Invalid
from saas.queue import Lane, enqueue_for
from saas.tenants import activity, service_accounts
from saas.tenants.access import Verb, Who, require
from saas.tenants.models import Identity, Provider, WeChatMessage, WeChatSignIn
from saas.tenants.service_accounts import OLD_TOKEN, AccountRefused
from saas.tenants.wechat_apps import Kind, own_app, own_apps
from saas.wx.limits import ZONE

SEND = "jobs.tenants.send_wechat_message"
_TEMPLATE_ID = re.compile(r"[0-9A-Za-z_-]{20,64}")
_LONGEST_THING = 20
_MARGIN_SECONDS = 60


class Place(StrEnum):
    """What a reminder says; `TIME` may be left out of the template."""

    NAME = "name"
    STEP = "step"
    TIME = "time"


_PATTERNS = {Place.NAME: r"thing\d{1,3}", Place.STEP: r"thing\d{1,3}", Place.TIME: r"(time|date)\d{1,3}"}

WORDS: Mapping[int, str] = {
    0: N_("微信没有回应"),
    40001: N_("服务号的 AppSecret 不对，请重新填写"),
    40003: N_("对方换了服务号或微信，须重新用微信登录一次"),
    40013: N_("服务号的 AppID 不对，请检查"),
    40037: N_("模板 ID 不对，或模板已从服务号里删除"),
    40125: N_("服务号的 AppSecret 不对，请重新填写"),
    40164: N_("本系统的出口 IP 不在服务号的 IP 白名单里，请到公众平台添加"),
    43004: N_("对方没有关注服务号"),
    43101: N_("对方拒收服务号的消息"),
    45009: N_("服务号今天的模板消息已发完"),
    45047: N_("给对方的消息已到上限"),
    47003: N_("模板的字段与填写的不一致"),
    48001: N_("服务号没有模板消息权限，须先完成微信认证"),
}
"""Why WeChat did not take a message, by errcode: msgids for the provider."""


@dataclass(frozen=True)
class Addressee:
    """A person as the service account knows her."""

    openid: str
    name: str


def sender_of(db: Session) -> WeChatSignIn | None:
    """The provider's service account with its template, in her session; None as long as there is none."""
    row = own_apps(db)
    return row if row is not None and row.account_appid and row.reminder_template else None


def may_say(sender: WeChatSignIn, ends_at: datetime | None) -> bool:
    """WeChat refuses a template with an empty place: one with a time has no words for what has no end."""
    return ends_at is not None or Place.TIME not in sender.reminder_fields


def addressees(db: Session, sender: WeChatSignIn, user_ids: Collection[UUID]) -> dict[UUID, Addressee]:
    """Those people who signed in by the service account. In a platform session: people stand above the tenant wall."""
    query = select(Identity).where(
        Identity.issuer == f"wechat:{sender.account_appid}", Identity.user_id.in_(user_ids)
    ).order_by(Identity.used_at.nulls_first())  # fmt: skip
    return {one.user_id: Addressee(one.subject, one.name) for one in db.scalars(query)}


def set_template(
    db: Session, provider: Provider, *, who: Who, template_id: str, name_field: str, step_field: str, time_field: str
) -> None:
    """Set by which template merchants are reminded; an empty id stops it. Raises Invalid."""
    require(who, Verb.MANAGE)
    row = own_apps(db)
    if row is None or not row.account_appid:
        raise Invalid(N_("请先填写服务号的 AppID 和 AppSecret"), field="template_id")
    fields = {Place.NAME: name_field, Place.STEP: step_field, Place.TIME: time_field}
    if not template_id:
        fields = {}
    elif not _TEMPLATE_ID.fullmatch(template_id):
        raise Invalid(N_("模板 ID 由字母、数字、横线和下划线组成，请从公众平台复制"), field="template_id")
    for place, field in fields.items():
        if not re.fullmatch(_PATTERNS[place], field) and (field or place is not Place.TIME):
            wanted = N_("填写模板里的字段名，如 time3") if place is Place.TIME else N_("填写模板里的字段名，如 thing1")
            raise Invalid(wanted, field=f"{place}_field")
    if name_field and name_field == step_field and template_id:
        raise Invalid(N_("两个字段不能相同"), field="step_field")
    kept = {place.value: field for place, field in fields.items() if field}
    if (row.reminder_template, row.reminder_fields) != (template_id, kept):
        row.reminder_template, row.reminder_fields = template_id, kept
        activity.record(db, who, "provider.change_wechat_reminders", provider, detail={"on": bool(template_id)})


def send_reminder(
    db: Session, sender: WeChatSignIn, to: Iterable[Addressee], *, about_id: UUID, name: str, step: str,
    ends_at: datetime | None, url: str,
) -> None:  # fmt: skip
    """Write to people and send it once this transaction has committed."""
    said = {Place.NAME: _thing(name), Place.STEP: _thing(step), Place.TIME: _time(ends_at) if ends_at else ""}
    data = {field: said[Place(place)] for place, field in sender.reminder_fields.items()}
    for one in to:
        message = WeChatMessage(
            provider_id=sender.provider_id, about_id=about_id, appid=sender.account_appid, openid=one.openid,
            name=one.name, template_id=sender.reminder_template, data=data, url=url,
        )  # fmt: skip
        db.add(message)
        db.flush()
        enqueue_for(db, sender.provider_id, SEND, message.id, lane=Lane.URGENT)


def send(db: Session, provider: Provider, message_id: UUID) -> None:
    """Have WeChat send a message that is not sent yet; a refusal is noted. Raises NoAnswer.

    WeChat itself sends a message once that it is asked for again within ten minutes. An account or template that was
    changed since then sends nothing any more.
    """
    message, row = load_message(db, message_id), own_apps(db)
    if message is None or message.sent_at is not None or message.errcode is not None:
        return
    if row is None or (row.account_appid, row.reminder_template) != (message.appid, message.template_id):
        db.delete(message)
        return
    try:
        _send(db, provider, row, message)
    except AccountRefused as error:
        message.errcode = error.code
    else:
        message.sent_at = clock.now()


def give_up(db: Session, message_id: UUID) -> None:
    """Note that WeChat did not answer."""
    message = load_message(db, message_id)
    if message is not None:
        message.errcode = 0


def load_message(db: Session, message_id: UUID) -> WeChatMessage | None:
    return db.scalar(select(WeChatMessage).where(WeChatMessage.id == message_id))


def list_failed(db: Session, limit: int = 5) -> list[WeChatMessage]:
    """What WeChat did not take of the provider's messages, newest first."""
    query = select(WeChatMessage).where(WeChatMessage.errcode.is_not(None)).order_by(WeChatMessage.id.desc())
    return list(db.scalars(query.limit(limit)))


def failed_about(db: Session, about_id: UUID) -> list[WeChatMessage]:
    """Those messages about one thing that WeChat did not take."""
    query = select(WeChatMessage).where(WeChatMessage.about_id == about_id, WeChatMessage.errcode.is_not(None))
    return list(db.scalars(query.order_by(WeChatMessage.id)))


def _send(db: Session, provider: Provider, row: WeChatSignIn, message: WeChatMessage) -> None:
    token = _token(db, provider, row)
    for refused in (False, True):
        settle(db)
        try:
            service_accounts.send_template_message(
                token, openid=message.openid, template_id=message.template_id, data=message.data, url=message.url,
                message_id=message.id.hex,
            )  # fmt: skip
        except AccountRefused as error:
            if refused or error.code not in OLD_TOKEN:
                raise
            token = _token(db, provider, row, instead_of=token)
        else:
            return


def _token(db: Session, provider: Provider, row: WeChatSignIn, *, instead_of: str = "") -> str:
    """The account's token, from the row as long as it lives. All who ask WeChat for one get the same, so nobody has to
    wait for anybody; only where WeChat gives out what it refuses is a new one forced.
    """
    if not instead_of and row.account_token_ends_at is not None and row.account_token_ends_at > clock.now():
        return row.account_token
    app = own_app(db, provider, Kind.ACCOUNT)
    assert app is not None
    settle(db)
    token, seconds = service_accounts.fetch_token(app)
    if token == instead_of:
        token, seconds = service_accounts.fetch_token(app, force=True)
    row.account_token = token
    row.account_token_ends_at = clock.now() + timedelta(seconds=seconds - _MARGIN_SECONDS)
    return token


def _thing(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _LONGEST_THING else flat[: _LONGEST_THING - 1] + "…"


def _time(moment: datetime) -> str:
    local = moment.astimezone(ZONE)
    return f"{local.year}年{local.month}月{local.day}日 {local:%H:%M}"
