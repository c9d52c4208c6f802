"""Trial mini programs while they are trials: their name, and how long they still live."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas.batches.models import BatchItem
from saas.batches.starting import Subject, start_one
from saas.batches.steps import step
from saas.db import settle
from saas.errors import N_, Conflict
from saas.programs.access import load_program
from saas.programs.authorization import READ_PROFILE
from saas.programs.changing import client_of, refuse_if_hindered
from saas.programs.models import Program, ProgramStep
from saas.programs.registration_checks import check_fact
from saas.programs.registration_models import RegistrationKind
from saas.programs.words import Step, Word
from saas.queue import Lane, enqueue
from saas.tenants import activity
from saas.tenants.access import Who

RENAME = "saas.programs.registration_trials.rename"
_REGISTER_TYPE = 13


def is_trial(db: Session, program: Program) -> bool:
    """Whether it is a trial that was not converted yet, as far as we know."""
    query = select(ProgramStep.word).where(ProgramStep.program_id == program.id, ProgramStep.step == Step.REGISTER)
    word = db.scalar(query)
    return word != Word.REGISTERED and (word is not None or program.profile.get("register_type") == _REGISTER_TYPE)


def rename_trial(db: Session, program: Program, name: str, *, who: Who) -> BatchItem:
    """Have the trial's name changed; WeChat appends its suffix."""
    if not is_trial(db, program):
        raise Conflict(N_("只有还没有转正的试用小程序才能这样改名"))
    refuse_if_hindered(program)
    name = check_fact("name", name, RegistrationKind.TRIAL)
    item = start_one(db, RENAME, Subject(program.id, program.name), who=who, params={"name": name})
    activity.record(db, who, "program.trial.rename", program, detail={"name": name})
    return item


@step(label=N_("修改试用小程序名称"))
def rename(db: Session, item: BatchItem) -> None:
    """Setting the same name twice does no harm."""
    program = load_program(db, item.subject_id)
    client = client_of(db, program)
    settle(db)
    client.trial.setbetaweappnickname(program.appid, name=item.input["name"])
    enqueue(db, READ_PROFILE, program.id, lane=Lane.URGENT)
