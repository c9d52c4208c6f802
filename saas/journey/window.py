"""A browser window without a screen: pages, links, forms and cookies over HTTP, for a person without JavaScript."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import httpx2
from lxml import html


@dataclass(frozen=True)
class Upload:
    """A file that a person picks from the disk; `kind` is its media type."""

    name: str
    content: bytes
    kind: str = "image/png"


Value = str | bool | Upload | Sequence[str] | Sequence[Upload]
Part = tuple[str, str | Upload | None]
"""A field of a form as sent; None is a file that nobody picked."""
NOTHING: Mapping[str, Value] = {}
_PLACES = "self::tr or self::li or self::article or self::section or contains(concat(' ', @class, ' '), ' card ')"
_UNSEEN = ("script", "style", "template", "head")


class Stuck(Exception):
    """The person cannot go on; the text says why and what the page shows."""


class Window(Protocol):
    """What a person does in a browser. `near` names a text in the same row or card when a page repeats itself."""

    @property
    def address(self) -> str: ...

    @property
    def text(self) -> str: ...

    def open(self, address: str, *, status: int = 200) -> None: ...

    def follow(self, words: str, *, near: str = "") -> None: ...

    def press(
        self, words: str, fields: Mapping[str, Value] = NOTHING, *, near: str = "", status: int = 200
    ) -> None: ...

    def redraw(self, words: str, fields: Mapping[str, Value]) -> None:
        """Choose what other fields depend on, until the page shows those. The button is for who has no scripts."""
        ...

    def pick(self, path: str, files: Value) -> None:
        """Choose files in the field at this XPath. They go by the form's button, or by themselves if it has none."""
        ...

    def read(self, path: str, attribute: str = "") -> str:
        """The text, or an attribute, of what is at this XPath."""
        ...

    def has(self, path: str) -> bool: ...

    def wait_for(self, words: str, *, seconds: float = 30, reload: bool = False) -> None:
        """Until the page shows these words. With `reload` it does not renew itself, so the person does."""
        ...

    def wait_for_path(self, path: str, *, seconds: float = 30, reload: bool = False) -> None:
        """Until there is something at this XPath."""
        ...


def quoted(words: str) -> str:
    """A string for XPath, which knows no escapes."""
    return f"'{words}'" if "'" not in words else f'"{words}"'


def button_path(words: str, near: str = "") -> str:
    return f"//button[{_says(words)}]{_near(near)}"


def link_path(words: str, near: str = "") -> str:
    return f"//a[@href][{_says(words)}]{_near(near)}"


def _says(words: str) -> str:
    return f"normalize-space(.)={quoted(words)} or .//*[self::b or self::strong][normalize-space(.)={quoted(words)}]"


def _near(words: str) -> str:
    return f"[ancestor::*[{_PLACES}][1][contains(normalize-space(.), {quoted(words)})]]" if words else ""


MOMENT = 5.0
"""Seconds in which what has just ended is to be seen everywhere on a page."""


