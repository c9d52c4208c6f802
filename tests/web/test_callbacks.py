from __future__ import annotations

import io
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select
from werkzeug.test import TestResponse

from saas.components import inbox, setup
from saas.components.access import load_component
from saas.components.models import Callback, ComponentApp, Ticket
from saas.config import settings
from saas.db import engine, platform_session, run_at_once, tenant_session
from saas.queue import Job, forget_connection
from saas.wx.callbacks import parse_envelope, parse_message
from saas.wx.crypto import MessageCrypto, signature
from saas.wx.release_check import TEXT_ANSWERED, TEXT_SENT
from tests.cast import Cast
from tests.components.conftest import AES_KEY, APPID, TOKEN
from tests.components.conftest import component as component
from tests.components.pushes import Pushed, sealed, ticket, xml

EVENTS = "/wx/alicekey/events"
PROGRAM = "wxaaaabbbbccccdddd"
MESSAGES = f"/wx/alicekey/{PROGRAM}/messages"
TEST_ACCOUNT, TEST_USER_NAME = "wx570bc396a51b8ff8", "gh_3c884a361561"
OTHER_KEY = "A" * 43


@pytest.fixture
def wechat_side(app: Flask, component: ComponentApp) -> FlaskClient:
    """WeChat's pushing server: knows no cookies and no CSRF token."""
    inbox.forget_receiver(component.key)
    return app.test_client(use_cookies=False)


def send(client: FlaskClient, pushed: Pushed, path: str = EVENTS, **changed: str) -> TestResponse:
    return client.post(path, data=pushed.body, query_string={**pushed.query, **changed})


def stored(component: ComponentApp) -> list[Callback]:
    with tenant_session(component.provider_id) as db:
        return list(db.scalars(select(Callback).order_by(Callback.id)))


def refusals(component: ComponentApp) -> tuple[int, str]:
    with tenant_session(component.provider_id) as db:
        row = load_component(db, component.id)
        return row.callbacks_refused, row.last_refusal


def waiting_jobs() -> list[tuple[str, str, Any]]:
    with platform_session("look at the queue") as db:
        return [(job.name, job.subject, job.provider_id) for job in db.scalars(select(Job))]


def newest_transaction() -> int:
    """Every transaction that writes has a number; asking for it takes one, too."""
    ((number,),) = run_at_once("select txid_current()", {})
    return int(number)


def test_a_genuine_push_is_answered_success_and_stored_with_its_job(
    wechat_side: FlaskClient, component: ComponentApp
) -> None:
    response = send(wechat_side, sealed(ticket()))
    assert (response.status_code, response.get_data(as_text=True)) == (200, "success")
    assert response.mimetype == "text/plain"
    (row,) = stored(component)
    assert (row.kind, row.status, row.times_seen, row.appid) == ("component_verify_ticket", "queued", 1, "")
    assert b"ticket@@@pushed" in row.body.encode()
    assert b"ticket@@@pushed" not in (row.body_sealed or b"")
    assert row.happened_at is not None
    assert waiting_jobs() == [("jobs.callbacks.process", str(row.id), component.provider_id)]


def test_a_push_that_another_implementation_sealed_is_stored(wechat_side: FlaskClient, component: ComponentApp) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from wechatpy.crypto import WeChatCrypto  # type: ignore[import-untyped]

    timestamp, nonce = str(int(time.time())), "271828182"
    sealed_xml = WeChatCrypto(TOKEN, AES_KEY, APPID).encrypt_message(ticket().decode(), nonce, timestamp)
    query = {
        "timestamp": timestamp, "nonce": nonce, "encrypt_type": "aes",
        "msg_signature": parse_message(sealed_xml.encode())["MsgSignature"],
    }  # fmt: skip
    response = send(wechat_side, Pushed(sealed_xml.encode(), query))
    assert (response.status_code, response.get_data(as_text=True)) == (200, "success")
    (row,) = stored(component)
    assert row.kind == "component_verify_ticket"


