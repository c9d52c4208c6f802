"""Trial mini programs (试用小程序): made without a subject, alive for 14 days, or turned into real ones."""

from __future__ import annotations

from saas.sandbox.authorizations import revoke
from saas.sandbox.people import add_account
from saas.sandbox.state import Db, Row, insert, one, rows, scalar

LIFE_SECONDS = 14 * 86400
TRIALS_A_PERSON = 5
TRIAL, CONVERTED = 13, 19
_SUFFIX = "的体验小程序"


def add_trial(db: Db, now: float, person: str, openid: str, name: str) -> str:
    """A trial mini program of this person; answers its appid."""
    appid = add_account(db, person, nick_name=name + _SUFFIX, register_type=TRIAL, verified=0)
    insert(db, "trial_program", account=appid, openid=openid, ends_at=now + LIFE_SECONDS)
    return appid


def get_open_trial(db: Db, appid: str) -> Row | None:
    """The trial if it is neither converted nor over."""
    return one(db, "select * from trial_program where account = ? and state = 'open'", appid)


def count_trials(db: Db, openid: str) -> int:
    """How many a WeChat user has."""
    return int(scalar(db, "select count(*) from trial_program where openid = ? and state = 'open'", openid))


def rename_trial(db: Db, appid: str, name: str) -> None:
    db.execute("update account set nick_name = ? where appid = ?", (name + _SUFFIX, appid))


def convert_trial(db: Db, appid: str, principal_name: str, credential: str) -> None:
    """It has a subject from now on; the suffix stays in its name until that is set anew."""
    db.execute("update trial_program set state = 'converted' where account = ?", (appid,))
    db.execute(
        "update account set principal_name = ?, credential = ?, register_type = ? where appid = ?",
        (principal_name, credential, CONVERTED, appid),
    )


def end_trials(db: Db, now: float) -> None:
    """What was not converted in time is cancelled, and with it all authorizations."""
    for trial in rows(db, "select account from trial_program where state = 'open' and ends_at <= ?", now):
        appid = trial["account"]
        db.execute("update trial_program set state = 'ended' where account = ?", (appid,))
        db.execute("update account set account_status = 14 where appid = ?", (appid,))
        for grant in rows(db, "select component from authorization where account = ?", appid):
            revoke(db, now, grant["component"], appid)
