"""Alice's mini programs at all kinds of steps, and one of charlie's."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from saas import clock
from saas.components.models import ComponentApp
from saas.db import new_id, tenant_session
from saas.programs.models import Program
from saas.programs.standing import note_step
from saas.programs.words import Step, Word
from saas.releases.models import CodeState
from saas.tenants.access import Who
from tests.cast import Cast


@dataclass
class Fleet:
    """What the tests do, each step in a transaction of its own as a request or a job would."""

    cast: Cast
    components: dict[UUID, UUID]

    @property
    def alice(self) -> Who:
        return self.cast.who["alice"]

    def session(self) -> AbstractContextManager[Session]:
        return tenant_session(self.cast.alices)

    def add(
        self, word: Word = Word.NO_CODE, *, due: float | None = None, provider: UUID | None = None,
        online: bool = False, **values: Any,
    ) -> Program:  # fmt: skip
        """A mini program that stands at this word, whose clock ends in `due` hours; maybe one that is online."""
        provider_id, now = provider or self.cast.alices, clock.now()
        given = {"appid": f"wx{new_id().hex[-16:]}", "name": word.label, "authorized_at": now, **values}
        if word is Word.UNAUTHORIZED:
            given |= {"authorization": "unauthorized", "unauthorized_at": now}
        with tenant_session(provider_id) as db:
            given.setdefault("component_id", self.components[provider_id])
            program = Program(id=new_id(), provider_id=provider_id, **given)
            db.add(program)
            db.flush()
            if online:
                db.add(CodeState(provider_id=provider_id, program_id=program.id, online_version="1.0.0", online_at=now))
            if word not in (Word.NO_CODE, Word.UNAUTHORIZED, Word.RELEASED):
                self.move(program, word, due=due, db=db)
        return program

    def move(self, program: Program, word: Word, *, due: float | None = None, db: Session | None = None) -> None:
        """It comes to stand at another word of a step; a step before it is forgotten."""
        if db is None:
            with tenant_session(program.provider_id) as db:
                return self.move(program, word, due=due, db=db)
        due_at = clock.now() + timedelta(hours=due) if due is not None else None
        note_step(db, program, Step(word.step), word, due_at=due_at)
        return None

    def program(self, program: Program) -> Program:
        with tenant_session(program.provider_id) as db:
            return db.scalars(select(Program).where(Program.id == program.id)).one()


@pytest.fixture
def fleet(cast: Cast) -> Fleet:
    components = {}
    for provider_id, key in ((cast.alices, "alicekey"), (cast.charlies, "charliekey")):
        components[provider_id] = new_id()
        with tenant_session(provider_id) as db:
            db.add(
                ComponentApp(
                    id=components[provider_id], provider_id=provider_id, key=key, name="平台", appid=f"wx{key}",
                    status="ready",
                )
            )  # fmt: skip
    return Fleet(cast, components)
