"""Trial mini programs: made at once, alive for 14 days, converted in three ways."""

from __future__ import annotations

from typing import Any

import pytest

from saas.sandbox.control import SandboxRefused
from tests.sandbox.platform import Platform, refused

DAY = 86400
SETS = [3, 17, 18, 27, 30, 76, 81, 85]
COMPANY = {"enterprise_name": "梅记餐饮有限公司", "code": "91440101MA5ABCDE1X", "component_phone": "020-12345678"}


@pytest.fixture(autouse=True)
def permission_sets(platform: Platform) -> None:
    platform.control.change_component(platform.appid, permission_sets=SETS)


def start(platform: Platform, name: str = "梅记试用店", openid: str = "oMei_0001") -> str:
    """A trial mini program of 梅姐's whose tokens are in hand; its appid."""
    made = platform.wx.trial.fastregisterbetaweapp(name=name, openid=openid)
    platform.control.answer_registration(made["authorize_url"], person="梅姐")
    event = platform.events("notify_third_fastregisterbetaapp")[-1]
    assert (event["info"], int(event["status"])) == ({"unique_id": made["unique_id"], "name": name}, 0)
    authorized = platform.events("authorized")[-1]
    assert authorized["AuthorizerAppid"] == event["appid"]
    return platform.exchange(authorized["AuthorizationCode"])


def profile(platform: Platform, appid: str) -> dict[str, Any]:
    return dict(platform.wx.component.api_get_authorizer_info(appid)["authorizer_info"])


def pass_days(platform: Platform, days: float) -> None:
    platform.control.move_clock(days * DAY)
    platform.control.push_ticket(platform.appid)
    platform.tokens.component = ""


def test_a_trial_is_made_and_renamed(platform: Platform) -> None:
    appid = start(platform)
    made = profile(platform, appid)
    assert (made["register_type"], made["service_type_info"]["id"], made["verify_type_info"]["id"]) == (13, 12, -1)
    assert made["nick_name"] == "梅记试用店的体验小程序"
    platform.wx.trial.setbetaweappnickname(appid, name="梅记外带店")
    assert profile(platform, appid)["nick_name"] == "梅记外带店的体验小程序"
    with refused(86011):
        platform.wx.trial.setbetaweappnickname(appid, name="微信外带店")


def test_what_does_not_fit_is_refused(platform: Platform) -> None:
    for code, name, openid in (
        (86017, "梅记", "oMei_0001"),
        (86011, "微信点单店", "oMei_0001"),
        (86012, "梅记点单", "x"),
    ):
        with refused(code):
            platform.wx.trial.fastregisterbetaweapp(name=name, openid=openid)
    shop = platform.connect(permission_sets=SETS)
    with refused(91020):
        platform.wx.trial.setbetaweappnickname(shop, name="梅记外带店")
    with refused(91021):
        platform.wx.trial.verifybetaweapp(shop, verify_info=COMPANY)


def test_a_person_has_five_trials(platform: Platform) -> None:
    for number in range(5):
        start(platform, f"梅记试用{number}店")
    with refused(61071):
        platform.wx.trial.fastregisterbetaweapp(name="梅记试用6店", openid="oMei_0001")
    assert start(platform, openid="oMing_0001")


def test_a_link_works_once_and_for_a_day(platform: Platform) -> None:
    made = platform.wx.trial.fastregisterbetaweapp(name="梅记试用店", openid="oMei_0001")
    platform.control.answer_registration(made["authorize_url"], person="梅姐", answer="refuse")
    with pytest.raises(SandboxRefused, match="已经失效"):
        platform.control.answer_registration(made["authorize_url"], person="梅姐")
    made = platform.wx.trial.fastregisterbetaweapp(name="梅记试用店", openid="oMei_0001")
    platform.control.move_clock(DAY + 10)
    with pytest.raises(SandboxRefused, match="已经失效"):
        platform.control.answer_registration(made["authorize_url"], person="梅姐")
    assert platform.events("notify_third_fastregisterbetaapp") == []


def test_a_trial_ends_after_14_days(platform: Platform) -> None:
    appid = start(platform)
    pass_days(platform, 14.01)
    with refused(61003):
        platform.wx.component.api_get_authorizer_info(appid)
    platform.control.push_ticket(platform.appid)
    assert [event["AuthorizerAppid"] for event in platform.events("unauthorized")] == [appid]
    assert start(platform)


