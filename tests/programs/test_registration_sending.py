"""Two steps send a case: its own, and the one for a selection of prepared mini programs. They never do so together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from saas.batches.access import load_item
from saas.batches.models import BatchItem, ItemStatus
from saas.batches.starting import Subject, start_one
from saas.batches.steps import Skipped
from saas.errors import Conflict, Invalid
from saas.programs import registration
from saas.programs.access import load_registration
from saas.programs.models import Program
from saas.programs.registration import REGISTER_COMPANY, SEND, newest_registration, registrations_of
from saas.programs.registration_models import Registration
from saas.queue import Later
from saas.tenants.merchants import load_merchant
from tests.programs.office import CODE, COMPANY, OTHER_CODE, PERSON, K, Office, S, failed


def begin(office: Office, step: str, row: Registration | Program, **params: Any) -> BatchItem:
    with office.session() as db:
        return start_one(db, step, Subject(row.id, row.name), who=office.alice, params=params)


def know(office: Office, **facts: str) -> None:
    """What the merchant's data say from now on."""
    with office.session() as db:
        merchant = load_merchant(db, office.cast.meis)
        for name, value in facts.items():
            setattr(merchant, name, value)


def test_what_ended_a_moment_ago_is_not_sent(office: Office) -> None:
    case = office.add()
    item = begin(office, SEND, case)
    with office.session() as db:
        row = load_registration(db, case.id)
        with office.session() as other:
            load_registration(other, case.id).status = S.CANCELLED
        assert row.status == S.DRAFT
        with pytest.raises(Skipped):
            registration.send(db, load_item(db, item.id))
    assert (office.again(case).status, office.again(case).attempt) == (S.CANCELLED, 0)
    assert sum(office.counts().values()) == 0


@pytest.mark.parametrize("first", [SEND, REGISTER_COMPANY])
def test_the_two_steps_do_not_send_at_once(office: Office, first: str) -> None:
    know(office, company_name=COMPANY.name, company_code=CODE)
    program = office.prepare()
    case = office.add(program=program.id)
    items = {SEND: begin(office, SEND, case), REGISTER_COMPANY: begin(office, REGISTER_COMPANY, program)}
    second = ({*items} - {first}).pop()
    with office.session() as db:
        load_item(db, items[first].id).status = ItemStatus.RUNNING
        load_registration(db, case.id).status = S.SENDING
    step = {SEND: registration.send, REGISTER_COMPANY: registration.register_company}[second]
    with office.session() as db, pytest.raises(Later):
        step(db, load_item(db, items[second].id))
    assert sum(office.counts().values()) == 0
    office.run_jobs(wait=60)
    assert (office.again(case).status, office.again(case).attempt) == (S.WAITING_PERSON, 0)
    with office.session() as db:
        assert {load_item(db, item.id).status for item in items.values()} == {ItemStatus.DONE, ItemStatus.SKIPPED}


def test_what_waits_in_a_selection_is_neither_changed_nor_cancelled(office: Office) -> None:
    program = office.prepare()
    case = office.add(program=program.id)
    begin(office, REGISTER_COMPANY, program)
    with office.session() as db:
        row = load_registration(db, case.id)
        with pytest.raises(Conflict):
            registration.edit_registration(db, row, COMPANY, who=office.alice)
        with pytest.raises(Conflict):
            registration.cancel_registration(db, row, who=office.alice)
        with pytest.raises(Invalid):
            registration.start_registrations(db, [row], who=office.alice)
    with office.session() as db, pytest.raises(Conflict):
        registration.start_registration(db, load_registration(db, case.id), who=office.alice)


def test_a_selection_sends_what_is_typed_and_known_now(office: Office) -> None:
    know(office, company_name=COMPANY.name, company_code=CODE)
    program = office.prepare()
    begin(office, REGISTER_COMPANY, program, component_phone="020-12345678")
    office.run_jobs(wait=60)
    with office.session() as db:
        case = newest_registration(db, program)
    assert case is not None
    assert (case.status, case.company_code, case.component_phone) == (S.WAITING_PERSON, CODE, "020-12345678")
    office.hear(failed(case, 1000))
    know(office, company_name="梅记餐饮（广州）有限公司", company_code=OTHER_CODE)
    begin(office, REGISTER_COMPANY, program, component_phone="020-87654321")
    office.run_jobs(wait=60)
    case = office.again(case)
    assert (case.status, case.attempt, case.name, case.company_code, case.component_phone) == (
        S.WAITING_PERSON, 2, "梅记餐饮（广州）有限公司", OTHER_CODE, "020-87654321",
    )  # fmt: skip
    with office.session() as db:
        assert len(registrations_of(db, program)) == 1


def test_a_selection_leaves_another_way_of_registering_alone(office: Office) -> None:
    know(office, company_name=COMPANY.name, company_code=CODE)
    program = office.prepare()
    case = office.add(K.PERSONAL, replace(PERSON, name=""), program.id)
    item = begin(office, REGISTER_COMPANY, program, component_phone="020-12345678")
    office.run_jobs(wait=60)
    with office.session() as db:
        assert load_item(db, item.id).status == ItemStatus.FAILED
        registration.cancel_registration(db, load_registration(db, case.id), who=office.alice)
    item = begin(office, REGISTER_COMPANY, program, component_phone="020-12345678")
    office.run_jobs(wait=60)
    with office.session() as db:
        assert load_item(db, item.id).status == ItemStatus.DONE
        assert {one.kind: one.status for one in registrations_of(db, program)} == {
            K.PERSONAL: S.CANCELLED, K.ENTERPRISE: S.WAITING_PERSON,
        }  # fmt: skip
