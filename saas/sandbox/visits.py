"""Visits of the authorization page: from a pre-authorization code to the merchant's answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from saas.sandbox.authorizations import AUTH_CODE_SECONDS, authorize
from saas.sandbox.people import get_account
from saas.sandbox.state import Db, Row, one, rows, to_json

_OFFICIAL, _PROGRAM = "official_account", "mini_program"
_KINDS = {1: (_OFFICIAL,), 2: (_PROGRAM,), 3: (_OFFICIAL, _PROGRAM), 6: (_OFFICIAL, _PROGRAM), 4: (), 5: (), 8: ()}


class PageRefused(Exception):
    """What WeChat's page says instead of going on, in Chinese."""


@dataclass(frozen=True)
class Asked:
    """The address of the authorization page, read."""

    component_appid: str
    pre_auth_code: str
    redirect_uri: str
    auth_type: int
    biz_appid: str
    sets: tuple[int, ...]


def open_visit(db: Db, now: float, asked: Asked, referer: str) -> Row:
    """Check the address and note the visit; the same address may be opened again until it is answered."""
    component = one(db, "select * from component where appid = ?", asked.component_appid)
    if component is None:
        raise PageRefused("参数错误：component_appid 不是有效的第三方平台")
    code = one(db, "select * from pre_auth_code where value = ?", asked.pre_auth_code)
    if code is None or code["component"] != asked.component_appid:
        raise PageRefused("参数错误：pre_auth_code 无效")
    visit = one(db, "select * from visit where pre_auth_code = ?", asked.pre_auth_code)
    if visit is not None and visit["state"] != "open" and visit["returned_at"] is None:
        return get_visit(db, now, asked.pre_auth_code)
    if code["used_at"] is not None:
        raise PageRefused("pre_auth_code 已使用，请重新发起授权")
    if code["expires_at"] <= now:
        raise PageRefused("pre_auth_code 已过期，请重新发起授权")
    check_address(component, asked.redirect_uri, referer)
    declared = json.loads(component["permission_sets"])
    sets = [number for number in declared if not asked.sets or number in asked.sets]
    db.execute(
        "insert or replace into visit (pre_auth_code, component, redirect_uri, auth_type, biz_appid, sets) "
        "values (?, ?, ?, ?, ?, ?)",
        (
            asked.pre_auth_code,
            asked.component_appid,
            asked.redirect_uri,
            asked.auth_type,
            asked.biz_appid,
            to_json(sets),
        ),
    )
    return get_visit(db, now, asked.pre_auth_code)


def get_visit(db: Db, now: float, pre_auth_code: str) -> Row:
    visit = one(
        db,
        "select visit.*, component.name as component_name, pre_auth_code.expires_at from visit "
        "join component on component.appid = visit.component "
        "join pre_auth_code on pre_auth_code.value = visit.pre_auth_code where visit.pre_auth_code = ?",
        pre_auth_code,
    )
    if visit is None:
        raise PageRefused("二维码无效，请在电脑上刷新后重新扫码")
    if visit["state"] == "open" and visit["expires_at"] <= now:
        raise PageRefused("二维码已过期，请在电脑上刷新后重新扫码")
    return visit


def list_choices(db: Db, visit: Row, person_id: int) -> list[Row]:
    """The accounts that this person may authorize here. Raises PageRefused when it is not their turn."""
    if visit["biz_appid"]:
        account = get_account(db, visit["biz_appid"])
        if account is None or account["person"] != person_id:
            raise PageRefused("你不是该小程序的管理员，请由管理员扫码授权")
        return [account]
    kinds = _KINDS.get(visit["auth_type"], ())
    marks = ", ".join("?" * len(kinds)) or "''"
    found = rows(
        db,
        f"select * from account where person = ? and kind in ({marks}) and account_status = 1 order by rowid",
        person_id,
        *kinds,
    )
    if not found:
        raise PageRefused("你没有可授权的账号：需要是小程序的管理员")
    return found


def confirm_visit(db: Db, now: float, visit: Row, person_id: int, appid: str, sets: Sequence[int]) -> None:
    """The merchant agrees; the browser that opened the page may go on."""
    if visit["state"] != "open":
        raise PageRefused("这次授权已经处理过了，请重新发起")
    if appid not in {account["appid"] for account in list_choices(db, visit, person_id)}:
        raise PageRefused("你不是该小程序的管理员，请由管理员扫码授权")
    asked = json.loads(visit["sets"])
    granted = [number for number in sets if number in asked]
    if not granted:
        raise PageRefused("请至少勾选一项权限")
    code = authorize(db, now, visit["component"], appid, granted, pre_auth_code=visit["pre_auth_code"])
    _close(db, now, visit, "confirmed", code)


def refuse_visit(db: Db, now: float, visit: Row) -> None:
    """The merchant says no. WeChat tells the platform nothing."""
    if visit["state"] == "open":
        _close(db, now, visit, "refused", None)


def leave_visit(db: Db, now: float, visit: Row) -> str:
    """The browser goes back to the platform, once."""
    db.execute("update visit set returned_at = ? where pre_auth_code = ?", (now, visit["pre_auth_code"]))
    return return_address(visit["redirect_uri"], auth_code=visit["auth_code"], expires_in=AUTH_CODE_SECONDS)


def return_address(redirect_uri: str, **given: str | int) -> str:
    """The redirect address with what is given to the platform; parameters that were there stay."""
    address, hash_mark, fragment = redirect_uri.partition("#")
    query = urlencode(given)
    return f"{address}{'&' if '?' in address else '?'}{query}{hash_mark}{fragment}"


def _close(db: Db, now: float, visit: Row, state: str, code: str | None) -> None:
    db.execute(
        "update visit set state = ?, auth_code = ? where pre_auth_code = ?", (state, code, visit["pre_auth_code"])
    )
    db.execute("update pre_auth_code set used_at = ? where value = ?", (now, visit["pre_auth_code"]))


def check_address(component: Row, redirect_uri: str, referer: str) -> None:
    """A page is entered from, and returns to, the domain that the component app has registered. Raises PageRefused."""
    registered = component["start_domain"].lower()
    if not registered:
        raise PageRefused("该第三方平台没有登记授权发起页域名")
    target = urlsplit(redirect_uri)
    if target.scheme not in ("http", "https") or not target.hostname:
        raise PageRefused("参数错误：redirect_uri 不是完整的网址")
    wrong = f"授权入口页与回调 URL 的域名应相同，并且是第三方平台登记的授权发起页域名：{registered}"
    if not _is_under(target.netloc, registered):
        raise PageRefused(wrong)
    if referer and not _is_under(urlsplit(referer).netloc, registered):
        raise PageRefused(wrong)


def _is_under(netloc: str, registered: str) -> bool:
    """A registered domain without a port covers every port; subdomains count as their own domain."""
    netloc = netloc.lower()
    return netloc == registered or netloc.rpartition(":")[0] == registered
