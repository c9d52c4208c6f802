"""The client against WeChat's contract, by verb and path: nothing invented, and what is missing is named."""

from __future__ import annotations

from saas.wx.contract import operations
from tests.wx.test_api import TABLE

MISSING = {
    ("POST", "/cgi-bin/wxopen/wxamplink"),
    ("POST", "/cgi-bin/wxopen/wxamplinkget"),
    ("POST", "/cgi-bin/wxopen/wxampunlink"),
}
"""Calls that the contract describes and the client does not have yet."""


def test_client_and_contract_have_the_same_calls() -> None:
    documented = {(one.method, one.path) for one in operations.all_operations() if not one.page}
    offered = {(row.verb, row.path) for row in TABLE}
    assert documented - offered == MISSING
    assert offered <= documented
