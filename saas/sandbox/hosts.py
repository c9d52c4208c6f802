"""What WeChat finds when it looks at a host: its ICP filing, a check file, how many owners use it."""

from __future__ import annotations

import hashlib

from saas.sandbox.components import Unusable
from saas.sandbox.state import Db, insert, one, scalar

OWNERS = 100
_USUAL: dict[str, int] = {"filed": 1, "check_file": 1, "blacklisted": 0, "owners": 0}


def change_host(db: Db, name: str, **found: int) -> None:
    """What the next look at a host finds. `owners` is how many subjects elsewhere have set it directly."""
    if found.keys() - _USUAL.keys():
        raise Unusable(f"host：{', '.join(_USUAL)}")
    values = _look(db, name) | {key: int(value) for key, value in found.items()}
    db.execute("delete from host where name = ?", (name,))
    insert(db, "host", name=name, **values)


def is_filed(db: Db, host: str) -> bool:
    """Hosts below `.test` have no ICP filing unless told otherwise."""
    return bool(_look(db, host)["filed"])


def is_blacklisted(db: Db, host: str) -> bool:
    return bool(_look(db, host)["blacklisted"])


def has_room(db: Db, host: str, principal_name: str) -> bool:
    """Whether one more subject may set the host directly as business domain."""
    others = scalar(
        db,
        "select count(distinct principal_name) from domain join account on account.appid = domain.account "
        "where way = 'direct' and domain.kind = 'webviewdomain' and url = ? and principal_name <> ?",
        f"https://{host}",
        principal_name,
    )
    return int(_look(db, host)["owners"]) + int(others) < OWNERS


def make_check_file(db: Db, appid: str, purpose: str) -> dict[str, str]:
    """Hand out the check file of one mini program; from now on its hosts can serve it."""
    db.execute("insert or ignore into check_file (account, name) values (?, ?)", (appid, purpose))
    mark = hashlib.sha256(f"{purpose}:{appid}".encode()).hexdigest()
    return {"file_name": f"{mark[:10]}.txt", "file_content": mark[10:42]}


def serves_check_file(db: Db, host: str, appid: str, purpose: str) -> bool:
    """A file that was never fetched cannot lie on the host."""
    fetched = one(db, "select 1 from check_file where account = ? and name = ?", appid, purpose)
    return fetched is not None and bool(_look(db, host)["check_file"])


def _look(db: Db, name: str) -> dict[str, int]:
    known = one(db, "select * from host where name = ?", name)
    if known is not None:
        return {key: known[key] for key in _USUAL}
    return _USUAL | {"filed": int(not name.endswith(".test"))}
