"""The order page's path: applied for in bulk, decided one by one."""

from __future__ import annotations

from tests.sandbox.platform import Platform, refused

PATH = "pages/order/list"


def test_each_mini_program_has_its_own_answer(platform: Platform, shop: str) -> None:
    paths, other = platform.wx.order_path, platform.connect("明明书店")
    with refused(61041):
        paths.getorderpathinfo(shop, info_type=1)
    paths.applysetorderpathinfo(path=PATH, appid_list=[shop], test_account="reviewer")
    paths.applysetorderpathinfo(path=PATH, appid_list=[shop, other, "wx0000000000000000"])
    first, second = (event["list"] for event in platform.events("order_path_apply_result_notify"))
    assert (first["appid"], first["ret_code"]) == (shop, "0")
    assert [(one["appid"], one["ret_code"]) for one in second] == [
        (shop, "1"),
        (other, "0"),
        ("wx0000000000000000", "-2"),
    ]
    waiting = paths.getorderpathinfo(shop, info_type=1)["msg"]
    assert (waiting["path"], waiting["status"], waiting["test_account"]) == (PATH, 2, "reviewer")
    with refused(61041):
        paths.getorderpathinfo(shop, info_type=0)


def test_the_verdict_is_pushed(platform: Platform, shop: str) -> None:
    paths = platform.wx.order_path
    for path, verdict, status in ((PATH, "approve", 4), ("pages/order/new", "reject", 3)):
        paths.applysetorderpathinfo(path=path, appid_list=[shop])
        number = platform.control.applications(appid=shop)[0]["id"]
        platform.control.decide_application(number, verdict)
        assert paths.getorderpathinfo(shop, info_type=1)["msg"]["status"] == status
        pushed = platform.events("order_path_audit_result_notify")[-1]["list"]
        assert (pushed["appid"], pushed["audit_id"], pushed["status"]) == (shop, str(number), str(status))
    assert paths.getorderpathinfo(shop, info_type=0)["msg"]["path"] == PATH


def test_what_does_not_fit_is_refused(platform: Platform, shop: str) -> None:
    for path, appids, code in (("/pages/a", [shop], 61044), (PATH, [], 61043), (PATH, [shop] * 101, 61042)):
        with refused(code):
            platform.wx.order_path.applysetorderpathinfo(path=path, appid_list=appids)
