"""Domains of a mini program: wished here, set at WeChat, read back with time. They hold after the next release.

Changes go out as additions and removals, never as a whole list: what somebody else set meanwhile stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas import clock
from saas.batches.models import BatchItem
from saas.batches.starting import Subject, start_one
from saas.batches.steps import Skipped, step
from saas.components import domains as platform
from saas.components.access import load_component
from saas.components.budgets import left
from saas.components.domains import USED_UP, Kind, keep_check_file, list_domains, registered
from saas.components.hosts import SCHEMES, WEBVIEW, Change, Hosts, difference, is_covered, read_hosts
from saas.components.models import ComponentDomain
from saas.components.wechat import wechat
from saas.db import settle
from saas.errors import N_, Conflict, Invalid
from saas.programs.access import load_program
from saas.programs.changing import refuse_if_hindered
from saas.programs.models import DomainWay, Program, ProgramDomain
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.wx.api.domains import Action
from saas.wx.client import WxClient
from saas.wx.errors import CallFailed, NothingToChange, WeChatError
from saas.wx.permissions import DEVELOPMENT

READ = "saas.programs.domains.read_domains"
CHANGE = "saas.programs.domains.change_domains"
STEPS = (READ, CHANGE)
BUDGETS = {DomainWay.LISTED: "server_domain_month", DomainWay.DIRECT: "server_domain_directly_month"}
MOST = dict.fromkeys(SCHEMES, 200) | {WEBVIEW: 300}
INVALID = N_("不符合微信的域名规则：检查协议和端口，或域名没有在第三方平台登记")
UNFILED = N_("域名没有 ICP 备案，备案完成后再设置")
UNEXPLAINED = N_("微信没有接受，也没有说明原因；请稍后再试")
UNREGISTERED = N_("第三方平台还没有登记这个域名，请先登记")
NO_CHECK_FILE = N_("域名的根目录下没有校验文件，或内容不对")
TOO_MANY_OWNERS = N_("这个域名已有 100 个主体在用，请换一个")
_WHY = {
    85301: INVALID, 86100: INVALID, 85302: UNFILED, 45082: UNFILED, 86103: NO_CHECK_FILE, 506015: TOO_MANY_OWNERS,
}  # fmt: skip
"""Refusals of a call that hold for each of its addresses."""
_SERVERS = tuple(kind for kind in SCHEMES if kind != WEBVIEW)
_NOTHING = N_("微信那边已经是这样，没有需要改的")

Key = tuple[str, str]
"""Kind and address."""


class DomainState(StrEnum):
    """How a wish and what WeChat has compare. PENDING: set, but not (yet) among those that hold after a release."""

    EFFECTIVE = "effective"
    PENDING = "pending"
    REFUSED = "refused"
    UNREGISTERED = "unregistered"
    MISSING = "missing"
    EXTRA = "extra"


def domains_of(db: Session, program_id: UUID) -> list[ProgramDomain]:
    """All that is wished or set, by address."""
    query = select(ProgramDomain).where(ProgramDomain.program_id == program_id)
    return list(db.scalars(query.order_by(ProgramDomain.address)))


@dataclass(frozen=True)
class Listed:
    """What mini programs of a component app may choose from; `is_newer` than what the mini program's page tells."""

    rows: list[ComponentDomain]
    is_newer: bool

    def covers(self, kind: str, address: str) -> bool:
        return is_covered(address, registered(self.rows, _platform_kind(kind)))


def listed_of(db: Session, program: Program) -> Listed | None:
    """None when the component app's list was never read, or does not matter."""
    component = load_component(db, program.component_id)
    read_at = component.domains_read_at
    if read_at is None or _is_direct(program):
        return None
    return Listed(list_domains(db, component.id), program.domains_read_at is None or read_at > program.domains_read_at)


def state_of(row: ProgramDomain, listed: Listed | None) -> DomainState:
    """`listed` as `listed_of` tells. What the component app has lost since falls away with the next release."""
    by_us = [way for way in row.ways if way != "mp"]
    unlisted = listed is not None and not listed.covers(row.kind, row.address)
    falls_away = unlisted and listed is not None and listed.is_newer and row.ways == [DomainWay.LISTED]
    if row.wished and row.effective and not falls_away:
        return DomainState.EFFECTIVE
    if row.wished and unlisted:
        return DomainState.UNREGISTERED
    if row.wished:
        return DomainState.PENDING if by_us else DomainState.REFUSED if row.refused else DomainState.MISSING
    return DomainState.EXTRA


