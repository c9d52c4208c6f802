"""The net under what is kept of mini programs: every stage is checked daily."""

from __future__ import annotations

from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from saas.db import settle
from saas.programs.models import Program
from saas.programs.searching import write_search
from saas.programs.standing import lock_programs, restand
from saas.queue import Lane, enqueue_for
from saas.releases.status import write_code_steps

log = structlog.get_logger()

CHECK_STANDING = "jobs.releases.check_standing"
_AT_ONCE = 500


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
