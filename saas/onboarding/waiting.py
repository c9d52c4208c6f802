"""What waits for the merchant's side at WeChat or the authority: who has to act, until when, what may be sent again.

Everything follows from the rows of registration, certification, filing and authorization; nothing is kept beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas import clock
from saas.batches.models import BatchItem
from saas.batches.progress import newest_items
from saas.errors import N_, Conflict
from saas.onboarding.entering import needs_authorization
from saas.onboarding.guides import FACE_OF_BOTH, GUIDES, Guide, guide_of_payment, guide_of_registration
from saas.programs import filing_sending, registration
from saas.programs.certification_access import newest_certification
from saas.programs.certification_models import OF_ADMINISTRATOR, Certification, CertificationStatus
from saas.programs.certification_states import WORDS as CERTIFICATION_WORDS
from saas.programs.filing import find_filing
from saas.programs.filing_checks import FilingFaults
from saas.programs.filing_fields import PROGRAM_PERSON, SUBJECT_PERSON, same_person
from saas.programs.filing_models import Filing, FilingStatus
from saas.programs.filing_sending import NotReady
from saas.programs.models import AuthorizationStatus, Program
from saas.programs.registration_kinds import kind_of
from saas.programs.registration_models import Registration, RegistrationKind, RegistrationStatus
from saas.programs.words import Word
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require, system
from saas.tenants.phones import masked

AGAIN_AFTER = timedelta(minutes=10)
"""How long after WeChat sent a message it may be asked to send another."""


class Kind(StrEnum):
    """What waits. Reminders are kept by these names."""

    AUTHORIZE = "authorize"
    REGISTER = "register"
    CERTIFY = "certify"
    PAY = "pay"
    FACE = "face"
    SMS = "sms"
    CANCEL = "cancel"

    @property
    def label(self) -> str:
        """A msgid."""
        return _LABELS[self]


_LABELS = {
    Kind.AUTHORIZE: N_("微信授权"), Kind.REGISTER: N_("确认注册"), Kind.CERTIFY: N_("认证核验"),
    Kind.PAY: N_("支付认证费"), Kind.FACE: N_("备案人脸核验"), Kind.SMS: N_("备案短信核验"),
    Kind.CANCEL: N_("注销备案确认"),
}  # fmt: skip


@dataclass(frozen=True)
class Waiting:
    """One thing that waits. `began_at` is the same as long as its clock runs; `ends_at` is None where nobody ends it.

    `link` is WeChat's own page for whoever has to act. `is_over`: the time ran out, and it has to be sent again, which
    `by_merchant` she may do herself from `again_at` on. Where nothing can be sent again `again_at` is None.
    """

    kind: Kind
    word: Word
    guide: Guide
    began_at: datetime
    ends_at: datetime | None = None
    is_over: bool = False
    link: str = ""
    again_at: datetime | None = None

    @property
    def is_late(self) -> bool:
        """Its time is over, and WeChat's last word has not come yet."""
        return not self.is_over and self.ends_at is not None and self.ends_at <= clock.now()

    @property
    def is_active(self) -> bool:
        """Somebody of the merchant's side can do it now."""
        return not self.is_over and not self.is_late

    @property
    def may_be_sent_again(self) -> bool:
        return self.again_at is not None and self.again_at <= clock.now()


def waitings_of(db: Session, program: Program) -> list[Waiting]:
    """All that waits for the merchant's side of a mini program, in the order of its steps; mostly one, or none."""
    case = newest_case(db, program)
    filing, certification = find_filing(db, program), newest_certification(db, program)
    found = [
        of_registration(case) if case is not None else None,
        of_authorization(program),
        of_certification(certification) if certification is not None else None,
        of_filing(filing) if filing is not None else None,
    ]
    return [one for one in found if one is not None]


def newest_case(db: Session, program: Program) -> Registration | None:
    """The registration that this mini program is waiting for, if there is one that still matters."""
    case = registration.newest_registration(db, program)
    return case if case is not None and (not program.appid or kind_of(case).of_trial) else None


def cases_without_program(db: Session, who: Who, *, limit: int = 20) -> list[tuple[Registration, Waiting]]:
    """Registrations of her merchants that wait for a person, or ran out, while there is no mini program yet."""
    query = select(Registration).where(
        Registration.merchant_id.in_(who.merchant_ids), Registration.program_id.is_(None),
        Registration.status.in_([RegistrationStatus.WAITING_PERSON, RegistrationStatus.EXPIRED]),
    )  # fmt: skip
    rows = db.scalars(query.order_by(Registration.id.desc()).limit(limit))
    return [(case, waiting) for case in rows if (waiting := of_registration(case)) is not None]


def of_registration(case: Registration) -> Waiting | None:
    """Somebody has to open WeChat's link, which lives for a day; then there is another one for the asking."""
    if case.sent_at is None:
        return None
    guide = guide_of_registration(case.kind)
    if case.status == RegistrationStatus.WAITING_PERSON and (case.link or case.kind == RegistrationKind.OFFIACCOUNT):
        return Waiting(
            Kind.REGISTER, Word.REGISTER_CONFIRM, guide, case.sent_at, ends_at=case.expires_at, link=case.link
        )
    if case.status == RegistrationStatus.EXPIRED:
        return Waiting(
            Kind.REGISTER, Word.REGISTER_EXPIRED, guide, case.sent_at, ends_at=case.expires_at, is_over=True,
            again_at=case.finished_at or case.expires_at,
        )  # fmt: skip
    return None