def missing_at_platform(rows: Iterable[ProgramDomain], listed: Listed | None) -> dict[Kind, list[str]]:
    """Bare hosts that a mini program needs and its component app lacks."""
    found: dict[Kind, list[str]] = {kind: [] for kind in Kind}
    for row in rows:
        if state_of(row, listed) is DomainState.UNREGISTERED:
            found[_platform_kind(row.kind)].append(row.address.partition("://")[2])
    return {kind: sorted(set(hosts)) for kind, hosts in found.items() if hosts}


def plan_change(db: Session, program: Program, typed: Mapping[str, str], *, way: DomainWay) -> Change:
    """What has to be done so that the typed addresses are set in this way and no others are set.

    Raises Invalid at the kind's field.
    """
    wanted = read_typed(typed)
    rows = domains_of(db, program.id)

    def addresses(there: Callable[[ProgramDomain], bool]) -> Hosts:
        return {kind: [row.address for row in rows if row.kind == kind and there(row)] for kind in wanted}

    in_place = addresses(lambda row: row.wished and way in row.ways)
    return difference(wanted, addresses(lambda row: row.wished or row.ways != ["mp"]), in_place)


def read_typed(typed: Mapping[str, str]) -> dict[str, list[str]]:
    """The addresses of each kind; raises Invalid at the kind's field."""
    return {
        kind: read_hosts(text, field=kind, most=MOST[kind], scheme=SCHEMES[kind], ports=kind != WEBVIEW)
        for kind, text in typed.items()
    }


def start_change(db: Session, program: Program, change: Change, *, way: DomainWay, who: Who) -> BatchItem | None:
    """Wish it, and have it carried out. None when there is nothing to send."""
    require(who, Verb.WORK)
    refuse_if_hindered(program, DEVELOPMENT)
    sent = change
    if change.touches(*_SERVERS) and left(db, program, BUDGETS[way]).left == 0:
        sent = _without_servers(db, program, change, way)
    program.domain_way = way
    _wish(db, program, change)
    if not sent:
        return None
    detail = {"add": change.add, "remove": change.remove, "way": way.value}
    activity.record(db, who, "program.domains.change", program, detail=detail)
    params = {"add": sent.add, "remove": sent.remove}
    return start_one(db, CHANGE, Subject(program.id, program.name or program.appid), who=who, params=params)


def _without_servers(db: Session, program: Program, change: Change, way: DomainWay) -> Change:
    """What can be sent of it in a month that has no changes of server domains left; raises Conflict if it needs one.

    What was asked for in this way before and is not set yet, or was never set, goes on waiting.
    """
    rows = {(row.kind, row.address): row for row in domains_of(db, program.id)}
    asked = {key for key, row in rows.items() if row.wished and way in (program.domain_way, *row.ways)}
    unset = {key for key, row in rows.items() if not set(row.ways) - {"mp"}}
    for kind in _SERVERS:
        new = [one for one in change.add.get(kind, ()) if (kind, one) not in asked]
        old = [one for one in change.remove.get(kind, ()) if (kind, one) not in unset]
        if new or old:
            raise Conflict(USED_UP)
    add, remove = ({WEBVIEW: part[WEBVIEW]} if WEBVIEW in part else {} for part in (change.add, change.remove))
    return Change(add, remove)


def typed_of(rows: Iterable[ProgramDomain]) -> dict[str, str]:
    """What a form holds at first, by kind: all that is wished or set, but for the merchant's own settings."""
    known = [row for row in rows if row.wished or set(row.ways) - {"mp"}]
    return {kind: "\n".join(row.address for row in known if row.kind == kind) for kind in SCHEMES}


def start_missing(db: Session, program: Program, *, who: Who) -> BatchItem:
    """Have set what is wished and not set yet."""
    way = DomainWay(program.domain_way)
    wished = [row for row in domains_of(db, program.id) if row.wished and way not in row.ways]
    add = {kind: some for kind in SCHEMES if (some := [row.address for row in wished if row.kind == kind])}
    item = start_change(db, program, Change(add, {}), way=way, who=who)
    if item is None:
        raise Conflict(_NOTHING)
    return item


def addition(typed: Mapping[str, str]) -> dict[str, Any]:
    """The params of CHANGE for a selection: each gets these addresses and keeps what it has besides. Raises Invalid."""
    return {"add": _some(typed), "remove": {}}


def removal(typed: Mapping[str, str]) -> dict[str, Any]:
    """The params of CHANGE for a selection: each loses these addresses. Raises Invalid."""
    return {"add": {}, "remove": _some(typed)}


