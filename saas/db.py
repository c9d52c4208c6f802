"""The database: engines, the declarative base, sessions behind the tenant wall. The only module that commits.

Three logins: the app role (row-level security holds it to one provider), the platform role (BYPASSRLS, every use names
its reason) and the owner (migrations only). `connect` once per process, after any fork.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar, cast
from uuid import UUID

import psycopg
import structlog
import uuid_utils.compat
from sqlalchemy import Connection, DateTime, Engine, MetaData, create_engine, event
from sqlalchemy.exc import InterfaceError, InternalError, InvalidatePoolError, OperationalError, StatementError
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    SessionTransaction,
    make_transient_to_detached,
    mapped_column,
)
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import Uuid

from saas import clock
from saas.config import Settings

log = structlog.get_logger()


class Base(DeclarativeBase):
    """Every table. Times are aware UTC, ids are UUIDv7."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: DateTime(timezone=True), UUID: Uuid()}


Row = TypeVar("Row", bound=Base)


def new_id() -> UUID:
    """A UUIDv7: sorts by creation time, so it also pages."""
    return uuid_utils.compat.uuid7()


def least_id(at: datetime) -> UUID:
    """No row made since then has a smaller id, so an index on ids serves as one on times; ids are made by real time."""
    milliseconds = int((at - clock.offset()).timestamp() * 1000) - 1000
    return UUID(int=(max(0, milliseconds) << 80) | (7 << 76))


class HasId:
    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class TenantOwned(HasId):
    """A row of one provider: row-level security is forced on its table (migrations/rls.py)."""

    provider_id: Mapped[UUID] = mapped_column(index=True)


_LIMITS = "-c statement_timeout=30000 -c idle_in_transaction_session_timeout=60000"
_ALIVE = {"connect_timeout": 5, "tcp_user_timeout": 10_000, "keepalives_idle": 10, "keepalives_interval": 5}
"""So that a database that vanished without a word holds no thread for a quarter of an hour."""

_AT_ONCE = 4
"""How many statements of `run_at_once` a process has under way."""

_PAUSE = 1.0
"""Seconds after which a connection is asked whether it still lives before it is used again."""

_engines: dict[str, Engine] = {}
_open = threading.local()


def connect(settings: Settings) -> None:
    """Make the engines. Call once per process, after a fork; calling again replaces them."""
    disconnect()
    for name, url in (("tenant", settings.database_url), ("platform", settings.database_platform_url)):
        _engines[name] = create_engine(
            url, pool_size=settings.database_pool, max_overflow=4, pool_timeout=10,
            hide_parameters=True,  # errors are logged, and values may be personal
            connect_args={"options": _LIMITS, **_ALIVE},
        )  # fmt: skip
    _engines["at once"] = create_engine(
        settings.database_platform_url, pool_size=_AT_ONCE, max_overflow=0, pool_timeout=4, pool_reset_on_return=None,
        isolation_level="AUTOCOMMIT", hide_parameters=True,
        connect_args={
            "options": "-c statement_timeout=4000 -c lock_timeout=800", "tcp_user_timeout": 4000, "connect_timeout": 3,
            "application_name": "daiban at once",
        },  # WeChat waits five seconds, and those behind wait, too
    )  # fmt: skip
    for made in _engines.values():
        event.listen(made, "checkin", _note_use)
        event.listen(made, "checkout", _check_after_a_pause)


def _note_use(_connection: Any, record: ConnectionPoolEntry) -> None:
    record.info["used_at"] = time.monotonic()


