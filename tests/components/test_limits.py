from __future__ import annotations

from uuid import uuid4

import pytest

from saas.components import limits
from saas.components.limits import rate_limiter
from saas.config import Settings, settings
from saas.queue import forget_connection, redis_connection
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
