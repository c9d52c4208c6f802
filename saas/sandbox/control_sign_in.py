"""Signing in with WeChat, as a person with a phone does it at a running sandbox."""

from __future__ import annotations

import html
import re
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx2

from saas.sandbox.control_faults import FaultControl, Json

IN_WECHAT = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Mobile MicroMessenger/8.0.50"


class SignInControl(FaultControl):
    """The taps of people who sign in."""

    base_url: str

    @abstractmethod
    def _get(self, path: str, query: Mapping[str, str] | None = None) -> Json: ...

    @abstractmethod
    def _browser(self) -> httpx2.Client: ...

    @abstractmethod
    def _hold(self, phone: httpx2.Client, person: str) -> None: ...

    @abstractmethod
    def _refuse(self, words: str) -> Exception: ...

    def create_sign_in_app(self, kind: str = "site", *, domain: str, **values: Any) -> Json:
        """An app that people sign in with. Further values: appid, secret, name, open_account, daily_messages."""
        return self._post("sign_in_apps", {"kind": kind, "domain": domain, **values})

    def add_message_template(self, appid: str, fields: Mapping[str, str], *, title: str = "待办提醒") -> str:
        """A service account takes a template; `fields` are the words before each place by its name. Answers its id."""
        given = {"appid": appid, "title": title, "fields": dict(fields)}
        return str(self._post("message_templates", given)["template_id"])

    def follow(self, appid: str, *, person: str, follows: bool = True) -> None:
        """A person follows a service account, or no more."""
        self._post("followers", {"appid": appid, "person": person, "follows": follows})

    def void_service_tokens(self, appid: str) -> None:
        """Tokens of a service account that were given so far are refused from now on."""
        self._post("sign_in_apps/void_tokens", {"appid": appid})

    def service_messages(self, person: str) -> list[Json]:
        """What service accounts wrote to somebody, newest first: sender, title, lines, url, sent_at."""
        found: list[Json] = self._get("service_messages", {"person": person})["messages"]
        return found

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
