"""Testers of mini programs. WeChat names them by opaque ids only, so we remember who we bound.

A tester is somebody of the provider's own address book and may test many mini programs; items of batches hold the
tester's id, never the WeChat id.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from saas import clock, vault
from saas.batches.models import BatchItem
from saas.batches.starting import Subject, start_one
from saas.batches.steps import Skipped, step
from saas.db import settle
from saas.errors import N_, Invalid, NotFound
from saas.failures import raise_if_passing
from saas.programs.access import load_program
from saas.programs.changing import client_of, refuse_if_hindered
from saas.programs.models import Program, ProgramTester, Tester
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.wx.errcodes import explain
from saas.wx.errors import SystemBusy, TesterAlreadyBound, WeChatError
from saas.wx.permissions import DEVELOPMENT

READ = "saas.programs.testers.read_testers"
BIND = "saas.programs.testers.bind_testers"
UNBIND = "saas.programs.testers.unbind_tester"
STEPS = (READ, BIND, UNBIND)
MOST_AT_ONCE = 20
_WECHAT_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{5,19}", re.ASCII)
_LONGEST_LABEL = 40
_REFUSALS = {
    85001: N_("微信号不存在，或对方关闭了“通过微信号找到我”"),
    85002: N_("这个小程序的体验成员已满"),
    85003: N_("这个微信号体验的小程序已达上限（50 个）"),
}
_BOUND_ALREADY = N_("已经是体验成员，但微信不说是列表里的哪一位；可以在列表里给对方写上备注名")
_NO_TESTER = N_("不是这个小程序的体验成员")
_FULL = 85002


@dataclass(frozen=True)
class Row:
    """A tester of a mini program as its page shows them; without a `label` nobody knows who it is."""

    id: UUID
    tester_id: UUID | None
    label: str
    masked_id: str
    userstr: str


def testers_of(db: Session, program: Program) -> list[Row]:
    """Those that WeChat told of last, in the order in which they became known."""
    query = (
        select(ProgramTester, Tester)
        .outerjoin(Tester, Tester.id == ProgramTester.tester_id)
        .where(ProgramTester.program_id == program.id)
        .order_by(ProgramTester.id)
    )
    return [
        Row(row.id, row.tester_id, tester.label, masked(tester.wechat_id), row.userstr)
        if tester
        else Row(row.id, None, row.label, "", row.userstr)
        for row, tester in db.execute(query)
    ]


def list_testers(db: Session) -> list[Tester]:
    """The provider's address book."""
    return list(db.scalars(select(Tester).order_by(Tester.label, Tester.id)))


def address_book(db: Session, *, who: Who) -> list[tuple[Tester, int]]:
    """Everybody in it, each with how many mini programs they test as far as we know."""
    require(who, Verb.VIEW)
    query = select(ProgramTester.tester_id, func.count().label("programs")).group_by(ProgramTester.tester_id)
    counts = {row.tester_id: row.programs for row in db.execute(query)}
    return [(tester, counts.get(tester.id, 0)) for tester in list_testers(db)]


def masked(wechat_id: str) -> str:
    """A WeChat id as screens show it: the middle is hidden."""
    return f"{wechat_id[:2]}****{wechat_id[-2:]}" if wechat_id else ""


def tester_limit(program: Program) -> int:
    """How many testers an organisation's mini program may have, as told; WeChat's answer decides."""
    return 30 + 30 * program.verified + 30 * bool(program.online_version)


def add_testers(db: Session, typed: str, *, who: Who) -> list[UUID]:
    """Put people into the address book, one a line: WeChat id, then a label. Raises Invalid at ``people``.

    Somebody who is in it already is kept; a new label replaces the old one.
    """
    require(who, Verb.WORK)
    people = dict(filter(None, map(_read_line, typed.splitlines())))
    if len(people) > MOST_AT_ONCE:
        raise Invalid(N_("一次最多 %(most)d 人"), field="people", most=MOST_AT_ONCE)
    return [_remember(db, who, wechat_id, label).id for wechat_id, label in people.items()]


