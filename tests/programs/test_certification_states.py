"""The states of a certification are the contract's, and every state has its word, its way on and a reason."""

from __future__ import annotations

from typing import Any

import pytest

from saas.programs.certification_data import CUSTOMER_TYPES, INVOICE_TYPES, NAME_TYPES, PAY_TYPES
from saas.programs.certification_models import ENDED, OF_ADMINISTRATOR, Certification
from saas.programs.certification_models import CertificationStatus as S
from saas.programs.certification_states import NEXT, WORDS, may_become, state_of, ways
from saas.wx.contract.operations import lifecycle, operation

LIFECYCLE: dict[str, Any] = {one["id"]: one for one in lifecycle("certification")["states"]}


def test_states_are_those_of_the_contract() -> None:
    assert {status.value for status in S} - {"draft"} == set(LIFECYCLE)
    for status in set(S) - {S.DRAFT}:
        told = {S(name) for name in LIFECYCLE[status].get("next", ())}
        more = {S.TASK_EXPIRED} if status in OF_ADMINISTRATOR else set()
        more |= {S.ORDER_CREATED} if status is S.PAY_PENDING else set()  # the contract: accept both orders
        assert NEXT[status] == told | more, status
        assert (status in ENDED) is (not told)


@pytest.mark.parametrize("status", S)
def test_every_state_has_a_word_and_says_why(status: S) -> None:
    assert WORDS[status].step == "certify"
    way = ways(Certification(status=status, refills=0))
    assert way.why
    assert way.resubmit is (status is S.SENT_BACK)
    assert way.again is (status in ENDED)
    assert way.start is (status is S.DRAFT)


def test_late_answers_lead_nowhere() -> None:
    assert may_become(S.ADMIN_PENDING, S.PASSED)
    assert not may_become(S.IN_REVIEW, S.FACE_OK)
    assert not any(may_become(status, after) for status in ENDED for after in S)


def test_undocumented_numbers_are_no_state() -> None:
    assert state_of({"task_status": 10, "apply_status": 0}) is None
    assert state_of({"task_status": 15, "apply_status": 1}) is S.PAY_PENDING
    assert state_of({"task_status": 12, "apply_status": 0}) is S.ORDER_CREATED


def test_choices_are_those_of_the_contract() -> None:
    schema: Any = operation("secwxaapiWxaauth").request_schema
    data = schema["properties"]["auth_data"]["properties"]
    invoice = data["invoice_info"]["properties"]["invoice_type"]["x-wx-enum"]
    assert set(CUSTOMER_TYPES) == set(data["customer_type"]["x-wx-enum"])
    assert set(NAME_TYPES) == set(data["account_name_type"]["x-wx-enum"])
    assert set(PAY_TYPES) == set(data["pay_type"]["x-wx-enum"])
    assert set(INVOICE_TYPES) == set(invoice) - {"3"}  # withdrawn
