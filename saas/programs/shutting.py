"""Mini programs that are shut: WeChat froze, banned or cancelled the account, or users cannot open the service.

WeChat pushes none of it. The account is read with the penalties (`saas.programs.violations`), the service with the code
state; both end here, so that there is one place that knows since when.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from saas import clock
from saas.db import new_id
from saas.programs.models import Program
from saas.programs.violation_models import Shut, Shutting
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require, system
from saas.tenants.alarm_models import AlarmKind
from saas.tenants.alarms import clear_alarm, raise_alarm
from saas.tenants.models import Activity

OF_ACCOUNT: Mapping[int, Shut] = {14: Shut.CANCELLED, 16: Shut.BANNED, 18: Shut.WARNED, 19: Shut.FROZEN}
"""WeChat's `account_status`; 1 is normal."""
SUSPENDED_HERE = "program.suspend.done"
_OWN_DEED = timedelta(hours=1)


def note_account(db: Session, program: Program) -> None:
    """Bring what is open in line with the account's status, as it was just read."""
    wanted = OF_ACCOUNT.get(program.account_status or 1)
    known = {Shut(row.kind): row for row in open_shuttings(db, [program.id]) if row.kind != Shut.SUSPENDED}
    for kind in known.keys() - {wanted}:
        _end(db, program, kind)
    if wanted is not None and wanted not in known:
        _begin(db, program, wanted)


def note_service(db: Session, suspended: Mapping[UUID, bool]) -> None:
    """Bring what is open in line with whether users can open each of these mini programs."""
    known = {row.program_id for row in open_shuttings(db, list(suspended)) if row.kind == Shut.SUSPENDED}
    db.flush()
    changed = [program_id for program_id, is_shut in suspended.items() if is_shut != (program_id in known)]
    if not changed:
        return
    for program in db.scalars(select(Program).where(Program.id.in_(changed))):
        if suspended[program.id]:
            _begin(db, program, Shut.SUSPENDED, by_name=_who_suspended(db, program))
        else:
            _end(db, program, Shut.SUSPENDED)


def open_shuttings(db: Session, program_ids: Collection[UUID]) -> list[Shutting]:
    """What shuts these mini programs now, oldest first; one query."""
    query = select(Shutting).where(Shutting.program_id.in_(program_ids), Shutting.ended_at.is_(None))
    return list(db.scalars(query.order_by(Shutting.since, Shutting.id)))


def list_shut(
    db: Session, *, who: Who, kind: str = "", before: UUID | None = None, limit: int = 50
) -> list[tuple[Shutting, Program]]:
    """What is shut now, the newest first; `before` is the id of the last row shown."""
    require(who, Verb.VIEW)
    query = (
        select(Shutting, Program)
        .join(Program, Program.id == Shutting.program_id)
        .where(Shutting.ended_at.is_(None), Shutting.provider_id == who.provider_id)
        .order_by(Shutting.id.desc())
        .limit(limit)
    )
    if kind:
        query = query.where(Shutting.kind == kind)
    if before is not None:
        query = query.where(Shutting.id < before)
    return [(shutting, program) for shutting, program in db.execute(query)]


def _begin(db: Session, program: Program, kind: Shut, *, by_name: str = "") -> None:
    now = clock.now()
    row = insert(Shutting).values(
        id=new_id(), created_at=now, provider_id=program.provider_id, program_id=program.id, kind=kind.value,
        account_status=program.account_status if kind is not Shut.SUSPENDED else None, since=now, by_name=by_name,
    )  # fmt: skip
    made = db.execute(row.on_conflict_do_nothing().returning(Shutting.id)).scalar()
    if made is None or by_name:
        return
    activity.record(db, system(program.provider_id), f"program.shut.{kind}", program)
    detail = {"name": program.name or program.appid, "what": kind.value, "program_id": str(program.id)}
    raise_alarm(db, program.provider_id, AlarmKind.PROGRAM_SHUT, program.id, detail)


def _end(db: Session, program: Program, kind: Shut) -> None:
    now, open_here = clock.now(), (Shutting.program_id == program.id, Shutting.ended_at.is_(None))
    ended = db.execute(
        update(Shutting)
        .where(*open_here, Shutting.kind == kind.value)
        .values(ended_at=now)
        .returning(Shutting.by_name)
        .execution_options(synchronize_session=False)
    ).scalar()
    if ended == "":
        activity.record(db, system(program.provider_id), f"program.open_again.{kind}", program)
    if not db.scalar(select(Shutting.id).where(*open_here, Shutting.by_name == "").limit(1)):
        clear_alarm(db, program.provider_id, AlarmKind.PROGRAM_SHUT, program.id)


def _who_suspended(db: Session, program: Program) -> str:
    """Which of our people did it just now; "" when it was WeChat, or the merchant in WeChat's console."""
    query = select(Activity.actor_name).where(
        Activity.object_kind == Program.__tablename__, Activity.object_id == program.id,
        Activity.provider_id == program.provider_id, Activity.verb == SUSPENDED_HERE,
        Activity.created_at > clock.now() - _OWN_DEED,
    )  # fmt: skip
    return db.scalar(query.order_by(Activity.id.desc()).limit(1)) or ""
