from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.sandbox.platform import Platform, refused


def test_ten_thousand_mini_programs_are_listed_in_pages_of_five_hundred(platform: Platform) -> None:
    fleet = platform.control.authorize_fleet(platform.appid, 10_000)
    assert len(set(fleet)) == 10_000
    listed: list[str] = []
    while True:
        page = platform.wx.component.api_get_authorizer_list(offset=len(listed), count=500)
        listed += [one["authorizer_appid"] for one in page["list"]]
        if len(listed) >= page["total_count"]:
            break
    assert sorted(listed) == sorted(fleet)
    with refused(40170):
        platform.wx.component.api_get_authorizer_list(count=501)


def test_a_fleet_that_was_never_exchanged_has_no_refresh_tokens(platform: Platform) -> None:
    platform.control.authorize_fleet(platform.appid, 3, exchanged=False)
    listed = platform.wx.component.api_get_authorizer_list()["list"]
    assert all("refresh_token" not in one for one in listed)


def test_many_callers_at_once_lose_nothing(platform: Platform) -> None:
    fleet = platform.control.authorize_fleet(platform.appid, 40)
    listed = platform.wx.component.api_get_authorizer_list()["list"]
    platform.tokens.refresh = {one["authorizer_appid"]: one["refresh_token"] for one in listed}
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(platform.wx.code.queryquota, fleet))
    assert len(answers) == 40
    assert platform.control.counts()["setCodeAuditQuota"] == 40


def test_two_components_do_not_see_each_other(platform: Platform, shop: str) -> None:
    other = Platform(platform.control)
    assert other.wx.component.api_get_authorizer_list()["total_count"] == 0
    with refused(61003):
        other.wx.component.api_get_authorizer_info(shop)
    assert other.wx.templates.gettemplatelist()["template_list"] == []
    other.close()
