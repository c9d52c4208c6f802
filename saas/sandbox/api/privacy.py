"""Privacy guide (用户隐私保护指引) and location interfaces (地理位置接口)."""

from __future__ import annotations

import json
import re
from typing import Any

from saas.sandbox import applications, budgets
from saas.sandbox.api.code import get_trial
from saas.sandbox.api.registry import Answer, Call, plays
from saas.sandbox.applications import PRIVACY, Status, get_latest_application
from saas.sandbox.ext_json import LOCATION_APIS
from saas.sandbox.privacy import (
    DEVELOPMENT,
    ONLINE,
    fill_owner,
    get_guide,
    has_contact,
    labels,
    list_collected,
    set_guide,
)
from saas.sandbox.refusals import Refused
from saas.sandbox.state import insert, next_number, one

_TEXT_BYTES = 100 * 1024
_APPLICATIONS_A_MINUTE = 280
_STATUS = {Status.WAITING: 3, Status.REJECTED: 4}
_NOT_APPLIED, _NOT_ALLOWED, _GRANTED = 1, 2, 5
_CHINESE = {
    "getFuzzyLocation": "获取当前的模糊地理位置",
    "getLocation": "获取当前的地理位置、速度",
    "onLocationChange": "监听实时地理位置变化事件",
    "startLocationUpdate": "接收位置消息（前台）",
    "startLocationUpdateBackground": "接收位置消息（前后台）",
    "chooseLocation": "打开地图选择位置",
    "choosePoi": "打开 POI 列表选择位置",
    "chooseAddress": "获取用户收货地址",
}
_LINK = "https://developers.weixin.qq.com/miniprogram/dev/api/location/wx.{}.html"


@plays("setPrivacySetting", invalid={"owner_setting": 86070})
def set_privacy_setting(call: Call) -> Answer:
    """The list sent replaces the one before. The online version takes the owner's part only."""
    version, owner = call.body.get("privacy_ver", DEVELOPMENT), call.body["owner_setting"]
    if not has_contact(owner):
        raise Refused(86069)
    if not owner["notice_method"].strip():
        raise Refused(86070)
    if not re.fullmatch(r"(\d+天)?", owner.get("store_expire_timestamp", "")):
        raise Refused(86072)
    if version == ONLINE:
        set_guide(call.db, call.now, call.appid, ONLINE, _online(call, owner))
        return None
    if "setting_list" not in call.body:
        raise Refused(47001)
    trial = get_trial(call)
    if trial is not None and trial["scanned_at"] > call.now:
        raise Refused(61039)
    own_text = owner.get("ext_file_media_id", "")
    uploaded = "select 1 from media where id = ? and account = ? and store = 'privacy'"
    if own_text and one(call.db, uploaded, own_text, call.appid) is None:
        raise Refused(86073)
    content = {
        "owner_setting": fill_owner(owner),
        "setting_list": call.body["setting_list"],
        "sdk_privacy_info_list": call.body.get("sdk_privacy_info_list", []),
    }
    set_guide(call.db, call.now, call.appid, DEVELOPMENT, content)
    return None


@plays("getPrivacySetting")
def get_privacy_setting(call: Call) -> Answer:
    """What the scan found and nobody declared stands in the list with an empty text."""
    guide = get_guide(call.db, call.appid, call.body.get("privacy_ver", DEVELOPMENT)) or {
        "owner_setting": fill_owner({}),
        "setting_list": [],
        "sdk_privacy_info_list": [],
        "update_time": 0,
    }
    trial = get_trial(call)
    found = list_collected(call.db, trial["template"]) if trial is not None and trial["scanned_at"] <= call.now else []
    declared = {item["privacy_key"]: item["privacy_text"] for item in guide["setting_list"]}
    texts = declared | {key: "" for key in found if key not in declared}
    return guide | {
        "code_exist": int(trial is not None),
        "privacy_list": found,
        "setting_list": [
            {"privacy_key": key, "privacy_text": text, "privacy_label": labels().get(key, key)}
            for key, text in texts.items()
        ],
        "privacy_desc": {
            "privacy_desc_list": [{"privacy_key": key, "privacy_desc": label} for key, label in labels().items()]
        },
    }


