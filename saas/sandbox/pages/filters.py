"""Words and times for the sandbox's pages."""

from __future__ import annotations

import json
from typing import Any

from flask import Flask
from jinja2 import StrictUndefined

from saas.sandbox.clock import beijing
from saas.wx.contract.operations import permission_set_names

AUDIT_WORDS = ("审核通过", "审核不通过", "审核中", "已撤回", "审核延后")
PUSH_WORDS = {
    "waiting": "等待",
    "sending": "发送中",
    "delivered": "已送达",
    "failed": "失败",
    "dropped": "按要求丢弃",
    "held": "按要求扣住",
    "refused": "伪造的被拒收",
}


def install(app: Flask) -> None:
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.add_template_filter(when)
    app.add_template_filter(permission)
    app.add_template_filter(json.loads, "from_json")
    app.add_template_filter(AUDIT_WORDS.__getitem__, "audit_word")
    app.add_template_filter(lambda state: PUSH_WORDS.get(state, state), "push_word")


def when(seconds: float | None) -> str:
    """A moment in Beijing's time."""
    if not seconds:
        return "-"
    return beijing(seconds).strftime("%m-%d %H:%M:%S")


def permission(number: Any) -> str:
    return permission_set_names().get(int(number), f"权限集 {number}")
