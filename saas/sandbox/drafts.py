"""The draft box and the template library of a component app."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from saas.sandbox.state import Db, Row, next_number, rows, to_json

DEFAULT_PAGES = ("pages/index/index", "pages/menu/menu", "pages/order/order", "pages/mine/mine")


def add_draft(
    db: Db,
    now: float,
    component: str,
    *,
    user_version: str,
    user_desc: str = "",
    developer: str = "小林",
    source_name: str = "门店模板开发版",
    pages: Sequence[str] = DEFAULT_PAGES,
    privacy: Sequence[str] = (),
) -> int:
    """A developer uploads: the draft box keeps only the newest upload of each development mini program.

    `privacy` are the privacy interfaces that the code uses.
    """
    number = next_number(db, "draft", 71)
    source = "wx" + hashlib.sha1(f"{component}{source_name}".encode()).hexdigest()[:16]  # noqa: S324
    db.execute(
        "insert or replace into draft (id, component, source_appid, source_name, user_version, user_desc, developer, "
        "pages, privacy, created_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            number,
            component,
            source,
            source_name,
            user_version,
            user_desc,
            developer,
            to_json(list(pages)),
            to_json(list(privacy)),
            now,
        ),
    )
    return number


def list_drafts(db: Db, component: str) -> list[Row]:
    return rows(db, "select * from draft where component = ? order by id", component)


def list_templates(db: Db, component: str) -> list[Row]:
    return rows(db, "select * from template where component = ? order by id", component)
