"""Uploads: a template's code, with the values of one mini program, on its way to being the trial version.

What runs afterwards is `saas.releases.uploading`, by a job.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from saas.config import settings
from saas.errors import N_, Conflict, Invalid
from saas.programs.models import Program
from saas.queue import Lane, enqueue, waiting
from saas.releases import ext_json, variables
from saas.releases.access import hold_program
from saas.releases.code_state import UPLOAD_RUNNING, refuse_if_busy, refuse_unless_workable
from saas.releases.ext_json import Merged
from saas.releases.models import Template, Upload, UploadStatus
from saas.releases.templates import ExtJsonInvalid, is_being_deleted, lock_template
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.tenants.merchants import get_merchant
from saas.tenants.models import Merchant

RUN = "jobs.releases.upload"
FETCH_TRIAL_QR = "jobs.releases.fetch_trial_qr"
_LONGEST_VERSION = 64
_LONGEST_TEXT = 500


@dataclass(frozen=True)
class Value:
    """A value that fills a template's variable; `source` is program, merchant, built_in, or "" when there is none."""

    name: str
    value: Any
    source: str

    @property
    def text(self) -> str:
        """As people type it: a string as it is, anything else as JSON."""
        return self.value if isinstance(self.value, str) else json.dumps(self.value, ensure_ascii=False)


def values_of(db: Session, program: Program, *, who: Who) -> dict[str, Value]:
    """Everything that variables may use: the mini program's own values, then its merchant's, then built-in ones."""
    merchant = get_merchant(db, who, program.merchant_id, Verb.VIEW) if program.merchant_id else None
    return _layered(program, merchant)


def _layered(program: Any, merchant: Any) -> dict[str, Value]:
    layers: list[tuple[str, Mapping[str, Any]]] = [
        (
            "built_in",
            {
                "appid": program.appid,
                "program_name": program.name,
                "merchant_name": merchant.name if merchant else "",
            },
        ),
        ("merchant", merchant.ext_values if merchant else {}),
        ("program", program.ext_values),
    ]
    return {name: Value(name, value, source) for source, layer in layers for name, value in layer.items()}


def merge_for(template: Template, program: Program, values: Mapping[str, Value]) -> Merged:
    """What this mini program would get of this template: the JSON with every fault in it."""
    given = {name: one.value for name, one in values.items()}
    filled, faults = variables.fill(variables.read_stored(template.variables), given)
    merged = ext_json.merge(
        template.ext_json, appid=program.appid, values=filled, pages=template.pages,
        limit=settings().ext_json_kilobytes * 1024,
    )  # fmt: skip
    used = {one.name for one in merged.variables}
    return replace(merged, faults=(*(fault for fault in faults if fault.key in used), *merged.faults))


def missing_values(db: Session, template: Template, program: Program, *, who: Who) -> list[str]:
    """What keeps this template from being uploaded for this mini program, variable by variable: their names."""
    titles = _titles(template)
    return [titles.get(name) or name for name in _unfilled(template)(values_of(db, program, who=who))]


def missing_in_bulk(db: Session, template: Template, program_ids: Collection[UUID]) -> dict[UUID, list[str]]:
    """`missing_values` of each of these mini programs that lacks any; two queries."""
    titles, found = _titles(template), unfilled_in_bulk(db, template, program_ids)
    return {program_id: [titles.get(name) or name for name in names] for program_id, names in found.items()}


def unfilled_in_bulk(db: Session, template: Template, program_ids: Collection[UUID]) -> dict[UUID, list[str]]:
    """The variables without a fitting value, of each of these mini programs that has any; two queries."""
    columns = (Program.id, Program.appid, Program.name, Program.merchant_id, Program.ext_values)
    rows = db.execute(select(*columns).where(Program.id.in_(program_ids))).all()
    owners = {row.merchant_id for row in rows if row.merchant_id}
    merchants = {
        row.id: row
        for row in db.execute(select(Merchant.id, Merchant.name, Merchant.ext_values).where(Merchant.id.in_(owners)))
    }
    lacking = _unfilled(template)
    found = {row.id: lacking(_layered(row, merchants.get(row.merchant_id))) for row in rows}
    return {program_id: names for program_id, names in found.items() if names}


def _titles(template: Template) -> dict[str, str]:
    return {key: one.title for key, one in variables.read_stored(template.variables).items()}


def _unfilled(template: Template) -> Callable[[Mapping[str, Value]], list[str]]:
    """Tells which variables of this template have no fitting value among those given."""
    definitions = variables.read_stored(template.variables)
    names = [one.name for one in ext_json.check_template(template.ext_json).variables]

    def lacking(values: Mapping[str, Value]) -> list[str]:
        filled, faults = variables.fill(definitions, {name: one.value for name, one in values.items()})
        wrong = {fault.key for fault in faults}
        return [name for name in names if name in wrong or name not in filled]

    return lacking


def with_typed(values: Mapping[str, Value], program: Program, typed: Mapping[str, str]) -> dict[str, Value]:
    """The values as they would be with what was typed for this mini program: a blank gives way to the merchant's."""
    mixed = dict(values)
    for name, text in typed.items():
        if text.strip():
            mixed[name] = Value(name, _read_typed(name, text, program.ext_values.get(name)), "program")
        elif name in mixed and mixed[name].source == "program":
            del mixed[name]
    return mixed


