"""The privacy guide of a mini program: reading what WeChat has and what the code uses, changing it, templates applied.

WeChat keeps two guides: the one in development, which the next release brings online with the code, and the online one,
of which only the contact may be changed. What was asked for stays in `ProgramPrivacy.wanted` until a step has sent it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from saas import clock
from saas.batches.models import BatchItem
from saas.batches.starting import Subject, start_one
from saas.batches.steps import step
from saas.db import new_id, settle
from saas.errors import N_, Conflict, Invalid
from saas.failures import clear_failure, note_failure, raise_if_passing
from saas.programs.access import load_program
from saas.programs.changing import client_of, obstacle, refuse_if_hindered
from saas.programs.models import Program
from saas.programs.polling import expect, of_program
from saas.programs.polling_models import Kind
from saas.programs.privacy_guides import (
    Guide,
    check_guide,
    from_template,
    label_of,
    missing_keys,
    owner_setting,
    read_guide,
    sdk_list,
    setting_list,
)
from saas.programs.privacy_models import InterfaceStatus, PrivacyTemplate, ProgramPrivacy
from saas.programs.privacy_templates import load_template
from saas.programs.rhythms import Rhythm, Standing
from saas.queue import Later
from saas.tenants import activity
from saas.tenants.access import Who
from saas.tenants.merchants import load_merchant
from saas.tenants.stored_files import keep_file, load_file, read_file
from saas.wx.api.privacy import PrivacyInterface
from saas.wx.chapter import Upload
from saas.wx.client import WxClient
from saas.wx.errors import CallFailed, CodeNotUploaded, PrivacyInterfaceRefused, PrivacyScanPending
from saas.wx.permissions import DEVELOPMENT

log = structlog.get_logger()

READ = "saas.programs.privacy.read_privacy"
SET = "saas.programs.privacy.set_guide"
SET_CONTACT = "saas.programs.privacy.set_contact"
APPLY_TEMPLATE = "saas.programs.privacy.apply_template"
READ_AFTER_UPLOAD = "jobs.programs.read_privacy"
STEPS = (READ, SET, SET_CONTACT, APPLY_TEMPLATE)
LARGEST_TEXT = 100 * 1024
_SCAN_PAUSE = timedelta(minutes=1)
_NO_PURPOSE = N_("代码用到了它，但模板里没有写用途")


def find_privacy(db: Session, program: Program) -> ProgramPrivacy | None:
    return db.scalar(select(ProgramPrivacy).where(ProgramPrivacy.program_id == program.id))


# What people ask for


def request_reading(db: Session, program: Program, *, who: Who) -> BatchItem:
    """Have WeChat asked for both guides, what the code uses, and the location interfaces."""
    refuse_if_hindered(program, DEVELOPMENT)
    return _start(db, READ, program, who)


def change_guide(db: Session, program: Program, guide: Guide, *, who: Who) -> BatchItem:
    """Have the guide in development replaced; users see it after the next release."""
    refuse_if_hindered(program, DEVELOPMENT)
    guide = check_guide(guide)
    lock_privacy(db, program).keep(wanted=guide)
    return _start(db, SET, program, who)


def change_contact(db: Session, program: Program, guide: Guide, *, who: Who) -> BatchItem:
    """Have contact, notice and retention of the online guide changed, which holds at once."""
    refuse_if_hindered(program, DEVELOPMENT)
    state = lock_privacy(db, program)
    if state.online.is_empty:
        raise Conflict(N_("线上还没有隐私保护指引，先设置开发版并发布"))
    state.keep(wanted_contact=check_guide(guide))
    return _start(db, SET_CONTACT, program, who)


def start_template(
    db: Session, program: Program, template: PrivacyTemplate, *, who: Who, only_used: bool = False
) -> BatchItem:  # fmt: skip
    """Have the guide in development written by a template; for a selection, the step runs in a batch."""
    refuse_if_hindered(program, DEVELOPMENT)
    return _start(db, APPLY_TEMPLATE, program, who, {"template": str(template.id), "only_used": only_used})


def add_missing(db: Session, program: Program, template: PrivacyTemplate, *, who: Who) -> BatchItem:
    """Have what the code uses and the guide lacks added, with the template's words; the rest stays.

    Raises Invalid when the template has no words for some of it.
    """
    state = lock_privacy(db, program)
    guide, unknown = with_missing(state, template)
    if unknown:
        raise Invalid(N_("模板没有写这些信息的用途：%(names)s"), names="、".join(label_of(key) for key in unknown))
    if not guide.contacts:
        guide = by_template(db, program, template, state, only_used=True)
    return change_guide(db, program, guide, who=who)


def with_missing(state: ProgramPrivacy, template: PrivacyTemplate | None) -> tuple[Guide, list[str]]:
    """The guide in development with the template's words for what is missing, and what still is then."""
    words = template.guide.purposes if template else {}
    added = {key: words[key] for key in state.missing if words.get(key)}
    guide = state.development
    guide = replace(guide, purposes={**guide.purposes, **added})
    return guide, missing_keys(guide, state.missing)


