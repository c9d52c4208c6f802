"""Why a mini program got no further in its train, as classes: what repairs it, and who it concerns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, case, func, literal
from sqlalchemy.orm import InstrumentedAttribute

from saas.errors import N_
from saas.failures import GAVE_UP, UNREADABLE_ANSWERS, WENT_WRONG
from saas.releases.checks import Repair
from saas.trains.models import TrainStep, TrainStepName
from saas.wx import errors
from saas.wx.failures import codes_of

QUOTA_USED_UP = 85085
REJECTED = N_("审核没有通过")
DROPPED = N_("任务被取消，没有做完")
REPLACED = N_("体验版已经换成别的代码，请重新上传")
NOT_AUTHORIZED = N_("商家没有授权，请先让商家重新授权")
NOT_PERMITTED = N_("商家的授权里没有“开发管理与数据分析”权限，请让商家重新授权并勾选它")
FROZEN = N_("小程序已被微信冻结、封禁或注销")
_MARK = "："
"""Own texts name what is lacking after it; what stands before makes the group."""


class Remedy(StrEnum):
    """What puts a cause right, for all whom it has met."""

    RETRY = "retry"
    AUTHORIZE = "authorize"
    PERMIT = "permit"
    UNFREEZE = "unfreeze"
    VALUES = "values"
    TEMPLATE = "template"
    PROFILE = "profile"
    CATEGORIES = "categories"
    CODE_STATE = "code_state"
    PRIVACY = "privacy"
    INTERFACES = "interfaces"
    DOMAINS = "domains"
    CERTIFY = "certify"
    FILE = "file"
    OTHER_AUDIT = "other_audit"
    PHASED = "phased"
    REJECTED = "rejected"
    QUOTA = "quota"
    LIMIT = "limit"
    COMPONENT = "component"
    BARRED = "barred"


_OF_ERRORS: Mapping[type[errors.WeChatError], Remedy] = {
    errors.NotAuthorized: Remedy.AUTHORIZE,
    errors.RefreshTokenInvalid: Remedy.AUTHORIZE,
    errors.PermissionMissing: Remedy.PERMIT,
    errors.AccountRestricted: Remedy.UNFREEZE,
    errors.ExtJsonRefused: Remedy.VALUES,
    errors.TemplateNotFound: Remedy.TEMPLATE,
    errors.TemplateRefused: Remedy.TEMPLATE,
    errors.ProfileIncomplete: Remedy.PROFILE,
    errors.CategoryMissing: Remedy.CATEGORIES,
    errors.CategoryRefused: Remedy.CATEGORIES,
    errors.PrivacyGuideRefused: Remedy.PRIVACY,
    errors.PrivacyInterfaceRefused: Remedy.INTERFACES,
    errors.DomainNotRegistered: Remedy.DOMAINS,
    errors.DomainRefused: Remedy.DOMAINS,
    errors.CheckFileMissing: Remedy.DOMAINS,
    errors.FilingRefused: Remedy.FILE,
    errors.NoSuchFiling: Remedy.FILE,
    errors.AuditAlreadyRunning: Remedy.OTHER_AUDIT,
    errors.PhasedReleaseRunning: Remedy.PHASED,
    errors.AuditQuotaUsedUp: Remedy.QUOTA,
    errors.BudgetUsedUp: Remedy.LIMIT,
    errors.IpNotAllowed: Remedy.COMPONENT,
    errors.TicketInvalid: Remedy.COMPONENT,
    errors.SecretWrong: Remedy.COMPONENT,
    errors.ComponentNotPublished: Remedy.COMPONENT,
    errors.SubmissionBarred: Remedy.BARRED,
}
_OF_CHECKS: Mapping[str, Remedy] = {
    Repair.AUTHORIZE: Remedy.AUTHORIZE,
    Repair.TEMPLATE: Remedy.TEMPLATE,
    Repair.PROFILE: Remedy.PROFILE,
    Repair.CATEGORIES: Remedy.CATEGORIES,
    Repair.DOMAINS: Remedy.DOMAINS,
    Repair.PRIVACY: Remedy.INTERFACES,
    Repair.CERTIFY: Remedy.CERTIFY,
    Repair.FILE: Remedy.FILE,
    Repair.AUDIT: Remedy.OTHER_AUDIT,
    Repair.REFRESH: Remedy.CODE_STATE,
}
OWN_TEXTS: Mapping[str, Remedy] = {
    NOT_AUTHORIZED: Remedy.AUTHORIZE,
    NOT_PERMITTED: Remedy.PERMIT,
    FROZEN: Remedy.UNFREEZE,
    REJECTED: Remedy.REJECTED,
    N_("商家没有授权"): Remedy.AUTHORIZE,
    N_("缺少“开发管理与数据分析”权限"): Remedy.PERMIT,
    N_("另一个版本正在审核"): Remedy.OTHER_AUDIT,
    N_("缺少变量或值不对"): Remedy.VALUES,
    N_("模板库里已经没有这个模板，请换一个"): Remedy.TEMPLATE,
    N_("这个模板正在删除，请换一个"): Remedy.TEMPLATE,
    N_("小程序没有审核通过的服务类目，请先添加，审核通过后刷新状态"): Remedy.CATEGORIES,
    N_("还没有读到服务类目，请先刷新状态"): Remedy.CODE_STATE,
    N_("代码用到了没有权限的接口"): Remedy.INTERFACES,
    N_("代码用到了没有声明的接口"): Remedy.TEMPLATE,
    N_("已有一个版本在审核中，请等它结束，或先撤回"): Remedy.OTHER_AUDIT,
    REPLACED: Remedy.RETRY,
    DROPPED: Remedy.RETRY,
    GAVE_UP: Remedy.RETRY,
    UNREADABLE_ANSWERS: Remedy.RETRY,
    WENT_WRONG: Remedy.RETRY,
}
"""Texts of our own services, as far as their first colon. Kept true to them by `tests/trains/test_causes.py`."""

COMPONENTS = (errors.IpNotAllowed, errors.TicketInvalid, errors.SecretWrong)
"""The component app cannot call WeChat at all: whoever mends it mends it for everybody."""
_EVERYBODYS = (
    *COMPONENTS, errors.ComponentNotPublished, errors.TemplateNotFound, errors.TemplateRefused,
    errors.SubmissionBarred,
)  # fmt: skip
OF_AUTHORIZATION = (errors.NotAuthorized, errors.RefreshTokenInvalid, errors.PermissionMissing)
"""The merchant's authorization ended, or lacks something: a new one changes it."""
OF_ACCOUNT_STATE = (errors.AccountRestricted,)
_ONES_OWN = (*OF_AUTHORIZATION, *OF_ACCOUNT_STATE)
_OWN_WORDS = (NOT_AUTHORIZED, NOT_PERMITTED, FROZEN)


