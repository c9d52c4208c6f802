"""Tickets and tokens (票据与令牌)."""

from __future__ import annotations

import hmac

from saas.sandbox.api.registry import Answer, Call, plays
from saas.sandbox.authorizations import (
    PRE_AUTH_SECONDS,
    TOKEN_SECONDS,
    get_authorization,
    issue_token,
)
from saas.sandbox.pusher import TICKET_LIVES, push_ticket
from saas.sandbox.refusals import Refused
from saas.sandbox.state import insert, one, random_text, scalar


@plays("startPushTicket")
def start_push_ticket(call: Call) -> Answer:
    _check_secret(call, "component_secret")
    push_ticket(call.db, call.component_appid, call.now)
    return {"errmsg": "in a normal state"} if call.component["pushing"] else None


@plays("getComponentAccessToken")
def get_component_access_token(call: Call) -> Answer:
    _check_secret(call, "component_appsecret")
    pushed_at = scalar(
        call.db,
        "select created_at from ticket where value = ? and component = ?",
        call.body["component_verify_ticket"],
        call.component_appid,
    )
    if pushed_at is None:
        raise Refused(61006)
    if pushed_at < call.now - TICKET_LIVES:
        raise Refused(61005)
    value = issue_token(call.db, call.now, call.component_appid, None)
    return {"component_access_token": value, "expires_in": TOKEN_SECONDS}


@plays("getPreAuthCode")
def get_pre_auth_code(call: Call) -> Answer:
    value = f"preauthcode@@@{random_text(86)}"
    insert(
        call.db, "pre_auth_code", value=value, component=call.component_appid, expires_at=call.now + PRE_AUTH_SECONDS
    )
    return {"pre_auth_code": value, "expires_in": PRE_AUTH_SECONDS}


@plays("getAuthorizerAccessToken")
def get_authorizer_access_token(call: Call) -> Answer:
    """The refresh token stays the same, as in the documented samples; the account's older token lives on a little."""
    appid = call.body["authorizer_appid"]
    if one(call.db, "select 1 from account where appid = ?", appid) is None:
        raise Refused(40013)
    granted = get_authorization(call.db, call.component_appid, appid)
    if granted is None:
        raise Refused(61003)
    given = call.body["authorizer_refresh_token"].encode()
    if granted["refresh_void"] or not hmac.compare_digest(given, granted["refresh_token"].encode()):
        raise Refused(61023)
    return {
        "authorizer_access_token": issue_token(call.db, call.now, call.component_appid, appid),
        "expires_in": TOKEN_SECONDS,
        "authorizer_refresh_token": granted["refresh_token"],
    }


def _check_secret(call: Call, name: str) -> None:
    if not hmac.compare_digest(call.body[name].encode(), call.component["secret"].encode()):
        raise Refused(40125)
