"""The demo's first data: people, a provider, her component app and merchant. Written into an empty demo only."""

from __future__ import annotations

from saas.config import Settings

PASSWORD = "daiban-demo-2026"  # noqa: S105 - the demo shows it to whoever starts it
SIGN_INS = (
    ("olga@example.com", "平台运营 operator"),
    ("alice@example.com", "服务商所有者 provider, owner"),
    ("bob@example.com", "只读成员 provider, viewer"),
    ("mei@example.com", "商家 merchant"),
)


def fill_when_empty(settings: Settings) -> None:
    """Write the demo's data when there is none; safe to run again."""