def _some(typed: Mapping[str, str]) -> dict[str, list[str]]:
    found = {kind: some for kind, some in read_typed(typed).items() if some}
    if not found:
        raise Invalid(N_("请至少填写一个域名"))
    return found


def start_reading(db: Session, program: Program, *, who: Who) -> BatchItem:
    refuse_if_hindered(program, DEVELOPMENT)
    return start_one(db, READ, Subject(program.id, program.name or program.appid), who=who)


@step(label=N_("读取小程序域名"))
def read_domains(db: Session, item: BatchItem) -> None:
    """What is set and what will hold; with domains set directly, the check file too."""
    program = load_program(db, item.subject_id)
    component = load_component(db, program.component_id)
    settle(db)
    client = wechat(component)
    found = _ask(client, program)
    check_file = client.domains.get_webviewdomain_confirmfile(program.appid) if _is_direct(program) else None
    _keep(db, program, found)
    if check_file is not None:
        keep_check_file(db, component, program.id, check_file)


@step(label=N_("设置小程序域名"))
def change_domains(db: Session, item: BatchItem) -> dict[str, Any] | None:
    """Asks first what is set, so that no change of the month is spent in vain, and reads back afterwards.

    What the component app has not registered is not sent: WeChat would refuse it. If one kind of domains is refused
    as a whole, the other one is set all the same.
    """
    program = load_program(db, item.subject_id)
    component = load_component(db, program.component_id)
    listed = listed_of(db, program)
    change = Change(item.input["add"], item.input["remove"])
    _wish(db, program, change)
    settle(db)
    client = wechat(component)
    work = _Work(client, program, _ask(client, program))
    if _is_direct(program) and change.add.get(WEBVIEW):
        check_file = client.domains.get_webviewdomain_confirmfile(program.appid)
        keep_check_file(db, component, program.id, check_file)
        settle(db)
    work.add(change.add, listed)
    work.remove(change.remove)
    found = _ask(client, program) if work.sent else work.found
    if work.failure is None:
        wanted = [(kind, one) for kind, some in change.add.items() for one in some]
        unset = [key for key in wanted if not found.has(*key, program.domain_way)]
        work.refused = dict.fromkeys(unset, UNEXPLAINED) | work.refused
    _keep(db, program, found, {key: why for key, why in work.refused.items() if why is not UNREGISTERED})
    if work.failure is not None:
        settle(db)
        raise work.failure
    if not work.sent and not work.refused:
        raise Skipped(_NOTHING)
    faults = {address: why for (_kind, address), why in work.refused.items()}
    return {"partial": [{"name": name, "why": why} for name, why in faults.items()]} if faults else None


@dataclass(frozen=True)
class Found:
    """What WeChat has: the ways in which each address is set, and which of them hold after the next release."""

    ways: dict[Key, set[str]]
    effective: set[Key]

    def has(self, kind: str, address: str, way: str) -> bool:
        return way in self.ways.get((kind, address), ())


