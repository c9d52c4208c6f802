"""Jobs about authorizations and profiles of mini programs."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from jobs.runner import job
from saas.components.access import load_component
from saas.programs import avatars, permission_counts, privacy, profile
from saas.programs import exchange as exchanging
from saas.programs.access import load_grant, load_program
from saas.queue import Later


def _exchange_gave_up(db: Session, grant_id: UUID, error: BaseException) -> None:
    if isinstance(error, Later):
        error = error.__cause__ or error
    exchanging.fail_grant(db, load_grant(db, grant_id), error)


@job(gave_up=_exchange_gave_up)
def exchange(db: Session, grant_id: UUID, attempt: int) -> None:
    """Turn an authorization code into a mini program with tokens."""
    exchanging.exchange(db, load_grant(db, grant_id), attempt)


def _profile_gave_up(db: Session, program_id: UUID, error: BaseException) -> None:
    profile.note_profile_error(load_program(db, program_id), error)


@job(attempts=6, gave_up=_profile_gave_up)
def read_profile(db: Session, program_id: UUID, _attempt: int) -> None:
    """Ask WeChat who this account is, what it granted, and whether the authorization still stands."""
    profile.read_profile(db, load_program(db, program_id))


@job(attempts=4)
def fetch_avatar(db: Session, program_id: UUID, _attempt: int) -> None:
    """Keep a copy of the avatar."""
    avatars.fetch_avatar(db, load_program(db, program_id))


@job()
def read_privacy(db: Session, program_id: UUID, _attempt: int) -> None:
    """Compare the privacy guide with the code that was just uploaded."""
    privacy.read_after_upload(db, load_program(db, program_id))


@job(attempts=3)
def count_permissions(db: Session, component_id: UUID, _attempt: int) -> None:
    """Count which permissions a component app's mini programs lack."""
    permission_counts.count_permissions(db, load_component(db, component_id))


def look_at_permissions(db: Session) -> None:
    """Cron: have them counted for every component app that works."""
    permission_counts.enqueue_counts(db)
