"""The template library: drafts and templates as last read, our labels and ext_json, and requests to change it.

The work itself is done by a job (`saas.releases.library`): each request is a row whose outcome the page shows.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from saas.components.models import ComponentApp
from saas.config import settings
from saas.errors import N_, Conflict, Invalid, NotFound
from saas.queue import Lane, enqueue
from saas.releases import ext_json, variables
from saas.releases.audits import RUNNING
from saas.releases.code_state import UPLOAD_RUNNING
from saas.releases.ext_json import Fault, Merged
from saas.releases.models import (
    Audit,
    CodeState,
    Draft,
    LibraryAction,
    LibraryActionKind,
    LibraryActionStatus,
    Template,
    Upload,
)
from saas.releases.variables import Definition
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require

RUN = "jobs.releases.run_library_action"
BUILT_IN = ("appid", "program_name", "merchant_name")
"""Variables that have a value for every mini program."""
_OPEN = (LibraryActionStatus.QUEUED, LibraryActionStatus.RUNNING)


class ExtJsonInvalid(Invalid):
    """An `ext_json` with faults; each names its line and key."""

    def __init__(self, faults: Collection[Fault]) -> None:
        super().__init__(N_("ext_json 有 %(count)d 处需要修改"), field="ext_json", count=len(faults))
        self.faults = tuple(faults)


@dataclass(frozen=True)
class Use:
    """How many mini programs have a template's code in their trial version, online, on the way up, or in review."""

    trial: int = 0
    online: int = 0
    uploading: int = 0
    reviewing: int = 0

    @property
    def is_any(self) -> bool:
        return bool(self.trial or self.online or self.uploading or self.reviewing)


def list_drafts(db: Session, component: ComponentApp) -> list[Draft]:
    """The draft box as last read, newest first."""
    return list(
        db.scalars(
            select(Draft).where(Draft.component_id == component.id).order_by(Draft.made_at.desc(), Draft.id.desc())
        )
    )


def list_templates(db: Session, component_id: UUID) -> list[Template]:
    """The library as last read, the default first, then the newest. WeChat holds `template_library_size` at most."""
    query = select(Template).where(Template.component_id == component_id, Template.gone_at.is_(None))
    order = (Template.is_default.desc(), Template.made_at.desc().nulls_last(), Template.id.desc())
    return list(db.scalars(query.order_by(*order)))


def count_taken_places(db: Session, component_ids: Collection[UUID]) -> dict[UUID, int]:
    """How many places of WeChat's library each component app has taken; one query."""
    query = select(Template.component_id, func.count()).where(
        Template.component_id.in_(component_ids), Template.gone_at.is_(None)
    )
    return {row[0]: row[1] for row in db.execute(query.group_by(Template.component_id))}


def template_rows(db: Session, ids: Collection[UUID]) -> dict[UUID, Template]:
    """Templates by id, gone ones too, for lists that name them."""
    if not ids:
        return {}
    return {row.id: row for row in db.scalars(select(Template).where(Template.id.in_(ids)))}


def count_uses(db: Session, template_ids: Collection[UUID]) -> dict[UUID, Use]:
    """Who uses which template; four queries whatever the number."""
    if not template_ids:
        return {}
    state, uploads = CodeState, Upload
    trial = _count(db, state.trial_template_row_id, template_ids)
    online = _count(db, state.online_template_row_id, template_ids)
    uploading = _count(db, uploads.template_row_id, template_ids, uploads.status.in_(UPLOAD_RUNNING))
    in_review = exists().where(Audit.upload_id == uploads.id, Audit.status.in_(RUNNING))
    reviewing = _count(db, uploads.template_row_id, template_ids, in_review)
    return {
        one: Use(trial.get(one, 0), online.get(one, 0), uploading.get(one, 0), reviewing.get(one, 0))
        for one in template_ids
    }


def _count(
    db: Session, column: InstrumentedAttribute[Any], ids: Collection[UUID], *only: ColumnElement[bool]
) -> dict[UUID, int]:
    rows = db.execute(select(column, func.count()).where(column.in_(ids), *only).group_by(column))
    return {row[0]: row[1] for row in rows}


def request_sync(db: Session, component: ComponentApp, *, who: Who) -> LibraryAction:
    """Have drafts and templates read from WeChat. While that runs already, it is the same request."""
    require(who, Verb.WORK)
    running = _open_action(db, component, LibraryActionKind.SYNC, "")
    return running or _begin(db, component, LibraryActionKind.SYNC, "", who)


def add_draft(db: Session, component: ComponentApp, draft_id: str, *, who: Who) -> LibraryAction:
    """Have a draft added to the library. Refused when it is there already, because each adding takes a place."""
    require(who, Verb.WORK)
    draft = db.scalar(select(Draft).where(Draft.component_id == component.id, Draft.draft_id == draft_id))
    if draft is None:
        raise NotFound()
    if find_template_of_draft(db, component.id, draft_id) is not None:
        raise Conflict(N_("这个草稿已经在模板库里了"))
    size = settings().template_library_size
    if count_templates(db, component.id) >= size:
        raise Conflict(N_("模板库已满（%(size)d 个），请先删除不用的模板"), size=size)
    action = _begin(db, component, LibraryActionKind.ADD, draft_id, who)
    activity.record(db, who, "template.add", component, detail={"draft_id": draft_id, "version": draft.user_version})
    return action


