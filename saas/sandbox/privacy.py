"""Privacy guides (用户隐私保护指引): what code collects, what was declared."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from saas.sandbox.state import Db, insert, one, scalar, to_json
from saas.wx.contract.operations import code_table

ONLINE, DEVELOPMENT = 1, 2
_CONTACTS = ("contact_email", "contact_phone", "contact_qq", "contact_weixin")
_OWNER = (*_CONTACTS, "notice_method", "store_expire_timestamp", "ext_file_media_id")


def get_guide(db: Db, appid: str, version: int) -> dict[str, Any] | None:
    """owner_setting, setting_list, sdk_privacy_info_list and update_time."""
    guide = one(db, "select * from privacy_guide where account = ? and version = ?", appid, version)
    return json.loads(guide["content"]) | {"update_time": int(guide["updated_at"])} if guide else None


def set_guide(db: Db, now: float, appid: str, version: int, content: dict[str, Any]) -> None:
    db.execute("delete from privacy_guide where account = ? and version = ?", (appid, version))
    insert(db, "privacy_guide", account=appid, version=version, content=to_json(content), updated_at=now)


def publish_guide(db: Db, appid: str) -> None:
    """A release brings the guide of the development version to the users."""
    db.execute(
        "insert or replace into privacy_guide (account, version, content, updated_at) "
        "select account, ?, content, updated_at from privacy_guide where account = ? and version = ?",
        (ONLINE, appid, DEVELOPMENT),
    )


def has_contact(owner: dict[str, str]) -> bool:
    return any(owner.get(name, "").strip() for name in _CONTACTS)


def fill_owner(owner: dict[str, str]) -> dict[str, str]:
    """As WeChat answers it: what was not set is empty."""
    return {name: owner.get(name, "") for name in _OWNER}


def list_undeclared(db: Db, appid: str, template: int) -> list[str]:
    """Chinese names of what this code collects and the guide in development does not say."""
    guide = get_guide(db, appid, DEVELOPMENT)
    declared = {item["privacy_key"] for item in guide["setting_list"]} if guide else set()
    return [labels()[key] for key in list_collected(db, template) if key not in declared]


def list_collected(db: Db, template: int) -> list[str]:
    """Keys of what a scan finds in the code of a template."""
    used = set(json.loads(scalar(db, "select privacy from template where id = ?", template) or "[]"))
    return [key for key, calls in _calls().items() if calls & used]


@cache
def labels() -> dict[str, str]:
    """Every key that can be declared, with its Chinese name."""
    return {key: facts["zh"] for key, facts in code_table("privacy_keys").items()}


@cache
def _calls() -> dict[str, set[str]]:
    return {key: set(re.findall(r"\w+", facts.get("calls", ""))) for key, facts in code_table("privacy_keys").items()}
