"""Drive a running sandbox over HTTP: for `daiban journey` and the tests. Knows nothing of the sandbox's inside."""

from __future__ import annotations

import html
import re
import ssl
import time
from collections.abc import Mapping, Sequence
from functools import cache
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import httpx2

from saas.sandbox.control_faults import Json
from saas.sandbox.control_sign_in import SignInControl


class SandboxRefused(Exception):
    """The sandbox would not do what was asked; the text says why."""


class SandboxControl(SignInControl):
    """Every method is one call of /control, or the taps of a person on the sandbox's pages.

    Component apps are named by their appid, operations by the contract's operationId, people by name.
    """

    def __init__(self, base_url: str, *, transport: httpx2.BaseTransport | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        self._transport = transport
        self._http = self._browser()

    def __enter__(self) -> SandboxControl:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    # component apps

    def create_component(
        self,
        *,
        events_url: str = "",
        messages_url: str = "",
        start_domain: str = "127.0.0.1",
        name: str = "测试平台",
        **values: Any,
    ) -> Json:
        """Create a component app, or change the one with `appid=`; answers all its values (appid, secret, token, ...).

        Further values: secret, token, aes_key, permission_sets, ip_whitelist, audit_limit, speedup_limit, pushing.
        """
        given = {"events_url": events_url, "messages_url": messages_url, "start_domain": start_domain, "name": name}
        return self._post("components", given | values)

    def change_component(self, appid: str, **values: Any) -> Json:
        return self._post("components", {"appid": appid, **values})

    def components(self) -> list[Json]:
        found: list[Json] = self._get("components")["components"]
        return found

    def push_ticket(self, component_appid: str) -> str:
        """Push a new ticket now; answers its value."""
        return str(self._post("ticket", {"component_appid": component_appid})["ticket"])

    def stop_tickets(self, component_appid: str) -> None:
        self._post("ticket/stop", {"component_appid": component_appid})

    def add_draft(self, component_appid: str, *, user_version: str, **values: Any) -> int:
        """Put a draft in the draft box. Further values: user_desc, developer, source_name, pages, privacy."""
        answer = self._post("drafts", {"component_appid": component_appid, "user_version": user_version, **values})
        return int(answer["draft_id"])

    # merchants' accounts

    def people(self) -> list[Json]:
        found: list[Json] = self._get("people")["people"]
        return found

    def accounts(self, *, owner: str = "", nick_name: str = "") -> list[Json]:
        found: list[Json] = self._get("accounts", {"owner": owner, "nick_name": nick_name})["accounts"]
        return found

    def add_account(self, owner: str, *, nick_name: str, **values: Any) -> str:
        """One more mini program; answers its appid."""
        return str(self._post("accounts", {"owner": owner, "nick_name": nick_name, **values})["appid"])

    def change_account(self, appid: str, **values: Any) -> None:
        """nick_name, principal_name, signature, account_status, categories, missing_privacy."""
        self._post("accounts/change", {"appid": appid, **values})

    def renew_app_secret(self, appid: str) -> str:
        """The merchant's own AppSecret, made anew on mp.weixin.qq.com."""
        return str(self._post("accounts/secret", {"appid": appid})["appsecret"])

    def seed_accounts(self, count: int) -> list[str]:
        appids: list[str] = self._post("accounts/seed", {"count": count})["appids"]
        return appids

    def authorize_fleet(self, component_appid: str, count: int, *, exchanged: bool = True) -> list[str]:
        """Make so many mini programs that have authorized before, without events; answers their appids."""
        given = {"component_appid": component_appid, "count": count, "exchanged": exchanged}
        appids: list[str] = self._post("fleet", given)["appids"]
        return appids

    def grant(
        self,
        component_appid: str,
        appid: str,
        *,
        permission_sets: Sequence[int] | None = None,
        pre_auth_code: str = "",
        push: bool = True,
    ) -> str:
        """Authorize without the pages; answers the authorization code."""
        given: Json = {
            "component_appid": component_appid,
            "appid": appid,
            "pre_auth_code": pre_auth_code,
            "push": push,
        }
        if permission_sets is not None:
            given["permission_sets"] = list(permission_sets)
        return str(self._post("authorize", given)["auth_code"])

    def revoke(self, component_appid: str, appid: str, *, push: bool = True) -> bool:
        """The merchant cancels; with push=False the event is lost."""
        return bool(
            self._post("unauthorize", {"component_appid": component_appid, "appid": appid, "push": push})["revoked"]
        )

    # the phone

    def authorize(
        self,
        url: str,
        *,
        person: str,
        account: str,
        permission_sets: Sequence[int] | None = None,
        referer: str = "",
    ) -> str:
        """Tap through the authorization page at `url` (PC or H5); answers the address where the browser goes next.

        `account` is an appid or a name of a mini program. Without `permission_sets` everything stays ticked. Raises
        SandboxRefused with the page's words.
        """
        with self._browser() as phone:
            form = self._open_confirmation(phone, url, person, referer)
            labels = re.findall(r'name="account" value="(\w+)".*?<b>(.*?)</b>', form, re.DOTALL)
            appid = next((appid for appid, name in labels if account in (appid, html.unescape(name))), None)
            if appid is None:
                raise SandboxRefused(f"{person} cannot choose {account}: {labels}")
            sets = permission_sets if permission_sets is not None else re.findall(r'name="sets" value="(\d+)"', form)
            hidden = {name: _field(form, name) for name in ("pre_auth_code", "person", "via")}
            answer = phone.post(
                f"{self.base_url}/phone/authorize",
                data={**hidden, "account": appid, "sets": [str(number) for number in sets], "answer": "confirm"},
                follow_redirects=True,
            )
            _raise_message(answer.text)
            found = re.search(r'id="return" href="([^"]+)"', answer.text)
            if found:
                return html.unescape(found[1])
            back = phone.get(url)
            if back.status_code not in (302, 303):
                raise SandboxRefused(f"the PC page does not go on: HTTP {back.status_code}")
            return str(back.headers["Location"])

    def refuse(self, url: str, *, person: str) -> None:
        """Tap 拒绝 on the authorization page."""
        with self._browser() as phone:
            form = self._open_confirmation(phone, url, person, "")
            hidden = {name: _field(form, name) for name in ("pre_auth_code", "person", "via")}
            phone.post(f"{self.base_url}/phone/authorize", data={**hidden, "answer": "refuse"})

    def answer_registration(self, url: str, *, person: str, answer: str = "agree") -> None:
        """Tap on the page of an `authorize_url`: agree, face_fail or refuse. Raises SandboxRefused with its words."""
        with self._browser() as phone:
            self._hold(phone, person)
            page = phone.get(url).text
            _raise_message(page)
            if f'value="{answer}"' not in page:
                raise SandboxRefused(f"the page has no {answer}")
            phone.post(url, data={"taskid": _field(page, "taskid"), "answer": answer})

    def run_errand(self, url: str, *, person: str, successor: str = "", agree: bool = True, referer: str = "") -> str:
        """Lend an official account's subject, or with `successor` change the administrator, on the page at `url`.

        Answers the address where the browser goes next, or an empty string after a refusal.
        """
        with self._browser() as phone:
            headers = {"Referer": referer or f"{_redirect_origin(url)}/"}
            page = phone.get(url, headers=headers, follow_redirects=True)
            _raise_message(page.text)
            found = re.search(r'id="open-phone" href="([^"]+)"', page.text)
            address = html.unescape(found[1]) if found else ""
            for holder in filter(None, (person, successor)):
                self._hold(phone, holder)
                form = phone.get(address).text
                _raise_message(form)
                given = {"id": _field(form, "id"), "answer": "agree" if agree else "refuse"}
                phone.post(address, data={**given, "successor": str(self._numbers().get(successor, ""))})
            return str(phone.get(page.url).headers.get("Location", ""))

    # the reviewer

    def audits(self, *, component_appid: str = "", appid: str = "") -> list[Json]:
        """Newest first; `status` as WeChat counts: 0 approved, 1 rejected, 2 pending, 3 withdrawn, 4 delayed."""
        found: list[Json] = self._get("audits", {"component_appid": component_appid, "appid": appid})["audits"]
        return found

    def approve(self, auditid: str | int, *, push: bool = True) -> None:
        """With push=False the event is lost."""
        self._post("audits", {"auditid": auditid, "verdict": "approve", "push": push})

    def reject(self, auditid: str | int, *, reason: str = "", screenshots: int = 1, push: bool = True) -> None:
        given = {"auditid": auditid, "verdict": "reject", "reason": reason, "screenshots": screenshots, "push": push}
        self._post("audits", given)

    def delay(self, auditid: str | int, *, reason: str = "", push: bool = True) -> None:
        self._post("audits", {"auditid": auditid, "verdict": "delay", "reason": reason, "push": push})

    def releases(self, component_appid: str) -> list[Json]:
        """Oldest first: appid, user_version, auditid, the audit's `status`, and whether it `is_online` now."""
        found: list[Json] = self._get("releases", {"component_appid": component_appid})["releases"]
        return found

    # other desks

    def applications(self, *, component_appid: str = "", appid: str = "") -> list[Json]:
        """For location interfaces, order pages, plugins and links: open ones first, then the newest."""
        query = {"component_appid": component_appid, "appid": appid}
        found: list[Json] = self._get("applications", query)["applications"]
        return found

    def decide_application(self, number: str | int, verdict: str, *, reason: str = "", push: bool = True) -> None:
        """approve or reject; a plugin may expire. A link is approved twice. With push=False the event is lost."""
        self._post("applications", {"id": number, "verdict": verdict, "reason": reason, "push": push})

    def add_plugin(self, *, nick_name: str, versions: Sequence[str], appid: str = "") -> str:
        """A plugin to ask for; with the appid of a mini program its merchant decides on requests."""
        given = {"nick_name": nick_name, "versions": list(versions), "appid": appid}
        return str(self._post("plugins", given)["appid"])

    def add_penalty(self, appid: str, **values: str) -> str:
        """WeChat punishes a mini program; answers the record's id. Values: reason, content, rule_name, rule_url."""
        return str(self._post("penalties", {"appid": appid, **values})["id"])

    def lift_penalty(self, penalty: str) -> None:
        """WeChat takes a penalty back."""
        self._post("penalties/lift", {"penalty": penalty})

    def add_appeal(self, penalty: str, **values: Any) -> int:
        """An appeal against a penalty; answers its id. Values: reason, by_provider."""
        return int(self._post("appeals", {"penalty": penalty, **values})["id"])

    def decide_appeal(self, number: int, status: int, *, reason: str = "") -> None:
        """2 granted, 3 refused, 4 withdrawn."""
        self._post("appeals", {"id": number, "status": status, "reason": reason})

    def change_host(self, host: str, **found: int) -> None:
        """What WeChat finds on a host: filed, check_file, blacklisted (0 or 1), owners (elsewhere, 100 is full)."""
        self._post("hosts", {"host": host, **found})

    # the reviewers of names and categories

    def names(self, *, component_appid: str = "", appid: str = "") -> list[Json]:
        """Reviews of names, open ones first; `status` as WeChat counts: 1 in review, 2 rejected, 3 approved."""
        found: list[Json] = self._get("names", {"component_appid": component_appid, "appid": appid})["names"]
        return found

    def decide_name(self, audit_id: str | int, verdict: str, *, reason: str = "", push: bool = True) -> None:
        """approve or reject; with push=False the event is lost."""
        self._post("names", {"audit_id": audit_id, "verdict": verdict, "reason": reason, "push": push})

    # certification and filing

    def take_certification_step(self, appid: str, step: str) -> None:
        """The administrator's next step: agree, face, send_code, code, pay, or one that fails."""
        self._post("certifications", {"appid": appid, "step": step})

    def decide_certification(self, appid: str, verdict: str = "pass", *, reason: str = "") -> None:
        """pass, refill or fail the newest certification under review."""
        self._post("certifications", {"appid": appid, "verdict": verdict, "reason": reason})

    def filings(self, *, appid: str = "") -> list[Json]:
        """`stage` says who must act: platform, sms, late, authority, cancel; `messages` wait for their `code`."""
        found: list[Json] = self._get("filings", {"appid": appid})["filings"]
        return found

    def decide_filing(self, appid: str, verdict: str = "pass", *, reasons: Sequence[Mapping[str, str]] = ()) -> None:
        """pass, return or (after messages ran out) resend; a reason has key_name, error, suggest."""
        given = {"appid": appid, "verdict": verdict, "reasons": [dict(reason) for reason in reasons]}
        self._post("filings", given)

    def pass_face_check(self, appid: str) -> None:
        """The administrator does all that the newest face check asks for."""
        self._post("face_check", {"appid": appid, "answer": "pass"})

    def fail_face_check(self, appid: str, *, finally_: bool = False) -> None:
        """The face does not fit: to be tried again, or `finally_` refused."""
        self._post("face_check", {"appid": appid, "answer": "refuse" if finally_ else "face_fail"})

    def confirm_sms(self, appid: str, *, code: str = "") -> list[str]:
        """The persons in charge answer the ministry's messages, rightly or with `code`; answers what they are told."""
        said: list[str] = self._post("sms", {"appid": appid, "code": code})["said"]
        return said

    def open_filing_entrance(self, *, opened: bool = True) -> None:
        """Whether WeChat takes filing applications now."""
        self._post("settings", {"filing_open": int(opened)})

    def categories(self, *, component_appid: str = "", appid: str = "") -> list[Json]:
        """Reviews of categories with papers, open ones first; `status` as that of names."""
        query = {"component_appid": component_appid, "appid": appid}
        found: list[Json] = self._get("categories", query)["categories"]
        return found

    def decide_category(
        self, appid: str, first: int, second: int, verdict: str, *, reason: str = "", push: bool = True
    ) -> None:
        """approve or reject; with push=False the event is lost."""
        given = {"appid": appid, "first": first, "second": second, "verdict": verdict}
        self._post("categories", {**given, "reason": reason, "push": push})

    # what was called, what was wrong

    def counts(self, *, component_appid: str = "", appid: str = "") -> dict[str, int]:
        """Accepted calls per operationId."""
        found: dict[str, int] = self._get("counts", {"component_appid": component_appid, "appid": appid})["counts"]
        return found

    def all_counts(self, *, component_appid: str = "", appid: str = "") -> Json:
        """`counts`, `by_appid` (appid -> operationId -> n) and `refused` (operationId -> errcode -> n)."""
        return self._get("counts", {"component_appid": component_appid, "appid": appid})

    def reset_counts(self) -> None:
        self._post("counts/reset", {})

    def mistakes(self, *, component_appid: str = "") -> list[Json]:
        """What the platform did wrong: `what`, `operation`, `n`, `example`."""
        found: list[Json] = self._get("mistakes", {"component_appid": component_appid})["mistakes"]
        return found

    def reset_mistakes(self) -> None:
        self._post("mistakes/reset", {})

    def pushes(self, *, component_appid: str = "", name: str = "") -> list[Json]:
        """Newest first: name, state (waiting, sending, delivered, failed, dropped, held, refused), answer, ms."""
        found: list[Json] = self._get("pushes", {"component_appid": component_appid, "name": name})["pushes"]
        return found

    def wait_for_pushes(self, *, component_appid: str = "", seconds: float = 20) -> None:
        """Return once nothing waits to be sent any more."""
        until = time.monotonic() + seconds
        while self._get("pushes", {"component_appid": component_appid})["waiting"]:
            if time.monotonic() > until:
                raise SandboxRefused("pushes are still waiting")
            time.sleep(0.05)

    def repeat_push(self, push: int, *, forged: bool = False) -> None:
        self._post("pushes/repeat", {"push": push, "forged": forged})

    def messages(self) -> list[Json]:
        """Customer-service messages that were sent, newest first."""
        found: list[Json] = self._get("messages")["messages"]
        return found

    # what breaks later

    def invalidate_tokens(self, component_appid: str, *, appid: str = "") -> None:
        """All access tokens (or one mini program's) answer 40001 from now on."""
        self._post("tokens/void", {"component_appid": component_appid, "appid": appid})

    def void_refresh_token(self, component_appid: str, appid: str, *, renew: bool = True) -> None:
        """The kept refresh token answers 61023; with `renew` the authorizer list shows one that works."""
        self._post("refresh_tokens/void", {"component_appid": component_appid, "appid": appid, "renew": renew})

    def move_clock(self, seconds: float) -> float:
        """Answers the new offset to the real time."""
        return float(self._post("clock", {"seconds": seconds})["offset"])

    def reset_clock(self) -> None:
        self._post("clock", {"reset": True})

    def set_scan_seconds(self, seconds: float) -> None:
        """How long the privacy scan of the next uploads takes."""
        self._post("settings", {"scan_seconds": seconds})

    def set_commit_seconds(self, seconds: float) -> None:
        """How long a mini program refuses another upload (9402202) after one."""
        self._post("settings", {"commit_seconds": seconds})

    def set_check_seconds(self, seconds: float) -> None:
        """How long the release check waits for each answer by message."""
        self._post("settings", {"check_seconds": seconds})

    def set_retry_seconds(self, seconds: float) -> None:
        """The pause before a push is repeated; it grows with each try."""
        self._post("settings", {"retry_seconds": seconds})

    def run_release_check(self, component_appid: str, *, seconds: float = 90) -> Json:
        """Run 全网发布检测 to its end: `passed` and `cases` (id, name, passed, detail)."""
        self._post("release_check", {"component_appid": component_appid})
        until = time.monotonic() + seconds
        while True:
            result = self._get("release_check", {"component_appid": component_appid})
            if not result["running"]:
                return result
            if time.monotonic() > until:
                raise SandboxRefused("the release check does not end")
            time.sleep(0.1)

    def _open_confirmation(self, phone: httpx2.Client, url: str, person: str, referer: str) -> str:
        """Open the page, scan its code, take the phone into this person's hand; answers the confirmation page."""
        origin = urlsplit(url)
        headers = {"Referer": referer or f"{_redirect_origin(url)}/"}
        page = phone.get(f"{self.base_url}{origin.path}?{origin.query}", headers=headers)
        if page.status_code == 200:
            _raise_message(page.text)
            found = re.search(r'id="open-phone" href="([^"]+)"', page.text)
            if not found:
                raise SandboxRefused("the page shows no code")
            address = html.unescape(found[1])
        elif page.headers["Location"].startswith("/phone/"):
            address = f"{self.base_url}{page.headers['Location']}"
        else:
            raise SandboxRefused(f"this authorization is over: {page.headers['Location']}")
        self._hold(phone, person)
        form = phone.get(address).text
        _raise_message(form)
        return form

    def _refuse(self, words: str) -> Exception:
        return SandboxRefused(words)

    def _hold(self, phone: httpx2.Client, person: str) -> None:
        if person not in self._numbers():
            raise SandboxRefused(f"nobody is called {person}")
        phone.post(f"{self.base_url}/phone/hold", data={"person": str(self._numbers()[person]), "next": "/phone"})

    def _numbers(self) -> dict[str, int]:
        return {one["name"]: one["id"] for one in self.people()}

    def _post(self, path: str, given: Mapping[str, Any]) -> Json:
        return self._read(self._http.post(f"{self.base_url}/control/{path}", json=dict(given)))

    def _get(self, path: str, query: Mapping[str, str] | None = None) -> Json:
        return self._read(self._http.get(f"{self.base_url}/control/{path}", params=query or {}))

    def _read(self, response: httpx2.Response) -> Json:
        answer: Json = (
            response.json() if response.headers.get("Content-Type", "").startswith("application/json") else {}
        )
        if response.status_code != 200:
            raise SandboxRefused(answer.get("error") or f"HTTP {response.status_code}")
        return answer

    def _browser(self) -> httpx2.Client:
        return httpx2.Client(timeout=60, trust_env=False, verify=_tls(), transport=self._transport)


@cache
def _tls() -> ssl.SSLContext:
    """Slow to make, so made once."""
    return ssl.create_default_context()


def _field(form: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', form)
    return html.unescape(found[1]) if found else ""


def _raise_message(page: str) -> None:
    """The words of a page that refuses."""
    found = re.search(r'id="(?:error|message)">([^<]*)<', page)
    if found:
        raise SandboxRefused(html.unescape(found[1]))


def _redirect_origin(url: str) -> str:
    """Where the link stands: the page before the authorization page is on the redirect address's domain."""
    target = urlsplit(str(httpx2.QueryParams(urlsplit(url).query).get("redirect_uri", "")))
    return f"{target.scheme}://{target.netloc}"