@dataclass
class _Work:
    """The calls of one change, and how they went."""

    client: WxClient
    program: Program
    found: Found
    refused: dict[Key, str] = field(default_factory=dict)
    sent: bool = False
    failure: CallFailed | None = None

    def add(self, addresses: Mapping[str, list[str]], listed: Listed | None) -> None:
        way = self.program.domain_way
        new = {
            kind: [one for one in some if not self.found.has(kind, one, way)] for kind, some in addresses.items()
        }  # fmt: skip
        if listed is not None:
            unknown = {(kind, one) for kind, some in new.items() for one in some if not listed.covers(kind, one)}
            self.refused |= dict.fromkeys(unknown, UNREGISTERED)
            new = {kind: [one for one in some if (kind, one) not in unknown] for kind, some in new.items()}
        self._send("add", new, way)

    def remove(self, addresses: Mapping[str, list[str]]) -> None:
        for way in DomainWay:
            there = {
                kind: [one for one in some if self.found.has(kind, one, way)] for kind, some in addresses.items()
            }  # fmt: skip
            self._send("delete", there, way)

    def _send(self, action: Action, addresses: Mapping[str, list[str]], way: str) -> None:
        """New business domains that are set directly go out one by one: WeChat looks for the check file on each."""
        servers: Any = {kind: some for kind, some in addresses.items() if some and kind != WEBVIEW}
        if servers:
            keys = [(kind, one) for kind, some in servers.items() for one in some]
            self._try(lambda: self._send_servers(action, servers, way), keys)
        if business := addresses.get(WEBVIEW):
            directly = way == DomainWay.DIRECT
            for some in [[one] for one in business] if directly and action == "add" else [business]:
                self._try(partial(self._send_business, action, some, directly), [(WEBVIEW, one) for one in some])

    def _send_business(self, action: Action, addresses: list[str], directly: bool) -> None:
        calls = self.client.domains
        call = calls.setwebviewdomain_directly if directly else calls.setwebviewdomain
        call(self.program.appid, action=action, webviewdomain=addresses)

    def _send_servers(self, action: Action, servers: Any, way: str) -> None:
        call = self.client.domains.modify_domain
        if way == DomainWay.DIRECT:
            call = self.client.domains.modify_domain_directly
        answer: Mapping[str, Any] = call(self.program.appid, action=action, domains=servers)
        unfiled = {one.partition("://")[2] or one for one in answer.get("no_icp_domain") or []}
        for kind, some in servers.items():
            invalid = set(answer.get(f"invalid_{kind}") or [])
            for one in some:
                if one.partition("://")[2] in unfiled:
                    self.refused[kind, one] = UNFILED
                elif one in invalid:
                    self.refused[kind, one] = INVALID

    def _try(self, call: Callable[[], Any], keys: Iterable[Key]) -> None:
        self.sent = True
        try:
            call()
        except NothingToChange:
            pass
        except CallFailed as error:
            self.failure = self.failure or error
            if isinstance(error, WeChatError) and error.code in _WHY:
                self.refused |= dict.fromkeys(keys, _WHY[error.code])


def _ask(client: WxClient, program: Program) -> Found:
    servers: Any = client.domains.get_effective_domain(program.appid)
    business: Any = client.domains.get_effective_webviewdomain(program.appid)

    def keys(part: str) -> set[Key]:
        some = {(kind, one) for kind in SCHEMES for one in (servers.get(f"{part}_domain") or {}).get(kind) or []}
        return some | {(WEBVIEW, one) for one in business.get(f"{part}_webviewdomain") or []}

    ways: dict[Key, set[str]] = {}
    for way in ("mp", *DomainWay):
        for key in keys(way):
            ways.setdefault(key, set()).add(str(way))
    return Found(ways, keys("effective"))


def _wish(db: Session, program: Program, change: Change) -> None:
    rows = {(row.kind, row.address): row for row in domains_of(db, program.id)}
    for addresses, wished in ((change.add, True), (change.remove, False)):
        for kind, some in addresses.items():
            for one in some:
                row = rows.get((kind, one))
                if row is None and not wished:
                    continue
                row = row or _new_row(program, (kind, one))
                row.wished, row.refused = wished, ""
                if row.wished or row.ways or row.effective:
                    db.add(row)
                else:
                    db.delete(row)


def _keep(db: Session, program: Program, found: Found, refused: Mapping[Key, str] | None = None) -> None:
    """Note what WeChat has. What the first reading finds is taken for wished."""
    db.refresh(program, with_for_update=True)
    rows = {(row.kind, row.address): row for row in domains_of(db, program.id)}
    first = program.domains_read_at is None
    for key in (found.ways.keys() | found.effective) - rows.keys():
        rows[key] = _new_row(program, key)
        rows[key].wished = first and bool(found.ways.get(key, set()) - {"mp"})
    for key, row in rows.items():
        row.ways, row.effective = sorted(found.ways.get(key, ())), key in found.effective
        row.refused = "" if row.ways else (refused or {}).get(key, row.refused)
        if row.wished or row.ways or row.effective:
            db.add(row)
        elif row in db:
            db.delete(row)
    program.domains_read_at = clock.now()


def _new_row(program: Program, key: Key) -> ProgramDomain:
    kind, address = key
    return ProgramDomain(
        provider_id=program.provider_id, program_id=program.id, kind=kind, address=address, refused=""
    )  # fmt: skip


def _is_direct(program: Program) -> bool:
    return program.domain_way == DomainWay.DIRECT


def _platform_kind(kind: str) -> Kind:
    return Kind.BUSINESS if kind == WEBVIEW else Kind.SERVER


def start_registration(db: Session, program: Program, *, who: Who) -> BatchItem:
    """Have the component app register what this mini program needs and it lacks."""
    component = load_component(db, program.component_id)
    missing = missing_at_platform(domains_of(db, program.id), listed_of(db, program))
    if not missing:
        raise Conflict(_NOTHING)
    return platform.start_addition(db, component, missing, who=who)
