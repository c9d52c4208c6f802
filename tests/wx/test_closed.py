"""The client against WeChat's contract, by verb and path: nothing missing, nothing invented."""

from __future__ import annotations

from saas.wx.contract import operations
from tests.wx.test_api import TABLE


def test_client_and_contract_have_the_same_calls() -> None:
    documented = {(one.method, one.path) for one in operations.all_operations() if not one.page}
    assert {(row.verb, row.path) for row in TABLE} == documented
