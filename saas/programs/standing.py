"""How each mini program stands: a row per step (`program_steps`), and from these the one word that lists show.

A part of the program writes its own step with `note_step`; the steps of authorization and code follow their rows by
themselves. The summary in `programs` is written before the transaction commits (`saas.programs.noticing`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import case, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from saas import clock
from saas.db import new_id
from saas.programs.models import AuthorizationStatus, Program, ProgramStep
from saas.programs.noticing import Kept, notice
from saas.programs.words import Step, Turn, Word

_ORDER = {step: number for number, step in enumerate(Step)}
_PEOPLE = (Turn.PROVIDER, Turn.MERCHANT)


def note_step(
    db: Session, program: Program, step: Step, word: Word, *, since: datetime | None = None,
    due_at: datetime | None = None, detail: dict[str, Any] | None = None, turn: Turn | None = None,
) -> None:  # fmt: skip
    """Say how a step stands now; the mini program's stage follows when the transaction commits.

    Without `since` a new word counts from now and an old one from when it came. `turn` is for a word that another step
    has overtaken. `detail` holds plain values for the timeline, never personal data.
    """
    if word.step is not step:
        raise ValueError(f"{word} is no word of {step}")
    row = insert(ProgramStep).values(
        id=new_id(), created_at=clock.now(), provider_id=program.provider_id, program_id=program.id, step=step.value,
        word=word.value, turn=(turn or word.turn).value, since=since or clock.now(), due_at=due_at, detail=detail or {},
    )  # fmt: skip
    kept = case((ProgramStep.word == word, ProgramStep.since), else_=row.excluded.since)
    fields = {name: row.excluded[name] for name in ("word", "turn", "due_at", "detail")}
    db.execute(
        row.on_conflict_do_update(
            index_elements=["program_id", "step"], set_={**fields, "since": kept if since is None else since}
        )
    )
    notice(db, program.id, Kept.STANDING)


def drop_step(db: Session, program: Program, step: Step) -> None:
    """There is nothing (any more) to say about this step."""
    db.execute(delete(ProgramStep).where(ProgramStep.program_id == program.id, ProgramStep.step == step))
    notice(db, program.id, Kept.STANDING)


def steps_of(db: Session, program_ids: Collection[UUID]) -> dict[UUID, list[ProgramStep]]:
    """The steps of each of these mini programs, in order; one query."""
    found: dict[UUID, list[ProgramStep]] = {program_id: [] for program_id in program_ids}
    query = select(ProgramStep).where(ProgramStep.program_id.in_(program_ids))
    for row in db.scalars(query.execution_options(populate_existing=True)):
        found[row.program_id].append(row)
    for rows in found.values():
        rows.sort(key=lambda row: _ORDER[Step(row.step)])
    return found


def overtaken_label(row: ProgramStep) -> str:
    """What a step says, as a msgid, that waited for people until a later one had begun; "" for any other."""
    return Word(row.word).overtaken_label if row.turn == Turn.NOBODY else ""


def is_done(row: ProgramStep) -> bool:
    """It went well, or was overtaken; nobody has to act."""
    return row.turn == Turn.NOBODY and (bool(overtaken_label(row)) or Word(row.word).tone == "success")


def headline(program: Program, steps: Iterable[ProgramStep]) -> tuple[Word, Turn, datetime | None, datetime | None]:
    """Word, turn, since and due of the step that matters most.

    Without registration and authorization nothing can be done. Then comes the first step that waits for people, then
    the first that waits for WeChat or the authority, and where nobody has to act, what is online.
    """
    rows = {Step(row.step): row for row in steps}
    if not program.appid:
        return _told(rows[Step.REGISTER]) if Step.REGISTER in rows else _untold(Word.UNREGISTERED, program.created_at)
    if program.authorization != AuthorizationStatus.AUTHORIZED:
        return _untold(Word.UNAUTHORIZED, program.unauthorized_at)
    code = [step for step in (Step.BUILD, Step.AUDIT, Step.ONLINE) if step in rows]
    ordered = sorted((row for row in rows.values() if row.turn != Turn.NOBODY), key=lambda row: _ORDER[Step(row.step)])
    people = [row for row in ordered if row.turn in _PEOPLE]
    if not code and not any(row.turn in _PEOPLE for row in ordered):
        return _untold(Word.NO_CODE, program.authorized_at)
    return _told((people or ordered or [rows[code[-1]]])[0])


def restand(db: Session, program_ids: Collection[UUID]) -> int:
    """Bring the summary of these mini programs in line with their steps; says how many had to be changed."""
    programs = lock_programs(db, program_ids)
    steps = steps_of(db, [program.id for program in programs])
    changed = 0
    for program in programs:
        authorized = program.authorization == AuthorizationStatus.AUTHORIZED
        if program.appid:
            _write(
                db, program, steps[program.id], Step.AUTHORIZE,
                Word.AUTHORIZED if authorized else Word.UNAUTHORIZED,
                program.authorized_at if authorized else program.unauthorized_at,
            )  # fmt: skip
        told = dict(zip(("stage", "turn", "stage_since", "due_at"), headline(program, steps[program.id]), strict=True))
        if any(getattr(program, name) != value for name, value in told.items()):
            changed += 1
            for name, value in told.items():
                setattr(program, name, value)
    db.flush()
    return changed


def _write(
    db: Session, program: Program, steps: list[ProgramStep], step: Step, word: Word, since: datetime | None
) -> None:
    row = next((one for one in steps if one.step == step), None)
    if row is None:
        row = ProgramStep(provider_id=program.provider_id, program_id=program.id, step=step)
        db.add(row)
        steps.append(row)
    row.word, row.turn, row.since = word, word.turn, since


def _told(row: ProgramStep) -> tuple[Word, Turn, datetime | None, datetime | None]:
    return Word(row.word), Turn(row.turn), row.since, row.due_at


def _untold(word: Word, since: datetime | None) -> tuple[Word, Turn, datetime | None, datetime | None]:
    return word, word.turn, since, None


def lock_programs(db: Session, program_ids: Collection[UUID]) -> list[Program]:
    """Read them anew and hold them, in one order everywhere: two transactions never wait for each other."""
    query = select(Program).where(Program.id.in_(program_ids)).order_by(Program.id).with_for_update(key_share=True)
    return list(db.scalars(query.execution_options(populate_existing=True)))
