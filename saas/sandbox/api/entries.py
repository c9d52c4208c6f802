"""Codes and links that open a mini program (小程序码与小程序链接)."""

from __future__ import annotations

import json
import re
from typing import Any

from saas.sandbox import budgets
from saas.sandbox.api.code import get_trial
from saas.sandbox.api.registry import Answer, Call, Picture, plays
from saas.sandbox.pictures import qr_png
from saas.sandbox.refusals import Refused
from saas.sandbox.state import one, random_text, scalar

CODES = 100_000
LINKS_A_DAY = 500_000
SHORT_LINKS_A_DAY = 1_000_000
_LONGEST = 30 * 86400
_SCENE = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]+")
_QUERY = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~%]*")


@plays("getQRCode", invalid={"path": 40159, "width": 40189})
def get_qrcode(call: Call) -> Answer:
    """Counted for life: codes are never given back."""
    made = scalar(call.db, "select count(*) from spending where owner = ? and name = 'code'", call.appid)
    if made >= CODES:
        raise Refused(45029)
    pages = _pages(call, call.body)
    if pages is None or not _opens(pages, call.body["path"]):
        raise Refused(40097)
    budgets.spend(call.db, call.now, "code", call.appid)
    return _code(call, call.body["path"])


@plays("getUnlimitedQRCode", invalid={"scene": 40169})
def get_unlimited_qrcode(call: Call) -> Answer:
    scene, page = call.body["scene"], call.body.get("page", "")
    if not scene:
        raise Refused(40169)
    if not _SCENE.fullmatch(scene):
        raise Refused(40129)
    if page.startswith("/") or "?" in page:
        raise Refused(41030)
    if call.body.get("check_path", True):
        pages = _pages(call, {})
        if pages is None or not _opens(pages, page):
            raise Refused(41030)
    return _code(call, f"{page}?scene={scene}")


@plays("generateUrlLink", invalid={"env_version": 85402, "expire_interval": 85401, "query": 40212})
def generate_url_link(call: Call) -> Answer:
    _check_link(call, call.body)
    return {"url_link": f"https://wxaurl.cn/{random_text(11)}"}


@plays("generateScheme", invalid={"env_version": 85402, "expire_interval": 85401, "query": 40212})
def generate_scheme(call: Call) -> Answer:
    _check_link(call, call.body.get("jump_wxa", {}))
    return {"openlink": f"weixin://dl/business/?t={random_text(10)}"}


@plays("generateShortLink", invalid={"page_url": 40066})
def generate_short_link(call: Call) -> Answer:
    pages = _pages(call, {})
    if pages is None or not _opens(pages, call.body["page_url"]):
        raise Refused(40066)
    if budgets.spent_today(call.db, call.now, "short_link", call.appid) >= SHORT_LINKS_A_DAY:
        raise Refused(45009)
    budgets.spend(call.db, call.now, "short_link", call.appid)
    return {"link": f"#小程序://{call.program['nick_name']}/{random_text(9)}"}


def _check_link(call: Call, target: dict[str, Any]) -> None:
    pages = _pages(call, target)
    if pages is None:
        raise Refused(85079)
    if "?" in target.get("path", "") or not _opens(pages, target.get("path", "")):
        raise Refused(40165)
    if not _QUERY.fullmatch(target.get("query", "")):
        raise Refused(40212)
    ends = call.body.get("expire_time")
    if call.body.get("expire_type", 0) == 0 and ends is not None and not call.now + 60 <= ends <= call.now + _LONGEST:
        raise Refused(85401)
    if budgets.spent_today(call.db, call.now, "link", call.appid) >= LINKS_A_DAY:
        raise Refused(45009)
    budgets.spend(call.db, call.now, "link", call.appid)


def _pages(call: Call, target: dict[str, Any]) -> list[str] | None:
    """The pages of the version that opens; None when there is none, empty when its template was deleted since."""
    if target.get("env_version", "release") != "release":
        found = get_trial(call)
    else:
        found = one(
            call.db,
            "select template.pages from program join online on online.id = program.online "
            "join audit on audit.id = online.audit left join template on template.id = audit.template "
            "where program.account = ?",
            call.appid,
        )
    if found is None:
        return None
    pages: list[str] = json.loads(found["pages"] or "[]")
    return pages


def _opens(pages: list[str], path: str) -> bool:
    page = path.partition("?")[0].removeprefix("/")
    return not page or not pages or page in pages


def _code(call: Call, path: str) -> Picture:
    return Picture(qr_png(f"{call.world.public_url}/trial/{call.appid}?path={path}"), "image/png")
