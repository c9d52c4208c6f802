"""What the platform's own people see and do: the providers, suspending and resuming, jobs that failed.

Operators do everything, support looks, a billing admin sees the list of providers only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from saas import clock
from saas.db import after_commit
from saas.errors import N_, Conflict, Forbidden, Invalid, NotFound
from saas.queue import Job, JobStatus, Lane, ring
from saas.tenants.access import PlatformWho
from saas.tenants.models import Activity, Membership, PlatformRole, Provider, ProviderStatus, Role, User


@dataclass(frozen=True)
class Listed:
    """One provider in the operator's list."""

    id: UUID
    slug: str
    name: str
    status: str
    created_at: datetime
    members: int
    components: int
    programs: int


_COUNTS = {
    "components": text("(select count(*) from component_apps where component_apps.provider_id = providers.id)"),
    "programs": text("(select count(*) from programs where programs.provider_id = providers.id)"),
}
"""The tables belong to layers above; the platform only counts their rows."""


def list_providers(
    db: Session, *, search: str = "", status: str = "", before: UUID | None = None, limit: int = 50
) -> list[Listed]:
    """Providers, newest first, with their sizes; one query. In a platform session."""
    members = select(func.count()).where(Membership.provider_id == Provider.id).correlate(Provider).scalar_subquery()
    query = (
        select(
            Provider.id, Provider.slug, Provider.name, Provider.status, Provider.created_at, members,
            *(_COUNTS[name] for name in ("components", "programs")),
        )
        .order_by(Provider.id.desc())
        .limit(limit)
    )  # fmt: skip
    if search:
        query = query.where(
            Provider.name.icontains(search, autoescape=True) | Provider.slug.icontains(search, autoescape=True)
        )
    if status:
        query = query.where(Provider.status == status)
    if before is not None:
        query = query.where(Provider.id < before)
    return [Listed(*row) for row in db.execute(query)]


def get_provider(db: Session, provider_id: UUID, *, who: PlatformWho) -> Provider:
    """A provider, for the people who may look into it."""
    require_inspection(who)
    found = db.scalar(select(Provider).where(Provider.id == provider_id))
    if found is None:
        raise NotFound()
    return found


def owners_of(db: Session, provider: Provider) -> list[User]:
    """Whom to write to."""
    return list(
        db.scalars(
            select(User)
            .join(Membership, Membership.user_id == User.id)
            .where(Membership.provider_id == provider.id, Membership.role == Role.OWNER)
            .order_by(Membership.id)
        )
    )


def suspend(db: Session, provider: Provider, *, who: PlatformWho, reason: str) -> None:
    """Close a provider's console to its people; what is online stays online, pushes are still taken."""
    require_operator(who)
    reason = " ".join(reason.split())[:300]
    if not reason:
        raise Invalid(N_("请填写原因，服务商会看到"), field="reason")
    working = Provider.status.in_([ProviderStatus.TRIAL, ProviderStatus.ACTIVE])
    if not _claim(
        db, provider, working, status=ProviderStatus.SUSPENDED, suspended_from=Provider.status, suspended_reason=reason
    ):
        raise Conflict(N_("这个服务商现在不能暂停"))
    _record(db, who, "provider.suspend", provider, {"reason": reason})


def resume(db: Session, provider: Provider, *, who: PlatformWho) -> None:
    """Open a suspended provider's console again, as it was before."""
    require_operator(who)
    before = func.coalesce(func.nullif(Provider.suspended_from, ""), ProviderStatus.ACTIVE.value)
    suspended = Provider.status == ProviderStatus.SUSPENDED
    if not _claim(db, provider, suspended, status=before, suspended_from="", suspended_reason=""):
        raise Conflict(N_("这个服务商没有被暂停"))
    _record(db, who, "provider.resume", provider, {})


def failed_jobs(db: Session, *, who: PlatformWho, before: UUID | None = None, limit: int = 50) -> list[tuple[Job, str]]:
    """Jobs that gave up, newest first, each with its provider's name."""
    require_inspection(who)
    query = (
        select(Job, func.coalesce(Provider.name, ""))
        .outerjoin(Provider, Provider.id == Job.provider_id)
        .where(Job.status == JobStatus.FAILED)
        .order_by(Job.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(Job.id < before)
    return [(row[0], row[1]) for row in db.execute(query)]


def retry_job(db: Session, job_id: UUID, *, who: PlatformWho) -> None:
    """Let a job that gave up try again from its first attempt; an equal waiting one makes that needless."""
    require_operator(who)
    taking = (
        update(Job)
        .where(Job.id == job_id, Job.status == JobStatus.FAILED)
        .values(status=JobStatus.QUEUED, attempt=0, run_at=clock.now(), error="", finished_at=None)
        .returning(Job.lane, Job.name, Job.provider_id)
    )
    try:
        with db.begin_nested():
            job = db.execute(taking).one_or_none()
    except IntegrityError:  # an equal one waits already
        job = None
    if job is None:
        raise Conflict(N_("这个任务已经在重试"))
    after_commit(db, lambda: ring([(job_id, Lane(job.lane))]))
    provider = db.scalar(select(Provider).where(Provider.id == job.provider_id))
    if provider is not None:
        _record(db, who, "provider.retry_job", provider, {"job": job.name})


def may_inspect(who: PlatformWho) -> bool:
    return who.role in (PlatformRole.OPERATOR, PlatformRole.SUPPORT)


def require_inspection(who: PlatformWho) -> None:
    if not may_inspect(who):
        raise Forbidden()


def require_operator(who: PlatformWho) -> None:
    if who.role is not PlatformRole.OPERATOR:
        raise Forbidden()


def _claim(db: Session, provider: Provider, state: ColumnElement[bool], **values: Any) -> bool:
    """Change a provider that is in this state; False when it is not (any more)."""
    changed = db.execute(
        update(Provider).where(Provider.id == provider.id, state).values(**values).returning(Provider.id)
    ).first()
    db.refresh(provider)
    return changed is not None


def _record(db: Session, who: PlatformWho, verb: str, provider: Provider, detail: dict[str, str]) -> None:
    """In the provider's own log, so that its people see what the platform did."""
    db.add(
        Activity(
            provider_id=provider.id, actor_kind="operator", actor_id=who.user_id, actor_name=who.name, verb=verb,
            object_kind="providers", object_id=provider.id, object_name=provider.name, detail=detail, ip=who.ip,
            request_id=who.request_id,
        )
    )  # fmt: skip
