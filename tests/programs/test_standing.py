"""The words of a mini program's way, and how steps make the one word that lists show."""

from __future__ import annotations

import importlib
import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from saas import clock
from saas.components.models import ComponentApp
from saas.db import Base, tenant_session
from saas.programs.models import AuthorizationStatus, Program, ProgramStep
from saas.programs.noticing import Kept, Noticed
from saas.programs.standing import drop_step, headline, note_step, restand, steps_of
from saas.programs.versions import version_key
from saas.programs.words import _WORDS, NextStep, Step, Turn, Word
from saas.releases.models import Audit, CodeState, Release, Upload
from saas.releases.sweeps import check_standing
from tests.cast import Cast

SOON = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture
def program(cast: Cast) -> Program:
    with tenant_session(cast.alices) as db:
        component = ComponentApp(provider_id=cast.alices, key="k", name="n", appid="wx1")
        db.add(component)
        db.flush()
        program = Program(provider_id=cast.alices, component_id=component.id, appid="wx7", authorized_at=clock.now())
        db.add(program)
    return program


def kept(cast: Cast) -> tuple[str, str, datetime | None, datetime | None]:
    with tenant_session(cast.alices) as db:
        found = db.scalars(select(Program)).one()
        return found.stage, found.turn, found.stage_since, found.due_at


def reread(db: Session) -> Program:
    return db.scalars(select(Program)).one()


def test_every_word_has_its_meaning_and_every_step_has_words() -> None:
    assert set(_WORDS) == set(Word)
    assert {word.step for word in Word} == set(Step)
    assert all(step.label for step in Step)
    assert all((word.next_step is NextStep.WAIT) <= (word.turn not in (Turn.PROVIDER, Turn.MERCHANT)) for word in Word)


@pytest.mark.parametrize("kept", Kept)
def test_what_is_kept_has_a_writer(kept: Kept) -> None:
    module, _, function = kept.rpartition(".")
    assert callable(getattr(importlib.import_module(module), function))


def test_every_noticed_attribute_exists() -> None:
    noticed = [mapper for mapper in Base.registry.mappers if issubclass(mapper.class_, Noticed)]
    assert {mapper.class_ for mapper in noticed} >= {Program, Upload, Audit, Release, CodeState}
    for mapper in noticed:
        named = {name for names in mapper.class_.noticed.values() for name in names}
        assert named <= set(mapper.attrs.keys())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], Word.NO_CODE),
        ([Word.FILE_READY], Word.FILE_READY),
        ([Word.CERTIFY_IN_REVIEW], Word.NO_CODE),
        ([Word.CERTIFY_IN_REVIEW, Word.READY], Word.READY),
        ([Word.CERTIFY_IN_REVIEW, Word.IN_REVIEW], Word.CERTIFY_IN_REVIEW),
        ([Word.CERTIFY_IN_REVIEW, Word.FILE_SMS, Word.IN_REVIEW], Word.FILE_SMS),
        ([Word.NAME_REFUSED, Word.FILE_SMS, Word.REJECTED], Word.NAME_REFUSED),
        ([Word.CERTIFIED, Word.FILED, Word.RELEASED], Word.RELEASED),
        ([Word.NOT_CERTIFIED, Word.FILE_AUTHORITY_REVIEW, Word.RELEASED], Word.FILE_AUTHORITY_REVIEW),
    ],
)
def test_who_must_act_comes_first(words: list[Word], expected: Word) -> None:
    program = Program(appid="wx7", authorization=AuthorizationStatus.AUTHORIZED)
    steps = [ProgramStep(step=word.step, word=word, turn=word.turn) for word in words]
    assert headline(program, steps)[0] is expected
    program.authorization = AuthorizationStatus.LOST
    assert headline(program, steps)[0] is Word.UNAUTHORIZED
    program.appid = ""
    assert headline(program, steps)[0] is Word.UNREGISTERED


