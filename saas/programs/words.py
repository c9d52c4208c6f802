"""The closed vocabulary of a mini program's way online: its steps, the word for each state of a step, whose turn it is.

Timelines, lists, filters and next buttons all speak these words; `saas.programs.standing` keeps them per mini program.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from saas.errors import N_


class Step(StrEnum):
    """In the order in which they are gone through; each may be taken again later."""

    REGISTER = "register"
    AUTHORIZE = "authorize"
    PROFILE = "profile"
    CATEGORIES = "categories"
    CERTIFY = "certify"
    FILE = "file"
    BUILD = "build"
    AUDIT = "audit"
    ONLINE = "online"

    @property
    def label(self) -> str:
        """A msgid."""
        return _STEPS[self]


class Turn(StrEnum):
    """Who has to do something."""

    PROVIDER = "provider"
    MERCHANT = "merchant"
    WECHAT = "wechat"
    AUTHORITY = "authority"
    NOBODY = "nobody"


class NextStep(StrEnum):
    """What the one primary button does; WAIT has none."""

    REGISTER = "register"
    AUTHORIZE = "authorize"
    PROFILE = "profile"
    CATEGORIES = "categories"
    CERTIFY = "certify"
    FILE = "file"
    UPLOAD = "upload"
    SUBMIT = "submit"
    RELEASE = "release"
    WAIT = "wait"


class Word(StrEnum):
    """How a step stands. Every word belongs to one step."""

    UNREGISTERED = "unregistered"
    REGISTERING = "registering"
    REGISTER_CONFIRM = "register_confirm"
    REGISTER_EXPIRED = "register_expired"
    REGISTER_FAILED = "register_failed"
    REGISTERED = "registered"
    TRIAL = "trial"

    UNAUTHORIZED = "unauthorized"
    AUTHORIZED = "authorized"

    PROFILE_LACKING = "profile_lacking"
    NAME_IN_REVIEW = "name_in_review"
    NAME_REFUSED = "name_refused"
    PROFILE_COMPLETE = "profile_complete"

    CATEGORIES_LACKING = "categories_lacking"
    CATEGORY_IN_REVIEW = "category_in_review"
    CATEGORY_REFUSED = "category_refused"
    CATEGORIES_SET = "categories_set"

    NOT_CERTIFIED = "not_certified"
    CERTIFY_ADMIN = "certify_admin"
    CERTIFY_ADMIN_REFUSED = "certify_admin_refused"
    CERTIFY_FACE = "certify_face"
    CERTIFY_FACE_FAILED = "certify_face_failed"
    CERTIFY_PHONE = "certify_phone"
    CERTIFY_PHONE_FAILED = "certify_phone_failed"
    CERTIFY_EXPIRED = "certify_expired"
    CERTIFY_ORDERING = "certify_ordering"
    CERTIFY_ORDER_FAILED = "certify_order_failed"
    CERTIFY_CHECK_FAILED = "certify_check_failed"
    CERTIFY_PAYING = "certify_paying"
    CERTIFY_IN_REVIEW = "certify_in_review"
    CERTIFY_SENT_BACK = "certify_sent_back"
    CERTIFY_FAILED = "certify_failed"
    CERTIFIED = "certified"
    CERTIFICATE_ENDING = "certificate_ending"
    CERTIFICATE_ENDED = "certificate_ended"

    FILE_NOT_READY = "file_not_ready"
    FILE_READY = "file_ready"
    FILE_FACE = "file_face"
    FILE_FACE_FAILED = "file_face_failed"
    FILE_FACE_PASSED = "file_face_passed"
    FILE_INVALID = "file_invalid"
    FILE_CERTIFYING = "file_certifying"
    FILE_CERTIFY_SENT_BACK = "file_certify_sent_back"
    FILE_PLATFORM_REVIEW = "file_platform_review"
    FILE_PLATFORM_REJECTED = "file_platform_rejected"
    FILE_SMS = "file_sms"
    FILE_SMS_EXPIRED = "file_sms_expired"
    FILE_AUTHORITY_REVIEW = "file_authority_review"
    FILE_AUTHORITY_REJECTED = "file_authority_rejected"
    FILED = "filed"
    FILE_CANCELLING = "file_cancelling"

    NO_CODE = "no_code"
    UPLOADING = "uploading"
    SCANNING = "scanning"
    UPLOAD_FAILED = "upload_failed"
    READY = "ready"

    SUBMITTING = "submitting"
    SUBMIT_FAILED = "submit_failed"
    IN_REVIEW = "in_review"
    DELAYED = "delayed"
    REJECTED = "rejected"
    UNDONE = "undone"
    APPROVED = "approved"

    RELEASING = "releasing"
    RELEASE_FAILED = "release_failed"
    RELEASED = "released"
    ROLLED_BACK = "rolled_back"

    @property
    def step(self) -> Step:
        return _WORDS[self].step

    @property
    def label(self) -> str:
        """A msgid."""
        return _WORDS[self].label

    @property
    def overtaken_label(self) -> str:
        """What it says when a later step has begun and nothing waits for people any more: a msgid, "" if it stays."""
        return _OVERTAKEN.get(self, "")

    @property
    def turn(self) -> Turn:
        """Whose turn it is while the step stands so."""
        return _WORDS[self].turn

    @property
    def tone(self) -> str:
        """A colour's name: danger, warning, info, success, secondary."""
        return _WORDS[self].tone

    @property
    def next_step(self) -> NextStep:
        return _WORDS[self].next_step


