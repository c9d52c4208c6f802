"""The error dictionary: what an errcode of WeChat means, who must act, and the next step, in Chinese and English.

The texts are data (`contract/errcodes.json`), written for a provider's staff. A code that means different things in
different calls has an entry per operation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

Who = Literal["provider", "merchant", "wechat", "us", "nobody"]
Retry = Literal["no", "backoff", "refresh", "minute", "day", "after"]


@dataclass(frozen=True)
class Explanation:
    """One entry. `who` must act: the provider, the merchant, WeChat, us (who run this software) or nobody.

    `retry`: no = the same call fails again; backoff, minute, day = it works later by itself; refresh = with a new
    token; after = once the next step was taken.
    """

    code: int
    cause_zh: str
    cause_en: str
    who: Who
    next_zh: str
    next_en: str
    retry: Retry
    known: bool = True

    def cause(self, language: str) -> str:
        return self.cause_en if language.startswith("en") else self.cause_zh

    def next_step(self, language: str) -> str:
        return self.next_en if language.startswith("en") else self.next_zh


def explain(code: int, operation: str | None = None) -> Explanation:
    """The entry of a code, the one of the operation first; unknown codes get a text that says so."""
    found = _entries().get((operation, code)) or _entries().get((None, code))
    return found or Explanation(
        code=code,
        cause_zh=f"微信返回了错误码 {code}，错误词典里还没有它的说明。",
        cause_en=f"WeChat answered errcode {code}, which the error dictionary does not know yet.",
        who="provider",
        next_zh="请先看微信返回的原文；再次出现时，用记录中的 rid 在微信开放社区或工单里查询原因。",
        next_en="Read WeChat's own message first; if it happens again, ask WeChat about the recorded rid.",
        retry="no",
        known=False,
    )


def all_entries() -> list[tuple[str | None, Explanation]]:
    """Every entry with the operation that it is for (None: any), by code."""
    return sorted(((op, entry) for (op, _), entry in _entries().items()), key=lambda row: (row[1].code, row[0] or ""))


@cache
def _entries() -> Mapping[tuple[str | None, int], Explanation]:
    text = resources.files("saas.wx.contract").joinpath("errcodes.json").read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    advice: dict[str, Any] = data["advice"]
    entries: dict[tuple[str | None, int], Explanation] = {}
    for key, entry in data["codes"].items():
        code, _, operation = key.partition("@")
        filled = {**advice.get(entry.get("advice"), {}), **entry}
        filled.pop("advice", None)
        entries[operation or None, int(code)] = Explanation(code=int(code), **filled)
    return entries
