"""The number beside the board in the navigation: what somebody should look at today. One statement for each page."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, ScalarSelect, exists, func, select
from sqlalchemy.orm import Session

from saas import clock
from saas.programs.models import Program
from saas.programs.snooze_models import ProgramSnooze
from saas.programs.words import Turn
from saas.tenants.access import Who
from saas.tenants.models import Task, TaskKind

MOST = 100
"""How far each part is counted: the navigation says 99+."""
_LOOKED = 400
"""Of more than so many, what is put off among the first ones is taken off: the number is then the least there are."""


@dataclass(frozen=True)
class Waiting:
    """`mine` are mini programs in the member's charge at which it is the provider's turn, `overdue` those in nobody's
    charge whose clock has run out, `tasks` what is wrong with component apps and what merchants asked for.
    """

    mine: int
    overdue: int
    tasks: int

    @property
    def total(self) -> int:
        return self.mine + self.overdue + self.tasks


def count_waiting(db: Session, who: Who) -> Waiting:
    """Counted along indexes, and no further than `MOST`: as cheap for a hundred thousand mini programs as for ten."""
    tasks = Task.done_at.is_(None) & (Task.kind != TaskKind.REAUTHORIZE)  # a lost authorization is the merchant's turn
    some = select(Task.id).where(tasks).limit(MOST).subquery()
    row = db.execute(
        select(
            _count(Program.owner_id == who.user_id),
            _count(Program.owner_id.is_(None), Program.due_at < clock.now()),
            select(func.count()).select_from(some).scalar_subquery(),
        )
    ).one()
    return Waiting(*(min(count, MOST) for count in row))


def _count(*where: ColumnElement[bool]) -> ScalarSelect[int]:
    """Those at which it is our turn, without the ones that are put off. A few are looked at, whatever the number."""
    looked = select(Program.id, Program.stage).where(Program.turn == Turn.PROVIDER, *where).limit(_LOOKED).subquery()
    row = ProgramSnooze
    put_off = exists().where(
        row.program_id == looked.c.id, row.stage == looked.c.stage, row.until > clock.now()
    )  # fmt: skip
    return select(func.count()).select_from(looked).where(~put_off).scalar_subquery()
