"""The number beside the board in the navigation: what somebody should look at today. One statement for each page."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, ScalarSelect, func, select
from sqlalchemy.orm import Session

from saas import clock
from saas.programs.models import Program
from saas.programs.snoozing import is_snoozed
from saas.programs.words import Turn
from saas.tenants.access import Who
from saas.tenants.models import Task, TaskKind

MOST = 100
"""How far each part is counted: the navigation says 99+."""


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
    ours = Program.turn == Turn.PROVIDER
    tasks = Task.done_at.is_(None) & (Task.kind != TaskKind.REAUTHORIZE)  # a lost authorization is the merchant's turn
    row = db.execute(
        select(
            _count(Program.id, ours, Program.owner_id == who.user_id, ~is_snoozed()),
            _count(Program.id, ours, Program.owner_id.is_(None), Program.due_at < clock.now(), ~is_snoozed()),
            _count(Task.id, tasks),
        )
    ).one()
    return Waiting(*row)


def _count(column: ColumnElement[object], *where: ColumnElement[bool]) -> ScalarSelect[int]:
    some = select(column).where(*where).limit(MOST).subquery()
    return select(func.count()).select_from(some).scalar_subquery()