def delete_template(
    db: Session, component: ComponentApp, template: Template, *, who: Who, although_used: bool = False
) -> LibraryAction:
    """Have a template deleted. What mini programs run stays; refused while an upload still needs it.

    Where mini programs run its code, raises Invalid at `sure` unless somebody says `although_used`.
    """
    require(who, Verb.WORK)
    lock_template(db, template)
    if template.gone_at is not None:
        raise Conflict(N_("这个模板已经不在模板库里了"))
    if is_uploading(db, template):
        raise Conflict(N_("有小程序正在用这个模板上传代码，请等它完成"))
    if not although_used and count_uses(db, [template.id])[template.id].is_any:
        raise Invalid(N_("还有小程序在用它的代码，没有删除；确定不再用它上传，请先勾选"), field="sure")
    action = _begin(db, component, LibraryActionKind.DELETE, template.template_id, who)
    activity.record(
        db, who, "template.delete", template,
        detail={"template_id": template.template_id, "version": template.user_version},
    )  # fmt: skip
    return action


def save_template(db: Session, template: Template, *, who: Who, label: str, text: str, note: str = "") -> Merged:
    """Keep our label, note and the `ext_json` that uploads start from; raises ExtJsonInvalid and keeps nothing then."""
    require(who, Verb.WORK)
    checked = check_ext_json(template, text)
    if checked.faults:
        raise ExtJsonInvalid(checked.faults)
    lock_template(db, template)
    template.label, template.ext_json = label, text
    template.note = note
    activity.record(db, who, "template.edit", template, detail={"template_id": template.template_id, "label": label})
    return checked


def definitions_of(template: Template) -> list[Definition]:
    """Every variable of the template's `ext_json`, in its order; those that nobody has described as plain texts."""
    described = variables.read_stored(template.variables)
    found = ext_json.check_template(template.ext_json).variables
    return [described.get(one.name) or Definition(one.name) for one in found if one.name not in BUILT_IN]


def save_variables(db: Session, template: Template, definitions: Sequence[Definition], *, who: Who) -> None:
    """Keep what the variables are; raises Invalid at `variables-<number>-<part>`."""
    require(who, Verb.WORK)
    rows = variables.to_store(definitions)
    lock_template(db, template)
    template.variables = rows
    activity.record(db, who, "template.variables", template, detail={"template_id": template.template_id})


def set_default(db: Session, template: Template, *, who: Who, on: bool) -> None:
    """Offer this template first for uploads, instead of another one; or no longer."""
    require(who, Verb.WORK)
    key = func.hashtextextended(f"default template {template.component_id}", 0)
    db.execute(select(func.pg_advisory_xact_lock(key)))
    lock_template(db, template)
    if template.gone_at is not None:
        raise Conflict(N_("这个模板已经不在模板库里了"))
    db.execute(
        update(Template)
        .where(Template.component_id == template.component_id, Template.is_default, Template.id != template.id)
        .values(is_default=False)
    )
    template.is_default = on
    activity.record(db, who, "template.default", template, detail={"template_id": template.template_id, "on": on})


def check_ext_json(template: Template, text: str) -> Merged:
    """What is wrong with an `ext_json` for this template, and which variables it asks for."""
    return ext_json.check_template(text, pages=template.pages, limit=settings().ext_json_kilobytes * 1024)


def lock_template(db: Session, template: Template) -> None:
    """Keep uploads from beginning with a template while it is being deleted, and the other way round."""
    db.refresh(template, with_for_update=True)


def is_uploading(db: Session, template: Template) -> bool:
    running = exists().where(Upload.template_row_id == template.id, Upload.status.in_(UPLOAD_RUNNING))
    return bool(db.scalar(select(running)))


def is_being_deleted(db: Session, template: Template) -> bool:
    deleting = exists().where(
        LibraryAction.component_id == template.component_id, LibraryAction.kind == LibraryActionKind.DELETE,
        LibraryAction.target == template.template_id, LibraryAction.status.in_(_OPEN),
    )  # fmt: skip
    return bool(db.scalar(select(deleting)))


def find_template_of_draft(db: Session, component_id: UUID, draft_id: str) -> Template | None:
    return db.scalars(
        select(Template).where(
            Template.component_id == component_id, Template.draft_id == draft_id, Template.gone_at.is_(None)
        )
    ).first()


def count_templates(db: Session, component_id: UUID) -> int:
    query = select(func.count()).select_from(Template)
    return db.scalar(query.where(Template.component_id == component_id, Template.gone_at.is_(None))) or 0


def list_actions(db: Session, component: ComponentApp) -> list[LibraryAction]:
    """What is under way, and the newest that ended: what the library page tells about. Newest first."""
    query = select(LibraryAction).where(LibraryAction.component_id == component.id).order_by(LibraryAction.id.desc())
    ended = db.scalars(query.where(LibraryAction.status.not_in(_OPEN)).limit(1)).all()
    return [*db.scalars(query.where(LibraryAction.status.in_(_OPEN))), *ended]


def is_open(action: LibraryAction) -> bool:
    return action.status in _OPEN


def _open_action(db: Session, component: ComponentApp, kind: LibraryActionKind, target: str) -> LibraryAction | None:
    return db.scalars(
        select(LibraryAction).where(
            LibraryAction.component_id == component.id, LibraryAction.kind == kind, LibraryAction.target == target,
            LibraryAction.status.in_(_OPEN),
        )
    ).first()  # fmt: skip


def _begin(db: Session, component: ComponentApp, kind: LibraryActionKind, target: str, who: Who) -> LibraryAction:
    """Claim by the unique key of open actions."""
    action = LibraryAction(
        provider_id=component.provider_id, component_id=component.id, kind=kind, target=target, created_by=who.user_id
    )
    try:
        with db.begin_nested():
            db.add(action)
            db.flush()
    except IntegrityError:
        raise Conflict(N_("这项操作正在进行，请等它完成")) from None
    enqueue(db, RUN, action.id, lane=Lane.URGENT)
    return action
