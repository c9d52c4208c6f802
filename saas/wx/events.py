"""WeChat's pushes as typed values: what is written about, and when.

What an event says may be late, repeated or missing, so it is a reason to ask WeChat and not a state to believe.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from saas.wx.pushes import Event as Event
from saas.wx.pushes import UnknownEvent as UnknownEvent
from saas.wx.pushes import (
    entries,
    for_event,
    media_ids,
    moment,
    needed,
    number,
    optional_moment,
    optional_number,
    text,
    verdict,
)
from saas.wx.pushes import parse_event as parse_event


@dataclass(frozen=True)
class KnownEvent(Event):
    """`created_at` is WeChat's time of the event: compare by it, since pushes overtake each other."""

    created_at: datetime = moment("CreateTime")


@dataclass(frozen=True)
class MessageEvent(KnownEvent):
    """Comes to the address of one mini program and names no appid: `user_name` is the program's gh_ id."""

    user_name: str = text("ToUserName")


# Tickets and authorizations


@for_event("component_verify_ticket")
@dataclass(frozen=True)
class TicketPushed(KnownEvent):
    """About every ten minutes, valid twelve hours."""

    ticket: str = needed("ComponentVerifyTicket", secret=True)


@for_event("authorized")
@dataclass(frozen=True)
class Authorized(KnownEvent):
    """Exchange `code` at once. `pre_auth_code` says which authorization page was used ("" if unknown).

    Comes for WeChat's release-check accounts, too.
    """

    appid: str = needed("AuthorizerAppid")
    code: str = needed("AuthorizationCode", secret=True)
    pre_auth_code: str = text("PreAuthCode", secret=True)


@for_event("updateauthorized")
@dataclass(frozen=True)
class AuthorizationUpdated(Authorized):
    """Exchange `code` again, the old refresh token is replaced; the permission sets changed."""


@for_event("unauthorized")
@dataclass(frozen=True)
class Unauthorized(KnownEvent):
    """The tokens are dead, unless a newer authorization is known already."""

    appid: str = needed("AuthorizerAppid")


# Registration


@dataclass(frozen=True)
class RegistrationEvent(KnownEvent):
    """`status` 0 is success, everything else a reason; `appid` is the new mini program's, "" on failure."""

    appid: str = text("appid")
    status: int = number("status")
    message: str = text("msg")

    @property
    def succeeded(self) -> bool:
        return self.status == 0


@for_event("notify_third_fasteregister")
@dataclass(frozen=True)
class ProgramRegistered(RegistrationEvent):
    """A mini program was registered, or not. Exchange `code` as after an authorization.

    No id of ours comes back: a company is known by `company` and `company_code`, a person by `person_wechat`.
    """

    code: str = text("auth_code", secret=True)
    company: str = text("info.name")
    company_code: str = text("info.code")
    legal_person: str = text("info.legal_persona_name", secret=True)
    legal_person_wechat: str = text("info.legal_persona_wechat", secret=True)
    person: str = text("info.idname", secret=True)
    person_wechat: str = text("info.wxuser", secret=True)


@for_event("notify_third_fastregisterbetaapp")
@dataclass(frozen=True)
class TrialCreated(RegistrationEvent):
    """A trial mini program was created, or not; `unique_id` is the request's. The code comes with `Authorized`."""

    unique_id: str = text("info.unique_id")
    nickname: str = text("info.name")


@for_event("notify_third_fastverifybetaapp")
@dataclass(frozen=True)
class TrialConverted(RegistrationEvent):
    """A trial mini program became a company's, or not."""

    appid: str = needed("appid")
    company: str = text("info.name")
    company_code: str = text("info.code")


