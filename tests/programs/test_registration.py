"""Registrations at the sandbox: from the form to the mini program, whatever the person does and WeChat loses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from importlib import resources
from typing import Any

import pytest
from sqlalchemy import select, text

from jobs import callbacks
from saas import clock
from saas.batches.models import BatchItem, ItemStatus
from saas.batches.progress import list_items
from saas.components.access import load_component
from saas.components.models import AccessTokenRow, ComponentApp, ComponentStatus
from saas.components.tickets import store_ticket
from saas.db import new_id, platform_session, tenant_session
from saas.errors import AppError, Conflict, Forbidden, Invalid
from saas.programs import registration, registration_offiaccount, registration_results, registration_trials
from saas.programs.access import load_program, load_registration, program_by_appid
from saas.programs.models import Program, ProgramStep
from saas.programs.registration import RegistrationData
from saas.programs.registration_checks import read_credit_code
from saas.programs.registration_kinds import KINDS, LATE, PENDING, STATES, kind_of
from saas.programs.registration_models import TRANSITIONS, Registration, RegistrationKind, RegistrationStatus
from saas.programs.registration_reasons import REASONS
from saas.programs.words import Step, Word
from saas.sandbox.control import SandboxControl
from saas.tenants import activity
from saas.tenants.merchants import load_merchant
from saas.wx.callbacks import parse_message
from saas.wx.events import ProgramRegistered, parse_event
from tests.cast import Cast
from tests.programs.shop import control, sandbox  # noqa: F401 - fixtures

K, S = RegistrationKind, RegistrationStatus
CODE, OTHER_CODE = "91440101MA5ABCDE1M", "91350100M000100Y43"
COMPANY = RegistrationData("梅记餐饮有限公司", CODE, "020-12345678", person_name="周老板", person_wechat="zhou_88")
PERSON = RegistrationData(component_phone="020-12345678", person_wechat="mei_tea_88")
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
    cast: Cast, control: SandboxControl, run_jobs: Callable[..., list[str]], move_clock: Callable[[float], None]  # noqa: F811
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


def test_a_company_has_its_mini_program(office: Office) -> None:
    case = office.sent()
    assert (case.status, case.attempt, case.task_id != "") == (S.WAITING_PERSON, 1, True)
    assert abs(case.expires_at - clock.now() - timedelta(hours=24)) < timedelta(minutes=1)
    office.answer(case)
    office.hear()
    case, program = office.again(case), office.program(case)
    assert (case.status, case.status_code) == (S.DONE, 0)
    assert (program.merchant_id, program.company_name, program.registered_by_api) == (
        office.cast.meis, "梅记餐饮有限公司", True,
    )  # fmt: skip
    assert office.step(program).word == Word.REGISTERED
    with office.session() as db:
        assert db.scalars(select(AccessTokenRow).where(AccessTokenRow.appid == program.appid)).one().authorized_at


def test_events_come_twice_and_late(office: Office) -> None:
    case = office.sent()
    office.answer(case)
    events = office.news()
    office.hear(*events, *events)
    done = office.again(case)
    second = office.sent()
    office.hear(*events)
    assert (office.again(case).program_id, office.again(second).status) == (done.program_id, S.WAITING_PERSON)
    with office.session() as db:
        assert len(list(db.scalars(select(Program)))) == 1


def test_a_lost_event_is_made_up_for(office: Office) -> None:
    case = office.sent()
    office.answer(case)
    office.news()
    case = office.ask(case)
    assert (case.status, case.task_state) == (S.DONE, 12)
    assert office.program(case).company_name == "梅记餐饮有限公司"


def test_a_refusal_is_found_by_asking(office: Office) -> None:
    case = office.sent()
    office.answer(case, "refuse")
    office.run_jobs(wait=120)
    case = office.again(case)
    assert (case.status, case.status_code) == (S.FAILED, 2)
    assert [entry["code"] for entry in case.history] == [2]
    again = office.start(case)
    assert (again.id, again.status, again.attempt, again.link != case.link) == (case.id, S.WAITING_PERSON, 2, True)


def test_a_failed_face_may_be_tried_again(office: Office) -> None:
    case = office.sent()
    office.answer(case, "face_fail")
    case = office.ask(case)
    assert (case.status, case.task_state) == (S.WAITING_PERSON, 5)
    office.answer(case)
    office.hear()
    assert office.again(case).status == S.DONE


@pytest.mark.parametrize("told", [True, False])
def test_a_day_ends_the_link_and_a_new_one_is_sent(office: Office, told: bool) -> None:
    case = office.sent()
    office.pass_time(DAY + 10)
    office.run_jobs(wait=3600)
    if told:
        office.hear()
    case = office.again(case)
    assert case.status == S.EXPIRED
    again = office.start(case)
    assert (again.status, again.attempt, again.status_code) == (S.WAITING_PERSON, 2, None)
    office.answer(again)
    office.hear()
    assert office.again(case).status == S.DONE


def failed(case: Registration, code: int, *, ago: int = 0) -> ProgramRegistered:
    info = {"name": case.name, "code": case.company_code, "component_phone": case.component_phone}
    created = str(int(clock.now().timestamp()) - ago)
    fields = {"AppId": "x", "CreateTime": created, "InfoType": "notify_third_fasteregister", "status": str(code)}
    return parse_event({**fields, "msg": "real name check failed", "info": info})  # type: ignore[return-value]


def test_wrong_data_are_edited_and_sent_again(office: Office) -> None:
    case = office.sent()
    with office.session() as db, pytest.raises(Conflict):
        registration.edit_registration(db, load_registration(db, case.id), COMPANY, who=office.alice)
    office.hear(failed(case, 1000))
    assert (office.again(case).status, office.again(case).status_code) == (S.FAILED, 1000)
    better = RegistrationData("梅记餐饮（广州）有限公司", OTHER_CODE, "020-12345678")
    with office.session() as db:
        registration.edit_registration(db, load_registration(db, case.id), better, who=office.alice)
    again = office.start(case)
    assert (again.person_name, again.name, again.status) == ("周老板", "梅记餐饮（广州）有限公司", S.WAITING_PERSON)
    office.hear(failed(again, 103, ago=3600))
    assert office.again(case).status == S.WAITING_PERSON
    office.hear(failed(again, 777))
    ended = office.again(case)
    assert (ended.status_code, ended.error, len(ended.history)) == (777, "real name check failed", 2)


def test_a_refused_call_ends_the_attempt(office: Office) -> None:
    office.control.fail_next("fastRegisterEnterpriseWeapp", 86022)
    case = office.sent()
    assert (case.status, case.errcode, case.operation) == (S.FAILED, 86022, "fastRegisterEnterpriseWeapp")
    assert case.rid


def test_a_busy_wechat_is_asked_again(office: Office) -> None:
    office.control.fail_next("fastRegisterEnterpriseWeapp", -1)
    case = office.add()
    with office.session() as db:
        registration.start_registration(db, load_registration(db, case.id), who=office.alice)
    office.run_jobs(wait=30)
    assert (office.again(case).status, office.again(case).attempt) == (S.WAITING_PERSON, 1)


def test_success_after_all_is_no_second_registration(office: Office) -> None:
    case = office.sent()
    office.hear(failed(case, 1000))
    office.answer(case)
    office.news()
    case = office.start(case)
    assert (case.status, case.attempt) == (S.DONE, 1)
    assert office.counts()["fastRegisterEnterpriseWeapp"] == 2


def test_one_company_registers_once_at_a_time(office: Office) -> None:
    case, second = office.sent(), office.add()
    with office.session() as db, pytest.raises(Conflict):
        registration.start_registration(db, load_registration(db, second.id), who=office.alice)
    with office.session() as db:
        registration.cancel_registration(db, load_registration(db, case.id), who=office.alice)
    assert office.start(second).status == S.WAITING_PERSON
    office.answer(case)
    office.hear()
    assert {office.again(case).status, office.again(second).status} <= {S.DONE, S.CANCELLED, S.WAITING_PERSON}


def test_a_selection_is_a_batch_of_cases(office: Office) -> None:
    cases = [office.add(), office.add(K.PERSONAL, PERSON), office.add()]
    with office.session() as db:
        found = registration.select_registrations(db, [case.id for case in cases])
        batch = registration.start_registrations(db, found, who=office.alice)
    office.run_jobs(wait=30)
    with office.session() as db:
        items = list_items(db, batch)
    assert [item.status for item in items] == [ItemStatus.DONE, ItemStatus.DONE, ItemStatus.FAILED]
    assert [office.again(case).status for case in cases] == [S.WAITING_PERSON, S.WAITING_PERSON, S.DRAFT]
    with office.session() as db, pytest.raises(Invalid):
        registration.start_registrations(db, [load_registration(db, cases[0].id)], who=office.alice)


def test_a_person_has_five_attempts_a_day(office: Office) -> None:
    case = office.sent(K.PERSONAL, PERSON)
    for _ in range(4):
        office.answer(case, "refuse")
        case = office.start(office.ask(case))
    with office.session() as db:
        budget = registration.budget_of(db, load_registration(db, case.id))
    assert budget is not None
    assert budget.left == 0
    office.answer(case, "refuse")
    office.ask(case)
    with office.session() as db, pytest.raises(Conflict):
        registration.start_registration(db, load_registration(db, case.id), who=office.alice)


@pytest.mark.parametrize(
    ("kind", "data"),
    [(K.PERSONAL, PERSON), (K.TRADING, RegistrationData(component_phone="020-12345678", person_openid="oMei_0001"))],
)
@pytest.mark.parametrize("lost", [False, True])
def test_a_person_has_her_mini_program(office: Office, kind: K, data: RegistrationData, lost: bool) -> None:
    case = office.sent(kind, data)
    office.answer(case)
    if lost:
        office.news()
        office.ask(case)
    else:
        office.hear()
    assert office.again(case).status == S.DONE
    assert office.program(case).merchant_id == office.cast.meis


TRIAL = RegistrationData("梅记试用店", person_openid="oMei_0001")


@pytest.mark.parametrize("lost", [False, True])
def test_a_trial_lives_fourteen_days(office: Office, lost: bool) -> None:
    case = office.sent(K.TRIAL, TRIAL)
    office.answer(case)
    events = office.news()
    if lost:
        office.hear(*[event for event in events if event.name == "authorized"])
        office.ask(case)
    else:
        office.hear(*reversed(events))
    assert office.again(case).status == S.DONE
    row = office.step(office.program(case))
    assert row.word == Word.TRIAL
    assert row.due_at is not None
    assert abs(row.due_at - clock.now() - timedelta(days=14)) < timedelta(hours=1)


def trial(office: Office) -> Program:
    case = office.sent(K.TRIAL, TRIAL)
    office.answer(case)
    office.hear()
    return office.program(case)


def test_a_trial_is_renamed(office: Office) -> None:
    program = trial(office)
    with office.session() as db:
        with pytest.raises(Invalid):
            registration_trials.rename_trial(db, load_program(db, program.id), "微信点单店", who=office.alice)
        registration_trials.rename_trial(db, load_program(db, program.id), "梅记外带店", who=office.alice)
    office.run_jobs(wait=30)
    with office.session() as db:
        assert load_program(db, program.id).name.startswith("梅记外带店")


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize(
    ("kind", "data"), [(K.CONVERSION, COMPANY), (K.UPGRADE, RegistrationData(component_phone="020-12345678"))]
)
def test_a_trial_is_converted(office: Office, kind: K, data: RegistrationData, lost: bool) -> None:
    program = trial(office)
    case = office.sent(kind, data, program.id)
    assert office.step(program).word == Word.REGISTER_CONFIRM
    office.answer(case)
    if lost:
        office.news()
        office.ask(case)
    else:
        office.hear()
    assert office.again(case).status == S.DONE
    assert (office.step(program).word, office.step(program).due_at) == (Word.REGISTERED, None)
    with office.session() as db:
        assert not registration_trials.is_trial(db, load_program(db, program.id))
        with pytest.raises(Conflict):
            registration_trials.rename_trial(db, load_program(db, program.id), "梅记外带店", who=office.alice)


def test_a_conversion_that_failed_leaves_a_trial(office: Office) -> None:
    program = trial(office)
    case = office.sent(K.CONVERSION, COMPANY, program.id)
    office.pass_time(DAY + 10)
    office.run_jobs(wait=3600)
    assert (office.again(case).status, office.step(program).word) == (S.EXPIRED, Word.REGISTER_EXPIRED)
    assert office.step(program).due_at < clock.now() + timedelta(days=14)
    with office.session() as db:
        registration.cancel_registration(db, load_registration(db, case.id), who=office.alice)
    assert office.step(program).word == Word.TRIAL


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


@pytest.mark.parametrize("cut", [False, True])
def test_an_official_account_lends_its_subject(office: Office, cut: bool) -> None:
    case = official(office)
    assert case.status == S.WAITING_PERSON
    if cut:
        office.control.cut_next("registerMiniprogramByOffiaccount")
    lend(office, case)
    case = office.again(case)
    assert (case.status, case.ticket) == (S.DONE, "")
    assert office.program(case).company_name == "广州市越秀区梅记茶铺"
    with office.session() as db:
        assert registration.budget_of(db, case).left == 4  # type: ignore[union-attr]


def test_only_an_authorized_official_account_can_lend(office: Office) -> None:
    with pytest.raises(Invalid, check=lambda error: error.field == "offiaccount_appid"):
        office.add(K.OFFIACCOUNT, RegistrationData(offiaccount_appid="wx0123456789abcdef"))
    case = official(office)
    office.control.change_account(case.offiaccount_appid, verified=0)
    lend(office, case)
    assert (office.again(case).status, office.again(case).errcode) == (S.FAILED, 61052)
    assert office.start(office.again(case)).status == S.WAITING_PERSON


def test_an_account_that_withdrew_or_lacks_the_permission_cannot_lend(office: Office) -> None:
    case = official(office)
    appid = case.offiaccount_appid
    with office.session() as db:
        component = load_component(db, office.component.id)
        account = program_by_appid(db, component, appid)
        assert account is not None
        assert [one.id for one in registration_offiaccount.known_accounts(db, component.id)] == [account.id]
        account.permission_sets = [1, 15]
    with pytest.raises(Invalid, match="快速注册小程序"):
        office.add(K.OFFIACCOUNT, RegistrationData(offiaccount_appid=appid))
    office.control.revoke(office.component.appid, appid)
    office.hear()
    with pytest.raises(Invalid, match="没有授权"):
        office.add(K.OFFIACCOUNT, RegistrationData(offiaccount_appid=appid))
    with office.session() as db:
        assert registration_offiaccount.known_accounts(db, office.component.id) == []


@pytest.mark.parametrize(
    ("kind", "change", "field"),
    [
        (K.ENTERPRISE, {"name": ""}, "name"),
        (K.ENTERPRISE, {"company_code": "91440101MA5ABCDE1X"}, "company_code"),
        (K.ENTERPRISE, {"company_code": "91440101MA5ABCDE"}, "company_code"),
        (K.ENTERPRISE, {"company_code": "91440101MA5ABCDEI1"}, "company_code"),
        (K.ENTERPRISE, {"component_phone": "电话"}, "component_phone"),
        (K.ENTERPRISE, {"component_phone": ""}, "component_phone"),
        (K.ENTERPRISE, {"person_wechat": "1"}, "person_wechat"),
        (K.ENTERPRISE, {"person_name": "周"}, "person_name"),
        (K.PERSONAL, {"person_wechat": ""}, "person_wechat"),
        (K.TRADING, {"person_openid": ""}, "person_openid"),
        (K.TRIAL, {"name": "梅记", "person_openid": "oMei_0001"}, "name"),
        (K.TRIAL, {"name": "梅记小程序", "person_openid": "oMei_0001"}, "name"),
        (K.TRIAL, {"name": "梅记试用店", "person_openid": "mei"}, "person_openid"),
        (K.OFFIACCOUNT, {"offiaccount_appid": "mei"}, "offiaccount_appid"),
    ],
)
def test_what_does_not_fit_never_reaches_wechat(office: Office, kind: K, change: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid, check=lambda error: error.field == field):
        office.add(kind, RegistrationData(**{**vars(COMPANY), **change}))
    assert sum(office.counts().values()) == 0


@pytest.mark.parametrize("code", [CODE, OTHER_CODE, "91440300708461136T", "91330100799655058B"])
def test_the_last_letter_of_a_credit_code_is_right(code: str) -> None:
    assert read_credit_code(f" {code.lower()} ") == code


def test_who_may_only_look_registers_nothing(office: Office) -> None:
    case = office.add()
    with office.session() as db:
        row, bob = load_registration(db, case.id), office.cast.who["bob"]
        for service in (
            registration.start_registration, registration.cancel_registration, registration.reveal_person,
            registration_results.ask_now,
        ):  # fmt: skip
            with pytest.raises(Forbidden):
                service(db, row, who=bob)


def test_personal_data_are_sealed_and_looks_recorded(office: Office) -> None:
    case = office.sent()
    with office.session() as db:
        person = registration.reveal_person(db, load_registration(db, case.id), who=office.alice)
        seen = [row.verb for row in activity.list_activities(db, object_id=case.id, limit=50)]
    assert person == {"person_name": "周老板", "person_wechat": "zhou_88", "person_openid": ""}
    assert "registration.person.view" in seen
    with platform_session("look for personal data in the open") as db:
        for table in ("registrations", "batch_items", "batches", "activities", "jobs"):
            rows = db.execute(text(f"select to_jsonb(t)::text from {table} t")).scalars()
            assert not [row for row in rows if "zhou_88" in row or "周老板" in row]


def test_every_code_of_the_contract_has_words() -> None:
    contract = json.loads(resources.files("saas.wx.contract").joinpath("platform.json").read_text(encoding="utf-8"))
    told = [one["x-wx-status-codes"] for one in found(contract, "x-wx-status-codes")]
    states = [one["x-enum-meaning"] for one in found(contract, "x-enum-meaning") if "1008" in one["x-enum-meaning"]]
    assert (len(told), len(states)) == (2, 3)
    assert {int(code) for codes in told for code in codes} <= {0, *REASONS}
    assert {int(code) for codes in states for code in codes} <= {*STATES, *REASONS}
    ends = {code for code, status in STATES.items() if status in (S.FAILED, S.EXPIRED)}
    assert ends | PENDING | (LATE - {100001}) <= set(REASONS)


def found(tree: Any, key: str) -> Iterator[dict[str, Any]]:
    """Every object of the contract that has this key."""
    if isinstance(tree, dict):
        if key in tree:
            yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for one in tree:
            yield from found(one, key)


def test_the_tables_are_closed() -> None:
    assert (set(KINDS), set(TRANSITIONS)) == (set(K), set(S))
    for kind in KINDS.values():
        assert set(kind.fields) <= set(RegistrationData.__dataclass_fields__)


def test_the_errors_are_app_errors(office: Office) -> None:
    with pytest.raises(AppError):
        office.add(K.CONVERSION, COMPANY)
    assert kind_of(office.add()) is KINDS[K.ENTERPRISE]