@contextmanager
def sessions_statements() -> Iterator[list[str]]:
    """What goes to the database through sessions meanwhile."""
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    for name in ("platform", "tenant"):
        event.listen(engine(name), "before_cursor_execute", note)
    try:
        yield statements
    finally:
        for name in ("platform", "tenant"):
            event.remove(engine(name), "before_cursor_execute", note)


def test_a_push_is_answered_after_one_transaction(wechat_side: FlaskClient, component: ComponentApp) -> None:
    send(wechat_side, sealed(ticket("the first one finds out whose address it is")))
    with sessions_statements() as statements:
        before = newest_transaction()
        send(wechat_side, sealed(ticket("the second one")))
        assert newest_transaction() == before + 2  # the push, and this question
    assert statements == []


def test_the_job_finds_the_ticket(
    wechat_side: FlaskClient, component: ComponentApp, run_jobs: Callable[..., list[str]]
) -> None:
    send(wechat_side, sealed(ticket()))
    assert run_jobs()[0] == "jobs.callbacks.process"
    with tenant_session(component.provider_id) as db:
        assert db.scalars(select(Ticket)).one().value == "ticket@@@pushed"
    assert stored(component)[0].status == "done"


def test_a_repeated_push_is_answered_success_and_stored_once(wechat_side: FlaskClient, component: ComponentApp) -> None:
    plaintext = ticket()
    for nonce in ("1", "2", "3"):  # WeChat seals every try anew
        response = send(wechat_side, sealed(plaintext, nonce=nonce))
        assert (response.status_code, response.get_data(as_text=True)) == (200, "success")
    (row,) = stored(component)
    assert row.times_seen == 3
    assert len(waiting_jobs()) == 1


def test_a_forged_signature_is_403_counted_and_not_stored(wechat_side: FlaskClient, component: ComponentApp) -> None:
    response = send(wechat_side, sealed(ticket()), msg_signature="0" * 40)
    assert response.status_code == 403
    assert stored(component) == []
    assert refusals(component) == (1, "signature")


@pytest.mark.parametrize("changed", ["timestamp", "nonce", "msg_signature"])
def test_a_missing_or_changed_parameter_is_403(wechat_side: FlaskClient, component: ComponentApp, changed: str) -> None:
    pushed = sealed(ticket())
    assert send(wechat_side, pushed, **{changed: ""}).status_code == 403
    del pushed.query[changed]
    assert send(wechat_side, pushed).status_code == 403
    assert refusals(component)[0] == 2


def test_another_component_apps_push_is_403(wechat_side: FlaskClient, component: ComponentApp) -> None:
    assert send(wechat_side, sealed(ticket(), appid="wx0000000000000001")).status_code == 403
    assert refusals(component) == (1, "appid")


def test_a_push_under_an_unknown_key_is_400_and_says_so(wechat_side: FlaskClient, component: ComponentApp) -> None:
    assert send(wechat_side, sealed(ticket(), aes_key=OTHER_KEY)).status_code == 400
    assert refusals(component) == (1, "key")
    assert stored(component) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not xml",
        b"<xml></xml>",
        b"<xml><Encrypt></Encrypt></xml>",
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><xml><Encrypt>&e;</Encrypt></xml>',
        '<!DOCTYPE x [<!ENTITY e "x">]><xml><Encrypt>&e;</Encrypt></xml>'.encode("utf-16"),
        b"{",
        b"[1]",
    ],
)
def test_malformed_and_xxe_bodies_are_400_counted_and_not_stored(
    wechat_side: FlaskClient, component: ComponentApp, body: bytes
) -> None:
    assert send(wechat_side, Pushed(body, sealed(ticket()).query)).status_code == 400
    assert refusals(component) == (1, "malformed")
    assert stored(component) == []