@plays("uploadPrivacySetting")
def upload_privacy_setting(call: Call) -> Answer:
    upload = call.files.get("file")
    if upload is None:
        raise Refused(41005)
    content = upload.read()
    if not content or not (upload.filename or "").lower().endswith(".txt"):
        raise Refused(40006)
    if len(content) > _TEXT_BYTES:
        raise Refused(40126)
    media_id = str(next_number(call.db, "privacy_text", 2409117380045512704))
    insert(
        call.db,
        "media",
        id=media_id,
        account=call.appid,
        store="privacy",
        kind="text",
        content_type="text/plain; charset=utf-8",
        content=content,
        created_at=call.now,
    )
    return {"ext_file_media_id": media_id}


@plays("getPrivacyInterface")
def get_privacy_interface(call: Call) -> Answer:
    return {"interface_list": [_interface(call, name) for name in LOCATION_APIS]}


@plays("applyPrivacyInterface", invalid={"api_name": 61034, "content": 61034})
def apply_privacy_interface(call: Call) -> Answer:
    if budgets.spent_lately(call.db, call.now, "privacy_interface", call.appid, 60) >= _APPLICATIONS_A_MINUTE:
        raise Refused(61038)
    budgets.spend(call.db, call.now, "privacy_interface", call.appid)
    api_name = call.body["api_name"]
    if api_name.removeprefix("wx.") not in _lacking(call) or not api_name.startswith("wx."):
        raise Refused(61035)
    if not json.loads(call.program["categories"]):
        raise Refused(61036)
    latest = get_latest_application(call.db, PRIVACY, call.appid, api_name)
    if latest is not None and latest["status"] == Status.WAITING:
        raise Refused(61031)
    material = {name: call.body.get(name, []) for name in ("url_list", "pic_list", "video_list")}
    if not call.body["content"].strip() or not any(material.values()):
        raise Refused(61034)
    for video in material["video_list"]:
        if not video.partition("?")[0].lower().endswith(".mp4"):
            raise Refused(61032)
        if not video.startswith(("https://", "http://")):
            raise Refused(61033)
    number = applications.apply(
        call.db,
        call.now,
        PRIVACY,
        component=call.component_appid,
        account=call.appid,
        subject=api_name,
        given={"content": call.body["content"], **material},
    )
    return {"audit_id": number}


def _online(call: Call, owner: dict[str, str]) -> dict[str, Any]:
    """The online version with another owner's part."""
    if "setting_list" in call.body or "sdk_privacy_info_list" in call.body:
        raise Refused(40097)
    online = get_guide(call.db, call.appid, ONLINE)
    if online is None:
        raise Refused(86074)
    own_text = online["owner_setting"]["ext_file_media_id"]
    if owner.get("ext_file_media_id", own_text) != own_text:
        raise Refused(86075)
    return online | {"owner_setting": fill_owner(owner | {"ext_file_media_id": own_text})}


def _interface(call: Call, name: str) -> dict[str, Any]:
    latest = get_latest_application(call.db, PRIVACY, call.appid, f"wx.{name}")
    interface: dict[str, Any] = {
        "api_name": f"wx.{name}",
        "api_ch_name": _CHINESE[name],
        "api_desc": _CHINESE[name],
        "api_link": _LINK.format(name),
        "group_name": "地理位置",
        "status": _GRANTED,
    }
    if latest is not None:
        interface |= {"apply_time": int(latest["applied_at"]), "audit_id": latest["id"]}
    if name not in _lacking(call):
        return interface
    if not json.loads(call.program["categories"]):
        return interface | {"status": _NOT_ALLOWED, "fail_reason": "小程序没有符合要求的服务类目"}
    status = _STATUS.get(latest["status"], _NOT_APPLIED) if latest else _NOT_APPLIED
    return interface | {"status": status} | ({"fail_reason": latest["reason"]} if latest and latest["reason"] else {})


def _lacking(call: Call) -> list[str]:
    """The interfaces that were not granted to the mini program."""
    lacking: list[str] = json.loads(call.program["missing_privacy"])
    return lacking
