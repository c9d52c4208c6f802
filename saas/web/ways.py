"""The ways to sign in that a person has, for her account page."""

from __future__ import annotations

from dataclasses import dataclass

from flask_login import current_user

from saas import sms
from saas.db import platform_session
from saas.tenants import accounts, identities, own_addresses, phones
from saas.tenants.models import Identity
from saas.web.wechat_client import app_to_show


@dataclass(frozen=True)
class Ways:
    """`phone` is masked; `may_phone` and `may_wechat` say whether this installation offers it. `last`: there is only
    one; `keeps_email`: her work needs her address.
    """

    phone: str
    wechats: list[Identity]
    may_phone: bool
    may_wechat: bool
    last: bool
    keeps_email: bool


def ways_to_sign_in() -> Ways:
    with platform_session("show a person's ways to sign in") as db:
        user = accounts.get_own_user(db, current_user.user_id)
        phone = phones.phone_of(user)
        return Ways(
            phone=phones.masked(phone) if phone else "",
            wechats=identities.identities_of(db, user.id),
            may_phone=sms.is_set_up(),
            may_wechat=app_to_show("/") is not None,
            last=identities.ways_in(db, user) < 2,
            keeps_email=own_addresses.needs_address(db, user.id),
        )
