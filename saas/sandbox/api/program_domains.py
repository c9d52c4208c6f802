"""Domains of one mini program (服务器域名、业务域名), from the component app's list or set directly.

Hosts below `.test` have no ICP filing here.
"""

from __future__ import annotations

import json
import re

from saas.sandbox import budgets
from saas.sandbox.api.registry import Answer, Call, plays
from saas.sandbox.refusals import Refused
from saas.sandbox.state import one, put_setting, setting, to_json

KINDS = {
    "requestdomain": "https",
    "wsrequestdomain": "wss",
    "uploaddomain": "https",
    "downloaddomain": "https",
    "udpdomain": "udp",
    "tcpdomain": "tcp",
}
_A_KIND, _CHANGES_A_MONTH, _JUMP = 200, 50, 300
_HOST = re.compile(r"(?:[a-z0-9-]{1,63}\.)+[a-z][a-z0-9-]{1,62}(?::\d{2,5})?", re.ASCII)

Lists = dict[str, list[str]]


@plays("modifyServerDomain")
def modify_server_domain(call: Call) -> Answer:
    return _modify(call, "third", spent=45009)


@plays("modifyServerDomainDirectly")
def modify_server_domain_directly(call: Call) -> Answer:
    return _modify(call, "direct", spent=86102)


@plays("getEffectiveServerDomain")
def get_effective_server_domain(call: Call) -> Answer:
    """What the component app took off its list falls away with the next release."""
    third, direct = _lists(call, "third"), _lists(call, "direct")
    listed = _registered(call, "wxa_server_domain")
    effective = {
        kind: list(dict.fromkeys([url for url in third[kind] if _covers(listed, url)] + direct[kind])) for kind in KINDS
    }
    empty: Lists = {kind: [] for kind in KINDS}
    return {"mp_domain": empty, "third_domain": third, "direct_domain": direct, "effective_domain": effective}


@plays("modifyJumpDomain")
def modify_jump_domain(call: Call) -> Answer:
    listed = _registered(call, "wxa_jump_h5_domain")
    if not listed and call.body.get("action") != "get":
        raise Refused(89020)
    action = call.body.get("action", "add")
    before = _jump(call)
    given = call.body.get("webviewdomain", [] if "action" in call.body else [f"https://{host}" for host in listed])
    if action == "get":
        return {"webviewdomain": before}
    if action != "delete" and not all(url.startswith("https://") and _covers(listed, url) for url in given):
        raise Refused(89021)
    after = _changed(before, action, given)
    if after == before:
        raise Refused(89019)
    if len(after) > _JUMP:
        raise Refused(89029)
    put_setting(call.db, f"domains:jump:{call.appid}", to_json(after))
    return {"webviewdomain": after}


def _modify(call: Call, way: str, *, spent: int) -> Answer:
    """The good domains count; the bad ones are named in the answer. Refused when nothing changes."""
    action, before = call.body["action"], _lists(call, way)
    if action == "get":
        return {**before}
    if budgets.spent_this_month(call.db, call.now, f"domains:{way}", call.appid) >= _CHANGES_A_MONTH:
        raise Refused(spent)
    listed = _registered(call, "wxa_server_domain")
    after, invalid = dict(before), dict[str, list[str]]()
    unfiled: list[str] = []
    unlisted = False
    for kind in KINDS.keys() & call.body.keys():
        given = call.body[kind]
        wrong = [url for url in given if action != "delete" and not _fits(kind, url)]
        strange = [url for url in given if way == "third" and action != "delete" and not _covers(listed, url)]
        late = [url for url in given if action != "delete" and url.endswith(".test")]
        bad = {*wrong, *strange, *late}
        unlisted, unfiled = unlisted or bool(set(strange) - {*wrong, *late}), [*unfiled, *late]
        if bad - set(late):
            invalid[f"invalid_{kind}"] = [url for url in given if url in bad and url not in late]
        after[kind] = _changed(before[kind], action, [url for url in given if url not in bad])
    if after == before or (action == "set" and (invalid or unfiled) and not any(after.values())):
        if way == "direct" and (invalid or unfiled):
            own = any("https://api.weixin.qq.com" in urls for urls in invalid.values())
            raise Refused(86101 if own else 86100 if invalid else 45082)
        code = 85018 if unlisted else 85303 if invalid and unfiled else 85302 if unfiled else 85301
        raise Refused(code if invalid or unfiled else 85017)
    if any(len(urls) > _A_KIND for urls in after.values()):
        raise Refused(85016)
    budgets.spend(call.db, call.now, f"domains:{way}", call.appid)
    put_setting(call.db, f"domains:{way}:{call.appid}", to_json(after))
    return {**after, **invalid} | ({"no_icp_domain": unfiled} if unfiled else {})


def _lists(call: Call, way: str) -> Lists:
    found: Lists = json.loads(setting(call.db, f"domains:{way}:{call.appid}", "{}"))
    return {kind: found.get(kind, []) for kind in KINDS}


def _jump(call: Call) -> list[str]:
    found: list[str] = json.loads(setting(call.db, f"domains:jump:{call.appid}", "[]"))
    return found


def _registered(call: Call, name: str) -> list[str]:
    kept = one(call.db, "select * from domain_list where component = ? and name = ?", call.component_appid, name)
    return [host for host in f"{kept['testing']};{kept['published']}".split(";") if host] if kept else []


def _fits(kind: str, url: str) -> bool:
    scheme, _, host = url.partition("://")
    return scheme == KINDS[kind] and bool(_HOST.fullmatch(host)) and host != "api.weixin.qq.com"


def _covers(listed: list[str], url: str) -> bool:
    host = url.partition("://")[2]
    return any(host == base or host.endswith(f".{base}") for base in listed)


def _changed(before: list[str], action: str, good: list[str]) -> list[str]:
    if action == "set":
        return list(dict.fromkeys(good))
    if action == "delete":
        return [url for url in before if url not in good]
    return list(dict.fromkeys([*before, *good]))