def save_values(db: Session, program: Program, *, who: Who, typed: Mapping[str, str]) -> None:
    """Keep this mini program's own values of variables; a blank one is forgotten, the merchant's holds again."""
    require(who, Verb.WORK)
    hold_program(db, program)
    kept = dict(program.ext_values)
    for name, text in typed.items():
        if text.strip():
            kept[name] = _read_typed(name, text, kept.get(name))
        else:
            kept.pop(name, None)
    if kept != program.ext_values:
        program.ext_values = kept
        activity.record(db, who, "program.values", program, detail={"names": sorted(typed)})


def start_upload(
    db: Session,
    program: Program,
    template: Template,
    *,
    who: Who,
    user_version: str,
    description: str,
    typed: Mapping[str, str] | None = None,
    lane: Lane = Lane.URGENT,
) -> Upload:
    """Begin an upload; raises ExtJsonInvalid with every fault, or a Conflict that says what must end first.

    `typed` are values of variables for this mini program, kept for the next time.
    """
    require(who, Verb.WORK)
    refuse_unless_workable(program)
    if not user_version:
        raise Invalid(N_("请填写版本号"), field="user_version")
    if len(user_version) > _LONGEST_VERSION:
        raise Invalid(N_("版本号最多 %(max)d 个字符"), field="user_version", max=_LONGEST_VERSION)
    if not description:
        raise Invalid(N_("请填写版本说明"), field="description")
    if len(description) > _LONGEST_TEXT:
        raise Invalid(N_("版本说明最多 %(max)d 个字符"), field="description", max=_LONGEST_TEXT)
    hold_program(db, program)
    refuse_if_busy(db, program)
    lock_template(db, template)
    if template.component_id != program.component_id or template.gone_at is not None:
        raise Invalid(N_("模板库里已经没有这个模板，请换一个"), field="template")
    if is_being_deleted(db, template):
        raise Invalid(N_("这个模板正在删除，请换一个"), field="template")
    if typed:
        save_values(db, program, who=who, typed=typed)
    merged = merge_for(template, program, values_of(db, program, who=who))
    if merged.faults:
        raise ExtJsonInvalid(merged.faults)
    upload = Upload(
        provider_id=program.provider_id, program_id=program.id, created_by=who.user_id, template_row_id=template.id,
        template_id=template.template_id, user_version=user_version, description=description, ext_json=merged.text,
    )  # fmt: skip
    try:
        with db.begin_nested():
            db.add(upload)
            db.flush()
    except IntegrityError:
        raise Conflict(N_("正在上传代码，请等它完成")) from None
    enqueue(db, RUN, upload.id, lane=lane)
    detail = {"upload": str(upload.id), "template_id": template.template_id, "version": user_version}
    activity.record(db, who, "program.upload", program, detail=detail)
    return upload


def newest_upload(db: Session, program: Program) -> Upload | None:
    return db.scalars(select(Upload).where(Upload.program_id == program.id).order_by(Upload.id.desc()).limit(1)).first()


def trial_upload(db: Session, program: Program) -> Upload | None:
    """The upload whose code is the trial version now."""
    held = (UploadStatus.SCANNING, UploadStatus.READY)
    query = select(Upload).where(Upload.program_id == program.id, Upload.status.in_(held))
    return db.scalars(query.order_by(Upload.id.desc()).limit(1)).first()


def list_uploads(db: Session, program: Program, *, before: UUID | None = None, limit: int = 20) -> list[Upload]:
    query = select(Upload).where(Upload.program_id == program.id).order_by(Upload.id.desc()).limit(limit)
    return list(db.scalars(query.where(Upload.id < before) if before else query))


def is_running(upload: Upload) -> bool:
    return upload.status in UPLOAD_RUNNING


def request_trial_qr(db: Session, program: Program, upload: Upload, *, who: Who, path: str) -> None:
    """Have the trial QR code drawn for one page, `path` with its query, or for the home page."""
    require(who, Verb.WORK)
    page = path.partition("?")[0]
    if page and upload.pages and page not in upload.pages:
        raise Invalid(N_("这一版代码里没有页面 %(page)s"), field="path", page=page)
    if len(path) > _LONGEST_TEXT:
        raise Invalid(N_("页面路径最多 %(max)d 个字符"), field="path", max=_LONGEST_TEXT)
    current = trial_upload(db, program)
    if current is None or current.id != upload.id:
        raise Conflict(N_("这一版已不是体验版，取不到它的二维码"))
    upload.trial_qr_path = path
    enqueue(db, FETCH_TRIAL_QR, upload.id, lane=Lane.URGENT)


def is_fetching_qr(db: Session, upload: Upload) -> bool:
    return waiting(db, FETCH_TRIAL_QR, upload.id) is not None


def _read_typed(name: str, text: str, before: Any) -> Any:
    """What was typed for a variable: text, unless its value was a number, list or the like before."""
    if before is None or isinstance(before, str):
        return text.strip()
    try:
        value = json.loads(text)
    except ValueError:
        raise Invalid(N_("变量 %(name)s 的值应是 JSON"), field="values", name=name) from None
    return value
