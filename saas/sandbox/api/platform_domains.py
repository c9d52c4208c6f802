"""Domains of the component app itself (第三方平台域名)."""

from __future__ import annotations

import hashlib
import re

from saas.sandbox import budgets
from saas.sandbox.api.registry import Answer, Call, plays
from saas.sandbox.refusals import Refused
from saas.sandbox.state import one

_DOMAIN = re.compile(r"(?!-)[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+(?::\d{2,5})?", re.ASCII)
_CHANGES_A_MONTH = 50


@plays("modifyThirdpartyServerDomain")
def modify_server_domain(call: Call) -> Answer:
    return _modify(call, "wxa_server_domain", 1000)


@plays("modifyThirdpartyJumpDomain")
def modify_jump_domain(call: Call) -> Answer:
    return _modify(call, "wxa_jump_h5_domain", 300)


@plays("getThirdpartyJumpDomainConfirmFile")
def get_domain_confirm_file(call: Call) -> Answer:
    mark = hashlib.sha256(call.component_appid.encode()).hexdigest()
    return {"file_name": f"component_verify_{mark[:6]}.txt", "file_content": mark[6:38]}


def _modify(call: Call, name: str, limit: int) -> Answer:
    """Lists are text separated by semicolons. Bad domains are named in the answer, the good ones count."""
    kept = one(call.db, "select * from domain_list where component = ? and name = ?", call.component_appid, name)
    testing = kept["testing"].split(";") if kept and kept["testing"] else []
    published = kept["published"].split(";") if kept and kept["published"] else []
    action, invalid = call.body["action"], []
    if action != "get":
        if name not in call.body:
            raise Refused(47001)
        if budgets.spent_this_month(call.db, call.now, name, call.component_appid) >= _CHANGES_A_MONTH:
            raise Refused(89030)
        given = [domain.strip().lower() for domain in call.body[name].split(";") if domain.strip()]
        invalid = [domain for domain in given if action != "delete" and not _DOMAIN.fullmatch(domain)]
        good = list(dict.fromkeys(domain for domain in given if domain not in invalid))
        testing = _changed(testing, action, good)
        if call.body.get("is_modify_published_together"):
            published = _changed(published, action, good)
        if max(len(testing), len(published)) > limit:
            raise Refused(89029)
        budgets.spend(call.db, call.now, name, call.component_appid)
        call.db.execute(
            "insert or replace into domain_list (component, name, testing, published) values (?, ?, ?, ?)",
            (call.component_appid, name, ";".join(testing), ";".join(published)),
        )
    answer = {f"testing_{name}": ";".join(testing)}
    if published:
        answer[f"published_{name}"] = ";".join(published)
    if invalid:
        answer[f"invalid_{name}"] = ";".join(invalid)
    return answer


def _changed(domains: list[str], action: str, good: list[str]) -> list[str]:
    if action == "set":
        return good
    if action == "delete":
        return [domain for domain in domains if domain not in good]
    return list(dict.fromkeys([*domains, *good]))
