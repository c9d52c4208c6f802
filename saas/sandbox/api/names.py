"""Names of a mini program (名称检测、设置、审核状态)."""

from __future__ import annotations

from saas.sandbox import budgets, names
from saas.sandbox.api.media import find_media
from saas.sandbox.api.registry import Answer, Call, plays
from saas.sandbox.audits import OPEN, get_latest_audit
from saas.sandbox.names import NameFault
from saas.sandbox.people import is_individual, is_made_by_api
from saas.sandbox.refusals import Refused

_CHECKED = {
    NameFault.FORM: 53010,
    NameFault.FORBIDDEN: 53012,
    NameFault.TAKEN: 53013,
    NameFault.RELATED: 53014,
    NameFault.WECHAT_ID: 53018,
    NameFault.HELD: 53019,
}
_SET = {
    NameFault.FORM: 91004,
    NameFault.FORBIDDEN: 91004,
    NameFault.HELD: 91005,
    NameFault.WECHAT_ID: 91006,
    NameFault.TAKEN: 91007,
    NameFault.RELATED: 91014,
}


@plays("checkNickName")
def check_nick_name(call: Call) -> Answer:
    if not is_made_by_api(call.program):
        raise Refused(41033)
    nick_name = call.body["nick_name"]
    fault = names.find_fault(call.db, call.now, call.program, nick_name)
    if fault:
        raise Refused(_CHECKED[fault])
    wording = names.name_proof(nick_name)
    return {"hit_condition": bool(wording), "wording": wording}


@plays("setNickName")
def set_nick_name(call: Call) -> Answer:
    """A used-up year answers 91003: the documentation names no errcode of its own for it."""
    if not is_made_by_api(call.program):
        raise Refused(91001)
    audit = get_latest_audit(call.db, call.appid)
    if names.is_in_review(call.db, call.appid) or (audit is not None and audit["status"] in OPEN):
        raise Refused(91019)
    nick_name = call.body["nick_name"]
    fault = names.find_fault(call.db, call.now, call.program, nick_name)
    if fault:
        raise Refused(_SET[fault])
    if budgets.spent_this_year(call.db, call.now, "name", call.appid) >= names.CHANGES_A_YEAR:
        raise Refused(91003)
    papers = {name: media_id for name, media_id in call.body.items() if name != "nick_name"}
    for media_id in papers.values():
        find_media(call, media_id, "temporary")
    wording = names.name_proof(nick_name)
    if wording and ("id_card" if is_individual(call.program) else "license") not in papers:
        raise Refused(91009, wording=wording)
    number = names.request_name(
        call.db, call.now, call.component_appid, call.program, nick_name, papers=papers, review=bool(wording)
    )
    return {"wording": wording, "audit_id": number if wording else 0}


@plays("getNickNameStatus")
def get_nick_name_status(call: Call) -> Answer:
    review = names.get_review(call.db, call.body["audit_id"])
    if review is None or review["account"] != call.appid:
        raise Refused(91011)
    decided = {"audit_time": int(review["decided_at"])} if review["decided_at"] else {}
    return {
        "nickname": review["nick_name"],
        "audit_stat": review["status"],
        "fail_reason": review["reason"],
        "create_time": int(review["created_at"]),
    } | decided
