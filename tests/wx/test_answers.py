"""Every answer of the contract, written in the ways that WeChat is known to write: it reads alike and loses nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from saas.wx import errors
from saas.wx.answers import IDS, SPELLINGS, read
from saas.wx.contract import operations
from saas.wx.contract.operations import Operation, Schema
from tests.wx.wechat import APPID, WeChat

ANSWERED = [one for one in operations.all_operations() if one.response_schema]
EXAMPLES = [
    pytest.param(one.response_schema, answer, id=f"{one.id}-{name}")
    for one in ANSWERED
    for name, answer in one.response_examples.items()
]
PLAIN_NUMBERS = {"id", "node_id", "first_id", "second_id", "third_id"}  # small, and sent back as numbers
BIG = 9007199254740993  # one more than a float holds


def quoted(value: Any) -> Any:
    """Every number and truth as text."""
    if isinstance(value, dict):
        return {name: quoted(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [quoted(one) for one in value]
    return str(value).lower() if isinstance(value, bool | int | float) else value


def bare(value: Any) -> Any:
    """Every text of digits as a number, every truth as 1 or 0."""
    if isinstance(value, dict):
        return {name: bare(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [bare(one) for one in value]
    if isinstance(value, bool) or (isinstance(value, str) and re.fullmatch(r"0|[1-9][0-9]*", value)):
        return int(value)
    return value


def leaves(value: Any, where: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{where}.{SPELLINGS.get(name, name)}")
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from leaves(one, f"{where}[{number}]")
    else:
        yield where, str(value).lower() if isinstance(value, bool) else str(value)


def fields(schema: Schema) -> Iterator[tuple[str, Schema]]:
    for part in [*schema.get("allOf", []), *schema.get("oneOf", []), schema.get("items", {})]:
        if part:
            yield from fields(part)
    for name, inner in schema.get("properties", {}).items():
        yield name, inner
        yield from fields(inner)


@pytest.mark.parametrize(("schema", "answer"), EXAMPLES)
def test_an_answer_loses_nothing(schema: Schema, answer: dict[str, Any]) -> None:
    assert dict(leaves(read(answer, schema))) == dict(leaves(answer))


@pytest.mark.parametrize("write", [quoted, bare])
@pytest.mark.parametrize(("schema", "answer"), EXAMPLES)
def test_an_answer_reads_alike_however_its_values_are_written(write: Any, schema: Schema, answer: Any) -> None:
    assert read(write(answer), schema) == read(answer, schema)


@pytest.mark.parametrize("operation", ANSWERED, ids=lambda one: one.id)
def test_ids_are_texts_with_every_digit(operation: Operation) -> None:
    for name, schema in fields(operation.response_schema or {}):
        if name.endswith("id") and name not in PLAIN_NUMBERS:
            described = {"properties": {name: schema}}
            assert read({name: BIG}, described) == read({name: str(BIG)}, described) == {name: str(BIG)}


def test_every_id_that_is_declared_a_number_is_in_the_list() -> None:
    numbers = {
        name
        for one in ANSWERED
        for name, schema in fields(one.response_schema or {})
        if name.endswith("id") and "integer" in str(schema.get("type"))
    }
    assert numbers - PLAIN_NUMBERS == IDS - {"app_version"}


@pytest.mark.parametrize(("sample", "table"), sorted(SPELLINGS.items()))
def test_both_names_of_a_field_read_alike(sample: str, table: str) -> None:
    assert any(table in dict(fields(one.response_schema or {})) for one in ANSWERED)
    assert read({"info": [{sample: "x"}]}, {}) == read({"info": [{table: "x"}]}, {}) == {"info": [{table: "x"}]}


def test_a_tree_is_read_to_its_leaves() -> None:
    county = {"type": "3", "code": "330106", "name": "西湖区"}
    tree = [{"type": 1, "code": 330000, "sub_list": [{"type": 2, "code": 330100, "sub_list": [county]}]}]
    answer = WeChat({"items": tree}).client().filing.query_icp_district_code(APPID)
    assert answer["items"][0]["sub_list"][0]["sub_list"][0] == {"type": 3, "code": 330106, "name": "西湖区"}


def test_the_filed_program_is_one_object_also_when_it_comes_in_a_list() -> None:
    program = {"base_info": {"appid": APPID, "record_number": "浙ICP备2024012345号-1X"}}
    for written in (program, [program]):
        answer = WeChat({"icp_applets": written}).client().filing.get_online_icp_order(APPID)
        assert answer["icp_applets"] == program


def test_a_lone_address_is_a_list_and_an_empty_object_is_an_empty_one() -> None:
    for written, ips in (("203.0.113.1", ["203.0.113.1"]), ("", []), ({}, [])):
        assert WeChat({"ip_list": written}).client().quota.getcallbackip()["ip_list"] == ips


def test_a_refusal_is_read_alike_too() -> None:
    hint = {"errmsg": "证件有效期不满足要求"}
    for written in ([hint["errmsg"]], [hint]):
        with pytest.raises(errors.FilingRefused) as caught:
            WeChat({"errcode": "86202", "errmsg": "fail", "hints": written}).client().filing.apply_icp_filing(
                APPID, application={"icp_subject": {}, "icp_applets": {}, "icp_materials": {}}
            )
        assert (caught.value.code, caught.value.answer["hints"]) == (86202, [hint])


@pytest.mark.parametrize("value", [None, "", "soon", 1.5, [], {}])
def test_what_fits_no_type_stays_as_it_is(value: Any) -> None:
    schema = {"properties": {"create_time": {"type": "integer"}}}
    assert read({"create_time": value}, schema) == {"create_time": value}
