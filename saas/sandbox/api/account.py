"""Basic information and categories of an account (基础信息、类目), as far as an audit needs them."""

from __future__ import annotations

import json
import re

from saas.sandbox import budgets, names
from saas.sandbox.api.profile import AVATARS_A_YEAR, avatar_url
from saas.sandbox.api.registry import Answer, Call, plays
from saas.sandbox.people import is_individual, is_made_by_api
from saas.sandbox.refusals import Refused

SIGNATURES = 5


@plays("getAccountBasicInfo")
def get_account_basic_info(call: Call) -> Answer:
    account = call.program
    if not is_made_by_api(account):
        raise Refused(41033)
    individual, verified = is_individual(account), bool(account["verified"])
    return {
        "appid": call.appid,
        "account_type": 3,
        "principal_type": 0 if individual else 1,
        "principal_name": account["principal_name"],
        "credential": "" if individual else account["credential"],
        "realname_status": 1,
        "customer_type": 0 if individual else 1,
        "nickname": account["nick_name"],
        "registered_country": 1017,
        "wx_verify_info": {"qualification_verify": verified, "naming_verify": verified, "annual_review": False},
        "signature_info": {
            "signature": account["signature"],
            "modify_used_count": budgets.spent_this_month(call.db, call.now, "signature", call.appid),
            "modify_quota": SIGNATURES,
        },
        "head_image_info": {
            "head_image_url": avatar_url(call, call.appid),
            "modify_used_count": budgets.spent_this_year(call.db, call.now, "avatar", call.appid),
            "modify_quota": AVATARS_A_YEAR,
        },
        "nickname_info": {
            "nickname": account["nick_name"],
            "modify_used_count": budgets.spent_this_year(call.db, call.now, "name", call.appid),
            "modify_quota": names.CHANGES_A_YEAR,
        },
    }


@plays("getAllCategoryName")
def get_all_category_name(call: Call) -> Answer:
    return {"category_list": json.loads(call.program["categories"])}


@plays("setSignature", invalid={"signature": 53204})
def set_signature(call: Call) -> Answer:
    if len(re.findall(r"[\u4e00-\u9fff]", call.body["signature"])) < 4:
        raise Refused(53204)
    if budgets.spent_this_month(call.db, call.now, "signature", call.appid) >= SIGNATURES:
        raise Refused(53200)
    budgets.spend(call.db, call.now, "signature", call.appid)
    call.db.execute("update account set signature = ? where appid = ?", (call.body["signature"], call.appid))
    return None
