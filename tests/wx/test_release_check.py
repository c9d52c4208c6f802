from __future__ import annotations

from typing import Any

import pytest

from saas.wx import release_check
from saas.wx.callbacks import parse_message
from saas.wx.contract import operations
from saas.wx.release_check import AnswerByMessage, AnswerNow, answer_to

ACCOUNTS = operations.release_check()["test-accounts"]
OFFICIAL = [group["officialAccount"]["appid"] for group in ACCOUNTS]
MINI_PROGRAMS = [group["miniProgram"]["appid"] for group in ACCOUNTS]


def message(**fields: str) -> dict[str, Any]:
    return {"ToUserName": "gh_3c884a361561", "FromUserName": "oFan", "CreateTime": "1790000102", **fields}


def test_all_five_groups_are_known() -> None:
    assert len({*OFFICIAL, *MINI_PROGRAMS}) == 10
    assert all(map(release_check.is_test_account, OFFICIAL + MINI_PROGRAMS))
    assert not release_check.is_test_account("wx11aa22bb33cc44dd")
    assert not release_check.is_test_account("")


@pytest.mark.parametrize("appid", OFFICIAL)
def test_the_text_is_answered_in_the_response(appid: str) -> None:
    answer = answer_to(appid, message(MsgType="text", Content="TESTCOMPONENT_MSG_TYPE_TEXT"))
    assert isinstance(answer, AnswerNow)
    assert parse_message(answer.plaintext(1790000103)) == {
        "ToUserName": "oFan",
        "FromUserName": "gh_3c884a361561",
        "CreateTime": "1790000103",
        "MsgType": "text",
        "Content": "TESTCOMPONENT_MSG_TYPE_TEXT_callback",
    }


@pytest.mark.parametrize("appid", OFFICIAL + MINI_PROGRAMS)
def test_a_code_is_answered_by_a_message_with_exactly_that_code(appid: str) -> None:
    answer = answer_to(appid, message(MsgType="text", Content="QUERY_AUTH_CODE:queryauthcode@@@a:B-c_="))
    assert answer == AnswerByMessage("oFan", "queryauthcode@@@a:B-c_=")
    assert answer.content == "queryauthcode@@@a:B-c_=_from_api"
    assert "@@@" not in repr(answer)


def test_an_event_of_an_official_account_is_answered_by_its_name() -> None:
    answer = answer_to(OFFICIAL[0], message(MsgType="event", Event="LOCATION"))
    assert answer == AnswerNow("oFan", "gh_3c884a361561", "LOCATIONfrom_callback")
    assert answer_to(MINI_PROGRAMS[0], message(MsgType="event", Event="user_enter_tempsession")) is None


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"MsgType": "text"},
        {"MsgType": "text", "Content": "你好"},
        {"MsgType": "text", "Content": "QUERY_AUTH_CODE:"},
        {"MsgType": "event"},
        {"MsgType": "image", "Content": "TESTCOMPONENT_MSG_TYPE_TEXT"},
    ],
)
def test_other_messages_of_test_accounts_are_ordinary(fields: dict[str, str]) -> None:
    assert answer_to(OFFICIAL[0], message(**fields)) is None


def test_other_accounts_are_never_part_of_the_check() -> None:
    assert answer_to("wx11aa22bb33cc44dd", message(MsgType="text", Content="TESTCOMPONENT_MSG_TYPE_TEXT")) is None
