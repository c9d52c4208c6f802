"""WeChat's API as data: every operation, event, errcode and code table of the OpenAPI files beside this module.

The client's tests, the sandbox, the forms and the error dictionary all read the same facts from here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from typing import Any, Literal

FILES = ("platform", "settings", "code", "certification", "icp_filing", "records")

Schema = dict[str, Any]
Token = Literal["component", "authorizer", "none"]


@dataclass(frozen=True)
class Errcode:
    """One documented errcode. `retry`, `who` and `action` are filled in the common table only."""

    code: int
    en: str
    zh: str
    observed: bool = False
    retry: str = ""
    who: str = ""
    action: str = ""


@dataclass(frozen=True)
class QueryParam:
    name: str
    required: bool
    schema: Schema
    description: str


@dataclass(frozen=True)
class Operation:
    """One call, or one page of WeChat's that a person opens (`page`).

    Schemas have their references resolved; `binary` says that success is a file and only failure is JSON.
    `query_params` are without the token. `server` is the host only where it is not the API's.
    """

    id: str
    file: str
    method: str
    path: str
    summary: str
    token: Token
    token_param: str | None
    tags: tuple[str, ...] = ()
    page: bool = False
    server: str | None = None
    token_also: str | None = None
    query_params: tuple[QueryParam, ...] = ()
    request_schema: Schema | None = None
    request_content_type: str | None = None
    request_examples: Mapping[str, Any] = field(default_factory=dict)
    response_schema: Schema | None = None
    response_examples: Mapping[str, Any] = field(default_factory=dict)
    binary: bool = False
    errcodes: Mapping[int, Errcode] = field(default_factory=dict)
    permission_sets: tuple[int, ...] = ()
    limits: tuple[str, ...] = ()
    flow: str = ""
    disagreements: tuple[str, ...] = ()
    doc_url: str = ""
    retired: bool = False
    replaced_by: str | None = None


@dataclass(frozen=True)
class Event:
    """One push after decryption. `key` is the field that names it: InfoType or Event."""

    name: str
    key: Literal["InfoType", "Event"]
    summary: str
    schema: Schema
    examples: tuple[str, ...]
    flow: str


def operation(operation_id: str) -> Operation:
    """One operation by its id; KeyError when the contract has none."""
    return _operations()[operation_id]


def all_operations() -> list[Operation]:
    """Every operation, pages and retired ones included, in the order of the files."""
    return list(_operations().values())


def event(name: str) -> Event:
    """One event by its InfoType or Event value."""
    return _events()[name]


def all_events() -> list[Event]:
    return list(_events().values())


@cache
def permission_set_names() -> Mapping[int, str]:
    """Chinese names of the permission sets (权限集) by number."""
    return {int(number): name for number, name in _load("platform")["x-wx-permission-set-names"]["names"].items()}


@cache
def common_errcodes() -> Mapping[int, Errcode]:
    """The errcodes that any call may answer."""
    codes: dict[int, Errcode] = {}
    for file in FILES:
        for code, found in _errcodes(_load(file).get("x-wx-common-errcodes"), observed=False).items():
            codes.setdefault(code, found)
    return codes


def code_table(name: str) -> Any:
    """A fixed list of WeChat's: subject_types, certificate_types, nrlx_types, service_content_types, privacy_keys."""
    return _code_tables()[name]


def message_crypto() -> dict[str, Any]:
    """The facts and test vectors of message encryption."""
    facts: dict[str, Any] = _load("platform")["x-wx-message-crypto"]
    return facts


def release_check() -> dict[str, Any]:
    """The cases of the full-network release check (全网发布检测)."""
    facts: dict[str, Any] = _load("platform")["x-wx-release-check"]
    return facts


def lifecycle(file: str) -> dict[str, Any]:
    """The state machine of one file: code, certification or icp_filing."""
    facts: dict[str, Any] = _load(file)["x-wx-lifecycle"]
    return facts