@pytest.mark.parametrize("size", [inbox.MAX_BYTES + 1, 13 * 1024 * 1024])
def test_oversized_bodies_are_400_and_counted(wechat_side: FlaskClient, component: ComponentApp, size: int) -> None:
    assert send(wechat_side, Pushed(b"<" * size, sealed(ticket()).query)).status_code == 400
    assert refusals(component) == (1, "oversized")


def test_an_unknown_address_is_404_and_leaves_nothing(wechat_side: FlaskClient, component: ComponentApp) -> None:
    assert send(wechat_side, sealed(ticket()), "/wx/nobody/events").status_code == 404
    assert refusals(component) == (0, "")


class Unread(io.BytesIO):
    """A body that whoever reads it waits for."""

    def read(self, size: int | None = -1, /) -> bytes:
        raise AssertionError("read")


def test_bodies_for_nobody_and_bodies_too_long_are_answered_unread(
    wechat_side: FlaskClient, component: ComponentApp
) -> None:
    def answer(path: str, length: int) -> int:
        query = sealed(ticket()).query
        declared = {"CONTENT_LENGTH": str(length)}
        return wechat_side.post(
            path, input_stream=Unread(), query_string=query, environ_overrides=declared
        ).status_code  # fmt: skip

    assert answer("/wx/nobody/events", 100) == 404
    assert answer(EVENTS, inbox.MAX_BYTES + 1) == 400
    assert refusals(component) == (1, "oversized")
    assert answer(EVENTS, inbox.MAX_BYTES) == 500  # what is not too long is read


def test_an_address_that_is_nobodys_is_looked_up_once_in_some_seconds(
    wechat_side: FlaskClient, component: ComponentApp
) -> None:
    inbox.forget_receiver("nobody")
    with sessions_statements() as statements:
        send(wechat_side, sealed(ticket()), "/wx/nobody/events")
        assert statements
        statements.clear()
        assert send(wechat_side, sealed(ticket()), "/wx/nobody/events").status_code == 404
        assert statements == []
        inbox.forget_receiver("nobody")
        send(wechat_side, sealed(ticket()), "/wx/nobody/events")
        assert statements


def test_keys_made_up_fill_no_memory(component: ComponentApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "_MOST_NOBODYS", 3)
    for number in range(10):
        assert inbox.find_receiver(f"made-up-{number}") is None
    assert len(inbox._nobodys) <= 3


def test_the_previous_key_opens_pushes_after_a_rotation(
    wechat_side: FlaskClient, component: ComponentApp, cast: Cast
) -> None:
    send(wechat_side, sealed(ticket("one")))
    with tenant_session(cast.alices) as db:
        row = load_component(db, component.id)
        setup.update_credentials(db, row, who=cast.who["alice"], aes_key=OTHER_KEY)
    assert send(wechat_side, sealed(ticket("two"))).status_code == 200
    assert send(wechat_side, sealed(ticket("three"), aes_key=OTHER_KEY)).status_code == 200
    assert len(stored(component)) == 3


def test_keys_changed_by_another_process_are_found_by_the_push_itself(
    wechat_side: FlaskClient, component: ComponentApp
) -> None:
    send(wechat_side, sealed(ticket("one")))
    known = inbox.find_receiver(component.key)
    assert known is not None
    with tenant_session(component.provider_id) as db:  # as another process would, unseen by this one's memory
        load_component(db, component.id).token = "AnotherToken2026"
    time.sleep(max(0.0, known.read_at + 1.01 - time.monotonic()))
    assert send(wechat_side, sealed(ticket("two"), token="AnotherToken2026")).status_code == 200


def test_an_event_that_nobody_handles_is_stored_and_done(
    wechat_side: FlaskClient, component: ComponentApp, run_jobs: Callable[..., list[str]]
) -> None:
    body = xml(AppId=APPID, CreateTime=1790000000, InfoType="something_new")
    assert send(wechat_side, sealed(body)).get_data(as_text=True) == "success"
    run_jobs()
    (row,) = stored(component)
    assert (row.kind, row.status) == ("something_new", "done")


