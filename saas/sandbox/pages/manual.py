"""The manual: who sits where, what passes with the clock, what can be broken."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from saas.sandbox.api.registry import played
from saas.sandbox.faults import CALL_FAULTS, PUSH_FAULTS
from saas.sandbox.world import here
from saas.wx.contract.operations import all_events

pages = Blueprint("manual", __name__)
_SEATS = (
    ("/phone", "商家", "扫码授权、取消授权，确认注册、转正和认证，换管理员"),
    ("/desk/audits", "代码审核员", "通过、驳回或延后提审"),
    ("/desk/names", "名称审核员", "看名称和证明材料"),
    ("/desk/categories", "类目审核员", "看类目和资质"),
    ("/desk/applications", "接口审核员", "位置接口、订单页、插件和公众号关联的申请"),
    ("/desk/penalties", "微信运营人员", "处罚小程序、处理申诉、冻结账号"),
    ("/desk/certifications", "认证审核机构", "通过、打回重填或判失败"),
    ("/desk/filings", "平台和管局", "审核备案，打回时指出字段"),
    ("/console", "服务商", "第三方平台、草稿箱、额度、全网发布检测"),
    ("/pushes", "看推送的人", "每次投递和应答；再推一次，或推一次伪造的"),
    ("/faults", "测试的人", "平台做错了什么；制造故障"),
)
_LIMITS = (
    ("10 分钟", "预授权码；每次票据的间隔"),
    ("2 小时", "access_token"),
    ("12 小时", "票据"),
    ("24 小时", "注册、转正和认证的链接"),
    ("3 天", "临时素材"),
    ("14 天", "没有转正的试用小程序"),
    ("30 天", "认证打回后的重填"),
)


@pages.get("/manual")
def show() -> ResponseReturnValue:
    return render_template(
        "manual.html",
        operations=len(played()),
        events=len(all_events()),
        seats=_SEATS,
        limits=_LIMITS,
        call_words=CALL_FAULTS.values(),
        push_words=PUSH_FAULTS.values(),
        url=here().public_url,
    )
