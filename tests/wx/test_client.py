"""How the one client calls: tokens, repeats, answers, records."""

from __future__ import annotations

import json
import threading
from typing import Any

import httpx2
import pytest

from saas.wx import errors
from saas.wx.chapter import Download, Upload
from saas.wx.client import CallRecord
from saas.wx.contract import operations
from tests.wx.wechat import APPID, COMPONENT, WeChat, refused

OK = {"errcode": 0, "errmsg": "ok"}


def commit(wechat: WeChat, ext_json: str = "{}", **settings: Any) -> Any:
    client = wechat.client(**settings)
    return client.code.commit(APPID, template_id=1, ext_json=ext_json, user_version="1.0.0", user_desc="首版")


def tokens_sent(wechat: WeChat) -> list[str]:
    return [request.url.params["access_token"] for request in wechat.requests]


@pytest.mark.parametrize("code", [40001, 40014, 42001, 42006])
def test_a_refused_token_is_replaced_once_even_for_writes(code: int) -> None:
    wechat = WeChat(refused(code), OK)
    commit(wechat)
    assert tokens_sent(wechat) == [f"{APPID}-token-1", f"{APPID}-token-2"]
    assert wechat.tokens.asked == [(APPID, None), (APPID, f"{APPID}-token-1")]
    assert [(record.errcode, record.attempt, record.ok) for record in wechat.records] == [
        (code, 1, False),
        (0, 2, True),
    ]
    assert wechat.slept == []


def test_a_token_refused_twice_is_an_error() -> None:
    wechat = WeChat(refused(40001))
    with pytest.raises(errors.TokenRefused):
        commit(wechat)
    assert len(wechat.requests) == 2


def test_a_wrong_secret_is_not_a_refused_token() -> None:
    wechat = WeChat(refused(40001))
    with pytest.raises(errors.SecretWrong):
        wechat.client().component.api_component_token(component_appsecret="s", component_verify_ticket="t")
    assert len(wechat.requests) == 1
    assert wechat.tokens.asked == []


def test_a_read_is_repeated_when_wechat_is_busy() -> None:
    wechat = WeChat(refused(-1), refused(-1), {"status": 0})
    assert wechat.client().release.getvisitstatus(APPID) == {"status": 0}
    assert wechat.slept == [0.3, 1.0]
    assert [record.attempt for record in wechat.records] == [1, 2, 3]


def test_a_read_gives_up_after_two_repeats() -> None:
    wechat = WeChat(refused(-1))
    with pytest.raises(errors.SystemBusy):
        wechat.client().release.getvisitstatus(APPID)
    assert len(wechat.requests) == 3


@pytest.mark.parametrize(
    "fault",
    [refused(-1), 502, httpx2.ReadTimeout("slow"), httpx2.ConnectError("down"), httpx2.RemoteProtocolError("x")],
)
def test_a_write_is_never_repeated(fault: Any) -> None:
    wechat = WeChat(fault, OK)
    with pytest.raises((errors.SystemBusy, errors.WeChatUnreachable)):
        wechat.client().code.submit_audit(APPID)
    assert len(wechat.requests) == 1
    assert wechat.slept == []


@pytest.mark.parametrize("method", ["undocodeaudit", "submit_audit"])
def test_counted_calls_are_not_repeated_although_one_is_a_get(method: str) -> None:
    wechat = WeChat(refused(-1), OK)
    with pytest.raises(errors.SystemBusy):
        getattr(wechat.client().code, method)(APPID)
    assert len(wechat.requests) == 1


def test_reading_domains_is_repeated_and_changing_them_is_not() -> None:
    wechat = WeChat(refused(-1), OK)
    wechat.client().platform_domains.modify_wxa_server_domain(action="get")
    assert len(wechat.requests) == 2
    wechat = WeChat(refused(-1), OK)
    with pytest.raises(errors.SystemBusy):
        wechat.client().platform_domains.modify_wxa_server_domain(action="set", wxa_server_domain=["a.example.cn"])
    assert len(wechat.requests) == 1


