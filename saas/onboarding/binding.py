"""When the mini program that was still to be registered is there: what is asked of its merchant is about it from then
on, and what was accepted before flows into its drafts.
"""

from __future__ import annotations

from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session, aliased

from saas import clock
from saas.errors import Conflict, Invalid, NotFound
from saas.onboarding.closing import close_moved
from saas.onboarding.handing_over import INTO_DRAFTS, hand_over, hold_drafts
from saas.onboarding.models import Onboarding, OnboardingPart, PartStatus
from saas.onboarding.parts import answers_of
from saas.programs.access import load_program
from saas.programs.models import Program
from saas.programs.registration_models import Registration, RegistrationKind, RegistrationStatus
from saas.queue import enqueue_for
from saas.tenants import activity
from saas.tenants.access import system
from saas.tenants.merchants import load_merchant

log = structlog.get_logger()

BIND = "jobs.onboarding.bind"
_OF_TRIALS = (RegistrationKind.CONVERSION, RegistrationKind.UPGRADE)
"""They make no mini program: it was there before."""
_UNBOUND = (Onboarding.program_id.is_(None), Onboarding.closed_at.is_(None))


def look_for_registered(db: Session, *, limit: int = 500) -> int:
    """In a platform session: look for merchants whose mini program has come about; says how many. One query."""
    query = (
        select(Onboarding.provider_id, Onboarding.merchant_id)
        .where(*_UNBOUND, _results().exists())
        .distinct()
        .limit(limit)
    )
    found = db.execute(query).all()
    for provider_id, merchant_id in found:
        enqueue_for(db, provider_id, BIND, merchant_id)
    return len(found)


def bind(db: Session, merchant_id: UUID) -> int:
    """Give the merchant's onboardings without a mini program those that were registered for her since, the oldest to
    the oldest; says how many. Safe to repeat and to race.
    """
    merchant = load_merchant(db, merchant_id)
    db.refresh(merchant, with_for_update={"key_share": True})  # whoever opens another onboarding waits
    unbound = db.scalars(
        select(Onboarding).where(Onboarding.merchant_id == merchant_id, *_UNBOUND).order_by(Onboarding.id).limit(50)
    )
    return sum(_bind(db, onboarding) for onboarding in unbound.all())


def _bind(db: Session, onboarding: Onboarding) -> bool:
    program_id = db.scalar(
        _results(Onboarding.id == onboarding.id).order_by(Registration.finished_at, Registration.id).limit(1)
    )
    if program_id is None:
        return False
    program = load_program(db, program_id)
    hold_drafts(db, program, db.scalars(_to_hand_over(onboarding).with_only_columns(OnboardingPart.key)).all())
    close_moved(db, [program_id])
    db.refresh(onboarding, with_for_update=True)  # whoever decides on a part is done, or comes after
    if program.merchant_id != onboarding.merchant_id or onboarding.program_id or onboarding.closed_at:
        return False
    onboarding.program_id = program_id
    db.flush()
    activity.record(db, system(onboarding.provider_id), "onboarding.bind", onboarding)
    _hand_over(db, onboarding)
    return True


def _hand_over(db: Session, onboarding: Onboarding) -> None:
    """What cannot flow stays as it is: the provider finds it on the part's page."""
    for part in db.scalars(_to_hand_over(onboarding).execution_options(populate_existing=True)).all():
        try:
            with db.begin_nested():
                hand_over(db, answers_of(db, onboarding, part), who=system(onboarding.provider_id))
                part.taken_over_at = clock.now()
        except (Conflict, Invalid, NotFound) as error:
            log.info("part_not_taken_over", part=str(part.id), why=type(error).__name__)


def _to_hand_over(onboarding: Onboarding) -> Select[OnboardingPart]:
    query = select(OnboardingPart).where(
        OnboardingPart.onboarding_id == onboarding.id, OnboardingPart.status == PartStatus.ACCEPTED,
        OnboardingPart.key.in_(INTO_DRAFTS), OnboardingPart.taken_over_at.is_(None),
    )  # fmt: skip
    return query.order_by(OnboardingPart.id)


def _results(*of: ColumnElement[bool]) -> Select[UUID]:
    """The mini programs, still hers, that were registered for the merchant of an onboarding after it was opened, and
    about which she was not asked anything yet.
    """
    asked = aliased(Onboarding)
    return (
        select(Program.id)
        .join(Registration, Registration.program_id == Program.id)
        .where(
            *of,
            Registration.provider_id == Onboarding.provider_id,
            Registration.merchant_id == Onboarding.merchant_id,
            Registration.status == RegistrationStatus.DONE,
            Registration.kind.not_in(_OF_TRIALS),
            Registration.finished_at > Onboarding.created_at,
            Program.merchant_id == Onboarding.merchant_id,
            ~select(asked.id)
            .where(asked.program_id == Program.id, asked.merchant_id == Onboarding.merchant_id)
            .correlate(Program, Onboarding)
            .exists(),
        )
    )