@dataclass(frozen=True)
class OffiaccountConversion(MessageEvent):
    """About the conversion of a trial mini program (`appid`) through an official account; `status` 0 is success.

    WeChat misspells the element that holds it.
    """

    appid: str = text("ApplyAuthorizationInfoNoitfy.appid")
    offiaccount_appid: str = text("ApplyAuthorizationInfoNoitfy.mp_appid")
    status: int = number("ApplyAuthorizationInfoNoitfy.status")
    message: str = text("ApplyAuthorizationInfoNoitfy.msg")

    @property
    def succeeded(self) -> bool:
        return self.status == 0


@for_event("betaapp_authorization_apply_event")
@dataclass(frozen=True)
class OffiaccountAnswered(OffiaccountConversion):
    """The official account's administrator answered; `ticket` lets the conversion begin."""

    ticket: str = text("ApplyAuthorizationInfoNoitfy.ticket", secret=True)


@for_event("betaapp_verify_apply_event")
@dataclass(frozen=True)
class OffiaccountConversionBegun(OffiaccountConversion):
    """WeChat took the conversion on, or not."""


@for_event("betaapp_verify_event")
@dataclass(frozen=True)
class OffiaccountConversionEnded(OffiaccountConversion):
    """The trial mini program now belongs to the official account's owner, or not."""


# Reviews of single settings


@for_event("wxa_nickname_audit")
@dataclass(frozen=True)
class NicknameReviewed(MessageEvent):
    """Names no review: it is known by the mini program and the name."""

    passed: bool = verdict("ret")
    nickname: str = text("nickname")
    reason: str = text("reason")


@for_event("wxa_category_audit")
@dataclass(frozen=True)
class CategoryReviewed(MessageEvent):
    """`first` and `second` are the ids of the category's two levels."""

    passed: bool = verdict("ret")
    first: int = number("first")
    second: int = number("second")
    reason: str = text("reason")


@for_event("wxa_privacy_apply")
@dataclass(frozen=True)
class PrivacyInterfaceReviewed(MessageEvent):
    """A location interface was granted, or not; its numbers differ from those of the query."""

    passed: bool = verdict("result_info.status")
    interface: str = needed("result_info.api_name")
    audit_id: str = text("result_info.audit_id")
    reason: str = text("result_info.reason")
    decided_at: datetime = moment("result_info.audit_time", "CreateTime")


@dataclass(frozen=True)
class OrderPathSubmission:
    """`result`: 0 submitted, 1 submitted before, -1 WeChat is busy, -2 the appid is not valid."""

    appid: str = needed("appid")
    audit_id: str = text("audit_id")
    result: int | None = optional_number("ret_code")


@for_event("order_path_apply_result_notify")
@dataclass(frozen=True)
class OrderPathsSubmitted(KnownEvent):
    """One submission may be for a hundred mini programs."""

    submissions: tuple[OrderPathSubmission, ...] = entries("list", OrderPathSubmission)


@dataclass(frozen=True)
class OrderPathReview:
    """`status`: 2 in review, 3 refused, 4 passed; WeChat was seen to leave it out of refusals."""

    appid: str = needed("appid")
    audit_id: str = text("audit_id")
    status: int | None = optional_number("status")
    reason: str = text("reason")
    applied_at: datetime | None = optional_moment("apply_time")
    decided_at: datetime | None = optional_moment("audit_time")

    @property
    def passed(self) -> bool:
        return self.status == 4

    @property
    def refused(self) -> bool:
        return self.status == 3 or (self.status is None and bool(self.reason))


@for_event("order_path_audit_result_notify")
@dataclass(frozen=True)
class OrderPathsReviewed(KnownEvent):
    """Several mini programs in one push."""

    reviews: tuple[OrderPathReview, ...] = entries("list", OrderPathReview)


# Certification and filing


@for_event("notify_3rd_wxa_auth")
@dataclass(frozen=True)
class CertificationMoved(KnownEvent):
    """A certification that was begun through the API reached another step; a send-back's reason has to be asked for.

    `agency`, `agency_contact` and `dispatched_at` come once, when an agency took the order.
    """

    appid: str = text("appid")
    task_id: str = needed("taskid")
    task_status: int | None = optional_number("task_status")
    apply_status: int | None = optional_number("apply_status")
    message: str = text("message")
    agency: str = text("dispatch_info.provider")
    agency_contact: str = text("dispatch_info.contact")
    dispatched_at: datetime | None = optional_moment("dispatch_info.dispatch_time")