@pytest.mark.parametrize(
    ("fault", "sent_maybe"),
    [
        (httpx2.ConnectError("down"), False),
        (httpx2.ConnectTimeout("down"), False),
        (httpx2.PoolTimeout("full"), False),
        (httpx2.ReadTimeout("slow"), True),
        (httpx2.WriteError("cut"), True),
        (httpx2.RemoteProtocolError("cut"), True),
        (502, True),
    ],
)
def test_no_answer_says_whether_the_call_may_have_taken_effect(fault: Any, sent_maybe: bool) -> None:
    wechat = WeChat(fault)
    with pytest.raises(errors.WeChatUnreachable) as caught:
        commit(wechat)
    assert caught.value.sent_maybe is sent_maybe
    assert (caught.value.operation, caught.value.appid) == ("commit", APPID)
    assert [(record.errcode, record.problem) for record in wechat.records] == [(None, "unreachable")]


@pytest.mark.parametrize("answer", ["<html>proxy</html>", "", "[1]", "{", '{"errcode": 0', httpx2.Response(302)])
def test_an_answer_that_is_not_wechat_s_is_unreadable(answer: Any) -> None:
    wechat = WeChat(answer)
    with pytest.raises(errors.UnreadableAnswer):
        commit(wechat)
    assert [(record.errcode, record.problem, record.ok) for record in wechat.records] == [(None, "unreadable", False)]


@pytest.mark.parametrize(
    ("status", "answer", "fault"),
    [
        (404, {"message": "no Route matched with those values"}, errors.UnreadableAnswer),
        (429, {"message": "API rate limit exceeded", "errcode": None}, errors.UnreadableAnswer),
        (503, {"message": "name resolution failed"}, errors.WeChatUnreachable),
        (412, refused(85064), errors.TemplateNotFound),
    ],
)
def test_only_wechat_s_own_answer_is_a_success(status: int, answer: dict[str, Any], fault: type[Exception]) -> None:
    with pytest.raises(fault):
        commit(WeChat(httpx2.Response(status, json=answer)))


def test_a_picture_is_a_download_and_a_refusal_of_one_is_an_error() -> None:
    wechat = WeChat(b"\xff\xd8\xff\xe0 picture")
    picture = wechat.client().code.get_qrcode(APPID)
    assert picture == Download(b"\xff\xd8\xff\xe0 picture", "image/jpeg")
    wechat = WeChat(json.dumps(refused(85064)).encode())  # JSON that calls itself a picture
    with pytest.raises(errors.TemplateNotFound):
        wechat.client().code.get_qrcode(APPID)


@pytest.mark.parametrize("answer", [OK, "<html>proxy</html>", httpx2.Response(200, text="<html>", headers={})])
def test_no_picture_where_one_was_asked_for_is_unreadable(answer: Any) -> None:
    with pytest.raises(errors.UnreadableAnswer):
        WeChat(answer).client().code.get_qrcode(APPID)


def test_a_video_comes_as_an_address() -> None:
    assert WeChat({"video_url": "https://v"}).client().media.get(APPID, media_id="m") == {"video_url": "https://v"}


def test_a_body_is_raw_utf_8() -> None:
    wechat = WeChat()
    commit(wechat, '{"ext":{"name":"老王小卖部 😀"}}')
    sent = wechat.requests[0].content
    assert "老王小卖部 😀".encode() in sent
    assert b"\\u" not in sent
    assert json.loads(sent)["ext_json"] == '{"ext":{"name":"老王小卖部 😀"}}'


def test_a_post_without_arguments_sends_an_empty_object_and_a_get_sends_nothing() -> None:
    wechat = WeChat()
    wechat.client().release.release(APPID)
    wechat.client().code.undocodeaudit(APPID)
    assert [(request.method, request.content) for request in wechat.requests] == [("POST", b"{}"), ("GET", b"")]


def test_ids_are_text_however_wechat_writes_them_and_lose_no_digit() -> None:
    for written in ("9007199254740993", '"9007199254740993"'):
        answer = WeChat(f'{{"errcode":0,"auditid":{written}}}').client().code.submit_audit(APPID)
        assert answer["auditid"] == "9007199254740993"