@dataclass(frozen=True)
class _Meaning:
    step: Step
    label: str
    turn: Turn
    tone: str
    next_step: NextStep


def _waits_for_wechat(step: Step, label: str) -> _Meaning:
    return _Meaning(step, label, Turn.WECHAT, "info", NextStep.WAIT)


def _waits_for_merchant(step: Step, label: str, next_step: NextStep) -> _Meaning:
    return _Meaning(step, label, Turn.MERCHANT, "warning", next_step)


def _waits_for_us(step: Step, label: str, next_step: NextStep) -> _Meaning:
    return _Meaning(step, label, Turn.PROVIDER, "warning", next_step)


def _failed(step: Step, label: str, next_step: NextStep) -> _Meaning:
    return _Meaning(step, label, Turn.PROVIDER, "danger", next_step)


def _done(step: Step, label: str, next_step: NextStep = NextStep.WAIT, tone: str = "success") -> _Meaning:
    return _Meaning(step, label, Turn.NOBODY, tone, next_step)


_STEPS = {
    Step.REGISTER: N_("账号注册"),
    Step.AUTHORIZE: N_("授权"),
    Step.PROFILE: N_("资料"),
    Step.CATEGORIES: N_("类目"),
    Step.CERTIFY: N_("认证"),
    Step.FILE: N_("备案"),
    Step.BUILD: N_("代码"),
    Step.AUDIT: N_("审核"),
    Step.ONLINE: N_("发布"),
}

_OVERTAKEN = {Word.READY: N_("已做好"), Word.APPROVED: N_("审核通过")}

