"""Values of variables: read as they were typed, refused where they do not fit."""

from __future__ import annotations

import pytest

from saas.errors import Invalid
from saas.releases.ext_json import merge
from saas.releases.variables import Definition, Kind, fill

PRICE = Definition("price", kind=Kind.NUMBER)


@pytest.mark.parametrize(
    ("text", "value"), [("12", 12), (" -1.5 ", -1.5), ("1e3", 1000.0), ("9" * 400, int("9" * 400))]
)
def test_a_number_is_read(text: str, value: float) -> None:
    assert PRICE.read(text) == value
    assert PRICE.accepts(value)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999", "true", '"1"', "9" * 5000, ""])
def test_what_json_does_not_know_is_no_number(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        PRICE.read(text)
    assert refused.value.field == "value.price"


def test_a_number_without_end_never_reaches_wechat() -> None:
    assert [fault.key for fault in fill({"price": PRICE}, {"price": float("inf")})[1]] == ["price"]
    merged = merge('{"ext": {"price": "${price}"}}', appid="wx0011223344556677", values={"price": float("nan")})
    assert (len(merged.faults), merged.text) == (1, "")
