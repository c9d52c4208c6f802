"""What the address of the to-do board asks for, and what its selects offer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask import g, url_for
from flask_babel import gettext as _

from saas.agenda.board import TURNS
from saas.programs import listing
from saas.programs.listing import NOBODYS, ProgramFilter, Snoozed
from saas.programs.words import Turn, Word
from saas.web.provider.program_filters import (
    Choices,
    component_choices,
    due_choices,
    merchant_choices,
    owner_choices,
)

ALL = "all"
"""In place of an owner: everybody's. Without any it is the member's own work, and what is in nobody's charge."""
_ASKED = ("q", "merchant", "tag", "component", "due")


@dataclass(frozen=True)
class TodoFilter:
    """`owner` is "" for my work, ALL, NOBODYS or a member's id; the rest is as in `ProgramFilter`."""

    turn: Turn
    owner: str
    rest: ProgramFilter

    @classmethod
    def read(cls, given: Mapping[str, str]) -> TodoFilter:
        known = ProgramFilter.read(given)
        turn = Turn(known.turn) if known.turn in TURNS else Turn.PROVIDER
        owner = ALL if given.get("owner") == ALL else known.owner
        return cls(turn, owner, ProgramFilter(**{name: getattr(known, name) for name in _ASKED}))

    @property
    def wanted(self) -> ProgramFilter:
        """The mini programs of this turn that nobody put off."""
        mine = f"{g.who.user_id},{NOBODYS}"
        owner = "" if self.owner == ALL else self.owner or mine
        return replace(self.rest, turn=self.turn, owner=owner, snoozed=Snoozed.NO)

    def of(self, word: Word) -> ProgramFilter:
        """One group of them."""
        return replace(self.wanted, stage=word, turn=self.turn)

    @property
    def is_narrow(self) -> bool:
        """Whether there may be work that it leaves out."""
        return self.owner != ALL or bool(self.rest.parts())

    def parts(self, **changes: str) -> dict[str, Any]:
        """What an address needs to carry."""
        turn = "" if self.turn is Turn.PROVIDER else self.turn.value
        parts = {"turn": turn, "owner": self.owner, **self.rest.parts(), **changes}
        return {name: value for name, value in parts.items() if value}

    def address(self, endpoint: str, **values: Any) -> str:
        return url_for(endpoint, **self.parts(), **values)


def todo_choices(wanted: TodoFilter) -> dict[str, Choices]:
    """The choices of each select, the usual one first."""
    return {
        "owner": [
            ("", _("我的，和没有负责人的")), (ALL, _("所有人的")), (NOBODYS, _("没有负责人的")), *owner_choices(),
        ],
        "due": due_choices(),
        "tag": [("", _("标签：全部")), *((tag, tag) for tag in listing.known_tags(g.db))],
        "merchant": merchant_choices(wanted.rest),
        "component": component_choices(),
    }  # fmt: skip