def test_a_step_makes_the_stage_and_keeps_its_beginning(cast: Cast, program: Program) -> None:
    with tenant_session(cast.alices) as db:
        note_step(db, reread(db), Step.FILE, Word.FILE_SMS, due_at=SOON, detail={"order": "7"})
    stage, turn, since, due = kept(cast)
    assert (stage, turn, due) == (Word.FILE_SMS, Turn.MERCHANT, SOON)
    with tenant_session(cast.alices) as db:
        note_step(db, reread(db), Step.FILE, Word.FILE_SMS)
    assert kept(cast) == (Word.FILE_SMS, Turn.MERCHANT, since, None)
    with tenant_session(cast.alices) as db:
        note_step(db, reread(db), Step.FILE, Word.FILED, since=SOON)
    assert kept(cast)[:2] == (Word.NO_CODE, Turn.PROVIDER)
    with tenant_session(cast.alices) as db:
        assert [(row.word, row.since) for row in steps_of(db, [program.id])[program.id]][1:] == [(Word.FILED, SOON)]
        drop_step(db, reread(db), Step.FILE)
    with tenant_session(cast.alices) as db:
        assert [row.step for row in steps_of(db, [program.id])[program.id]] == [Step.AUTHORIZE]


def test_a_word_of_another_step_is_refused(cast: Cast, program: Program) -> None:
    with tenant_session(cast.alices) as db, pytest.raises(ValueError, match="is no word of"):
        note_step(db, reread(db), Step.FILE, Word.CERTIFIED)


def test_what_is_rolled_back_leaves_no_stage(cast: Cast, program: Program) -> None:
    with tenant_session(cast.alices) as db:
        note_step(db, reread(db), Step.FILE, Word.FILE_SMS)
        db.rollback()
    assert kept(cast)[0] == Word.NO_CODE


def test_losing_the_authorization_shows_at_once(cast: Cast, program: Program) -> None:
    with tenant_session(cast.alices) as db:
        found = reread(db)
        found.authorization, found.unauthorized_at = AuthorizationStatus.UNAUTHORIZED, SOON
    assert kept(cast) == (Word.UNAUTHORIZED, Turn.MERCHANT, SOON, None)


def test_two_transactions_at_once_agree(cast: Cast, program: Program) -> None:
    """The later one waits for the mini program and sees what the earlier one did."""
    begun, go = threading.Event(), threading.Event()

    def file() -> None:
        with tenant_session(cast.alices) as db:
            note_step(db, reread(db), Step.FILE, Word.FILE_PLATFORM_REVIEW)
            begun.set()
            go.wait(5)

    other = threading.Thread(target=file)
    other.start()
    begun.wait(5)
    with tenant_session(cast.alices) as db:
        note_step(db, reread(db), Step.CERTIFY, Word.CERTIFY_PAYING)
    go.set()
    other.join(5)
    assert kept(cast)[0] == Word.CERTIFY_PAYING


def test_the_sweep_repairs_what_went_past_us(cast: Cast, program: Program) -> None:
    with tenant_session(cast.alices) as db:
        db.execute(update(Program).values(stage=Word.RELEASED, turn=Turn.NOBODY))
        db.execute(text("delete from program_steps"))
    with tenant_session(cast.alices) as db:
        assert check_standing(db) == 1
        assert check_standing(db) == 0
    assert kept(cast)[0] == Word.NO_CODE


def test_code_is_written_down_with_its_versions(cast: Cast, program: Program) -> None:
    with tenant_session(cast.alices) as db:
        own = {"provider_id": cast.alices, "program_id": program.id}
        db.add(CodeState(**own, online_version="1.9.0", online_at=SOON, trial_version="v1.10.0"))
    assert kept(cast) == (Word.RELEASED, Turn.NOBODY, SOON, None)
    with tenant_session(cast.alices) as db:
        found = reread(db)
        assert (found.online_version, found.trial_version) == ("1.9.0", "v1.10.0")
        assert found.online_version_key < found.trial_version_key
        assert restand(db, [found.id]) == 0


@pytest.mark.parametrize(
    "ordered", [["", "0.9", "1.0", "1.0.1", "1.2", "1.9.0", "1.10", "v1.10.1", "2"], ["2024.1.5", "2024.01.12"]]
)
def test_versions_sort_by_their_numbers(ordered: list[str]) -> None:
    keys = [version_key(one) for one in ordered]
    assert sorted(keys) == keys
    assert len(set(keys)) == len(keys)
    assert version_key("1.2.0") == version_key("v1.2")
