"""Hold a call's query and body against the contract, once for all operations."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from saas.sandbox.refusals import Refused, hint
from saas.sandbox.schemas import request_validator
from saas.wx.contract.operations import Operation, Schema

_ESCAPED = re.compile(rb"(?<!\\)(?:\\\\)*\\u(?!00[0-1])[0-9a-fA-F]{4}")


_MISSING = {"appid": 41002, "appsecret": 41004}


class Unfit(Exception):
    """A call that does not fit its description; `what` is for the page of mistakes."""

    def __init__(self, errcode: int, what: str, **extra: Any) -> None:
        super().__init__(what)
        self.refusal = Refused(errcode, **extra)
        self.what = what


def read_json(op: Operation, raw: bytes, invalid: Mapping[str, int], hinted: int) -> dict[str, Any]:
    """The body of a POST. Raises Unfit."""
    if op.request_schema is None:
        return _loose(raw)
    if not raw.strip():
        raise Unfit(44002, "POST 没有请求体：没有参数也要发 {}")
    try:
        body = json.loads(raw.decode())
    except ValueError as error:
        raise Unfit(47001, "请求体不是 UTF-8 的 JSON") from error
    if not isinstance(body, dict):
        raise Unfit(47001, "请求体不是 JSON 对象")
    found = request_validator(op.id).iter_errors(body)
    faults = sorted(found, key=lambda fault: (len(fault.path), fault.validator != "type"))
    if hinted and faults and not {"type", "additionalProperties"} & {str(fault.validator) for fault in faults}:
        places = dict.fromkeys(place for fault in faults for place in _places(fault))
        hints = [hint(place, "缺少或不合要求") for place in places]
        raise Unfit(hinted, _unfit(op, faults[0], invalid).what, hints=hints)
    if faults:
        raise _unfit(op, faults[0], invalid)
    return body


def check_form(op: Operation, form: Mapping[str, str], files: Iterable[str], invalid: Mapping[str, int]) -> None:
    """Look at the fields of a multipart POST. Raises Unfit."""
    schema = op.request_schema or {}
    fields: Mapping[str, Schema] = schema["properties"]
    uploads = {name for name, field in fields.items() if "format" in field or "contentMediaType" in field}
    texts = {*fields} - uploads
    if extra := sorted(({*form} - texts) | ({*files} - uploads)):
        raise Unfit(40097, f"多余的字段 {', '.join(extra)}")
    for name in schema.get("required", []):
        if name not in form and name not in files:
            raise Unfit(invalid.get(name, 41005 if name in uploads else 40097), f"缺少字段 {name}")
    for name, text in form.items():
        if not Draft202012Validator(fields[name]).is_valid(_typed(fields[name], text)):
            raise Unfit(invalid.get(name, 40097), f"字段 {name} 的值不对")


def has_escapes(raw: bytes) -> bool:
    """Chinese written as \\uXXXX: WeChat shows it like that to users, or refuses it."""
    return bool(_ESCAPED.search(raw))


def read_query(op: Operation, given: Mapping[str, str], invalid: Mapping[str, int]) -> dict[str, Any]:
    """The documented query parameters without the token. Raises Unfit."""
    query: dict[str, Any] = {}
    known = {param.name: param for param in op.query_params}
    for name, text in given.items():
        if name not in known:
            raise Unfit(40097, f"多余的查询参数 {name}")
        schema = known[name].schema
        value = _typed(schema, text)
        if not Draft202012Validator(schema).is_valid(value):
            raise Unfit(invalid.get(name, 40097), f"查询参数 {name} 的值不对")
        query[name] = value
    for param in op.query_params:
        if param.required and param.name not in query:
            raise Unfit(invalid.get(param.name, 40097), f"缺少查询参数 {param.name}")
    return query


def _typed(schema: Schema, text: str) -> Any:
    """Text that stands for a number is one."""
    return int(text) if schema.get("type") == "integer" and text.lstrip("-").isdigit() else text


def _loose(raw: bytes) -> dict[str, Any]:
    """Where the contract knows no body, anything is let through."""
    try:
        body = json.loads(raw or b"{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _places(fault: ValidationError) -> list[str]:
    """The dotted path of the field; of all missing ones, where one is missing."""
    instance: Any = fault.instance
    schema: Any = fault.schema
    steps = [str(step) for step in fault.absolute_path]
    if fault.validator != "required":
        return [".".join(steps)]
    return [".".join([*steps, name]) for name in schema["required"] if name not in instance]


def _unfit(op: Operation, fault: ValidationError, invalid: Mapping[str, int]) -> Unfit:
    place = _places(fault)[0]
    names = [str(step) for step in fault.absolute_path if isinstance(step, str)]
    special = next((invalid[name] for name in reversed(names) if name in invalid), None)
    instance: Any = fault.instance
    schema: Any = fault.schema
    if fault.validator == "required":
        own = _MISSING.get(place)
        code = 41018 if place == "component_appid" else own if own in op.errcodes else 47001
        return Unfit(special or code or 47001, f"缺少字段 {place}")
    if fault.validator == "type":
        return Unfit(47001, f"字段 {place} 的类型不对，应为 {fault.validator_value}")
    if fault.validator == "additionalProperties":
        extra = sorted(set(instance) - set(schema.get("properties", {})))
        return Unfit(40097, f"多余的字段 {', '.join(f'{place}.{name}'.strip('.') for name in extra)}")
    return Unfit(special or 40097, f"字段 {place} 的值不对（{fault.validator}: {fault.validator_value}）")
