from __future__ import annotations

import json
import re
from collections import Counter
from importlib import resources
from typing import Any, get_args

import pytest

from saas.wx import errcodes, errors
from saas.wx.contract import operations
from saas.wx.errcodes import Explanation, all_entries, explain

CHINESE = re.compile(r"[\u4e00-\u9fff]")
BOOK: dict[str, Any] = json.loads(
    resources.files("saas.wx.contract").joinpath("errcodes.json").read_text(encoding="utf-8")
)
MISPRINTS = {89044}  # one mirror's 89244
TABLES = ("x-wx-errcodes", "x-wx-errcodes-observed", "x-wx-common-errcodes")


def contract() -> dict[str, Any]:
    folder = resources.files("saas.wx.contract")
    return {file: json.loads(folder.joinpath(f"{file}.json").read_text(encoding="utf-8")) for file in operations.FILES}


def tabled(node: Any) -> set[int]:
    if isinstance(node, list):
        return set().union(*map(tabled, node))
    if not isinstance(node, dict):
        return set()
    here = {int(code) for table in TABLES for code in node.get(table, {})}
    return here.union(*map(tabled, node.values()))


def prose(node: Any) -> set[int]:
    """Five-digit numbers in sentences that look like errcodes."""
    if isinstance(node, list):
        return set().union(*map(prose, node))
    if isinstance(node, dict):
        return set().union(*(prose(inner) for name, inner in node.items() if name not in ("examples", "test-vectors")))
    if not isinstance(node, str):
        return set()
    return {
        int(code) for code in re.findall(r"(?<![-\w.,/])(?:4[0-8]|5[03]|61|8[0569]|87|91)\d{3}(?![\w.,]\d|\w)", node)
    }


def test_every_errcode_of_the_contract_is_explained() -> None:
    named = tabled(contract()) | prose(contract())
    assert len(named) > 380
    missing = {code for code in named if not explain(code).known} - MISPRINTS
    assert missing == set()


def test_every_errcode_with_a_class_is_explained_for_its_operation() -> None:
    from saas.wx import failures

    for key in failures._kinds:
        operation, code = key if isinstance(key, tuple) else (None, key)
        assert explain(code, operation).known, key
        if operation:
            assert operations.operation(operation)


def test_an_operation_of_the_dictionary_exists_and_knows_the_code() -> None:
    for name, entry in all_entries():
        if name is not None:
            operation = operations.operation(name)
            assert entry.code in {**operation.errcodes, **operations.common_errcodes()}, (name, entry.code)
            assert explain(entry.code) != entry


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_text_is_a_sentence_in_its_language(language: str) -> None:
    for name, entry in all_entries():
        for text in (entry.cause(language), entry.next_step(language)):
            where = f"{entry.code}@{name}: {text}"
            assert bool(CHINESE.search(text)) is (language == "zh"), where
            assert text.endswith("。" if language == "zh" else "."), where
            assert text == text.strip(), where
            assert "  " not in text, where
            assert language == "zh" or not re.search(r"[\u3000-\u303f\uff00-\uffef]", text), where
            assert not re.search(r"\bx\b|TODO|未说明$|xxx", text), where
            assert 3 < len(text) < (110 if language == "zh" else 260), where


def test_a_cause_is_one_sentence() -> None:
    for _, entry in all_entries():
        assert entry.cause_zh.count("。") == 1, entry.cause_zh
        assert not re.search(r"[.!?] ", entry.cause_en), entry.cause_en


def test_who_and_retry_are_of_the_known_kinds() -> None:
    for _, entry in all_entries():
        assert entry.who in get_args(errcodes.Who)
        assert entry.retry in get_args(errcodes.Retry)
        assert (entry.retry in ("backoff", "refresh", "minute", "day")) <= (entry.who in ("nobody", "provider"))


def test_every_advice_is_used_and_every_used_one_exists() -> None:
    used = Counter(entry["advice"] for entry in BOOK["codes"].values())
    assert set(used) == set(BOOK["advice"])


def test_both_texts_of_an_own_next_step_are_given() -> None:
    for key, entry in BOOK["codes"].items():
        assert ("next_zh" in entry) == ("next_en" in entry), key


def test_the_operation_s_meaning_comes_first() -> None:
    assert "AppSecret" in explain(40001, "getComponentAccessToken").cause("zh")
    assert explain(40001, "getComponentAccessToken").retry == "after"
    assert explain(40001, "commit") == explain(40001)
    assert explain(40001).retry == "refresh"
    assert explain(87012, "undoAudit") != explain(87012, "revertCodeRelease")


def test_an_unknown_code_says_so() -> None:
    unknown = explain(123456789)
    assert not unknown.known
    assert "123456789" in unknown.cause("zh")
    assert "123456789" in unknown.cause("en")


def test_an_error_carries_its_explanation() -> None:
    error = errors.from_answer(
        {"errcode": 61004, "errmsg": "access clientip is not registered requestIP: 203.0.113.7 rid: 64b8-1-2"},
        operation="getPreAuthCode",
    )
    assert isinstance(error, errors.IpNotAllowed)
    assert error.explanation == explain(61004)
    assert "白名单" in error.explanation.next_step("zh_CN")
    assert "whitelist" in error.explanation.next_step("en")
    assert error.address == "203.0.113.7"


def test_entries_are_listed_by_code() -> None:
    codes = [entry.code for _, entry in all_entries()]
    assert codes == sorted(codes)
    assert len(codes) == len(BOOK["codes"])
    assert all(isinstance(entry, Explanation) for _, entry in all_entries())
