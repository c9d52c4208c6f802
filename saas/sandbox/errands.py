"""Two pages of WeChat's that return to the platform: where a subject is lent, and where the administrator changes."""

from __future__ import annotations

import json
import secrets

from saas.sandbox.authorizations import get_authorization
from saas.sandbox.components import Unusable
from saas.sandbox.people import get_account, get_person, is_made_by_api
from saas.sandbox.state import Db, Row, insert, one
from saas.sandbox.visits import PageRefused, check_address, return_address

LEND, REBIND = "lend", "rebind"
ERRAND_SECONDS = 600
_SETS = {LEND: 27, REBIND: 17}
_RESULTS = {LEND: "ticket", REBIND: "taskid"}


def open_errand(db: Db, now: float, kind: str, component: str, appid: str, redirect_uri: str, referer: str) -> str:
    """Check the address of the page; answers what the platform will get once somebody has confirmed."""
    app = one(db, "select * from component where appid = ?", component)
    if app is None:
        raise PageRefused("参数错误：component_appid 不是有效的第三方平台")
    account = get_account(db, appid)
    granted = get_authorization(db, component, appid)
    if account is None or granted is None:
        raise PageRefused("该账号没有授权给这个第三方平台")
    if _SETS[kind] not in json.loads(granted["sets"]):
        raise PageRefused(f"该账号没有把权限集 {_SETS[kind]} 授权给这个第三方平台")
    if kind == LEND and account["kind"] != "official_account":
        raise PageRefused("只有公众号可以用来注册小程序")
    if kind == REBIND and not is_made_by_api(account):
        raise PageRefused("只有快速注册的小程序可以在这里换管理员")
    check_address(app, redirect_uri, referer)
    number = f"{kind}_{secrets.token_hex(16)}"
    values = {"kind": kind, "component": component, "account": appid, "redirect_uri": redirect_uri}
    insert(db, "errand", id=number, created_at=now, **values)
    return number


def get_errand(db: Db, now: float, number: str) -> Row:
    """Raises PageRefused when its time is over."""
    errand = one(
        db,
        "select errand.*, account.nick_name, account.person, component.name as component_name from errand "
        "join account on account.appid = errand.account join component on component.appid = errand.component "
        "where errand.id = ?",
        number,
    )
    if errand is None or now >= errand["created_at"] + ERRAND_SECONDS:
        raise PageRefused("页面已过期，请重新打开")
    return errand


def answer_errand(db: Db, errand: Row, person: Row, *, agree: bool, successor: str = "") -> None:
    """The administrator decides; a new administrator, named first, confirms after that."""
    if errand["state"] == "named" and errand["successor"] == person["id"]:
        _set_state(db, errand, "done" if agree else "refused")
        return
    if errand["state"] != "open" or errand["person"] != person["id"]:
        raise Unusable("你不是管理员，请由管理员打开")
    if not agree:
        _set_state(db, errand, "refused")
    elif errand["kind"] == LEND:
        _set_state(db, errand, "done")
    else:
        named = get_person(db, int(successor)) if successor.isdigit() else None
        if named is None or named["id"] == person["id"]:
            raise Unusable("请选择新的管理员")
        db.execute("update errand set successor = ? where id = ?", (named["id"], errand["id"]))
        _set_state(db, errand, "named")


def leave_errand(errand: Row) -> str:
    """Where the browser goes once everybody has confirmed."""
    return return_address(errand["redirect_uri"], **{_RESULTS[errand["kind"]]: errand["id"]})


def use_errand(db: Db, now: float, kind: str, number: str, appid: str) -> Row | None:
    """Use up what the page gave, in the call that it was for; None when it is not good for that."""
    errand = one(
        db,
        "select * from errand where id = ? and kind = ? and account = ? and state = 'done' and used_at is null "
        "and created_at > ?",
        number,
        kind,
        appid,
        now - ERRAND_SECONDS,
    )
    if errand is not None:
        db.execute("update errand set used_at = ? where id = ?", (now, number))
    return errand


def _set_state(db: Db, errand: Row, state: str) -> None:
    db.execute("update errand set state = ? where id = ?", (state, errand["id"]))