def test_ids_deep_in_lists_are_text_and_other_numbers_stay_numbers() -> None:
    answer = WeChat({"draft_list": [{"draft_id": 0, "create_time": 1488965944}]}).client()
    assert answer.templates.gettemplatedraftlist() == {"draft_list": [{"draft_id": "0", "create_time": 1488965944}]}


def test_a_text_id_is_sent_as_the_whole_number() -> None:
    wechat = WeChat({"errcode": 0, "status": 0})
    wechat.client().code.get_auditstatus(APPID, auditid="9007199254740993")
    assert wechat.requests[0].content == b'{"auditid":9007199254740993}'


@pytest.mark.parametrize(
    ("errmsg", "rid", "message"),
    [
        ("invalid credential rid: 64b8a0c1-8a3b4c5d-6e7f809b", "64b8a0c1-8a3b4c5d-6e7f809b", "invalid credential"),
        ("system error, rid: 1-2-3", "1-2-3", "system error"),
        ("rid: 1-2-3", "1-2-3", ""),
        ("no rid here", None, "no rid here"),
    ],
)
def test_a_rid_is_taken_out_of_the_message(errmsg: str, rid: str | None, message: str) -> None:
    wechat = WeChat({"errcode": 85009, "errmsg": errmsg})
    with pytest.raises(errors.AuditAlreadyRunning) as caught:
        wechat.client().code.submit_audit(APPID)
    assert (caught.value.rid, caught.value.message) == (rid, message)
    assert wechat.records[0].rid == rid


def test_an_error_keeps_what_else_wechat_answered() -> None:
    with pytest.raises(errors.WeChatError) as caught:
        WeChat({"errcode": 91009, "errmsg": "x", "wording": "请提交商标注册证"}).client().code.submit_audit(APPID)
    assert isinstance(caught.value, errors.NameNeedsProof)
    assert caught.value.answer["wording"] == "请提交商标注册证"


def test_an_unknown_errcode_is_a_plain_error_with_an_explanation() -> None:
    with pytest.raises(errors.WeChatError) as caught:
        WeChat(refused(99999999)).client().code.submit_audit(APPID)
    assert type(caught.value) is errors.WeChatError
    assert not caught.value.explanation.known


@pytest.mark.parametrize("answer", [{"errcode": "0", "status": 0}, {"status": 0}, {"errcode": None, "status": 0}])
def test_success_may_be_written_in_several_ways(answer: dict[str, Any]) -> None:
    assert WeChat(answer).client().release.getvisitstatus(APPID)["status"] == 0


@pytest.mark.parametrize("errcode", [2**31, -(2**31) - 1, "99999999999", "x", [1]])
def test_what_is_no_errcode_is_unreadable(errcode: Any) -> None:
    with pytest.raises(errors.UnreadableAnswer):
        WeChat({"errcode": errcode, "errmsg": ""}).client().release.getvisitstatus(APPID)


def test_what_no_database_keeps_is_left_out_of_an_answer() -> None:
    answer = '{"errcode":85009,"errmsg":"a\\u0000b\x00c","list":[{"\\ud800k":"\\ud83d\\ude00\\udc00"}]}'
    with pytest.raises(errors.WeChatError) as caught:
        WeChat(answer).client().code.submit_audit(APPID)
    assert (caught.value.message, caught.value.answer["list"]) == ("abc", [{"k": "\U0001f600"}])


def test_an_errcode_written_as_text_is_an_error() -> None:
    with pytest.raises(errors.NotAuthorized):
        WeChat({"errcode": "61003", "errmsg": ""}).client().release.getvisitstatus(APPID)


SECRETS = ["s3cret-value", "ticket@@@value", "queryauthcode@@@value", "refreshtoken@@@value", "token-1"]


