"""A window of real Chromium with the same verbs as the journey's window without a screen."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urljoin

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    FilePayload,
    Locator,
    Page,
    Request,
    Response,
    Route,
    StorageState,
)
from playwright.sync_api import Error as ChromiumError

from saas.journey.window import NOTHING, Stuck, Value, button_path, link_path, texts, uploads

PATIENCE = 10_000  # milliseconds for one click
_NUMBERS = itertools.count()
_ELSEWHERE = (301, 302, 303, 307, 308)


class Watch:
    """What went wrong in any page: console, page errors, requests to other places. Must stay empty."""

    def __init__(self, own: tuple[str, ...], cdn: Mapping[str, Path], cdn_base: str) -> None:
        self.complaints: list[str] = []
        self.refused_pages: set[str] = set()
        self._own, self._cdn, self._base = own, cdn, cdn_base.rstrip("/") + "/"

    def over(self, context: BrowserContext) -> None:
        """Watch all of a browser's pages, and give it an address of its own: sign-ins are counted by address."""
        address = f"10.0.{(number := next(_NUMBERS)) // 250}.{number % 250 + 1}"
        context.route("**/*", lambda route: self._route(route, address))
        context.on("console", self._console)
        context.on("weberror", lambda error: self.complaints.append(f"page error: {error.error}"))

    def _route(self, route: Route, address: str) -> None:
        url = route.request.url
        if url.startswith(self._own):
            route.continue_(headers={**route.request.headers, "X-Forwarded-For": address})
        elif url.startswith(self._base) and url.removeprefix(self._base) in self._cdn:
            kind = "text/css" if url.endswith(".css") else "text/javascript"
            headers = {"Content-Type": kind, "Access-Control-Allow-Origin": "*"}
            route.fulfill(status=200, body=self._cdn[url.removeprefix(self._base)].read_bytes(), headers=headers)
        else:
            self.complaints.append(f"asked for {url}")
            route.abort()

    def _console(self, message: ConsoleMessage) -> None:
        expected = re.search(r"the server responded with a status of (4|503)", message.text)
        if not (expected and message.location.get("url") in self.refused_pages):
            self.complaints.append(f"{message.type}: {message.text} at {message.location.get('url')}")


def new_context(
    browser: Browser, watch: Watch, *, script: bool = True, width: int = 1280, state: StorageState | None = None,
    language: str = "zh-CN", agent: str | None = None,
) -> BrowserContext:  # fmt: skip
    """A browser of its own; `state` is what another one knew, such as its cookies; `language` what it asks for; `agent`
    is what it says that it is.
    """
    context = browser.new_context(
        locale=language, java_script_enabled=script, viewport={"width": width, "height": 900}, reduced_motion="reduce",
        storage_state=state, user_agent=agent,
    )  # fmt: skip
    context.set_default_timeout(PATIENCE)
    watch.over(context)
    return context


