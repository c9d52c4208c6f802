"""Quotas, failed calls and the network (openApi 管理)."""

from __future__ import annotations

import hmac
import re

from saas.sandbox import budgets
from saas.sandbox.api.registry import Answer, Call, plays
from saas.sandbox.refusals import Refused
from saas.sandbox.state import one, scalar
from saas.wx.contract.operations import Operation, all_operations

_DAILY = 1_000_000
_RESETS_A_MONTH = 10
_RID_SECONDS = 7 * 86400


@plays("clearQuota")
def clear_quota(call: Call) -> Answer:
    if call.body["appid"] != call.owner:
        raise Refused(40013)
    _spend_reset(call, call.owner)
    return None


@plays("clearComponentQuotaByAppSecret")
def clear_component_quota(call: Call) -> Answer:
    if not hmac.compare_digest(str(call.body.get("appsecret", "")).encode(), call.component["secret"].encode()):
        raise Refused(40125)
    _spend_reset(call, call.component_appid)
    return None


@plays("clearQuotaByAppSecret")
def clear_quota_by_app_secret(call: Call) -> Answer:
    """Merchants know their AppSecret, platforms do not."""
    appid: str = call.body["appid"]
    if one(call.db, "select 1 from account where appid = ?", appid) is None:
        raise Refused(40013)
    secret = scalar(call.db, "select secret from app_secret where account = ?", appid) or ""
    if not secret or not hmac.compare_digest(call.body["appsecret"].encode(), secret.encode()):
        raise Refused(40125)
    _spend_reset(call, appid)
    return None


@plays("clearApiQuota")
def clear_api_quota(call: Call) -> Answer:
    _named(call)
    _spend_reset(call, call.owner)
    return None


@plays("getApiQuota")
def get_api_quota(call: Call) -> Answer:
    named = _named(call)
    marks = ", ".join("?" * len(named))
    account = "%" if call.account is None else call.appid
    used = scalar(
        call.db,
        f"select coalesce(sum(n), 0) from tally where component = ? and account like ? and operation in ({marks})",
        call.component_appid,
        account,
        *(op.id for op in named),
    )
    return {
        "quota": {"daily_limit": _DAILY, "used": used, "remain": max(0, _DAILY - used)},
        "rate_limit": {"call_count": 4_200_000, "refresh_second": 60},
        "component_rate_limit": {"call_count": 1_050_000, "refresh_second": 60},
    }


@plays("getRidInfo")
def get_rid_info(call: Call) -> Answer:
    rid = call.body["rid"]
    if not re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}", rid):
        raise Refused(76002)
    failed = one(call.db, "select * from failed_call where rid = ?", rid)
    if failed is None or failed["at"] < call.now - _RID_SECONDS:
        raise Refused(76001)
    if (failed["account"] or failed["component"]) != call.owner:
        raise Refused(76003)
    return {
        "request": {
            "invoke_time": int(failed["at"]),
            "cost_in_ms": failed["ms"],
            "request_url": failed["query"],
            "request_body": failed["body"],
            "response_body": failed["answer"],
            "client_ip": failed["ip"],
        }
    }


@plays("getApiDomainIp")
def get_api_domain_ip(_call: Call) -> Answer:
    return {"ip_list": ["127.0.0.1"]}


@plays("getCallbackIp")
def get_callback_ip(_call: Call) -> Answer:
    return {"ip_list": ["127.0.0.1", "127.0.0.0/8"]}


@plays("callbackCheck")
def callback_check(call: Call) -> Answer:
    carrier = call.body.get("check_operator", "DEFAULT")
    answer: dict[str, object] = {}
    if call.body["action"] in ("dns", "all"):
        answer["dns"] = [{"ip": "127.0.0.1", "real_operator": "UNICOM"}]
    if call.body["action"] in ("ping", "all"):
        operator = "UNICOM" if carrier == "DEFAULT" else carrier
        answer["ping"] = [{"ip": "127.0.0.1", "from_operator": operator, "package_loss": "0%", "time": "0.1ms"}]
    return answer


def _named(call: Call) -> list[Operation]:
    """The operations behind a path, if this account may ask for them."""
    path: str = call.body["cgi_path"]
    if not path.startswith("/"):
        raise Refused(76003)
    named = [op for op in all_operations() if op.path == path and not op.page]
    if not named:
        raise Refused(76022 if path.startswith("/sns/") else 76021)
    wanted = "component" if call.account is None else "authorizer"
    if all(wanted not in (op.token, op.token_also) for op in named):
        raise Refused(76022)
    return named


def _spend_reset(call: Call, owner: str) -> None:
    if budgets.spent_this_month(call.db, call.now, "clear_quota", owner) >= _RESETS_A_MONTH:
        raise Refused(48006)
    budgets.spend(call.db, call.now, "clear_quota", owner)
