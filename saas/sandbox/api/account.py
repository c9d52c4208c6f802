"""Basic information and categories of an account (基础信息、类目), as far as an audit needs them."""

from __future__ import annotations

import json

from saas.sandbox.api.registry import Answer, Call, plays
from saas.sandbox.refusals import Refused


@plays("getAccountBasicInfo")
def get_account_basic_info(call: Call) -> Answer:
    account = call.program
    if account["register_type"] == 0:
        raise Refused(41033)
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
        "signature_info": {"signature": account["signature"], "modify_used_count": 0, "modify_quota": 5},
        "head_image_info": {"head_image_url": avatar, "modify_used_count": 0, "modify_quota": 5},
        "nickname_info": {"nickname": account["nick_name"], "modify_used_count": 0, "modify_quota": 2},
    }


@plays("getAllCategoryName")
def get_all_category_name(call: Call) -> Answer:
    return {"category_list": json.loads(call.program["categories"])}