@for_event("notify_3rd_wxa_wxverify")
@dataclass(frozen=True)
class CertificationExpired(KnownEvent):
    """Comes on the day of expiry and again 30 and 60 days later."""

    appid: str = needed("appid")
    expires_at: datetime | None = optional_moment("expired")
    message: str = text("message")


@for_event("wx_verify_pay_succ")
@dataclass(frozen=True)
class CertificationPaid(MessageEvent):
    """The fee is paid; also for a certification that the merchant began at WeChat."""

    order_id: str = text("OrderId")


@for_event("wx_verify_dispatch")
@dataclass(frozen=True)
class CertificationDispatched(MessageEvent):
    """This agency will phone the contact person: a missed call delays the certification or sends it back."""

    agency: str = text("Provider")
    agency_contact: str = text("Contact")
    dispatched_at: datetime = moment("DispatchTime", "CreateTime")


@for_event("wx_verify_refill")
@dataclass(frozen=True)
class CertificationSentBack(MessageEvent):
    """It can be filled in again."""

    reason: str = text("RefillReason")
    decided_at: datetime = moment("RefillTime", "CreateTime")


@for_event("wx_verify_fail")
@dataclass(frozen=True)
class CertificationFailed(MessageEvent):
    """It is over: another one costs another fee."""

    reason: str = text("FailReason")
    decided_at: datetime = moment("FailTime", "CreateTime")


@for_event("notify_icpfiling_verify_result")
@dataclass(frozen=True)
class FaceChecked(KnownEvent):
    """The administrator's face check before a filing. `certification_confirmed` is for checks that serve both."""

    appid: str = text("verify_appid", "appid")
    task_id: str = needed("task_id")
    passed: bool = verdict("result")
    certification_result: int | None = optional_number("along_with_auth_result")

    @property
    def certification_confirmed(self) -> bool:
        return self.certification_result == 9


@for_event("notify_apply_icpfiling_result")
@dataclass(frozen=True)
class FilingDecided(KnownEvent):
    """`status` is the one of `get_icp_entrance_info`: 3 and 5 refused, 6 filed. The reasons have to be asked for."""

    appid: str = needed("authorizer_appid", "appid")
    status: int = number("beian_status")


@for_event("notify_3rd_wxa_auth_and_icp")
@dataclass(frozen=True)
class CertificationAndFilingMoved(KnownEvent):
    """A certification with filing reached another step. WeChat may leave the appid out: go by `procedure_id`."""

    appid: str = text("authorizer_appid", "appid")
    procedure_id: str = needed("procedure_id")
    status: int | None = optional_number("procedure_status")


# Audit of code


@dataclass(frozen=True)
class AuditEvent(MessageEvent):
    """About the open audit of one mini program; names no audit.

    `decided_at` is the time of the decision, or of the notice of a delay.
    """

    decided_at: datetime = moment("SuccTime", "FailTime", "DelayTime", "CreateTime")


@for_event("weapp_audit_success")
@dataclass(frozen=True)
class AuditApproved(AuditEvent):
    """Nothing is online yet."""


@for_event("weapp_audit_fail")
@dataclass(frozen=True)
class AuditRejected(AuditEvent):
    """`reason` is HTML, see `reasons.plain_reason`; `screenshots` are media ids, to be fetched at once."""

    reason: str = text("Reason")
    screenshots: tuple[str, ...] = media_ids("ScreenShot")


@for_event("weapp_audit_delay")
@dataclass(frozen=True)
class AuditDelayed(AuditEvent):
    """Not an end, a decision follows."""

    reason: str = text("Reason")
