"""How long a list of mini programs takes with few and with ten thousand of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlalchemy import func, insert, select

from bench.stage import Measured, Stage, timed
from saas import db as database
from saas.components.models import ComponentApp
from saas.db import new_id
from saas.journey.window import HttpWindow
from saas.programs.models import Program
from saas.seed import PASSWORD

_FLEET = 10_000
_VIEWS = 40


def measure(stage: Stage) -> Iterator[Measured]:
    with HttpWindow(stage.demo.url) as window:
        window.open("/sign-in")
        window.press("登录", {"email": "alice@example.com", "password": PASSWORD})
        yield from _lists(stage, window)
        _fill(stage)
        yield from _lists(stage, window)
        oldest = _oldest(stage)
        yield timed("  a page in the middle", _views(window, f"/p/alice/programs?before={oldest}"))


def _lists(stage: Stage, window: HttpWindow) -> Iterator[Measured]:
    with database.tenant_session(stage.provider_id) as db:
        count = db.scalar(select(func.count()).select_from(Program)) or 0
    yield timed(f"list of {count} programs, first page", _views(window, "/p/alice/programs"))
    yield timed("  searched by name", _views(window, "/p/alice/programs?q=77"))


def _views(window: HttpWindow, address: str) -> list[Callable[[], None]]:
    window.open(address)
    return [lambda: window.open(address)] * _VIEWS


def _fill(stage: Stage) -> None:
    with database.tenant_session(stage.provider_id) as db:
        component_id = db.scalars(select(ComponentApp.id)).one()
        have = db.scalar(select(func.count()).select_from(Program)) or 0
        rows = [
            {
                "id": new_id(), "provider_id": stage.provider_id, "component_id": component_id,
                "appid": f"wx{number:016x}", "name": f"门店{number}号", "company_name": f"第{number}家有限公司",
                "permission_sets": [1, 17, 18], "profile": {}, "ext_values": {},
            }
            for number in range(_FLEET - have)
        ]  # fmt: skip
        db.execute(insert(Program), rows)


def _oldest(stage: Stage) -> str:
    with database.tenant_session(stage.provider_id) as db:
        return str(db.scalars(select(Program.id).order_by(Program.id).offset(_FLEET // 2).limit(1)).one())
