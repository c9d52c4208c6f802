"""Whether the stages kept in `programs` are what they are derived from: looked at after every test."""

from __future__ import annotations

from sqlalchemy import select

from saas.db import platform_session
from saas.programs.models import Program
from saas.programs.standing import headline, steps_of
from saas.programs.words import Step
from saas.releases.status import statuses_of

_CODE = {Step.BUILD, Step.AUDIT, Step.ONLINE}


def wrong_stages() -> list[str]:
    """Mini programs whose summary differs from their steps, or whose steps differ from their code."""
    wrong = []
    with platform_session("compare stages with what they are derived from") as db:
        programs = list(db.scalars(select(Program)))
        steps, statuses = (of(db, [program.id for program in programs]) for of in (steps_of, statuses_of))
        for program in programs:
            kept = (program.stage, program.turn, program.stage_since, program.due_at)
            if kept != headline(program, steps[program.id]):
                wrong.append(f"{program.appid}: {kept} is not {headline(program, steps[program.id])}")
            code, status = [row for row in steps[program.id] if row.step in _CODE], statuses[program.id]
            if program.appid and headline(program, code)[:3] != (status.stage, status.turn, status.since):
                wrong.append(f"{program.appid}: {[row.word for row in code]} is not {status}")
            if program.online_version != status.online_version:
                wrong.append(f"{program.appid}: {program.online_version} is not online, {status.online_version} is")
    return wrong
