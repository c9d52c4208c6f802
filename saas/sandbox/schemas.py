"""Schemas of the contract, held against what is sent and what is answered."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from saas.wx.contract.operations import Operation, Schema, operation

WRONG_ANSWERS = "SANDBOX_WRONG_ANSWERS"


@cache
def request_validator(operation_id: str) -> Draft202012Validator:
    return Draft202012Validator(_closed(operation(operation_id).request_schema or {}))


@cache
def _response_validator(operation_id: str) -> Draft202012Validator:
    return Draft202012Validator(_closed(operation(operation_id).response_schema or {}))


def note_wrong_answer(file: Path, op: Operation, answer: Mapping[str, object] | None) -> None:
    """Write down what is wrong with an answer of the sandbox itself; None is an answer that is a file.

    It is slow, so only tests ask for it: the environment names the file (SANDBOX_WRONG_ANSWERS).
    """
    if answer is None:
        faults = [] if op.binary else ["is a file"]
    else:
        faults = [fault.message for fault in _response_validator(op.id).iter_errors(answer)]
    if faults:
        with file.open("a", encoding="utf-8") as lines:
            lines.write(f"{op.id}: {'; '.join(faults)} in {answer}\n")


def _closed(schema: Any) -> Any:
    """The same schema, refusing fields that it does not name."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed: Schema = {}
    for key, value in schema.items():
        if key == "properties":
            closed[key] = {name: _closed(inner) for name, inner in value.items()}
        else:
            closed[key] = _closed(value) if key in ("items", "oneOf", "anyOf", "allOf") else value
    if "allOf" in closed:  # each part knows some of the fields
        for part in closed["allOf"]:
            part.pop("additionalProperties", None)
        closed["unevaluatedProperties"] = False
    elif "properties" in closed and "additionalProperties" not in closed and "type" in closed:
        closed["additionalProperties"] = False
    return closed