def by_template(
    db: Session, program: Program, template: PrivacyTemplate, state: ProgramPrivacy | None, *, only_used: bool = False
) -> Guide:  # fmt: skip
    """What the guide in development becomes by a template; nothing is sent and nothing kept."""
    merchant = load_merchant(db, program.merchant_id) if program.merchant_id else None
    now, used = (state.development, state.used) if state else (Guide(), [])
    return from_template(
        template.guide, now, used, only_used=only_used and state is not None and state.has_code,
        phone=merchant.contact_phone if merchant else "", email=merchant.contact_email if merchant else "",
    )  # fmt: skip


def keep_own_text(db: Session, who: Who, content: bytes) -> str:
    """Keep an own text for a guide; answers the file's id. Raises Invalid at `own_text`."""
    try:
        content.decode()
    except UnicodeDecodeError:
        raise Invalid(N_("请上传 UTF-8 编码的 .txt 文本文件"), field="own_text") from None
    if len(content) > LARGEST_TEXT:
        raise Invalid(N_("文本文件不能超过 100 KB"), field="own_text")
    return str(keep_file(db, who.provider_id, "privacy", content, content_type="text/plain", name="privacy.txt").id)


def _start(
    db: Session, name: str, program: Program, who: Who, params: Mapping[str, Any] | None = None
) -> BatchItem:  # fmt: skip
    item = start_one(db, name, Subject(program.id, program.name or program.appid), who=who, params=params)
    activity.record(db, who, f"program.{name.rpartition('.')[2]}", program)
    return item


# Steps


@step(label=N_("读取隐私设置"))
def read_privacy(db: Session, item: BatchItem) -> None:
    program = load_program(db, item.subject_id)
    read_state(db, program, client_of(db, program))


@step(label=N_("设置隐私保护指引"))
def set_guide(db: Session, item: BatchItem) -> None:
    """The list that is sent replaces the one before, so it may be sent again."""
    program = load_program(db, item.subject_id)
    _send(db, program, client_of(db, program), lock_privacy(db, program).wanted)


@step(label=N_("修改线上指引的联系方式"))
def set_contact(db: Session, item: BatchItem) -> None:
    program = load_program(db, item.subject_id)
    client, owner = client_of(db, program), owner_setting(lock_privacy(db, program).wanted_contact)
    settle(db)
    client.privacy.setprivacysetting(program.appid, privacy_ver=1, owner_setting=owner)
    read_state(db, program, client)


@step(label=N_("套用隐私模板"))
def apply_template(db: Session, item: BatchItem) -> dict[str, Any] | None:
    """By what the code uses now. What the template has no words for stays undeclared and is told."""
    program = load_program(db, item.subject_id)
    client = client_of(db, program)
    state = read_state(db, program, client)
    template = load_template(db, UUID(item.input["template"]))
    guide = check_guide(by_template(db, program, template, state, only_used=item.input["only_used"]))
    _send(db, program, client, guide)
    lacking = missing_keys(guide, state.used)
    return {"partial": [{"name": label_of(key), "why": _NO_PURPOSE} for key in lacking]} if lacking else None


def _send(db: Session, program: Program, client: WxClient, guide: Guide) -> None:
    """Waits while WeChat still scans the code."""
    own_text = _hand_in(db, client, program, guide.own_text)
    settle(db)
    try:
        client.privacy.setprivacysetting(
            program.appid, privacy_ver=2, owner_setting=owner_setting(guide, own_text),
            setting_list=setting_list(guide.purposes), sdk_privacy_info_list=sdk_list(guide),
        )  # fmt: skip
    except PrivacyScanPending as error:
        raise Later(_SCAN_PAUSE, why=str(error)) from error
    read_state(db, program, client)


