"""Penalties and appeals (违规与申诉记录), to be read only."""

from __future__ import annotations

from typing import Any

from saas.sandbox.api.registry import Answer, Call, plays
from saas.sandbox.penalties import get_penalty, list_appeals, list_penalties
from saas.sandbox.refusals import Refused

_WINDOW = 90 * 86400


@plays("getIllegalRecords")
def get_illegal_records(call: Call) -> Answer:
    """Ninety days beside the moment that is given; the last ninety without any."""
    start, end = call.body.get("start_time"), call.body.get("end_time")
    end = end if end is not None else call.now if start is None else start + _WINDOW
    start = start if start is not None else end - _WINDOW
    return {
        "records": [
            {
                "illegal_record_id": penalty["id"],
                "create_time": penalty["at"],
                "illegal_reason": penalty["reason"],
                "illegal_content": penalty["content"],
                "rule_url": penalty["rule_url"],
                "rule_name": penalty["rule_name"],
            }
            for penalty in list_penalties(call.db, call.appid, start, end)
        ]
    }


@plays("getAppealRecords")
def get_appeal_records(call: Call) -> Answer:
    penalty = get_penalty(call.db, call.body["illegal_record_id"])
    if penalty is None or penalty["account"] != call.appid:
        raise Refused(40097)
    return {"records": [_appeal(appeal, penalty["reason"]) for appeal in list_appeals(call.db, penalty["id"])]}


def _appeal(appeal: dict[str, Any], punished_for: str) -> dict[str, Any]:
    record: dict[str, Any] = {
        "appeal_record_id": appeal["id"],
        "appeal_time": int(appeal["at"]),
        "appeal_count": appeal["count"],
        "appeal_from": appeal["by_provider"],
        "appeal_status": appeal["status"],
        "punish_description": punished_for,
        "materials": [{"appeal_material": {"reason": appeal["reason"], "proof_material_ids": []}}],
    }
    if appeal["decided_at"]:
        record |= {"audit_time": int(appeal["decided_at"]), "audit_reason": appeal["audit_reason"]}
    return record
