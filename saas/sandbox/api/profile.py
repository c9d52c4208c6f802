"""Avatar of a mini program (头像), and the data that WeChat fetches for it (数据预拉取、周期性更新)."""

from __future__ import annotations

import json
from typing import Any

from saas.sandbox import budgets
from saas.sandbox.api.media import find_media
from saas.sandbox.api.program_domains import is_business_address
from saas.sandbox.api.registry import Answer, Call, plays
from saas.sandbox.pictures import cropped_png
from saas.sandbox.refusals import Refused
from saas.sandbox.state import one, rows, to_json

AVATARS_A_YEAR = 5
_TRIAL = 13
_KINDS = {"set_pre_fetch": "pre", "set_period_fetch": "period"}


def avatar_url(call: Call, appid: str) -> str:
    """Where the avatar is; another address after each change."""
    given = one(call.db, "select changed_at from avatar where account = ?", appid)
    return f"{call.world.public_url}/avatar/{appid}.png" + (f"?v={given['changed_at']:.0f}" if given else "")


@plays("setHeadImage")
def set_head_image(call: Call) -> Answer:
    """At once and without review. Trial mini programs spend nothing."""
    if not call.body["head_img_media_id"]:
        raise Refused(41006)
    left, top, right, bottom = (_share(call.body[name]) for name in ("x1", "y1", "x2", "y2"))
    if not any((left, top, right, bottom)):
        raise Refused(-1)
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise Refused(40097)
    media = find_media(call, call.body["head_img_media_id"], "temporary")
    if budgets.spent_this_year(call.db, call.now, "avatar", call.appid) >= AVATARS_A_YEAR:
        raise Refused(53202)
    try:
        content = cropped_png(media["content"], (left, top, right, bottom))
    except OSError as error:
        raise Refused(40007) from error
    call.db.execute("insert or replace into avatar values (?, ?, ?)", (call.appid, content, call.now))
    if call.program["register_type"] != _TRIAL:
        budgets.spend(call.db, call.now, "avatar", call.appid)
    return None


@plays("getFetchdataSetting", invalid={"action": 9410013, "pre_fetch_type": 9410014})
def fetch_data_setting(call: Call) -> Answer:
    """Reads both settings, or replaces the one of the action; fields of the other are ignored."""
    if call.program["kind"] != "mini_program":
        raise Refused(40166)
    action = call.body["action"]
    if action == "get":
        answer: dict[str, Any] = {"is_pre_fetch_open": False, "is_period_fetch_open": False}
        for kept in rows(call.db, "select setting from fetch_setting where account = ?", call.appid):
            answer |= json.loads(kept["setting"])
        return answer
    kind = _KINDS[action]
    text = to_json(_fetch_setting(call, kind))
    call.db.execute("insert or replace into fetch_setting values (?, ?, ?)", (call.appid, kind, text))
    return None


def _fetch_setting(call: Call, kind: str) -> dict[str, Any]:
    """The fields that count: an address, or a cloud function by its environment and name."""
    opened = f"is_{kind}_fetch_open"
    if opened not in call.body:
        raise Refused(47001)
    if not call.body[opened]:
        return {opened: False}
    source = f"{kind}_fetch_type"
    if source not in call.body:
        raise Refused(9410014)
    names = (f"{kind}_fetch_url",) if call.body[source] == 0 else (f"{kind}_env", f"{kind}_function_name")
    values = {name: call.body.get(name, "") for name in names}
    if call.body[source] == 0 and not is_business_address(call, values[names[0]]):
        raise Refused(9410016)
    if not all(values.values()):
        raise Refused(9410017)
    return {opened: True, source: call.body[source], **values}


def _share(text: Any) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise Refused(40097) from error
