"""Signing in with WeChat, as a person with a phone does it at a running sandbox."""

from __future__ import annotations

import html
import re
from abc import abstractmethod
from typing import Any
from urllib.parse import urlsplit

import httpx2

from saas.sandbox.control_faults import FaultControl, Json

IN_WECHAT = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Mobile MicroMessenger/8.0.50"


class SignInControl(FaultControl):
    """The taps of people who sign in."""

    base_url: str

    @abstractmethod
    def _browser(self) -> httpx2.Client: ...

    @abstractmethod
    def _hold(self, phone: httpx2.Client, person: str) -> None: ...

    @abstractmethod
    def _refuse(self, words: str) -> Exception: ...

    def create_sign_in_app(self, kind: str = "site", *, domain: str, **values: Any) -> Json:
        """An app that people sign in with. Further values: appid, secret, name, open_account."""
        return self._post("sign_in_apps", {"kind": kind, "domain": domain, **values})

    def sign_in(self, url: str, *, person: str, agree: bool = True) -> str:
        """Confirm on the phone what the page at `url` asks; the address where the browser goes next.

        Raises SandboxRefused with the page's words. A refusal on the QR page leads nowhere: the answer is empty.
        """
        parts = urlsplit(url)
        with self._browser() as phone:
            self._hold(phone, person)
            phone.headers["User-Agent"] = IN_WECHAT
            page = phone.get(f"{self.base_url}{parts.path}?{parts.query}", follow_redirects=True)
            self._look(page.text)
            found = re.search(r'id="open-phone" href="([^"]+)"', page.text)
            question = html.unescape(found[1]) if found else str(page.url)
            number = re.search(r'name="person" value="(\d+)"', phone.get(question).text)
            given = {"person": number[1] if number else "", "answer": "agree" if agree else "refuse"}
            answer = phone.post(question, data=given)
            if not found:
                return str(answer.headers.get("Location", ""))
            return str(phone.get(page.url).headers.get("Location", ""))

    def _look(self, page: str) -> None:
        found = re.search(r'id="(?:error|message)">([^<]*)<', page)
        if found:
            raise self._refuse(html.unescape(found[1]))
