"""Filling and checking ext_json: every fault names its line and key."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saas.releases.ext_json import Merged, check_template, lists_pages, merge

APPID = "wx0011223344556677"
PAGES = ["pages/home/home", "pages/menu/menu", "pkg/pages/order/order"]

scalars = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="$"), max_size=12
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc/.", max_size=4), inner, max_size=3),
)
names = st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True)


def fill(value: Any, **given: Any) -> Merged:
    return merge(json.dumps(value, indent=1), appid=APPID, values=given, pages=PAGES)


def faults(text: str, **given: Any) -> list[tuple[int | None, str]]:
    return [(fault.line, fault.key) for fault in merge(text, appid=APPID, values=given, pages=PAGES).faults]


@given(st.dictionaries(st.text("abc", max_size=4), values, max_size=4), st.integers(0, 4))
def test_without_places_only_the_appid_is_added(ext: dict[str, Any], indent: int) -> None:
    merged = merge(json.dumps({"ext": ext}, indent=indent), appid=APPID, values={})
    assert merged.faults == ()
    assert json.loads(merged.text) == {"extAppid": APPID, "ext": ext}


@given(names, values)
def test_a_place_that_stands_alone_keeps_the_type(name: str, value: Any) -> None:
    merged = fill({"ext": {"a": f"${{{name}}}"}}, **{name: value})
    assert merged.faults == ()
    assert json.loads(merged.text)["ext"] == {"a": value}


@given(st.lists(names, min_size=1, max_size=4, unique=True), st.data())
def test_every_missing_value_is_named(wanted: list[str], data: st.DataObject) -> None:
    known = data.draw(st.sets(st.sampled_from(wanted)))
    text = json.dumps({"ext": {name: f"a ${{{name}}} b" for name in wanted}}, indent=1)
    merged = merge(text, appid=APPID, values=dict.fromkeys(known, "x"))
    assert [one.name for one in merged.variables] == wanted
    assert {fault.params["name"] for fault in merged.faults} == set(wanted) - known
    for fault in merged.faults:
        assert fault.key == f"ext.{fault.params['name']}"
        assert fault.line is not None
        assert f'"{fault.params["name"]}"' in text.split("\n")[fault.line - 1]


@given(st.text(max_size=80))
def test_any_text_gets_an_answer(text: str) -> None:
    merged = merge(text, appid=APPID, values={})
    if not merged.faults:
        assert json.loads(merged.text)["extAppid"] == APPID


@given(st.text('{}[]",:1ae$ \n', max_size=40))
def test_near_json_gets_an_answer(text: str) -> None:
    assert check_template(text).faults or isinstance(json.loads(text or "{}") if text.strip() else {}, dict)


def test_a_value_is_written_into_a_longer_string() -> None:
    merged = fill({"ext": {"a": "共 ${n} 家, ${open}, $${n}"}}, n=3, open=True)
    assert json.loads(merged.text)["ext"]["a"] == "共 3 家, true, ${n}"


def test_chinese_is_sent_as_it_is() -> None:
    assert "梅记" in fill({"ext": {"a": "${a}"}}, a="梅记").text


def test_the_appid_is_always_ours_and_the_tools_switches_are_left_out() -> None:
    merged = fill({"extAppid": "wx9", "extEnable": True, "directCommit": True, "ext": {}})
    assert json.loads(merged.text) == {"extAppid": APPID, "ext": {}}
    assert fill({}).text == f'{{"extAppid":"{APPID}"}}'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{\n "window": {},\n "ext" {}\n}', (3, "window")),
        ('{\n "ext": {"a": 1,}\n}', (2, "a")),
        ('{\n "ext": "a\nb"}', (2, "ext")),
        ('{"ext": {}} x', (1, "ext")),
        ("[1]", (1, "")),
        ('{\n "ext": {},\n "ext": {}}', (3, "ext")),
        ('{"ext": NaN}', (None, "")),
        ('{"ext": 1e999}', (None, "")),
        ("[" * 100_000, (None, "")),
        ('{\n "windw": {}}', (2, "windw")),
        ('{\n "window": []}', (2, "window")),
        ('{"tabBar": {\n "list": [{"text": "a"}]}}', (2, "tabBar.list[0]")),
        ('{"tabBar": {"list": [\n{"pagePath": "pages/no/no"}]}}', (2, "tabBar.list[0].pagePath")),
        ('{\n"pages": []}', (2, "pages")),
        ('{"pages": ["pages/home/home",\n"pages/gone/gone"]}', (2, "pages[1]")),
        ('{"pages": ["/pages/home/home"]}', (1, "pages[0]")),
        ('{"extPages": {\n"pages/gone/gone": {}}}', (2, 'extPages["pages/gone/gone"]')),
        ('{"subPackages": [{"root": "pkg/", "pages":\n["pages/x"]}]}', (2, "subPackages[0].pages[0]")),
        ('{"requiredPrivateInfos":\n["getEverything"]}', (2, "requiredPrivateInfos[0]")),
        ('{"requiredPrivateInfos": ["getFuzzyLocation",\n"getLocation"]}', (2, "requiredPrivateInfos[1]")),
        ('{"ext": {\n"a": "${a b}"}}', (2, "ext.a")),
        ('{"ext": {\n"a": "x ${list}"}}', (2, "ext.a")),
        ('{"ext": {"a": "\\ud800"}}', (None, "")),
    ],
)
def test_a_fault_names_line_and_key(text: str, expected: tuple[int | None, str]) -> None:
    assert expected in faults(text, list=[1])


def test_pages_of_a_subpackage_and_wildcards_are_known() -> None:
    value = {
        "subPackages": [{"root": "pkg", "pages": ["pages/order/order"]}],
        "sitemap": {"rules": [{"action": "allow", "page": "*"}]},
        "tabBar": {"list": [{"pagePath": "pages/home/home", "text": "a"}]},
    }
    assert fill(value).faults == ()


def test_a_template_is_checked_before_its_values_are_known() -> None:
    text = '{"window": "${window}", "pages": ["${page}"], "ext": {"a": "${b}"}}'
    checked = check_template(text, pages=PAGES)
    assert checked.faults == ()
    assert [one.name for one in checked.variables] == ["window", "page", "b"]
    merged = merge(text, appid=APPID, values={"window": 1, "page": "x", "b": ""}, pages=PAGES)
    assert [fault.key for fault in merged.faults] == ["window", "pages[0]"]


def test_the_size_is_limited() -> None:
    assert merge('{"ext": {"a": "%s"}}' % ("x" * 2000), appid=APPID, values={}, limit=1024).faults
    assert merge('{"ext": {"a": "${a}"}}', appid=APPID, values={"a": "x" * 2000}, limit=1024).faults


def test_an_upload_of_some_pages_is_told_from_one_of_all() -> None:
    assert lists_pages('{"pages": ["a"]}')
    assert not lists_pages('{"ext": {}}')
