"""How the sandbox says no: errcode, WeChat's wording and a rid."""

from __future__ import annotations

import re
import secrets
from functools import cache

from saas.wx.contract.operations import Operation, all_operations, common_errcodes

_RID = re.compile(r"\s*rid: \S+$")
_WORDING = {
    40001: "invalid credential, access_token is invalid or not latest",
    40004: "invalid media type",
    40005: "invalid file type",
    40007: "invalid media_id",
    40013: "invalid appid",
    40033: "invalid charset. please check your request, if include \\uxxxx will create fail!",
    40097: "invalid args",
    40125: "invalid appsecret",
    40170: "args count exceed count limit",
    41001: "access_token missing",
    41005: "media data missing",
    41018: "component_appid missing",
    42001: "access_token expired",
    43001: "require GET method",
    43002: "require POST method",
    44002: "empty post data",
    45009: "reach max api daily quota limit",
    47001: "data format error",
    48001: "api unauthorized",
    61003: "component is not authorized by this account",
    61004: "access clientip is not registered",
    61005: "component ticket is expired",
    61006: "component ticket is invalid",
    61007: "api is unauthorized to component",
    61009: "code is invalid",
    61010: "code is expired",
    61011: "invalid component",
    61014: "must use component token for component api",
    61015: "must use api token for api",
    61023: "refresh_token is invalid",
}


class Refused(Exception):
    """A call that WeChat would refuse. `detail` follows the wording (`errmsg`, if given); `extra` fields go with it."""

    def __init__(self, errcode: int, detail: str = "", *, errmsg: str = "", **extra: object) -> None:
        super().__init__(errcode)
        self.errcode = errcode
        self.detail = detail
        self.errmsg = errmsg
        self.extra = extra


def new_rid(now: float) -> str:
    """An id of one call, as WeChat writes them: the first part is the time."""
    return f"{int(now):08x}-{secrets.token_hex(4)}-{secrets.token_hex(4)}"


def refusal(error: Refused, operation: Operation | None, rid: str) -> dict[str, object]:
    """The JSON that answers a refused call."""
    words = error.errmsg or _wording(error.errcode, operation)
    message = f"{words} {error.detail}".strip()
    return {"errcode": error.errcode, "errmsg": f"{message} rid: {rid}", **error.extra}


def hint(field: str, words: str, errcode: int = 40097) -> dict[str, object]:
    """What is wrong with one field of a form that WeChat checks as a whole."""
    return {"errcode": errcode, "err_field": field, "errmsg": words}


def _wording(errcode: int, operation: Operation | None) -> str:
    own = operation.response_examples.values() if operation else ()
    for example in own:
        if example.get("errcode") == errcode:
            return _RID.sub("", example.get("errmsg", ""))
    if errcode in _WORDING:
        return _WORDING[errcode]
    if errcode in _examples():
        return _examples()[errcode]
    if operation and errcode in operation.errcodes:
        return operation.errcodes[errcode].en
    common = common_errcodes().get(errcode)
    return common.en if common else "system error"


@cache
def _examples() -> dict[int, str]:
    """The wordings in the contract's example answers."""
    found: dict[int, str] = {}
    for operation in all_operations():
        for example in operation.response_examples.values():
            if isinstance(example, dict) and example.get("errcode"):
                found.setdefault(example["errcode"], _RID.sub("", example.get("errmsg", "")))
    return found
