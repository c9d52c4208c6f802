from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from saas.wx import errors
from saas.wx.tokens import AccessToken, Fetched, TokenUnavailable, current_token

START = datetime(2026, 11, 24, 8, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class Row:
    """A token's row in memory, as the database would keep it: a lease with a fence, saved only by its holder."""

    def __init__(self, now: Callable[[], datetime], token: AccessToken | None = None) -> None:
        self.now = now
        self.token = token
        self.fence = 0
        self.until: datetime | None = None
        self.refreshes: list[str] = []
        self._lock = threading.Lock()

    def read(self) -> AccessToken | None:
        with self._lock:
            return self.token

    def lease(self, seconds: float) -> int | None:
        with self._lock:
            if self.until is not None and self.until > self.now():
                return None
            self.fence += 1
            self.until = self.now() + timedelta(seconds=seconds)
            return self.fence

    def save(self, fence: int, fetched: Fetched) -> bool:
        with self._lock:
            if fence != self.fence:
                return False
            self.token = AccessToken(fetched.access_token, self.now() + timedelta(seconds=fetched.expires_in))
            return True

    def release(self, fence: int) -> None:
        with self._lock:
            if fence == self.fence:
                self.until = None


class WeChat:
    """Counts the fetches and answers token-1, token-2, ..."""

    def __init__(self, fail: Exception | None = None, before: Callable[[], None] = lambda: None) -> None:
        self.fetches = 0
        self.fail = fail
        self.before = before

    def __call__(self) -> Fetched:
        self.fetches += 1
        self.before()
        if self.fail is not None:
            raise self.fail
        return Fetched(f"token-{self.fetches}", 7200)


def token(minutes: float, value: str = "old") -> AccessToken:
    return AccessToken(value, START + timedelta(minutes=minutes))


def ask(row: Row, fetch: Callable[[], Fetched], clock: Clock, **more: str | float | timedelta) -> str:
    return current_token(row, fetch, now=clock.now, sleep=clock.sleep, **more)  # type: ignore[arg-type]


def test_a_fresh_token_is_answered_without_a_lease() -> None:
    clock, wechat = Clock(), WeChat()
    row = Row(clock.now, token(11))
    assert ask(row, wechat, clock) == "old"
    assert (wechat.fetches, row.fence) == (0, 0)


@pytest.mark.parametrize("stored", [None, token(-1), token(9), token(60, value="")])
def test_a_missing_expired_expiring_or_blank_token_is_fetched_once(stored: AccessToken | None) -> None:
    clock, wechat = Clock(), WeChat()
    row = Row(clock.now, stored)
    assert ask(row, wechat, clock) == "token-1"
    assert ask(row, wechat, clock) == "token-1"
    assert wechat.fetches == 1
    assert row.until is None


def test_an_expiring_token_serves_while_another_process_renews_it() -> None:
    clock, wechat = Clock(), WeChat()
    row = Row(clock.now, token(9))
    row.lease(30)
    assert ask(row, wechat, clock) == "old"
    assert (wechat.fetches, clock.time) == (0, START)


def test_an_expired_token_makes_callers_wait_for_the_process_that_renews_it() -> None:
    clock, wechat = Clock(), WeChat()
    row = Row(clock.now, token(-1))
    fence = row.lease(30)
    assert fence is not None

    def finish_after_a_second(seconds: float) -> None:
        clock.sleep(seconds)
        if clock.time >= START + timedelta(seconds=1):
            row.save(fence, Fetched("theirs", 7200))

    assert current_token(row, wechat, now=clock.now, sleep=finish_after_a_second) == "theirs"
    assert wechat.fetches == 0


def test_waiting_ends_with_an_error() -> None:
    clock, wechat = Clock(), WeChat()
    row = Row(clock.now)
    row.lease(3600)
    with pytest.raises(TokenUnavailable):
        ask(row, wechat, clock)
    assert timedelta(seconds=14) < clock.time - START < timedelta(seconds=17)
    assert wechat.fetches == 0


def test_the_lease_of_a_dead_process_is_taken_over() -> None:
    clock, wechat = Clock(), WeChat()
    row = Row(clock.now)
    row.lease(5)
    assert ask(row, wechat, clock) == "token-1"
    assert clock.time - START < timedelta(seconds=6)


def test_a_refused_token_is_replaced_however_fresh() -> None:
    clock, wechat = Clock(), WeChat()
    row = Row(clock.now, token(110))
    assert ask(row, wechat, clock, refused="old") == "token-1"
    assert ask(row, wechat, clock, refused="old") == "token-1"
    assert wechat.fetches == 1
    assert ask(row, wechat, clock, refused="token-1") == "token-2"


def test_a_refused_token_is_not_answered_while_another_process_renews_it() -> None:
    clock, wechat = Clock(), WeChat()
    row = Row(clock.now, token(110))
    row.lease(3600)
    with pytest.raises(TokenUnavailable):
        ask(row, wechat, clock, refused="old")


def test_a_renewal_between_look_and_lease_is_noticed() -> None:
    clock, wechat = Clock(), WeChat()

    class Race(Row):
        def lease(self, seconds: float) -> int | None:
            self.token = token(120, "theirs")
            return super().lease(seconds)

    assert ask(Race(clock.now), wechat, clock) == "theirs"
    assert wechat.fetches == 0


def test_a_slow_refresher_does_not_overwrite_the_one_that_took_over() -> None:
    clock = Clock()
    row = Row(clock.now)

    def another_takes_over() -> None:
        clock.sleep(31)
        fence = row.lease(30)
        assert fence is not None
        assert row.save(fence, Fetched("theirs", 7200))

    assert ask(row, WeChat(before=another_takes_over), clock) == "theirs"
    assert row.token is not None
    assert row.token.value == "theirs"


@pytest.mark.parametrize("fault", [errors.WeChatUnreachable("down"), errors.SystemBusy(-1), errors.RateLimited(45011)])
def test_an_expiring_token_serves_while_wechat_is_away(fault: Exception) -> None:
    clock = Clock()
    row = Row(clock.now, token(5))
    assert ask(row, WeChat(fault), clock) == "old"
    assert row.until is None
    with pytest.raises(type(fault)):
        ask(row, WeChat(fault), clock, refused="old")
    clock.sleep(600)
    with pytest.raises(type(fault)):
        ask(row, WeChat(fault), clock)


def test_a_void_refresh_token_is_reported_at_once() -> None:
    clock = Clock()
    row = Row(clock.now, token(5))
    with pytest.raises(errors.RefreshTokenInvalid):
        ask(row, WeChat(errors.RefreshTokenInvalid(61023)), clock)
    assert row.until is None


@pytest.mark.parametrize(("value", "seconds"), [("", 7200), ("a", 0), ("a", -1)])
def test_an_answer_without_a_usable_token_is_refused(value: str, seconds: int) -> None:
    with pytest.raises(ValueError, match="no usable token"):
        Fetched(value, seconds)


def test_tokens_do_not_show_in_logs() -> None:
    assert "geheim" not in repr(AccessToken("geheim", START)) + repr(Fetched("geheim", 7200, "geheim"))


@pytest.mark.parametrize("refused", [None, "old"])
def test_32_callers_at_once_fetch_once(refused: str | None) -> None:
    def now() -> datetime:
        return datetime.now(UTC)

    row = Row(now, AccessToken("old", now() + timedelta(hours=2)) if refused else None)
    wechat = WeChat(before=lambda: time.sleep(0.2))
    start = threading.Barrier(32)
    answers: list[str] = []

    def caller() -> None:
        start.wait()
        answers.append(current_token(row, wechat, now=now, sleep=time.sleep, refused=refused))

    threads = [threading.Thread(target=caller) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["token-1"] * 32
    assert wechat.fetches == 1
