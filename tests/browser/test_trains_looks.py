"""The pages of release trains: none yet, a new one, a draft, one on its way, its mini programs, what asks first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from saas.journey.main_job import Journey
from saas.seed import PASSWORD
from tests.browser.looking import WIDTHS, Looks
from tests.browser.test_looks import LANGUAGES, looks, walked  # noqa: F401
from tests.demo.running import RunningDemo

Begin = Callable[..., Looks]


@dataclass(frozen=True)
class Trains:
    """Addresses."""

    running: str
    draft: str
    program: str


@pytest.fixture(scope="module")
def trains(walked: Journey) -> Trains:  # noqa: F811
    """One that waits for somebody to release it, and one that nobody has started."""
    owner, planned = walked.owner, []
    for version in ("3.0.0", "3.1.0"):
        owner.open(f"{walked.house}trains/new?all=1")
        owner.press("排好批次，先核对", {"do-user_version": version, "do-description": "首页换新，点单更快"})
        planned.append(owner.address)
    owner.open(planned[0])
    owner.press("开始批量发布")
    owner.open(f"{planned[0]}/programs")
    return Trains(planned[0], planned[1], owner.read("//a[contains(@href, '/train-programs/')]", "href"))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_trains(
    width: int, language: str, looks: Begin, walked: Journey, trains: Trains, demo: RunningDemo  # noqa: F811
) -> None:  # fmt: skip
    alice = looks(language, width, "alice@example.com", PASSWORD)
    alice.examine("trains-empty", f"{demo.url}/p/alice/trains")
    looking = looks(language, width, *walked.sign_in_of("owner"))
    for name, address in {
        "trains": f"{walked.house}trains", "train-new": f"{walked.house}trains/new?all=1",
        "train-draft": trains.draft, "train": trains.running, "train-programs": f"{trains.running}/programs",
        "train-program": trains.program, "train-cancel": f"{trains.running}/cancel",
        "train-undo": f"{trains.running}/undo", "train-roll-back": f"{trains.running}/roll-back",
    }.items():  # fmt: skip
        looking.examine(name, address)
    looking.window.open(f"{walked.house}trains/new?all=1")
    button = {"zh_CN": "排好批次，先核对", "en": "Arrange the waves and check them"}[language]
    looking.window.press(button, {"do-wave_size": "-5"}, status=422)
    looking.examine_here("train-new-wrong", [width])
    faults = [*alice.faults, *looking.faults]
    assert faults == [], "\n".join(faults)
