"""The to-do board: whose turn it is at each mini program, grouped by what has to be done next, the nearest end first.

Everything follows from the summary that `saas.programs.standing` keeps; nothing is kept beside it but what somebody put
off (`saas.programs.snoozing`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import Text, and_, column, func, literal, or_, select, union_all, values
from sqlalchemy.orm import Session, load_only

from saas import clock
from saas.programs.listing import LISTED, ProgramFilter, Snoozed, matching
from saas.programs.models import Program
from saas.programs.snooze_models import ProgramSnooze
from saas.programs.words import Step, Turn, Word
from saas.tenants.access import Verb, Who, require

TURNS = (Turn.PROVIDER, Turn.MERCHANT, Turn.WECHAT, Turn.AUTHORITY)
SHOWN = 3
_STEPS = list(Step)
_TONES = {"danger": 0, "warning": 1}
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Group:
    """Mini programs at one word: how many, how many of them are late, and the first end of a clock.

    `programs` are those whose clocks end first.
    """

    word: Word
    count: int
    overdue: int
    first_due: datetime | None = None
    programs: tuple[Program, ...] = ()

    @property
    def rank(self) -> tuple[int, int, int, str]:
        """Late ones first, then what ends within a day, then failures, then by the order of the steps."""
        soon = self.first_due is not None and self.first_due < clock.now() + _DAY
        return (
            0 if self.overdue else 1 if soon else 2, _TONES.get(self.word.tone, 2), _STEPS.index(self.word.step),
            self.word.value,
        )  # fmt: skip


@dataclass(frozen=True)
class Board:
    """`turns` says how many wait for whom, `snoozed` how many are put off; both as far as the filter goes."""

    groups: tuple[Group, ...]
    turns: Mapping[Turn, int]
    snoozed: int


@dataclass(frozen=True)
class Place:
    """The last row of a page: the next one begins after it."""

    due_at: datetime | None
    id: UUID

    def __str__(self) -> str:
        return f"{self.due_at.timestamp() if self.due_at else ''}_{self.id}"

    @classmethod
    def read(cls, text: str) -> Place | None:
        """From an address; None when it makes no sense."""
        due, _, program_id = text.partition("_")
        try:
            return cls(datetime.fromtimestamp(float(due), UTC) if due else None, UUID(program_id))
        except (ValueError, OverflowError, OSError):
            return None


def read_board(db: Session, wanted: ProgramFilter, *, who: Who, shown: int = SHOWN) -> Board:
    """The groups of one turn (`wanted.turn`), and how many wait for whom. Two queries, whatever the size."""
    require(who, Verb.VIEW)
    turn = Turn(wanted.turn)
    counts, put_off = _counts(db, wanted)
    turns: Counter[Turn] = Counter()
    for (whose, _word), (count, _overdue) in counts.items():
        turns[whose] += count
    groups = [
        Group(word, count, overdue) for (whose, word), (count, overdue) in counts.items() if whose is turn and count
    ]
    first = _first_of_each(db, wanted, [one.word for one in groups], shown)
    found = [_with(one, first.get(one.word, [])) for one in groups]
    return Board(tuple(sorted(found, key=lambda one: one.rank)), turns, put_off)


def _with(group: Group, programs: list[Program]) -> Group:
    return replace(group, programs=tuple(programs), first_due=programs[0].due_at if programs else None)


def _counts(db: Session, wanted: ProgramFilter) -> tuple[dict[tuple[Turn, Word], tuple[int, int]], int]:
    """How many stand where, and how many of them are late, without those that are put off; and how many these are.

    All are counted along an index, and the few that are put off are taken off again.
    """
    now = clock.now()
    late = func.count().filter(Program.due_at < now)
    everybody = (
        matching(db, replace(wanted, turn="", stage="", snoozed=""))
        .order_by(None)
        .where(Program.turn.in_([one.value for one in TURNS]))
    )
    of_snoozes = and_(
        ProgramSnooze.program_id == Program.id, ProgramSnooze.stage == Program.stage, ProgramSnooze.until > now
    )
    parts = [
        query.with_only_columns(
            literal(put_off).label("put_off"),
            Program.turn,
            Program.stage,
            func.count(),
            late,
            maintain_column_froms=True,
        ).group_by(Program.turn, Program.stage)
        for put_off, query in ((False, everybody), (True, everybody.join(ProgramSnooze, of_snoozes)))
    ]
    found: dict[tuple[Turn, Word], tuple[int, int]] = {}
    snoozed = 0
    for put_off, whose, stage, count, overdue in sorted(db.execute(union_all(*parts)).all()):
        key = Turn(whose), Word(stage)
        if put_off:
            snoozed += count
            found[key] = found[key][0] - count, found[key][1] - overdue
        else:
            found[key] = count, overdue
    return found, snoozed


def list_group(
    db: Session, wanted: ProgramFilter, *, who: Who, after: Place | None = None, limit: int = 50
) -> tuple[list[Program], Place | None]:
    """Mini programs, the nearest end first and those without a clock last; with the place of the last one where there
    are more.
    """
    require(who, Verb.VIEW)
    query = matching(db, wanted).order_by(None).order_by(Program.due_at, Program.id)
    query = query.options(load_only(*LISTED)).limit(limit + 1)
    found: list[Program] = []
    if after is None or after.due_at is not None:
        timed = query.where(Program.due_at.is_not(None))
        if after is not None and after.due_at is not None:
            same = and_(Program.due_at == after.due_at, Program.id > after.id)
            timed = timed.where(Program.due_at >= after.due_at, or_(Program.due_at > after.due_at, same))
        found = list(db.scalars(timed))
    if len(found) <= limit:
        rest = query.where(Program.due_at.is_(None)).limit(limit + 1 - len(found))
        if after is not None and after.due_at is None:
            rest = rest.where(Program.id > after.id)
        found += db.scalars(rest)
    last = found[limit - 1] if len(found) > limit else None
    return found[:limit], Place(last.due_at, last.id) if last is not None else None


def count_matching(db: Session, wanted: ProgramFilter) -> int:
    """How many mini programs a filter finds."""
    query = matching(db, wanted).order_by(None).with_only_columns(func.count(), maintain_column_froms=True)
    return db.scalar(query) or 0


def _first_of_each(
    db: Session, wanted: ProgramFilter, words: Collection[Word], shown: int
) -> dict[Word, list[Program]]:
    """The first mini programs of each group; each is a short walk along an index."""
    if not words:
        return {}
    stages = values(column("stage", Text), name="stages").data([(word.value,) for word in words])
    firsts = (
        matching(db, replace(wanted, stage="", snoozed=Snoozed.NO))
        .order_by(None)
        .where(Program.stage == stages.c.stage)
        .order_by(Program.due_at, Program.id)
        .limit(shown)
        .with_only_columns(Program.id.label("program_id"), maintain_column_froms=True)
        .lateral()
    )
    chosen = select(firsts.c.program_id).select_from(stages).join(firsts, firsts.c.program_id.is_not(None))
    rows = db.scalars(
        select(Program).options(load_only(*LISTED)).where(Program.id.in_(chosen)).order_by(Program.due_at, Program.id)
    )
    found: dict[Word, list[Program]] = {word: [] for word in words}
    for program in rows:
        found[Word(program.stage)].append(program)
    return found
