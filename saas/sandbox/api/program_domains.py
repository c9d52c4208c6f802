"""Domains of one mini program (服务器域名、业务域名、DNS 预解析), from the component app's list or set directly."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from saas.sandbox import budgets
from saas.sandbox.api.registry import Answer, Call, plays
from saas.sandbox.hosts import has_room, is_filed, make_check_file, serves_check_file
from saas.sandbox.people import is_individual
from saas.sandbox.refusals import Refused
from saas.sandbox.state import one, rows

KINDS = {
    "requestdomain": "https",
    "wsrequestdomain": "wss",
    "uploaddomain": "https",
    "downloaddomain": "https",
    "udpdomain": "udp",
    "tcpdomain": "tcp",
}
_A_KIND, _CHANGES_A_MONTH, _JUMP, _PREFETCH = 200, 50, 300, 5
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
    if is_individual(call.program):
        raise Refused(89231)
    if not listed and call.body.get("action") != "get":
        raise Refused(89020)
    action = call.body.get("action", "add")
    before = _urls(call, "third", "webviewdomain")
    given = call.body.get("webviewdomain", [] if "action" in call.body else [f"https://{host}" for host in listed])
    if action == "get":
        return {"webviewdomain": before}
    if action != "delete" and not all(url.startswith("https://") and _covers(listed, url) for url in given):
        raise Refused(89021)
    after = _changed(before, action, given)
    if after == before:
        raise Refused(89019)
    return _keep_jump(call, "third", after)


@plays("modifyJumpDomainDirectly")
def modify_jump_domain_directly(call: Call) -> Answer:
    """Each new host must serve this program's check file, be filed and have room for one more owner."""
    if is_individual(call.program):
        raise Refused(89231)
    action, before = call.body["action"], _urls(call, "direct", "webviewdomain")
    if action == "get":
        return {"webviewdomain": before}
    after = _changed(before, action, call.body.get("webviewdomain", []))
    for url in after:
        if url in before:
            continue
        host = url.removeprefix("https://")
        if not url.startswith("https://") or ":" in host or not _HOST.fullmatch(host):
            raise Refused(40097)
        if not is_filed(call.db, host):
            raise Refused(45082)
        if not serves_check_file(call.db, host, call.appid, "webviewdomain"):
            raise Refused(86103)
        if not has_room(call.db, host, call.program["principal_name"]):
            raise Refused(506015)
    return _keep_jump(call, "direct", after)


@plays("getJumpDomainConfirmFile")
def get_jump_domain_confirm_file(call: Call) -> Answer:
    return {**make_check_file(call.db, call.appid, "webviewdomain")}


@plays("getEffectiveJumpDomain")
def get_effective_jump_domain(call: Call) -> Answer:
    third, direct = (_urls(call, way, "webviewdomain") for way in ("third", "direct"))
    listed = _registered(call, "wxa_jump_h5_domain")
    effective = list(dict.fromkeys([url for url in third if _covers(listed, url)] + direct))
    return {
        "mp_webviewdomain": [],
        "third_webviewdomain": third,
        "direct_webviewdomain": direct,
        "effective_webviewdomain": effective,
    }


@plays("setPrefetchDomain")
def set_prefetch_domain(call: Call) -> Answer:
    hosts = list(dict.fromkeys(entry["url"] for entry in call.body["prefetch_dns_domain"]))
    if budgets.spent_this_month(call.db, call.now, "domains:prefetch", call.appid) >= _CHANGES_A_MONTH:
        raise Refused(9420000)
    if not all(_HOST.fullmatch(host) and is_filed(call.db, host) for host in hosts):
        raise Refused(9420001)
    if len(hosts) > _PREFETCH:
        raise Refused(9420002)
    budgets.spend(call.db, call.now, "domains:prefetch", call.appid)
    _keep(call, "prefetch", "", hosts)
    return None


@plays("getPrefetchDomain")
def get_prefetch_domain(call: Call) -> Answer:
    hosts = [{"url": host, "status": 0} for host in _urls(call, "prefetch", "")]
    return {"prefetch_dns_domain": hosts, "size_limit": _PREFETCH}


def drop_unlisted(call: Call) -> None:
    """A release takes away what is no longer on the component app's list."""
    for names, name in ((tuple(KINDS), "wxa_server_domain"), (("webviewdomain",), "wxa_jump_h5_domain")):
        listed = _registered(call, name)
        for kind in names:
            _keep(call, "third", kind, [url for url in _urls(call, "third", kind) if _covers(listed, url)])


def is_business_address(call: Call, url: str) -> bool:
    """Whether its host is a business domain of the mini program, and of the component app still."""
    address = urlsplit(url)
    own = [_host(kept) for way in ("third", "direct") for kept in _urls(call, way, "webviewdomain")]
    lists = (own, _registered(call, "wxa_jump_h5_domain"))
    return address.scheme == "https" and all(_covers(hosts, f"https://{address.netloc}") for hosts in lists)


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
        late = [url for url in given if action != "delete" and not is_filed(call.db, _host(url))]
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
    for kind, urls in after.items():
        _keep(call, way, kind, urls)
    return {**after, **invalid} | ({"no_icp_domain": unfiled} if unfiled else {})


def _keep_jump(call: Call, way: str, urls: list[str]) -> Answer:
    if len(urls) > _JUMP:
        raise Refused(89029)
    _keep(call, way, "webviewdomain", urls)
    return {"webviewdomain": urls}


def _keep(call: Call, way: str, kind: str, urls: list[str]) -> None:
    call.db.execute("delete from domain where account = ? and way = ? and kind = ?", (call.appid, way, kind))
    call.db.executemany("insert into domain values (?, ?, ?, ?)", [(call.appid, way, kind, url) for url in urls])


def _urls(call: Call, way: str, kind: str) -> list[str]:
    kept = "select url from domain where account = ? and way = ? and kind = ? order by rowid"
    return [row["url"] for row in rows(call.db, kept, call.appid, way, kind)]


def _lists(call: Call, way: str) -> Lists:
    return {kind: _urls(call, way, kind) for kind in KINDS}


def _registered(call: Call, name: str) -> list[str]:
    kept = one(call.db, "select * from domain_list where component = ? and name = ?", call.component_appid, name)
    return [host for host in f"{kept['testing']};{kept['published']}".split(";") if host] if kept else []


def _fits(kind: str, url: str) -> bool:
    scheme, _, host = url.partition("://")
    return scheme == KINDS[kind] and bool(_HOST.fullmatch(host)) and host != "api.weixin.qq.com"


def _host(url: str) -> str:
    return url.partition("://")[2].partition(":")[0]


def _covers(listed: list[str], url: str) -> bool:
    host = url.partition("://")[2]
    return any(host == base or host.endswith(f".{base}") for base in listed)


def _changed(before: list[str], action: str, good: list[str]) -> list[str]:
    if action == "set":
        return list(dict.fromkeys(good))
    if action == "delete":
        return [url for url in before if url not in good]
    return list(dict.fromkeys([*before, *good]))
