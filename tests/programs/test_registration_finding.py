"""What a registration led to: WeChat's events come late, twice or never, and the mini program is found and linked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from saas import clock
from saas.components.access import load_component
from saas.programs import registration
from saas.programs.access import load_registration, program_by_appid
from saas.programs.exchange import ensure_program
from saas.programs.models import Program
from saas.programs.registration import RegistrationData
from saas.programs.registration_finding import find_known_result
from saas.programs.registration_models import Registration
from saas.programs.words import Word
from saas.tenants.merchants import MerchantData, add_merchant
from tests.programs.office import PERSON, TRIAL, K, Office, S, failed, lend, official


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


def test_success_after_all_is_no_second_registration(office: Office) -> None:
    case = office.sent()
    office.hear(failed(case, 1000))
    office.answer(case)
    office.news()
    case = office.start(case)
    assert (case.status, case.attempt) == (S.DONE, 1)
    assert office.counts()["fastRegisterEnterpriseWeapp"] == 2


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


def second(office: Office, kind: K, data: RegistrationData) -> Registration:
    """A case of another merchant's, sent."""
    with office.session() as db:
        other = add_merchant(db, MerchantData(name="第二家"), who=office.alice)
        case = registration.add_registration(
            db, load_component(db, office.component.id), other, kind, data, who=office.alice
        )
    return office.start(case)


@pytest.mark.parametrize(
    ("kind", "data"),
    [(K.PERSONAL, PERSON), (K.TRADING, RegistrationData(component_phone="020-12345678", person_openid="oMei_0001"))],
)
def test_of_two_persons_a_lost_event_tells_nothing(office: Office, kind: K, data: RegistrationData) -> None:
    case = office.sent(kind, data)
    other = second(office, kind, replace(data, person_wechat="lin_tea_66", person_openid="oLin_0002"))
    office.answer(case)
    office.news()
    assert office.ask(case).status == S.CHECKING
    with office.session() as db:
        registration.cancel_registration(db, load_registration(db, other.id), who=office.alice)
    assert office.ask(case).status == S.DONE
    assert office.program(case).merchant_id == office.cast.meis


def test_an_official_account_finds_only_what_has_its_subject(office: Office) -> None:
    case = official(office)
    [foreign] = office.control.accounts(nick_name="青禾咖啡")
    with office.session() as db:
        account = program_by_appid(db, load_component(db, office.component.id), case.offiaccount_appid)
        assert account is not None
        assert account.company_name == "广州市越秀区梅记茶铺"
        for appid, company in (("wx00aa11bb22cc33dd", foreign["principal_name"]), ("wx00aa11bb22cc33ee", "")):
            made, _ = ensure_program(db, load_component(db, office.component.id), appid)
            made.company_name, made.profile, made.authorized_at = company, {"register_type": 2}, clock.now()
        load_registration(db, case.id).status = S.CHECKING
        assert find_known_result(db, load_registration(db, case.id)) == ""
        made.company_name = account.company_name
        assert find_known_result(db, load_registration(db, case.id)) == "wx00aa11bb22cc33ee"
        account.company_name = ""
        assert find_known_result(db, load_registration(db, case.id)) == ""
        account.company_name = made.company_name
    with office.session() as db:
        other = registration.add_registration(
            db, load_component(db, office.component.id), add_merchant(db, MerchantData(name="分店"), who=office.alice),
            K.OFFIACCOUNT, RegistrationData(offiaccount_appid=case.offiaccount_appid), who=office.alice,
        )  # fmt: skip
        assert find_known_result(db, load_registration(db, case.id)) == "wx00aa11bb22cc33ee"
        other.status = S.CHECKING
        assert find_known_result(db, load_registration(db, case.id)) == ""


def test_a_trial_is_not_taken_for_one_whose_name_begins_alike(office: Office) -> None:
    case = office.sent(K.TRIAL, TRIAL)
    other = second(office, K.TRIAL, replace(TRIAL, name="梅记试用店二号", person_openid="oLin_0002"))
    office.answer(other)
    events = office.news()
    office.hear(*(event for event in events if event.name == "authorized"))
    assert (office.ask(case).status, office.ask(other).status) == (S.WAITING_PERSON, S.WAITING_PERSON)
    office.hear(*(event for event in events if event.name != "authorized"))
    assert (office.again(case).status, office.again(other).status) == (S.WAITING_PERSON, S.DONE)


def test_an_account_that_is_unknown_yet_is_a_choice_too(office: Office) -> None:
    case = office.sent(K.PERSONAL, PERSON)
    office.answer(case)
    office.news()
    with office.session() as db:
        made, _ = ensure_program(db, load_component(db, office.component.id), "wx00aa11bb22cc33dd")
        made.authorized_at = clock.now()
    assert office.ask(case).status == S.CHECKING
    with office.session() as db:
        made = db.get_one(Program, made.id)
        made.profile, made.profile_read_at = {"register_type": 16}, clock.now()
    assert office.ask(case).status == S.CHECKING
    with office.session() as db:
        db.get_one(Program, made.id).profile = {"register_type": 0}
    assert office.ask(case).status == S.DONE
    assert office.program(case).id != made.id
