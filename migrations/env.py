"""Alembic's entry: runs as the owner login, one transaction per migration, bounded locks, one migrator at a time."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, create_engine, text

import saas.schema  # noqa: F401 - registers every table
from saas.config import settings
from saas.db import Base

_ADVISORY_KEY = 7_242_001


def _configure(connection: Connection) -> None:
    context.configure(
        connection=connection, target_metadata=Base.metadata, transaction_per_migration=True, compare_type=True,
        compare_server_default=False,
    )  # fmt: skip


def run() -> None:
    given = context.config.attributes.get("connection")
    if given is not None:
        _configure(given)
        with context.begin_transaction():
            context.run_migrations()
        return
    engine = create_engine(settings().database_owner_url)
    with engine.connect() as connection:
        connection.execute(text("set lock_timeout = '4s'"))
        connection.execute(text("set statement_timeout = '60s'"))
        connection.execute(text("select pg_advisory_lock(:key)"), {"key": _ADVISORY_KEY})
        connection.commit()
        _configure(connection)
        with context.begin_transaction():
            context.run_migrations()
        connection.execute(text("select pg_advisory_unlock(:key)"), {"key": _ADVISORY_KEY})
        connection.commit()
    engine.dispose()


run()
