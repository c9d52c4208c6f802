"""The way of a certification: which state may follow which, what WeChat's numbers mean, and what may be done when.

The states and their order are `x-wx-lifecycle` of the contract (saas/wx/contract/certification.json).
"""

from __future__ import annotations

from dataclasses import dataclass

from saas.errors import N_
from saas.programs.certification_models import (
    ENDED,
    MOST_REFILLS,
    OF_ADMINISTRATOR,
    Certification,
)
from saas.programs.certification_models import (
    CertificationStatus as S,
)
from saas.programs.words import Word
from saas.wx.api.certification import CertificationState

NEXT: dict[S, frozenset[S]] = {
    S.DRAFT: frozenset({S.ADMIN_PENDING}),
    S.ADMIN_PENDING: frozenset({S.ADMIN_AGREED, S.ADMIN_REFUSED, S.TASK_EXPIRED}),
    S.ADMIN_AGREED: frozenset({S.FACE_RUNNING, S.TASK_EXPIRED}),
    S.FACE_RUNNING: frozenset({S.FACE_FAILED, S.FACE_OK, S.TASK_EXPIRED}),
    S.FACE_OK: frozenset({S.PHONE_CODE_SENT, S.TASK_EXPIRED}),
    S.PHONE_CODE_SENT: frozenset({S.PHONE_FAILED, S.PHONE_OK, S.TASK_EXPIRED}),
    S.PHONE_OK: frozenset({S.ORDER_FAILED, S.VERIFY_FAILED, S.ORDER_CREATED, S.PAY_PENDING}),
    S.ORDER_CREATED: frozenset({S.PAY_PENDING, S.IN_REVIEW}),
    S.PAY_PENDING: frozenset({S.ORDER_CREATED, S.IN_REVIEW}),
    S.IN_REVIEW: frozenset({S.SENT_BACK, S.PASSED, S.FAILED}),
    S.SENT_BACK: frozenset({S.IN_REVIEW, S.FAILED}),
    **{status: frozenset() for status in ENDED},
}
"""WeChat tells no state for certain but the present one, so that steps in between may be skipped; see `may_become`."""

_OF_TASK = {
    0: S.ADMIN_PENDING, 1: S.TASK_EXPIRED, 2: S.ADMIN_REFUSED, 3: S.ADMIN_AGREED, 4: S.FACE_RUNNING, 5: S.FACE_FAILED,
    6: S.FACE_OK, 7: S.PHONE_CODE_SENT, 8: S.PHONE_FAILED, 9: S.PHONE_OK, 11: S.ORDER_FAILED, 12: S.ORDER_CREATED,
    14: S.VERIFY_FAILED, 15: S.PAY_PENDING,
}  # fmt: skip
_OF_ORDER = {1: S.PAY_PENDING, 2: S.IN_REVIEW, 3: S.SENT_BACK, 4: S.PASSED, 5: S.FAILED}

WORDS: dict[S, Word] = {
    S.DRAFT: Word.NOT_CERTIFIED,
    S.ADMIN_PENDING: Word.CERTIFY_ADMIN,
    S.ADMIN_REFUSED: Word.CERTIFY_ADMIN_REFUSED,
    S.ADMIN_AGREED: Word.CERTIFY_FACE,
    S.TASK_EXPIRED: Word.CERTIFY_EXPIRED,
    S.FACE_RUNNING: Word.CERTIFY_FACE,
    S.FACE_FAILED: Word.CERTIFY_FACE_FAILED,
    S.FACE_OK: Word.CERTIFY_PHONE,
    S.PHONE_CODE_SENT: Word.CERTIFY_PHONE,
    S.PHONE_FAILED: Word.CERTIFY_PHONE_FAILED,
    S.PHONE_OK: Word.CERTIFY_ORDERING,
    S.ORDER_FAILED: Word.CERTIFY_ORDER_FAILED,
    S.VERIFY_FAILED: Word.CERTIFY_CHECK_FAILED,
    S.ORDER_CREATED: Word.CERTIFY_ORDERING,
    S.PAY_PENDING: Word.CERTIFY_PAYING,
    S.IN_REVIEW: Word.CERTIFY_IN_REVIEW,
    S.SENT_BACK: Word.CERTIFY_SENT_BACK,
    S.PASSED: Word.CERTIFIED,
    S.FAILED: Word.CERTIFY_FAILED,
}


