"""A WeChat for the client's tests: answers what a test says and keeps every request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

from saas.wx.client import CallRecord, WxClient
from saas.wx.connections import ByHttpx2
from saas.wx.transport import new_http

COMPONENT = "wx8a2b1c3d4e5f6071"
APPID = "wx11aa22bb33cc44dd"

Answer = Mapping[str, Any] | bytes | str | int | Exception | httpx2.Response


@dataclass
class Tokens:
    """Answers token-1 for an account until it is refused, then token-2, ..."""

    asked: list[tuple[str, str | None]] = field(default_factory=list)
    number: int = 1

    def component_token(self, refused: str | None = None) -> str:
        return self._token("component", refused)

    def authorizer_token(self, appid: str, refused: str | None = None) -> str:
        return self._token(appid, refused)

    def _token(self, account: str, refused: str | None) -> str:
        self.asked.append((account, refused))
        if refused == f"{account}-token-{self.number}":
            self.number += 1
        return f"{account}-token-{self.number}"


class WeChat:
    """`answers` are given one after the other, the last one again and again: JSON, bytes, text, a status, a fault."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers or ({"errcode": 0, "errmsg": "ok"},))
        self.requests: list[httpx2.Request] = []
        self.records: list[CallRecord] = []
        self.slept: list[float] = []
        self.tokens = Tokens()

    def client(self, **more: Any) -> WxClient:
        settings: dict[str, Any] = {"tokens": self.tokens, "record": self.records.append, **more}
        return WxClient(
            component_appid=COMPONENT,
            wire=ByHttpx2(new_http(httpx2.MockTransport(self._answer))),
            api_url="https://api.weixin.qq.com/",
            sleep=self.slept.append,
            **settings,
        )

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        request.read()
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx2.Response):
            return answer
        if isinstance(answer, int):
            return httpx2.Response(answer, text="<html>fault</html>")
        if isinstance(answer, bytes):
            return httpx2.Response(200, content=answer, headers={"Content-Type": "image/jpeg"})
        text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
        return httpx2.Response(200, content=text.encode(), headers={"Content-Type": "text/plain"})


def refused(code: int, rid: str = "64b8a0c1-8a3b4c5d-6e7f809b") -> dict[str, Any]:
    return {"errcode": code, "errmsg": f"something is wrong rid: {rid}"}
