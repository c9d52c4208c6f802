"""Names and their reviews, from the check to the event."""

from __future__ import annotations

import httpx2
import pytest

from saas.wx.chapter import Upload
from tests.sandbox.platform import Platform, refused
from tests.sandbox.test_certification import judge, start, tap

DAY = 86400
PNG = Upload("licence.png", b"\x89PNG\r\n\x1a\n" + b"x" * 100, "image/png")


@pytest.fixture
def made(platform: Platform) -> str:
    """A company's mini program that was registered by API."""
    return connect(platform, "青禾果蔬", principal_name="青禾果蔬有限公司", register_type=6)


def connect(platform: Platform, nick_name: str, **more: object) -> str:
    appid = platform.control.add_account("梅姐", nick_name=nick_name, **more)
    return platform.exchange(platform.control.grant(platform.appid, appid))


def upload(platform: Platform, appid: str) -> str:
    return platform.wx.media.upload(appid, media=PNG)["media_id"]


def submit(platform: Platform, appid: str, nick_name: str) -> int:
    answer = platform.wx.profile.setnickname(appid, nick_name=nick_name, license=upload(platform, appid))
    return int(answer["audit_id"])


def name_of(platform: Platform, appid: str) -> tuple[str, int, int]:
    info = platform.wx.account.getaccountbasicinfo(appid)["nickname_info"]
    return info["nickname"], info["modify_used_count"], info["modify_quota"]


def move(platform: Platform, seconds: float) -> None:
    """Time passes; the tokens are fetched anew."""
    platform.control.move_clock(seconds)
    platform.control.push_ticket(platform.appid)
    platform.tokens.component = ""
    platform.tokens.authorizers.clear()


def test_an_ordinary_name_holds_at_once(platform: Platform, made: str) -> None:
    assert platform.wx.profile.checkwxverifynickname(made, nick_name="青禾鲜果铺")["hit_condition"] is False
    assert int(platform.wx.profile.setnickname(made, nick_name="青禾鲜果铺")["audit_id"]) == 0
    assert name_of(platform, made) == ("青禾鲜果铺", 1, 2)
    assert platform.wx.component.api_get_authorizer_info(made)["authorizer_info"]["nick_name"] == "青禾鲜果铺"
    assert platform.events("wxa_nickname_audit") == []


def test_a_name_that_needs_proof_is_reviewed(platform: Platform, made: str) -> None:
    check = platform.wx.profile.checkwxverifynickname(made, nick_name="青禾严选")
    assert check["hit_condition"]
    assert "商标" in check["wording"]
    with refused(91009):
        platform.wx.profile.setnickname(made, nick_name="青禾严选")
    with refused(40007):
        platform.wx.profile.setnickname(made, nick_name="青禾严选", license="unknown")
    number = submit(platform, made, "青禾严选")
    assert platform.wx.profile.api_wxa_querynickname(made, audit_id=number)["audit_stat"] == 1
    assert name_of(platform, made) == ("青禾果蔬", 0, 2)
    with refused(91019):
        platform.wx.profile.setnickname(made, nick_name="青禾鲜果铺")
    platform.control.decide_name(number, "approve")
    assert name_of(platform, made) == ("青禾严选", 1, 2)
    [event] = platform.events("wxa_nickname_audit")
    assert (int(event["ret"]), event["nickname"]) == (3, "青禾严选")


def test_a_rejected_name_says_why_and_spends_nothing(platform: Platform, made: str) -> None:
    number = submit(platform, made, "青禾旗舰店")
    [waiting] = platform.control.names(appid=made)
    assert waiting["id"] == number
    with httpx2.Client(base_url=platform.control.base_url, trust_env=False) as browser:
        desk = browser.get("/desk/names").text
        assert "青禾旗舰店" in desk
        paper = desk.partition('href="/desk/papers/')[2].partition('"')[0]
        assert browser.get(f"/desk/papers/{paper}").content == PNG.content
        browser.post(f"/desk/names/{number}", data={"verdict": "reject", "reason": "商标不符"})
        again = browser.post(f"/desk/names/{number}", data={"verdict": "approve"})
        assert "现在不在审核中" in browser.get(again.headers["Location"]).text
    review = platform.wx.profile.api_wxa_querynickname(made, audit_id=number)
    assert (review["audit_stat"], review["fail_reason"]) == (2, "商标不符")
    assert name_of(platform, made) == ("青禾果蔬", 0, 2)
    [event] = platform.events("wxa_nickname_audit")
    assert (int(event["ret"]), event["reason"]) == (2, "商标不符")
    other = platform.connect("明明书店")
    with refused(91011):
        platform.wx.profile.api_wxa_querynickname(other, audit_id=number)


