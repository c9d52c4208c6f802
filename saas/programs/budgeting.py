"""Which mini programs have used up a limit of WeChat, for the page of budgets and before something is begun."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from saas.components import budgets
from saas.components.budgets import Budget
from saas.components.models import Budget as BudgetRow
from saas.programs.models import Program
from saas.wx.limits import LIMITS, Scope

OF_PROGRAMS = tuple(
    limit.name for limit in LIMITS if limit.scope in (Scope.PROGRAM, Scope.ACCOUNT) and limit.period.seconds is None
)
"""The limits that are counted for each mini program."""


@dataclass(frozen=True)
class UsedUp:
    """A mini program that has nothing left of a limit. `key` pages."""

    key: UUID
    program_id: UUID
    name: str
    appid: str
    budget: Budget


def list_used_up(db: Session, *, limit: str = "", after: UUID | None = None, size: int = 50) -> list[UsedUp]:
    """The provider's mini programs that have used up a limit, or this one, in the running period."""
    names = [limit] if limit in OF_PROGRAMS else OF_PROGRAMS
    query = (
        select(BudgetRow, Program.id, Program.name, Program.appid)
        .join(Program, (Program.component_id == BudgetRow.component_id) & (Program.appid == BudgetRow.owner))
        .where(budgets.is_used_up(names), BudgetRow.owner != "")
        .order_by(BudgetRow.id)
        .limit(size)
    )
    rows = db.execute(query.where(BudgetRow.id > after) if after else query)
    return [UsedUp(row.id, program_id, name, appid, budgets.read_budget(row)) for row, program_id, name, appid in rows]


def count_used_up(db: Session) -> dict[str, int]:
    """How many mini programs have used up each limit; only limits that somebody has."""
    query = select(BudgetRow.name, func.count()).where(budgets.is_used_up(OF_PROGRAMS), BudgetRow.owner != "")
    return {row[0]: row[1] for row in db.execute(query.group_by(BudgetRow.name))}


def without_chance(db: Session, programs: Sequence[Program], names: Collection[str]) -> set[UUID]:
    """Which of these mini programs have nothing left of one of the limits; one query."""
    if not names or not programs:
        return set()
    query = (
        select(Program.id)
        .join(BudgetRow, (Program.component_id == BudgetRow.component_id) & (Program.appid == BudgetRow.owner))
        .where(Program.id.in_([one.id for one in programs]), budgets.is_used_up(names))
    )
    return set(db.scalars(query))
