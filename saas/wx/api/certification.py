"""Certification of one mini program, alone or together with the filing (小程序认证、小程序认证及备案)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, TypedDict

from saas.wx.api.filing import FilingApplication, FilingHint, FilingReason
from saas.wx.api.media import AuditMedia
from saas.wx.chapter import Chapter, Upload


class CertificationTask(TypedDict, total=False):
    """The administrator opens `auth_url` within 24 hours. Keep `taskid`: no call lists tasks."""

    taskid: str
    auth_url: str


class Dispatch(TypedDict, total=False):
    """Which agency reviews, and how to reach it."""

    provider: str
    contact: str
    dispatch_time: int


class CertificationState(TypedDict, total=False):
    """`task_status` counts until the order exists, `apply_status` from then on.

    `task_status`: 0 waiting for the administrator, 1 timed out, 2 refused by the administrator, 3 agreed, 4 face check
    begun, 5 failed, 6 passed, 7 phone code sent, 8 phone check failed, 9 passed, 11 no order could be made, 12 order
    made, 14 failed, 15 waiting for payment.
    `apply_status`: 0 no order, 1 waiting for payment, 2 in review, 3 sent back, 4 certified, 5 failed for good.
    """

    task_status: int
    auth_url: str
    apply_status: int
    orderid: str
    appid: str
    refill_reason: str
    fail_reason: str
    dispatch_info: Dispatch


class IdentityRoot(TypedDict, total=False):
    type: int


class IdentityLeaf(TypedDict, total=False):
    requirement: str


class Identity(TypedDict, total=False):
    """Leaves carry `leaf_info`: what has to be proven."""

    name: str
    node_id: int
    node_list: list[Identity]
    root_info: IdentityRoot
    leaf_info: IdentityLeaf


class IdentityTree(TypedDict, total=False):
    identity_tree_list: list[Identity]


class CombinedProcedure(TypedDict, total=False):
    """`pay_url` comes with `pay_type` 2 only: the administrator pays within 24 hours."""

    procedure_id: str
    pay_url: str


class CombinedFiling(TypedDict, total=False):
    """`hints` come with status 21, `audit_data` with 23 and 25; `sms_verify_status` as in the filing, with 24."""

    hints: list[FilingHint]
    audit_data: list[FilingReason]
    sms_verify_status: int


class CombinedState(TypedDict, total=False):
    """`procedure_status`: 15 waiting for payment, 16 paid; certification: 17 in review, 18 sent back, 19 passed,
    20 failed for good; filing: 21 no order could be made, 22 platform review, 23 refused by it, 24 authority review,
    25 refused by it, 26 all done. Others mean that it still runs.
    """

    procedure_status: int
    orderid: str
    refill_reason: str
    fail_reason: str
    icp_audit: CombinedFiling


class Certification(Chapter):
    """One certification at a time per mini program. Failures before the order have no event: ask for the state."""

    def wxaauth(self, appid: str, *, auth_data: Mapping[str, Any]) -> CertificationTask:
        """Submit the certification, without `taskid` and without the contact's `mobile`.

        `pay_type` 1 takes a unit of the provider's package, and wants `service_appid` and invoice type 1; with 2 the
        administrator pays. CertificationRefused, CertificationRunning.
        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/weapp-wxverify/api_secwxaapi_wxaauth
        """
        return self._write("secwxaapiWxaauth", appid, into=CertificationTask, body={"auth_data": auth_data})

    def reauth(self, appid: str, *, auth_data: Mapping[str, Any]) -> CertificationTask:
        """Submit again what was sent back (`apply_status` 3): everything, with `taskid`. No new fee.

        In any other state it answers 40097 or -1: submit a new one by `wxaauth`.
        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/weapp-wxverify/api_secwxaapi_reauth
        """
        return self._write("secwxaapiReauth", appid, into=CertificationTask, body={"auth_data": auth_data})

    def queryauth(self, appid: str, *, taskid: str) -> CertificationState:
        """Read how far it is; the only way to learn of a time-out, a refusal or a failed face check.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/weapp-wxverify/api_secwxaapi_queryauth
        """
        return self._read("secwxaapiQueryauth", appid, into=CertificationState, body={"taskid": taskid})

    def uploadauthmaterial(self, appid: str, *, media: Upload) -> AuditMedia:
        """Upload a picture of at most 2 MB right before submitting. The combined way takes `filing.upload_icp_media`.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/weapp-wxverify/api_secwxaapi_uploadauthmaterial
        """
        return self._write("secwxaapiUploadauthmaterial", appid, into=AuditMedia, files={"media": media})

    def authidentitytree(self, appid: str) -> IdentityTree:
        """List what a person may be certified as; the name of a leaf goes into `auth_identification`.

        WeChat sends the texts plain or in Base64; here they are plain.
        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/weapp-wxverify/api_secwxaapi_authidentitytree
        """
        answer = self._read("secwxaapiAuthidentitytree", appid, into=IdentityTree)
        for root in answer.get("identity_tree_list", []):
            _make_plain(root)
        return answer

    def submit_auth_and_icp(
        self, appid: str, *, auth_data: Mapping[str, Any], application: FilingApplication
    ) -> CombinedProcedure:
        """Submit certification and filing in one go, for persons and companies that have neither.

        All media come from `filing.upload_icp_media`, the face check from `filing.create_icp_verifytask` with
        `along_with_auth`. After status 18, 21, 23 or 25 submit again here, nowhere else. FilingRefused: its answer may
        hold the `procedure_id`, too.
        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/wxverifyicp/api_submitauthandicp
        """
        body = {"auth_data": auth_data, **application}
        return self._write("submitAuthAndIcp", appid, into=CombinedProcedure, body=body)

    def query_auth_and_icp(self, appid: str, *, procedure_id: str) -> CombinedState:
        """Read how far both are, until status 20 or 26.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/wxverifyicp/api_queryauthandicp
        """
        return self._read("queryAuthAndIcp", appid, into=CombinedState, body={"procedure_id": procedure_id})


def _make_plain(identity: Identity) -> None:
    if "name" in identity:
        identity["name"] = _plain(identity["name"])
    if "requirement" in identity.get("leaf_info", {}):
        identity["leaf_info"]["requirement"] = _plain(identity["leaf_info"]["requirement"])
    for child in identity.get("node_list", []):
        _make_plain(child)


def _plain(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except ValueError:  # neither Base64 nor the Base64 of a text
        return text
