"""A template's `ext_json`: JSON with places like `${shop_name}` in its strings, filled per mini program and checked.

A string that is one place takes the value's own type (number, list, ...); elsewhere the value is written into the
string. `$${` is a plain `${`. Faults name the line and the key in the template's text, where they can be mended.
https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/code-management/api_commit
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from typing import Any, NoReturn

from jsonschema import Draft202012Validator

from saas.errors import N_
from saas.wx.contract.operations import operation

Path = tuple[str | int, ...]

_PLACE = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_KEY = re.compile(r'"((?:[^"\\\n]|\\.)+)"\s*:')
_DECODER = json.JSONDecoder()

OWN_KEYS = ("extAppid", "extEnable", "directCommit")
"""Keys that the program decides: the appid is the mini program's, the switches are for WeChat's own tools only."""

_LEFT_OUT = ("extEnable", "directCommit")
_UNLISTED_KEYS = ("permission",)  # a key of app.json that WeChat's pages mention without a rule
_FUZZY_RIVALS = {"getLocation", "onLocationChange", "startLocationUpdate", "startLocationUpdateBackground"}

_SYNTAX = {
    "Expecting property name enclosed in double quotes": N_("这里应是用双引号括起来的键名，请检查是否多了逗号"),
    "Expecting ':' delimiter": N_("键名后面缺少冒号"),
    "Expecting ',' delimiter": N_("这里缺少逗号或右括号"),
    "Expecting value": N_("这里缺少值，请检查是否多了逗号"),
    "Unterminated string starting at": N_("文字缺少结尾的双引号"),
    "Invalid control character at": N_("文字里有换行或控制字符"),
    "Invalid \\escape": N_("反斜杠后面的字符不对"),
    "Invalid \\uXXXX escape": N_("\\u 后面应是四位十六进制数"),
    "Extra data": N_("JSON 结束后还有多余的内容"),
    "Illegal trailing comma before end of object": N_("右括号前多了一个逗号"),
    "Illegal trailing comma before end of array": N_("右括号前多了一个逗号"),
}
_TYPES = {
    "object": N_("对象 {}"),
    "array": N_("列表 []"),
    "string": N_("文字"),
    "boolean": N_("true 或 false"),
    "integer": N_("整数"),
    "number": N_("数字"),
}


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong. `message` is a msgid, `params` fills it; `params["type"]` is a msgid itself."""

    message: str
    line: int | None = None
    key: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.line or '-'} {self.key}: {self.message % self.params if self.params else self.message}"


@dataclass(frozen=True)
class Variable:
    """A place's name, and where it stands first."""

    name: str
    line: int | None
    key: str


@dataclass(frozen=True)
class Merged:
    """What one mini program would get. `text` is empty when there are faults that leave nothing to send."""

    faults: tuple[Fault, ...]
    variables: tuple[Variable, ...] = ()
    value: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""

    @property
    def preview(self) -> str:
        """The merged JSON for people to read."""
        return json.dumps(self.value, ensure_ascii=False, indent=2)


@dataclass
class _Document:
    value: dict[str, Any]
    lines: dict[Path, int]

    def line(self, path: Path) -> int | None:
        """Where the path, or the nearest thing around it, stands."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path)


def check_template(text: str, *, pages: Collection[str] = (), limit: int = 0) -> Merged:
    """Check a template's `ext_json` before any values are known; what depends on a value is left to `merge`."""
    return _build(text, values=None, appid="", pages=pages, limit=limit)


def merge(
    text: str, *, appid: str, values: Mapping[str, Any], pages: Collection[str] = (), limit: int = 0
) -> Merged:  # fmt: skip
    """Fill the places, set the appid, check the whole. `pages` are the template's, if known; `limit` is in bytes."""
    return _build(text, values=values, appid=appid, pages=pages, limit=limit)


def lists_pages(text: str) -> bool:
    """Whether this sent `ext_json` replaces the template's list of pages, so that the upload shows only some."""
    value = json.loads(text)
    return bool(value.get("pages") or value.get("subPackages"))


def missing_pages(text: str, pages: Collection[str]) -> list[str]:
    """Which pages this sent `ext_json` names that the code does not have."""
    named = (page for _path, page in _named_pages(json.loads(text)) if page)
    return list(dict.fromkeys(page for page in named if page not in pages))


def _build(text: str, *, values: Mapping[str, Any] | None, appid: str, pages: Collection[str], limit: int) -> Merged:
    if limit and len(text.encode(errors="replace")) > limit:
        return Merged((_too_large(limit),))
    document, faults = _read(text)
    if document is None:
        return Merged(tuple(faults))
    filler = _Filler(document, values)
    value = {key: filler.fill(inner, (key,)) for key, inner in document.value.items() if key not in _LEFT_OUT}
    if appid:
        value = {"extAppid": appid} | {key: inner for key, inner in value.items() if key != "extAppid"}
    faults += filler.faults
    faults += _check_keys(document)
    faults += _check_schema(document, value, filler.open_paths)
    faults += _check_pages(document, value, frozenset(pages), filler.open_paths)
    merged, broken = _write(value, limit)
    faults += broken
    faults.sort(key=lambda fault: fault.line or 0)
    return Merged(tuple(faults), tuple(filler.variables.values()), value, merged)


