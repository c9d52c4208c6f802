from __future__ import annotations

import sqlite3
from pathlib import Path

from saas.sandbox.people import add_account, get_account, seed_first_accounts
from saas.sandbox.state import State


def test_a_file_of_an_older_version_gains_new_columns(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.sqlite"
    State(path).close()
    with sqlite3.connect(path) as older:
        older.execute("alter table account drop column verified")
        older.execute("alter table registration drop column person")
    older.close()
    state = State(path)
    with state.turn() as db:
        seed_first_accounts(db)
        account = get_account(db, add_account(db, "梅姐", nick_name="梅记外卖"))
        assert account is not None
        assert account["verified"] == 1
        assert db.execute("select person from registration").fetchall() == []
    state.close()