_WORDS: dict[Word, _Meaning] = {
    Word.UNREGISTERED: _waits_for_us(Step.REGISTER, N_("待注册"), NextStep.REGISTER),
    Word.REGISTERING: _waits_for_wechat(Step.REGISTER, N_("注册提交中")),
    Word.REGISTER_CONFIRM: _waits_for_merchant(Step.REGISTER, N_("等法人确认注册"), NextStep.REGISTER),
    Word.REGISTER_EXPIRED: _failed(Step.REGISTER, N_("法人未按时确认注册"), NextStep.REGISTER),
    Word.REGISTER_FAILED: _failed(Step.REGISTER, N_("注册失败"), NextStep.REGISTER),
    Word.REGISTERED: _done(Step.REGISTER, N_("已注册")),
    Word.TRIAL: _waits_for_us(Step.REGISTER, N_("试用中，待转正"), NextStep.REGISTER),
    Word.UNAUTHORIZED: _Meaning(Step.AUTHORIZE, N_("等商家授权"), Turn.MERCHANT, "danger", NextStep.AUTHORIZE),
    Word.AUTHORIZED: _done(Step.AUTHORIZE, N_("已授权")),
    Word.PROFILE_LACKING: _waits_for_us(Step.PROFILE, N_("资料不完整"), NextStep.PROFILE),
    Word.NAME_IN_REVIEW: _waits_for_wechat(Step.PROFILE, N_("名称审核中")),
    Word.NAME_REFUSED: _failed(Step.PROFILE, N_("名称审核不通过"), NextStep.PROFILE),
    Word.PROFILE_COMPLETE: _done(Step.PROFILE, N_("资料完整")),
    Word.CATEGORIES_LACKING: _waits_for_us(Step.CATEGORIES, N_("未设置类目"), NextStep.CATEGORIES),
    Word.CATEGORY_IN_REVIEW: _waits_for_wechat(Step.CATEGORIES, N_("类目审核中")),
    Word.CATEGORY_REFUSED: _failed(Step.CATEGORIES, N_("类目审核不通过"), NextStep.CATEGORIES),
    Word.CATEGORIES_SET: _done(Step.CATEGORIES, N_("类目已设置")),
    Word.NOT_CERTIFIED: _done(Step.CERTIFY, N_("未认证"), NextStep.CERTIFY, "secondary"),
    Word.CERTIFY_ADMIN: _waits_for_merchant(Step.CERTIFY, N_("认证：等管理员确认"), NextStep.CERTIFY),
    Word.CERTIFY_ADMIN_REFUSED: _failed(Step.CERTIFY, N_("认证：管理员已拒绝"), NextStep.CERTIFY),
    Word.CERTIFY_FACE: _waits_for_merchant(Step.CERTIFY, N_("认证：等管理员人脸核验"), NextStep.CERTIFY),
    Word.CERTIFY_FACE_FAILED: _failed(Step.CERTIFY, N_("认证：人脸核验失败"), NextStep.CERTIFY),
    Word.CERTIFY_PHONE: _waits_for_merchant(Step.CERTIFY, N_("认证：等管理员验证手机"), NextStep.CERTIFY),
    Word.CERTIFY_PHONE_FAILED: _failed(Step.CERTIFY, N_("认证：手机验证失败"), NextStep.CERTIFY),
    Word.CERTIFY_EXPIRED: _failed(Step.CERTIFY, N_("认证：管理员超时未处理"), NextStep.CERTIFY),
    Word.CERTIFY_ORDERING: _waits_for_wechat(Step.CERTIFY, N_("认证：生成订单中")),
    Word.CERTIFY_ORDER_FAILED: _failed(Step.CERTIFY, N_("认证：生成订单失败"), NextStep.CERTIFY),
    Word.CERTIFY_CHECK_FAILED: _failed(Step.CERTIFY, N_("认证：资料校验失败"), NextStep.CERTIFY),
    Word.CERTIFY_PAYING: _waits_for_merchant(Step.CERTIFY, N_("认证：等管理员付费"), NextStep.CERTIFY),
    Word.CERTIFY_IN_REVIEW: _waits_for_wechat(Step.CERTIFY, N_("认证审核中")),
    Word.CERTIFY_SENT_BACK: _failed(Step.CERTIFY, N_("认证被打回，待补充"), NextStep.CERTIFY),
    Word.CERTIFY_FAILED: _failed(Step.CERTIFY, N_("认证不通过"), NextStep.CERTIFY),
    Word.CERTIFIED: _done(Step.CERTIFY, N_("已认证")),
    Word.CERTIFICATE_ENDING: _waits_for_us(Step.CERTIFY, N_("认证即将到期"), NextStep.CERTIFY),
    Word.CERTIFICATE_ENDED: _failed(Step.CERTIFY, N_("认证已过期"), NextStep.CERTIFY),
    Word.FILE_NOT_READY: _waits_for_us(Step.FILE, N_("备案条件不齐"), NextStep.FILE),
    Word.FILE_READY: _waits_for_us(Step.FILE, N_("待备案"), NextStep.FILE),
    Word.FILE_FACE: _waits_for_merchant(Step.FILE, N_("备案：等管理员人脸核验"), NextStep.FILE),
    Word.FILE_FACE_FAILED: _failed(Step.FILE, N_("备案：人脸核验失败"), NextStep.FILE),
    Word.FILE_FACE_PASSED: _waits_for_us(Step.FILE, N_("备案：核验通过，待提交"), NextStep.FILE),
    Word.FILE_INVALID: _failed(Step.FILE, N_("备案资料有误"), NextStep.FILE),
    Word.FILE_CERTIFYING: _waits_for_wechat(Step.FILE, N_("备案：已随认证提交")),
    Word.FILE_CERTIFY_SENT_BACK: _failed(Step.FILE, N_("备案：认证被打回，待补充"), NextStep.FILE),
    Word.FILE_PLATFORM_REVIEW: _waits_for_wechat(Step.FILE, N_("备案：平台审核中")),
    Word.FILE_PLATFORM_REJECTED: _failed(Step.FILE, N_("备案：平台审核不通过"), NextStep.FILE),
    Word.FILE_SMS: _waits_for_merchant(Step.FILE, N_("备案：等短信核验"), NextStep.FILE),
    Word.FILE_SMS_EXPIRED: _waits_for_wechat(Step.FILE, N_("备案：短信核验超时")),
    Word.FILE_AUTHORITY_REVIEW: _Meaning(Step.FILE, N_("备案：管局审核中"), Turn.AUTHORITY, "info", NextStep.WAIT),
    Word.FILE_AUTHORITY_REJECTED: _failed(Step.FILE, N_("备案：管局审核不通过"), NextStep.FILE),
    Word.FILED: _done(Step.FILE, N_("已备案")),
    Word.FILE_CANCELLING: _waits_for_merchant(Step.FILE, N_("注销备案：等短信确认"), NextStep.FILE),
    Word.NO_CODE: _waits_for_us(Step.BUILD, N_("未上传代码"), NextStep.UPLOAD),
    Word.UPLOADING: _waits_for_wechat(Step.BUILD, N_("上传中")),
    Word.SCANNING: _waits_for_wechat(Step.BUILD, N_("隐私接口检测中")),
    Word.UPLOAD_FAILED: _failed(Step.BUILD, N_("上传失败"), NextStep.UPLOAD),
    Word.READY: _waits_for_us(Step.BUILD, N_("待提交审核"), NextStep.SUBMIT),
    Word.SUBMITTING: _waits_for_wechat(Step.AUDIT, N_("提交审核中")),
    Word.SUBMIT_FAILED: _failed(Step.AUDIT, N_("提交审核失败"), NextStep.SUBMIT),
    Word.IN_REVIEW: _waits_for_wechat(Step.AUDIT, N_("审核中")),
    Word.DELAYED: _waits_for_wechat(Step.AUDIT, N_("审核延后")),
    Word.REJECTED: _failed(Step.AUDIT, N_("审核不通过"), NextStep.UPLOAD),
    Word.UNDONE: _waits_for_us(Step.AUDIT, N_("已撤回审核"), NextStep.SUBMIT),
    Word.APPROVED: _waits_for_us(Step.AUDIT, N_("审核通过，待发布"), NextStep.RELEASE),
    Word.RELEASING: _waits_for_wechat(Step.ONLINE, N_("发布中")),
    Word.RELEASE_FAILED: _failed(Step.ONLINE, N_("发布失败"), NextStep.RELEASE),
    Word.RELEASED: _done(Step.ONLINE, N_("已发布"), NextStep.UPLOAD),
    Word.ROLLED_BACK: _waits_for_us(Step.ONLINE, N_("已回退"), NextStep.UPLOAD),
}
