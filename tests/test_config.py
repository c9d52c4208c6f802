"""Settings refuse what is missing or unsafe, and say which and why."""

from __future__ import annotations

import base64
import secrets
from typing import Any

import pytest

from saas.config import Environment, Settings, UnsafeSettings, load_settings

GOOD = {
    "DAIBAN_ENV": "production",
    "DATABASE_URL": "postgresql://app@db/daiban",
    "DATABASE_PLATFORM_URL": "postgresql://platform@db/daiban",
    "REDIS_URL": "redis://redis:6379/0",
    "DAIBAN_PUBLIC_URL": "https://daiban.example.com/",
    "DAIBAN_MASTER_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
    "DAIBAN_MAIL_URL": "smtps://user:password@mail.example.com:465/?from=daiban@example.com",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Any:
    def of(**changes: str | None) -> Settings:
        for name in ("DAIBAN_CLOCK_FILE", "AUTHLIB_INSECURE_TRANSPORT", "DAIBAN_WECHAT_API_URL", "DAIBAN_HOME"):
            monkeypatch.delenv(name, raising=False)
        for name in ("DAIBAN_WECHAT_MP_URL", "DAIBAN_WECHAT_OPEN_URL", "DAIBAN_SMS_URL"):
            monkeypatch.delenv(name, raising=False)
        for name, value in {**GOOD, **changes}.items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)
        return load_settings()

    return of


def test_a_complete_production_starts(environment: Any) -> None:
    settings = environment()
    assert settings.env is Environment.PRODUCTION
    assert settings.public_url == "https://daiban.example.com"
    assert settings.database_url.startswith("postgresql+psycopg://")
    assert settings.wechat_api_url == "https://api.weixin.qq.com"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"DAIBAN_PUBLIC_URL": "http://daiban.example.com"}, "DAIBAN_PUBLIC_URL must be https"),
        ({"DAIBAN_WECHAT_API_URL": "http://127.0.0.1:8001"}, "DAIBAN_WECHAT_API_URL"),
        ({"DAIBAN_WECHAT_MP_URL": "https://localhost:8001"}, "DAIBAN_WECHAT_MP_URL"),
        ({"DAIBAN_MASTER_KEY": base64.b64encode(bytes(32)).decode()}, "must be random"),
        ({"DAIBAN_MASTER_KEY": "short"}, "DAIBAN_MASTER_KEY"),
        ({"DAIBAN_MASTER_KEY": base64.b64encode(b"too short").decode()}, "32 bytes"),
        ({"DAIBAN_MAIL_URL": "demo:"}, "DAIBAN_MAIL_URL"),
        ({"DAIBAN_SMS_URL": "demo:"}, "DAIBAN_SMS_URL"),
        ({"DATABASE_PLATFORM_URL": "postgresql://app@db/daiban"}, "different logins"),
        ({"DAIBAN_CLOCK_FILE": "/tmp/clock"}, "DAIBAN_CLOCK_FILE must not be set"),
        ({"AUTHLIB_INSECURE_TRANSPORT": "1"}, "AUTHLIB_INSECURE_TRANSPORT must not be set"),
    ],
)
def test_production_refuses_unsafe_values(environment: Any, changes: dict[str, str], named: str) -> None:
    with pytest.raises(UnsafeSettings, match=named):
        environment(**changes)


@pytest.mark.parametrize("name", ["DATABASE_URL", "DATABASE_PLATFORM_URL", "REDIS_URL", "DAIBAN_PUBLIC_URL"])
def test_a_missing_value_is_named(environment: Any, name: str) -> None:
    with pytest.raises(UnsafeSettings, match=name):
        environment(**{name: None})


def test_a_refusal_never_shows_the_master_key(environment: Any) -> None:
    with pytest.raises(UnsafeSettings) as refused:
        environment(DAIBAN_PUBLIC_URL="http://x.example.com")
    assert GOOD["DAIBAN_MASTER_KEY"] not in str(refused.value)


def test_old_master_keys_follow_the_new_one(environment: Any) -> None:
    new, old = (base64.b64encode(secrets.token_bytes(32)).decode() for _ in range(2))
    assert environment(DAIBAN_MASTER_KEY=f"{new},{old}").master_keys == [base64.b64decode(new), base64.b64decode(old)]
