"""Bring the database to the newest schema. Safe to run by several processes at once."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config


def alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent.parent / "migrations"))
    config.set_main_option("file_template", "%%(year)d-%%(month).2d-%%(day).2d-%%(hour).2d%%(minute).2d_%%(slug)s")
    return config


def migrate() -> None:
    """Upgrade to the newest version with the owner login (DATABASE_OWNER_URL)."""
    command.upgrade(alembic_config(), "head")


def check() -> None:
    """Raise when the models and the newest migration differ."""
    command.check(alembic_config())
