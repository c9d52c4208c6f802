"""How long lists take for a provider with a hundred mini programs and for one with a hundred thousand: the list of mini
programs itself, the to-do board and what stands beside it.

The two are measured in turns, so that whatever else the machine does hits both.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote
from uuid import UUID

from sqlalchemy import create_engine, insert, select, text

from bench.stage import Measured, Stage, seconds, summed_up
from saas import clock
from saas import db as database
from saas.components.models import ComponentApp
from saas.config import settings
from saas.db import new_id
from saas.journey.window import HttpWindow
from saas.programs.models import Program, ProgramStep, ProgramTag
from saas.programs.searching import write_search
from saas.programs.words import Step, Word
from saas.seed import PASSWORD
from saas.tenants import providers
from saas.tenants.models import User

_FLEETS = {100: "bench-few", 100_000: "bench-many"}
_RARE = 60
"""So many, the oldest, have a name and a tag of their own in either fleet: more than one page shows."""
_VIEWS = 40
_AT_ONCE = 2000
_WORDS = (Word.REJECTED, Word.NO_CODE)
_QUESTIONS = {
    "first page": "",
    "next page": "before={middle}",
    "by stage": f"stage={Word.REJECTED}",
    "by whose turn": "turn=provider",
    "by certification": f"certify={Word.CERTIFIED}",
    "by a rare name": f"q={quote('旗舰')}",
    "by part of all names": f"q={quote('有限公司')}",
    "by a rare tag": f"tag={quote('重点')}",
    "by a common tag": f"tag={quote('连锁')}",
}

_BOARDS = {
    "to-do board": "todo?owner=all",
    "to-do board, my work": "todo",
    "to-do board, one group": f"todo/group?owner=all&stage={Word.REJECTED}",
    "calendar": "calendar",
    "violations": "violations",
    "a page with nothing but its frame": "calendar/dates/new",
}


def measure(stage: Stage) -> Iterator[Measured]:
    del stage  # the demo's own provider stays as it is
    fleets = {count: _fill(slug, count) for count, slug in _FLEETS.items()}
    with create_engine(settings().database_owner_url, isolation_level="AUTOCOMMIT").connect() as owner:
        for table in ("programs", "program_grams", "program_tags", "program_steps"):
            owner.execute(text(f"analyze {table}"))
    with HttpWindow(settings().public_url) as window:
        window.open("/sign-in")
        window.press("登录", {"email": "alice@example.com", "password": PASSWORD})
        for title, query in _QUESTIONS.items():
            yield from _compare(window, f"list, {title}", f"programs?{query}", fleets)
        for title, path in _BOARDS.items():
            yield from _compare(window, title, path, fleets)


def _compare(window: HttpWindow, title: str, path: str, fleets: dict[int, UUID]) -> Iterator[Measured]:
    took: dict[int, list[float]] = {count: [] for count in fleets}
    addresses = {count: f"/p/{_FLEETS[count]}/{path.format(middle=middle)}" for count, middle in fleets.items()}
    for address in addresses.values():
        window.open(address)  # which reads the page, too; what is timed below does not
    for _ in range(_VIEWS):
        for count, address in addresses.items():
            took[count].append(seconds(lambda address=address: window.http.get(address).raise_for_status()))  # type: ignore[misc]
    few, many = (statistics.median(one) for one in took.values())
    for count, times in took.items():
        ratio = f", {many / few:.2f} ×" if count == max(took) else ""
        yield summed_up(f"{count:,}: {title}{ratio}", times, sum(times))


def _fill(slug: str, count: int) -> UUID:
    """A provider of alice's with so many mini programs; answers the one in the middle."""
    with database.platform_session("make a provider for the bench") as db:
        alice = db.scalars(select(User).where(User.email == "alice@example.com")).one()
        provider_id = providers.create_provider(db, alice, slug, slug).id
    with database.tenant_session(provider_id) as db:
        component = ComponentApp(provider_id=provider_id, key=slug, name=slug, appid=f"wx{slug}")
        db.add(component)
        db.flush()
        component_id = component.id
    ids: list[UUID] = []
    for start in range(0, count, _AT_ONCE):
        rows = [
            _program(provider_id, component_id, number) for number in range(start, min(count, start + _AT_ONCE))
        ]  # fmt: skip
        new = [row["id"] for row in rows]
        own = [{"program_id": row["id"], "provider_id": provider_id} for row in rows]
        tags = [one | {"tag": "重点"} for one in own[: max(0, _RARE - start)]] + [one | {"tag": "连锁"} for one in own]
        word = Word.CERTIFIED
        steps = [
            one | {"id": new_id(), "step": Step.CERTIFY, "word": word, "turn": word.turn, "since": clock.now()}
            for one in own
        ]
        with database.tenant_session(provider_id) as db:
            db.execute(insert(Program), rows)
            db.execute(insert(ProgramTag), tags)
            db.execute(insert(ProgramStep), steps)
            write_search(db, new)
        ids += new
    return ids[-(count // 2)]


def _program(provider_id: UUID, component_id: UUID, number: int) -> dict[str, Any]:
    word = _WORDS[number % len(_WORDS)]
    return {
        "id": new_id(), "provider_id": provider_id, "component_id": component_id, "appid": f"wx{number:016x}",
        "name": f"{'旗舰店' if number < _RARE else '门店'}{number}号", "company_name": f"第{number}家有限公司",
        "permission_sets": [1, 17, 18], "profile": {}, "ext_values": {}, "stage": word, "turn": word.turn,
    }  # fmt: skip
