"""Customer-service messages (客服消息), as far as the full-network release check needs them."""

from __future__ import annotations

from saas.sandbox.api.registry import Answer, Call, plays
from saas.sandbox.pushes import SYSTEM_OPENID
from saas.sandbox.refusals import Refused
from saas.sandbox.state import insert


@plays("sendCustomMessage")
def send_custom_message(call: Call) -> Answer:
    if call.body["touser"] != SYSTEM_OPENID:
        raise Refused(40003)
    insert(
        call.db,
        "custom_message",
        account=call.appid,
        touser=call.body["touser"],
        content=call.body["text"]["content"],
        at=call.now,
    )
    return None
