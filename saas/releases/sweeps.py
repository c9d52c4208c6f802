"""The nets under jobs and pushes: open audits are watched, every mini program is read daily, every stage is checked."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import String, cast, exists, select
from sqlalchemy.orm import Session

from saas.db import settle
from saas.programs.models import AuthorizationStatus, Program
from saas.programs.searching import write_search
from saas.programs.standing import lock_programs, restand
from saas.queue import Job, JobStatus, Lane, enqueue_for
from saas.releases.audits import OPEN, WATCH
from saas.releases.code_state import REFRESH
from saas.releases.models import Audit, CodeState
from saas.releases.status import write_code_steps

log = structlog.get_logger()

CHECK_STANDING = "jobs.releases.check_standing"
_AT_ONCE = 500
_SPREAD = timedelta(hours=4)


def watch_open_audits(db: Session) -> int:
    """Give every open audit a watch that has none (any more); says how many had none."""
    watched = exists().where(
        Job.name == WATCH, Job.subject == cast(Audit.id, String), Job.status.in_([JobStatus.QUEUED, JobStatus.RUNNING])
    )
    rows = db.execute(select(Audit.id, Audit.provider_id).where(Audit.status.in_(OPEN), ~watched).limit(1000)).all()
    for row in rows:
        enqueue_for(db, row.provider_id, WATCH, row.id, lane=Lane.POLL)
    return len(rows)


def refresh_all_programs(db: Session) -> int:
    """Have the code state of every authorized mini program read within the next hours, spread evenly.

    Nobody pushes a suspension, or what was done in WeChat's console.
    """
    query = (
        select(Program.id, Program.provider_id)
        .join(CodeState, CodeState.program_id == Program.id)
        .where(Program.authorization == AuthorizationStatus.AUTHORIZED)
        .order_by(Program.id)
    )
    rows = db.execute(query).all()
    for number, row in enumerate(rows):
        enqueue_for(db, row.provider_id, REFRESH, row.id, lane=Lane.POLL, delay=_SPREAD * (number + 1) / len(rows))
    return len(rows)


def check_all_standing(db: Session) -> None:
    """Have each provider's stages compared with what they are derived from."""
    for provider_id in db.scalars(select(Program.provider_id).distinct()):
        enqueue_for(db, provider_id, CHECK_STANDING, provider_id, lane=Lane.POLL)


def check_standing(db: Session) -> int:
    """Write every step, stage and search text of the session's provider anew; says how many stages were wrong, which
    none should be."""
    wrong, after = 0, UUID(int=0)
    while ids := list(db.scalars(select(Program.id).where(Program.id > after).order_by(Program.id).limit(_AT_ONCE))):
        lock_programs(db, ids)
        write_code_steps(db, ids)
        wrong += restand(db, ids)
        write_search(db, ids)
        after = ids[-1]
        settle(db)
        db.expunge_all()
    if wrong:
        log.warning("stages_were_wrong", programs=wrong)
    return wrong