def _read_line(line: str) -> tuple[str, str] | None:
    wechat_id, _, label = re.sub(r"[\s,，]+", " ", line).strip().partition(" ")
    if not wechat_id:
        return None
    if not _WECHAT_ID.fullmatch(wechat_id):
        message = N_("“%(typed)s”不是微信号：微信号是 6 到 20 位字母、数字、下划线或减号，以字母开头；不能用手机号")
        raise Invalid(message, field="people", typed=wechat_id[:40])
    if len(label) > _LONGEST_LABEL:
        raise Invalid(N_("备注名最多 %(most)d 个字"), field="people", most=_LONGEST_LABEL)
    return wechat_id, label


def _remember(db: Session, who: Who, wechat_id: str, label: str) -> Tester:
    digest = vault.keyed_hash(who.provider_id, wechat_id.lower(), purpose="testers.wechat_id")
    row = db.scalar(select(Tester).where(Tester.wechat_id_hash == digest))
    if row is None:
        row = Tester(provider_id=who.provider_id, wechat_id_hash=digest, label=label or masked(wechat_id))
        row.wechat_id = wechat_id
        db.add(row)
        db.flush()
    elif label:
        row.label = label
    return row


def forget_tester(db: Session, tester: Tester, *, who: Who) -> None:
    """Delete the WeChat id. Mini programs keep the label, for the list."""
    require(who, Verb.WORK)
    mine = update(ProgramTester).where(ProgramTester.tester_id == tester.id)
    db.execute(mine.values(tester_id=None, label=tester.label))
    activity.record(db, who, "tester.forget", tester)
    db.delete(tester)


def label_tester(db: Session, program: Program, row_id: UUID, label: str, *, who: Who) -> None:
    """Write down who somebody is whom WeChat names by an opaque id."""
    require(who, Verb.WORK)
    label = label.strip()
    if len(label) > _LONGEST_LABEL:
        raise Invalid(N_("备注名最多 %(most)d 个字"), field="label", most=_LONGEST_LABEL)
    row = _row(db, program, row_id)
    tester = db.scalar(select(Tester).where(Tester.id == row.tester_id)) if row.tester_id else None
    if tester is not None and label:
        tester.label = label
    else:
        row.label = label
    activity.record(db, who, "program.tester.label", program)


def start_binding(db: Session, program: Program, tester_ids: Collection[UUID], *, who: Who) -> BatchItem:
    refuse_if_hindered(program, DEVELOPMENT)
    params = binding(tester_ids)
    activity.record(db, who, "program.tester.bind", program, detail={"count": len(tester_ids)})
    return start_one(db, BIND, _subject(program), who=who, params=params)


def binding(tester_ids: Collection[UUID]) -> dict[str, Any]:
    """The params of BIND; raises Invalid when nobody is chosen."""
    if not tester_ids:
        raise Invalid(N_("请填写微信号，或选择至少一位"), field="people")
    return {"tester_ids": [str(one) for one in tester_ids]}


def start_unbinding(db: Session, program: Program, row_id: UUID, *, who: Who) -> BatchItem:
    refuse_if_hindered(program, DEVELOPMENT)
    row = _row(db, program, row_id)
    activity.record(db, who, "program.tester.unbind", program)
    return start_one(db, UNBIND, _subject(program), who=who, params={"userstr": row.userstr})


def unbinding(tester_id: UUID) -> dict[str, Any]:
    """The params of UNBIND for a selection: one person leaves all of them."""
    return {"tester_id": str(tester_id)}


def start_reading(db: Session, program: Program, *, who: Who) -> BatchItem:
    refuse_if_hindered(program, DEVELOPMENT)
    return start_one(db, READ, _subject(program), who=who)


def tester_row(db: Session, program: Program, row_id: UUID) -> Row:
    """One row of `testers_of`; NotFound when it is gone."""
    found = next((row for row in testers_of(db, program) if row.id == row_id), None)
    if found is None:
        raise NotFound()
    return found


def _subject(program: Program) -> Subject:
    return Subject(program.id, program.name or program.appid)


def _row(db: Session, program: Program, row_id: UUID) -> ProgramTester:
    query = select(ProgramTester).where(ProgramTester.program_id == program.id, ProgramTester.id == row_id)
    row = db.scalar(query)
    if row is None:
        raise NotFound()
    return row


