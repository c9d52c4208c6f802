"""Open-platform accounts (开放平台账号): what binds a subject's programs, so that they share unionid."""

from __future__ import annotations

from saas.sandbox.api.registry import Answer, Call, plays
from saas.sandbox.refusals import Refused
from saas.sandbox.state import Row, insert, one, random_appid, scalar

_MAX_UNVERIFIED = 5


@plays("createOpenAccount")
def create_open_account(call: Call) -> Answer:
    _check_appid(call)
    if _bound(call):
        raise Refused(89000)
    appid = random_appid()
    principal = call.program["principal_name"]
    insert(call.db, "open_account", appid=appid, component=call.component_appid, principal_name=principal)
    insert(call.db, "open_binding", account=call.appid, open_appid=appid)
    return {"open_appid": appid}


@plays("bindOpenAccount")
def bind_open_account(call: Call) -> Answer:
    _check_appid(call)
    if _bound(call):
        raise Refused(89000)
    target = _named(call)
    if scalar(call.db, "select count(*) from open_binding where open_appid = ?", target["appid"]) >= _MAX_UNVERIFIED:
        raise Refused(89004)
    insert(call.db, "open_binding", account=call.appid, open_appid=target["appid"])
    return {}


@plays("unbindOpenAccount")
def unbind_open_account(call: Call) -> Answer:
    _check_appid(call)
    target = _named(call)
    found = call.db.execute(
        "delete from open_binding where account = ? and open_appid = ?", (call.appid, target["appid"])
    ).rowcount
    if not found:
        raise Refused(40013)
    return {}


@plays("getOpenAccount")
def get_open_account(call: Call) -> Answer:
    _check_appid(call)
    bound = _bound(call)
    if bound is None:
        raise Refused(89002)
    return {"open_appid": bound["appid"]}


@plays("getBindOpenAccount")
def has_open_account(call: Call) -> Answer:
    return {"have_open": _bound(call) is not None}


@plays("getBindOpenAccountEntity")
def has_same_entity(call: Call) -> Answer:
    bound = _bound(call)
    if bound is None:
        raise Refused(89002)
    return {"same_entity": bound["principal_name"] == call.program["principal_name"]}


def _check_appid(call: Call) -> None:
    if call.body.get("appid", call.appid) != call.appid:
        raise Refused(40013)


def _bound(call: Call) -> Row | None:
    return one(
        call.db,
        "select open_account.* from open_account join open_binding on open_binding.open_appid = open_account.appid "
        "where open_binding.account = ?",
        call.appid,
    )


def _named(call: Call) -> Row:
    """The account of the body: made by API, and of the same subject."""
    found = one(call.db, "select * from open_account where appid = ?", call.body["open_appid"])
    if found is None:
        raise Refused(89003)
    if found["principal_name"] != call.program["principal_name"]:
        raise Refused(89001)
    return found
