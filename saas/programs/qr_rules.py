"""Rules of ordinary QR codes and links (扫普通链接二维码打开小程序): who scans one opens a page of the mini program.

Check file, rule, test links, publication: in this order. A published rule is frozen; to change it, it is deleted and
added anew.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas import clock
from saas.batches.models import BatchItem
from saas.batches.starting import Subject, start_one
from saas.batches.steps import Skipped, step
from saas.components.hosts import read_hosts
from saas.db import settle
from saas.errors import N_, Conflict, Invalid, NotFound
from saas.programs.access import load_program
from saas.programs.changing import client_of, refuse_if_hindered
from saas.programs.models import Program, ProgramQrRules
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.wx.client import WxClient
from saas.wx.errors import CallFailed
from saas.wx.permissions import DEVELOPMENT

READ = "saas.programs.qr_rules.read_rules"
SAVE = "saas.programs.qr_rules.save_rule"
PUBLISH = "saas.programs.qr_rules.publish_rule"
DELETE = "saas.programs.qr_rules.delete_rule"
STEPS = (READ, SAVE, PUBLISH, DELETE)
BUDGET = "qrcode_rule_month"
MOST_LINKS = 5
DEVELOPED, TRIAL, RELEASED = 1, 2, 3
"""The version that test links open."""
_EXCLUSIVE = 2
_PUBLISHED = 2
_LONGEST = 1000
_PAGE = re.compile(r"[A-Za-z0-9_/.-]{1,256}", re.ASCII)
_FROZEN = N_("已发布的规则不能修改，请删除后重新添加")
_GONE = N_("微信那边已经没有这条规则")

Rule = dict[str, Any]


def rules_of(db: Session, program: Program) -> ProgramQrRules | None:
    """What was read last; None when nothing ever was."""
    return db.scalar(select(ProgramQrRules).where(ProgramQrRules.program_id == program.id))


def rule_of(db: Session, program: Program, prefix: str) -> Rule:
    """The rule of this prefix; raises NotFound."""
    row = rules_of(db, program)
    found = next((rule for rule in row.rules if rule["prefix"] == prefix), None) if row else None
    if found is None:
        raise NotFound()
    return found


def check_rule(given: Mapping[str, Any]) -> Rule:
    """The rule as it goes to WeChat; raises Invalid at the field that is wrong."""
    prefix = _check_address(str(given.get("prefix") or ""), "prefix")
    path = str(given.get("path") or "").strip().removeprefix("/")
    if not _PAGE.fullmatch(path):
        raise Invalid(N_("请填写页面路径，例如 pages/index/index，不带参数"), field="path")
    links = [_check_address(word, "links") for word in str(given.get("links") or "").split()]
    if strange := next((link for link in links if not link.startswith(prefix)), None):
        raise Invalid(N_("测试链接“%(link)s”不在这条规则之下"), field="links", link=strange[:100])
    if len(links) > MOST_LINKS:
        raise Invalid(N_("最多 %(most)d 个，现在有 %(count)d 个"), field="links", most=MOST_LINKS, count=len(links))
    version = str(given.get("version") or "")
    if version not in map(str, (DEVELOPED, TRIAL, RELEASED)):
        raise Invalid(N_("请选择打开哪个版本"), field="version")
    return {
        "prefix": prefix, "path": path, "exclusive": bool(given.get("exclusive")), "version": int(version),
        "links": links,
    }  # fmt: skip


def _check_address(typed: str, field: str) -> str:
    address = typed.strip()
    scheme, separator, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    if scheme.lower() not in ("http", "https") or not separator or not slash:
        raise Invalid(N_("请填写完整的链接，例如 https://qr.example.com/table/"), field=field)
    (name,) = read_hosts(host, field=field, most=1) or [""]
    if not name or "#" in path or len(address) > _LONGEST:
        raise Invalid(N_("链接里不要有 #，最多 %(most)d 个字符"), field=field, most=_LONGEST)
    return f"{scheme.lower()}://{name}/{path}"


def start_reading(db: Session, program: Program, *, who: Who) -> BatchItem:
    refuse_if_hindered(program, DEVELOPMENT)
    return start_one(db, READ, _subject(program), who=who)


def start_saving(db: Session, program: Program, given: Mapping[str, Any], *, who: Who) -> BatchItem:
    """Have a rule added, or one that is not published yet changed."""
    require(who, Verb.WORK)
    rule = check_rule(given)
    refuse_if_hindered(program, DEVELOPMENT)
    row = rules_of(db, program)
    if row is not None and any(one["prefix"] == rule["prefix"] and one["published"] for one in row.rules):
        raise Conflict(_FROZEN)
    activity.record(db, who, "program.qr_rule.save", program, detail={"prefix": rule["prefix"]})
    return start_one(db, SAVE, _subject(program), who=who, params={"rule": rule})


def start_publishing(db: Session, program: Program, rule: Rule, *, who: Who) -> BatchItem:
    require(who, Verb.WORK)
    refuse_if_hindered(program, DEVELOPMENT)
    if not program.online_version:
        raise Conflict(N_("小程序还没有发布过，规则要在发布以后才能发布"))
    activity.record(db, who, "program.qr_rule.publish", program, detail={"prefix": rule["prefix"]})
    return start_one(db, PUBLISH, _subject(program), who=who, params={"prefix": rule["prefix"]})


def start_deleting(db: Session, program: Program, rule: Rule, *, who: Who) -> BatchItem:
    require(who, Verb.WORK)
    refuse_if_hindered(program, DEVELOPMENT)
    activity.record(db, who, "program.qr_rule.delete", program, detail={"prefix": rule["prefix"]})
    return start_one(db, DELETE, _subject(program), who=who, params={"prefix": rule["prefix"]})


@step(label=N_("读取二维码规则"))
def read_rules(db: Session, item: BatchItem) -> None:
    """With the check file, which stays the same for a mini program."""
    program = load_program(db, item.subject_id)
    client = client_of(db, program)
    settle(db)
    found, file = _ask(client, program), client.qrcode_rules.qrcodejumpdownload(program.appid)
    row = _keep(db, program, found)
    row.file_name, row.file_content = file["file_name"], file["file_content"]


@step(label=N_("保存二维码规则"))
def save_rule(db: Session, item: BatchItem) -> None:
    """The check file is kept first: WeChat looks for it while it adds the rule. No longer is a typed host ours."""
    program, rule = load_program(db, item.subject_id), item.input["rule"]
    client = client_of(db, program)
    settle(db)
    file = client.qrcode_rules.qrcodejumpdownload(program.appid)
    row = _keep(db, program, _ask(client, program), rule)
    row.file_name, row.file_content = file["file_name"], file["file_content"]
    known = next((one for one in row.rules if one["prefix"] == rule["prefix"]), None)
    settle(db)
    if known is not None and known["published"]:
        raise Conflict(_FROZEN)
    if known is not None and known == rule | {"published": False}:
        raise Skipped(N_("微信那边已经是这样，没有需要改的"))
    try:
        client.qrcode_rules.qrcodejumpadd(
            program.appid, prefix=rule["prefix"], path=rule["path"], is_edit=0 if known is None else 1,
            permit_sub_rule=2 if rule["exclusive"] else 1, open_version=rule["version"],
            debug_url=rule["links"],
        )  # fmt: skip
    except CallFailed:
        _keep(db, program, row.rules)
        settle(db)
        raise
    _keep(db, program, _ask(client, program))


@step(label=N_("发布二维码规则"))
def publish_rule(db: Session, item: BatchItem) -> None:
    """Asks first, so that no chance of the month is spent on what is published already."""
    program, client, rule = _begin(db, item)
    if rule is None:
        raise Conflict(_GONE)
    if rule["published"]:
        raise Skipped(N_("这条规则已经发布"))
    client.qrcode_rules.qrcodejumppublish(program.appid, prefix=rule["prefix"])
    _keep(db, program, _ask(client, program))


@step(label=N_("删除二维码规则"))
def delete_rule(db: Session, item: BatchItem) -> None:
    program, client, rule = _begin(db, item)
    if rule is None:
        raise Skipped(_GONE)
    client.qrcode_rules.qrcodejumpdelete(program.appid, prefix=rule["prefix"])
    _keep(db, program, _ask(client, program))


def _begin(db: Session, item: BatchItem) -> tuple[Program, WxClient, Rule | None]:
    """The mini program, its client, and the item's rule as WeChat has it now."""
    program = load_program(db, item.subject_id)
    client = client_of(db, program)
    settle(db)
    row = _keep(db, program, _ask(client, program))
    rule = next((one for one in row.rules if one["prefix"] == item.input["prefix"]), None)
    settle(db)
    return program, client, rule


def _ask(client: WxClient, program: Program) -> list[Rule]:
    answer = client.qrcode_rules.qrcodejumpget(program.appid)
    return [
        {
            "prefix": one["prefix"], "path": one.get("path", ""),
            "exclusive": one.get("permit_sub_rule") == _EXCLUSIVE, "version": one.get("open_version", RELEASED),
            "links": list(one.get("debug_url") or ()), "published": one.get("state") == _PUBLISHED,
        }
        for one in answer.get("rule_list") or ()
    ]  # fmt: skip


def _keep(db: Session, program: Program, rules: list[Rule], coming: Rule | None = None) -> ProgramQrRules:
    db.refresh(program, with_for_update=True)
    row = rules_of(db, program) or ProgramQrRules(provider_id=program.provider_id, program_id=program.id)
    db.add(row)
    row.rules, row.read_at = rules, clock.now()
    row.hosts = sorted({host_of(rule) for rule in (*rules, *([coming] if coming else ()))})
    db.flush()
    return row


def host_of(rule: Rule) -> str:
    return urlsplit(rule["prefix"]).hostname or ""


def _subject(program: Program) -> Subject:
    return Subject(program.id, program.name or program.appid)
