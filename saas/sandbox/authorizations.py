"""Authorizations: what the merchant confirmed on the phone, and how it ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from saas.sandbox.pushes import push_event
from saas.sandbox.state import Db, Row, insert, one, random_text, rows, scalar, to_json

AUTH_CODE_SECONDS = 3600
PRE_AUTH_SECONDS = 600
TOKEN_SECONDS = 7200
OVERLAP_SECONDS = 300


def authorize(
    db: Db,
    now: float,
    component: str,
    appid: str,
    sets: Sequence[int],
    *,
    pre_auth_code: str = "",
    push: bool = True,
) -> str:
    """Grant permission sets; answers the authorization code. Pushes `authorized`, or `updateauthorized` when repeated.

    A new authorization has a new refresh token, so the old one is void.
    """
    before = get_authorization(db, component, appid)
    if before is None:  # tokens of an authorization that was taken back stay dead
        void_tokens(db, component, appid)
    db.execute(
        "insert or replace into authorization (component, account, sets, refresh_token, authorized_at) "
        "values (?, ?, ?, ?, ?)",
        (component, appid, to_json(sorted(sets)), _refresh_token(), now),
    )
    code = f"queryauthcode@@@{random_text(64)}"
    insert(db, "auth_code", value=code, component=component, account=appid, expires_at=now + AUTH_CODE_SECONDS)
    if push:
        fields = {
            "AuthorizerAppid": appid,
            "AuthorizationCode": code,
            "AuthorizationCodeExpiredTime": int(now + AUTH_CODE_SECONDS),
            "PreAuthCode": pre_auth_code,
        }
        push_event(db, component, "updateauthorized" if before else "authorized", fields, now)
    return code


def revoke(db: Db, now: float, component: str, appid: str, *, push: bool = True) -> bool:
    """The merchant cancels: tokens and codes die at once. False when there was nothing to cancel."""
    if not db.execute("delete from authorization where component = ? and account = ?", (component, appid)).rowcount:
        return False
    db.execute("delete from auth_code where component = ? and account = ?", (component, appid))
    if push:
        push_event(db, component, "unauthorized", {"AuthorizerAppid": appid}, now)
    return True


def authorize_fleet(
    db: Db, now: float, component: str, appids: Iterable[str], sets: Sequence[int], *, exchanged: bool = True
) -> int:
    """Many authorizations at once without events: the fleet that a provider had before."""
    text = to_json(sorted(sets))
    fleet = [(component, appid, text, _refresh_token(), int(exchanged), now) for appid in appids]
    db.executemany(
        "insert or ignore into authorization (component, account, sets, refresh_token, exchanged, authorized_at) "
        "values (?, ?, ?, ?, ?, ?)",
        fleet,
    )
    return len(fleet)


def issue_token(db: Db, now: float, component: str, appid: str | None) -> str:
    """A new access token of two hours. The ones before live on for five minutes."""
    db.execute(
        "update token set expires_at = min(expires_at, ?) where component = ? and account is ?",
        (now + OVERLAP_SECONDS, component, appid),
    )
    db.execute("delete from token where expires_at < ?", (now - 86400,))
    value = f"9{random_text(3)}_{random_text(132)}"
    insert(db, "token", value=value, component=component, account=appid, created_at=now, expires_at=now + TOKEN_SECONDS)
    return value


def void_tokens(db: Db, component: str, appid: str = "") -> int:
    """Make all tokens of a component app (or of one mini program of it) worthless at once."""
    return db.execute(
        "update token set void = 1 where component = ? and ? in ('', account)", (component, appid)
    ).rowcount


def void_refresh_token(db: Db, component: str, appid: str, *, renew: bool = True) -> None:
    """The kept refresh token answers 61023 from now on. With `renew` WeChat's list shows a new one that works."""
    if renew:
        db.execute(
            "update authorization set refresh_token = ? where component = ? and account = ?",
            (_refresh_token(), component, appid),
        )
    else:
        db.execute("update authorization set refresh_void = 1 where component = ? and account = ?", (component, appid))


def get_authorization(db: Db, component: str, appid: str) -> Row | None:
    return one(db, "select * from authorization where component = ? and account = ?", component, appid)


def list_authorizations_of_person(db: Db, person_id: int) -> list[Row]:
    """What one person has granted to whom."""
    return rows(
        db,
        "select authorization.*, component.name as component_name, account.nick_name, account.hue from authorization "
        "join account on account.appid = authorization.account "
        "join component on component.appid = authorization.component "
        "where account.person = ? order by authorization.authorized_at desc",
        person_id,
    )


def count_authorizations(db: Db, component: str) -> int:
    return int(scalar(db, "select count(*) from authorization where component = ?", component))


def _refresh_token() -> str:
    return f"refreshtoken@@@{random_text(43)}"
