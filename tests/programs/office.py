"""A provider that registers mini programs at a real sandbox, and what the tests do with its cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select

from jobs import callbacks
from saas import clock
from saas.batches.models import BatchItem
from saas.components.access import load_component
from saas.components.models import ComponentApp, ComponentStatus
from saas.components.tickets import store_ticket
from saas.db import new_id, tenant_session
from saas.programs import editing, registration, registration_offiaccount, registration_results
from saas.programs.access import load_program, load_registration
from saas.programs.models import Program, ProgramStep
from saas.programs.registration import RegistrationData
from saas.programs.registration_models import Registration, RegistrationKind, RegistrationStatus
from saas.programs.words import Step
from saas.sandbox.control import SandboxControl
from saas.tenants.merchants import load_merchant
from saas.wx.callbacks import parse_message
from saas.wx.events import ProgramRegistered, parse_event
from tests.cast import Cast

K, S = RegistrationKind, RegistrationStatus
CODE, OTHER_CODE = "91440101MA5ABCDE1M", "91350100M000100Y43"
COMPANY = RegistrationData("梅记餐饮有限公司", CODE, "020-12345678", person_name="周老板", person_wechat="zhou_88")
PERSON = RegistrationData(component_phone="020-12345678", person_wechat="mei_tea_88")
TRIAL = RegistrationData("梅记试用店", person_openid="oMei_0001")
DAY = 86_400


@dataclass
class Office:
    """Each step in a transaction of its own, as a request or a job would do it."""

    cast: Cast
    control: SandboxControl
    component: ComponentApp
    run_jobs: Callable[..., list[str]]
    move_clock: Callable[[float], None]
    heard: int = 0
    told: list[Any] = field(default_factory=list)

    @property
    def alice(self) -> Any:
        return self.cast.who["alice"]

    def session(self) -> Any:
        return tenant_session(self.cast.alices)

    def add(self, kind: K = K.ENTERPRISE, data: RegistrationData = COMPANY, program: Any = None) -> Registration:
        with self.session() as db:
            component, merchant = load_component(db, self.component.id), load_merchant(db, self.cast.meis)
            bound = load_program(db, program) if program else None
            return registration.add_registration(db, component, merchant, kind, data, who=self.alice, program=bound)

    def prepare(self, name: str = "梅记新店") -> Program:
        """A mini program of mei's that is still to be registered."""
        with self.session() as db:
            program = editing.add_case(db, load_component(db, self.component.id), name=name, who=self.alice)
            editing.assign_merchant(db, program, load_merchant(db, self.cast.meis), who=self.alice)
            return program

    def start(self, case: Registration) -> Registration:
        with self.session() as db:
            registration.start_registration(db, load_registration(db, case.id), who=self.alice)
        self.run_jobs(wait=30)
        return self.again(case)

    def sent(self, kind: K = K.ENTERPRISE, data: RegistrationData = COMPANY, program: Any = None) -> Registration:
        return self.start(self.add(kind, data, program))

    def again(self, case: Registration) -> Registration:
        with self.session() as db:
            return load_registration(db, case.id)

    def answer(self, case: Registration, answer: str = "agree", person: str = "梅姐") -> None:
        self.control.answer_registration(case.link, person=person, answer=answer)

    def news(self) -> list[Any]:
        """What WeChat pushed since the last look."""
        rows = sorted(self.control.pushes(component_appid=self.component.appid), key=lambda row: row["id"])
        new = [row for row in rows if row["id"] > self.heard]
        self.heard = max([row["id"] for row in new], default=self.heard)
        return [parse_event(parse_message(row["xml"].encode())) for row in new]

    def hear(self, *events: Any) -> None:
        for event in events or self.news():
            with self.session() as db:
                callbacks.dispatch(db, load_component(db, self.component.id), "", event)
        self.run_jobs()

    def ask(self, case: Registration) -> Registration:
        with self.session() as db:
            registration_results.ask_now(db, load_registration(db, case.id), who=self.alice)
        self.run_jobs()
        return self.again(case)

    def pass_time(self, seconds: float) -> None:
        self.move_clock(seconds)
        with self.session() as db:
            store_ticket(
                db, load_component(db, self.component.id), self.control.push_ticket(self.component.appid), clock.now()
            )
        self.run_jobs()

    def program(self, case: Registration) -> Program:
        with self.session() as db:
            return load_program(db, self.again(case).program_id)

    def step(self, program: Program) -> ProgramStep:
        with self.session() as db:
            query = select(ProgramStep).where(ProgramStep.program_id == program.id, ProgramStep.step == Step.REGISTER)
            return db.scalars(query).one()

    def counts(self) -> dict[str, int]:
        return dict(self.control.counts(component_appid=self.component.appid))


@pytest.fixture
def office(
    cast: Cast, control: SandboxControl, run_jobs: Callable[..., list[str]], move_clock: Callable[[float], None]
) -> Office:  # fmt: skip
    made = control.create_component(
        name="爱丽平台", permission_sets=[3, 17, 18, 27, 30, 76, 81, 85], start_domain="localhost"
    )
    with tenant_session(cast.alices) as db:
        row = ComponentApp(
            id=new_id(), provider_id=cast.alices, key="alicekey", name="爱丽平台", appid=made["appid"],
            status=ComponentStatus.READY,
        )  # fmt: skip
        row.secret, row.token, row.aes_key = made["secret"], made["token"], made["aes_key"]
        db.add(row)
        db.flush()
        store_ticket(db, row, control.push_ticket(made["appid"]), clock.now())
    office = Office(cast, control, row, run_jobs, move_clock)
    office.news()
    return office


def failed(case: Registration, code: int, *, ago: int = 0) -> ProgramRegistered:
    info = {"name": case.name, "code": case.company_code, "component_phone": case.component_phone}
    created = str(int(clock.now().timestamp()) - ago)
    fields = {"AppId": "x", "CreateTime": created, "InfoType": "notify_third_fasteregister", "status": str(code)}
    return parse_event({**fields, "msg": "real name check failed", "info": info})  # type: ignore[return-value]


def trial(office: Office) -> Program:
    case = office.sent(K.TRIAL, TRIAL)
    office.answer(case)
    office.hear()
    return office.program(case)


def official(office: Office) -> Registration:
    [account] = office.control.accounts(nick_name="梅记茶铺公众号")
    office.control.grant(office.component.appid, account["appid"])
    office.hear()
    return office.sent(K.OFFIACCOUNT, RegistrationData(offiaccount_appid=account["appid"]))


def lend(office: Office, case: Registration) -> BatchItem:
    back = "http://localhost:8000/p/alice/registrations/back"
    with office.session() as db:
        url = registration_offiaccount.lending_page(
            db, load_registration(db, case.id), return_to=back, who=office.alice
        )
    url = office.control.base_url + url[url.index("/cgi-bin") :]
    ticket = office.control.run_errand(url, person="梅姐").partition("ticket=")[2]
    with office.session() as db:
        item = registration_offiaccount.take_ticket(db, load_registration(db, case.id), ticket, who=office.alice)
    office.run_jobs(wait=60)
    return item
