"""The outbox: every push is written down first, then sent by the pusher."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from saas.sandbox.faults import take_push_fault
from saas.sandbox.state import Db, Row, insert, rows, scalar

SYSTEM_OPENID = "oSandbox0SystemAccount0000Weapp"


def push_event(db: Db, component: str, info_type: str, fields: Mapping[str, Any], now: float) -> int:
    """A push to the authorization-event URL: tickets and everything with an InfoType."""
    content = {"AppId": component, "CreateTime": int(now), "InfoType": info_type, **fields}
    return _put(db, component, None, info_type, to_xml(content), now)


def push_message(db: Db, component: str, account: Row, event: str, fields: Mapping[str, Any], now: float) -> int:
    """A push to the message-event URL of one account: everything with an Event."""
    content = {
        "ToUserName": account["user_name"],
        "FromUserName": SYSTEM_OPENID,
        "CreateTime": int(now),
        "MsgType": "event",
        "Event": event,
        **fields,
    }
    return _put(db, component, account["appid"], event, to_xml(content), now)


def to_xml(fields: Mapping[str, Any]) -> str:
    """Text goes in CDATA, numbers stand bare, a list repeats its element: as WeChat writes it."""
    return f"<xml>{_elements(fields)}</xml>"


def cdata(text: str) -> str:
    return "<![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + "]]>"


def count_waiting(db: Db, component: str = "") -> int:
    """Pushes that are still to be sent."""
    return int(
        scalar(
            db,
            "select count(*) from push where state in ('waiting', 'sending') and ? in ('', component)",
            component,
        )
    )


def list_pushes(db: Db, *, component: str = "", name: str = "", limit: int = 100) -> list[Row]:
    """The newest pushes with the outcome of their last delivery."""
    return rows(
        db,
        "select push.*, delivery.at as answered_at, delivery.ms, delivery.status, delivery.answer from push "
        "left join delivery on delivery.id = (select max(id) from delivery where push = push.id) "
        "where ? in ('', push.component) and ? in ('', push.name) order by push.id desc limit ?",
        component,
        name,
        limit,
    )


def repeat_push(db: Db, push_id: int, *, forged: bool = False) -> None:
    """Send an old push again, unchanged or with a signature that cannot be right."""
    db.execute(
        "insert into push (seq, component, account, name, xml, due_at, created_at, forged) "
        "select 0, component, account, name, xml, ?, created_at, ? from push where id = ?",
        (time.time(), int(forged), push_id),
    )
    db.execute("update push set seq = id where seq = 0")


def _put(db: Db, component: str, account: str | None, name: str, xml: str, now: float) -> int:
    fault = take_push_fault(db, component, name)
    states = {"drop": "dropped", "reorder": "held", "reorder-end": "held"}
    push = insert(
        db,
        "push",
        seq=0,
        component=component,
        account=account,
        name=name,
        xml=xml,
        state=states.get(fault, "waiting"),
        due_at=time.time(),
        created_at=now,
        forged=int(fault == "forge"),
    )
    db.execute("update push set seq = id where id = ?", (push,))
    if fault == "duplicate":
        repeat_push(db, push)
    if fault == "reorder-end":
        db.execute(
            "update push set state = 'waiting', seq = -id where component = ? and state = 'held'",
            (component,),
        )
    return push


def _elements(fields: Mapping[str, Any]) -> str:
    return "".join(
        f"<{name}>{_content(part)}</{name}>"
        for name, value in fields.items()
        for part in (value if isinstance(value, list) else [value])
    )


def _content(value: Any) -> str:
    if isinstance(value, Mapping):
        return _elements(value)
    return str(value) if isinstance(value, int) else cdata(str(value))
