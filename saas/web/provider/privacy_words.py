"""Words for privacy: what code collects, how location interfaces stand, how a guide and the code compare."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flask import current_app
from flask_babel import gettext as _
from markupsafe import Markup

from saas.errors import N_
from saas.programs.privacy_guides import label_of
from saas.programs.privacy_models import InterfaceStatus, ProgramPrivacy
from saas.web.badges import badge
from saas.web.provider.blueprint import provider

INTERFACES = {
    "wx.getLocation": N_("精确位置"),
    "wx.getFuzzyLocation": N_("模糊位置"),
    "wx.chooseLocation": N_("在地图上选位置"),
    "wx.choosePoi": N_("选择地点"),
    "wx.chooseAddress": N_("收货地址"),
    "wx.onLocationChange": N_("位置变化"),
    "wx.startLocationUpdate": N_("使用时持续定位"),
    "wx.startLocationUpdateBackground": N_("后台持续定位"),
}
WECHATS_WORDS = (
    N_("用户信息（微信昵称、头像）"), N_("位置信息"), N_("选择的位置信息"), N_("地址"), N_("发票信息"),
    N_("微信运动数据"), N_("麦克风"), N_("选中的照片或视频信息"), N_("摄像头"), N_("手机号"),
    N_("通讯录（仅写入）权限"), N_("设备信息"), N_("身份证号码"), N_("订单信息"), N_("发布内容"),
    N_("所关注账号"), N_("操作日志"), N_("相册（仅写入）权限"), N_("车牌号"), N_("蓝牙"),
    N_("日历（仅写入）权限"), N_("邮箱"), N_("选中的文件"), N_("加速传感器"), N_("磁场传感器"),
    N_("方向传感器"), N_("陀螺仪传感器"), N_("剪切板"),
)  # fmt: skip
"""As WeChat names what code collects, for their English; `privacy_guides.labels` has the keys."""
_STATES = {
    InterfaceStatus.NOT_APPLIED: (N_("未申请"), "secondary"),
    InterfaceStatus.NOT_ALLOWED: (N_("不能申请"), "secondary"),
    InterfaceStatus.IN_REVIEW: (N_("审核中"), "info"),
    InterfaceStatus.REFUSED: (N_("审核不通过"), "danger"),
    InterfaceStatus.GRANTED: (N_("已开通"), "success"),
}


class Match(StrEnum):
    MISSING = "missing"
    GOOD = "good"
    UNUSED = "unused"
    UNKNOWN = "unknown"


_MATCHES = {
    Match.MISSING: (N_("代码用到，指引没写"), "danger"),
    Match.GOOD: (N_("一致"), "success"),
    Match.UNUSED: (N_("代码没有用到"), "secondary"),
    Match.UNKNOWN: (N_("还没有代码可比"), "secondary"),
}


@dataclass(frozen=True)
class Line:
    """One kind of information: whether the code collects it, and what the guide in development says about it."""

    label: str
    used: bool
    purpose: str
    match: Match


def compare(state: ProgramPrivacy) -> list[Line]:
    """What is missing first, then what is said and used, then what is said only."""
    guide = state.development
    rows = [
        Line(
            privacy_word(key), key in state.used, guide.purposes.get(key, ""),
            Match.MISSING if key in state.missing
            else Match.GOOD if key in state.used
            else Match.UNUSED if state.has_code else Match.UNKNOWN,
        )
        for key in dict.fromkeys([*state.used, *guide.purposes])
    ]  # fmt: skip
    return sorted(rows, key=lambda row: list(Match).index(row.match))


@provider.app_context_processor
def give_privacy_pieces() -> dict[str, Any]:
    return {"privacy_pieces": current_app.jinja_env.get_template("provider/privacy/_pieces.html").module}


@provider.app_template_global()
def privacy_word(key: str) -> str:
    """What WeChat calls the information of this key; an own word stands for itself."""
    return str(_(label_of(key)))


@provider.app_template_global()
def match_badge(match: Match) -> Markup:
    return _badge(*_MATCHES[match])


@provider.app_template_global()
def interface_badge(status: int) -> Markup:
    """How a location interface stands; WeChat may have a status that we do not know."""
    known = {one.value: words for one, words in _STATES.items()}
    return _badge(*known.get(status, (N_("未知"), "secondary")))


def _badge(text: str, tone: str) -> Markup:
    return badge(_(text), tone)
