from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from saas.wx import events
from saas.wx.callbacks import parse_message
from saas.wx.contract import operations

HANDLED = {
    "component_verify_ticket": events.TicketPushed,
    "authorized": events.Authorized,
    "updateauthorized": events.AuthorizationUpdated,
    "unauthorized": events.Unauthorized,
    "weapp_audit_success": events.AuditApproved,
    "weapp_audit_fail": events.AuditRejected,
    "weapp_audit_delay": events.AuditDelayed,
}


def example(name: str) -> dict[str, Any]:
    return parse_message(operations.event(name).examples[0].encode())


def other_spelling(message: dict[str, Any]) -> dict[str, Any]:
    """ScreenShot as screen_shot, CreateTime as create_time, as JSON pushes write some of them."""
    spelled = {}
    for name, value in message.items():
        words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
        spelled[words.removeprefix("_")] = value
    return spelled


@pytest.mark.parametrize("event", operations.all_events(), ids=lambda event: event.name)
def test_every_documented_event_becomes_its_class(event: operations.Event) -> None:
    message = example(event.name)
    read = events.parse_event(message)
    assert type(read) is HANDLED.get(event.name, events.UnknownEvent)
    assert (read.name, read.fields) == (event.name, message)


@pytest.mark.parametrize("name", HANDLED)
def test_both_spellings_read_alike(name: str) -> None:
    message = example(name)
    read, other = events.parse_event(message), events.parse_event(other_spelling(message))
    assert type(read) is type(other)
    assert {**vars(read), "fields": None} == {**vars(other), "fields": None}


def test_a_ticket_is_read_and_not_printed() -> None:
    event = events.parse_event(example("component_verify_ticket"))
    assert isinstance(event, events.TicketPushed)
    assert event.ticket == "ticket@@@9fQk2Zr7"
    assert event.created_at == datetime.fromtimestamp(1790000000, UTC)
    assert "9fQk2Zr7" not in repr(event)


def test_an_authorization_carries_code_and_pre_auth_code() -> None:
    event = events.parse_event(example("authorized"))
    assert isinstance(event, events.Authorized)
    assert (event.appid, event.code) == ("wx11aa22bb33cc44dd", "queryauthcode@@@u7Yt5Re3")
    assert event.pre_auth_code == "preauthcode@@@Jx7QmT2vLs"
    assert "@@@" not in repr(event)


def test_an_authorization_without_pre_auth_code_is_still_one() -> None:
    message = example("updateauthorized")
    del message["PreAuthCode"]
    event = events.parse_event(message)
    assert isinstance(event, events.AuthorizationUpdated)
    assert event.pre_auth_code == ""


def test_a_rejection_lists_its_pictures() -> None:
    event = events.parse_event(example("weapp_audit_fail"))
    assert isinstance(event, events.AuditRejected)
    assert event.screenshots == ("shotMediaA", "shotMediaB")
    assert event.decided_at == datetime.fromtimestamp(1761131111, UTC)
    assert event.user_name == "gh_4f1c2b3a4d5e"
    assert events.plain_reason(event.reason) == (
        "1: Service category:\n(1): The page does not match the chosen category."
    )


def test_a_rejection_without_pictures_or_decision_time_is_still_one() -> None:
    message = example("weapp_audit_fail")
    del message["ScreenShot"], message["FailTime"], message["Reason"]
    event = events.parse_event(message)
    assert isinstance(event, events.AuditRejected)
    assert (event.screenshots, event.reason, event.decided_at) == ((), "", event.created_at)


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("component_verify_ticket", "ComponentVerifyTicket"),
        ("authorized", "AuthorizationCode"),
        ("updateauthorized", "AuthorizerAppid"),
        ("unauthorized", "AuthorizerAppid"),
        ("unauthorized", "CreateTime"),
    ],
)
@pytest.mark.parametrize("value", [None, "", {"a": "b"}])
def test_an_event_that_lacks_its_point_says_what_is_missing(name: str, field: str, value: Any) -> None:
    event = events.parse_event(example(name) | {field: value})
    assert isinstance(event, events.UnknownEvent)
    assert event.name == name
    assert field in event.problem


@pytest.mark.parametrize("time", ["soon", "-", "9" * 40])
def test_an_unreadable_time_does_not_break_the_reader(time: str) -> None:
    event = events.parse_event(example("unauthorized") | {"CreateTime": time})
    assert isinstance(event, events.UnknownEvent)
    assert "CreateTime" in event.problem


def test_unknown_pushes_keep_name_and_fields() -> None:
    message = {"InfoType": "brand_new", "Deep": {"a": ["1", "2"]}}
    assert events.parse_event(message) == events.UnknownEvent("brand_new", message)
    assert events.parse_event({"MsgType": "text", "Content": "你好"}).name == "text"
    assert events.parse_event({}).name == ""


def test_unknown_fields_survive() -> None:
    event = events.parse_event(example("unauthorized") | {"NewField": "x"})
    assert isinstance(event, events.Unauthorized)
    assert event.fields["NewField"] == "x"


def test_a_repeated_element_gives_its_first_value() -> None:
    event = events.parse_event(example("unauthorized") | {"AuthorizerAppid": ["wx1", "wx2"]})
    assert isinstance(event, events.Unauthorized)
    assert event.appid == "wx1"


@pytest.mark.parametrize(
    ("html", "plain"),
    [
        (None, ""),
        ("", ""),
        ("缺少类目", "缺少类目"),
        ("1:标题:<br>(1):内容<br/>(2):内容<BR />", "1:标题:\n(1):内容\n(2):内容"),
        ("<p>一</p><p>二</p>", "一\n二"),
        ("<ul><li>一<li>二</ul>", "一\n二"),
        ("&lt;button&gt;&nbsp;不可用 &amp; 无提示", "<button> 不可用 & 无提示"),
        ("面向年龄<18岁 的用户", "面向年龄<18岁 的用户"),
        ('见<a href="https://developers.weixin.qq.com/x?a=1&amp;b=2">规范</a>。',
         "见规范 (https://developers.weixin.qq.com/x?a=1&b=2) 。"),
        ('<a href="javascript:alert(1)">点我</a>', "点我"),
        ('<a href="https://a.cn">https://a.cn</a>', "https://a.cn"),
        ("<script>alert(1)</script><style>p{}</style>看这里", "看这里"),
        ("  多   个\t空格\r\n\r\n\u200b下一行 ", "多 个 空格\n下一行"),
        ("<b>粗</b><span style='color:red'>红</span>", "粗红"),
    ],
)  # fmt: skip
def test_a_reason_becomes_plain_lines(html: str | None, plain: str) -> None:
    assert events.plain_reason(html) == plain


def test_screenshot_ids_are_split() -> None:
    assert events.screenshot_ids("a|b| c ||") == ("a", "b", "c")
    assert events.screenshot_ids("") == events.screenshot_ids(None) == ()
