"""A filing application that the sandbox accepts, and its pictures."""

from __future__ import annotations

from typing import Any

import pytest

from saas.wx.chapter import Upload
from saas.wx.errors import WeChatError
from tests.sandbox.platform import Platform

PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 100
MP4 = b"\x00\x00\x00\x18ftypmp42" + b"x" * 100
PERSON = {
    "name": "陈梅",
    "mobile": "13800138000",
    "email": "mei@example.com",
    "emergency_contact": "13900139000",
    "certificate_type": 2,
    "certificate_number": "440104198805123428",
    "certificate_validity_date_start": "20190601",
    "certificate_validity_date_end": "20490601",
}
LICENCE = "icp_subject.organize_info.certificate_photo"
FRONT = "icp_subject.principal_info.certificate_photo_front"
BACK = "icp_subject.principal_info.certificate_photo_back"


def upload(platform: Platform, appid: str, field: str, certificate_type: int | None = None) -> str:
    picture = Upload("a.png", PNG, "image/png")
    answer = platform.wx.filing.upload_icp_media(
        appid, media=picture, icp_order_field=field, certificate_type=certificate_type
    )
    return answer["media_id"]


def face_check(platform: Platform, appid: str, *, along_with_auth: bool = False) -> str:
    """A task that the administrator has passed."""
    task_id = platform.wx.filing.create_icp_verifytask(appid, along_with_auth=along_with_auth)["task_id"]
    platform.control.pass_face_check(appid)
    return task_id


def application(platform: Platform, appid: str, task_id: str, *, name: str = "广州市越秀区梅记茶铺") -> dict[str, Any]:
    """The legal representative is in charge of both, the subject and the mini program."""
    person = PERSON | {
        "certificate_photo_front": upload(platform, appid, FRONT, 2),
        "certificate_photo_back": upload(platform, appid, BACK, 2),
    }
    return {
        "icp_subject": {
            "base_info": {
                "type": 4,
                "name": name,
                "province": "440000",
                "city": "440100",
                "district": "440104",
                "address": "北京路1号",
            },
            "organize_info": {
                "certificate_type": 1,
                "certificate_number": "91440104MA5ABCDE1X",
                "certificate_address": "广东省广州市越秀区北京路1号",
                "certificate_photo": upload(platform, appid, LICENCE, 1),
            },
            "principal_info": dict(person),
        },
        "icp_applets": {
            "base_info": {
                "service_content_types": [33, 34],
                "nrlx_details": [{"type": 24}],
                "comment": "为到店顾客提供扫码点餐、外卖下单和会员积分查询服务",
            },
            "principal_info": person | {"verify_task_id": task_id},
        },
        "icp_materials": {"commitment_letter": [upload(platform, appid, "icp_materials.commitment_letter")]},
    }


def put(data: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Change one field; a value of None takes it away."""
    *steps, last = path.split(".")
    place: Any = data
    for step in steps:
        place = place[int(step)] if step.isdigit() else place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return data


def faults_of(platform: Platform, appid: str, data: dict[str, Any]) -> list[tuple[int, str]]:
    """Apply in vain: (errcode, field) of every hint."""
    with pytest.raises(WeChatError, check=lambda error: error.code == 86202) as found:
        platform.wx.filing.apply_icp_filing(appid, application=data)
    assert all(hint["errmsg"] for hint in found.value.answer["hints"])
    return [(hint["errcode"], hint["err_field"]) for hint in found.value.answer["hints"]]
