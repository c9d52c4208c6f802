"""People sign in with WeChat at websites (QR code) and inside WeChat (official accounts): visits, codes, tokens.

https://developers.weixin.qq.com/doc/oplatform/Website_App/WeChat_Login/Wechat_Login.html
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from saas.sandbox.components import Unusable
from saas.sandbox.people import get_person
from saas.sandbox.state import Db, Row, one, random_appid, update
from saas.sandbox.visits import PageRefused

_COLUMNS = ("appid", "secret", "name", "kind", "domain", "open_account", "daily_messages")
CODE_SECONDS, TOKEN_SECONDS, VISIT_SECONDS = 300, 7200, 600
SCOPES = {"site": ("snsapi_login",), "account": ("snsapi_base", "snsapi_userinfo")}
_WORDS = {
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40013: "invalid appid",
    40029: "invalid code",
    40125: "invalid appsecret",
    40163: "code been used",
    41002: "appid missing",
    41004: "appsecret missing",
    41008: "missing code",
    42001: "access_token expired",
    48001: "api unauthorized",
}


class SignInRefused(Exception):
    """An errcode of the two calls."""

    def __init__(self, errcode: int) -> None:
        super().__init__(errcode)
        self.errcode = errcode

    @property
    def answer(self) -> dict[str, Any]:
        return {"errcode": self.errcode, "errmsg": f"{_WORDS[self.errcode]}, rid: {secrets.token_hex(4)}"}


@dataclass(frozen=True)
class Asked:
    """What an address of the two pages says."""

    kind: str
    appid: str
    redirect_uri: str
    response_type: str
    scope: str
    state: str


def save_app(db: Db, given: dict[str, Any]) -> dict[str, Any]:
    """Make an app, or change the one with this appid.

    `kind` is site or account, `domain` the host that codes may be sent to. Apps of one `open_account` see the same
    unionid for a person; without one there is no unionid. `daily_messages`: how many template messages a day.
    """
    appid = str(given.get("appid") or random_appid())
    known = one(db, "select * from sign_in_app where appid = ?", appid)
    values = dict(known) if known else {"secret": secrets.token_hex(16), "name": "测试应用", "kind": "site"}
    values = {"domain": "", "open_account": "", **values, **given, "appid": appid}
    if values["kind"] not in SCOPES or values.keys() - {*_COLUMNS}:
        raise Unusable("kind 是 site 或 account")
    names = ", ".join(values)
    marks = ", ".join("?" * len(values))
    db.execute(f"insert or replace into sign_in_app ({names}) values ({marks})", tuple(values.values()))
    return values


def open_visit(db: Db, now: float, asked: Asked) -> str:
    """Look at the address as WeChat does; the id of the visit. Raises PageRefused."""
    app = one(db, "select * from sign_in_app where appid = ?", asked.appid)
    if app is None or app["kind"] != asked.kind:
        raise PageRefused("AppID 参数错误")
    if asked.response_type != "code":
        raise PageRefused("response_type 参数错误")
    if urlsplit(asked.redirect_uri).netloc != app["domain"]:
        raise PageRefused("redirect_uri 参数错误")
    if asked.scope not in SCOPES[asked.kind]:
        raise PageRefused("Scope 参数错误或没有 Scope 权限")
    visit = secrets.token_hex(8)
    db.execute(
        "insert into sign_in_visit (id, app, redirect_uri, scope, state, expires_at) values (?, ?, ?, ?, ?, ?)",
        (visit, asked.appid, asked.redirect_uri, asked.scope, asked.state, now + VISIT_SECONDS),
    )
    return visit


def get_visit(db: Db, now: float, visit: str) -> Row:
    """Raises PageRefused."""
    found = one(
        db,
        "select sign_in_visit.*, name, kind from sign_in_visit join sign_in_app on appid = app where id = ?", visit,
    )  # fmt: skip
    if found is None or found["expires_at"] < now:
        raise PageRefused("二维码已过期，请刷新后重新扫描")
    return found


def answer_visit(db: Db, now: float, visit: Row, person: int, *, agrees: bool) -> None:
    """The person taps on her phone. Raises PageRefused when she has done so before."""
    if visit["answer"] != "open":
        raise PageRefused("这次登录已经处理过了，请重新发起")
    code = f"0{secrets.token_hex(15)}0" if agrees else None
    if code:
        db.execute(
            "insert into sign_in_code (value, app, person, scope, expires_at) values (?, ?, ?, ?, ?)",
            (code, visit["app"], person, visit["scope"], now + CODE_SECONDS),
        )
    update(db, "sign_in_visit", visit, answer="agreed" if agrees else "refused", code=code)


def return_address(visit: Row) -> str:
    """Where the browser goes next: with code and state, or with the state alone after a refusal."""
    parts = urlsplit(visit["redirect_uri"])
    query = [*parse_qsl(parts.query), *([("code", visit["code"])] if visit["code"] else []), ("state", visit["state"])]
    return str(urlunsplit(parts._replace(query=urlencode(query))))


def exchange_code(db: Db, now: float, given: dict[str, str]) -> dict[str, Any]:
    """/sns/oauth2/access_token. Raises SignInRefused."""
    for name, errcode in (("appid", 41002), ("secret", 41004), ("code", 41008)):
        if not given.get(name):
            raise SignInRefused(errcode)
    app = one(db, "select * from sign_in_app where appid = ?", given["appid"])
    if app is None:
        raise SignInRefused(40013)
    if not secrets.compare_digest(str(app["secret"]), given["secret"]):
        raise SignInRefused(40125)
    if given.get("grant_type") != "authorization_code":
        raise SignInRefused(40002)
    code = one(db, "select * from sign_in_code where value = ? and app = ?", given["code"], app["appid"])
    if code is None or code["expires_at"] < now:
        raise SignInRefused(40029)
    if code["used_at"] is not None:
        raise SignInRefused(40163)
    update(db, "sign_in_code", code, used_at=now)
    token = f"98_{secrets.token_urlsafe(48)}"
    db.execute(
        "insert into sign_in_token (value, app, person, scope, expires_at) values (?, ?, ?, ?, ?)",
        (token, app["appid"], code["person"], code["scope"], now + TOKEN_SECONDS),
    )
    return {
        "access_token": token,
        "expires_in": TOKEN_SECONDS,
        "refresh_token": f"98_{secrets.token_urlsafe(48)}",
        "openid": openid_of(app, code["person"]),
        "scope": code["scope"],
        **({"unionid": unionid_of(app, code["person"])} if app["open_account"] else {}),
    }


def read_person(db: Db, now: float, given: dict[str, str]) -> dict[str, Any]:
    """/sns/userinfo. Raises SignInRefused."""
    token = one(db, "select * from sign_in_token where value = ?", given.get("access_token", ""))
    if token is None:
        raise SignInRefused(40001)
    if token["expires_at"] < now:
        raise SignInRefused(42001)
    app = one(db, "select * from sign_in_app where appid = ?", token["app"])
    person = get_person(db, token["person"])
    if app is None or person is None or given.get("openid") != openid_of(app, person["id"]):
        raise SignInRefused(40003)
    if token["scope"] == "snsapi_base":
        raise SignInRefused(48001)
    return {
        "openid": given["openid"], "nickname": person["name"], "sex": 0, "language": "", "city": "", "province": "",
        "country": "", "headimgurl": "", "privilege": [],
        **({"unionid": unionid_of(app, person["id"])} if app["open_account"] else {}),
    }  # fmt: skip


def openid_of(app: Row, person: int) -> str:
    """A person's id at one app."""
    return "o" + hashlib.sha256(f"{app['appid']}:{person}".encode()).hexdigest()[:27]


def unionid_of(app: Row, person: int) -> str:
    """A person's id at all apps of one Open Platform account."""
    return "oU" + hashlib.sha256(f"{app['open_account']}:{person}".encode()).hexdigest()[:26]
