"""Service accounts write to their followers: access tokens by AppSecret, templates, template messages.

https://developers.weixin.qq.com/doc/service/api/base/api_getstableaccesstoken.html
https://developers.weixin.qq.com/doc/service/api/notify/template/api_sendtemplatemessage.html
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from typing import Any

from saas.sandbox.components import Unusable
from saas.sandbox.people import list_people
from saas.sandbox.sign_ins import openid_of
from saas.sandbox.state import Db, Row, insert, one, random_text, rows, scalar, to_json

TOKEN_SECONDS, RENEWED_BEFORE, ONCE_SECONDS, DAY = 7200, 300, 600, 86400
_TEMPLATE_ID = 43
_TOKEN_BODY = {"grant_type": str, "appid": str, "secret": str, "force_refresh": bool}
_MESSAGE_BODY = {
    "touser": str, "template_id": str, "url": str, "miniprogram": dict, "client_msg_id": str, "data": dict,
}  # fmt: skip
_TIME = r"(\d{4}年\d{1,2}月\d{1,2}日|\d{4}([-/.])\d{1,2}\2\d{1,2})?\s?([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?"
_FIT = {
    "thing": re.compile(r"[^\r\n\t]{1,20}"),
    "time": re.compile(_TIME),
    "character_string": re.compile(r"[!-~ ]{1,32}"),
    "phrase": re.compile(r"[\u4e00-\u9fff]{1,5}"),
}
"""What fits into a template's place, by the letters of its name; other kinds take anything."""
_WORDS = {
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40013: "invalid appid",
    40037: "invalid template_id",
    40125: "invalid appsecret",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    42001: "access_token expired",
    43002: "require POST method",
    43004: "require subscribe",
    45009: "reach max api daily quota limit",
    47001: "data format error",
    47003: "argument invalid!",
    48001: "api unauthorized",
}


class MessageRefused(Exception):
    """An errcode of the two calls."""

    def __init__(self, errcode: int, more: str = "") -> None:
        super().__init__(errcode)
        self.errcode, self.more = errcode, more

    @property
    def answer(self) -> dict[str, Any]:
        words = f"{_WORDS[self.errcode]}{f' {self.more}' if self.more else ''}"
        return {"errcode": self.errcode, "errmsg": f"{words} rid: {secrets.token_hex(4)}"}


def give_token(db: Db, now: float, raw: bytes) -> dict[str, Any]:
    """/cgi-bin/stable_token: the same token as long as it lives, unless a new one is forced. Raises MessageRefused."""
    given = _read(raw, _TOKEN_BODY)
    for name, errcode in (("appid", 41002), ("secret", 41004)):
        if not given.get(name):
            raise MessageRefused(errcode)
    if given.get("grant_type") != "client_credential":
        raise MessageRefused(40002)
    app = one(db, "select * from sign_in_app where appid = ?", given["appid"])
    if app is None:
        raise MessageRefused(40013)
    if not secrets.compare_digest(str(app["secret"]), given["secret"]):
        raise MessageRefused(40125)
    if given.get("force_refresh"):
        db.execute("update service_token set void = 1 where app = ?", (app["appid"],))
    token = one(
        db, "select * from service_token where app = ? and not void and expires_at > ?", app["appid"],
        now + RENEWED_BEFORE,
    )  # fmt: skip
    if token is None:
        value, expires_at = f"99_{secrets.token_urlsafe(64)}", now + TOKEN_SECONDS
        insert(db, "service_token", value=value, app=app["appid"], expires_at=expires_at)
    else:
        value, expires_at = token["value"], token["expires_at"]
    return {"access_token": value, "expires_in": int(expires_at - now)}


def take_message(db: Db, now: float, token: str, raw: bytes) -> dict[str, Any]:
    """/cgi-bin/message/template/send. Raises MessageRefused."""
    app = _app_of_token(db, now, token)
    given = _read(raw, _MESSAGE_BODY)
    if app["kind"] != "account":
        raise MessageRefused(48001)
    person = next((one for one in list_people(db) if openid_of(app, one["id"]) == given.get("touser")), None)
    if person is None:
        raise MessageRefused(40003)
    template = one(
        db, "select * from message_template where template_id = ? and app = ?", given.get("template_id", ""),
        app["appid"],
    )  # fmt: skip
    if template is None:
        raise MessageRefused(40037)
    if one(db, "select 1 from follower where app = ? and person = ?", app["appid"], person["id"]) is None:
        raise MessageRefused(43004)
    _check_data(json.loads(template["fields"]), given.get("data", {}))
    known = _sent_before(db, now, app, person, given.get("client_msg_id", ""))
    if known is None:
        since = scalar(
            db, "select count(*) from template_message where app = ? and sent_at > ?", app["appid"], now - DAY
        )
        if since >= app["daily_messages"]:
            raise MessageRefused(45009)
        known = insert(
            db, "template_message", app=app["appid"], person=person["id"], template=template["template_id"],
            data=to_json({name: place["value"] for name, place in given["data"].items()}), url=given.get("url", ""),
            client_id=given.get("client_msg_id", ""), sent_at=now,
        )  # fmt: skip
    return {"errcode": 0, "errmsg": "ok", "msgid": 3_500_000_000_000_000_000 + known}