def of_authorization(program: Program) -> Waiting | None:
    """The authorization is gone, or lacks what the main job needs."""
    if not needs_authorization(program):
        return None
    gone = program.authorization != AuthorizationStatus.AUTHORIZED
    began_at = program.unauthorized_at if gone else program.authorized_at
    return Waiting(Kind.AUTHORIZE, Word.UNAUTHORIZED, GUIDES[Word.UNAUTHORIZED], began_at or program.created_at)


def of_certification(certification: Certification) -> Waiting | None:
    """The administrator's day with three errands; or the payment. WeChat sends both messages once."""
    status = CertificationStatus(certification.status)
    word, ends_at = CERTIFICATION_WORDS[status], certification.due_at
    if status in OF_ADMINISTRATOR:
        began_at = certification.started_at or certification.changed_at
        return Waiting(
            Kind.CERTIFY, word, GUIDES[word], began_at, ends_at=ends_at, link=certification.auth_url
        )  # fmt: skip
    if status is CertificationStatus.PAY_PENDING:
        link = certification.auth_url if certification.procedure_id else ""
        return Waiting(Kind.PAY, word, guide_of_payment(link), certification.changed_at, ends_at=ends_at, link=link)
    return None


def of_filing(filing: Filing) -> Waiting | None:
    """The administrator's face check, which WeChat can be asked for again; or the ministry's text message."""
    status = FilingStatus(filing.status)
    word = status.word
    if status in (FilingStatus.FACE, FilingStatus.FACE_FAILED):
        guide, asked_at = FACE_OF_BOTH if filing.face_certifies else GUIDES[Word.FILE_FACE], filing.face_asked_at
        over = status is FilingStatus.FACE_FAILED
        return Waiting(
            Kind.FACE, word, guide, asked_at or filing.moved_at, ends_at=None if over else filing.due_at, is_over=over,
            link="" if over else filing.face_url, again_at=(asked_at or filing.moved_at) + AGAIN_AFTER,
        )  # fmt: skip
    if status in (FilingStatus.SMS, FilingStatus.CANCELLING):
        kind = Kind.SMS if status is FilingStatus.SMS else Kind.CANCEL
        return Waiting(kind, word, GUIDES[word], filing.moved_at, ends_at=filing.due_at)
    return None


def numbers_told(db: Session, program: Program) -> list[str]:
    """To which numbers the ministry's message goes, masked."""
    filing = find_filing(db, program)
    if filing is None or not filing.content:
        return []
    places = [SUBJECT_PERSON] if same_person(filing.values) else [SUBJECT_PERSON, PROGRAM_PERSON]
    numbers = [str(filing.values.get(f"{place}.mobile") or "") for place in places]
    return [masked(number) for number in dict.fromkeys(numbers) if number]


def sending_of(db: Session, program: Program | None, case: Registration | None) -> BatchItem | None:
    """What was sent last for a mini program or for a registration, under way or over."""
    found = newest_items(db, case.id, (registration.SEND,)) if case is not None else {}
    if program is not None:
        found |= newest_items(db, program.id, (filing_sending.ASK_FACE, registration.REGISTER_COMPANY))
    return max(found.values(), key=lambda item: item.id, default=None)


def send_again(db: Session, program: Program, *, who: Who) -> None:
    """Have WeChat send its message once more, for the merchant's own person; raises Conflict with the reason.

    The call itself is a step. Twice is once: while it is under way, and for some minutes after, it is refused.
    """
    require(who.at(program.merchant_id), Verb.ANSWER)
    db.refresh(program, with_for_update=True)
    sendable = [one for one in waitings_of(db, program) if one.again_at is not None]
    if not sendable:
        raise Conflict(N_("现在没有可以再发一次的消息"))
    (waiting, *_others) = sendable
    if not waiting.may_be_sent_again:
        raise Conflict(N_("微信刚发过消息，请等 %(minutes)d 分钟再发"), minutes=AGAIN_AFTER.seconds // 60)
    if waiting.kind is Kind.REGISTER:
        case = newest_case(db, program)
        assert case is not None
        _start_case(db, case, who)
    else:
        _ask_face_again(db, program, who)
    activity.record(db, who, "program.send_again", program, detail={"step": waiting.kind.value})


def send_case_again(db: Session, case: Registration, *, who: Who) -> None:
    """`send_again` for a mini program that is known by its registration only: WeChat makes another link."""
    require(who.at(case.merchant_id), Verb.ANSWER)
    _start_case(db, case, who)
    activity.record(db, who, "registration.send_again", case)


def _start_case(db: Session, case: Registration, who: Who) -> None:
    db.refresh(case, with_for_update=True)
    if case.status != RegistrationStatus.EXPIRED:
        raise Conflict(N_("现在没有可以再发一次的消息"))
    if registration.hindrance(db, case):
        raise Conflict(_PROVIDER_FIRST)
    registration.start_registration(db, case, who=_in_her_name(who))


_PROVIDER_FIRST = N_("现在不能再发，需要服务商先处理，请联系服务商")


def _ask_face_again(db: Session, program: Program, who: Who) -> None:
    if needs_authorization(program):
        raise Conflict(N_("请先重新授权，再请微信发送"))
    filing = find_filing(db, program)
    try:
        filing_sending.request_face_check(
            db, program, who=_in_her_name(who), together=filing is not None and filing.face_certifies
        )
    except (NotReady, FilingFaults) as error:
        raise Conflict(_PROVIDER_FIRST) from error


def _in_her_name(who: Who) -> Who:
    """She may ask for this one thing, but has no right to the provider's work."""
    return system(who.provider_id, who.name)
