"""The hours of releases: what is queued in them waits outside, whatever is pressed meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest

from saas import clock
from saas.batches.access import load_batch
from saas.batches.models import BatchItem, BatchStatus, ItemStatus
from saas.releases import bulk
from saas.tenants.providers import own_provider
from saas.trains import steering, window
from saas.trains.models import Train, TrainStatus
from tests.trains.conftest import Yard

HOUR = 3600


def releases(yard: Yard) -> str:
    """How the batch of releases stands."""
    with yard.session() as db:
        return load_batch(db, db.query(BatchItem).filter(BatchItem.step == bulk.RELEASE).first().batch_id).status


@pytest.fixture
def train(yard: Yard) -> Train:
    """It is about to release two, in the hour that is now."""
    with yard.session() as db:
        hour = clock.now().astimezone(ZoneInfo(own_provider(db).time_zone)).hour
    train = yard.running(2, releases_itself=True, window_from=hour, window_until=(hour + 1) % 24)
    yard.to_review(train)
    yard.decide(train)
    yard.conduct(train)
    assert len(yard.items(train, "release")) == 2
    return train


def test_what_is_queued_when_the_window_closes_waits_for_the_next_one(
    yard: Yard, train: Train, move_clock: Callable[[float], None]
) -> None:
    move_clock(2 * HOUR)
    yard.conduct(train)
    assert releases(yard) == BatchStatus.PAUSED
    move_clock(22 * HOUR)
    yard.conduct(train)
    assert releases(yard) == BatchStatus.RUNNING


def test_going_on_after_a_pause_releases_nothing_outside_of_the_window(
    yard: Yard, train: Train, move_clock: Callable[[float], None]
) -> None:
    yard.steer(steering.pause, train)
    move_clock(2 * HOUR)
    yard.steer(steering.resume, train)
    assert releases(yard) == BatchStatus.PAUSED
    yard.conduct(train)
    assert (releases(yard), yard.train(train).status) == (BatchStatus.PAUSED, TrainStatus.RUNNING)
    yard.steer(steering.adjust, train, window_from=None, window_until=None)
    yard.conduct(train)
    assert releases(yard) == BatchStatus.RUNNING


def test_what_has_begun_is_seen_to_its_end(yard: Yard, train: Train, move_clock: Callable[[float], None]) -> None:
    for item in yard.items(train, "release"):
        with yard.session() as db:
            row = db.get_one(BatchItem, item.id)
            row.status, row.attempt = ItemStatus.WAITING, 0
    move_clock(2 * HOUR)
    yard.conduct(train)
    assert releases(yard) == BatchStatus.RUNNING


@pytest.mark.parametrize(("hour", "open_"), [(1, False), (2, True), (4, True), (5, False), (23, False)])
def test_the_hours_may_go_over_midnight(yard: Yard, hour: int, open_: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    train = yard.plan(yard.programs(1), window_from=2, window_until=5)
    at = clock.now().replace(hour=hour, minute=0)
    monkeypatch.setattr(clock, "now", lambda: at)
    assert window.in_window(train, "UTC") is open_
    train.window_from, train.window_until = 22, 2
    assert window.in_window(train, "UTC") is (hour in (1, 23))