class HttpWindow:
    """Cookies are kept, 303s and page refreshes are followed, hidden fields go back as they came.

    `ip` is the person's own address on this machine (127.0.0.0/8): sign-ins are counted by address. `language` is what
    the browser asks for.
    """

    def __init__(self, base_url: str, *, ip: str | None = None, language: str = "zh-CN") -> None:
        self._http = httpx2.Client(
            base_url=base_url, timeout=60, headers={"Accept-Language": language, "Accept": "text/html"},
            transport=httpx2.HTTPTransport(local_address=ip),
        )  # fmt: skip
        self._page: html.HtmlElement = html.fromstring("<html><body></body></html>")
        self.address = base_url

    def __enter__(self) -> HttpWindow:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    @property
    def http(self) -> httpx2.Client:
        """What gets its pages, with its cookies."""
        return self._http

    @property
    def text(self) -> str:
        body = self._page.find("body")
        return visible_text(self._page if body is None else body)

    def open(self, address: str, *, status: int = 200) -> None:
        self._go("GET", urljoin(self.address, address), status)

    def follow(self, words: str, *, near: str = "") -> None:
        link = self._one(link_path(words, near), f"link “{words}”")
        self.open(link.get("href") or "")

    def press(self, words: str, fields: Mapping[str, Value] = NOTHING, *, near: str = "", status: int = 200) -> None:
        button = self._one(button_path(words, near), f"button “{words}”")
        form = self._form_of(button, words)
        given = _filled_in(form, fields, self._stuck)
        if button.get("name"):
            given.append((button.get("name") or "", button.get("value") or ""))
        self._send(form, given, status, button.get("formaction") or "")

    def redraw(self, words: str, fields: Mapping[str, Value]) -> None:
        self.press(words, fields)

    def pick(self, path: str, files: Value) -> None:
        field = self._one(path, path)
        form = self._form_of(field, path)
        standing = [part for part in _filled_in(form, NOTHING, self._stuck) if part[1] is not None]
        self._send(form, [*standing, *((field.get("name") or "", one) for one in uploads(files))], 200)

    def read(self, path: str, attribute: str = "") -> str:
        found = self._one(path, path)
        if attribute:
            value = found.get(attribute)
            if value is None:
                raise self._stuck(f"{path} has no {attribute}")
            return str(value)
        return visible_text(found)

    def has(self, path: str) -> bool:
        return bool(self._page.xpath(path))

    def wait_for(self, words: str, *, seconds: float = 30, reload: bool = False) -> None:
        del reload  # without JavaScript it is always the person who reloads
        self._reload_until(lambda: words in self.text, f"“{words}”", seconds)

    def wait_for_path(self, path: str, *, seconds: float = 30, reload: bool = False) -> None:
        del reload
        self._reload_until(lambda: self.has(path), path, seconds)

    def _send(self, form: html.HtmlElement, given: Sequence[Part], status: int, action: str = "") -> None:
        target = urljoin(self.address, action or form.get("action") or self.address)
        if (form.get("method") or "get").lower() == "get":
            self._go("GET", str(httpx2.URL(target).copy_with(params=given)), status)
        else:
            self._go("POST", target, status, list(given), in_parts=form.get("enctype") == "multipart/form-data")

    def _reload_until(self, is_there: Callable[[], bool], what: str, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not is_there():
            if time.monotonic() > end:
                raise self._stuck(f"{what} did not appear within {seconds:.0f} s")
            time.sleep(0.15)
            self.open(self.address)

    def _go(
        self,
        method: str,
        address: str,
        status: int,
        form: list[Part] | None = None,
        in_parts: bool = False,
    ) -> None:
        for _ in range(10):
            answer = self._http.request(method, address, headers=self._referer(), **_body(form, in_parts))
            self.address = str(answer.url)
            if answer.status_code in (301, 302, 303):
                method, address, form = "GET", urljoin(self.address, answer.headers["Location"]), None
                continue
            is_page = answer.headers.get("Content-Type", "").startswith("text/html")
            self._page = html.fromstring(answer.text if is_page and answer.text else "<html><body></body></html>")
            if answer.status_code != status:
                raise self._stuck(f"{method} {self.address} answered {answer.status_code}, not {status}")
            return
        raise self._stuck(f"{address} leads in circles")

    def _referer(self) -> dict[str, str]:
        """As browsers do by default: the origin alone when going to another one."""
        parts = urlsplit(self.address)
        return {"Referer": f"{parts.scheme}://{parts.netloc}/"}

    def _one(self, path: str, what: str) -> html.HtmlElement:
        """The first one; a person looks again for a moment where something is just going on."""
        if not self.has(path):
            self._reload_until(lambda: self.has(path), what, MOMENT)
        first: html.HtmlElement = self._page.xpath(path)[0]
        if first.get("disabled") is not None:
            raise self._stuck(f"{what} cannot be pressed now")
        return first

    def _form_of(self, button: html.HtmlElement, words: str) -> html.HtmlElement:
        if name := button.get("form"):
            return self._one(f"//form[@id={quoted(name)}]", f"form {name}")
        form = next(button.iterancestors("form"), None)
        if form is None:
            raise self._stuck(f"button “{words}” belongs to no form")
        return form

    def _stuck(self, why: str) -> Stuck:
        return Stuck(f"{why}\n  at {self.address}\n  the page says: {self.text[:1500]}")


def visible_text(element: html.HtmlElement) -> str:
    """What a person reads, in one line."""
    parts: list[str] = []
    _collect(element, parts)
    return re.sub(r"\s+", " ", " ".join(parts)).strip()


def _collect(element: html.HtmlElement, parts: list[str]) -> None:
    if isinstance(element.tag, str) and element.tag not in _UNSEEN and element.get("hidden") is None:
        if element.text:
            parts.append(element.text)
        for child in element:
            _collect(child, parts)
    if element.tail:
        parts.append(element.tail)


def _body(form: list[Part] | None, in_parts: bool) -> dict[str, Any]:
    if form is None:
        return {}
    if in_parts:
        return {"files": [(name, _part(value)) for name, value in form]}
    fields: dict[str, list[str]] = {}
    for name, value in form:
        if isinstance(value, str):
            fields.setdefault(name, []).append(value)
    return {"data": fields}


def _part(value: str | Upload | None) -> tuple[str | None, str | bytes] | tuple[str, bytes, str]:
    if isinstance(value, Upload):
        return value.name, value.content, value.kind
    return ("", b"", "application/octet-stream") if value is None else (None, value)


def _filled_in(form: html.HtmlElement, fields: Mapping[str, Value], stuck: Any) -> list[Part]:
    """What the browser sends: fields as they stand, those in `fields` as given; an unknown name is an error."""
    fields_there = _fields_of(form)
    known = {one.get("name") for one in fields_there}
    if missing := set(fields) - known:
        raise stuck(f"the form has no field {', '.join(sorted(missing))}, but {sorted(filter(None, known))}")
    sent: list[Part] = []
    done: set[str] = set()
    for one in fields_there:
        name, kind = one.get("name"), one.get("type", "text")
        if not name or one.get("disabled") is not None or kind in ("submit", "button", "image", "reset"):
            continue
        if kind == "file":
            sent.extend((name, picked) for picked in uploads(fields.get(name, ())) or (None,))
            continue
        if name not in fields:
            sent.extend((name, value) for value in _standing(one, kind))
        elif name not in done:
            done.add(name)
            sent.extend((name, value) for value in _given(form, name, one, kind, fields[name], stuck))
    return sent


def _fields_of(form: html.HtmlElement) -> list[html.HtmlElement]:
    """Those in it, and those that name it from elsewhere on the page."""
    found: list[html.HtmlElement] = form.xpath(".//input | .//select | .//textarea")
    if name := form.get("id"):
        found += form.xpath(f"//*[self::input or self::select or self::textarea][@form={quoted(name)}]")
    return found


def uploads(value: Value) -> list[Upload]:
    """The files in a value."""
    given = [value] if isinstance(value, str | bool | Upload) else value
    return [one for one in given if isinstance(one, Upload)]


def texts(value: Value) -> list[str]:
    """The texts in a value: one, or those of several boxes."""
    given = [value] if isinstance(value, str | bool | Upload) else value
    return [one for one in given if isinstance(one, str)]


def _standing(one: html.HtmlElement, kind: str) -> list[str]:
    if one.tag == "textarea":
        return [(one.text or "").removeprefix("\n")]
    if one.tag == "select":
        options = one.xpath(".//option")
        chosen = [option for option in options if option.get("selected") is not None]
        if not chosen and one.get("multiple") is None:
            chosen = options[:1]
        return [_option(option) for option in chosen]
    if kind in ("checkbox", "radio"):
        return [one.get("value", "on")] if one.get("checked") is not None else []
    return [one.get("value") or ""]


def _given(form: html.HtmlElement, name: str, one: html.HtmlElement, kind: str, value: Value, stuck: Any) -> list[str]:
    if one.tag == "select":
        return [_choose(one, text, stuck) for text in texts(value)]
    if kind in ("checkbox", "radio"):
        if value is True:
            return [one.get("value", "on")]
        wanted = texts(value)
        offered = {box.get("value", "on") for box in form.xpath(f".//input[@name={quoted(name)}]")}
        if unknown := [text for text in wanted if text not in offered]:
            raise stuck(f"{name} offers no {unknown}, but {sorted(offered)}")
        return wanted
    return [str(value)]


def _choose(select: html.HtmlElement, wanted: str, stuck: Any) -> str:
    """The value of the option that has this value, or whose label contains these words."""
    options = [(_option(option), visible_text(option)) for option in select.xpath(".//option")]
    exact = (value for value, text in options if wanted in (value, text))
    alike = (value for value, text in options if wanted and wanted in text)
    for value in (*exact, *alike):
        return value
    raise stuck(f"{select.get('name')} offers no “{wanted}”, but {[text for _, text in options]}")


def _option(option: html.HtmlElement) -> str:
    value = option.get("value")
    return visible_text(option) if value is None else value
