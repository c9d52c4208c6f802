"""The full-network release check (全网发布检测): WeChat's test accounts write to the platform."""

from __future__ import annotations

import secrets
import threading
import time
from typing import Any

from lxml import etree

from saas.sandbox.authorizations import authorize, revoke
from saas.sandbox.people import add_account
from saas.sandbox.pusher import Delivery, push_ticket
from saas.sandbox.pushes import SYSTEM_OPENID, cdata, to_xml
from saas.sandbox.state import Db, Row, State, one, rows, scalar, setting
from saas.sandbox.world import World
from saas.wx.contract.operations import release_check
from saas.wx.crypto import CallbackRefused, MessageCrypto

_CASES = {
    "1": "推送 component_verify_ticket，应答 success",
    "2": "公众号文本消息，立即回复加密的文本",
    "3": "公众号客服消息：先空回复，再用接口回复",
    "4": "小程序客服消息：先空回复，再用接口回复",
    "5": "公众号事件消息，回复 事件名+from_callback",
}
_running: set[str] = set()


def start_release_check(world: World, db: Db, component: Row) -> None:
    """Authorize a group of test accounts and run the cases in the background."""
    if component["appid"] in _running:
        return
    _running.add(component["appid"])
    db.execute("delete from check_case where component = ?", (component["appid"],))
    threading.Thread(target=_run, args=(world, component), name="release-check", daemon=True).start()


def read_results(db: Db, component: str) -> dict[str, Any]:
    """What was found so far. `passed` is None while the check runs."""
    cases = [dict(case) for case in rows(db, "select * from check_case where component = ? order by id", component)]
    running = component in _running
    passed = None if running else bool(cases) and all(case["passed"] for case in cases)
    return {"running": running, "passed": passed, "cases": cases}


def _run(world: World, component: Row) -> None:
    try:
        group = secrets.choice(release_check()["test-accounts"])
        official, program = group["officialAccount"], group["miniProgram"]
        codes = {}
        with world.state.turn() as db:
            for account, kind, sets in ((official, "official_account", (1, 3)), (program, "mini_program", (18, 19))):
                _add_test_account(db, account, kind)
                codes[account["appid"]] = authorize(db, world.now(), component["appid"], account["appid"], sets)
        world.pusher.wake()
        try:
            _check_ticket(world, component)
            _check_text(world, component, official)
            _check_customer_service(world, component, official, "3")
            _check_customer_service(world, component, program, "4")
            _check_event(world, component, official)
        finally:
            with world.state.turn() as db:
                for appid in codes:
                    revoke(db, world.now(), component["appid"], appid)
            world.pusher.wake()
    finally:
        _running.discard(component["appid"])


def _add_test_account(db: Db, account: dict[str, str], kind: str) -> None:
    if one(db, "select 1 from account where appid = ?", account["appid"]) is None:
        add_account(db, "微信检测员", nick_name=f"全网发布检测 {account['userName'][-4:]}", appid=account["appid"])
    db.execute(
        "update account set user_name = ?, kind = ? where appid = ?", (account["userName"], kind, account["appid"])
    )


def _check_ticket(world: World, component: Row) -> None:
    with world.state.turn() as db:
        push_ticket(db, component["appid"], world.now())
        push = scalar(db, "select max(id) from push where component = ? and account is null", component["appid"])
    world.pusher.wake()
    state = _wait(
        lambda db: scalar(db, "select state from push where id = ? and state <> 'sending'", push),
        "delivered",
        world.state,
    )
    _note(world, component, "1", state == "delivered", "应答正确" if state == "delivered" else f"推送状态：{state}")


def _check_text(world: World, component: Row, account: dict[str, str]) -> None:
    content = "TESTCOMPONENT_MSG_TYPE_TEXT"
    sent = _send(world, component, account, {"MsgType": "text", "Content": content, "MsgId": _message_id()})
    reply = _read_reply(component, sent)
    _judge_reply(world, component, "2", sent, reply, account, f"{content}_callback")


def _check_event(world: World, component: Row, account: dict[str, str]) -> None:
    event = {"MsgType": "event", "Event": "LOCATION", "Latitude": "23.13", "Longitude": "113.26", "Precision": "119.3"}
    sent = _send(world, component, account, event)
    _judge_reply(world, component, "5", sent, _read_reply(component, sent), account, "LOCATIONfrom_callback")


