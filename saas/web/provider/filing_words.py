"""A filing in words: its timeline, and what its state means for whom."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import current_app
from flask_babel import gettext as _

from saas.errors import N_
from saas.programs.filing_models import WATCHED, Filing, FilingStatus
from saas.web.language import when
from saas.web.provider.blueprint import provider

_S = FilingStatus
_CERTIFY = 2
_STAGES = (
    N_("填写资料"), N_("管理员人脸核验"), N_("微信认证"), N_("平台审核"), N_("短信核验"), N_("管局审核"),
    N_("备案完成"),
)  # fmt: skip
_PLACES = {
    _S.DRAFT: 0, _S.WITHDRAWN: 0, _S.CANCELLED: 0, _S.FACE: 1, _S.FACE_FAILED: 1, _S.FACE_PASSED: 3, _S.INVALID: 3,
    _S.CERTIFYING: _CERTIFY, _S.CERTIFY_SENT_BACK: _CERTIFY, _S.PLATFORM_REVIEW: 3, _S.PLATFORM_REJECTED: 3,
    _S.SMS: 4, _S.SMS_EXPIRED: 4, _S.AUTHORITY_REVIEW: 5, _S.AUTHORITY_REJECTED: 5, _S.FILED: 7, _S.CANCELLING: 7,
}  # fmt: skip
_FAILED = {
    _S.FACE_FAILED, _S.INVALID, _S.CERTIFY_SENT_BACK, _S.PLATFORM_REJECTED, _S.SMS_EXPIRED, _S.AUTHORITY_REJECTED,
}  # fmt: skip
_TEXTS = {
    _S.FACE: N_("微信已给管理员发了通知。请管理员在微信“服务通知”里完成人脸核验：背景纯色、光线充足，不戴帽子和口罩。"),
    _S.FACE_FAILED: N_("管理员没有通过人脸核验，或没有在 24 小时内完成。请联系管理员，准备好后重新发起。"),
    _S.FACE_PASSED: N_("管理员已通过人脸核验，请在有效期内提交备案。"),
    _S.INVALID: N_("微信检查后没有受理，还没有进入审核。请按下面的说明修改后重新提交。"),
    _S.CERTIFYING: N_("认证和备案已一起提交。认证通过后备案自动开始，不用再提交。"),
    _S.CERTIFY_SENT_BACK: N_("认证被打回。按下面的原因修改后，和备案一起重新提交，不用再付费。"),
    _S.PLATFORM_REVIEW: N_("微信正在审核，一般 1 到 2 个工作日。"),
    _S.PLATFORM_REJECTED: N_("微信退回了备案。请按下面的原因修改后重新提交。"),
    _S.SMS: N_(
        "工信部已给负责人的手机发核验短信（发送号码 12381），收到后 24 小时内要完成。有两位负责人的，两位都要核验。"
    ),
    _S.SMS_EXPIRED: N_("负责人没有在 24 小时内完成短信核验。微信会重新提交或退回，系统会继续查看结果。"),
    _S.AUTHORITY_REVIEW: N_("管局正在审核，一般 1 到 20 个工作日。"),
    _S.AUTHORITY_REJECTED: N_("管局退回了备案。请按下面的原因修改后重新提交。"),
    _S.FILED: N_("备案已完成，可以发布代码。"),
    _S.CANCELLING: N_("已申请注销，等负责人按工信部的短信确认。没有人确认，备案继续有效。"),
    _S.WITHDRAWN: N_("备案申请已撤回，资料还在，可以修改后重新提交。"),
    _S.CANCELLED: N_("备案已注销，可以重新备案。"),
}  # fmt: skip
_FACE_OF_BOTH = N_(
    "微信已通知管理员。请管理员在微信里同意认证、完成人脸核验，再用短信验证码确认；没有收到通知的，扫码或打开链接办理。"
)
_ENDED = N_("认证最终没有通过，这次一起办理已经结束，备案没有开始。")


def goes_together(filing: Filing) -> bool:
    """Whether it goes, or went, in one go with the certification."""
    with_it = any(move["status"] in (_S.CERTIFYING, _S.CERTIFY_SENT_BACK) for move in filing.history)
    return with_it or filing.face_certifies or bool(filing.procedure_id)


def timeline(filing: Filing) -> list[dict[str, Any]]:
    """The stages for `ui.steps`, each with the time at which it was reached last."""
    status = FilingStatus(filing.status)
    here = _PLACES[status]
    reached = {_PLACES[_S(move["status"])]: move["at"] for move in filing.history}
    state = "failed" if status in _FAILED else "now" if status in WATCHED else "todo"
    skipped = None if goes_together(filing) else _CERTIFY
    if skipped is None and here > _CERTIFY and status in (_S.FACE_PASSED, _S.INVALID) and not reached.get(_CERTIFY):
        here = _CERTIFY
    return [
        {
            "label": _(label),
            "state": "done" if number < here else state if number == here else "todo",
            "detail": when(datetime.fromisoformat(reached[number])) if number <= here and number in reached else "",
        }
        for number, label in enumerate(_STAGES)
        if number != skipped
    ]


def explanation(filing: Filing) -> str:
    """What the state means and who has to do what."""
    text = _TEXTS.get(FilingStatus(filing.status))
    if filing.status == _S.FACE and filing.face_certifies:
        text = _FACE_OF_BOTH
    elif filing.status == _S.DRAFT and filing.reasons:
        text = _ENDED
    return _(text) if text else ""


@provider.context_processor
def give_filing_part() -> dict[str, Any]:
    pieces: Any = current_app.jinja_env.get_template("provider/filing/_pieces.html").module
    return {"filing_part": pieces.filing_part}
