"""Ordinary QR codes and links that open a page of one mini program (扫普通链接二维码打开小程序)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypedDict

from saas.wx.chapter import Chapter, CheckFile, Done


class QrcodeRule(TypedDict, total=False):
    prefix: str
    path: str
    permit_sub_rule: int
    open_version: int
    debug_url: list[str]
    state: int


class RuleList(TypedDict, total=False):
    """`qrcodejump_pub_quota` is how many may still be published this month."""

    qrcodejump_open: int
    qrcodejump_pub_quota: int
    list_size: int
    total_count: int
    rule_list: list[QrcodeRule]


class QrcodeRules(Chapter):
    """Check file, rule, test links, publication: in this order. A published rule is frozen."""

    def qrcodejumpadd(
        self,
        appid: str,
        *,
        prefix: str,
        path: str,
        is_edit: Literal[0, 1] = 0,
        permit_sub_rule: Literal[1, 2] | None = None,
        open_version: Literal[1, 2, 3] | None = None,
        debug_url: Sequence[str] = (),
    ) -> Done:
        """Add a rule or change one that is not published. CheckFileMissing when the file is not in place.

        https://developers.weixin.qq.com/doc/service/api/qrcode/qrcodejump/api_qrcodejumpadd
        """
        body = {
            "prefix": prefix,
            "path": path,
            "is_edit": is_edit,
            "permit_sub_rule": permit_sub_rule,
            "open_version": open_version,
            "debug_url": list(debug_url) or None,
        }
        return self._write("qrcodeJumpAdd", appid, into=Done, body=body)

    def qrcodejumpget(self, appid: str) -> RuleList:
        """List the rules.

        https://developers.weixin.qq.com/doc/service/api/qrcode/qrcodejump/api_qrcodejumpget
        """
        return self._read("qrcodeJumpGet", appid, into=RuleList)

    def qrcodejumpdownload(self, appid: str) -> CheckFile:
        """Read the check file, which must lie where the prefix points.

        https://developers.weixin.qq.com/doc/oplatform/en/openApi/OpenApiDoc/miniprogram-management/jumpqrcode-config/downloadQRCodeText.html
        """
        return self._read("downloadQRCodeText", appid, into=CheckFile)

    def qrcodejumpdelete(self, appid: str, *, prefix: str) -> Done:
        """Delete a rule: the only way to change a published one.

        https://developers.weixin.qq.com/doc/service/api/qrcode/qrcodejump/api_qrcodejumpdelete
        """
        return self._write("qrcodeJumpDelete", appid, into=Done, body={"prefix": prefix})

    def qrcodejumppublish(self, appid: str, *, prefix: str) -> Done:
        """Publish a rule, after a release only: 100 a month.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/jumpqrcode-config/api_qrcodejumppublish.html
        """
        return self._write("qrcodeJumpPublish", appid, into=Done, body={"prefix": prefix})
