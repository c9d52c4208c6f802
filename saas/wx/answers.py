"""How an answer is read: WeChat writes one field in several ways, and a caller meets one of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from saas.wx.contract.operations import Schema

IDS = frozenset({"app_version", "appeal_record_id", "audit_id", "auditid", "draft_id", "orderid", "template_id"})
"""Ids that WeChat declares as numbers. They are read as text: it writes either, and nobody calculates with them."""

SPELLINGS = {"ScreenShot": "screenshot", "create_at": "created_at"}
"""Names in WeChat's samples, and what its tables call them."""

_WHOLE = re.compile(r"-?[0-9]{1,20}")
_FRACTION = re.compile(r"-?[0-9]{1,20}\.[0-9]{1,20}")
_TRUTHS = {"true": True, "false": False, "1": True, "0": False}


_ESCAPED = re.compile(rb"\x00|\\u(?:0000|[dD][89a-fA-F])")
_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")


def keepable(answer: Any, content: bytes) -> Any:
    """The JSON of these bytes without what no database keeps in a text: NUL, and halves of characters."""
    return _without(answer) if _ESCAPED.search(content) else answer


def _without(value: Any) -> Any:
    if isinstance(value, str):
        return _UNKEEPABLE.sub("", value)
    if isinstance(value, dict):
        return {_without(name): _without(one) for name, one in value.items()}
    return [_without(one) for one in value] if isinstance(value, list) else value


def read(answer: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    """The answer with the names and types that the contract declares; what the contract lacks stays as it is.

    Numbers and truths may come quoted, texts of digits bare, a lone object as a list, and the other way round.
    """
    return _fields(answer, schema)


def _fields(answer: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    known = schema.get("properties", {})
    names = {name: SPELLINGS.get(name, name) for name in answer}
    return {
        name: _id(answer[written]) if name in IDS else _value(answer[written], known.get(name, {}), schema)
        for written, name in names.items()
    }


def _id(value: Any) -> Any:
    return str(value) if type(value) is int else value


def _value(value: Any, schema: Schema, above: Schema) -> Any:
    """`above` describes the object around: the contract ends a tree where it begins to repeat itself."""
    for part in schema.get("allOf", ()):
        value = _value(value, part, above)
    schema = schema.get("oneOf", [schema])[0]
    kind = _kind(schema)
    if kind == "array" and value is not None:
        many = value if isinstance(value, list) else [] if value in ("", {}) else [value]
        return [_value(one, schema.get("items", {}), above) for one in many]
    if kind == "object":
        return _object(value, above if schema == {"type": "object"} else schema)
    if isinstance(value, dict):
        return _fields(value, schema)
    if isinstance(value, list):
        return [_value(one, {}, above) for one in value]
    return _scalar(value, kind)


def _kind(schema: Schema) -> str | None:
    """Where WeChat's pages declare a text as well, the other one."""
    declared = schema.get("type")
    return next((one for one in declared if one != "string"), None) if isinstance(declared, list) else declared


def _object(value: Any, schema: Schema) -> Any:
    if isinstance(value, list):
        value = value[0] if value else {}
    if isinstance(value, str) and "errmsg" in schema.get("properties", {}):
        return {"errmsg": value}
    return _fields(value, schema) if isinstance(value, dict) else value


def _scalar(value: Any, kind: str | None) -> Any:
    if kind == "string" and type(value) is int:
        return str(value)
    if kind == "boolean":
        return _TRUTHS.get(str(value).lower(), value)
    if kind == "integer" and isinstance(value, bool):
        return int(value)
    if kind in ("integer", "number") and isinstance(value, str):
        if _WHOLE.fullmatch(value):
            return int(value)
        return float(value) if kind == "number" and _FRACTION.fullmatch(value) else value
    return value
