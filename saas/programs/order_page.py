"""The page of a mini program that shows its user's orders (订单页 path), which WeChat's people approve.

WeChat answers an application with an event that says whether it was taken, and another one with the verdict; either may
be lost, so the watch reads as long as one is open. One that WeChat does not know after a day was not taken.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from saas import clock
from saas.batches.models import BatchItem
from saas.batches.starting import Subject, start_one
from saas.batches.steps import Skipped, step
from saas.components.models import ComponentApp
from saas.db import new_id, settle
from saas.errors import N_, Conflict, Invalid
from saas.failures import clear_failure, note_failure
from saas.programs.access import load_program, program_by_appid
from saas.programs.changing import client_of, refuse_if_hindered
from saas.programs.evidence import keep_pictures, keep_video, picture_url, video_url
from saas.programs.models import Program, ReviewStatus
from saas.programs.polling import OpenRows, expect, hurry, of_program, polled
from saas.programs.polling_models import Kind
from saas.programs.privacy_models import OrderPage
from saas.programs.rhythms import Rhythm, Standing
from saas.tenants import activity
from saas.tenants.access import Who
from saas.wx.api.order_path import OrderPath
from saas.wx.client import WxClient
from saas.wx.errors import CallFailed, WeChatError
from saas.wx.events import OrderPathsReviewed, OrderPathsSubmitted
from saas.wx.permissions import DEVELOPMENT

READ = "saas.programs.order_page.read_order_page"
APPLY = "saas.programs.order_page.apply_for_order_page"
STEPS = (READ, APPLY)
LONGEST = 200
_IN_REVIEW = N_("上一次申请正在审核，请等微信给出结果")
_PATH = re.compile(r"[A-Za-z0-9_\-]+(/[A-Za-z0-9_\-]+)*")
_NOT_SET = 61041
_STATES = {2: ReviewStatus.IN_REVIEW, 3: ReviewStatus.REFUSED, 4: ReviewStatus.APPROVED}
_TAKEN_WITHIN = timedelta(days=1)
_SKEW = timedelta(minutes=5)
"""How far WeChat's clock may be from ours."""
_UNKNOWN = N_("在微信查不到这次申请，请再提交一次")
_NOT_TAKEN = {
    -1: N_("微信繁忙，没有收下申请，请再提交一次"),
    -2: N_("微信不认这个 AppID，请确认商家的授权还在"),
}


def find_order_page(db: Session, program: Program) -> OrderPage | None:
    return db.scalar(select(OrderPage).where(OrderPage.program_id == program.id))


def request_reading(db: Session, program: Program, *, who: Who) -> BatchItem:
    """Have WeChat asked which path holds and how the last application stands."""
    refuse_if_hindered(program, DEVELOPMENT)
    item = start_one(db, READ, Subject(program.id, program.name or program.appid), who=who)
    activity.record(db, who, "program.read_order_page", program)
    return item


def request_order_page(
    db: Session, program: Program, path: str, *, who: Who, pictures: Sequence[bytes] = (), video: bytes = b"",
    account: str = "", password: str = "", remark: str = "",
) -> BatchItem:  # fmt: skip
    """Apply for a path, with what the reviewer needs. Raises Invalid at `path`, `pictures`, `video` or `remark`."""
    refuse_if_hindered(program, DEVELOPMENT)
    if len(remark) > LONGEST:
        raise Invalid(N_("不能超过 %(most)d 个字"), field="remark", most=LONGEST)
    path, row = check_path(path), _lock(db, program)
    if row.status == ReviewStatus.IN_REVIEW:
        raise Conflict(_IN_REVIEW)
    params = application(db, path, who=who, pictures=pictures, video=video)
    login = {"test_account": account.strip(), "test_pwd": password, "test_remark": remark.strip()}
    row.test_login = json.dumps({name: value for name, value in login.items() if value}, ensure_ascii=False)
    item = start_one(db, APPLY, Subject(program.id, program.name or program.appid), who=who, params=params)
    activity.record(db, who, "program.apply_for_order_page", program, detail={"path": path})
    return item


def application(
    db: Session, path: str, *, who: Who, pictures: Sequence[bytes] = (), video: bytes = b""
) -> dict[str, Any]:  # fmt: skip
    """What the step takes, for one mini program or for many; what was uploaded is kept."""
    path = check_path(path)
    return {
        "path": path, "pictures": keep_pictures(db, who.provider_id, pictures),
        "video": keep_video(db, who.provider_id, video) if video else "",
    }  # fmt: skip


def check_path(path: str) -> str:
    """The path as WeChat takes it; raises Invalid at `path`."""
    path = path.strip().removeprefix("/")
    if not _PATH.fullmatch(path):
        raise Invalid(N_("请填写页面路径，例如 pages/order/list，不带参数"), field="path")
    return path


@step(label=N_("读取订单页"))
def read_order_page(db: Session, item: BatchItem) -> None:
    program = load_program(db, item.subject_id)
    read_state(db, program, client_of(db, program))


