from __future__ import annotations

from tests.sandbox.platform import Platform
from tests.sandbox.test_entries_and_testers import post

PATH = "/cgi-bin/account/modifysignature"


def test_an_introduction_changes_five_times_a_month(platform: Platform) -> None:
    made = platform.control.add_account("梅姐", nick_name="接口注册的店", register_type=6)
    shop = platform.exchange(platform.control.grant(platform.appid, made))
    assert post(platform, shop, PATH, signature="tea only")["errcode"] == 53204
    for number in range(5):
        assert post(platform, shop, PATH, signature=f"现做的手工茶{number}")["errcode"] == 0
    assert post(platform, shop, PATH, signature="现做的手工茶")["errcode"] == 53200
    info = platform.wx.account.getaccountbasicinfo(shop)["signature_info"]
    assert (info["signature"], info["modify_used_count"]) == ("现做的手工茶4", 5)
