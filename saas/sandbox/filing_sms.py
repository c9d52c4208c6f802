"""Text messages of the ministry (12381): each person in charge types the code within a day."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from saas.sandbox.state import Db, Row, insert, one, rows

SECONDS = 86400
WRONG_ALLOWED = 5


def send(db: Db, now: float, account: str, mobiles: Sequence[str], purpose: str) -> None:
    """`purpose` is filing or cancel."""
    for mobile in mobiles:
        code = f"{secrets.randbelow(10**6):06d}"
        insert(db, "filing_sms", account=account, mobile=mobile, code=code, purpose=purpose, sent_at=now)


def get_waiting(db: Db, now: float, sms_id: int) -> Row | None:
    return one(db, "select * from filing_sms where id = ? and state = 'waiting' and sent_at > ?", sms_id, now - SECONDS)


def list_waiting(db: Db, now: float, account: str) -> list[Row]:
    """Messages of a mini program's filing that can still be answered."""
    return rows(
        db, "select * from filing_sms where account = ? and state = 'waiting' and sent_at > ?", account, now - SECONDS
    )


def list_of_person(db: Db, now: float, person: int) -> list[Row]:
    """Messages on an administrator's phone, for all persons in charge of their mini programs."""
    return rows(
        db,
        "select filing_sms.*, account.nick_name from filing_sms join account on account.appid = filing_sms.account "
        "where account.person = ? and state = 'waiting' and sent_at > ? order by filing_sms.id desc",
        person,
        now - SECONDS,
    )


def take_code(db: Db, sms: Row, code: str) -> bool:
    if code != sms["code"]:
        db.execute("update filing_sms set wrong = wrong + 1 where id = ?", (sms["id"],))
        return False
    db.execute("update filing_sms set state = 'confirmed' where id = ?", (sms["id"],))
    return True


def void(db: Db, account: str) -> bool:
    """No message of this filing counts any more; answers whether any was still waiting."""
    found = db.execute("update filing_sms set state = 'void' where account = ? and state = 'waiting'", (account,))
    return found.rowcount > 0