@step(label=N_("申请订单页"))
def apply_for_order_page(db: Session, item: BatchItem) -> None:
    """WeChat refuses a repeated application in an event, so a repeated try looks first whether one is in review.

    The row says so before the call: the event that says otherwise may overtake the answer. Where a process died
    meanwhile, only WeChat knows better.
    """
    program, wanted = load_program(db, item.subject_id), item.input
    client = client_of(db, program)
    if item.attempt > 1 and _status_of(_read_both(db, program, client)[1]) == ReviewStatus.IN_REVIEW:
        return
    row = _lock(db, program)
    if row.status == ReviewStatus.IN_REVIEW and (item.attempt == 1 or row.path != wanted["path"]):
        raise Skipped(_IN_REVIEW)
    login: dict[str, str] = json.loads(row.test_login or "{}")
    owner = program.provider_id
    pictures = [picture_url(owner, one) for one in wanted["pictures"]]
    video = video_url(owner, wanted["video"]) if wanted.get("video") else None
    before, applied_at = (row.path, row.status, row.reason, row.applied_at), clock.now()
    row.path, row.status, row.reason, row.applied_at = wanted["path"], ReviewStatus.IN_REVIEW, "", applied_at
    settle(db)
    try:
        client.order_path.applysetorderpathinfo(
            path=wanted["path"], appid_list=[program.appid], img_list=pictures, video=video, **login
        )  # fmt: skip
    except CallFailed:
        row = _lock(db, program)
        if (row.status, row.applied_at) == (ReviewStatus.IN_REVIEW, applied_at):
            row.path, row.status, row.reason, row.applied_at = before
        settle(db)
        raise
    expect(db, of_program(Kind.ORDER_PAGE, program), Standing(Rhythm.ORDER_PAGE, applied_at))


def read_state(db: Session, program: Program, client: WxClient) -> OrderPage:
    """Ask WeChat and keep it; what it refuses is kept beside and raised."""
    return _read_both(db, program, client)[0]


def _read_both(db: Session, program: Program, client: WxClient) -> tuple[OrderPage, OrderPath]:
    """Ask for what holds and what was asked for; answers the latter, too."""
    settle(db)
    try:
        online, asked = _read(client, program.appid, 0), _read(client, program.appid, 1)
    except CallFailed as error:
        note_failure(_lock(db, program), error)
        settle(db)
        raise
    row = _lock(db, program)
    row.online_path, row.read_at = str(online.get("path") or ""), clock.now()
    clear_failure(row)
    asked_at = datetime.fromtimestamp(int(asked["apply_time"]), UTC) if asked.get("apply_time") else row.applied_at
    is_older = asked_at is not None and row.applied_at is not None and asked_at < row.applied_at - _SKEW
    if asked and not is_older:
        row.path, row.applied_at = str(asked.get("path") or row.path), asked_at
        if (status := _status_of(asked)) is not None:
            _decide(row, status, row.reason)
    elif row.status == ReviewStatus.IN_REVIEW and clock.now() - (row.applied_at or row.created_at) > _TAKEN_WITHIN:
        holds = row.online_path == row.path
        _decide(row, ReviewStatus.APPROVED if holds else ReviewStatus.REFUSED, _UNKNOWN)
    return row, asked


def _status_of(asked: OrderPath) -> ReviewStatus | None:
    return _STATES.get(int(asked.get("status") or 0))


def _read(client: WxClient, appid: str, kind: Any) -> OrderPath:
    """Empty where WeChat has none, or has none yet."""
    try:
        return client.order_path.getorderpathinfo(appid, info_type=kind)["msg"]
    except WeChatError as error:
        if error.code != _NOT_SET:
            raise
        return {}


def _decide(row: OrderPage, status: ReviewStatus, reason: str) -> None:
    row.status, row.reason = status, reason if status == ReviewStatus.REFUSED else ""
    if status == ReviewStatus.APPROVED:
        row.online_path, row.test_login = row.path, ""


def _in_review() -> OpenRows:
    query = select(OrderPage.program_id, OrderPage.provider_id, Program.component_id, Program.id)
    return query.join(Program, Program.id == OrderPage.program_id).where(OrderPage.status == ReviewStatus.IN_REVIEW)


@polled(Kind.ORDER_PAGE, _in_review)
def look(db: Session, program_id: UUID) -> Standing | None:
    """Read as long as an application is open."""
    program = load_program(db, program_id)
    row = find_order_page(db, program)
    if row is None or row.status != ReviewStatus.IN_REVIEW:
        return None
    row = read_state(db, program, client_of(db, program))
    still_open = row.status == ReviewStatus.IN_REVIEW
    return Standing(Rhythm.ORDER_PAGE, row.applied_at or row.created_at) if still_open else None


def on_order_pages_submitted(db: Session, component: ComponentApp, event: OrderPathsSubmitted) -> None:
    """WeChat took the applications, or did not. One that it has already is as good as taken."""
    for one in event.submissions:
        program = program_by_appid(db, component, one.appid)
        if program is not None and one.result in _NOT_TAKEN:
            row = _lock(db, program)
            row.status, row.reason = ReviewStatus.REFUSED, _NOT_TAKEN[one.result]


def on_order_pages_reviewed(db: Session, component: ComponentApp, event: OrderPathsReviewed) -> None:
    """The verdicts. The reason comes with the event only; the rest is read."""
    for one in event.reviews:
        program = program_by_appid(db, component, one.appid)
        if program is None:
            continue
        row = _lock(db, program)
        if one.refused:
            _decide(row, ReviewStatus.REFUSED, one.reason)
        elif row.status == ReviewStatus.IN_REVIEW:
            hurry(db, of_program(Kind.ORDER_PAGE, program))


def _lock(db: Session, program: Program) -> OrderPage:
    row = insert(OrderPage).values(
        id=new_id(), created_at=clock.now(), provider_id=program.provider_id, program_id=program.id, online_path="",
        path="", status="", reason="", operation="", rid="", error="",
    )  # fmt: skip
    db.execute(row.on_conflict_do_nothing(index_elements=["program_id"]))
    query = select(OrderPage).where(OrderPage.program_id == program.id).with_for_update()
    return db.scalars(query.execution_options(populate_existing=True)).one()