@dataclass(frozen=True)
class Cause:
    """Why a step failed: an errcode of an operation, or without one our own words, as far as all have the same."""

    step: TrainStepName
    errcode: int | None
    operation: str
    error: str

    @property
    def holds(self) -> ColumnElement[bool]:
        """The condition on failed steps."""
        same = and_(
            TrainStep.step == self.step, TrainStep.errcode.is_not_distinct_from(self.errcode),
            TrainStep.operation == self.operation,
        )  # fmt: skip
        return same if self.errcode is not None else and_(same, own_words() == self.error)


def head_of(text: ColumnElement[str] | InstrumentedAttribute[str]) -> ColumnElement[str]:
    """One of our own texts as far as it is the same for all."""
    return func.split_part(text, _MARK, 1)


def own_words() -> ColumnElement[str]:
    """What makes a group where there is no errcode. Rejections are one: their reasons have a desk of their own."""
    rejected = and_(TrainStep.step == TrainStepName.AUDIT, TrainStep.error.not_in(_OWN_WORDS))
    return case(
        (TrainStep.errcode.is_not(None), literal("")), (rejected, literal(REJECTED)),
        else_=head_of(TrainStep.error),
    )  # fmt: skip


def barred() -> ColumnElement[bool]:
    """The condition on failed steps whose mini program alone is to blame: it was taken away from us, or WeChat holds
    it. Nobody else is met by that, so no rule counts it."""
    own = and_(TrainStep.errcode.is_(None), TrainStep.error.in_(_OWN_WORDS))
    return own | func.coalesce(TrainStep.errcode.in_(codes_of(*_ONES_OWN)), False)


def component_failed() -> ColumnElement[bool]:
    """The condition on failed steps whose component app could not call WeChat."""
    return TrainStep.errcode.in_(codes_of(*COMPONENTS))


def remedy_of(cause: Cause, repair: str = "") -> Remedy:
    """What puts it right; `repair` is that of the check that failed, if one did."""
    if cause.errcode is not None:
        return next((remedy for kind, remedy in _OF_ERRORS.items() if _is(cause, [kind])), Remedy.RETRY)
    return OWN_TEXTS.get(cause.error) or _OF_CHECKS.get(repair, Remedy.RETRY)


def hits_everybody(errcode: int, operation: str) -> bool:
    """Whether the cause is the component app's or the template's, so that every mini program would be refused."""
    return errcode != QUOTA_USED_UP and _is(Cause(TrainStepName.UPLOAD, errcode, operation, ""), _EVERYBODYS)


def is_components(errcode: int, operation: str) -> bool:
    return _is(Cause(TrainStepName.UPLOAD, errcode, operation, ""), COMPONENTS)


def _is(cause: Cause, kinds: Iterable[type[errors.WeChatError]]) -> bool:
    error = errors.from_answer({"errcode": cause.errcode, "errmsg": ""}, operation=cause.operation)
    return isinstance(error, tuple(kinds))
