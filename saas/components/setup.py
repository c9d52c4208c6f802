"""Connect a component app: enter its credentials, change them, and what has to be entered at WeChat in return."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas import clock
from saas.components.authorizations import lock_authorization
from saas.components.inbox import forget_receiver
from saas.components.models import ComponentApp, ComponentStatus
from saas.config import settings
from saas.db import after_commit
from saas.errors import N_, Invalid
from saas.queue import Lane, enqueue
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.wx.crypto import check_aes_key

CHECK = "jobs.components.check"
_APPID = re.compile(r"wx[0-9a-f]{16}", re.ASCII)
_SECRET = re.compile(r"[0-9a-f]{32}", re.ASCII)
_TOKEN = re.compile(r"[0-9A-Za-z]{3,32}", re.ASCII)
_LONGEST_NAME = 60


@dataclass(frozen=True)
class Addresses:
    """What goes into WeChat's console (开放平台 → 第三方平台 → 开发配置)."""

    events_url: str
    messages_url: str
    domain: str
    exit_ips: list[str]
    port_is_usable: bool


def add_component(
    db: Session, *, who: Who, name: str, appid: str, secret: str, token: str, aes_key: str
) -> ComponentApp:
    """Save a component app and have it checked. Raises Invalid with the field that is wrong."""
    require(who, Verb.MANAGE)
    name, appid = _checked_name(name), _checked_appid(db, who, appid)
    component = ComponentApp(
        provider_id=who.provider_id, key=secrets.token_hex(12), name=name, appid=appid,
        status=ComponentStatus.WAITING_TICKET,
    )  # fmt: skip
    component.secret, component.token, component.aes_key = (
        _checked_secret(secret), _checked_token(token), _checked_aes_key(aes_key),
    )  # fmt: skip
    db.add(component)
    db.flush()
    activity.record(db, who, "component.add", component, detail={"appid": appid})
    enqueue(db, CHECK, component.id, lane=Lane.URGENT)
    return component


def update_credentials(
    db: Session, component: ComponentApp, *, who: Who, name: str = "", appid: str = "", secret: str = "",
    token: str = "", aes_key: str = "",
) -> list[str]:  # fmt: skip
    """Change what is given and differs; says which fields. Blank leaves a field as it is.

    The AES key before the change stays valid for what WeChat still sends with it. The AppID can be corrected only as
    long as nothing has arrived for it.
    """
    require(who, Verb.MANAGE)
    changed = []
    if name and name.strip() != component.name:
        component.name = _checked_name(name)
        changed.append("name")
    if appid and appid.strip() != component.appid:
        if component.first_ticket_at is not None:
            raise Invalid(N_("这个第三方平台已经在使用，AppID 不能再改；请另外添加一个"), field="appid")
        component.appid = _checked_appid(db, who, appid)
        changed.append("appid")
    if secret and _checked_secret(secret) != component.secret:
        component.secret = _checked_secret(secret)
        changed.append("secret")
    if token and _checked_token(token) != component.token:
        component.token = _checked_token(token)
        changed.append("token")
    if aes_key and _checked_aes_key(aes_key) != component.aes_key:
        component.previous_aes_key = component.aes_key
        component.aes_key = _checked_aes_key(aes_key)
        component.aes_key_changed_at, component.aes_key_seen_at = clock.now(), None
        changed.append("aes_key")
    if not changed:
        return []
    if {"appid", "secret"} & set(changed):
        row = lock_authorization(db, component, "")
        row.value, row.expires_at, row.lease_until, row.fence = "", None, None, row.fence + 1
    db.flush()
    activity.record(db, who, "component.edit", component, detail={"changed": changed})
    after_commit(db, lambda: forget_receiver(component.key))
    if changed != ["name"]:
        enqueue(db, CHECK, component.id, lane=Lane.URGENT)
    return changed


def request_check(db: Session, component: ComponentApp, *, who: Who) -> None:
    """The repair button: start the ticket push and fetch a token again, now."""
    require(who, Verb.WORK)
    activity.record(db, who, "component.check", component)
    enqueue(db, CHECK, component.id, lane=Lane.URGENT)


def addresses(component: ComponentApp) -> Addresses:
    """The exact values to copy. WeChat calls back on ports 80 and 443 only."""
    base = settings().public_url
    parts = urlsplit(base)
    return Addresses(
        events_url=f"{base}/wx/{component.key}/events",
        messages_url=f"{base}/wx/{component.key}/$APPID$/messages",
        domain=parts.hostname or "",
        exit_ips=settings().exit_addresses,
        port_is_usable=parts.port in (None, 80, 443),
    )


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > _LONGEST_NAME:
        raise Invalid(N_("请填写名称，最多 %(most)d 个字"), field="name", most=_LONGEST_NAME)
    return name


def _checked_appid(db: Session, who: Who, appid: str) -> str:
    appid = appid.strip()
    if not _APPID.fullmatch(appid):
        raise Invalid(N_("AppID 应为 wx 加 16 位小写字母或数字（0-9、a-f）"), field="appid")
    known = select(ComponentApp.id).where(ComponentApp.provider_id == who.provider_id, ComponentApp.appid == appid)
    if db.scalar(known) is not None:
        raise Invalid(N_("这个第三方平台已经添加过了"), field="appid")
    return appid


def _checked_secret(secret: str) -> str:
    secret = secret.strip()
    if not _SECRET.fullmatch(secret):
        raise Invalid(N_("AppSecret 应为 32 位小写字母或数字（0-9、a-f），请从微信后台完整复制"), field="secret")
    return secret


def _checked_token(token: str) -> str:
    token = token.strip()
    if not _TOKEN.fullmatch(token):
        raise Invalid(N_("消息校验 Token 应为 3 到 32 位英文字母或数字"), field="token")
    return token


def _checked_aes_key(aes_key: str) -> str:
    aes_key = aes_key.strip()
    try:
        check_aes_key(aes_key)
    except ValueError:
        raise Invalid(N_("消息加解密 Key 应为 43 位英文字母或数字"), field="aes_key") from None
    return aes_key
