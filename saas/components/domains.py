"""Domains of a component app: what its mini programs may use. Wished here, registered at WeChat, read back with time.

Changes go out as additions and removals, never as a whole list: what somebody else registered meanwhile stays.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas import clock
from saas.batches.models import BatchItem
from saas.batches.starting import Subject, start_one
from saas.batches.steps import Skipped, step
from saas.components.access import load_component
from saas.components.budgets import left
from saas.components.hosts import Change, Hosts, difference, read_hosts
from saas.components.models import CheckFile, ComponentApp, ComponentDomain
from saas.components.wechat import wechat
from saas.db import settle
from saas.errors import N_, Conflict
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.wx.api.platform_domains import Action, PlatformDomains
from saas.wx.chapter import CheckFile as CheckFileAnswer
from saas.wx.errors import CallFailed, NothingToChange, WeChatError

READ = "saas.components.domains.read_domains"
CHANGE = "saas.components.domains.change_domains"
STEPS = (READ, CHANGE)
BUDGET = "platform_domain_month"
USED_UP = N_("本月修改服务器域名的次数已用完，下个月恢复")
NOT_REGISTERED = N_("微信没有接受：请检查域名是否已备案、能否访问；业务域名还要能访问校验文件")
_ABOUT_HOSTS = {45082, 85069, 85301, 85302, 86100, 86103, 506015}
"""Refusals of a call that hold for each of its hosts."""


class Kind(StrEnum):
    """Server domains may have a port; business domains are opened in web-views."""

    SERVER = "server"
    BUSINESS = "business"


MOST = {Kind.SERVER: 1000, Kind.BUSINESS: 300}


def list_domains(db: Session, component_id: UUID) -> list[ComponentDomain]:
    """All that is wished or registered, by kind and host."""
    query = select(ComponentDomain).where(ComponentDomain.component_id == component_id)
    return list(db.scalars(query.order_by(ComponentDomain.kind.desc(), ComponentDomain.host)))


def registered(rows: Iterable[ComponentDomain], kind: Kind) -> list[str]:
    """The hosts that WeChat has on one of its lists."""
    return [row.host for row in rows if row.kind == kind and (row.testing or row.published)]


def check_file_of(db: Session, owner_id: UUID) -> CheckFile | None:
    """The check file of a component app or a mini program, once it was read."""
    return db.scalar(select(CheckFile).where(CheckFile.owner_id == owner_id))


def keep_check_file(db: Session, component: ComponentApp, owner_id: UUID, answer: CheckFileAnswer) -> None:
    row = check_file_of(db, owner_id)
    if row is None:
        row = CheckFile(provider_id=component.provider_id, component_id=component.id, owner_id=owner_id)
        db.add(row)
    row.name, row.content = answer["file_name"], answer["file_content"]


def plan_change(db: Session, component: ComponentApp, typed: Mapping[Kind, str], *, published: bool) -> Change:
    """What has to be done so that the typed hosts are registered and no others.

    Raises Invalid at the kind's field. `published`: also for the version published to everybody.
    """
    wanted = {
        kind.value: read_hosts(text, field=kind, most=MOST[kind], ports=kind is Kind.SERVER)
        for kind, text in typed.items()
    }
    rows = list_domains(db, component.id)

    def hosts(there: Callable[[ComponentDomain], bool]) -> Hosts:
        return {kind: [row.host for row in rows if row.kind == kind and there(row)] for kind in wanted}

    in_place = hosts(lambda row: row.wished and row.testing and (row.published or not published))
    return difference(wanted, hosts(lambda _row: True), in_place)


def start_change(
    db: Session, component: ComponentApp, change: Change, *, published: bool, who: Who
) -> BatchItem:  # fmt: skip
    """Wish it, and have it carried out. Every mini program of the component app is affected."""
    require(who, Verb.MANAGE)
    if change.touches(Kind.SERVER) and left(db, component, BUDGET).left == 0:
        raise Conflict(USED_UP)
    rows = {(row.kind, row.host): row for row in list_domains(db, component.id)}
    for hosts_by_kind, wished in ((change.add, True), (change.remove, False)):
        for kind, hosts in hosts_by_kind.items():
            for host in hosts:
                row = rows.get((kind, host)) or ComponentDomain(
                    provider_id=component.provider_id, component_id=component.id, kind=kind, host=host
                )
                row.wished, row.refused = wished, ""
                db.add(row)
    activity.record(db, who, "component.domains.change", component, detail={"add": change.add, "remove": change.remove})
    params = {"add": change.add, "remove": change.remove, "published": published}
    return start_one(db, CHANGE, _subject(component), who=who, params=params)


def start_addition(
    db: Session, component: ComponentApp, hosts: Mapping[Kind, Collection[str]], *, who: Who
) -> BatchItem:
    """Register further hosts, for both versions if the component app is published."""
    add = {kind.value: sorted(set(some)) for kind, some in hosts.items() if some}
    rows = list_domains(db, component.id)
    return start_change(db, component, Change(add, {}), published=is_published(rows), who=who)


def is_published(rows: Iterable[ComponentDomain]) -> bool:
    """Whether WeChat keeps a list for the published version."""
    return any(row.published for row in rows)


def start_reading(db: Session, component: ComponentApp, *, who: Who) -> BatchItem:
    """Have the lists and the check file read from WeChat."""
    return start_one(db, READ, _subject(component), who=who)


def _subject(component: ComponentApp) -> Subject:
    return Subject(component.id, component.name)


@step(label=N_("读取第三方平台域名"))
def read_domains(db: Session, item: BatchItem) -> None:
    component = load_component(db, item.subject_id)
    settle(db)
    api = wechat(component).platform_domains
    lists, check_file = _ask(api), api.get_domain_confirmfile()
    _keep(db, component, lists)
    keep_check_file(db, component, component.id, check_file)


@step(label=N_("登记第三方平台域名"))
def change_domains(db: Session, item: BatchItem) -> dict[str, Any] | None:
    """Asks first what is registered, so that no change of the month is spent in vain, and reads back afterwards."""
    component = load_component(db, item.subject_id)
    together = bool(item.input["published"])
    settle(db)
    api = wechat(component).platform_domains
    if item.input["add"].get(Kind.BUSINESS):  # WeChat looks for the file on each of them
        keep_check_file(db, component, component.id, api.get_domain_confirmfile())
        settle(db)
    lists, work = _ask(api), _Work(api, together)
    for kind in Kind:
        testing, published = lists[kind]
        missing = [
            host for host in item.input["add"].get(kind, [])
            if host not in testing or (together and host not in published)
        ]  # fmt: skip
        extra = [
            host for host in item.input["remove"].get(kind, [])
            if host in testing or (together and host in published)
        ]  # fmt: skip
        work.send(kind, "add", missing)
        work.send(kind, "delete", extra)
    if work.sent:
        lists = _ask(api)
    _keep(db, component, lists, work.refused)
    if work.failure is not None:
        settle(db)
        raise work.failure
    if not work.sent:
        raise Skipped(N_("微信那边已经是这样，没有需要改的"))
    partial = [{"name": host, "why": why} for (_kind, host), why in work.refused.items()]
    return {"partial": partial} if partial else None


@dataclass
class _Work:
    """The calls of one change, and how they went. What WeChat refuses of one kind does not keep it from the other."""

    api: PlatformDomains
    together: bool
    refused: dict[tuple[str, str], str] = field(default_factory=dict)
    sent: bool = False
    failure: CallFailed | None = None

    def send(self, kind: Kind, action: Action, hosts: list[str]) -> None:
        if not hosts:
            return
        self.sent = True
        try:
            invalid = _call(self.api, kind, action, hosts, self.together)["invalid"]
        except NothingToChange:
            return
        except CallFailed as error:
            self.failure = self.failure or error
            is_theirs = action == "add" and isinstance(error, WeChatError) and error.code in _ABOUT_HOSTS
            invalid = set(hosts) if is_theirs else set()
        self.refused |= dict.fromkeys(((kind.value, host) for host in invalid), NOT_REGISTERED)


Lists = dict[Kind, tuple[set[str], set[str]]]


def _ask(api: PlatformDomains) -> Lists:
    answers = {kind: _call(api, kind, "get") for kind in Kind}
    return {kind: (answer["testing"], answer["published"]) for kind, answer in answers.items()}


def _call(
    api: PlatformDomains, kind: Kind, action: Action, hosts: Iterable[str] = (), together: bool = False
) -> dict[str, set[str]]:  # fmt: skip
    """WeChat's lists after the call, and the hosts that it refused."""
    change = {"action": action, "is_modify_published_together": True if together else None}
    answer: Mapping[str, Any]
    if kind is Kind.SERVER:
        answer, name = api.modify_wxa_server_domain(wxa_server_domain=list(hosts), **change), "wxa_server_domain"  # type: ignore[arg-type]
    else:
        answer, name = api.modify_wxa_jump_domain(wxa_jump_h5_domain=list(hosts), **change), "wxa_jump_h5_domain"  # type: ignore[arg-type]
    return {
        part: {host.strip() for host in str(answer.get(f"{part}_{name}") or "").split(";") if host.strip()}
        for part in ("testing", "published", "invalid")
    }


def _keep(
    db: Session, component: ComponentApp, lists: Lists, refused: Mapping[tuple[str, str], str] | None = None
) -> None:
    """Note what WeChat has. What the first reading finds is taken for wished."""
    db.refresh(component, with_for_update=True)
    rows = {(row.kind, row.host): row for row in list_domains(db, component.id)}
    first = component.domains_read_at is None
    for kind, (testing, published) in lists.items():
        for host in (testing | published) - {host for known, host in rows if known == kind}:
            rows[kind, host] = ComponentDomain(
                provider_id=component.provider_id, component_id=component.id, kind=kind, host=host, wished=first,
                refused="",
            )  # fmt: skip
    for key, row in rows.items():
        testing, published = lists[Kind(row.kind)]
        row.testing, row.published = row.host in testing, row.host in published
        row.refused = "" if row.testing or row.published else (refused or {}).get(key, row.refused)
        if row.wished or row.testing or row.published:
            db.add(row)
        elif row in db:
            db.delete(row)
    component.domains_read_at = clock.now()
