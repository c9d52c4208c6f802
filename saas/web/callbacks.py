"""WeChat's pushes: verify, keep, answer `success`. The work is a job's."""

from __future__ import annotations

import structlog
from flask import Blueprint, Response, request

from saas.components import inbox
from saas.wx.release_check import AnswerByMessage, AnswerNow, answer_to

callbacks = Blueprint("callbacks", __name__, url_prefix="/wx")
log = structlog.get_logger()


@callbacks.post("/<key>/events")
def take_event(key: str) -> Response:
    """Tickets, authorizations and other notices for the component app itself."""
    push = _open(key)
    if isinstance(push, Response):
        return push
    inbox.keep_push(push)
    return _plain("success")


@callbacks.post("/<key>/<appid>/messages")
def take_message(key: str, appid: str) -> Response:
    """Messages and events of one mini program. WeChat's release check wants its answer in this response."""
    push = _open(key)
    if isinstance(push, Response):
        return push
    inbox.keep_push(push, appid=appid)
    answer = answer_to(appid, push.message)
    if isinstance(answer, AnswerNow):
        reply = inbox.seal_reply(push, answer, nonce=request.args.get("nonce", ""))
        return Response(reply, mimetype="application/xml")
    return _plain("" if isinstance(answer, AnswerByMessage) else "success")


@callbacks.get("/<key>/events")
@callbacks.get("/<key>/<_appid>/messages")
def prove_address(key: str, _appid: str = "") -> Response:
    """WeChat's check that the address is ours: give the random text back."""
    args = request.args
    if inbox.is_genuine_check(
        key, given=args.get("signature", ""), timestamp=args.get("timestamp", ""), nonce=args.get("nonce", "")
    ):
        return _plain(args.get("echostr", ""))
    return _plain("refused", 403)


def _open(key: str) -> inbox.Push | Response:
    args = request.args
    try:
        push = inbox.open_push(
            key, _body(), msg_signature=args.get("msg_signature", ""), timestamp=args.get("timestamp", ""),
            nonce=args.get("nonce", ""),
        )  # fmt: skip
    except inbox.Refused as refused:
        log.warning("callback_refused", key=key, why=refused.why)
        return _plain("refused", 403 if refused.is_forged else 400)
    return push or _plain("no such address", 404)


def _body() -> bytes:
    """The posted bytes, one more than allowed at most: whatever is longer is refused unread."""
    request.max_content_length = request.content_length  # our own limit, with our own answer
    return request.stream.read(inbox.MAX_BYTES + 1)


def _plain(text: str, status: int = 200) -> Response:
    return Response(text, status=status, mimetype="text/plain")
