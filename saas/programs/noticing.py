"""What is kept beside a mini program is written anew whenever a row that it is made of has changed: nobody can forget.

A model that is `Noticed` says what is made of it. Flushes note the mini programs, and just before the transaction
commits, the writers run once for all of them, with their rows locked: of two transactions the later one sees what the
earlier one did. Changes that bypass the session (Core statements) call `notice` themselves.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import event as events
from sqlalchemy import inspect
from sqlalchemy.orm import Session, SessionTransaction

from saas.tenants.models import Merchant

_AT_ONCE = 500
_HOLD = "saas.programs.standing.lock_programs"
_OF_MERCHANTS = "saas.programs.searching.programs_of_merchants"


class Kept(StrEnum):
    """What is kept, by the function that writes it for some mini programs, in the order of writing."""

    CODE_STEPS = "saas.releases.status.write_code_steps"
    STANDING = "saas.programs.standing.restand"
    SEARCH = "saas.programs.searching.write_search"
    ONBOARDING = "saas.onboarding.closing.close_moved"


class Noticed:
    """A row that something is made of. `noticed` says of which of its attributes; none named means all."""

    noticed: ClassVar[Mapping[Kept, tuple[str, ...]]]

    @property
    def noticed_program_id(self) -> UUID:
        raise NotImplementedError


def notice(db: Session, program_id: UUID, kept: Kept) -> None:
    """Have it written before this transaction commits."""
    db.info.setdefault("noticed", {}).setdefault(program_id, set()).add(kept)


@events.listens_for(Session, "after_flush")
def _look(db: Session, _context: Any) -> None:
    new, dirty = db.new, db.dirty
    for row in (*new, *dirty):
        if isinstance(row, Merchant) and inspect(row).attrs.name.history.has_changes():
            db.info.setdefault("renamed", set()).add(row.id)
        if not isinstance(row, Noticed):
            continue
        for kept, names in row.noticed.items():
            if row in new or not names or any(inspect(row).attrs[name].history.has_changes() for name in names):
                notice(db, row.noticed_program_id, kept)


@events.listens_for(Session, "before_commit")
def _write(db: Session) -> None:
    if db.in_nested_transaction():
        return
    db.flush()
    if renamed := db.info.pop("renamed", None):
        for program_id in _function(_OF_MERCHANTS)(db, renamed):
            notice(db, program_id, Kept.SEARCH)
    noticed: dict[UUID, set[Kept]] = db.info.pop("noticed", {})
    ordered = sorted(noticed)
    for start in range(0, len(ordered), _AT_ONCE):
        part = ordered[start : start + _AT_ONCE]
        _function(_HOLD)(db, part)
        for kept in Kept:
            if ids := [program_id for program_id in part if kept in noticed[program_id]]:
                _function(kept)(db, ids)
    db.info.pop("noticed", None)


@events.listens_for(Session, "after_soft_rollback")
def _forget(db: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        db.info.pop("noticed", None)
        db.info.pop("renamed", None)


def _function(dotted: str) -> Callable[[Session, Collection[UUID]], Any]:
    module, _, name = dotted.rpartition(".")
    found: Callable[[Session, Collection[UUID]], Any] = getattr(importlib.import_module(module), name)
    return found
