"""Values that a train's template wants and its mini programs lack: who lacks what, and filling them in."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from saas.programs.models import Program
from saas.releases import variables
from saas.releases.access import load_template
from saas.releases.uploads import save_values, unfilled_in_bulk
from saas.releases.variables import Definition
from saas.tenants.access import Who
from saas.trains.models import ProgramState, Train, TrainProgram

_SEARCHED = 1000


@dataclass(frozen=True)
class Lacking:
    """A mini program of a train, and the variables that have no fitting value for it."""

    place: TrainProgram
    program: Program
    variables: tuple[Definition, ...]


def lacking(
    db: Session, train: Train, *, after: UUID | None = None, limit: int = 20
) -> tuple[list[Lacking], UUID | None]:  # fmt: skip
    """Those left out or failed that lack a value, in their order, and the last one looked at if there may be more."""
    template = load_template(db, train.template_row_id)
    known = variables.read_stored(template.variables)
    row, found = TrainProgram, list[Lacking]()
    stuck = or_(row.state == ProgramState.EXCLUDED, row.state == ProgramState.FAILED)
    query = select(row, Program).join(Program, Program.id == row.program_id).where(row.train_id == train.id, stuck)
    query = query if after is None else query.where(row.id > after)
    rows = db.execute(query.order_by(row.id).limit(_SEARCHED)).all()
    names = unfilled_in_bulk(db, template, [program.id for _, program in rows])
    for number, (place, program) in enumerate(rows, 1):
        if program.id in names:
            wanted = tuple(known.get(name, Definition(name)) for name in names[program.id])
            found.append(Lacking(place, program, wanted))
        if len(found) == limit and number < len(rows):
            return found, place.id
    return found, rows[-1][0].id if len(rows) == _SEARCHED else None


def fill(db: Session, rows: Collection[Lacking], typed: Mapping[str, Mapping[str, str]], *, who: Who) -> int:
    """Keep what was typed for these mini programs, by their ids; answers for how many something was."""
    count = 0
    for one in rows:
        names = {definition.key for definition in one.variables}
        given = {
            name: text for name, text in typed.get(str(one.program.id), {}).items() if name in names and text.strip()
        }
        if given:
            save_values(db, one.program, who=who, typed=given)
            count += 1
    return count
