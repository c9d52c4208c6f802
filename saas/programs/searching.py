"""Finding mini programs by a fragment of their name, company, merchant or tag.

The tenant wall lets PostgreSQL use no index for LIKE: an operator that may leak what it compares must not run before
the wall. Equality is safe. So each text is kept as its pairs of letters (`program_grams`), the rarest pair of what was
typed leads to the rows, and the text itself only confirms them. (By `strpos`: LIKE is so rare in the planner's eyes
that it would rather read the whole table.)
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, cast, delete, func, insert, literal, select, union_all, update
from sqlalchemy.orm import Session

from saas.programs.models import Program, ProgramGram, ProgramTag
from saas.tenants.models import Merchant

_RARE = 1000


def narrow(db: Session, query: Select[Program], typed: str) -> Select[Program]:
    """Only mini programs in whose texts every typed word occurs."""
    words = typed.casefold().split()
    for word in words:
        query = query.where(func.strpos(Program.search_text, word) > 0)
    pairs = {pair for word in words for pair in _pairs(word)}
    if pairs:
        gram = _rarest(db, pairs)
        return query.join(ProgramGram, (ProgramGram.program_id == Program.id) & (ProgramGram.gram == gram))
    letters = [word for word in words if word]
    if letters and _count_beginning(db, letters[0]) < _RARE:  # a common letter is met soon on the way through the list
        return query.where(Program.id.in_(select(ProgramGram.program_id).where(_begins(letters[0]))))
    return query


def write_search(db: Session, program_ids: Collection[UUID]) -> None:
    """Keep the texts of these mini programs and their pairs of letters; what is right already is left alone."""
    tags = select(func.string_agg(ProgramTag.tag, "\n")).where(ProgramTag.program_id == Program.id).scalar_subquery()
    rows = db.execute(
        select(
            Program.id,
            Program.provider_id,
            Program.search_text,
            Program.name,
            Program.company_name,
            Merchant.name,
            tags,
        )
        .outerjoin(Merchant, Merchant.id == Program.merchant_id)
        .where(Program.id.in_(program_ids))
    ).all()
    changed = []
    for program_id, provider_id, before, *texts in rows:
        text = "\n".join(dict.fromkeys(part.casefold() for part in texts if part))
        if text != before:
            changed.append((program_id, provider_id, text))
    if not changed:
        return
    db.execute(delete(ProgramGram).where(ProgramGram.program_id.in_([one[0] for one in changed])))
    db.execute(update(Program), [{"id": program_id, "search_text": text} for program_id, _, text in changed])
    grams = [
        {"program_id": program_id, "provider_id": provider_id, "gram": gram}
        for program_id, provider_id, text in changed
        for gram in grams_of(text)
    ]
    if grams:
        db.execute(insert(ProgramGram), grams)


def programs_of_merchants(db: Session, merchant_ids: Collection[UUID]) -> list[UUID]:
    """Those whose texts hold these merchants' names."""
    return list(db.scalars(select(Program.id).where(Program.merchant_id.in_(merchant_ids))))


def grams_of(text: str) -> set[str]:
    """The pairs of letters in each line of a text, and each line's last letter, so that every letter begins one."""
    found: set[str] = set()
    for line in text.splitlines():
        for word in line.split():
            found.update(_pairs(word))
            found.add(word[-1])
    return found


def _pairs(word: str) -> Iterable[str]:
    return (word[at : at + 2] for at in range(len(word) - 1))


def _rarest(db: Session, grams: set[str]) -> str:
    """The gram that leads to the fewest rows, as far as a short look can tell. One query."""
    counts = [
        select(cast(literal(gram), Text).label("gram"), func.count().label("found")).select_from(
            select(ProgramGram.program_id).where(ProgramGram.gram == gram).limit(_RARE).subquery()
        )
        for gram in sorted(grams)[:16]
    ]
    rows = db.execute(union_all(*counts)).all()
    rarest: str = min(rows, key=lambda row: row.found).gram
    return rarest


def _begins(letter: str) -> ColumnElement[bool]:
    return (ProgramGram.gram >= letter) & (ProgramGram.gram < letter + "\U0010ffff")


def _count_beginning(db: Session, letter: str) -> int:
    inside = select(ProgramGram.program_id).where(_begins(letter)).limit(_RARE).subquery()
    return db.scalar(select(func.count()).select_from(inside)) or 0
