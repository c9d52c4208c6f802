"""Upload, trial version and audit of one mini program (代码管理: 上传与审核)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from saas.wx.chapter import Chapter, Done, Download


class Pages(TypedDict):
    page_list: list[str]


class CodePrivacyInfo(TypedDict, total=False):
    """Interfaces that lack the grant, and those that lack the declaration in requiredPrivateInfos."""

    without_auth_list: list[str]
    without_conf_list: list[str]


class SubmittedAudit(TypedDict):
    auditid: str


class AuditStatus(TypedDict, total=False):
    """`status`: 0 approved, 1 rejected, 2 in audit, 3 withdrawn, 4 delayed. Pictures: media ids joined with "|"."""

    status: int
    reason: str
    screenshot: str


class LatestAudit(TypedDict, total=False):
    """As AuditStatus."""

    auditid: str
    status: int
    reason: str
    screenshot: str
    user_version: str
    user_desc: str
    submit_audit_time: int


class AuditQuota(TypedDict):
    """Submissions and fast reviews left this month, for the whole provider."""

    rest: int
    limit: int
    speedup_rest: int
    speedup_limit: int


class Code(Chapter):
    """From a template to an approved version. One call at a time per mini program."""

    def commit(self, appid: str, *, template_id: str | int, ext_json: str, user_version: str, user_desc: str) -> Done:
        """Upload a template's code as the trial version. `ext_json` is a string that holds JSON.

        Every upload starts the privacy scan anew, so never repeat upload and submission as one unit. Not while another
        upload or submission of the same mini program runs (9402202).
        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/code-management/api_commit
        """
        body = {
            "template_id": int(template_id),
            "ext_json": ext_json,
            "user_version": user_version,
            "user_desc": user_desc,
        }
        return self._write("commit", appid, into=Done, body=body)

    def get_page(self, appid: str) -> Pages:
        """List the pages of the uploaded code; now and then empty or with repeats right after an upload.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/code-management/api_getcodepage
        """
        return self._read("getCodePage", appid, into=Pages)

    def get_qrcode(self, appid: str, *, path: str | None = None) -> Download:
        """Fetch the QR code of the trial version, which testers only can open. `path` is a page with its query.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/code-management/api_gettrialqrcode
        """
        return self._download("getTrialQRCode", appid, query={"path": path})

    def get_code_privacy_info(self, appid: str) -> CodePrivacyInfo:
        """Read the privacy scan of the uploaded code; PrivacyScanPending until it is done: ask about once a minute.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/code-management/api_getcodeprivacyinfo
        """
        return self._read("getCodePrivacyInfo", appid, into=CodePrivacyInfo)

    def submit_audit(
        self,
        appid: str,
        *,
        item_list: Sequence[Mapping[str, Any]] | None = None,
        preview_info: Mapping[str, Any] | None = None,
        version_desc: str | None = None,
        feedback_info: str | None = None,
        feedback_stuff: str | None = None,
        ugc_declare: Mapping[str, Any] | None = None,
        privacy_api_not_use: bool | None = None,
        order_path: str | None = None,
    ) -> SubmittedAudit:
        """Submit the trial version for audit. Spends one of the provider's monthly submissions.

        Only after the privacy scan has ended. Items: 1 to 5, with category ids of `get_category`. Feedback and its
        pictures (temporary media ids joined with "|") are read after a rejection only.
        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/code-management/api_submitaudit
        """
        body = {
            "item_list": None if item_list is None else list(item_list),
            "preview_info": preview_info,
            "version_desc": version_desc,
            "feedback_info": feedback_info,
            "feedback_stuff": feedback_stuff,
            "ugc_declare": ugc_declare,
            "privacy_api_not_use": privacy_api_not_use,
            "order_path": order_path,
        }
        return self._write("submitAudit", appid, into=SubmittedAudit, body=body)

    def get_auditstatus(self, appid: str, *, auditid: str | int) -> AuditStatus:
        """Read one audit; the net under its event, which may be lost.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/code-management/api_getauditstatus
        """
        return self._read("getAuditStatus", appid, into=AuditStatus, body={"auditid": int(auditid)})

    def get_latest_auditstatus(self, appid: str) -> LatestAudit:
        """Read the newest audit with the version submitted; NoSuchAudit when there never was one.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/code-management/api_getlatestauditstatus
        """
        return self._read("getLatestAuditStatus", appid, into=LatestAudit)

    def undocodeaudit(self, appid: str) -> Done:
        """Withdraw the audit: 5 times a day and 10 a month per mini program. No event follows.

        Read the newest audit until status 3 before submitting again, else 85009.
        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/code-management/api_undoaudit
        """
        return self._write("undoAudit", appid, into=Done)

    def speedupaudit(self, appid: str, *, auditid: str | int) -> Done:
        """Ask for a fast review of an open audit; spends one of the provider's monthly ones.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/code-management/api_speedupcodeaudit
        """
        return self._write("speedupCodeAudit", appid, into=Done, body={"auditid": int(auditid)})

    def queryquota(self, appid: str) -> AuditQuota:
        """Read the provider's audit quota: any mini program's token gives the same numbers.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/code-management/api_setcodeauditquota
        """
        return self._read("setCodeAuditQuota", appid, into=AuditQuota)