def _hand_in(db: Session, client: WxClient, program: Program, own_text: str) -> str:
    """The media id: of a kept file that goes to WeChat now, or as WeChat told it."""
    try:
        row = load_file(db, UUID(own_text))
    except ValueError:
        return own_text
    upload = Upload("privacy.txt", read_file(row), "text/plain")
    settle(db)
    return str(client.privacy.uploadprivacyextfile(program.appid, file=upload)["ext_file_media_id"])


# Reading


def read_state(db: Session, program: Program, client: WxClient) -> ProgramPrivacy:
    """Ask WeChat and keep it, unless what is kept was asked later; what it refuses is kept beside and raised."""
    appid = program.appid
    settle(db)
    asked_at = clock.now()
    try:
        development = client.privacy.getprivacysetting(appid, privacy_ver=2)
        online = client.privacy.getprivacysetting(appid, privacy_ver=1)
        interfaces = client.privacy.get_privacy_interface(appid)["interface_list"]
        scanned = _read_scan(client, appid)
    except CallFailed as error:
        note_failure(lock_privacy(db, program), error)
        settle(db)
        raise
    state = lock_privacy(db, program)
    if state.read_at is not None and asked_at < state.read_at <= clock.now():
        return state
    guide = read_guide(development)
    state.keep(development=guide, online=read_guide(online))
    state.has_code = bool(development.get("code_exist"))
    state.used = [str(key) for key in development.get("privacy_list") or ()]
    state.missing = missing_keys(guide, state.used)
    state.scanning = scanned is None
    if scanned is not None:
        state.lacking, state.undeclared = scanned
    before = _open_reviews(state)
    state.interfaces = [_interface(one) for one in interfaces]
    now_open = _open_reviews(state)
    state.in_review, state.read_at = bool(now_open), asked_at
    clear_failure(state)
    if now_open - before:
        state.in_review_since = state.read_at
        expect(db, of_program(Kind.PRIVACY, program), Standing(Rhythm.PRIVACY, state.read_at))
    return state


def _open_reviews(state: ProgramPrivacy) -> set[str]:
    return {one["name"] for one in state.interfaces if one["status"] == InterfaceStatus.IN_REVIEW}


def read_after_upload(db: Session, program: Program) -> None:
    """New code was scanned: compare the guide with what it collects. What WeChat refuses is kept for the page."""
    if obstacle(program, DEVELOPMENT):
        return
    try:
        state = read_state(db, program, client_of(db, program))
    except CallFailed as error:
        raise_if_passing(error)
    else:
        if state.scanning:
            raise Later(_SCAN_PAUSE)


def _read_scan(client: WxClient, appid: str) -> tuple[list[str], list[str]] | None:
    """Interfaces without a grant and without a line in ext_json; None while WeChat still scans."""
    answer: Mapping[str, Any]
    try:
        answer = client.code.get_code_privacy_info(appid)
    except PrivacyScanPending:
        return None
    except CodeNotUploaded:
        return [], []
    except PrivacyInterfaceRefused as error:
        answer = error.answer
    lacking, undeclared = answer.get("without_auth_list"), answer.get("without_conf_list")
    return [str(one) for one in lacking or ()], [str(one) for one in undeclared or ()]


def _interface(one: PrivacyInterface) -> dict[str, Any]:
    return {
        "name": one.get("api_name") or "", "label": one.get("api_ch_name") or "", "link": one.get("api_link") or "",
        "status": int(one.get("status") or 0), "reason": one.get("fail_reason") or "",
    }  # fmt: skip


def lock_privacy(db: Session, program: Program) -> ProgramPrivacy:
    row = insert(ProgramPrivacy).values(
        id=new_id(), created_at=clock.now(), provider_id=program.provider_id, program_id=program.id, has_code=False,
        scanning=False, used=[], missing=[], lacking=[], undeclared=[], interfaces=[], in_review=False, operation="",
        rid="", error="",
    )  # fmt: skip
    db.execute(row.on_conflict_do_nothing(index_elements=["program_id"]))
    query = select(ProgramPrivacy).where(ProgramPrivacy.program_id == program.id).with_for_update()
    return db.scalars(query.execution_options(populate_existing=True)).one()