@pytest.mark.parametrize(
    ("nick_name", "checked", "changed"),
    [
        ("茶", 53010, 91004),
        ("一二三四五六七八九十一二三四五六", 53010, 91004),
        ("青禾<果蔬>", 53010, 91004),
        ("青禾小程序", 53012, 91004),
        ("梅记茶铺", 53013, 91007),
        ("梅记茶铺+外卖", 53014, 91014),
    ],
)
def test_what_may_not_be_a_name(platform: Platform, made: str, nick_name: str, checked: int, changed: int) -> None:
    with refused(checked):
        platform.wx.profile.checkwxverifynickname(made, nick_name=nick_name)
    with refused(changed):
        platform.wx.profile.setnickname(made, nick_name=nick_name)


def test_a_wechat_id_is_no_name(platform: Platform, made: str) -> None:
    wechat_id = platform.control.people()[0]["wechat_id"]
    with refused(53018):
        platform.wx.profile.checkwxverifynickname(made, nick_name=wechat_id)
    with refused(91006):
        platform.wx.profile.setnickname(made, nick_name=wechat_id)


def test_names_under_review_and_given_up_are_kept_from_others(platform: Platform, made: str) -> None:
    other = connect(platform, "老街面馆", register_type=6)
    number = submit(platform, made, "青禾严选")
    with refused(91007):
        platform.wx.profile.setnickname(other, nick_name="青禾严选", license=upload(platform, other))
    platform.control.decide_name(number, "approve")
    with refused(53019):
        platform.wx.profile.checkwxverifynickname(other, nick_name="青禾果蔬")
    with refused(91005):
        platform.wx.profile.setnickname(other, nick_name="青禾果蔬")
    move(platform, 15 * DAY + 10)
    platform.wx.profile.setnickname(other, nick_name="青禾果蔬")
    assert name_of(platform, other)[0] == "青禾果蔬"


def test_two_changes_a_year(platform: Platform, made: str) -> None:
    for nick_name in ("青禾一号店", "青禾二号店"):
        platform.wx.profile.setnickname(made, nick_name=nick_name)
    with refused(91003):
        platform.wx.profile.setnickname(made, nick_name="青禾三号店")
    move(platform, 366 * DAY)
    assert name_of(platform, made)[1] == 0
    platform.wx.profile.setnickname(made, nick_name="青禾三号店")


def test_a_certification_gives_two_more_changes(platform: Platform, made: str) -> None:
    platform.wx.profile.setnickname(made, nick_name="青禾一号店")
    taskid = start(platform, made, pay_type=1, service_appid="wx5a1b2c3d4e5f6071")
    tap(platform, made, taskid, "agree", "face", "send_code", "code")
    judge(platform, taskid, "pass")
    assert name_of(platform, made) == ("青禾一号店", 0, 2)


def test_a_person_proves_with_an_id_card(platform: Platform) -> None:
    mine = connect(platform, "阿梅手作", register_type=16)
    assert platform.wx.account.getaccountbasicinfo(mine)["principal_type"] == 0
    with refused(91009):
        platform.wx.profile.setnickname(mine, nick_name="阿梅严选", license=upload(platform, mine))
    answer = platform.wx.profile.setnickname(mine, nick_name="阿梅严选", id_card=upload(platform, mine))
    assert int(answer["audit_id"])


def test_no_name_by_api_for_one_registered_on_the_website(platform: Platform, shop: str) -> None:
    with refused(41033):
        platform.wx.profile.checkwxverifynickname(shop, nick_name="梅记新茶")
    with refused(91001):
        platform.wx.profile.setnickname(shop, nick_name="梅记新茶")


def test_a_lost_event_is_found_by_asking(platform: Platform, made: str) -> None:
    number = submit(platform, made, "青禾严选")
    platform.control.decide_name(number, "reject", push=False)
    assert platform.events("wxa_nickname_audit") == []
    assert platform.wx.profile.api_wxa_querynickname(made, audit_id=number)["fail_reason"]
