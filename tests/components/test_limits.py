from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from saas.components import limits
from saas.components.limits import rate_limiter
from saas.config import Settings, settings
from saas.queue import Lane, forget_connection, in_lane, redis_connection
from saas.wx.contract.operations import operation

COMMIT = operation("commit")


@pytest.fixture
def three_per_second(ground: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAIBAN_WECHAT_CALLS_PER_SECOND", "3")
    monkeypatch.setenv("DAIBAN_WECHAT_PROGRAM_CALLS_PER_SECOND", "2")
    settings.cache_clear()


@pytest.fixture(autouse=True)
def settings_again(ground: Settings) -> object:
    limits._memory.redis_again_at = 0.0
    yield
    settings.cache_clear()
    forget_connection()


def test_the_call_above_the_limit_waits_for_the_next_window(three_per_second: None) -> None:
    component_id = uuid4()
    wait_for_turn = rate_limiter(component_id)
    for _ in range(4):
        wait_for_turn(COMMIT, None)
    assert redis_connection().get(f"wx:rate:{component_id}") == b"1"


def test_a_program_has_its_own_lower_limit(three_per_second: None) -> None:
    component_id = uuid4()
    wait_for_turn = rate_limiter(component_id)
    for _ in range(3):
        wait_for_turn(COMMIT, "wx1")
    assert redis_connection().get(f"wx:rate:{component_id}:wx1") == b"1"


def test_a_limit_a_second_or_minute_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAIBAN_WECHAT_LIMITS", '{"qrcode_rule_add_second": 1}')
    settings.cache_clear()
    component_id = uuid4()
    wait_for_turn = rate_limiter(component_id)
    for _ in range(2):
        wait_for_turn(operation("qrcodeJumpAdd"), "wx1")
    assert redis_connection().get(f"wx:rate:{component_id}:wx1:qrcode_rule_add_second") == b"1"
    wait_for_turn(operation("getUnlimitedQRCode"), "wx1")
    assert 50 < redis_connection().ttl(f"wx:rate:{component_id}:wx1:unlimited_code_minute") <= 60


def test_without_redis_calls_still_go(three_per_second: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    settings.cache_clear()
    forget_connection()
    wait_for_turn = rate_limiter(uuid4())
    for _ in range(4):
        wait_for_turn(COMMIT, None)


@pytest.mark.parametrize("lane", [Lane.BULK, Lane.POLL])
@pytest.mark.parametrize(("rate", "for_bulk"), [(10, 8), (3, 2), (1, 1)])
def test_bulk_work_and_polling_leave_a_fifth_of_the_rate_to_people(
    ground: Settings, monkeypatch: pytest.MonkeyPatch, lane: Lane, rate: int, for_bulk: int
) -> None:
    monkeypatch.setenv("DAIBAN_WECHAT_CALLS_PER_SECOND", str(rate))
    monkeypatch.setattr(limits, "_LONGEST_WAIT", 0.0)
    settings.cache_clear()
    component_id = uuid4()
    wait_for_turn = rate_limiter(component_id)
    redis_connection().set(f"wx:rate:{component_id}", 0, ex=60)  # the window of this test does not end
    with in_lane(lane):
        for _ in range(20):
            wait_for_turn(COMMIT, None)
    assert redis_connection().get(f"wx:rate:{component_id}") == str(for_bulk).encode()
    for _ in range(20):
        wait_for_turn(COMMIT, None)
    assert redis_connection().get(f"wx:rate:{component_id}") == str(rate).encode()


def test_a_window_that_lost_its_end_gets_one(three_per_second: None) -> None:
    component_id = uuid4()
    redis_connection().set(f"wx:rate:{component_id}", 3)
    begun = time.monotonic()
    rate_limiter(component_id)(COMMIT, None)
    assert 0.9 < time.monotonic() - begun < 3
    assert redis_connection().get(f"wx:rate:{component_id}") == b"1"


def test_while_places_are_short_nobody_asks_all_the_time(ground: Settings) -> None:
    component_id = uuid4()
    redis_connection().zadd(f"wx:under-way:{component_id}", {"elsewhere": time.time() * 1000 + 60_000})
    waits = {limits._take(component_id, [], 1, f"place {number}") for number in range(20)}
    assert len(waits) > 1
    assert all(0.03 < wait < 0.07 for wait in waits)


@pytest.fixture
def two_at_once(ground: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAIBAN_WECHAT_CALLS_AT_ONCE", "2")
    monkeypatch.setattr(limits, "_LONGEST_WAIT", 5.0)
    settings.cache_clear()


def test_no_more_calls_of_bulk_work_are_under_way_than_allowed(two_at_once: None) -> None:
    wait_for_turn, lock = rate_limiter(uuid4()), threading.Lock()
    now, most = 0, 0

    def call(_number: int) -> None:
        nonlocal now, most
        with in_lane(Lane.BULK):
            done = wait_for_turn(COMMIT, None)
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.02)
        with lock:
            now -= 1
        done()

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(call, range(20)))
    assert most == 2


def test_calls_of_other_processes_are_counted_until_they_end_or_are_given_up(two_at_once: None) -> None:
    component_id = uuid4()
    key, now = f"wx:under-way:{component_id}", time.time() * 1000
    redis_connection().zadd(key, {"elsewhere": now + 60_000, "also elsewhere": now + 60_000, "killed": now - 1})
    wait_for_turn, went = rate_limiter(component_id), threading.Event()

    def call() -> None:
        with in_lane(Lane.BULK):
            wait_for_turn(COMMIT, None)()
        went.set()

    thread = threading.Thread(target=call)
    thread.start()
    assert not went.wait(0.3)
    with in_lane(Lane.URGENT):
        wait_for_turn(COMMIT, None)()  # a person does not wait for bulk work
    redis_connection().zrem(key, "elsewhere")
    assert went.wait(5)
    thread.join()
    assert redis_connection().zrange(key, 0, -1) == [b"also elsewhere"]
