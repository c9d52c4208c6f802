"""WeChat's pushes: verify, keep, answer `success`. The work is a job's.

They come by the thousand and need no page, session, language or form, so they are taken in before Flask, which costs
more than all that is done with one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import structlog
from flask import Blueprint, Flask, Response, request

from saas.components import inbox
from saas.web.health import REQUESTS
from saas.wx.release_check import AnswerByMessage, AnswerNow, answer_to

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

callbacks = Blueprint("callbacks", __name__, url_prefix="/wx")
log = structlog.get_logger()

_ADDRESS = re.compile(r"/wx/(?P<key>[\w-]+)/(?:events|(?P<appid>\w+)/messages)", re.ASCII)
_STATUS = {
    200: "200 OK", 400: "400 Bad Request", 403: "403 Forbidden", 404: "404 Not Found",
    500: "500 Internal Server Error",
}  # fmt: skip
_TEXT, _XML = "text/plain; charset=utf-8", "application/xml; charset=utf-8"

Answer = tuple[int, str, str]
"""Status, body, media type."""


def take_pushes(app: Flask) -> None:
    """Put the inbox before the app."""
    app.wsgi_app = _Inbox(app.wsgi_app)  # type: ignore[method-assign]


class _Inbox:
    """Answers what is posted to a callback address; everything else is the app's."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        found = _ADDRESS.fullmatch(environ["PATH_INFO"]) if environ["REQUEST_METHOD"] == "POST" else None
        if found is None:
            return self._app(environ, start_response)
        key, appid = found["key"], found["appid"] or ""
        structlog.contextvars.clear_contextvars()
        try:
            status, text, kind = _take(key, appid, environ)
        except Exception:  # WeChat pushes it again
            log.exception("callback_failed", key=key, appid=appid)
            status, text, kind = 500, "failed", _TEXT
        REQUESTS.labels("callbacks.take_message" if appid else "callbacks.take_event", status).inc()
        body = text.encode()
        headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("X-Content-Type-Options", "nosniff")]
        start_response(_STATUS[status], headers)
        return [body]


def _take(key: str, appid: str, environ: WSGIEnvironment) -> Answer:
    """Keep one push. Messages and events of a mini program (`appid`) may be WeChat's release check, which wants its
    answer in this response; tickets, authorizations and other notices are for the component app itself. The body is
    read last, since whoever sends it slowly holds a thread: the proxy in front passes on whole requests only."""
    receiver = inbox.find_receiver(key)
    if receiver is None:
        return 404, "no such address", _TEXT
    query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    nonce = query.get("nonce", "")
    try:
        if _declared(environ) > inbox.MAX_BYTES:
            raise inbox.oversized(receiver)
        push = inbox.open_push(
            key, _body(environ), msg_signature=query.get("msg_signature", ""), timestamp=query.get("timestamp", ""),
            nonce=nonce,
        )  # fmt: skip
    except inbox.Refused as refused:
        log.warning("callback_refused", key=key, why=refused.why)
        return 403 if refused.is_forged else 400, "refused", _TEXT
    if push is None:
        return 404, "no such address", _TEXT
    inbox.keep_push(push, appid=appid)
    answer = answer_to(appid, push.message) if appid else None
    if isinstance(answer, AnswerNow):
        return 200, inbox.seal_reply(push, answer, nonce=nonce), _XML
    return 200, "" if isinstance(answer, AnswerByMessage) else "success", _TEXT


def _declared(environ: WSGIEnvironment) -> int:
    """How long the body says it is; 0 when it does not say."""
    given = environ.get("CONTENT_LENGTH") or ""
    return int(given) if given.isdecimal() else 0


def _body(environ: WSGIEnvironment) -> bytes:
    """The posted bytes; of a body that does not say its length, one more than allowed at most."""
    length = _declared(environ)
    if not environ.get("CONTENT_LENGTH") and environ.get("wsgi.input_terminated"):
        length = inbox.MAX_BYTES + 1
    body: bytes = environ["wsgi.input"].read(length)
    return body


@callbacks.get("/<key>/events")
@callbacks.get("/<key>/<_appid>/messages")
def prove_address(key: str, _appid: str = "") -> Response:
    """WeChat's check that the address is ours: give the random text back."""
    args = request.args
    if inbox.is_genuine_check(
        key, given=args.get("signature", ""), timestamp=args.get("timestamp", ""), nonce=args.get("nonce", "")
    ):
        return Response(args.get("echostr", ""), mimetype="text/plain")
    return Response("refused", 403, mimetype="text/plain")