def save_template(db: Db, given: dict[str, Any]) -> dict[str, Any]:
    """A service account takes a template from WeChat's library: `appid`, `title`, and `fields`, the words before each
    place by the place's name, as {"thing1": "小程序名称", "time3": "截止时间"}.
    """
    app = one(db, "select * from sign_in_app where appid = ? and kind = 'account'", str(given.get("appid")))
    fields = given.get("fields")
    if app is None or not isinstance(fields, dict) or not fields:
        raise Unusable("没有这个服务号，或没有写模板的字段")
    template_id = random_text(_TEMPLATE_ID)
    insert(
        db, "message_template", template_id=template_id, app=app["appid"], title=str(given.get("title", "待办提醒")),
        fields=to_json(fields),
    )  # fmt: skip
    return {"template_id": template_id}


def set_following(db: Db, appid: str, person: int, *, follows: bool) -> None:
    """A person follows a service account, or does so no more."""
    db.execute("delete from follower where app = ? and person = ?", (appid, person))
    if follows:
        insert(db, "follower", app=appid, person=person)


def void_tokens(db: Db, appid: str) -> None:
    """As when somebody else forces a new token, or the AppSecret is reset."""
    db.execute("update service_token set void = 1 where app = ?", (appid,))


def messages_of(db: Db, person: int) -> list[dict[str, Any]]:
    """What service accounts wrote to a person, newest first: sender, title, lines as (words, value), url, sent_at."""
    found = rows(
        db,
        "select template_message.*, name, title, fields from template_message "
        "join sign_in_app on appid = template_message.app join message_template on template_id = template "
        "where person = ? order by id desc", person,
    )  # fmt: skip
    return [
        {
            "sender": row["name"], "title": row["title"], "url": row["url"], "sent_at": row["sent_at"],
            "lines": [(words, json.loads(row["data"])[name]) for name, words in json.loads(row["fields"]).items()],
        }
        for row in found
    ]  # fmt: skip


def _app_of_token(db: Db, now: float, value: str) -> Row:
    if not value:
        raise MessageRefused(41001)
    token = one(db, "select * from service_token where value = ?", value)
    app = one(db, "select * from sign_in_app where appid = ?", token["app"]) if token is not None else None
    if token is None or token["void"] or app is None:
        raise MessageRefused(40001)
    if token["expires_at"] <= now:
        raise MessageRefused(42001)
    return app


def _read(raw: bytes, kinds: Mapping[str, type]) -> dict[str, Any]:
    """A body of raw UTF-8 JSON with known names only."""
    try:
        given = json.loads(raw)
    except ValueError:
        raise MessageRefused(47001) from None
    fits = isinstance(given, dict) and all(
        name in kinds and isinstance(value, kinds[name]) for name, value in given.items()
    )
    if not fits or b"\\u" in raw:
        raise MessageRefused(47001)
    return dict(given)


def _check_data(fields: Mapping[str, str], data: Mapping[str, Any]) -> None:
    """Every place of the template is filled, with what fits; nothing else is given."""
    for name in [*fields, *data]:
        place = data.get(name)
        value = place.get("value") if isinstance(place, dict) else None
        fit = _FIT.get(name.rstrip("0123456789"))
        if name not in fields or not isinstance(value, str) or not value or (fit and not fit.fullmatch(value)):
            raise MessageRefused(47003, f"data.{name}.value invalid")


def _sent_before(db: Db, now: float, app: Row, person: Row, client_id: str) -> int | None:
    if not client_id:
        return None
    found = scalar(
        db, "select id from template_message where app = ? and person = ? and client_id = ? and sent_at > ?",
        app["appid"], person["id"], client_id, now - ONCE_SECONDS,
    )  # fmt: skip
    return None if found is None else int(found)
