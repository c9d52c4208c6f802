"""Causes of failure as classes: what repairs each, whom it concerns; and our own texts are what the services say."""

from __future__ import annotations

import pytest

from saas import i18n
from saas.releases.checks import Repair
from saas.trains.causes import OWN_TEXTS, REJECTED, Cause, Remedy, hits_everybody, is_components, remedy_of
from saas.trains.models import TrainStepName

UPLOAD = TrainStepName.UPLOAD


def cause(errcode: int | None = None, error: str = "", operation: str = "commit") -> Cause:
    return Cause(UPLOAD, errcode, operation if errcode is not None else "", error)


@pytest.mark.parametrize(
    ("errcode", "remedy"),
    [
        (61003, Remedy.AUTHORIZE), (61023, Remedy.AUTHORIZE), (61007, Remedy.PERMIT), (48001, Remedy.PERMIT),
        (50002, Remedy.UNFREEZE), (85046, Remedy.VALUES), (85014, Remedy.TEMPLATE), (86002, Remedy.PROFILE),
        (85077, Remedy.CATEGORIES), (61040, Remedy.INTERFACES), (86069, Remedy.PRIVACY), (89021, Remedy.DOMAINS),
        (85085, Remedy.QUOTA), (87013, Remedy.LIMIT), (61004, Remedy.COMPONENT), (85009, Remedy.OTHER_AUDIT),
        (86009, Remedy.BARRED), (-1, Remedy.RETRY), (424242, Remedy.RETRY),
    ],
)  # fmt: skip
def test_an_errcode_says_what_repairs_it(errcode: int, remedy: Remedy) -> None:
    assert remedy_of(cause(errcode)) is remedy


def test_without_an_errcode_our_own_words_or_the_failed_check_say_it() -> None:
    assert remedy_of(cause(error="商家没有授权，请先让商家重新授权")) is Remedy.AUTHORIZE
    assert remedy_of(cause(error="缺少变量或值不对")) is Remedy.VALUES
    assert remedy_of(cause(error=REJECTED)) is Remedy.REJECTED
    assert remedy_of(cause(error="没见过的话")) is Remedy.RETRY
    assert remedy_of(cause(error="没见过的话"), Repair.FILE) is Remedy.FILE


def test_every_own_text_is_what_a_service_says_up_to_its_colon() -> None:
    said: dict[str, set[str]] = {}
    for message, place in i18n.used().items():
        if isinstance(message, str):
            said.setdefault(message.partition("：")[0], set()).add(place.partition(":")[0])
    for text in OWN_TEXTS:
        assert said.get(text), text


def test_what_hits_everybody_is_not_what_hits_one() -> None:
    assert hits_everybody(85014, "commit")
    assert not hits_everybody(85085, "submitAudit")
    assert not hits_everybody(61003, "commit")
    assert is_components(61004, "commit")
    assert not is_components(85014, "commit")
