"""The chapters that the sandbox plays. A new one is a module beside this one and a line here."""

from __future__ import annotations

from importlib import import_module

_CHAPTERS = (
    "ticket_token",
    "authorization",
    "templates",
    "code",
    "audit",
    "release",
    "entries",
    "testers",
    "program_domains",
    "privacy",
    "qrcode_rules",
    "plugins",
    "order_path",
    "official_accounts",
    "records",
    "media",
    "account",
    "profile",
    "names",
    "categories",
    "platform_domains",
    "quota",
    "messages",
    "certification",
    "open_account",
    "filing_tables",
    "filing",
    "auth_and_icp",
    "registration",
    "trial",
)


def load() -> None:
    """Import every chapter, so that its handlers are registered."""
    for name in _CHAPTERS:
        import_module(f"saas.sandbox.api.{name}")