def _check_customer_service(world: World, component: Row, account: dict[str, str], case: str) -> None:
    with world.state.turn() as db:
        code = authorize(db, world.now(), component["appid"], account["appid"], (1, 3, 18, 19), push=False)
        before = scalar(db, "select coalesce(max(id), 0) from custom_message")
    sent = _send(
        world, component, account, {"MsgType": "text", "Content": f"QUERY_AUTH_CODE:{code}", "MsgId": _message_id()}
    )
    if not sent.is_success:
        _note(world, component, case, False, f"应在 5 秒内回空串，得到 HTTP {sent.status}：{sent.answer[:120]}")
        return
    wanted = f"{code}_from_api"
    query = "select content from custom_message where id > ? and account = ? and touser = ? order by id desc"
    got = _wait(lambda db: scalar(db, query, before, account["appid"], SYSTEM_OPENID), wanted, world.state)
    said = "收到客服消息" if got == wanted else f"没有收到 <code>_from_api 的客服消息，得到：{got or '无'}"
    _note(world, component, case, got == wanted, said)


def _send(world: World, component: Row, account: dict[str, str], fields: dict[str, Any]) -> Delivery:
    content = {
        "ToUserName": account["userName"],
        "FromUserName": SYSTEM_OPENID,
        "CreateTime": int(world.now()),
        **fields,
    }
    url = component["messages_url"].replace("$APPID$", account["appid"])
    envelope = f"<ToUserName>{cdata(account['userName'])}</ToUserName>"
    return world.pusher.send(component, url, to_xml(content), envelope)


def _judge_reply(
    world: World,
    component: Row,
    case: str,
    sent: Delivery,
    reply: dict[str, str],
    account: dict[str, str],
    wanted: str,
) -> None:
    right = {"ToUserName": SYSTEM_OPENID, "FromUserName": account["userName"], "MsgType": "text", "Content": wanted}
    wrong = [
        f"{name} 应为 {value}，得到 {reply.get(name, '无')}"
        for name, value in right.items()
        if reply.get(name) != value
    ]
    if "error" in reply:
        wrong = [f"{reply['error']}（HTTP {sent.status}：{sent.answer[:120]}）"]
    _note(world, component, case, not wrong, "；".join(wrong) or f"回复正确，{sent.ms} 毫秒")


def _read_reply(component: Row, sent: Delivery) -> dict[str, str]:
    """Open an encrypted passive reply; `error` says why it cannot be."""
    try:
        outer = _fields(sent.answer.encode())
        crypto = MessageCrypto(token=component["token"], aes_key=component["aes_key"], appid=component["appid"])
        opened = crypto.decrypt(
            encrypted=outer["Encrypt"],
            msg_signature=outer["MsgSignature"],
            timestamp=outer["TimeStamp"],
            nonce=outer["Nonce"],
        )
        return _fields(opened.plaintext)
    except (CallbackRefused, etree.XMLSyntaxError, ValueError) as error:
        return {"error": f"回复不是加密的 XML：{error}"}
    except KeyError as error:
        return {"error": f"回复缺少 {error.args[0]}"}


def _fields(xml: bytes) -> dict[str, str]:
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    return {str(element.tag): element.text or "" for element in etree.fromstring(xml, parser)}


def _wait(read: Any, wanted: Any, state: State) -> Any:
    """Read until it is what we want, or the time is over; answers the last value."""
    started = time.monotonic()
    while True:
        with state.turn() as db:
            value = read(db)
            patience = float(setting(db, "check_seconds", "10"))
        if value == wanted or time.monotonic() - started > patience:
            return value
        time.sleep(0.1)


def _note(world: World, component: Row, case: str, passed: bool, detail: str) -> None:
    with world.state.turn() as db:
        db.execute(
            "insert or replace into check_case (component, id, name, passed, detail, at) values (?, ?, ?, ?, ?, ?)",
            (component["appid"], case, _CASES[case], int(passed), detail, world.now()),
        )


def _message_id() -> int:
    return secrets.randbelow(10**18) + 10**18
