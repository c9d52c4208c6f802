"""Basic information and categories of an account (基础信息、类目), as far as an audit needs them."""

from __future__ import annotations

import json
import re

from saas.sandbox import budgets
from saas.sandbox.api.registry import Answer, Call, plays
from saas.sandbox.refusals import Refused

SIGNATURES = 5


@plays("getAccountBasicInfo")
def get_account_basic_info(call: Call) -> Answer:
    account = call.program
    if account["register_type"] == 0:
        raise Refused(41033)
    used = budgets.spent_this_month(call.db, call.now, "signature", call.appid)
    avatar = f"{call.world.public_url}/avatar/{call.appid}.png"
    return {
        "appid": call.appid,
        "account_type": 3,
        "principal_type": 1,
        "principal_name": account["principal_name"],
        "credential": account["credential"],
        "realname_status": 1,
        "customer_type": 1,
        "nickname": account["nick_name"],
        "registered_country": 1017,
        "wx_verify_info": {"qualification_verify": True, "naming_verify": True, "annual_review": False},
        "signature_info": {"signature": account["signature"], "modify_used_count": used, "modify_quota": SIGNATURES},
        "head_image_info": {"head_image_url": avatar, "modify_used_count": 0, "modify_quota": 5},
        "nickname_info": {"nickname": account["nick_name"], "modify_used_count": 0, "modify_quota": 2},
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
