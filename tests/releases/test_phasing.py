"""Phased release, service switch, minimum base library, fast review: what holds at WeChat, and its refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from saas.batches.access import load_item
from saas.batches.models import BatchItem, ItemStatus
from saas.errors import AppError, Conflict, Forbidden, Invalid
from saas.programs.access import load_program
from saas.releases import phasing, serving, speedup
from saas.releases.access import load_audit
from saas.releases.code_state import request_refresh
from saas.releases.models import Audit
from saas.tenants.activity import list_activities
from tests.releases.conftest import Desk


def start(desk: Desk, service: Callable[..., BatchItem], *args: Any, who: str = "alice", **options: Any) -> BatchItem:
    """Have it done; answers the item at its end."""
    with desk.session() as db:
        item = service(db, load_program(db, desk.program.id), *args, who=desk.cast.who[who], **options)
    desk.run_jobs(wait=60)
    return reread(desk, item)


def reread(desk: Desk, item: BatchItem) -> BatchItem:
    with desk.session() as db:
        return load_item(db, item.id)


def widen(desk: Desk, percent: int | None, *, developers: bool = False, testers: bool = False) -> BatchItem:
    return start(desk, phasing.start_phase, percent=percent, developers=developers, testers=testers)


@pytest.fixture
def approved(desk: Desk) -> Audit:
    """1.0.0 is online, 1.1.0 is approved."""
    desk.released("1.0.0")
    return desk.approved("1.1.0")


def test_a_phased_release_grows_and_is_taken_back(desk: Desk, approved: Audit) -> None:
    item = widen(desk, 0, developers=True)
    assert (item.status, item.result) == (ItemStatus.DONE, {"version": "1.1.0", "percent": 0})
    state = desk.state()
    assert (state.phased_percent, state.phased_developers, state.phased_testers) == (0, True, False)
    assert state.phased_at is not None
    widen(desk, 10, testers=True)
    assert (desk.state().phased_percent, desk.state().phased_testers) == (10, True)
    with pytest.raises(Invalid) as refused:
        widen(desk, 10)
    assert refused.value.field == "percent"
    assert desk.counts()["grayRelease"] == 2
    assert start(desk, phasing.start_cancel).status == ItemStatus.DONE
    assert (desk.state().phased_percent, desk.state().phased_testers) == (None, False)
    assert start(desk, phasing.start_cancel).status == ItemStatus.SKIPPED
    assert desk.counts()["revertGrayRelease"] == 1


@pytest.mark.parametrize("percent", [None, -1, 101, 0])
def test_a_share_that_wechat_would_refuse_is_not_sent(desk: Desk, approved: Audit, percent: int | None) -> None:
    with pytest.raises(Invalid) as refused:
        widen(desk, percent)
    assert refused.value.field == "percent"
    assert "grayRelease" not in desk.counts()


def test_the_first_version_is_not_phased(desk: Desk) -> None:
    desk.approved()
    with pytest.raises(Conflict):
        widen(desk, 10)


def test_wechats_refusal_of_a_phased_release_is_told(desk: Desk, approved: Audit) -> None:
    desk.control.fail_next("grayRelease", 85080)
    item = widen(desk, 10)
    assert (item.status, item.errcode, item.operation) == (ItemStatus.FAILED, 85080, "grayRelease")
    assert desk.state().phased_percent is None


def test_an_unanswered_phased_release_is_looked_for(desk: Desk, approved: Audit) -> None:
    desk.control.cut_next("grayRelease")
    assert widen(desk, 10).status == ItemStatus.DONE
    assert desk.counts()["grayRelease"] == 1
    assert desk.state().phased_percent == 10


def test_the_daily_reading_shows_the_phased_release(desk: Desk, approved: Audit) -> None:
    widen(desk, 25, developers=True)
    with desk.session() as db:
        request_refresh(db, load_program(db, desk.program.id), who=desk.alice)
    desk.run_jobs()
    assert (desk.state().phased_percent, desk.state().phased_developers) == (25, True)


def test_service_is_suspended_and_resumed(desk: Desk) -> None:
    with pytest.raises(Conflict):
        start(desk, serving.start_switch, open_=False)
    desk.released()
    assert start(desk, serving.start_switch, open_=False).status == ItemStatus.DONE
    assert desk.state().visible is False
    assert start(desk, serving.start_switch, open_=False).status == ItemStatus.SKIPPED
    desk.control.fail_next("setVisitStatus", 85021)
    item = start(desk, serving.start_switch, open_=True)
    assert (item.status, item.errcode) == (ItemStatus.FAILED, 85021)
    assert desk.state().visible is False
    assert start(desk, serving.start_switch, open_=True).status == ItemStatus.DONE
    assert desk.state().visible is True
    with desk.session() as db:
        done = list_activities(db, object_id=desk.program.id, verbs=["program.suspend.done", "program.resume.done"])
    assert [(one.verb, one.actor_name) for one in done] == [
        ("program.resume.done", desk.alice.name), ("program.suspend.done", desk.alice.name)
    ]  # fmt: skip


def test_the_minimum_base_library_is_read_and_set(desk: Desk) -> None:
    start(desk, serving.start_reading_library)
    state = desk.state()
    assert state.minimum_library
    assert sum(one["percentage"] for one in state.library_shares) == pytest.approx(100, abs=1)
    item = start(desk, serving.start_library, "2.30.4")
    assert item.status == ItemStatus.DONE
    assert desk.state().minimum_library == "2.30.4"
    with pytest.raises(Invalid) as refused:
        start(desk, serving.start_library, "2.30")
    assert refused.value.field == "version"
    desk.control.fail_next("setSupportVersion", 89014)
    failed = start(desk, serving.start_library, "2.99.9")
    assert (failed.status, failed.errcode) == (ItemStatus.FAILED, 89014)
    assert desk.state().minimum_library == "2.30.4"


def test_older_base_libraries_are_added_up() -> None:
    shares = [
        {"version": "3.8.2", "percentage": 61.4}, {"version": "2.9.0", "percentage": 3.1},
        {"version": "2.30.4", "percentage": 20.8},
    ]  # fmt: skip
    assert serving.share_below(shares, "2.30.4") == 3.1
    assert serving.share_below(shares, "3.0.0") == 23.9


def test_an_audit_is_sped_up_once(desk: Desk) -> None:
    audit = desk.submitted()

    def hurry() -> BatchItem:
        with desk.session() as db:
            row = load_audit(db, audit.id)
        return start(desk, speedup.start_speedup, row)

    desk.control.fail_next("speedupCodeAudit", 89403)
    refused = hurry()
    assert (refused.status, refused.errcode) == (ItemStatus.FAILED, 89403)
    desk.control.cut_next("speedupCodeAudit")
    assert hurry().status == ItemStatus.DONE
    assert desk.counts()["speedupCodeAudit"] == 1
    assert desk.audit(audit).sped_up_at is not None
    with pytest.raises(Conflict):
        hurry()


def test_a_reader_may_do_none_of_it(desk: Desk) -> None:
    audit = desk.submitted()
    calls: list[tuple[Callable[..., BatchItem], tuple[Any, ...], dict[str, Any]]] = [
        (phasing.start_phase, (), {"percent": 10, "developers": False, "testers": False}),
        (phasing.start_cancel, (), {}),
        (serving.start_switch, (), {"open_": False}),
        (serving.start_library, ("2.30.4",), {}),
        (serving.start_reading_library, (), {}),
        (speedup.start_speedup, (audit,), {}),
    ]
    for service, args, options in calls:
        with pytest.raises(AppError) as refused:
            start(desk, service, *args, who="bob", **options)
        assert isinstance(refused.value, Forbidden)
