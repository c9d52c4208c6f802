"""The page that shows a user's orders, which WeChat links to (订单页 path)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypedDict

from saas.wx.chapter import Chapter, Done


class OrderPath(TypedDict, total=False):
    """`status`: 2 in review, 3 refused, 4 approved. What was handed in is there while in review only."""

    path: str
    img_list: list[str]
    video: str
    test_account: str
    test_pwd: str
    test_remark: str
    status: int
    apply_time: int
    come_from: int


class OrderPathInfo(TypedDict):
    msg: OrderPath


class OrderPaths(Chapter):
    """Two events tell per mini program whether the review began and how it ended."""

    def applysetorderpathinfo(
        self,
        *,
        path: str,
        appid_list: Sequence[str],
        img_list: Sequence[str] = (),
        video: str | None = None,
        test_account: str | None = None,
        test_pwd: str | None = None,
        test_remark: str | None = None,
    ) -> Done:
        """Apply for the same path in up to 100 mini programs. The answer only says that the batch was taken.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/basic-info-management/api_applysetorderpathinfo.html
        """
        batch = {
            "path": path,
            "img_list": list(img_list) or None,
            "video": video,
            "test_account": test_account,
            "test_pwd": test_pwd,
            "test_remark": test_remark,
            "appid_list": list(appid_list),
        }
        body = {"batch_req": {name: value for name, value in batch.items() if value is not None}}
        return self._write("applySetOrderPathInfo", into=Done, body=body)

    def getorderpathinfo(self, appid: str, *, info_type: Literal[0, 1]) -> OrderPathInfo:
        """Read the path that holds (0) or the one in review (1); 61041 right after applying means "not yet".

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/basic-info-management/api_getorderpathinfo.html
        """
        return self._read("getOrderPathInfo", appid, into=OrderPathInfo, body={"info_type": info_type})
