"""Official accounts beside a mini program: the one shown after a scan (扫码关注组件), the programs linked to one."""

from __future__ import annotations

import json
from typing import Any

from saas.sandbox import applications
from saas.sandbox.api.registry import Answer, Call, plays
from saas.sandbox.applications import LINK, OPEN, Status, get_latest_application, list_latest_applications
from saas.sandbox.people import get_account
from saas.sandbox.refusals import Refused
from saas.sandbox.state import Row, one, rows

_STATUS = {Status.WAITING: 12, Status.CONFIRMED: 2, Status.APPROVED: 1, Status.REJECTED: 3}
_NORMAL = 1


@plays("getShowItem")
def get_shown_account(call: Call) -> Answer:
    shown = one(
        call.db,
        "select account.* from shown_account join account on account.appid = official_account where account = ?",
        call.appid,
    )
    answer: dict[str, Any] = {"can_open": int(bool(_candidates(call))), "is_open": int(shown is not None)}
    return answer | (_describe(call, shown) if shown else {})


@plays("setShowItem")
def set_shown_account(call: Call) -> Answer:
    call.db.execute("delete from shown_account where account = ?", (call.appid,))
    if call.body["wxa_subscribe_biz_flag"] == 0:
        return None
    wanted = call.body.get("appid")
    if wanted is None:
        raise Refused(47001)
    if wanted not in [account["appid"] for account in _candidates(call)]:
        raise Refused(40013)
    call.db.execute("insert into shown_account (account, official_account) values (?, ?)", (call.appid, wanted))
    return None


@plays("getLinkForShow")
def list_showable_accounts(call: Call) -> Answer:
    found, start = _candidates(call), call.query["page"] * call.query["num"]
    page = found[start : start + call.query["num"]]
    return {"total_num": len(found), "biz_info_list": [_describe(call, account) for account in page]}


@plays("getLinkMiniprogram")
def list_linked_programs(call: Call) -> Answer:
    """The token is the official account's. No event tells how a link went on."""
    _need_official_account(call)
    links = list_latest_applications(call.db, LINK, account=call.appid)
    return {"wxopens": {"items": [_linked(call, link) for link in links]}}


@plays("linkMiniprogram")
def link_program(call: Call) -> Answer:
    """Ask the administrators of both sides; whoever is linked or asked already stays so."""
    _need_official_account(call)
    program = _need_program(call)
    latest = get_latest_application(call.db, LINK, call.appid, program["appid"])
    if latest is not None and latest["status"] in (*OPEN, Status.APPROVED):
        return None
    given = {name: int(call.body[name]) for name in ("notify_users", "show_profile")}
    applications.apply(
        call.db,
        call.now,
        LINK,
        component=call.component_appid,
        account=call.appid,
        subject=program["appid"],
        given=given,
    )
    return None


@plays("unlinkMiniprogram")
def unlink_program(call: Call) -> Answer:
    """Here the administrator confirms at once."""
    _need_official_account(call)
    program = _need_program(call)
    if program["account_status"] != _NORMAL:
        raise Refused(89013)
    gone = "delete from application where kind = ? and account = ? and subject = ?"
    if not call.db.execute(gone, (LINK, call.appid, program["appid"])).rowcount:
        raise Refused(40013)
    return None


def _need_official_account(call: Call) -> None:
    if call.program["kind"] != "official_account":
        raise Refused(48001)


def _need_program(call: Call) -> Row:
    program = get_account(call.db, call.body["appid"])
    if program is None or program["kind"] != "mini_program":
        raise Refused(40013)
    return program


def _candidates(call: Call) -> list[Row]:
    """Official accounts of the same subject."""
    same = "select * from account where kind = 'official_account' and principal_name = ? order by rowid"
    return rows(call.db, same, call.program["principal_name"])


def _describe(call: Call, account: Row) -> dict[str, Any]:
    return {
        "appid": account["appid"],
        "nickname": account["nick_name"],
        "headimg": f"{call.world.public_url}/avatar/{account['appid']}.png",
    }


def _linked(call: Call, link: Row) -> dict[str, Any]:
    program = get_account(call.db, link["subject"])
    if program is None:
        raise LookupError(link["subject"])
    released = one(call.db, "select 1 from program where account = ? and online is not null", program["appid"])
    return {
        "status": _STATUS[link["status"]],
        "appid": program["appid"],
        "username": program["user_name"],
        "source": "",
        "nickname": program["nick_name"],
        "selected": json.loads(link["given"])["show_profile"],
        "nearby_display_status": 0,
        "released": int(released is not None),
        "headimg_url": f"{call.world.public_url}/avatar/{program['appid']}.png",
        "email": "",
        "func_infos": [{"id": 1, "name": "微信认证", "status": program["verified"]}],
    }
