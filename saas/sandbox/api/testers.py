"""Testers (体验成员) and whether search may find the mini program (搜索状态)."""

from __future__ import annotations

import hashlib

from saas.sandbox.api.registry import Answer, Call, plays
from saas.sandbox.refusals import Refused
from saas.sandbox.state import insert, one, rows

TESTERS = 60


@plays("bindTester")
def bind_tester(call: Call) -> Answer:
    wechat_id, bound = call.body["wechatid"], _testers(call)
    if one(call.db, "select 1 from person where wechat_id = ?", wechat_id) is None:
        raise Refused(85001)
    userstr = _userstr(call, wechat_id)
    if userstr in bound:
        raise Refused(85004)
    if len(bound) >= TESTERS:
        raise Refused(85002)
    insert(call.db, "tester", account=call.appid, userstr=userstr)
    return {"userstr": userstr}


@plays("unbindTester")
def unbind_tester(call: Call) -> Answer:
    """By WeChat ID or by the opaque id; -1 for somebody who is not bound, as WeChat answers."""
    userstr = call.body.get("userstr") or _userstr(call, call.body.get("wechatid", ""))
    unbind = "delete from tester where account = ? and userstr = ?"
    if not call.db.execute(unbind, (call.appid, userstr)).rowcount:
        raise Refused(-1)
    return None


@plays("getTester")
def get_tester(call: Call) -> Answer:
    return {"members": [{"userstr": userstr} for userstr in _testers(call)]}


@plays("getSearchStatus")
def get_search_status(call: Call) -> Answer:
    """1 means hidden."""
    hidden = one(call.db, "select 1 from hidden_from_search where account = ?", call.appid)
    return {"status": int(hidden is not None)}


@plays("setSearchStatus")
def set_search_status(call: Call) -> Answer:
    if call.body["status"] == 1:
        call.db.execute("insert or ignore into hidden_from_search (account) values (?)", (call.appid,))
    else:
        call.db.execute("delete from hidden_from_search where account = ?", (call.appid,))
    return None


def _testers(call: Call) -> list[str]:
    return [row["userstr"] for row in rows(call.db, "select userstr from tester where account = ?", call.appid)]


def _userstr(call: Call, wechat_id: str) -> str:
    return hashlib.sha256(f"{call.appid}:{wechat_id}".encode()).hexdigest()[:20]
