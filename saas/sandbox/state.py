"""The sandbox's memory: one SQLite file, one writer at a time."""

from __future__ import annotations

import json
import secrets
import sqlite3
import string
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

Db = sqlite3.Connection
Row = sqlite3.Row

_LETTERS = string.ascii_letters + string.digits


class State:
    """Everything that outlives a restart. Calls are short, so all of them share one connection and take turns."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = normal")
        schema = resources.files("saas.sandbox").joinpath("schema.sql").read_text(encoding="utf-8")
        _add_new_columns(self._db, schema)
        self._db.executescript(schema)

    @contextmanager
    def turn(self) -> Iterator[Db]:
        """One transaction: everything done in it stays, or nothing when it raises."""
        with self._lock:
            self._db.execute("begin immediate")
            try:
                yield self._db
            except BaseException:
                self._db.rollback()
                raise
            self._db.commit()

    def close(self) -> None:
        with self._lock:
            self._db.close()


def _add_new_columns(db: Db, schema: str) -> None:
    """A file of an older version gets the columns that its tables have gained since."""
    fresh = sqlite3.connect(":memory:")
    fresh.executescript(schema)
    columns = 'select name, type, "notnull", dflt_value from pragma_table_info(?)'
    for (table,) in fresh.execute("select name from sqlite_master where type = 'table'").fetchall():
        known = {row[0] for row in db.execute(columns, (table,))}
        for name, kind, required, default in fresh.execute(columns, (table,)):
            if known and name not in known:
                rest = f"not null default {default}" if required else ""
                db.execute(f"alter table {table} add column {name} {kind} {rest}")
    fresh.close()


def one(db: Db, sql: str, *values: Any) -> Row | None:
    """The first row, or None."""
    row: Row | None = db.execute(sql, values).fetchone()
    return row


def rows(db: Db, sql: str, *values: Any) -> list[Row]:
    return db.execute(sql, values).fetchall()


def scalar(db: Db, sql: str, *values: Any) -> Any:
    """The first column of the first row, or None."""
    row = db.execute(sql, values).fetchone()
    return row[0] if row else None


def insert(db: Db, table: str, **values: Any) -> int:
    """Add a row and answer its number."""
    names = ", ".join(values)
    marks = ", ".join("?" * len(values))
    found = db.execute(f"insert into {table} ({names}) values ({marks})", tuple(values.values()))
    return found.lastrowid or 0


def update(db: Db, table: str, row: Row, **values: Any) -> Row:
    """Change one row, found by its first column; answers it as it stands now."""
    key = row.keys()[0]
    assignments = ", ".join(f"{name} = ?" for name in values)
    db.execute(f"update {table} set {assignments} where {key} = ?", (*values.values(), row[key]))
    changed: Row = db.execute(f"select * from {table} where {key} = ?", (row[key],)).fetchone()
    return changed


def next_number(db: Db, name: str, start: int) -> int:
    """A number that never comes back, even when the thing it stood for is deleted."""
    db.execute(
        "insert into counter (name, last) values (?, ?) on conflict (name) do update set last = last + 1", (name, start)
    )
    return int(scalar(db, "select last from counter where name = ?", name))


def setting(db: Db, key: str, default: str) -> str:
    found = scalar(db, "select value from setting where key = ?", key)
    return default if found is None else str(found)


def put_setting(db: Db, key: str, value: str) -> None:
    db.execute("insert or replace into setting (key, value) values (?, ?)", (key, value))


def to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def random_text(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def random_appid() -> str:
    """An appid as WeChat makes them: wx and 16 hex digits."""
    return "wx" + secrets.token_hex(8)
