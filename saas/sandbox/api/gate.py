"""The door of the API: every call is checked here once, then handed to its chapter."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from flask import Blueprint, Response, request

from saas.sandbox import mistakes
from saas.sandbox.api import bodies, chapters
from saas.sandbox.api.registry import Answer, Call, Picture, Play, played
from saas.sandbox.faults import Fault, take_fault
from saas.sandbox.refusals import Refused, new_rid, refusal
from saas.sandbox.schemas import note_wrong_answer
from saas.sandbox.state import Db, Row, one, to_json
from saas.sandbox.trials import end_trials
from saas.sandbox.world import World, here
from saas.wx.contract.operations import Operation, all_operations

_MAX_FAILED = 5000
_TOKEN_NAMES = ("access_token", "component_access_token")

_LATENCY = float(os.environ.get("SANDBOX_LATENCY_MS", "0")) / 1000
"""How long every call takes besides; benches make the sandbox as slow as WeChat."""


@dataclass
class _Seen:
    """What is known of a call when it is refused."""

    operation: Operation | None = None
    component: str = ""
    account: str = ""


def make_routes() -> Blueprint:
    """One route per path of the contract; the method is checked by the sandbox, since WeChat answers HTTP 200."""
    chapters.load()
    pages = Blueprint("api", __name__)
    for path in sorted(_operations()):
        pages.add_url_rule(path, endpoint=path.strip("/").replace("/", "_"), view_func=answer, methods=["GET", "POST"])
    return pages


def answer() -> Response:
    """Play one call."""
    world = here()
    started = time.perf_counter()
    if _LATENCY:
        time.sleep(_LATENCY)
    op = _operations()[request.path].get(request.method)
    seen = _Seen(op)
    fault = _take_fault(world, op)
    if fault and fault.kind in ("latency", "timeout"):
        stopped = world.pusher.stopping.wait(fault.seconds)
        if stopped or fault.kind == "timeout":
            return _cut()
    try:
        with world.state.turn() as db:
            result = _play(world, db, seen, fault)
            seen.account = seen.account or _account_named(result)
            _tally(db, seen, 0)
    except Refused as error:
        wanted = fault is not None and fault.kind == "errcode"
        return _refuse(world, seen, error, started, "" if wanted else mistakes.word(op, error.errcode))
    except bodies.Unfit as error:
        return _refuse(world, seen, error.refusal, started, error.what)
    world.pusher.wake()
    if fault and fault.kind == "cut":
        return _cut()
    return _respond(world, op, result)


def _play(world: World, db: Db, seen: _Seen, fault: Fault | None) -> Answer:
    op = seen.operation
    if op is None:
        wrong = 43002 if request.method == "GET" else 43001
        raise bodies.Unfit(wrong, f"方法不对：{request.path} 不接受 {request.method}")
    play = played()[op.id]
    end_trials(db, world.now())
    component, account = _identify(db, world.now(), op, play, seen)
    _check_ip(component)
    if fault and fault.kind == "errcode":
        raise Refused(fault.errcode, errmsg=fault.errmsg)
    _check_permission(db, op, component, account)
    call = Call(world, db, op, world.now(), component, account, body={}, query={}, files=request.files, ip=_client_ip())
    given = {name: value for name, value in request.args.items() if name not in _TOKEN_NAMES}
    call.query = bodies.read_query(op, given, play.invalid)
    if op.request_content_type == "multipart/form-data":
        bodies.check_form(op, request.form, request.files, play.invalid)
        call.body = request.form.to_dict()
    elif op.method == "POST":
        raw = request.get_data()
        call.body = bodies.read_json(op, raw, play.invalid, play.hinted)
        _check_escapes(db, call, raw)
    if call.body.get("component_appid", call.component_appid) != call.component_appid:
        raise Refused(40013)
    seen.account = seen.account or str(call.body.get("authorizer_appid", ""))
    return play.handler(call)


def _identify(db: Db, now: float, op: Operation, play: Play, seen: _Seen) -> tuple[Row, Row | None]:
    """Whose call it is: from the token, or from the body of calls without one."""
    if op.token == "none" and "component_appid" not in (op.request_schema or {})["properties"]:  # noqa: S105
        return _nearest(db), None
    if op.token == "none":  # noqa: S105
        appid = _peek_component_appid()
        component = one(db, "select * from component where appid = ?", appid)
        if component is None:
            raise Refused(41018 if not appid else 61011 if appid.startswith("wx") and len(appid) == 18 else 40013)
        seen.component = appid
        return component, None
    value = request.args.get("access_token", "")
    if not value and op.token == "component":  # noqa: S105
        value = request.args.get("component_access_token", "")
    if not value:
        raise Refused(41001)
    token = one(db, "select * from token where value = ?", value)
    if token is None or token["void"]:
        raise Refused(40001)
    seen.component, seen.account = token["component"], token["account"] or ""
    if token["expires_at"] <= now:
        raise Refused(42001)
    kind = "authorizer" if token["account"] else "component"
    if kind != op.token and kind != op.token_also and not play.either_token:
        raise Refused(61015 if op.token == "authorizer" else 61014)  # noqa: S105
    component = one(db, "select * from component where appid = ?", token["component"])
    account = one(db, "select * from account where appid = ?", token["account"]) if token["account"] else None
    if component is None or (token["account"] and account is None):
        raise Refused(40001)
    return component, account


def _nearest(db: Db) -> Row:
    """Who calls with an account's own AppSecret names no component app: the last one stands for it."""
    component = one(db, "select * from component order by created_at desc limit 1")
    if component is None:
        raise Refused(40013)
    return component


