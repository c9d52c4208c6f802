"""Release, phased release, roll-back, service switch (代码发布)."""

from __future__ import annotations

import json
import re
from typing import Any

from saas.sandbox.api.code import get_trial
from saas.sandbox.api.program_domains import drop_unlisted
from saas.sandbox.api.registry import Answer, Call, plays
from saas.sandbox.audits import APPROVED, get_latest_audit
from saas.sandbox.privacy import publish_guide
from saas.sandbox.refusals import Refused
from saas.sandbox.state import Row, insert, one, rows, scalar, to_json

KEPT_VERSIONS = 5
_RUNNING, _FINISHED, _DELETED = 1, 3, 4
_LIBRARIES = (("3.8.2", 61.4), ("3.7.12", 20.8), ("3.5.8", 9.1), ("2.33.0", 5.2), ("2.30.4", 3.5))


@plays("release")
def release(call: Call) -> Answer:
    audit = get_latest_audit(call.db, call.appid)
    if audit is None:
        raise Refused(85019)
    if audit["status"] != APPROVED:
        raise Refused(85020)
    if one(call.db, "select 1 from online where account = ? and audit = ?", call.appid, audit["id"]):
        raise Refused(85052)
    app_version = scalar(call.db, "select coalesce(max(app_version), 0) from online where account = ?", call.appid) + 1
    number = insert(
        call.db,
        "online",
        account=call.appid,
        app_version=app_version,
        audit=audit["id"],
        user_version=audit["user_version"],
        user_desc=audit["user_desc"],
        committed_at=audit["committed_at"],
        released_at=call.now,
    )
    gray = _gray(call)
    if gray and gray["status"] == _RUNNING:
        _set(call, gray=to_json(gray | {"status": _FINISHED}))
    _set(call, online=number, rolled_back=0)
    drop_unlisted(call)
    publish_guide(call.db, call.appid)
    return None


@plays("revertCodeRelease")
def revert_code_release(call: Call) -> Answer:
    history = _history(call)
    if call.query.get("action") == "get_history_version":
        return {
            "version_list": [
                {
                    "app_version": version["app_version"],
                    "user_version": version["user_version"],
                    "user_desc": version["user_desc"],
                    "commit_time": int(version["committed_at"]),
                }
                for version in history
            ]
        }
    if is_gray_running(call):
        raise Refused(87011)
    if not history:
        raise Refused(87012)
    wanted = call.query.get("app_version")
    chosen = [version for version in history if wanted in (None, str(version["app_version"]))]
    if not chosen:
        raise Refused(40097)
    _set(call, online=chosen[0]["id"], rolled_back=1)
    return None


@plays("grayRelease", invalid={"gray_percentage": 85081})
def gray_release(call: Call) -> Answer:
    if _program(call)["online"] is None:
        raise Refused(85079)
    audit = get_latest_audit(call.db, call.appid)
    if audit is None or audit["status"] != APPROVED:
        raise Refused(85080)
    if one(call.db, "select 1 from online where account = ? and audit = ?", call.appid, audit["id"]):
        raise Refused(85080)
    percentage = call.body["gray_percentage"]
    debuggers = call.body.get("support_debuger_first", False)
    testers = call.body.get("support_experiencer_first", False)
    if percentage == 0 and not (debuggers or testers):
        raise Refused(85081)
    gray = _gray(call)
    running = gray is not None and gray["status"] == _RUNNING
    if gray and running and percentage <= gray["gray_percentage"]:
        raise Refused(85082)
    plan = {
        "status": _RUNNING,
        "create_timestamp": gray["create_timestamp"] if gray and running else int(call.now),
        "gray_percentage": percentage,
        "support_debuger_first": debuggers,
        "support_experiencer_first": testers,
    }
    _set(call, gray=to_json(plan))
    return None


@plays("revertGrayRelease")
def revert_gray_release(call: Call) -> Answer:
    gray = _gray(call)
    if gray is None or gray["status"] != _RUNNING:
        raise Refused(-1)
    _set(call, gray=to_json(gray | {"status": _DELETED}))
    return None


@plays("getGrayReleasePlan")
def get_gray_release_plan(call: Call) -> Answer:
    return {"gray_release_plan": _gray(call) or {"status": 0, "create_timestamp": 0, "gray_percentage": 0}}


@plays("setVisitStatus", invalid={"action": 85022})
def set_visit_status(call: Call) -> Answer:
    if _program(call)["online"] is None:
        raise Refused(85021)
    _set(call, open=int(call.body["action"] == "open"))
    return None


@plays("getVisitStatus")
def get_visit_status(call: Call) -> Answer:
    return {"status": _program(call)["open"]}


@plays("getSupportVersion")
def get_support_version(call: Call) -> Answer:
    shares = [{"version": version, "percentage": share} for version, share in _LIBRARIES]
    return {"now_version": _program(call)["min_version"], "uv_info": {"items": shares}}


@plays("setSupportVersion")
def set_support_version(call: Call) -> Answer:
    if not re.fullmatch(r"[1-9]\d?\.\d{1,2}\.\d{1,2}", call.body["version"]):
        raise Refused(89014)
    _program(call)
    _set(call, min_version=call.body["version"])
    return None


@plays("getVersionInfo")
def get_version_info(call: Call) -> Answer:
    info: dict[str, Any] = {}
    trial = get_trial(call)
    if trial is not None:
        info["exp_info"] = {
            "exp_time": int(trial["committed_at"]),
            "exp_version": trial["user_version"],
            "exp_desc": trial["user_desc"],
        }
    online = one(call.db, "select * from online where id = ?", _program(call)["online"])
    if online is not None:
        info["release_info"] = {
            "release_time": int(online["released_at"]),
            "release_version": online["user_version"],
            "release_desc": online["user_desc"],
        }
    return info


def is_gray_running(call: Call) -> bool:
    """Whether a phased release (灰度发布) is under way."""
    gray = _gray(call)
    return gray is not None and gray["status"] == _RUNNING


def _program(call: Call) -> Row:
    call.db.execute("insert or ignore into program (account) values (?)", (call.appid,))
    program = one(call.db, "select * from program where account = ?", call.appid)
    if program is None:
        raise LookupError(call.appid)
    return program


def _set(call: Call, **values: Any) -> None:
    _program(call)
    assignments = ", ".join(f"{name} = ?" for name in values)
    call.db.execute(f"update program set {assignments} where account = ?", (*values.values(), call.appid))


def _gray(call: Call) -> dict[str, Any] | None:
    text = _program(call)["gray"]
    plan: dict[str, Any] | None = json.loads(text) if text else None
    return plan


def _history(call: Call) -> list[Row]:
    """The versions that one can go back to: none after a roll-back until the next release."""
    program = _program(call)
    if program["online"] is None or program["rolled_back"]:
        return []
    return rows(
        call.db,
        "select * from online where account = ? and id < ? order by id desc limit ?",
        call.appid,
        program["online"],
        KEPT_VERSIONS,
    )