class ChromiumWindow:
    """Clicks what the window without a screen reads; waits for pages to renew themselves unless scripts are off."""

    def __init__(self, context: BrowserContext, watch: Watch, base_url: str, *, script: bool = True) -> None:
        self.page: Page = context.new_page()
        self._watch, self._base_url, self._script = watch, base_url, script
        self._under_way: set[Request] = set()
        self.page.on("request", self._note_begin)
        for end in ("requestfinished", "requestfailed"):
            self.page.on(end, self._note_end)

    def _note_begin(self, request: Request) -> None:
        if request.is_navigation_request():
            self._under_way.add(request)

    def _note_end(self, request: Request) -> None:
        self._under_way.discard(request)

    @property
    def address(self) -> str:
        return self.page.url

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", self.page.inner_text("body")).strip()

    def open(self, address: str, *, status: int = 200) -> None:
        target = urljoin(self.page.url if self.page.url.startswith("http") else self._base_url, address)
        self._navigate(lambda: self.page.goto(target), status, target)

    def follow(self, words: str, *, near: str = "") -> None:
        link = self._one(link_path(words, near))
        self._navigate(link.click, 200)

    def press(self, words: str, fields: Mapping[str, Value] = NOTHING, *, near: str = "", status: int = 200) -> None:
        button = self._one(button_path(words, near))
        named = button.get_attribute("form")
        form = self.page.locator(f"xpath=//form[@id='{named}']") if named else button.locator("xpath=ancestor::form")
        for name, value in fields.items():
            self._fill(form, name, value)
        action = button.get_attribute("formaction") or form.first.get_attribute("action") or ""
        if status == 422:  # it is the server's refusal that is wanted, not the browser's
            form.first.evaluate("one => { one.noValidate = true }")
        self._navigate(button.click, status, urljoin(self.page.url, action))

    def redraw(self, words: str, fields: Mapping[str, Value]) -> None:
        if not self._script:
            self.press(words, fields)
            return
        for name, value in fields.items():
            form = self._one(f"//form[.//*[@name='{name}']]")
            drawn = form.element_handle()
            self._fill(form, name, value)
            try:
                self.page.wait_for_function("one => !one.isConnected", arg=drawn)
            except ChromiumError as error:
                raise self._stuck(f"{name} changed nothing: {error}") from error

    def pick(self, path: str, files: Value) -> None:
        field = self._one(path)
        button = field.locator("xpath=ancestor::form").locator("button")

        def choose() -> None:
            field.set_input_files(_payloads(files))
            if button.count():
                button.first.click()

        self._navigate(choose, 200)

    def read(self, path: str, attribute: str = "") -> str:
        found = self._one(path, opened=False)
        return (found.get_attribute(attribute) or "") if attribute else re.sub(r"\s+", " ", found.inner_text()).strip()

    def has(self, path: str) -> bool:
        return self.page.locator(f"xpath={path}").count() > 0

    def wait_for(self, words: str, *, seconds: float = 30, reload: bool = False) -> None:
        self._until(lambda: words in self.text, f"“{words}”", seconds, reload)

    def wait_for_path(self, path: str, *, seconds: float = 30, reload: bool = False) -> None:
        self._until(lambda: self.has(path), path, seconds, reload)

    def _until(self, is_there: Callable[[], bool], what: str, seconds: float, reload: bool) -> None:
        end = time.monotonic() + seconds
        while True:
            try:
                if is_there():
                    return
            except ChromiumError:  # the page is just being replaced
                pass
            if time.monotonic() > end:
                raise self._stuck(f"{what} did not appear within {seconds:.0f} s")
            self.page.wait_for_timeout(150)
            if (reload or not self._script) and not self._under_way:  # who reloads a page that leads on stays there
                try:
                    self.page.reload()
                except ChromiumError as error:  # it was just renewing itself
                    if "ERR_ABORTED" not in str(error):
                        raise

    def _one(self, path: str, *, opened: bool = True) -> Locator:
        found = self.page.locator(f"xpath={path}").first
        try:
            found.wait_for(state="attached")
            if opened:
                self._open_around(found)
        except ChromiumError as error:
            raise self._stuck(f"there is no {path}: {error}") from error
        return found

    def _open_around(self, found: Locator) -> None:
        """Unfold what hides it, from the outside in."""
        closed = found.locator("xpath=ancestor::details[not(@open)]/summary")
        while closed.count():
            closed.first.click()

    def _fill(self, form: Locator, name: str, value: Value) -> None:
        try:
            found = form.locator(f'[name="{name}"]')
            self._open_around(found.first)
            kind = found.first.evaluate("one => one.type")
            if isinstance(value, bool):
                found.first.set_checked(value)
            elif kind == "checkbox":
                for box in found.all():
                    box.set_checked((box.get_attribute("value") or "on") in texts(value))
            elif kind == "radio":
                for one in texts(value):
                    form.locator(f'[name="{name}"][value="{one}"]').check()
            elif kind == "file":
                found.first.set_input_files(_payloads(value))
            elif kind.startswith("select"):
                found.first.select_option(_option(found.first, str(value)))
            else:
                found.first.fill(str(value))
        except ChromiumError as error:
            raise self._stuck(f"cannot fill in {name}: {error}") from error

    def _navigate(self, act: Callable[[], Response | None], status: int, target: str = "") -> None:
        """Do what leads to another page, and look how it was answered."""
        if status != 200 and target:
            self._watch.refused_pages.add(target)
        elif status != 200:
            self._watch.refused_pages.add(self.page.url)
        try:  # what a script writes into the history is no other page, though Chromium calls it a navigation
            with self.page.expect_event("load"), self.page.expect_event("response", self._is_page) as waiting:
                act()
            answer = waiting.value
        except ChromiumError as error:
            raise self._stuck(f"the page did not change: {error}") from error
        if answer.status != status:
            raise self._stuck(f"{answer.url} answered {answer.status}, not {status}")

    def _is_page(self, answer: Response) -> bool:
        """Whether it is what the window shows next."""
        asked = answer.request
        return asked.is_navigation_request() and asked.frame == self.page.main_frame and answer.status not in _ELSEWHERE

    def _stuck(self, why: str) -> Stuck:
        return Stuck(f"{why}\n  at {self.page.url}\n  the page says: {self.text[:1500]}")


def _payloads(value: Value) -> list[FilePayload]:
    return [{"name": one.name, "mimeType": one.kind, "buffer": one.content} for one in uploads(value)]


def _option(select: Locator, wanted: str) -> str:
    """The value of the option that has this value, or whose label contains these words."""
    found = [(one.inner_text(), one.get_attribute("value")) for one in select.locator("option").all()]
    options = [(text if value is None else value, text) for text, value in found]
    exact = (value for value, text in options if wanted in (value, text))
    alike = (value for value, text in options if wanted and wanted in text)
    for value in (*exact, *alike):
        return value
    raise AssertionError(f"there is no option {wanted}")