def _account_named(result: Answer) -> str:
    """The mini program that an exchanged code was for: calls are counted by mini program."""
    info = result.get("authorization_info", {}) if isinstance(result, dict) else {}
    return str(info.get("authorizer_appid", ""))


def _check_ip(component: Row) -> None:
    allowed = json.loads(component["ip_whitelist"])
    if allowed and _client_ip() not in allowed:
        raise Refused(61004, f"requestIP: {_client_ip()}")


def _client_ip() -> str:
    return request.remote_addr or "127.0.0.1"


def _check_permission(db: Db, op: Operation, component: Row, account: Row | None) -> None:
    """The authorization must stand and hold one of the permission sets that the interface belongs to."""
    if account is None:
        return
    granted = one(
        db,
        "select sets from authorization where component = ? and account = ?",
        component["appid"],
        account["appid"],
    )
    if granted is None:
        raise Refused(61003)
    if op.permission_sets and not set(op.permission_sets) & set(json.loads(granted["sets"])):
        raise Refused(61007)


def _check_escapes(db: Db, call: Call, raw: bytes) -> None:
    if bodies.has_escapes(raw):
        mistakes.note(
            db,
            call.now,
            "JSON 里的汉字写成了 \\u 转义：要发原样的 UTF-8",
            operation=call.operation.id,
            component=call.component_appid,
            example=raw.decode(errors="replace"),
        )


def _take_fault(world: World, op: Operation | None) -> Fault | None:
    if op is None:
        return None
    with world.state.turn() as db:
        if one(db, "select 1 from fault") is None:
            return None
        value = request.args.get("access_token") or request.args.get("component_access_token") or ""
        token = one(db, "select component, account from token where value = ?", value)
        owners = [token["component"], token["account"] or ""] if token else [_peek_component_appid()]
        return take_fault(db, op.id, owners)


def _peek_component_appid() -> str:
    if request.method == "GET":
        return request.args.get("component_appid", "")
    try:
        body = json.loads(request.get_data() or b"{}")
    except ValueError:
        return ""
    appid = body.get("component_appid") if isinstance(body, dict) else None
    return appid if isinstance(appid, str) else ""


def _tally(db: Db, seen: _Seen, errcode: int) -> None:
    db.execute(
        "insert into tally (component, account, operation, errcode, n) values (?, ?, ?, ?, 1) "
        "on conflict (component, account, operation, errcode) do update set n = n + 1",
        (seen.component, seen.account, seen.operation.id if seen.operation else request.path, errcode),
    )


def _refuse(world: World, seen: _Seen, error: Refused, started: float, what: str) -> Response:
    now = world.now()
    rid = new_rid(now)
    content = refusal(error, seen.operation, rid)
    with world.state.turn() as db:
        _tally(db, seen, error.errcode)
        operation_id = seen.operation.id if seen.operation else request.path
        if what:
            example = request.query_string.decode() if request.method == "GET" else request.get_data(as_text=True)
            mistakes.note(db, now, what, operation=operation_id, component=seen.component, example=example)
        text = to_json(content)
        db.execute(
            "insert into failed_call values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                rid,
                now,
                round((time.perf_counter() - started) * 1000),
                seen.component,
                seen.account,
                operation_id,
                request.query_string.decode(),
                request.get_data(as_text=True)[:4000],
                text,
                _client_ip(),
            ),
        )
        db.execute("delete from failed_call where rowid <= (select max(rowid) from failed_call) - ?", (_MAX_FAILED,))
    return _json(world, seen.operation, content)


def _respond(world: World, op: Operation | None, result: Answer) -> Response:
    if isinstance(result, Picture):
        if world.wrong_answers and op:
            note_wrong_answer(world.wrong_answers, op, None)
        return Response(result.content, content_type=result.content_type)
    fields = result or {}
    return _json(world, op, {"errcode": 0, "errmsg": "ok"} | fields if op and _says_ok(op.id) else fields)


@cache
def _says_ok(operation_id: str) -> bool:
    """Token calls answer no errcode when they succeed: as in the contract's examples."""
    op = next(found for found in all_operations() if found.id == operation_id)
    good = [example for example in op.response_examples.values() if not example.get("errcode")]
    return not good or any("errcode" in example for example in good)


def _json(world: World, op: Operation | None, content: Mapping[str, object]) -> Response:
    if world.wrong_answers and op:
        note_wrong_answer(world.wrong_answers, op, content)
    return Response(to_json(content), content_type="application/json; encoding=utf-8")


def _cut() -> Response:
    """An answer that breaks off: fewer bytes come than were announced, and the connection is closed."""
    response = Response(b"{", content_type="application/json")
    response.headers["Content-Length"] = "4096"
    response.headers["Connection"] = "close"
    return response


@cache
def _operations() -> dict[str, dict[str, Operation]]:
    """Path → method → operation."""
    found: dict[str, dict[str, Operation]] = {}
    for play in played().values():
        found.setdefault(play.operation.path, {})[play.operation.method] = play.operation
    return found