def _too_large(limit: int) -> Fault:
    return Fault(N_("ext_json 太大，最多 %(limit)s KB"), params={"limit": limit // 1024})


def _unwritable_number() -> Fault:
    return Fault(N_("有不合法的数字：NaN、Infinity 或过长的数"))


def _read(text: str) -> tuple[_Document | None, list[Fault]]:
    text = text.removeprefix("\ufeff")
    if not text.strip():
        return _Document({}, {}), []
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
        reader = _Lines(text)
        reader.walk(0, ())
    except json.JSONDecodeError as error:
        before = _KEY.findall(text, 0, error.pos)
        message = _SYNTAX.get(error.msg, N_("JSON 语法不对"))
        where = N_("第 %(column)s 个字符：%(reason)s")
        return None, [
            Fault(where, error.lineno, before[-1] if before else "", {"column": error.colno, "reason": message})
        ]
    except RecursionError:
        return None, [Fault(N_("括号嵌套太深"))]
    except ValueError:
        return None, [_unwritable_number()]
    if not isinstance(value, dict):
        return None, [Fault(N_("最外层应是对象 {}"), 1)]
    repeated = [Fault(N_("这个键写了两次"), line, show(path)) for path, line in reader.repeated]
    return _Document(value, reader.lines), repeated


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


class _Lines:
    """Finds the line of every key and list entry in a text that is valid JSON."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines: dict[Path, int] = {}
        self.repeated: list[tuple[Path, int]] = []
        self._breaks = [at for at, char in enumerate(text) if char == "\n"]

    def walk(self, at: int, path: Path) -> int:
        """Note what stands at `at`; answers where it ends."""
        at = self._skip(at)
        self.lines.setdefault(path, self._line(at))
        opening = self.text[at]
        if opening not in "{[":
            return _DECODER.raw_decode(self.text, at)[1]
        at, count = self._skip(at + 1), 0
        while self.text[at] not in "}]":
            inner: Path = (*path, count)
            if opening == "{":
                key, end = _DECODER.raw_decode(self.text, at)
                inner = (*path, key)
                if inner in self.lines:
                    self.repeated.append((inner, self._line(at)))
                self.lines[inner] = self._line(at)
                at = self._skip(end) + 1
            at, count = self._skip(self.walk(at, inner)), count + 1
            if self.text[at] == ",":
                at = self._skip(at + 1)
        return at + 1

    def _skip(self, at: int) -> int:
        while at < len(self.text) and self.text[at] in " \t\r\n":
            at += 1
        return at

    def _line(self, at: int) -> int:
        return bisect_left(self._breaks, at) + 1


class _Filler:
    """Puts values into places. Without values it only looks: `open_paths` then holds the strings that have places."""

    def __init__(self, document: _Document, values: Mapping[str, Any] | None) -> None:
        self.document = document
        self.values = values
        self.faults: list[Fault] = []
        self.variables: dict[str, Variable] = {}
        self.open_paths: set[Path] = set()

    def fill(self, value: Any, path: Path) -> Any:
        if isinstance(value, dict):
            return {key: self.fill(inner, (*path, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.fill(inner, (*path, number)) for number, inner in enumerate(value)]
        return self._fill_string(value, path) if isinstance(value, str) else value

    def _fill_string(self, text: str, path: Path) -> Any:
        whole = _PLACE.fullmatch(text)
        if whole and whole[1] is not None:
            return self._value(whole[1], path, text)
        return _PLACE.sub(lambda found: self._part(found, path), text)

    def _part(self, found: re.Match[str], path: Path) -> str:
        if found[0] == "$${":
            return "${"
        value = self._value(found[1], path, found[0])
        if isinstance(value, dict | list):
            self._fault(N_("变量 %(name)s 是对象或列表，只能单独作为一个值"), path, name=found[1])
            return found[0]
        return value if isinstance(value, str) else json.dumps(value)

    def _value(self, name: str | None, path: Path, otherwise: str) -> Any:
        name = (name or "").strip()
        if not _NAME.fullmatch(name):
            self._fault(N_("变量写法不对，应为 ${变量名}，变量名用字母、数字、下划线、点或短横线"), path)
            self.open_paths.add(path)
            return otherwise
        self.variables.setdefault(name, Variable(name, self.document.line(path), show(path)))
        if self.values is not None and name in self.values:
            return self.values[name]
        self.open_paths.add(path)
        if self.values is not None:
            self._fault(N_("缺少变量 %(name)s 的值"), path, name=name)
        return otherwise

    def _fault(self, message: str, path: Path, **params: Any) -> None:
        self.faults.append(Fault(message, self.document.line(path), show(path), params))


def _check_keys(document: _Document) -> Iterator[Fault]:
    known = [*_schema()["properties"], *_UNLISTED_KEYS]
    for key in document.value:
        if key in known:
            continue
        close = get_close_matches(key, known, n=1)
        if close:
            message, params = N_("微信不认识这个键，是否想写 %(name)s？"), {"name": close[0]}
        else:
            message, params = N_("微信不认识这个键；自定义的内容请放进 ext 里"), {}
        yield Fault(message, document.line((key,)), key, params)


def _check_schema(document: _Document, value: Any, open_paths: Collection[Path]) -> Iterator[Fault]:
    for error in Draft202012Validator(_schema()).iter_errors(value):
        path: Path = tuple(error.absolute_path)
        if path in open_paths:
            continue
        line, key = document.line(path), show(path)
        if error.validator == "type":
            yield Fault(N_("应为%(type)s"), line, key, {"type": _TYPES.get(str(error.validator_value), N_("其他类型"))})
        elif error.validator == "enum":
            yield Fault(N_("只能是 %(values)s"), line, key, {"values": "、".join(map(str, error.validator_value))})
        else:
            yield Fault(N_("不符合微信的格式要求"), line, key)
    infos = value.get("requiredPrivateInfos")
    if isinstance(infos, list) and "getFuzzyLocation" in infos:
        rivals = [info for info in infos if isinstance(info, str) and info in _FUZZY_RIVALS]
        if rivals:
            path = ("requiredPrivateInfos", infos.index(rivals[0]))
            message = N_("getFuzzyLocation 不能和 %(name)s 一起声明")
            yield Fault(message, document.line(path), show(path), {"name": rivals[0]})


def _check_pages(
    document: _Document, value: Mapping[str, Any], pages: frozenset[str], open_paths: Collection[Path]
) -> Iterator[Fault]:
    if value.get("pages") == []:
        yield Fault(N_("pages 不能是空列表"), document.line(("pages",)), "pages")
    for path, page in _named_pages(value):
        if path in open_paths:
            continue
        if page is None:
            yield Fault(N_("这一项缺少 pagePath"), document.line(path), show(path))
        elif page.startswith("/"):
            yield Fault(N_("页面路径不要以 / 开头"), document.line(path), show(path))
        elif pages and page not in pages:
            yield Fault(N_("模板里没有页面 %(page)s"), document.line(path), show(path), {"page": page})


def _named_pages(value: Mapping[str, Any]) -> Iterator[tuple[Path, str | None]]:
    """Every page that is named, with the path of its name; None where a tab has no page."""
    for number, page in enumerate(_list(value.get("pages"))):
        if isinstance(page, str):
            yield ("pages", number), page
    for page in _dict(value.get("extPages")):
        yield ("extPages", page), page
    for number, tab in enumerate(_list(_dict(value.get("tabBar")).get("list"))):
        page = _dict(tab).get("pagePath")
        at: Path = ("tabBar", "list", number)
        if page is None:
            yield at, None
        elif isinstance(page, str):
            yield (*at, "pagePath"), page
    for number, package in enumerate(_list(value.get("subPackages"))):
        root = _dict(package).get("root")
        for inner, page in enumerate(_list(_dict(package).get("pages"))):
            if isinstance(root, str) and isinstance(page, str):
                yield ("subPackages", number, "pages", inner), f"{root.rstrip('/')}/{page}"
    for number, rule in enumerate(_list(_dict(value.get("sitemap")).get("rules"))):
        page = _dict(rule).get("page")
        if isinstance(page, str) and "*" not in page:
            yield ("sitemap", "rules", number, "page"), page


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _write(value: Mapping[str, Any], limit: int) -> tuple[str, list[Fault]]:
    """The text to send: one line, Chinese as it is (WeChat shows escapes to its reviewers)."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        size = len(text.encode())
    except UnicodeEncodeError:
        return "", [Fault(N_("有不完整的字符（单独的 \\ud800 之类）"))]
    except ValueError:
        return "", [_unwritable_number()]
    if limit and size > limit:
        return "", [_too_large(limit)]
    return text, []


def show(path: Path) -> str:
    """A path as people write it: tabBar.list[0].pagePath."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif "/" in part or "." in part:
            text += f'["{part}"]'
        else:
            text += f".{part}" if text else part
    return text


@cache
def _schema() -> dict[str, Any]:
    """WeChat's own description of the document inside `ext_json`."""
    request = operation("commit").request_schema
    assert request is not None
    schema: dict[str, Any] = request["properties"]["ext_json"]["contentSchema"]
    return schema