def _check_after_a_pause(connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
    """A connection may have died since it was used: look, unless that was a moment ago."""
    if time.monotonic() - record.info.get("used_at", 0.0) < _PAUSE:
        return
    try:
        _engines["tenant"].dialect.do_ping(connection)
    except Exception as error:
        raise InvalidatePoolError from error


def disconnect(*, after_fork: bool = False) -> None:
    """Drop the engines; after a fork the parent's connections are forgotten, not closed."""
    for engine in _engines.values():
        engine.dispose(close=not after_fork)
    _engines.clear()


def engine(name: str) -> Engine:
    """`tenant` or `platform`; for what looks at the database itself. Rows are a session's, or `run_at_once`'s."""
    return _engines[name]


@contextmanager
def tenant_session(provider_id: UUID) -> Iterator[Session]:
    """One transaction that sees one provider's rows; committed at the end, rolled back on an error."""
    with _session("tenant", {"provider_id": UUID(str(provider_id))}) as db:
        yield db


@contextmanager
def platform_session(reason: str) -> Iterator[Session]:
    """One transaction that sees all providers. `reason` says why that is needed."""
    with _session("platform", {"reason": reason}) as db:
        yield db


@contextmanager
def _session(name: str, info: dict[str, Any]) -> Iterator[Session]:
    db = Session(_engines[name], expire_on_commit=False, autoflush=True, info=info)
    try:
        yield db
        settle(db)
    except BaseException:
        db.rollback()
        db.info.pop("after_commit", None)
        raise
    finally:
        db.close()


def settle(db: Session) -> None:
    """Commit what was done so far and run its after-commit callbacks; the session goes on in a new transaction.

    Call it before every call to WeChat, so that no transaction stays open while WeChat thinks.
    """
    db.commit()
    for callback in db.info.pop("after_commit", []):
        try:
            callback()
        except Exception:
            log.exception("after_commit_failed")


def after_commit(db: Session, callback: Callable[[], None]) -> None:
    """Run `callback` once the current transaction is committed, equal ones together once; forgotten when it is rolled
    back."""
    callbacks = db.info.setdefault("after_commit", [])
    if callback not in callbacks:
        callbacks.append(callback)


def copy_row(row: Row) -> Row:
    """The same row for another session, without asking for it again; `row` has no changes that are not written."""
    copied = cast(Row, row.__mapper__.class_manager.new_instance())
    copied.__dict__.update({name: row.__dict__[name] for name in row.__mapper__.columns.keys()})  # noqa: SIM118
    make_transient_to_detached(copied)
    return copied


def is_unkeepable(error: Exception) -> bool:
    """Whether it was the values that could not be written (a NUL, a number too large), not the database that failed:
    what was to be written with them may go without them."""
    of_database = isinstance(error, OperationalError | InterfaceError | InternalError)
    return isinstance(error, StatementError | TypeError | ValueError) and not of_database


def transaction_is_open() -> bool:
    """Whether this thread holds a transaction; the WeChat client refuses to call then."""
    return bool(getattr(_open, "count", 0))


def run_at_once(statement: str, values: Mapping[str, Any], *, repeat: bool = True) -> list[tuple[Any, ...]]:
    """One statement above the tenants, committed with its only round trip; the rows that it answers.

    For what a push of WeChat leaves behind before it is answered; everything else goes through a session. The driver is
    asked directly, since a transaction of SQLAlchemy costs four times as much of the processor. `values` are named as
    ``%(name)s``. The statement must bear to be run twice with the same values: it is repeated when its connection turns
    out to be dead, which may have happened after the commit; without `repeat` it need not. It waits for a lock for less
    than a second.
    """
    for attempt in (1, 2):
        pooled = _engines["at once"].raw_connection()
        connection: Any = pooled.driver_connection
        try:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []
        except psycopg.OperationalError:
            if not connection.closed:
                raise
            pooled.invalidate()
            _engines["at once"].dispose()  # the database was away: all that wait in the pool are dead, too
            if attempt == 2 or not repeat:
                raise
        finally:
            pooled.close()
    raise AssertionError("not reached")


def _begin_for(connection: Connection, provider_id: UUID) -> None:
    """Begin and tell the provider with one round trip; what that cannot do is done, or fails, in the ordinary way."""
    driver: Any = connection.connection.driver_connection
    setting = f"set local app.provider_id = '{provider_id}'"
    if driver.pgconn.transaction_status == psycopg.pq.TransactionStatus.IDLE:
        driver.pgconn.exec_(f"begin; {setting}".encode())
        if driver.pgconn.transaction_status == psycopg.pq.TransactionStatus.INTRANS:
            return
    connection.exec_driver_sql(setting)


@event.listens_for(Session, "after_begin")
def _enter(db: Session, _transaction: SessionTransaction, connection: Any) -> None:
    """Every transaction, also the one after a commit, is told its provider; the setting dies with it."""
    provider_id = db.info.get("provider_id")
    if provider_id is not None:
        _begin_for(connection, provider_id)
    _open.count = getattr(_open, "count", 0) + 1
    db.info["entered"] = db.info.get("entered", 0) + 1


@event.listens_for(Session, "after_transaction_end")
def _leave(db: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None and db.info.get("entered"):
        _open.count -= db.info.pop("entered")