@pytest.mark.parametrize("answer", [OK, refused(61005), 502, "<html>", httpx2.ReadTimeout("slow")])
def test_records_and_errors_hold_no_token_and_no_secret(answer: Any) -> None:
    wechat = WeChat(answer)
    component = wechat.client().component
    calls = [
        lambda: component.api_start_push_ticket(component_secret="s3cret-value"),
        lambda: component.api_component_token(
            component_appsecret="s3cret-value", component_verify_ticket="ticket@@@value"
        ),
        lambda: component.api_query_auth(authorization_code="queryauthcode@@@value"),
        lambda: component.api_authorizer_token(APPID, authorizer_refresh_token="refreshtoken@@@value"),
    ]
    told = []
    for call in calls:
        try:
            call()
        except errors.CallFailed as error:
            told += [str(error), repr(error), repr(error.__cause__), repr(error.__context__)]
    told += [repr(record) for record in wechat.records]
    assert len(wechat.records) == len(calls)
    assert not [(secret, text) for text in told for secret in SECRETS if secret in text]


def test_a_record_says_what_was_called_and_how_it_went() -> None:
    wechat = WeChat(refused(85009))
    with pytest.raises(errors.AuditAlreadyRunning):
        wechat.client().code.submit_audit(APPID)
    [record] = wechat.records
    assert record.ms >= 0
    assert record == CallRecord(
        "submitAudit", APPID, 85009, "64b8a0c1-8a3b4c5d-6e7f809b", record.ms, 1, ok=False, problem=None
    )


def test_a_full_call_log_does_not_fail_the_call(caplog: pytest.LogCaptureFixture) -> None:
    def full(record: CallRecord) -> None:
        raise OSError("no space")

    assert commit(WeChat(), record=full) == OK
    assert "call log" in caplog.text


def test_nothing_is_sent_when_the_hook_raises() -> None:
    class TransactionOpen(Exception):
        pass

    def raise_open() -> None:
        raise TransactionOpen

    wechat = WeChat()
    with pytest.raises(TransactionOpen):
        commit(wechat, before=raise_open)
    assert wechat.requests == []
    assert wechat.tokens.asked == []
    assert wechat.records == []


def test_hook_and_limiter_are_asked_before_every_request() -> None:
    asked: list[str] = []

    def limiter(operation: operations.Operation, appid: str | None) -> None:
        asked.append(f"limiter {operation.id} {appid}")

    wechat = WeChat(refused(40001), OK)
    commit(wechat, before=lambda: asked.append("hook"), limiter=limiter)
    assert asked == ["hook", f"limiter commit {APPID}"] * 2


def test_a_call_for_a_mini_program_needs_its_appid() -> None:
    wechat = WeChat()
    with pytest.raises(ValueError, match="appid"):
        wechat.client().call("commit", repeatable=False)
    assert wechat.requests == []


def test_an_upload_is_named_by_its_ending_only() -> None:
    wechat = WeChat({"media_id": "m1", "type": "image"})
    wechat.client().media.upload(APPID, media=Upload("王小明身份证.PNG", b"\x89PNG data", "image/png"))
    sent = wechat.requests[0].content
    assert b'filename="file.png"' in sent
    assert b"Content-Type: image/png" in sent
    assert b"\x89PNG data" in sent
    assert "王小明".encode() not in sent


@pytest.mark.parametrize(
    ("method", "seconds"), [("getversioninfo", 30.0), ("revertgrayrelease", 10.0), ("release", 30.0)]
)
def test_timeouts_fit_the_call(method: str, seconds: float) -> None:
    wechat = WeChat()
    getattr(wechat.client().release, method)(APPID)
    timeout = wechat.requests[0].extensions["timeout"]
    assert (timeout["read"], timeout["connect"]) == (seconds, 3.0)


def test_an_upload_may_take_a_minute() -> None:
    wechat = WeChat()
    commit(wechat)
    assert wechat.requests[0].extensions["timeout"]["read"] == 60.0


def test_redirects_are_not_followed() -> None:
    wechat = WeChat(httpx2.Response(302, headers={"Location": "https://elsewhere.example/"}))
    with pytest.raises(errors.UnreadableAnswer):
        commit(wechat)
    assert len(wechat.requests) == 1


def test_one_client_serves_many_threads() -> None:
    wechat = WeChat({"status": 0})
    client = wechat.client()
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(client.release.getvisitstatus(APPID))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [{"status": 0}] * 16


def test_the_component_appid_is_the_client_s() -> None:
    assert WeChat().client().component_appid == COMPONENT
