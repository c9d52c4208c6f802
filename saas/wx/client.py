"""The one client of WeChat's API: every call of the program goes through `WxClient.call`."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Protocol
from urllib.parse import urlencode

import httpx2

from saas.wx import answers, errors
from saas.wx.api.account import Account
from saas.wx.api.categories import Categories
from saas.wx.api.certification import Certification
from saas.wx.api.code import Code
from saas.wx.api.component import Component
from saas.wx.api.domains import Domains
from saas.wx.api.entries import Entries
from saas.wx.api.filing import Filing
from saas.wx.api.link_miniprogram import LinkMiniprogram
from saas.wx.api.media import Media
from saas.wx.api.messages import Messages
from saas.wx.api.open_account import OpenAccounts
from saas.wx.api.order_path import OrderPaths
from saas.wx.api.platform_domains import PlatformDomains
from saas.wx.api.plugins import Plugins
from saas.wx.api.privacy import Privacy
from saas.wx.api.profile import Profile
from saas.wx.api.qrcode_rules import QrcodeRules
from saas.wx.api.quota import Quota
from saas.wx.api.records import Records
from saas.wx.api.registration import Registrations
from saas.wx.api.release import Release
from saas.wx.api.subscribe_component import SubscribeComponent
from saas.wx.api.templates import TemplateLibrary
from saas.wx.api.testers import Testers
from saas.wx.api.trial import Trial
from saas.wx.chapter import Download, Upload
from saas.wx.connections import Answer, NoAnswer, NotSent, Wire
from saas.wx.contract.operations import Operation, Token, operation

_log = logging.getLogger(__name__)

_BUSY_PAUSES = (0.3, 1.0)
_READ_SECONDS = 10.0
_WRITE_SECONDS = 30.0
_UPLOAD_SECONDS = 60.0
_CONNECT_SECONDS = 3.0
_UPLOADS = frozenset({"commit"})
_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "daiban"}
_JSON_HEADERS = {**_HEADERS, "Content-Type": "application/json; charset=utf-8"}


class TokenSource(Protocol):
    """Where access tokens come from. `refused` is a value that WeChat has just refused: never answer it again."""

    def component_token(self, refused: str | None = None) -> str: ...

    def authorizer_token(self, appid: str, refused: str | None = None) -> str: ...


@dataclass(frozen=True)
class CallRecord:
    """One request for the call log. Holds no token, secret, body or personal data.

    `errcode` is None when no answer came; `problem` is then unreachable or unreadable.
    """

    operation: str
    appid: str | None
    errcode: int | None
    rid: str | None
    ms: int
    attempt: int
    ok: bool
    problem: str | None = None


class WxClient:
    """WeChat's API for one component app; its chapters are attributes: `client.code.commit(appid, ...)`.

    `before` is asked first and `limiter` last before every request: either may raise, and then nothing is sent; the
    limiter may wait, too, and what it returns is called when the request is over. `take` comes after them and may
    refuse, too: it is given what is sent, and what it returns is told how the call went. `record` gets every request,
    failed ones too.
    `sleep` is called between repeats of reading calls when WeChat is busy.
    """

    def __init__(
        self,
        *,
        component_appid: str,
        tokens: TokenSource,
        wire: Wire,
        api_url: str,
        record: Callable[[CallRecord], None],
        before: Callable[[], None] | None = None,
        limiter: Callable[[Operation, str | None], Callable[[], None] | None] | None = None,
        take: Callable[[Operation, str | None, Mapping[str, Any]], Callable[[Any], None] | None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._component_appid = component_appid
        self._tokens = tokens
        self._wire = wire
        self._api_url = api_url.rstrip("/")
        self._record = record
        self._before = before
        self._limiter = limiter
        self._take = take
        self._sleep = sleep
        self.account = Account(self)
        self.categories = Categories(self)
        self.certification = Certification(self)
        self.code = Code(self)
        self.component = Component(self)
        self.domains = Domains(self)
        self.entries = Entries(self)
        self.filing = Filing(self)
        self.link_miniprogram = LinkMiniprogram(self)
        self.media = Media(self)
        self.messages = Messages(self)
        self.open_account = OpenAccounts(self)
        self.order_path = OrderPaths(self)
        self.platform_domains = PlatformDomains(self)
        self.plugins = Plugins(self)
        self.privacy = Privacy(self)
        self.profile = Profile(self)
        self.qrcode_rules = QrcodeRules(self)
        self.quota = Quota(self)
        self.records = Records(self)
        self.registration = Registrations(self)
        self.release = Release(self)
        self.subscribe_component = SubscribeComponent(self)
        self.templates = TemplateLibrary(self)
        self.testers = Testers(self)
        self.trial = Trial(self)

    @property
    def component_appid(self) -> str:
        return self._component_appid

    def call(
        self,
        operation_id: str,
        appid: str | None = None,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        files: Mapping[str, Upload] | None = None,
        token: Token | None = None,
        repeatable: bool,
    ) -> Any:
        """Make one call: the answer's JSON, or a `Download`; raises a `CallFailed`.

        A refused token is replaced and the call repeated once: WeChat refuses it before it does anything. `repeatable`
        calls are repeated when WeChat is busy or the connection broke. `token` overrules the contract where WeChat's
        pages disagree or both kinds work. Values of None are left out of query and body.
        """
        op = operation(operation_id)
        kind = token or op.token
        pauses = iter(_BUSY_PAUSES if repeatable else ())
        refused: str | None = None
        attempt = 0
        while True:
            attempt += 1
            if self._before is not None:
                self._before()
            value = self._token(kind, appid, refused)
            try:
                return self._attempt(op, appid, attempt, value, query=query, body=body, files=files)
            except errors.TokenRefused:
                if value is None or refused is not None:
                    raise
                refused = value
            except (errors.SystemBusy, errors.WeChatUnreachable):
                pause = next(pauses, None)
                if pause is None:
                    raise
                self._sleep(pause)

    def _token(self, kind: Token, appid: str | None, refused: str | None) -> str | None:
        if kind == "none":
            return None
        if kind == "component":
            return self._tokens.component_token(refused)
        if appid is None:
            raise ValueError("this call is made for a mini program: give its appid")
        return self._tokens.authorizer_token(appid, refused)

    def _attempt(
        self,
        op: Operation,
        appid: str | None,
        attempt: int,
        token: str | None,
        *,
        query: Mapping[str, Any] | None,
        body: Mapping[str, Any] | None,
        files: Mapping[str, Upload] | None,
    ) -> Any:
        done = self._limiter(op, appid) if self._limiter is not None else None
        try:
            settle = self._take(op, appid, {**(query or {}), **(body or {})}) if self._take is not None else None
            return self._request(op, appid, attempt, token, settle, query=query, body=body, files=files)
        finally:
            if done is not None:
                done()

    def _request(
        self,
        op: Operation,
        appid: str | None,
        attempt: int,
        token: str | None,
        settle: Callable[[Any], None] | None,
        *,
        query: Mapping[str, Any] | None,
        body: Mapping[str, Any] | None,
        files: Mapping[str, Upload] | None,
    ) -> Any:
        started = time.perf_counter()
        errcode: int | None = None
        rid: str | None = None
        problem: str | None = None
        try:
            response = self._send(op, appid, token, query=query, body=body, files=files)
            answer = _read_answer(op, appid, response)
            errcode = 0
            self._tell(settle, answer)
        except errors.WeChatError as error:
            errcode, rid = error.code, error.rid
            self._tell(settle, error)
            raise
        except errors.CallFailed as error:
            problem = "unreachable" if isinstance(error, errors.WeChatUnreachable) else "unreadable"
            self._tell(settle, error)
            raise
        else:
            return answer
        finally:
            if errcode is not None or problem is not None:
                ms = round((time.perf_counter() - started) * 1000)
                ok = errcode == 0
                self._note(CallRecord(op.id, appid, errcode, rid, ms, attempt, ok, problem))

    def _send(
        self,
        op: Operation,
        appid: str | None,
        token: str | None,
        *,
        query: Mapping[str, Any] | None,
        body: Mapping[str, Any] | None,
        files: Mapping[str, Upload] | None,
    ) -> Answer:
        params = {name: str(value) for name, value in (query or {}).items() if value is not None}
        if token is not None:
            params[op.token_param or "access_token"] = token
        fields = {name: value for name, value in (body or {}).items() if value is not None}
        headers: Mapping[str, str] = _HEADERS
        content: bytes | None = None
        if files:
            headers, content = _as_form(fields, files)
        elif op.method == "POST":
            headers = _JSON_HEADERS
            content = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
        target = f"{op.path}?{urlencode(params)}" if params else op.path
        try:
            return self._wire.exchange(
                self._api_url, op.method, target, headers, content,
                seconds=_seconds(op), connect_seconds=_CONNECT_SECONDS,
            )  # fmt: skip
        except (NotSent, NoAnswer) as error:
            sent_maybe = isinstance(error, NoAnswer)
            reason = f"{op.id}: {error}"
        raise errors.WeChatUnreachable(reason, sent_maybe=sent_maybe, operation=op.id, appid=appid)

    def _note(self, record: CallRecord) -> None:
        try:
            self._record(record)
        except Exception:  # the call has happened: a full log must not turn a success into a failure
            _log.exception("the call log could not be written: %s", record)

    def _tell(self, settle: Callable[[Any], None] | None, outcome: Any) -> None:
        if settle is None:
            return
        try:
            settle(outcome)
        except Exception:  # as above; the chance stays taken
            _log.exception("the outcome of a counted call could not be kept")


def _seconds(op: Operation) -> float:
    if op.id in _UPLOADS or op.request_content_type == "multipart/form-data":
        return _UPLOAD_SECONDS
    return _READ_SECONDS if op.method == "GET" else _WRITE_SECONDS


def _as_form(fields: Mapping[str, Any], files: Mapping[str, Upload]) -> tuple[Mapping[str, str], bytes]:
    form = httpx2.Request(
        "POST",
        "http://localhost",
        data={name: str(value) for name, value in fields.items()},
        files={name: _part(upload) for name, upload in files.items()},
    )
    return {**_HEADERS, "Content-Type": form.headers["Content-Type"]}, form.read()


def _part(upload: Upload) -> tuple[str, bytes, str]:
    """WeChat judges a file by the ending of its name, and some of its servers choke on names that are not ASCII."""
    return f"file{PurePath(upload.filename).suffix.lower()}", upload.content, upload.content_type


def _read_answer(op: Operation, appid: str | None, response: Answer) -> Any:
    content = response.content
    answer = _json(op, content)
    if response.status != 200 and answer is not None and answer.get("errcode") is None:
        answer = None  # a gateway's own JSON: WeChat answers with 200
    if response.status >= 500 and answer is None:
        raise errors.WeChatUnreachable(f"{op.id}: HTTP {response.status}", operation=op.id, appid=appid)
    if answer is None:
        kind = response.content_type
        if op.binary and response.status == 200 and content and not content.lstrip().startswith(b"<"):
            return Download(content, kind)
        raise errors.UnreadableAnswer(
            f"{op.id}: HTTP {response.status}, {len(content)} bytes of {kind or 'unknown type'}",
            operation=op.id,
            appid=appid,
        )
    errcode = _errcode(answer)
    if errcode is None:
        raise errors.UnreadableAnswer(f"{op.id}: an errcode that is none", operation=op.id, appid=appid)
    if errcode:
        raise errors.from_answer(answer, operation=op.id, appid=appid)
    return answer


def _json(op: Operation, content: bytes) -> dict[str, Any] | None:
    """The JSON object in an answer, whatever its declared type: WeChat sends JSON as text/plain, even for pictures."""
    if not content.lstrip().startswith((b"{", b"\xef\xbb\xbf")):
        return None
    try:
        answer = json.loads(content.decode("utf-8-sig", errors="replace"), strict=False)
        answer = answers.keepable(answer, content)
        return answers.read(answer, op.response_schema or {}) if isinstance(answer, dict) else None
    except (ValueError, RecursionError):
        return None


def _errcode(answer: Mapping[str, Any]) -> int | None:
    """None for what cannot be one: the columns that keep errcodes have four bytes."""
    try:
        errcode = int(answer.get("errcode") or 0)
    except (TypeError, ValueError, OverflowError):
        return None
    return errcode if -(2**31) <= errcode < 2**31 else None
