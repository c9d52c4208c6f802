"""Whether and to whom the online version opens: the service switch, and the minimum base library.

https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/code-management/api_setvisitstatus
https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/code-management/api_setsupportversion
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy.orm import Session

from saas import clock
from saas.batches.models import BatchItem
from saas.batches.starting import Subject, start_one
from saas.batches.steps import Skipped, step
from saas.db import settle
from saas.errors import N_, Conflict, Invalid
from saas.programs.access import load_program
from saas.programs.changing import client_of
from saas.programs.models import Program
from saas.programs.shutting import note_service
from saas.programs.versions import version_key
from saas.releases.code_state import find_state, lock_state, refuse_unless_workable
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.wx.client import WxClient

SUSPEND = "saas.releases.serving.suspend"
RESUME = "saas.releases.serving.resume"
READ_LIBRARY = "saas.releases.serving.read_library"
SET_LIBRARY = "saas.releases.serving.set_library"
STEPS = (SUSPEND, RESUME, READ_LIBRARY, SET_LIBRARY)

_IN_SERVICE = 1
_VERSION = re.compile(r"\d{1,3}(\.\d{1,3}){2}")


def start_switch(db: Session, program: Program, *, who: Who, open_: bool) -> BatchItem:
    """Begin to suspend the online version, or to resume it."""
    require(who, Verb.WORK)
    refuse_unless_workable(program)
    state = find_state(db, program)
    if state is None or not state.online_version:
        raise Conflict(N_("小程序还没有线上版本"))
    return _start(db, RESUME if open_ else SUSPEND, program, who)


def start_reading_library(db: Session, program: Program, *, who: Who) -> BatchItem:
    """Have the minimum base library and the spread of users read."""
    require(who, Verb.WORK)
    refuse_unless_workable(program)
    return start_one(db, READ_LIBRARY, Subject(program.id, program.name), who=who)


def start_library(db: Session, program: Program, version: str, *, who: Who) -> BatchItem:
    """Have the minimum base library set."""
    require(who, Verb.WORK)
    refuse_unless_workable(program)
    return _start(db, SET_LIBRARY, program, who, {"version": read_library_version(version)})


def read_library_version(text: str) -> str:
    """A base library's version as WeChat writes it; raises Invalid at `version`."""
    if not _VERSION.fullmatch(text):
        raise Invalid(N_("请填三段数字的版本号，例如 2.30.4"), field="version")
    return text


def share_below(shares: Iterable[Mapping[str, Any]], version: str) -> float:
    """Which percentage of users has an older base library and would be told to update WeChat."""
    older = [float(one["percentage"]) for one in shares if version_key(one["version"]) < version_key(version)]
    return round(sum(older), 1)


@step(label=N_("暂停服务"))
def suspend(db: Session, item: BatchItem) -> None:
    _switch(db, item, open_=False)


@step(label=N_("恢复服务"))
def resume(db: Session, item: BatchItem) -> None:
    _switch(db, item, open_=True)


@step(label=N_("读取基础库版本"))
def read_library(db: Session, item: BatchItem) -> None:
    program = load_program(db, item.subject_id)
    _keep_library(db, program, client_of(db, program))


@step(label=N_("设置最低基础库版本"))
def set_library(db: Session, item: BatchItem) -> dict[str, Any]:
    program, version = load_program(db, item.subject_id), item.input["version"]
    client = client_of(db, program)
    settle(db)
    client.release.setweappsupportversion(program.appid, version=version)
    _keep_library(db, program, client)
    return {"version": version}


def _start(
    db: Session, name: str, program: Program, who: Who, params: Mapping[str, Any] | None = None
) -> BatchItem:  # fmt: skip
    item = start_one(db, name, Subject(program.id, program.name), who=who, params=params)
    activity.record(db, who, f"program.{name.rpartition('.')[2]}", program, detail=dict(params or {}))
    return item


def _switch(db: Session, item: BatchItem, *, open_: bool) -> None:
    """What counts is what WeChat says afterwards: a suspension of its own is not lifted."""
    program = load_program(db, item.subject_id)
    client = client_of(db, program)
    was = _is_open(db, program, client)
    if was != open_:
        client.release.change_visitstatus(program.appid, action="open" if open_ else "close")
    now = was if was == open_ else _is_open(db, program, client)
    lock_state(db, program.id, program.provider_id).visible = now
    if now != open_:
        note_service(db, {program.id: not now})
        settle(db)
        raise Conflict(N_("微信没有恢复服务，可能因违规被暂停：请商家登录微信公众平台查看通知并处理"))
    if was == open_ and item.attempt == 1:
        raise Skipped(N_("已经是这样，没有改动"))
    activity.record(db, item.starter, "program.resume.done" if open_ else "program.suspend.done", program)
    note_service(db, {program.id: not now})


def _is_open(db: Session, program: Program, client: WxClient) -> bool:
    settle(db)
    return client.release.getvisitstatus(program.appid).get("status") == _IN_SERVICE


def _keep_library(db: Session, program: Program, client: WxClient) -> None:
    settle(db)
    answer = client.release.getweappsupportversion(program.appid)
    spread: Mapping[str, Any] = answer.get("uv_info") or {}
    state = lock_state(db, program.id, program.provider_id)
    state.minimum_library, state.library_read_at = str(answer.get("now_version") or ""), clock.now()
    state.library_shares = [
        {"version": str(one.get("version") or ""), "percentage": float(one.get("percentage") or 0)}
        for one in spread.get("items") or []
    ]
