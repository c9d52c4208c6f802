"""Which way calls to WeChat take."""

from __future__ import annotations

import os

import pytest

from saas.wx.connections import ByHttpx2, Connections, Wire
from saas.wx.transport import _wire_of, process_wire


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("NO_PROXY", "localhost,127.0.0.1", Connections),
        ("HTTPS_PROXY", "http://203.0.113.9:3128", ByHttpx2),
        ("all_proxy", "http://203.0.113.9:3128", ByHttpx2),
    ],
)
def test_calls_take_the_proxy_s_way_only_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, kind: type[Wire]
) -> None:
    for known in [one for one in os.environ if one.lower().endswith("_proxy")]:
        monkeypatch.delenv(known)
    if isinstance(before := process_wire(), Connections):
        before.close()  # what earlier tests have left open
    monkeypatch.setenv(name, value)
    _wire_of.cache_clear()
    try:
        assert isinstance(_wire_of(os.getpid()), kind)
    finally:
        _wire_of.cache_clear()
