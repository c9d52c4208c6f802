"""Registrations at the sandbox: from the form to the mini program, whatever the person does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from importlib import resources
from typing import Any

import pytest
from sqlalchemy import select, text

from saas import clock
from saas.batches.models import ItemStatus
from saas.batches.progress import list_items
from saas.components.access import load_component
from saas.components.models import AccessTokenRow
from saas.db import platform_session
from saas.errors import AppError, Conflict, Forbidden, Invalid
from saas.programs import registration, registration_offiaccount, registration_results, registration_trials
from saas.programs.access import load_program, load_registration, program_by_appid
from saas.programs.registration import RegistrationData
from saas.programs.registration_checks import read_credit_code
from saas.programs.registration_kinds import KINDS, LATE, PENDING, STATES, kind_of
from saas.programs.registration_models import TRANSITIONS
from saas.programs.registration_reasons import REASONS
from saas.programs.words import Word
from saas.tenants import activity
from tests.programs.office import (
    CODE,
    COMPANY,
    DAY,
    OTHER_CODE,
    PERSON,
    K,
    Office,
    S,
    failed,
    lend,
    official,
    trial,
)


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
    ends = {item.subject_id: item.status for item in items}
    first, personal, second = ((ends[case.id], office.again(case).status) for case in cases)
    sent, refused = (ItemStatus.DONE, S.WAITING_PERSON), (ItemStatus.FAILED, S.DRAFT)
    assert personal == sent
    assert {first, second} == {sent, refused}  # of two for one company, whichever came first
    waits = cases[0] if first == sent else cases[2]
    with office.session() as db, pytest.raises(Invalid):
        registration.start_registrations(db, [load_registration(db, waits.id)], who=office.alice)


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