def _reachable() -> dict[S, frozenset[S]]:
    found = {status: set(NEXT[status]) for status in S}
    for _ in S:
        for status in S:
            found[status].update(*(found[one] for one in tuple(found[status])))
    return {status: frozenset(after) for status, after in found.items()}


_AFTER = _reachable()


def may_become(old: S, new: S) -> bool:
    """Whether what WeChat tells can be newer than what is known: answers may overtake each other."""
    return new in _AFTER[old]


def state_of(answer: CertificationState) -> S | None:
    """WeChat's two numbers as one state; None for one that nobody documented."""
    order = int(answer.get("apply_status") or 0)
    return _OF_ORDER.get(order) if order else _OF_TASK.get(int(answer.get("task_status") or 0))


@dataclass(frozen=True)
class Ways:
    """What may be done with a certification now, and in one sentence (a msgid) why that and nothing else."""

    edit: bool = False
    start: bool = False
    resubmit: bool = False
    again: bool = False
    why: str = ""


_WHY_ENDED = {
    S.ADMIN_REFUSED: N_("管理员拒绝了这次认证，微信不允许重新提交，请重新发起；审核费没有产生。"),
    S.TASK_EXPIRED: N_("管理员 24 小时内没有办完，这次认证已经作废，请重新发起；审核费没有产生。"),
    S.FACE_FAILED: N_("管理员的人脸核验没有通过，微信不允许重新提交，请重新发起；审核费没有产生。"),
    S.PHONE_FAILED: N_("管理员的手机验证没有通过，微信不允许重新提交，请重新发起；审核费没有产生。"),
    S.ORDER_FAILED: N_("微信没能生成审核订单，请重新发起。"),
    S.VERIFY_FAILED: N_("资料没有通过微信的校验，请修改资料后重新发起。"),
    S.FAILED: N_("认证最终没有通过，微信不允许重新提交。重新发起要再付一次审核费。"),
    S.PASSED: N_("认证已通过，有效期一年。到期前三个月起可以再次认证（年审）。"),
}
_WHY_OPEN = {
    S.PAY_PENDING: N_("等管理员在微信里支付审核费，付款后自动进入审核。"),
    S.IN_REVIEW: N_("审核公司会给认证联系人打电话，请提醒对方接听；漏接会延误或被打回。审核中不能修改资料。"),
}
_WHY_UNANSWERED = N_("上次提交没有收到微信的答复，资料可能已经送到，现在不能修改。请等微信的通知，或者再提交一次。")
_WHY_ORDERING = N_("管理员已经办完，微信正在生成审核订单。")
_WHY_ADMINISTRATOR = N_("等小程序管理员在 24 小时内完成确认、人脸核验和手机验证。在此之前不能修改资料或重复发起。")


def ways(certification: Certification | None) -> Ways:
    """Resubmitting is for what was sent back only; everything else that ended has to begin anew. A draft that WeChat
    may have got stays as it was sent.
    """
    if certification is None:
        return Ways(again=True, why=N_("还没有发起过认证。"))
    status = S(certification.status)
    if status is S.DRAFT and certification.sent_at is not None:
        return Ways(start=True, why=_WHY_UNANSWERED)
    if status is S.DRAFT:
        return Ways(edit=True, start=True, why=N_("资料填好后提交给微信，小程序管理员会收到确认通知。"))
    if status is S.SENT_BACK:
        if certification.refills >= MOST_REFILLS:
            return Ways(why=N_("补充资料的 3 次机会已经用完，不能再提交。等微信结束这次认证后，可以重新发起。"))
        if certification.procedure_id:
            return Ways(edit=True, why=N_("认证和备案一起办。按打回原因修改资料，再到备案页重新提交，不用再付费。"))
        return Ways(edit=True, resubmit=True, why=N_("按打回原因修改资料后重新提交，不用再付费，管理员也不用再核验。"))
    if status in ENDED:
        return Ways(again=True, why=_WHY_ENDED[status])
    return Ways(why=_WHY_OPEN.get(status, _WHY_ADMINISTRATOR if status in OF_ADMINISTRATOR else _WHY_ORDERING))
