"""Reading the mails that the program wrote."""

from __future__ import annotations

import re

from sqlalchemy import select

from saas.db import platform_session
from saas.tenants.models import OutgoingMail


def mails_to(address: str) -> list[OutgoingMail]:
    """Oldest first."""
    with platform_session("test") as db:
        return list(db.scalars(select(OutgoingMail).where(OutgoingMail.to == address).order_by(OutgoingMail.id)))


def last_link(address: str, part: str) -> str:
    """The path of the newest link to this address that contains `part`."""
    for mail in reversed(mails_to(address)):
        found = re.search(rf"http://localhost:8000(/{part}\S*)", mail.body_text)
        if found:
            return found.group(1)
    raise AssertionError(f"no mail to {address} has a link with /{part}")


def last_token(address: str, part: str) -> str:
    return last_link(address, part).rsplit("/", 1)[1]
