from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from saas.wx import events, reasons
from saas.wx.callbacks import as_list, parse_message
from saas.wx.contract import operations

CLASSES = {
    "component_verify_ticket": events.TicketPushed,
    "authorized": events.Authorized,
    "updateauthorized": events.AuthorizationUpdated,
    "unauthorized": events.Unauthorized,
    "notify_third_fasteregister": events.ProgramRegistered,
    "notify_third_fastregisterbetaapp": events.TrialCreated,
    "notify_third_fastverifybetaapp": events.TrialConverted,
    "betaapp_authorization_apply_event": events.OffiaccountAnswered,
    "betaapp_verify_apply_event": events.OffiaccountConversionBegun,
    "betaapp_verify_event": events.OffiaccountConversionEnded,
    "wxa_nickname_audit": events.NicknameReviewed,
    "wxa_category_audit": events.CategoryReviewed,
    "wxa_privacy_apply": events.PrivacyInterfaceReviewed,
    "order_path_apply_result_notify": events.OrderPathsSubmitted,
    "order_path_audit_result_notify": events.OrderPathsReviewed,
    "notify_3rd_wxa_auth": events.CertificationMoved,
    "notify_3rd_wxa_wxverify": events.CertificationExpired,
    "wx_verify_pay_succ": events.CertificationPaid,
    "wx_verify_dispatch": events.CertificationDispatched,
    "wx_verify_refill": events.CertificationSentBack,
    "wx_verify_fail": events.CertificationFailed,
    "notify_icpfiling_verify_result": events.FaceChecked,
    "notify_apply_icpfiling_result": events.FilingDecided,
    "notify_3rd_wxa_auth_and_icp": events.CertificationAndFilingMoved,
    "weapp_audit_success": events.AuditApproved,
    "weapp_audit_fail": events.AuditRejected,
    "weapp_audit_delay": events.AuditDelayed,
}
EXAMPLES = [
    pytest.param(event.name, parse_message(text.encode()), id=f"{event.name}-{number}")
    for event in operations.all_events()
    for number, text in enumerate(event.examples)
]


def example(name: str, number: int = 0) -> dict[str, Any]:
    return parse_message(operations.event(name).examples[number].encode())


def other_spelling(value: Any) -> Any:
    """ScreenShot as screen_shot, CreateTime as create_time, as JSON pushes write some of them."""
    if isinstance(value, list):
        return [other_spelling(one) for one in value]
    if not isinstance(value, dict):
        return value
    spelled = {}
    for name, inner in value.items():
        words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
        spelled[words.removeprefix("_")] = other_spelling(inner)
    return spelled


def texts(value: Any) -> Iterator[tuple[str, str]]:
    """Every text of a message with its field's name."""
    for name, inner in value.items():
        for one in as_list(inner):
            if isinstance(one, dict):
                yield from texts(one)
            else:
                yield name, one


def test_every_documented_event_has_a_class() -> None:
    assert {event.name for event in operations.all_events()} == set(CLASSES)


@pytest.mark.parametrize(("name", "message"), EXAMPLES)
def test_every_documented_event_becomes_its_class(name: str, message: dict[str, Any]) -> None:
    read = events.parse_event(message)
    assert type(read) is CLASSES[name]
    assert (read.name, read.fields) == (name, message)


@pytest.mark.parametrize(("name", "message"), EXAMPLES)
def test_both_spellings_read_alike(name: str, message: dict[str, Any]) -> None:
    read, other = events.parse_event(message), events.parse_event(other_spelling(message))
    assert type(read) is type(other)
    assert {**vars(read), "fields": None} == {**vars(other), "fields": None}


@pytest.mark.parametrize(("name", "message"), EXAMPLES)
def test_every_appid_is_read_and_the_platform_s_is_none(name: str, message: dict[str, Any]) -> None:
    read = events.parse_event(message)
    listed = [*getattr(read, "submissions", ()), *getattr(read, "reviews", ())]
    found = {getattr(one, field, "") for one in [read, *listed] for field in ("appid", "offiaccount_appid")}
    sent = {text for field, text in texts(message) if re.fullmatch(r"wx[0-9a-f]{16}", text) and field != "AppId"}
    assert found - {""} == sent


