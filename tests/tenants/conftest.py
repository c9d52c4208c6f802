"""A receiver for alarms, and the settings pointing at it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from saas.config import Settings, settings
from tests.tenants.receiver import Receiver


@pytest.fixture
def receiver(ground: Settings) -> Iterator[Receiver]:
    server = Receiver()
    with pytest.MonkeyPatch.context() as environment:
        for kind in ("WECOM", "DINGTALK", "FEISHU"):
            environment.setenv(f"DAIBAN_{kind}_URL", server.url)
        environment.setenv("DAIBAN_WEBHOOKS_ALLOWED", "127.0.0.1")
        settings.cache_clear()
        yield server
    settings.cache_clear()
    server.close()
