"""A mini program of mei's that was registered through the API, at a real sandbox; and what the tests do with it."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs import callbacks
from saas import clock
from saas.batches.models import BatchItem
from saas.components.access import load_component
from saas.components.models import ComponentApp
from saas.components.tickets import store_ticket
from saas.db import new_id, tenant_session
from saas.programs import authorization
from saas.programs.access import load_program
from saas.programs.models import Program, ProgramStep
from saas.programs.words import Step, Word
from saas.sandbox.control import SandboxControl
from saas.tenants import activity
from saas.tenants.access import Who
from saas.wx.events import Authorized, parse_event
from tests.cast import Cast
from tests.releases.conftest import control, sandbox

__all__ = ["Shop", "control", "sandbox", "shop"]


@dataclass
class Shop:
    """Each step in a transaction of its own, as a request or a job would do it."""

    cast: Cast
    control: SandboxControl
    component: ComponentApp
    id: Any
    appid: str
    run_jobs: Callable[..., list[str]]

    @property
    def alice(self) -> Who:
        return self.cast.who["alice"]

    def session(self) -> AbstractContextManager[Session]:
        return tenant_session(self.cast.alices)

    def start(self, service: Callable[..., BatchItem], *args: Any, **options: Any) -> BatchItem:
        """A service that starts an item, as a request would call it."""
        with self.session() as db:
            return service(db, load_program(db, self.id), *args, who=self.alice, **options)

    def do(self, service: Callable[..., BatchItem], *args: Any, **options: Any) -> BatchItem:
        """Start an item and let it run to its end."""
        item = self.start(service, *args, **options)
        self.run_jobs(wait=30)
        return self.item(item)

    def item(self, item: BatchItem) -> BatchItem:
        with self.session() as db:
            return db.scalars(select(BatchItem).where(BatchItem.id == item.id)).one()

    def program(self) -> Program:
        with self.session() as db:
            return load_program(db, self.id)

    def word(self, step: Step) -> Word:
        with self.session() as db:
            query = select(ProgramStep.word).where(ProgramStep.program_id == self.id, ProgramStep.step == step)
            return Word(db.scalars(query).one())

    def hear(self, name: str, **fields: Any) -> None:
        """WeChat pushes an event about this mini program."""
        now = str(int(clock.now().timestamp()))
        message = {"ToUserName": "gh_x", "CreateTime": now, "MsgType": "event", "Event": name}
        event = parse_event({**message, **{key: str(value) for key, value in fields.items()}})
        with self.session() as db:
            row = load_component(db, self.component.id)
            callbacks.dispatch(db, row, self.appid, event)
        self.run_jobs()

    def pass_time(self, seconds: float) -> None:
        """Here and at WeChat, which sends its tickets meanwhile."""
        self.control.move_clock(seconds)
        with self.session() as db:
            ticket = self.control.push_ticket(self.component.appid)
            store_ticket(db, load_component(db, self.component.id), ticket, clock.now())

    def counts(self) -> Mapping[str, int]:
        """Accepted calls for this mini program, per operation."""
        return self.control.counts(appid=self.appid)

    def seen(self) -> list[str]:
        with self.session() as db:
            return [row.verb for row in activity.list_activities(db, object_id=self.id, limit=100)]


@pytest.fixture
def shop(cast: Cast, control: SandboxControl, run_jobs: Callable[..., list[str]]) -> Shop:
    made, component_id = control.create_component(name="爱丽平台"), new_id()
    with tenant_session(cast.alices) as db:
        row = ComponentApp(
            id=component_id, provider_id=cast.alices, key="alicekey", name="爱丽平台", appid=made["appid"]
        )
        row.secret, row.token, row.aes_key = made["secret"], made["token"], made["aes_key"]
        db.add(row)
        db.flush()
        store_ticket(db, row, control.push_ticket(made["appid"]), clock.now())
    appid = control.add_account(
        "梅姐", nick_name="青禾果蔬", principal_name="青禾果蔬有限公司", register_type=6, signature="社区果蔬每日直送"
    )
    program_id = add_program(cast, component_id, appid, control.grant(made["appid"], appid, push=False), run_jobs)
    return Shop(cast, control, row, program_id, appid, run_jobs)


def add_program(cast: Cast, component_id: Any, appid: str, code: str, run_jobs: Callable[..., list[str]]) -> Any:
    """The merchant authorized: exchange the code and read the profile; answers the mini program's id."""
    with tenant_session(cast.alices) as db:
        at = datetime.fromtimestamp(int(clock.now().timestamp()), UTC)
        row = load_component(db, component_id)
        authorization.on_authorized(db, row, Authorized("authorized", {}, at, appid, code, ""))
    run_jobs()
    with tenant_session(cast.alices) as db:
        program = db.scalars(select(Program).where(Program.appid == appid)).one()
        program.merchant_id = cast.meis
        return program.id


def picture(width: int = 60, height: int = 40, colour: str = "red") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, "PNG")
    return out.getvalue()
