"""Plugins that mini programs can ask for."""

from __future__ import annotations

from collections.abc import Sequence

from saas.sandbox.state import Db, Row, insert, one, random_appid, scalar, to_json

_FIRST_PLUGINS = (
    ("wx5a3f0c81d27b4e69", "门店直播", ("1.3.1", "1.3.2")),
    ("wx7c9e41b80fd2a653", "物流助手", ("2.0.0",)),
)


def seed_first_plugins(db: Db) -> None:
    """The plugins that a new sandbox starts with."""
    if not scalar(db, "select count(*) from plugin"):
        for appid, nick_name, versions in _FIRST_PLUGINS:
            add_plugin(db, appid=appid, nick_name=nick_name, versions=versions)


def add_plugin(db: Db, *, nick_name: str, versions: Sequence[str], appid: str = "") -> str:
    """Publish a plugin, with its own appid or that of a mini program, whose merchant then decides on requests."""
    appid = appid or random_appid()
    db.execute("delete from plugin where appid = ?", (appid,))
    insert(db, "plugin", appid=appid, nick_name=nick_name, versions=to_json(list(versions)))
    return appid


def get_plugin(db: Db, appid: str) -> Row | None:
    return one(db, "select * from plugin where appid = ?", appid)
