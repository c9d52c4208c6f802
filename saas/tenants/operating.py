"""What the platform's own people see and do: the providers, suspending and resuming, jobs that failed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from saas import clock
from saas.db import after_commit
from saas.errors import N_, Conflict, Forbidden, Invalid, NotFound
from saas.queue import Job, JobStatus, Lane, ring
from saas.tenants import activity
from saas.tenants.access import PlatformWho, Who
from saas.tenants.models import Membership, PlatformRole, Provider, ProviderStatus


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


def get_provider(db: Session, provider_id: UUID) -> Provider:
    """A provider, for the platform's own people."""
    found = db.scalar(select(Provider).where(Provider.id == provider_id))
    if found is None:
        raise NotFound()
    return found


def suspend(db: Session, provider: Provider, *, who: PlatformWho, reason: str) -> None:
    """Close a provider's console to its people; what is online stays online, pushes are still taken."""
    require_operator(who)
    reason = " ".join(reason.split())
    if not reason:
        raise Invalid(N_("请填写原因，服务商会看到"), field="reason")
    if provider.status not in (ProviderStatus.TRIAL, ProviderStatus.ACTIVE):
        raise Conflict(N_("这个服务商现在不能暂停"))
    provider.suspended_from, provider.suspended_reason = provider.status, reason[:300]
    provider.status = ProviderStatus.SUSPENDED
    _record(db, who, "provider.suspend", provider, {"reason": reason[:300]})


def resume(db: Session, provider: Provider, *, who: PlatformWho) -> None:
    """Open a suspended provider's console again."""
    require_operator(who)
    if provider.status != ProviderStatus.SUSPENDED:
        raise Conflict(N_("这个服务商没有被暂停"))
    provider.status = provider.suspended_from or ProviderStatus.ACTIVE
    provider.suspended_from = provider.suspended_reason = ""
    _record(db, who, "provider.resume", provider, {})


def failed_jobs(db: Session, *, before: UUID | None = None, limit: int = 50) -> list[tuple[Job, str]]:
    """Jobs that gave up, newest first, each with its provider's name."""
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
    try:
        with db.begin_nested():
            lane = db.scalar(
                update(Job)
                .where(Job.id == job_id, Job.status == JobStatus.FAILED)
                .values(status=JobStatus.QUEUED, attempt=0, run_at=clock.now(), error="", finished_at=None)
                .returning(Job.lane)
            )
    except IntegrityError:  # an equal one waits already
        lane = None
    if lane is None:
        raise Conflict(N_("这个任务已经在重试"))
    after_commit(db, lambda: ring([(job_id, Lane(lane))]))


def require_operator(who: PlatformWho) -> None:
    """Support and billing look; only operators change."""
    if who.role is not PlatformRole.OPERATOR:
        raise Forbidden()


def _record(db: Session, who: PlatformWho, verb: str, provider: Provider, detail: dict[str, str]) -> None:
    """In the provider's own log, so that its people see what the platform did."""
    acting = Who(provider.id, f"平台运营 {who.name}", who.user_id, ip=who.ip, request_id=who.request_id)
    activity.record(db, acting, verb, provider, detail=detail)
