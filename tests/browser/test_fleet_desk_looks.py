"""The reject desk and the map of versions: empty, with a rejection that waits, and what comes before a click."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from saas.journey.main_job import Journey
from saas.seed import PASSWORD
from tests.browser.looking import WIDTHS, Looks
from tests.browser.test_looks import LANGUAGES, looks, walked  # noqa: F401
from tests.demo.running import RunningDemo

Begin = Callable[..., Looks]


@pytest.fixture(scope="module")
def group(walked: Journey) -> str:  # noqa: F811
    """The page of a reason for which reviewers have refused a third version."""
    walked.add_template("3.0.0")
    walked.upload("3.0.0")
    walked.submit("3.0.0")
    walked.be_rejected()
    walked.owner.open(f"{walked.house}rejects")
    return walked.owner.read("//h2/a[contains(@href, '/rejects/reasons/')]", "href")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_desk_and_the_map(
    width: int, language: str, looks: Begin, walked: Journey, group: str, demo: RunningDemo  # noqa: F811
) -> None:  # fmt: skip
    alice = looks(language, width, "alice@example.com", PASSWORD)
    alice.examine("rejects-empty", f"{demo.url}/p/alice/rejects")
    looking, house = looks(language, width, *walked.sign_in_of("owner")), walked.house
    for name, address in {
        "rejects": f"{house}rejects", "reject-group": group, "reject-resubmit": f"{group}/resubmit?all=1",
        "reject-set-aside": f"{group}/set-aside?all=1", "rejects-aside": f"{house}rejects/set-aside",
        "fleet-versions": f"{house}fleet-versions", "fleet-filtered": f"{house}fleet-versions?q=nobody",
        "fleet-phased": f"{house}fleet-versions/phased", "trains-tabs": f"{house}trains",
    }.items():  # fmt: skip
        looking.examine(name, address)
    faults = [*alice.faults, *looking.faults]
    assert faults == [], "\n".join(faults)
