"""Audit (代码审核)."""

from __future__ import annotations

import json
from typing import Any

from saas.sandbox import budgets
from saas.sandbox.api.code import check_scan, get_trial
from saas.sandbox.api.registry import Answer, Call, plays
from saas.sandbox.audits import OPEN, REJECTED, WITHDRAWN, get_latest_audit
from saas.sandbox.refusals import Refused
from saas.sandbox.state import Row, insert, next_number, one

UNDO_A_DAY = 5
UNDO_A_MONTH = 10
_MEDIA_SECONDS = 3 * 86400


@plays(
    "submitAudit",
    invalid={"item_list": 85023, "title": 85011, "preview_info": 85092, "first_class": 85010, "second_class": 85010},
)
def submit_audit(call: Call) -> Answer:
    trial = get_trial(call)
    if trial is None:
        raise Refused(85086)
    check_scan(call, trial, not_used=bool(call.body.get("privacy_api_not_use")))
    latest = get_latest_audit(call.db, call.appid)
    if latest is not None and latest["status"] in OPEN:
        raise Refused(85009)
    if not (call.program["nick_name"] and call.program["signature"]):
        raise Refused(86002)
    _check_items(call, json.loads(trial["pages"]))
    _check_material(call)
    spent = budgets.spent_this_month(call.db, call.now, "audit", call.component_appid)
    if spent >= call.component["audit_limit"]:
        raise Refused(85085)
    budgets.spend(call.db, call.now, "audit", call.component_appid)
    audit_id = next_number(call.db, "audit", 448812307)
    insert(
        call.db,
        "audit",
        id=audit_id,
        account=call.appid,
        component=call.component_appid,
        user_version=trial["user_version"],
        user_desc=trial["user_desc"],
        template=trial["template"],
        committed_at=trial["committed_at"],
        body=json.dumps(call.body, ensure_ascii=False),
        submitted_at=call.now,
    )
    return {"auditid": audit_id}


@plays("getAuditStatus")
def get_audit_status(call: Call) -> Answer:
    audit = _get_audit(call)
    if audit is None:
        raise Refused(85012)
    return _status(audit, "screenshot")


@plays("getLatestAuditStatus")
def get_latest_audit_status(call: Call) -> Answer:
    audit = get_latest_audit(call.db, call.appid)
    if audit is None:
        raise Refused(85058)
    return (
        {"auditid": audit["id"]}
        | _status(audit, "ScreenShot")
        | {
            "user_version": audit["user_version"],
            "user_desc": audit["user_desc"],
            "submit_audit_time": int(audit["submitted_at"]),
        }
    )


@plays("undoAudit")
def undo_audit(call: Call) -> Answer:
    audit = get_latest_audit(call.db, call.appid)
    if audit is None or audit["status"] not in OPEN:
        raise Refused(87012)
    if (
        budgets.spent_today(call.db, call.now, "undo", call.appid) >= UNDO_A_DAY
        or budgets.spent_this_month(call.db, call.now, "undo", call.appid) >= UNDO_A_MONTH
    ):
        raise Refused(87013)
    budgets.spend(call.db, call.now, "undo", call.appid)
    call.db.execute("update audit set status = ?, decided_at = ? where id = ?", (WITHDRAWN, call.now, audit["id"]))
    return None


@plays("speedupCodeAudit")
def speed_up_audit(call: Call) -> Answer:
    audit = _get_audit(call)
    if audit is None or audit["status"] not in OPEN:
        raise Refused(89402)
    if audit["sped_up"]:
        raise Refused(89404)
    spent = budgets.spent_this_month(call.db, call.now, "speedup", call.component_appid)
    if spent >= call.component["speedup_limit"]:
        raise Refused(89405)
    budgets.spend(call.db, call.now, "speedup", call.component_appid)
    call.db.execute("update audit set sped_up = 1 where id = ?", (audit["id"],))
    return None


@plays("setCodeAuditQuota")
def query_quota(call: Call) -> Answer:
    audits = budgets.spent_this_month(call.db, call.now, "audit", call.component_appid)
    speedups = budgets.spent_this_month(call.db, call.now, "speedup", call.component_appid)
    limit, speedup_limit = call.component["audit_limit"], call.component["speedup_limit"]
    return {
        "rest": max(0, limit - audits),
        "limit": limit,
        "speedup_rest": max(0, speedup_limit - speedups),
        "speedup_limit": speedup_limit,
    }


def _get_audit(call: Call) -> Row | None:
    return one(call.db, "select * from audit where id = ? and account = ?", call.body["auditid"], call.appid)


def _status(audit: Row, shots: str) -> dict[str, Any]:
    fields: dict[str, Any] = {"status": audit["status"]}
    if audit["reason"]:
        fields["reason"] = audit["reason"]
    if audit["status"] == REJECTED and audit["screenshots"]:
        fields[shots] = audit["screenshots"]
    return fields


def _check_items(call: Call, pages: list[str]) -> None:
    categories = json.loads(call.program["categories"])
    if not categories:
        raise Refused(85008)
    if any(category["first_class"] == "社交" for category in categories) and "ugc_declare" not in call.body:
        raise Refused(85094)
    for item in call.body.get("item_list", []):
        if not item["first_class"].strip() or not item["second_class"].strip():
            raise Refused(85010)
        if not any(_fits(item, category) for category in categories):
            raise Refused(85008)
        if item.get("address") and item["address"].partition("?")[0] not in pages:
            raise Refused(85007)
        tags = item.get("tag", "").split()
        if len(tags) > 10 or any(len(tag) > 20 for tag in tags):
            raise Refused(85006)


def _fits(item: dict[str, Any], category: dict[str, Any]) -> bool:
    named = ("first_class", "second_class", "third_class", "first_id", "second_id", "third_id")
    return all(item.get(name) == category.get(name) for name in named if name in item or name in category)


def _check_material(call: Call) -> None:
    preview = call.body.get("preview_info", {})
    videos, pictures = preview.get("video_id_list", []), preview.get("pic_id_list", [])
    if len(videos) > 1 or len(pictures) > 10:
        raise Refused(85093)
    if not all(_is_uploaded(call, media_id, "audit") for media_id in [*videos, *pictures]):
        raise Refused(85092)
    stuff = [media_id for media_id in call.body.get("feedback_stuff", "").split("|") if media_id]
    if len(stuff) > 5 or not all(_is_uploaded(call, media_id, "temporary") for media_id in stuff):
        raise Refused(40007)


def _is_uploaded(call: Call, media_id: str, store: str) -> bool:
    media = one(call.db, "select * from media where id = ? and account = ? and store = ?", media_id, call.appid, store)
    return media is not None and media["created_at"] > call.now - _MEDIA_SECONDS