def test_the_face_of_the_legal_person_converts_it(platform: Platform) -> None:
    appid = start(platform)
    url = platform.wx.trial.verifybetaweapp(appid, verify_info=COMPANY)["authorize_url"]
    with refused(89249):
        platform.wx.trial.verifybetaweapp(appid, verify_info=COMPANY)
    platform.control.answer_registration(url, person="老周", answer="face_fail")
    platform.control.answer_registration(url, person="老周")
    [event] = platform.events("notify_third_fastverifybetaapp")
    assert (event["appid"], int(event["status"])) == (appid, 0)
    assert event["info"] == {"name": "梅记餐饮有限公司", "code": COMPANY["code"], "component_phone": "020-12345678"}
    made = profile(platform, appid)
    assert (made["principal_name"], made["register_type"]) == ("梅记餐饮有限公司", 19)
    assert made["nick_name"].endswith("的体验小程序")
    with refused(91020):
        platform.wx.trial.setbetaweappnickname(appid, name="梅记外带店")
    with refused(91021):
        platform.wx.trial.verifybetaweapp(appid, verify_info=COMPANY)
    pass_days(platform, 20)
    assert profile(platform, appid)


@pytest.mark.parametrize(("answer", "status"), [("", 100003), ("face_fail", 100002)])
def test_a_day_ends_a_conversion(platform: Platform, answer: str, status: int) -> None:
    appid = start(platform)
    url = platform.wx.trial.verifybetaweapp(appid, verify_info=COMPANY)["authorize_url"]
    if answer:
        platform.control.answer_registration(url, person="老周", answer=answer)
    pass_days(platform, 1.01)
    assert platform.wx.trial.verifybetaweapp(appid, verify_info=COMPANY)["authorize_url"] != url
    [event] = platform.events("notify_third_fastverifybetaapp")
    assert int(event["status"]) == status


@pytest.mark.parametrize(
    ("code", "more"), [(89255, {"code": "123"}), (89253, {"enterprise_name": ""}), (89253, {"component_phone": ""})]
)
def test_a_company_must_be_named_in_full(platform: Platform, code: int, more: dict[str, str]) -> None:
    appid = start(platform)
    with refused(code):
        platform.wx.trial.verifybetaweapp(appid, verify_info={**COMPANY, **more})  # type: ignore[typeddict-item]


def test_its_administrator_makes_it_an_upgraded_personal_one(platform: Platform) -> None:
    appid = start(platform)
    made = platform.wx.trial.fastnormalizebetaweapp(appid, component_phone="020-1")
    with pytest.raises(SandboxRefused, match="不是管理员"):
        platform.control.answer_registration(made["authorize_url"], person="小明")
    platform.control.answer_registration(made["authorize_url"], person="梅姐")
    assert platform.wx.trial.query_fastnormalizebetaweapp(appid, taskid=made["taskid"])["status"] == 13
    assert profile(platform, appid)["principal_name"] == "梅姐"
    with refused(89250):
        platform.wx.trial.query_fastnormalizebetaweapp(appid, taskid="unknown")


def test_the_upgrade_needs_its_permission_sets(platform: Platform) -> None:
    platform.control.change_component(platform.appid, permission_sets=[18, 30, 81])
    appid = start(platform)
    with refused(61007):
        platform.wx.trial.fastnormalizebetaweapp(appid, component_phone="020-1")


def official_of(platform: Platform) -> str:
    return str(platform.control.accounts(nick_name="梅记茶铺公众号")[0]["appid"])


def test_an_official_account_converts_it(platform: Platform) -> None:
    appid, official = start(platform), official_of(platform)
    url = platform.wx.trial.getmpadminauth(appid, mp_appid=official, same_admin=True)["authorize_url"]
    platform.control.answer_registration(url, person="梅姐")
    notice = platform.events("betaapp_authorization_apply_event")[-1]["ApplyAuthorizationInfoNoitfy"]
    assert (notice["appid"], notice["mp_appid"], int(notice["status"])) == (appid, official, 0)
    with refused(61058):
        platform.wx.trial.mpverifybetaweapp(appid, mp_appid=official, ticket="made-up")
    url = platform.wx.trial.mpverifybetaweapp(appid, mp_appid=official, ticket=notice["ticket"])["authorize_url"]
    platform.control.answer_registration(url, person="梅姐")
    for name in ("betaapp_verify_apply_event", "betaapp_verify_event"):
        [event] = platform.events(name)
        assert int(event["ApplyAuthorizationInfoNoitfy"]["status"]) == 0
    assert profile(platform, appid)["principal_name"] == "广州市越秀区梅记茶铺"


def test_a_refusal_of_the_official_account_is_pushed(platform: Platform, shop: str) -> None:
    appid, official = start(platform), official_of(platform)
    url = platform.wx.trial.getmpadminauth(appid, mp_appid=official)["authorize_url"]
    platform.control.answer_registration(url, person="梅姐", answer="refuse")
    notice = platform.events("betaapp_authorization_apply_event")[-1]["ApplyAuthorizationInfoNoitfy"]
    assert int(notice["status"]) == 1
    assert "ticket" not in notice
    with refused(40013):
        platform.wx.trial.getmpadminauth(appid, mp_appid=shop)
    platform.control.change_account(official, verified=0)
    with refused(61052):
        platform.wx.trial.getmpadminauth(appid, mp_appid=official)
