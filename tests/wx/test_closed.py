"""The client against WeChat's contract, by verb and path: nothing invented, and what is missing is named."""

from __future__ import annotations

from saas.wx.contract import operations
from tests.wx.test_api import TABLE

MISSING = {
    ("POST", "/cgi-bin/wxopen/wxamplink"),
    ("POST", "/cgi-bin/wxopen/wxamplinkget"),
    ("POST", "/cgi-bin/wxopen/wxampunlink"),
    ("POST", "/wxa/devplugin"),
    ("POST", "/wxa/generate_urllink"),
    ("POST", "/wxa/generatescheme"),
    ("POST", "/wxa/genwxashortlink"),
    ("GET", "/wxa/getshowwxaitem"),
    ("POST", "/wxa/getwxacode"),
    ("POST", "/wxa/getwxacodeunlimit"),
    ("GET", "/wxa/getwxamplinkforshow"),
    ("POST", "/wxa/icp/apply_icp_filing"),
    ("POST", "/wxa/icp/cancel_apply_icp_filing"),
    ("POST", "/wxa/icp/cancel_icp_filing"),
    ("POST", "/wxa/icp/create_icp_verifytask"),
    ("GET", "/wxa/icp/get_icp_entrance_info"),
    ("GET", "/wxa/icp/get_icp_media"),
    ("GET", "/wxa/icp/get_online_icp_order"),
    ("GET", "/wxa/icp/query_icp_certificate_types"),
    ("GET", "/wxa/icp/query_icp_district_code"),
    ("GET", "/wxa/icp/query_icp_nrlx_types"),
    ("GET", "/wxa/icp/query_icp_service_content_types"),
    ("GET", "/wxa/icp/query_icp_subject_types"),
    ("POST", "/wxa/icp/query_icp_verifytask"),
    ("POST", "/wxa/icp/upload_icp_media"),
    ("POST", "/wxa/plugin"),
    ("POST", "/wxa/sec/authidentitytree"),
    ("POST", "/wxa/sec/query_auth_and_icp"),
    ("POST", "/wxa/sec/queryauth"),
    ("POST", "/wxa/sec/reauth"),
    ("POST", "/wxa/sec/submit_auth_and_icp"),
    ("POST", "/wxa/sec/uploadauthmaterial"),
    ("POST", "/wxa/sec/wxaauth"),
    ("POST", "/wxa/updateshowwxaitem"),
}
"""Calls that the contract describes and the client does not have yet."""


def test_client_and_contract_have_the_same_calls() -> None:
    documented = {(one.method, one.path) for one in operations.all_operations() if not one.page}
    offered = {(row.verb, row.path) for row in TABLE}
    assert documented - offered == MISSING
    assert offered <= documented
