"""Alice's component app, and a small WeChat for tests that count or break single calls."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from saas import clock
from saas.components.access import load_component
from saas.components.models import ComponentApp
from saas.components.tickets import store_ticket
from saas.config import settings
from saas.db import tenant_session
from tests.cast import Cast
from tests.components.small_wechat import SmallWeChat

APPID = "wx8a2b1c3d4e5f6071"
SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
TOKEN = "qr8Platform2026Token"
AES_KEY = "kWxC3rPz9QmT7vLs2NdYbHfJ5uGe8aRiXo4Kt6MnVq1"
PROGRAM = "wxaaaabbbbccccdddd"


@pytest.fixture
def wechat_server() -> Iterator[SmallWeChat]:
    """A small WeChat, and the settings pointing at it."""
    server = SmallWeChat()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAIBAN_WECHAT_API_URL", server.url)
        environment.setenv("DAIBAN_WECHAT_CALLS_PER_SECOND", "100000")
        settings.cache_clear()
        yield server
    settings.cache_clear()
    server.close()


@pytest.fixture
def component(cast: Cast) -> ComponentApp:
    """Alice's component app as it is right after she entered it."""
    with tenant_session(cast.alices) as db:
        row = ComponentApp(provider_id=cast.alices, key="alicekey", name="爱丽平台", appid=APPID)
        row.secret, row.token, row.aes_key = SECRET, TOKEN, AES_KEY
        db.add(row)
    return row


@pytest.fixture
def ready(component: ComponentApp) -> ComponentApp:
    """Alice's component app with a ticket."""
    with tenant_session(component.provider_id) as db:
        issued_at = clock.now() - timedelta(minutes=1)
        assert store_ticket(db, load_component(db, component.id), "ticket@@@first", issued_at)
    return component