def test_json_pushes_are_accepted_too(wechat_side: FlaskClient, component: ComponentApp) -> None:
    pushed = sealed(b'{"ToUserName":"gh_1","CreateTime":1790000000,"MsgType":"event","Event":"x"}')
    encrypted = parse_envelope(pushed.body, inbox.MAX_BYTES).encrypted
    body = f'{{"ToUserName":"gh_1","Encrypt":"{encrypted}"}}'.encode()
    assert send(wechat_side, Pushed(body, pushed.query), MESSAGES).status_code == 200
    (row,) = stored(component)
    assert (row.kind, row.appid) == ("x", PROGRAM)


def test_without_redis_pushes_are_answered_at_once_and_wait_in_the_database(
    wechat_side: FlaskClient, component: ComponentApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    settings.cache_clear()
    forget_connection()
    try:
        response = send(wechat_side, sealed(ticket()))
        assert response.get_data(as_text=True) == "success"
        assert [name for name, _, _ in waiting_jobs()] == ["jobs.callbacks.process"]
    finally:
        monkeypatch.undo()
        settings.cache_clear()
        forget_connection()


def test_the_release_checks_text_gets_its_encrypted_reply_in_the_response(
    wechat_side: FlaskClient, component: ComponentApp
) -> None:
    message = xml(
        ToUserName=TEST_USER_NAME, FromUserName="openid", CreateTime=1790000000, MsgType="text", Content=TEXT_SENT,
        MsgId=1,
    )  # fmt: skip
    response = send(wechat_side, sealed(message), f"/wx/alicekey/{TEST_ACCOUNT}/messages")
    outer = parse_message(response.get_data())
    assert outer["Nonce"] == "314159265"
    opened = MessageCrypto(token=TOKEN, aes_key=AES_KEY, appid=APPID).decrypt(
        encrypted=outer["Encrypt"], msg_signature=outer["MsgSignature"], timestamp=outer["TimeStamp"],
        nonce=outer["Nonce"],
    )  # fmt: skip
    reply = parse_message(opened.plaintext)
    assert reply["Content"] == TEXT_ANSWERED
    assert (reply["ToUserName"], reply["FromUserName"]) == ("openid", TEST_USER_NAME)


def test_the_release_checks_code_is_answered_with_nothing_at_once(
    wechat_side: FlaskClient, component: ComponentApp
) -> None:
    message = xml(
        ToUserName=TEST_USER_NAME, FromUserName="openid", CreateTime=1790000000, MsgType="text",
        Content="QUERY_AUTH_CODE:abc", MsgId=2,
    )  # fmt: skip
    response = send(wechat_side, sealed(message), f"/wx/alicekey/{TEST_ACCOUNT}/messages")
    assert (response.status_code, response.get_data()) == (200, b"")
    assert len(waiting_jobs()) == 1


def test_the_same_words_to_an_ordinary_account_get_success_only(
    wechat_side: FlaskClient, component: ComponentApp
) -> None:
    message = xml(ToUserName="gh_x", FromUserName="o", CreateTime=1790000000, MsgType="text", Content=TEXT_SENT)
    assert send(wechat_side, sealed(message), MESSAGES).get_data(as_text=True) == "success"


def test_the_address_check_gives_the_text_back_to_wechat_only(
    wechat_side: FlaskClient, component: ComponentApp
) -> None:
    query = {"timestamp": "1790000500", "nonce": "314159265", "echostr": "5837205619483726110"}
    good = {**query, "signature": signature(TOKEN, query["timestamp"], query["nonce"])}
    assert wechat_side.get(EVENTS, query_string=good).get_data(as_text=True) == query["echostr"]
    assert wechat_side.get(MESSAGES, query_string=good).get_data(as_text=True) == query["echostr"]
    assert wechat_side.get(EVENTS, query_string={**query, "signature": "0" * 40}).status_code == 403
    assert wechat_side.get("/wx/nobody/events", query_string=good).status_code == 403