@pytest.mark.parametrize(("name", "message"), EXAMPLES)
def test_nothing_secret_is_printed(name: str, message: dict[str, Any]) -> None:
    printed = repr(events.parse_event(message))
    hidden = {"ticket", "ComponentVerifyTicket", "auth_code", "AuthorizationCode", "PreAuthCode", "legal_persona_name",
              "legal_persona_wechat", "wxuser", "idname", "component_phone"}  # fmt: skip
    assert [text for field, text in texts(message) if field in hidden and text in printed] == []


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
    assert reasons.plain_reason(event.reason) == (
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
        ("notify_third_fasteregister", "status"),
        ("wxa_nickname_audit", "ret"),
        ("notify_icpfiling_verify_result", "result"),
        ("notify_3rd_wxa_auth_and_icp", "procedure_id"),
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


@pytest.mark.parametrize(("name", "message"), EXAMPLES)
def test_unknown_fields_survive(name: str, message: dict[str, Any]) -> None:
    event = events.parse_event(message | {"NewField": "x"})
    assert type(event) is CLASSES[name]
    assert event.fields["NewField"] == "x"


def test_a_failed_registration_does_not_take_the_platform_for_the_mini_program() -> None:
    event = events.parse_event(example("notify_third_fasteregister", 2))
    assert isinstance(event, events.ProgramRegistered)
    assert (event.appid, event.status, event.succeeded) == ("", 1005, False)
    assert (event.company, event.company_code) == ("青禾餐饮管理有限公司", "91440101MA5XXXXX1A")
    assert event.message == "real name check failed"


def test_a_registered_person_is_known_by_the_wechat_id() -> None:
    event = events.parse_event(example("notify_third_fasteregister", 1))
    assert isinstance(event, events.ProgramRegistered)
    assert event.succeeded
    assert (event.person, event.person_wechat, event.code) == ("林青禾", "lin_qh_88", "queryauthcode@@@reg2")


def test_a_refused_order_path_without_status_is_refused() -> None:
    event = events.parse_event(example("order_path_audit_result_notify"))
    assert isinstance(event, events.OrderPathsReviewed)
    assert [(one.passed, one.refused, one.audit_id) for one in event.reviews] == [
        (True, False, "451000001"), (False, True, "451000002"),
    ]  # fmt: skip


def test_a_list_entry_without_appid_does_not_hide_the_others() -> None:
    message = example("order_path_apply_result_notify")
    message["list"] = [{"ret_code": "0"}, "broken", message["list"]]
    event = events.parse_event(message)
    assert isinstance(event, events.OrderPathsSubmitted)
    assert [(one.appid, one.result) for one in event.submissions] == [("wx11aa22bb33cc44dd", 0)]


def test_a_certification_names_its_agency_once() -> None:
    event = events.parse_event(example("notify_3rd_wxa_auth"))
    assert isinstance(event, events.CertificationMoved)
    assert (event.task_id, event.task_status, event.apply_status) == ("auth_1", 12, 2)
    assert (event.agency, event.dispatched_at) == ("示例征信有限公司", datetime.fromtimestamp(1790001690, UTC))
    message = example("notify_3rd_wxa_auth")
    del message["dispatch_info"]
    event = events.parse_event(message)
    assert isinstance(event, events.CertificationMoved)
    assert (event.agency, event.dispatched_at) == ("", None)


def test_a_combined_procedure_without_appid_is_still_one() -> None:
    message = example("notify_3rd_wxa_auth_and_icp")
    del message["authorizer_appid"]
    event = events.parse_event(message)
    assert isinstance(event, events.CertificationAndFilingMoved)
    assert (event.appid, event.procedure_id, event.status) == ("", "proc_1", 3)
    event = events.parse_event(message | {"appid": "wx11aa22bb33cc44dd"})
    assert isinstance(event, events.CertificationAndFilingMoved)
    assert event.appid == "wx11aa22bb33cc44dd"


@pytest.mark.parametrize(("name", "field"), [("wxa_nickname_audit", "ret"), ("wxa_category_audit", "ret"),
                                             ("notify_icpfiling_verify_result", "result")])  # fmt: skip
def test_a_verdict_is_yes_no_or_nothing(name: str, field: str) -> None:
    verdicts = [getattr(events.parse_event(example(name) | {field: code}), "passed", None) for code in ("2", "3", "7")]
    assert verdicts == [False, True, None]


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
    assert reasons.plain_reason(html) == plain


def test_screenshot_ids_are_split() -> None:
    assert reasons.screenshot_ids("a|b| c ||") == ("a", "b", "c")
    assert reasons.screenshot_ids("") == reasons.screenshot_ids(None) == ()
