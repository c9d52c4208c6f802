"""The to-do board, violations and the calendar as people see them: with nothing, and with something everywhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from saas.journey.main_job import Journey
from saas.sandbox.control import SandboxControl
from saas.seed import PASSWORD
from tests.browser.looking import WIDTHS, Looks
from tests.browser.test_looks import LANGUAGES, looks, walked  # noqa: F401
from tests.demo.running import RunningDemo

Begin = Callable[..., Looks]


@pytest.fixture(scope="module")
def punished(walked: Journey) -> Journey:  # noqa: F811
    """The mini program is punished and frozen, a colleague's word on it stands, and two dates come near."""
    owner, house = walked.owner, walked.house
    with SandboxControl(walked.wechat) as control:
        penalty = control.add_penalty(walked.appid, reason="诱导分享", content="首页弹窗要求分享后才能领券")
        control.decide_appeal(control.add_appeal(penalty, reason="活动已下线"), 3, reason="截图不清楚")
        control.change_account(walked.appid, account_status=19)
    violations = f"{walked.program_page}/violations"
    owner.open(violations)
    owner.press("现在查询")
    owner.open(violations)
    owner.wait_for("诱导分享", reload=True)
    owner.press("标记知晓")
    today = datetime.now(UTC).date()
    for days, title in ((3, "食品经营许可证到期"), (16, "商标续展")):
        owner.open(f"{house}calendar/dates/new")
        owner.press("保存", {"title": title, "day": (today + timedelta(days=days)).isoformat(), "note": "换证 20 天"})
    owner.open(f"{house}calendar")
    owner.press("生成订阅地址")
    return walked


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_agenda(
    width: int, language: str, looks: Begin, punished: Journey, demo: RunningDemo  # noqa: F811
) -> None:  # fmt: skip
    alice = looks(language, width, "alice@example.com", PASSWORD)
    for name in ("todo", "violations", "calendar"):
        alice.examine(f"{name}-fresh", f"{demo.url}/p/alice/{name}")
    house, looking = punished.house, looks(language, width, *punished.sign_in_of("owner"))
    for name, address in {
        "todo-dashboard": house, "todo": f"{house}todo?owner=all", "todo-merchant": f"{house}todo?turn=merchant",
        "todo-group": f"{house}todo/group?stage=file_not_ready&owner=all",
        "todo-snooze": f"{house}todo/snooze?all=1", "todo-snoozed": f"{house}todo/snoozed",
        "violations": f"{house}violations", "violations-program": f"{punished.program_page}/violations",
        "violations-overview": punished.program_page, "calendar": f"{house}calendar",
        "calendar-settings": f"{house}calendar/settings", "calendar-date": f"{house}calendar/dates/new",
    }.items():  # fmt: skip
        looking.examine(name, address)
    faults = [*alice.faults, *looking.faults]
    assert faults == [], "\n".join(faults)
