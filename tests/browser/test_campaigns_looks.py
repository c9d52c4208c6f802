"""The pages of plans: none yet, the choice of a time, one that repeats and has started, what asks first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from saas.journey.main_job import Journey
from saas.journey.window import HttpWindow
from saas.seed import PASSWORD
from tests.browser.looking import WIDTHS, Looks
from tests.browser.test_looks import LANGUAGES, looks  # noqa: F401
from tests.demo.running import RunningDemo

Begin = Callable[..., Looks]


@pytest.fixture(scope="module")
def walked(demo: RunningDemo) -> Iterator[Journey]:
    """A provider with one authorized mini program."""
    with ExitStack() as windows:
        journey = Journey(lambda: windows.enter_context(HttpWindow(demo.url)), demo.url, demo.sandbox_url)
        for _title, step in journey.working_day():
            step()
            if step == journey.see_program:
                break
        yield journey


@pytest.fixture(scope="module")
def plan(walked: Journey) -> str:
    """One that comes every week, and was started once by hand."""
    owner, days = walked.owner, [datetime.now(UTC) + timedelta(days=after) for after in (2, 60)]
    owner.open(f"{walked.house}programs/selection/start?action=tags&all=1&authorization=authorized&when-start=later")
    owner.press(
        "开始",
        {
            "do-way": "add", "do-tags": "华南，待补授权", "when-start": "later", "when-on": f"{days[0]:%Y-%m-%d}",
            "when-at": "08:30", "when-repeat": "weekly", "when-until": f"{days[1]:%Y-%m-%d}",
            "when-title": "每周给已授权的小程序打标签",
        },
    )  # fmt: skip
    address = owner.address
    owner.open(f"{address}/start")
    owner.press("现在开始")
    return address


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_plans(
    width: int, language: str, looks: Begin, walked: Journey, plan: str, demo: RunningDemo  # noqa: F811
) -> None:  # fmt: skip
    alice = looks(language, width, "alice@example.com", PASSWORD)
    alice.examine("plans-empty", f"{demo.url}/p/alice/batches/plans")
    looking = looks(language, width, *walked.sign_in_of("owner"))
    start = f"{walked.house}programs/selection/start?action=domains&all=1"
    for name, address in {
        "plan-now": start, "plan-later": f"{start}&when-start=later", "plans": f"{walked.house}batches/plans",
        "plan": plan, "plan-edit": f"{plan}/edit", "plan-start": f"{plan}/start", "plan-cancel": f"{plan}/cancel",
    }.items():  # fmt: skip
        looking.examine(name, address)
    looking.window.open(f"{walked.house}programs/selection/start?action=profile&all=1&when-start=later")
    looking.window.press({"zh_CN": "开始", "en": "Start"}[language], {"when-on": "", "when-at": "09:00"}, status=422)
    looking.examine_here("plan-wrong", [width])
    faults = [*alice.faults, *looking.faults]
    assert faults == [], "\n".join(faults)
