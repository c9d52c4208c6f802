"""Authorized accounts (授权账号管理)."""

from __future__ import annotations

import json
from typing import Any

from saas.sandbox.api.profile import avatar_url
from saas.sandbox.api.registry import Answer, Call, plays
from saas.sandbox.authorizations import TOKEN_SECONDS, count_authorizations, get_authorization, issue_token
from saas.sandbox.people import get_account
from saas.sandbox.refusals import Refused
from saas.sandbox.state import Row, one, put_setting, rows, setting
from saas.sandbox.trials import TRIAL

_OPTIONS = {
    "location_report": ("0", "1", "2"),
    "voice_recognize": ("0", "1"),
    "customer_service": ("0", "1"),
}


@plays("getAuthorizerRefreshToken")
def query_auth(call: Call) -> Answer:
    """Works once per code."""
    code = one(
        call.db,
        "select * from auth_code where value = ? and component = ?",
        call.body["authorization_code"],
        call.component_appid,
    )
    if code is None or code["used_at"] is not None:
        raise Refused(61009)
    if code["expires_at"] <= call.now:
        raise Refused(61010)
    granted = get_authorization(call.db, call.component_appid, code["account"])
    if granted is None:
        raise Refused(61009)
    call.db.execute("update auth_code set used_at = ? where value = ?", (call.now, code["value"]))
    call.db.execute(
        "update authorization set exchanged = 1 where component = ? and account = ?",
        (call.component_appid, code["account"]),
    )
    return {
        "authorization_info": {
            "authorizer_appid": code["account"],
            "authorizer_access_token": issue_token(call.db, call.now, call.component_appid, code["account"]),
            "expires_in": TOKEN_SECONDS,
            "authorizer_refresh_token": granted["refresh_token"],
            "func_info": _func_info(granted),
        }
    }


@plays("getAuthorizerInfo")
def get_authorizer_info(call: Call) -> Answer:
    account = get_account(call.db, call.body["authorizer_appid"])
    if account is None:
        raise Refused(40013)
    granted = get_authorization(call.db, call.component_appid, account["appid"])
    if granted is None:
        raise Refused(61003)
    profile = {
        "nick_name": account["nick_name"],
        "head_img": avatar_url(call, account["appid"]),
        "service_type_info": {"id": _service_type(account)},
        "verify_type_info": {"id": 0 if account["verified"] else -1},
        "user_name": account["user_name"],
        "alias": "",
        "qrcode_url": f"{call.world.public_url}/qr/{account['appid']}.png",
        "business_info": {"open_pay": 1, "open_shake": 0, "open_scan": 0, "open_card": 0, "open_store": 0},
        "idc": 1,
        "principal_name": account["principal_name"],
        "signature": account["signature"],
        "register_type": account["register_type"],
        "account_status": account["account_status"],
        "basic_config": {"is_phone_configured": True, "is_email_configured": True},
    }
    if account["kind"] == "mini_program":
        profile["MiniProgramInfo"] = _mini_program(account)
    info: dict[str, Any] = {"authorizer_appid": account["appid"], "func_info": _func_info(granted)}
    if granted["exchanged"]:
        info["authorizer_refresh_token"] = granted["refresh_token"]
    return {"authorizer_info": profile, "authorization_info": info}


@plays("getAuthorizerList", invalid={"count": 40170})
def get_authorizer_list(call: Call) -> Answer:
    page = rows(
        call.db,
        "select * from authorization where component = ? order by authorized_at, account limit ? offset ?",
        call.component_appid,
        call.body["count"],
        call.body["offset"],
    )
    return {
        "total_count": count_authorizations(call.db, call.component_appid),
        "list": [
            {"authorizer_appid": row["account"]}
            | ({"refresh_token": row["refresh_token"]} if row["exchanged"] else {})
            | {"auth_time": int(row["authorized_at"])}
            for row in page
        ],
    }


@plays("getAuthorizerOptionInfo", either_token=True)
def get_authorizer_option(call: Call) -> Answer:
    name = _option(call)
    value = setting(call.db, f"option:{call.component_appid}:{call.owner}:{name}", "0")
    return {"option_name": name, "option_value": value}


@plays("setAuthorizerOptionInfo", either_token=True)
def set_authorizer_option(call: Call) -> Answer:
    name, value = _option(call), call.body["option_value"]
    if value not in _OPTIONS[name]:
        raise Refused(61013)
    put_setting(call.db, f"option:{call.component_appid}:{call.owner}:{name}", value)
    return None


def _option(call: Call) -> str:
    name: str = call.body["option_name"]
    if name not in _OPTIONS:
        raise Refused(61012)
    return name


def _func_info(granted: Row) -> list[dict[str, Any]]:
    return [{"funcscope_category": {"id": number}} for number in json.loads(granted["sets"])]


def _service_type(account: Row) -> int:
    if account["kind"] == "official_account":
        return 2
    return 12 if account["register_type"] == TRIAL else 0


def _mini_program(account: Row) -> dict[str, Any]:
    categories = [
        {"first": category["first_class"], "second": category["second_class"]}
        for category in json.loads(account["categories"])
    ]
    empty: dict[str, list[str]] = {
        name: []
        for name in ("RequestDomain", "WsRequestDomain", "UploadDomain", "DownloadDomain", "BizDomain", "UDPDomain")
    }
    return {"network": empty, "categories": categories, "visit_status": 0}
