"""Component apps (第三方平台) that live in the sandbox."""

from __future__ import annotations

import json
import secrets
from typing import Any

from saas.sandbox.pusher import push_ticket
from saas.sandbox.state import Db, Row, insert, one, random_appid, random_text, rows, to_json
from saas.wx.crypto import check_aes_key, random_aes_key

DEFAULT_SETS = (17, 18, 19, 25, 30, 31, 33, 37, 40, 65, 76, 81, 85, 88, 120, 142, 156)
_LISTS = ("permission_sets", "ip_whitelist")
_TEXTS = ("name", "secret", "token", "aes_key", "events_url", "messages_url", "start_domain")
_NUMBERS = ("audit_limit", "speedup_limit", "pushing")


class Unusable(Exception):
    """A value that WeChat's console would not take, in Chinese."""


def save_component(db: Db, now: float, given: dict[str, Any]) -> dict[str, Any]:
    """Create a component app, or change the one with this appid; what is not given is made up or kept."""
    appid = given.get("appid") or random_appid()
    values = {name: given[name] for name in (*_TEXTS, *_NUMBERS) if given.get(name) is not None}
    values |= {name: to_json(list(given[name])) for name in _LISTS if given.get(name) is not None}
    _check(appid, values)
    before = one(db, "select * from component where appid = ?", appid)
    if before is None:
        made_up = {
            "name": "未命名平台",
            "secret": secrets.token_hex(16),
            "token": random_text(24),
            "aes_key": random_aes_key(),
            "permission_sets": to_json(DEFAULT_SETS),
        }
        insert(db, "component", appid=appid, created_at=now, **(made_up | values))
    elif values:
        assignments = ", ".join(f"{name} = ?" for name in values)
        db.execute(f"update component set {assignments} where appid = ?", (*values.values(), appid))
    component = get_component(db, appid)
    moved = before is None or before["events_url"] != component["events_url"]
    started = before is not None and component["pushing"] and not before["pushing"]
    if component["events_url"] and (moved or started):
        push_ticket(db, appid, now)
    return as_dict(component)


def get_component(db: Db, appid: str) -> Row:
    component = one(db, "select * from component where appid = ?", appid)
    if component is None:
        raise Unusable(f"没有这个第三方平台：{appid}")
    return component


def list_components(db: Db) -> list[dict[str, Any]]:
    return [as_dict(component) for component in rows(db, "select * from component order by created_at")]


def as_dict(component: Row) -> dict[str, Any]:
    values = dict(component)
    return values | {name: json.loads(values[name]) for name in _LISTS}


def _check(appid: str, values: dict[str, Any]) -> None:
    if not (appid.startswith("wx") and len(appid) == 18):
        raise Unusable("AppID 应为 wx 加 16 位十六进制数")
    if "aes_key" in values:
        try:
            check_aes_key(values["aes_key"])
        except ValueError as error:
            raise Unusable("消息加解密 Key 应为 43 位字母或数字") from error
    if not values.get("token", "x").isalnum():
        raise Unusable("消息校验 Token 只能是字母或数字")
    for name in ("events_url", "messages_url"):
        if values.get(name) and not values[name].startswith(("http://", "https://")):
            raise Unusable("回调地址应以 http:// 或 https:// 开头")
    if values.get("messages_url") and "$APPID$" not in values["messages_url"]:
        raise Unusable("消息与事件接收 URL 里应有 $APPID$")
