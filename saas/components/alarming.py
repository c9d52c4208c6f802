"""Raise and clear the alarms that the health of component apps means, for all providers at once, every minute.

What breaks in a single moment is raised where it is found (`faults`, `authorizations`); here is what only shows over
time, and the net under the rest. In platform sessions.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, load_only

from saas import clock
from saas.components.board import Patient, examine, is_at_work
from saas.components.models import ComponentApp
from saas.components.vitals import Backlog, gather, read_backlogs
from saas.tenants.alarm_models import Alarm, AlarmKind
from saas.tenants.alarms import Cause, clear_alarms, raise_alarms
from saas.tenants.models import Provider, ProviderStatus

STUCK = timedelta(minutes=10)
_CALM = timedelta(minutes=5)
"""A cause must be away for so long before there is an all-clear, so that nothing flutters."""
_CHUNK = 500
_WATCHED = (
    AlarmKind.CALLBACKS_REFUSED, AlarmKind.CALLBACKS_SILENT, AlarmKind.CALLBACKS_FAILING, AlarmKind.CALLS_FAILING,
    AlarmKind.REFRESH_FAILING, AlarmKind.AUDIT_QUOTA_LOW, AlarmKind.QUEUE_STUCK, AlarmKind.MANY_UNAUTHORIZED,
    AlarmKind.SECRET_WRONG, AlarmKind.IP_REFUSED, AlarmKind.TICKET_MISSING,
)  # fmt: skip
"""Cleared here, also where what ends them, a ticket or a token, has cleared them before: one may be raised after it."""
_READ = (
    ComponentApp.provider_id, ComponentApp.name, ComponentApp.created_at, ComponentApp.first_ticket_at,
    ComponentApp.last_ticket_at, ComponentApp.last_token_at, ComponentApp.callbacks_refused, ComponentApp.last_refusal,
    ComponentApp.last_refusal_at, ComponentApp.aes_key_changed_at, ComponentApp.aes_key_seen_at,
    ComponentApp.previous_aes_key_sealed, ComponentApp.last_errcode, ComponentApp.last_operation,
    ComponentApp.last_error, ComponentApp.last_error_at, ComponentApp.refused_ip, ComponentApp.audit_quota_rest,
    ComponentApp.audit_quota_limit, ComponentApp.speedup_rest, ComponentApp.quota_read_at,
    ComponentApp.permission_counts, ComponentApp.permissions_counted_at,
)  # fmt: skip


def watch_health(db: Session) -> int:
    """Look at every component app at work and every provider's queue; says how many alarms are new."""
    causes = list(find_causes(db))
    new = raise_alarms(db, causes)
    _clear(db, {(cause.kind.value, cause.subject_id) for cause in causes})
    return new


def find_causes(db: Session) -> Iterable[Cause]:
    """What is wrong now, as the alarms that it means."""
    query = (
        select(ComponentApp)
        .where(ComponentApp.provider_id.in_(_working()))
        .order_by(ComponentApp.id)
        .options(load_only(*_READ))
    )
    components = [component for component in db.scalars(query) if is_at_work(component)]
    for start in range(0, len(components), _CHUNK):
        chunk = components[start : start + _CHUNK]
        vitals = gather(db, chunk, with_day=False)
        for component in chunk:
            for line in examine(Patient(component, vitals[component.id])):
                for kind, detail in line.alarms.items():
                    yield Cause(component.provider_id, kind, component.id, {"name": component.name, **detail})
    provider_ids = {component.provider_id for component in components}
    for provider_id, backlog in read_backlogs(db, provider_ids, with_items=False).items():
        if is_stuck(backlog):
            yield Cause(provider_id, AlarmKind.QUEUE_STUCK, provider_id, stuck_detail(backlog))


def is_stuck(backlog: Backlog) -> bool:
    """Whether work that is due has not begun for long."""
    return backlog.oldest_job_at is not None and clock.now() - backlog.oldest_job_at > STUCK


def stuck_detail(backlog: Backlog) -> dict[str, Any]:
    waited = clock.now() - backlog.oldest_job_at if backlog.oldest_job_at else timedelta(0)
    return {"minutes": int(waited.total_seconds() // 60), "waiting": backlog.jobs}


def _working() -> Select[UUID]:
    return select(Provider.id).where(Provider.status.in_([ProviderStatus.TRIAL, ProviderStatus.ACTIVE]))


def _clear(db: Session, standing: set[tuple[str, UUID]]) -> None:
    query = select(Alarm.provider_id, Alarm.kind, Alarm.subject_id).where(
        Alarm.cleared_at.is_(None), Alarm.kind.in_([kind.value for kind in _WATCHED]),
        Alarm.last_seen_at < clock.now() - _CALM, Alarm.provider_id.in_(_working()),
    )  # fmt: skip
    for provider_id, kind, subject_id in db.execute(query).all():
        if (kind, subject_id) not in standing:
            clear_alarms(db, provider_id, [AlarmKind(kind)], [subject_id])
