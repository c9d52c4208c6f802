"""Avatar, introduction, and whether WeChat's search may find a mini program. All three hold at once, without review."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

from sqlalchemy.orm import Session

from saas.batches.models import BatchItem
from saas.batches.starting import Subject, start_one
from saas.batches.steps import Skipped, step
from saas.db import settle
from saas.errors import N_, Invalid
from saas.pictures import crop_square
from saas.programs.access import load_program
from saas.programs.changing import client_of, hand_in, keep_picture, refuse_if_hindered
from saas.programs.models import Program
from saas.programs.permissions import BASIC_INFO
from saas.programs.profile import FETCH_AVATAR, note_profile
from saas.queue import Lane, enqueue
from saas.tenants import activity
from saas.tenants.access import Who
from saas.wx.errors import NothingToChange
from saas.wx.permissions import DEVELOPMENT

SET_AVATAR = "saas.programs.appearance.set_avatar"
SET_INTRODUCTION = "saas.programs.appearance.set_introduction"
SET_SEARCH = "saas.programs.appearance.set_search"

SHORTEST, LONGEST, CHINESE = 4, 120, 4
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


def read_introduction(text: str) -> str:
    """The introduction as WeChat takes it; raises Invalid at `introduction`."""
    text = " ".join(text.split())
    if not SHORTEST <= len(text) <= LONGEST:
        raise Invalid(
            N_("介绍要有 %(shortest)d 到 %(longest)d 个字"), field="introduction", shortest=SHORTEST, longest=LONGEST
        )
    if len(_CHINESE.findall(text)) < CHINESE:
        raise Invalid(N_("介绍里至少要有 %(least)d 个汉字"), field="introduction", least=CHINESE)
    return text


def keep_avatar(db: Session, who: Who, content: bytes, *, x: float, y: float, size: float) -> str:
    """Crop a picture to the chosen square (`saas.pictures.crop_square`) and keep it; answers the file's id."""
    picture = crop_square(content, x=x, y=y, size=size, field="avatar")
    return keep_picture(db, who.provider_id, "new_avatar", picture)


def change_avatar(db: Session, program: Program, file_id: str, *, who: Who) -> BatchItem:
    """Have a kept avatar set."""
    refuse_if_hindered(program, BASIC_INFO)
    return _start(db, SET_AVATAR, program, who, {"file": file_id})


def change_introduction(db: Session, program: Program, text: str, *, who: Who) -> BatchItem:
    """Have the introduction set, unless it is that already."""
    refuse_if_hindered(program, BASIC_INFO)
    text = read_introduction(text)
    if text == program.introduction:
        raise Invalid(N_("和现在的介绍一样"), field="introduction")
    return _start(db, SET_INTRODUCTION, program, who, {"text": text})


def change_search(db: Session, program: Program, searchable: bool, *, who: Who) -> BatchItem:
    """Let WeChat's search find the mini program, or not."""
    refuse_if_hindered(program, DEVELOPMENT)
    return _start(db, SET_SEARCH, program, who, {"searchable": searchable})


def is_searchable(program: Program) -> bool | None:
    """Whether WeChat's search may find it, as last read; None when nobody has read it yet."""
    status = program.profile.get("search_status")
    return None if status is None else status == 0


@step(label=N_("修改头像"))
def set_avatar(db: Session, item: BatchItem) -> dict[str, Any]:
    """WeChat gives every avatar an address of its own: another one than before means that an earlier try took it."""
    program = load_program(db, item.subject_id)
    client, file_id = client_of(db, program), item.input["file"]

    def address() -> str:
        settle(db)
        return str(client.component.api_get_authorizer_info(program.appid)["authorizer_info"].get("head_img") or "")

    if item.attempt == 1 or "before" not in item.result:
        item.result = {"before": address()}
    now = address() if item.attempt > 1 else item.result["before"]
    if now == item.result["before"]:
        media_id = hand_in(db, client, program, file_id)
        client.profile.modifyheadimage(program.appid, head_img_media_id=media_id)
        now = address()
    db.refresh(program, with_for_update=True)
    program.avatar_url = now
    note_profile(db, program)
    enqueue(db, FETCH_AVATAR, program.id, lane=Lane(item.batch.lane))
    return {"before": item.result["before"]}


@step(label=N_("修改介绍"))
def set_introduction(db: Session, item: BatchItem) -> None:
    program, text = load_program(db, item.subject_id), item.input["text"]
    if program.introduction == text:
        raise Skipped(N_("介绍已经是这样"))
    client, known = client_of(db, program), ""
    settle(db)
    if item.attempt > 1:
        info = client.component.api_get_authorizer_info(program.appid)
        known = str(info["authorizer_info"].get("signature") or "")
    if known != text:
        client.profile.modifysignature(program.appid, signature=text)
    db.refresh(program, with_for_update=True)
    program.introduction = text
    note_profile(db, program)


@step(label=N_("修改搜索开关"))
def set_search(db: Session, item: BatchItem) -> None:
    """Costs no chance, so it may be set again; what counts is what WeChat says afterwards."""
    program, wanted = load_program(db, item.subject_id), item.input["searchable"]
    client = client_of(db, program)
    settle(db)
    with suppress(NothingToChange):
        client.profile.changewxasearchstatus(program.appid, status=0 if wanted else 1)
    status = client.profile.getwxasearchstatus(program.appid).get("status")
    db.refresh(program, with_for_update=True)
    program.profile = {**program.profile, "search_status": status}


def _start(db: Session, name: str, program: Program, who: Who, params: dict[str, Any]) -> BatchItem:
    item = start_one(db, name, Subject(program.id, program.name), who=who, params=params)
    activity.record(db, who, f"program.{name.rpartition('.')[2]}", program)
    return item
