"""The work on a component app's template library: read it, add a draft, delete a template. Done by a job.

Each action ends with reading the library, so that our rows are what WeChat has. Safe to run twice.
https://developers.weixin.qq.com/doc/oplatform/openApi/thirdparty-management/template-management/api_addtotemplate
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from saas import clock
from saas.components.access import load_component
from saas.components.models import ComponentApp
from saas.components.wechat import wechat
from saas.db import new_id, settle
from saas.errors import N_, Conflict
from saas.failures import clear_failure, note_failure, raise_if_passing
from saas.releases.code_state import moment
from saas.releases.models import Draft, LibraryAction, LibraryActionKind, LibraryActionStatus, Template
from saas.wx.client import WxClient
from saas.wx.errors import CallFailed, TemplateNotFound


def run_library_action(db: Session, action: LibraryAction) -> None:
    """Do what was asked for; WeChat's refusals end it, its silence is raised so that the runner tries again."""
    if action.status not in (LibraryActionStatus.QUEUED, LibraryActionStatus.RUNNING):
        return
    again = action.status == LibraryActionStatus.RUNNING
    action.status = LibraryActionStatus.RUNNING
    component = load_component(db, action.component_id)
    client = wechat(component)
    settle(db)
    try:
        if action.kind == LibraryActionKind.ADD:
            _add(client, action.target, again=again)
        elif action.kind == LibraryActionKind.DELETE:
            _delete(client, action.target)
        drafts = client.templates.gettemplatedraftlist().get("draft_list") or []
        templates = client.templates.gettemplatelist().get("template_list") or []
    except CallFailed as error:
        raise_if_passing(error)
        note_failure(action, error)
        _end(action, LibraryActionStatus.FAILED)
        return
    component = load_component(db, action.component_id)
    _write_drafts(db, component, drafts)
    _write_templates(db, component, templates)
    component.templates_synced_at = clock.now()
    if action.kind == LibraryActionKind.ADD and not any(str(one.get("draft_id")) == action.target for one in templates):
        note_failure(action, Conflict(N_("微信接受了草稿，但模板库里还看不到它；请过一会儿再刷新")))
        _end(action, LibraryActionStatus.FAILED)
        return
    clear_failure(action)
    _end(action, LibraryActionStatus.DONE)


def fail_library_action(action: LibraryAction, error: BaseException) -> None:
    """The runner gave up."""
    note_failure(action, error)
    _end(action, LibraryActionStatus.FAILED)


def _end(action: LibraryAction, status: LibraryActionStatus) -> None:
    action.status, action.finished_at = status, clock.now()


def _add(client: WxClient, draft_id: str, *, again: bool) -> None:
    """Adding twice would take two places: a run that may repeat another's work looks first."""
    if again:
        templates = client.templates.gettemplatelist().get("template_list") or []
        if any(str(one.get("draft_id")) == draft_id for one in templates):
            return
    client.templates.addtotemplate(draft_id=draft_id)


def _delete(client: WxClient, template_id: str) -> None:
    try:
        client.templates.deletetemplate(template_id=template_id)
    except TemplateNotFound:
        return  # it is gone, which is what was asked for


def _write_drafts(db: Session, component: ComponentApp, drafts: list[Any]) -> None:
    """The draft box keeps no history: rows that WeChat no longer lists go."""
    seen = []
    for one in drafts:
        draft_id = str(one.get("draft_id") or "")
        if draft_id:
            _upsert(db, component, Draft, "draft_id", draft_id, _described(one))
            seen.append(draft_id)
    db.execute(
        delete(Draft)
        .where(Draft.component_id == component.id, Draft.draft_id.not_in(seen))
        .execution_options(synchronize_session=False)
    )


def _write_templates(db: Session, component: ComponentApp, templates: list[Any]) -> None:
    """Rows of templates that WeChat no longer lists are marked: uploads and programs still name them."""
    known = set(db.scalars(select(Template.template_id).where(Template.component_id == component.id)))
    seen = []
    for one in templates:
        template_id = str(one.get("template_id") or "")
        if not template_id:
            continue
        facts = _described(one) | {
            "draft_id": str(one.get("draft_id") or ""), "kind": int(one.get("template_type") or 0), "gone_at": None,
        }  # fmt: skip
        _upsert(db, component, Template, "template_id", template_id, facts)
        seen.append(template_id)
    db.execute(
        update(Template)
        .where(Template.component_id == component.id, Template.gone_at.is_(None), Template.template_id.not_in(seen))
        .values(gone_at=clock.now(), is_default=False)
        .execution_options(synchronize_session=False)
    )
    _inherit_ext_json(db, component, set(seen) - known)


def _inherit_ext_json(db: Session, component: ComponentApp, new_ids: set[str]) -> None:
    """A new template starts with the ext_json and the variables of the newest earlier one from the same development
    mini program.
    """
    if not new_ids:
        return
    query = select(Template).where(Template.component_id == component.id).order_by(Template.made_at, Template.id)
    newest: dict[str, Template] = {}
    for row in db.scalars(query.execution_options(populate_existing=True)):
        if row.template_id in new_ids and row.source_appid in newest:
            earlier = newest[row.source_appid]
            row.ext_json, row.variables = earlier.ext_json, earlier.variables
        if row.ext_json or row.source_appid not in newest:
            newest[row.source_appid] = row


def _described(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "user_version": str(one.get("user_version") or ""),
        "description": str(one.get("user_desc") or ""),
        "source_appid": str(one.get("source_miniprogram_appid") or ""),
        "source_name": str(one.get("source_miniprogram") or ""),
        "developer": str(one.get("developer") or ""),
        "made_at": moment(one.get("create_time")),
    }


def _upsert(
    db: Session,
    component: ComponentApp,
    model: type[Draft] | type[Template],
    key: str,
    value: str,
    facts: dict[str, Any],
) -> None:
    blank = {"label": "", "note": "", "is_default": False, "ext_json": "", "variables": [], "pages": []}
    own: dict[str, Any] = blank if model is Template else {}
    row = insert(model).values(
        id=new_id(), created_at=clock.now(), provider_id=component.provider_id, component_id=component.id,
        **{key: value}, **facts, **own,
    )  # fmt: skip
    db.execute(row.on_conflict_do_update(index_elements=["component_id", key], set_=facts))