@cache
def _load(file: str) -> dict[str, Any]:
    text = resources.files(__package__ or "saas.wx.contract").joinpath(f"{file}.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


@cache
def _code_tables() -> dict[str, Any]:
    book = _load("icp_filing")["x-wx-codebook"]
    names = ("subject_types", "certificate_types", "nrlx_types", "service_content_types")
    return {name: book[name] for name in names} | {"privacy_keys": _load("settings")["x-wx-privacy-keys"]["keys"]}


@cache
def _operations() -> dict[str, Operation]:
    found: dict[str, Operation] = {}
    for file in FILES:
        for path, item in _load(file)["paths"].items():
            for method in ("get", "post"):
                if method in item:
                    one = _read_operation(file, path, method, item)
                    found[one.id] = _merged(found[one.id], one) if one.id in found else one
    return found


def _merged(first: Operation, second: Operation) -> Operation:
    """A call that two files describe: the first one's shape, what either knows about errors and limits."""
    return replace(
        first,
        errcodes={**second.errcodes, **first.errcodes},
        limits=tuple(dict.fromkeys(first.limits + second.limits)),
        permission_sets=tuple(sorted({*first.permission_sets, *second.permission_sets})),
        flow=f"{first.flow} {second.flow}".strip(),
        disagreements=tuple(dict.fromkeys(first.disagreements + second.disagreements)),
    )


def _read_operation(file: str, path: str, method: str, item: Mapping[str, Any]) -> Operation:
    raw = item[method]
    document = _load(file)
    params = [_resolved(param, document) for param in raw.get("parameters", [])]
    token_param = raw.get("x-wx-token-param")
    bodies: dict[str, Any] = raw.get("requestBody", {}).get("content", {})
    content_type = next(iter(bodies), None)
    body: dict[str, Any] = bodies[content_type] if content_type else {}
    answers: dict[str, Any] = raw["responses"]["200"]["content"]
    answer: dict[str, Any] = answers.get("application/json", {})
    servers = item.get("servers") or raw.get("servers")
    return Operation(
        id=raw["operationId"],
        file=file,
        method=method.upper(),
        path=path,
        summary=raw.get("summary", ""),
        token=raw["x-wx-token"],
        token_param=token_param,
        tags=tuple(raw.get("tags", ())),
        page="text/html" in answers,
        server=servers[0]["url"] if servers else None,
        token_also=raw.get("x-wx-token-also"),
        query_params=tuple(
            QueryParam(
                name=param["name"],
                required=param.get("required", False),
                schema=param.get("schema", {}),
                description=param.get("description", ""),
            )
            for param in params
            if param["in"] == "query" and param["name"] != token_param
        ),
        request_schema=_flat(_resolved(body["schema"], document)) if body else None,
        request_content_type=content_type,
        request_examples=_examples(body),
        response_schema=_flat(_resolved(answer["schema"], document)) if answer else None,
        response_examples=_examples(answer),
        binary=any(kind not in ("application/json", "text/html") for kind in answers),
        errcodes=_errcodes(raw.get("x-wx-errcodes-observed"), observed=True)
        | _errcodes(raw.get("x-wx-errcodes"), observed=False),
        permission_sets=tuple(raw.get("x-wx-permission-sets", ())),
        limits=_lines(raw.get("x-wx-limits")),
        flow=raw.get("x-wx-flow", ""),
        disagreements=_lines(raw.get("x-wx-disagreement")),
        doc_url=_doc_url(raw.get("x-wx-source", ())),
        retired=bool(raw.get("deprecated") or raw.get("x-wx-retired")),
        replaced_by=raw.get("x-wx-replaced-by"),
    )


@cache
def _events() -> dict[str, Event]:
    found: dict[str, Event] = {}
    for file in FILES:
        document = _load(file)
        for name, item in document.get("webhooks", {}).items():
            raw = item["post"]
            body = next(iter(raw["requestBody"]["content"].values()))
            schema = _flat(_resolved(body["schema"], document))
            found.setdefault(
                name,
                Event(
                    name=name,
                    key="InfoType" if "InfoType" in schema.get("properties", {}) else "Event",
                    summary=raw.get("summary", ""),
                    schema=schema,
                    examples=tuple(_examples(body).values()),
                    flow=raw.get("x-wx-flow", ""),
                ),
            )
    return found


def _errcodes(table: Mapping[str, Any] | None, *, observed: bool) -> dict[int, Errcode]:
    return {
        int(code): Errcode(
            code=int(code),
            en=entry.get("en") or entry.get("meaning", ""),
            zh=entry.get("zh", ""),
            observed=observed,
            retry=entry.get("retry", ""),
            who=entry.get("who", ""),
            action=entry.get("action", ""),
        )
        for code, entry in (table or {}).items()
    }


def _examples(content: Mapping[str, Any]) -> dict[str, Any]:
    return {name: example["value"] for name, example in content.get("examples", {}).items() if "value" in example}


def _lines(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, dict):
        return tuple(f"{key}: {text}" for key, text in value.items())
    return tuple(str(text) for text in value or ())


def _doc_url(sources: Any) -> str:
    for source in _lines(sources):
        address = source.split(" ")[0]
        if "developers.weixin.qq.com/doc" in address:
            return address if address.startswith("https://") else f"https://{address}"
    return ""


def _resolved(node: Any, document: Mapping[str, Any], seen: tuple[str, ...] = ()) -> Any:
    """Put the referenced parts in place; a part that contains itself ends in an open object."""
    if isinstance(node, list):
        return [_resolved(one, document, seen) for one in node]
    if not isinstance(node, dict):
        return node
    if "$ref" not in node:
        return {key: _resolved(value, document, seen) for key, value in node.items()}
    ref: str = node["$ref"]
    if ref in seen:
        return {"type": "object"}
    target: Any = document
    for step in ref.removeprefix("#/").split("/"):
        target = target[step]
    return _resolved(target, document, (*seen, ref))


def _flat(schema: Schema) -> Schema:
    """Join `allOf` parts that are plain objects, so that `properties` holds every field."""
    parts = schema.get("allOf")
    if not parts:
        return schema
    properties: Schema = {}
    required: list[str] = []
    for part in [*map(_flat, parts), {key: value for key, value in schema.items() if key != "allOf"}]:
        properties |= part.get("properties", {})
        required += part.get("required", [])
    flat: Schema = {"type": "object", "properties": properties}
    return flat | {"required": required} if required else flat
