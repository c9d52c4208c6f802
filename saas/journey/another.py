"""One more mini program for a chapter that must not change the first: made at WeChat, authorized, and read."""

from __future__ import annotations

from typing import Any

from saas.journey.main_job import Journey
from saas.sandbox.control import SandboxControl

BY_API = 6
"""WeChat's `register_type` of mini programs that were registered through the API by a company."""


def authorize_another(journey: Journey, name: str, **values: Any) -> tuple[str, str]:
    """Its appid and the address of its page at the provider's. Values are those of the sandbox's accounts."""
    with SandboxControl(journey.wechat) as control:
        given = {"principal_name": f"{name}有限公司", "register_type": BY_API, **values}
        appid = control.add_account("梅姐", nick_name=name, **given)
        control.grant(journey.component["appid"], appid)
    journey.owner.open(journey.page(f"/programs?q={appid}"))
    journey.owner.wait_for(name, seconds=journey.patience, reload=True)
    journey.owner.follow(name)
    page = journey.here(journey.owner)
    journey.owner.wait_for(given["principal_name"], seconds=journey.patience, reload=True)
    return appid, page