@step(label=N_("读取体验成员"))
def read_testers(db: Session, item: BatchItem) -> None:
    """Those that the merchant added in WeChat's console are found, too; those that are gone are forgotten."""
    program = load_program(db, item.subject_id)
    client = client_of(db, program)
    settle(db)
    there = {member["userstr"] for member in client.testers.memberauth(program.appid)["members"]}
    known = {row.userstr: row for row in _rows(db, program)}
    for userstr in there - known.keys():
        _keep(db, program, userstr)
    for userstr in known.keys() - there:
        db.delete(known[userstr])
    program.testers_read_at = clock.now()


@step(label=N_("添加体验成员"))
def bind_testers(db: Session, item: BatchItem) -> dict[str, Any] | None:
    """One after the other; what WeChat says about one does not stop the next, unless the list is full."""
    program = load_program(db, item.subject_id)
    bound = {row.tester_id for row in _rows(db, program)}
    chosen = [UUID(one) for one in item.input["tester_ids"]]
    people = {row.id: row for row in db.scalars(select(Tester).where(Tester.id.in_(set(chosen) - bound)))}
    if not people:
        raise Skipped(N_("都已经是体验成员了"))
    client = client_of(db, program)
    refused: list[tuple[Tester, WeChatError]] = []
    for tester in people.values():
        wechat_id = tester.wechat_id
        settle(db)
        try:
            answer = client.testers.bind_tester(program.appid, wechatid=wechat_id)
        except WeChatError as error:
            raise_if_passing(error)
            refused.append((tester, error))
            if error.code == _FULL:
                break
            continue
        _keep(db, program, answer["userstr"], tester.id)
    if len(refused) == len(people) == 1 and not isinstance(refused[0][1], TesterAlreadyBound):
        raise refused[0][1]
    partial = [{"name": tester.label, "why": _why(error)} for tester, error in refused]
    return {"partial": partial} if partial else None


def _why(error: WeChatError) -> str:
    if isinstance(error, TesterAlreadyBound):
        return _BOUND_ALREADY
    return _REFUSALS.get(error.code) or explain(error.code, error.operation).cause("zh_CN")


@step(label=N_("移除体验成员"), attempts=3)
def unbind_tester(db: Session, item: BatchItem) -> None:
    """By the opaque id where we know it: it outlives a change of the WeChat id. WeChat answers "busy" about somebody
    who is no tester, so a second try looks into the list first; without the opaque id, a second "busy" means that.
    """
    program = load_program(db, item.subject_id)
    userstr, wechat_id = item.input.get("userstr") or "", ""
    if not userstr:
        tester = db.scalar(select(Tester).where(Tester.id == UUID(item.input["tester_id"])))
        row = next((one for one in _rows(db, program) if tester and one.tester_id == tester.id), None)
        userstr, wechat_id = (row.userstr if row else ""), (tester.wechat_id if tester else "")
    if not userstr and not wechat_id:
        raise Skipped(_NO_TESTER)
    client = client_of(db, program)
    settle(db)
    if userstr and item.attempt > 1:
        there = {member["userstr"] for member in client.testers.memberauth(program.appid)["members"]}
        if userstr not in there:
            _forget(db, program, userstr)
            return
    if userstr:
        client.testers.unbind_tester(program.appid, userstr=userstr)
        _forget(db, program, userstr)
        return
    try:
        client.testers.unbind_tester(program.appid, wechatid=wechat_id)
    except SystemBusy:
        if item.attempt == 1:
            raise
        raise Skipped(_NO_TESTER) from None


def _rows(db: Session, program: Program) -> list[ProgramTester]:
    return list(db.scalars(select(ProgramTester).where(ProgramTester.program_id == program.id)))


def _keep(db: Session, program: Program, userstr: str, tester_id: UUID | None = None) -> None:
    row = next((one for one in _rows(db, program) if one.userstr == userstr), None)
    if row is None:
        row = ProgramTester(provider_id=program.provider_id, program_id=program.id, userstr=userstr)
        db.add(row)
    row.tester_id = tester_id or row.tester_id
    db.flush()


def _forget(db: Session, program: Program, userstr: str) -> None:
    for row in _rows(db, program):
        if row.userstr == userstr:
            db.delete(row)
