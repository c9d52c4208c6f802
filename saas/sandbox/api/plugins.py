"""Plugins that a mini program uses, and requests for the one that it publishes (插件管理)."""

from __future__ import annotations

import json
from typing import Any

from saas.sandbox import applications
from saas.sandbox.api.registry import Answer, Call, plays
from saas.sandbox.api.release import is_gray_running
from saas.sandbox.applications import PLUGIN, Status, get_latest_application, list_latest_applications
from saas.sandbox.people import get_account
from saas.sandbox.plugins import get_plugin
from saas.sandbox.refusals import Refused
from saas.sandbox.state import Row

_STATUS = {Status.WAITING: 1, Status.APPROVED: 2, Status.REJECTED: 3, Status.EXPIRED: 4}


@plays("managePlugin")
def manage_plugins(call: Call) -> Answer:
    action, wanted = call.body["action"], call.body.get("plugin_appid", "")
    if action == "list":
        used = list_latest_applications(call.db, PLUGIN, account=call.appid)
        return {"plugin_list": [_used(call, application) for application in used]}
    if not wanted:
        raise Refused(47001)
    latest = get_latest_application(call.db, PLUGIN, call.appid, wanted)
    if action == "apply":
        _apply(call, wanted, latest)
    elif latest is None:
        raise Refused(89242)
    elif action == "update":
        _update(call, latest)
    elif latest["status"] == Status.WAITING:
        raise Refused(89243)
    else:
        _forget(call, latest)
    return None


@plays("managePluginApplication")
def manage_plugin_applications(call: Call) -> Answer:
    """Of the plugin whose appid is the mini program's. Without `appid` all that fit are meant."""
    if get_plugin(call.db, call.appid) is None:
        raise Refused(89239)
    found = list_latest_applications(call.db, PLUGIN, subject=call.appid)
    action = call.body["action"]
    if action == "dev_apply_list":
        page, size = max(1, call.body.get("page", 1)), max(1, call.body.get("num", 10))
        return {"apply_list": [_asking(call, one) for one in found[(page - 1) * size : page * size]]}
    if action == "dev_agree" and "appid" not in call.body:
        raise Refused(47001)
    meant = [one for one in found if call.body.get("appid", one["account"]) == one["account"]]
    if not meant:
        raise Refused(89242)
    if action == "dev_delete":
        ended = [one for one in meant if one["status"] in (Status.REJECTED, Status.EXPIRED)]
        if not ended:
            raise Refused(89241)
        for application in ended:
            _forget(call, application)
        return None
    waiting = [one for one in meant if one["status"] == Status.WAITING]
    if not waiting:
        raise Refused(89240)
    verdict, reason = "approve" if action == "dev_agree" else "reject", call.body.get("reason", "")
    for application in waiting:
        applications.decide(call.db, call.now, application["id"], verdict, reason=reason)
    return None


def _apply(call: Call, wanted: str, latest: Row | None) -> None:
    if get_plugin(call.db, wanted) is None:
        raise Refused(89239)
    if wanted == call.appid:
        raise Refused(89236)
    if latest is not None and latest["status"] in (Status.WAITING, Status.APPROVED):
        raise Refused(89237)
    given = {"reason": call.body.get("reason", "")}
    applications.apply(
        call.db, call.now, PLUGIN, component=call.component_appid, account=call.appid, subject=wanted, given=given
    )


def _update(call: Call, latest: Row) -> None:
    """Quick update of the online version. No call tells the version in use, so none is kept."""
    plugin = get_plugin(call.db, latest["subject"])
    if plugin is None or latest["status"] != Status.APPROVED:
        raise Refused(89242)
    if call.body.get("user_version") not in json.loads(plugin["versions"]):
        raise Refused(89257)
    if is_gray_running(call):
        raise Refused(89258)


def _forget(call: Call, application: Row) -> None:
    gone = "delete from application where kind = ? and account = ? and subject = ?"
    call.db.execute(gone, (PLUGIN, application["account"], application["subject"]))


def _used(call: Call, application: Row) -> dict[str, Any]:
    plugin = get_plugin(call.db, application["subject"])
    return {
        "appid": application["subject"],
        "status": _STATUS[application["status"]],
        "nickname": plugin["nick_name"] if plugin else "",
        "headimgurl": f"{call.world.public_url}/avatar/{call.appid}.png",
    }


def _asking(call: Call, application: Row) -> dict[str, Any]:
    account = get_account(call.db, application["account"])
    categories = json.loads(account["categories"]) if account else []
    return {
        "appid": application["account"],
        "status": _STATUS[application["status"]],
        "nickname": account["nick_name"] if account else "",
        "headimgurl": f"{call.world.public_url}/avatar/{application['account']}.png",
        "reason": json.loads(application["given"])["reason"],
        "apply_url": "",
        "create_time": str(int(application["applied_at"])),
        "categories": [{"first": one["first_class"], "second": one["second_class"]} for one in categories],
    }
