"""Letters to whoever is in charge of a mini program: the ministry's text message waits, and for a day only."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas import clock
from saas.db import platform_session
from saas.programs.filing_models import Filing, FilingStatus
from saas.programs.models import Program
from saas.tenants.letters import link, send_letter
from saas.tenants.models import Membership, Role, User
from saas.tenants.providers import own_provider
from saas.wx.limits import ZONE

_LAST_CALL = timedelta(hours=6)


def tell_of_sms(db: Session, program: Program, filing: Filing) -> None:
    """The message went out."""
    _write(db, "filing_sms", program, filing)


def remind_of_sms(db: Session, program: Program, filing: Filing) -> None:
    """Once more when little time is left and nobody has answered."""
    if filing.status != FilingStatus.SMS or filing.due_at is None or filing.reminded_at is not None:
        return
    if clock.now() < filing.due_at - _LAST_CALL:
        return
    filing.reminded_at = clock.now()
    _write(db, "filing_sms_again", program, filing)


def _write(db: Session, template: str, program: Program, filing: Filing) -> None:
    provider = own_provider(db)
    due = filing.due_at.astimezone(ZONE).strftime("%Y-%m-%d %H:%M") if filing.due_at else ""
    for address, locale in _people(program):
        send_letter(
            db, template, to=address, locale=locale, provider_id=program.provider_id, program=program.name, due=due,
            link=link(f"/p/{provider.slug}/programs/{program.id}/filing"),
        )  # fmt: skip


def _people(program: Program) -> list[tuple[str, str]]:
    """Address and language of the member in charge, or of the owners."""
    query = (
        select(User.email, User.locale)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.provider_id == program.provider_id, User.blocked_at.is_(None), User.email != "")
    )
    in_charge = User.id == program.owner_id
    with platform_session("find out who is in charge of a mini program") as platform:
        found = platform.execute(query.where(in_charge)).all() if program.owner_id else []
        found = found or platform.execute(query.where(Membership.role == Role.OWNER)).all()
    return [(email, locale) for email, locale in found]
