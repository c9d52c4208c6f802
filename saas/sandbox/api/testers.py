"""Testers (体验成员) and whether search may find the mini program (搜索状态)."""

from __future__ import annotations

import hashlib
import json

from saas.sandbox.api.registry import Answer, Call, plays
from saas.sandbox.refusals import Refused
from saas.sandbox.state import one, put_setting, setting, to_json

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
    _keep(call, [*bound, userstr])
    return {"userstr": userstr}


@plays("unbindTester")
def unbind_tester(call: Call) -> Answer:
    """By WeChat ID or by the opaque id; -1 for somebody who is not bound, as WeChat answers."""
    userstr = call.body.get("userstr") or _userstr(call, call.body.get("wechatid", ""))
    bound = _testers(call)
    if userstr not in bound:
        raise Refused(-1)
    _keep(call, [one for one in bound if one != userstr])
    return None


@plays("getTester")
def get_tester(call: Call) -> Answer:
    return {"members": [{"userstr": userstr} for userstr in _testers(call)]}


@plays("getSearchStatus")
def get_search_status(call: Call) -> Answer:
    """1 means hidden."""
    return {"status": int(setting(call.db, f"hidden:{call.appid}", "0"))}


@plays("setSearchStatus")
def set_search_status(call: Call) -> Answer:
    put_setting(call.db, f"hidden:{call.appid}", str(call.body["status"]))
    return None


def _testers(call: Call) -> list[str]:
    found: list[str] = json.loads(setting(call.db, f"testers:{call.appid}", "[]"))
    return found


def _keep(call: Call, userstrs: list[str]) -> None:
    put_setting(call.db, f"testers:{call.appid}", to_json(userstrs))


def _userstr(call: Call, wechat_id: str) -> str:
    return hashlib.sha256(f"{call.appid}:{wechat_id}".encode()).hexdigest()[:20]
