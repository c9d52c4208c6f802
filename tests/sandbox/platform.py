"""A platform for the sandbox to talk to: it takes pushes on a real port and calls the API with the real client."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from saas.sandbox.control import SandboxControl
from saas.wx import links, release_check
from saas.wx.callbacks import parse_envelope, parse_message, passive_reply_xml
from saas.wx.client import WxClient
from saas.wx.connections import ByHttpx2
from saas.wx.crypto import CallbackRefused, MessageCrypto
from saas.wx.errors import WeChatError

BACK = "http://127.0.0.1:9/wx/return?state=abc"


def refused(code: int) -> AbstractContextManager[Any]:
    """The call inside must be refused with this errcode, and with a rid."""
    return pytest.raises(WeChatError, check=lambda error: error.code == code and bool(error.rid))


class Tokens:
    """Fetches a token when there is none or the last one was refused. Codes and refresh tokens come from pushes."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self.component = ""
        self.authorizers: dict[str, str] = {}
        self.refresh: dict[str, str] = {}

    def component_token(self, refused: str | None = None) -> str:
        if not self.component or self.component == refused:
            answer = self._platform.wx.component.api_component_token(
                component_appsecret=self._platform.values["secret"], component_verify_ticket=self._platform.ticket
            )
            self.component = answer["component_access_token"]
        return self.component

    def authorizer_token(self, appid: str, refused: str | None = None) -> str:
        if appid not in self.authorizers or self.authorizers[appid] == refused:
            answer = self._platform.wx.component.api_authorizer_token(
                appid, authorizer_refresh_token=self.refresh[appid]
            )
            self.authorizers[appid] = answer["authorizer_access_token"]
        return self.authorizers[appid]


class Platform:
    """`received` holds (path, message) of every push; `answers` are given to the next pushes: body, status, or None."""

    def __init__(self, control: SandboxControl) -> None:
        self.control = control
        self.received: list[tuple[str, dict[str, Any]]] = []
        self.refused = 0
        self.answers: list[tuple[int, str]] = []
        self.plays_release_check = True
        platform = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = platform.take(self.path, body)
                content = answer.encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.values = control.create_component(start_domain="127.0.0.1")
        self.appid: str = self.values["appid"]
        self.crypto = MessageCrypto(token=self.values["token"], aes_key=self.values["aes_key"], appid=self.appid)
        self.http = httpx2.Client(trust_env=False, timeout=10)
        self.tokens = Tokens(self)
        self.calls: list[Any] = []
        self.wx = WxClient(
            component_appid=self.appid,
            tokens=self.tokens,
            wire=ByHttpx2(self.http),
            api_url=control.base_url,
            record=self.calls.append,
        )
        control.change_component(
            self.appid, events_url=f"{self.url}/events", messages_url=f"{self.url}/$APPID$/messages"
        )
        control.wait_for_pushes(component_appid=self.appid)

    def close(self) -> None:
        self.control.wait_for_pushes(component_appid=self.appid)
        self.http.close()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def take(self, address: str, body: bytes) -> tuple[int, str]:
        """One push, read as the program reads it; answers status and body."""
        query = dict(parse_qsl(urlsplit(address).query))
        try:
            opened = self.crypto.decrypt(
                encrypted=parse_envelope(body, 10_000).encrypted,
                msg_signature=query["msg_signature"],
                timestamp=query["timestamp"],
                nonce=query["nonce"],
            )
        except CallbackRefused:
            self.refused += 1
            return 403, "forbidden"
        message = parse_message(opened.plaintext)
        self.received.append((urlsplit(address).path, message))
        if self.answers:
            return self.answers.pop(0)
        appid = urlsplit(address).path.split("/")[1]
        check = release_check.answer_to(appid, message) if self.plays_release_check else None
        if isinstance(check, release_check.AnswerNow):
            sealed = self.crypto.encrypt(check.plaintext(1_790_000_000), timestamp=1_790_000_000, nonce="n")
            return 200, passive_reply_xml(sealed)
        if isinstance(check, release_check.AnswerByMessage):
            threading.Thread(target=self._answer_by_message, args=(appid, check), daemon=True).start()
            return 200, ""
        return 200, "success"

    def events(self, name: str) -> list[dict[str, Any]]:
        """Received pushes of one kind, oldest first."""
        self.control.wait_for_pushes(component_appid=self.appid)
        return [message for _, message in self.received if name in (message.get("InfoType"), message.get("Event"))]

    @property
    def ticket(self) -> str:
        return str(self.events("component_verify_ticket")[-1]["ComponentVerifyTicket"])

    def authorization_url(self, **more: Any) -> str:
        """A fresh address of the PC page."""
        code = self.wx.component.api_create_preauthcode()["pre_auth_code"]
        return links.pc_authorization_url(
            self.control.base_url, component_appid=self.appid, pre_auth_code=code, **{"redirect_uri": BACK, **more}
        )

    def exchange(self, code: str) -> str:
        """Trade an authorization code for tokens; answers the mini program's appid."""
        info = self.wx.component.api_query_auth(authorization_code=code)["authorization_info"]
        appid = info["authorizer_appid"]
        self.tokens.authorizers[appid] = info["authorizer_access_token"]
        self.tokens.refresh[appid] = info["authorizer_refresh_token"]
        return appid

    def connect(self, nick_name: str = "梅记茶铺", **more: Any) -> str:
        """A mini program that has authorized and whose tokens are in hand."""
        appid = self.control.accounts(nick_name=nick_name)[0]["appid"]
        return self.exchange(self.control.grant(self.appid, appid, **more))

    def template(self, **draft: Any) -> str:
        """A draft that has become a template; answers its id."""
        number = self.control.add_draft(self.appid, **{"user_version": "1.0.0", **draft})
        self.wx.templates.addtotemplate(draft_id=number)
        library = self.wx.templates.gettemplatelist()["template_list"]
        return next(str(one["template_id"]) for one in library if str(one["draft_id"]) == str(number))

    def _answer_by_message(self, appid: str, check: release_check.AnswerByMessage) -> None:
        self.exchange(check.code)
        self.wx.messages.send(appid, touser=check.touser, content=check.content)
