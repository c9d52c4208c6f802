"""The steps of a certification: what is slow, may run twice, and is done to one mini program or to many."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from saas import clock
from saas.batches.models import BatchItem
from saas.batches.steps import Skipped, step
from saas.db import new_id, settle
from saas.errors import N_, Conflict
from saas.failures import clear_failure, explain_failure, note_failure
from saas.programs import naming
from saas.programs.access import load_program
from saas.programs.certification import make_draft, ways_now
from saas.programs.certification_access import find_template, open_certification
from saas.programs.certification_data import Lacking, auth_data, lacking
from saas.programs.certification_models import Certification, CertificationTemplate, IdentityTree
from saas.programs.certification_models import CertificationStatus as S
from saas.programs.certification_progress import begin, move, note_certification, read_progress
from saas.programs.certification_states import ways
from saas.programs.changing import client_of, refuse_if_hindered
from saas.programs.filing_reading import read_state
from saas.programs.models import Program
from saas.programs.standing import steps_of
from saas.programs.words import Step, Word
from saas.queue import Later
from saas.tenants.access import system
from saas.tenants.stored_files import load_file, read_file
from saas.wx.api.certification import Identity
from saas.wx.chapter import Upload
from saas.wx.client import WxClient
from saas.wx.errors import CallFailed, CertificationRunning, NameRefused
from saas.wx.permissions import DEVELOPMENT

_INCOMPLETE = N_("资料不完整，请先补齐")
_NAME_TAKEN = 53013
_UNTIL_THE_EVENT = timedelta(seconds=30)


@step(label=N_("套用认证模板"))
def apply_template(db: Session, item: BatchItem) -> dict[str, Any]:
    """Make a draft, or fill the gaps of one that is there. `partial` of the result lists what is missing."""
    program = load_program(db, item.subject_id)
    template = find_template(db, UUID(item.input["template"]))
    if template is None:
        raise Conflict(N_("认证模板已经删除"))
    certification = open_certification(db, program)
    if certification is None:
        if _word(db, program) == Word.CERTIFIED:
            raise Skipped(N_("已经认证，不需要再认证"))
        who = system(program.provider_id, item.batch.created_by_name)
        certification = make_draft(db, program, who=who, template=template)
    else:
        _fill_gaps(db, program, certification, template)
    missing = lacking(certification.values, certification.papers)
    return {"partial": [_lack(one) for one in missing]} if missing else {}


def _fill_gaps(
    db: Session, program: Program, certification: Certification, template: CertificationTemplate
) -> None:  # fmt: skip
    db.refresh(certification, with_for_update=True)
    if certification.status != S.DRAFT or not ways_now(db, program, certification).edit:
        raise Skipped(N_("认证正在进行"))
    certification.values = {**template.values, **certification.values}
    certification.papers = {**template.papers, **certification.papers}
    certification.template_name = template.name


def _lack(one: Lacking) -> dict[str, str]:
    return {"name": one.label, "why": one.why or N_("还没有填写")}


def _word(db: Session, program: Program) -> str:
    return next((row.word for row in steps_of(db, [program.id])[program.id] if row.step == Step.CERTIFY), "")


@step(label=N_("发起认证"))
def start(db: Session, item: BatchItem) -> None:
    """Hand a draft to WeChat. It takes one at a time, and no call lists tasks: when an answer was lost, WeChat refuses
    the next try, and the event that names the task makes it ours.
    """
    program = load_program(db, item.subject_id)
    certification = open_certification(db, program)
    if certification is None:
        raise Skipped(N_("没有准备好的认证资料，请先套用模板"))
    db.refresh(certification, with_for_update=True)  # who was still editing has finished
    if certification.status != S.DRAFT:
        if item.attempt > 1:
            read_progress(db, certification)
            return
        raise Skipped(N_("认证已经发起，请查看进度"))
    body, client = _body(db, program, certification)
    tried_before, certification.sent_at = certification.sent_at is not None, clock.now()
    clear_failure(certification)
    settle(db)
    try:
        task = client.certification.wxaauth(program.appid, auth_data=body)
    except CertificationRunning as error:
        db.refresh(certification)
        if certification.task_id:
            read_progress(db, certification)
            return
        if tried_before:
            raise Later(_UNTIL_THE_EVENT, counts=True) from error
        _refuse(db, program, certification, error)
        raise
    except CallFailed as error:
        _refuse(db, program, certification, error)
        raise
    begin(db, program, certification, str(task["taskid"]), task.get("auth_url", ""))


@step(label=N_("重新提交认证"))
def resubmit(db: Session, item: BatchItem) -> None:
    """Hand in again what was sent back. A repeated try looks first whether the one before got through."""
    program = load_program(db, item.subject_id)
    certification = open_certification(db, program)
    if certification is not None and item.attempt > 1:
        read_progress(db, certification)
        if certification.status != S.SENT_BACK:
            return
    if certification is None or not ways(certification).resubmit:
        raise Skipped(N_("只有被打回、还有补充机会的认证才能重新提交"))
    db.refresh(certification, with_for_update=True)
    body, client = _body(db, program, certification)
    clear_failure(certification)
    settle(db)
    try:
        task = client.certification.reauth(program.appid, auth_data=body)
    except CallFailed as error:
        _refuse(db, program, certification, error)
        raise
    db.refresh(certification, with_for_update=True)
    certification.auth_url = task.get("auth_url") or certification.auth_url
    move(db, program, certification, S.IN_REVIEW)


def _body(db: Session, program: Program, certification: Certification) -> tuple[dict[str, Any], WxClient]:
    """Pictures go to WeChat right before: nobody says how long it keeps them."""
    refuse_if_hindered(program, DEVELOPMENT)
    values, papers = certification.values, certification.papers
    if lacking(values, papers):
        raise Skipped(_INCOMPLETE)
    client = client_of(db, program)
    upload = material_uploader(db, client, program)
    return auth_data(values, papers, upload, task_id=certification.task_id), client


def material_uploader(db: Session, client: WxClient, program: Program) -> Callable[[str], str]:
    """Hands a stored picture to WeChat as material of a certification; answers its media id."""

    def upload(file_id: str) -> str:
        row = load_file(db, UUID(file_id))
        media = Upload(row.name, read_file(row), row.content_type)
        settle(db)
        return client.certification.uploadauthmaterial(program.appid, media=media)["mediaid"]

    return upload


def _refuse(db: Session, program: Program, certification: Certification, error: CallFailed) -> None:
    """Keep what WeChat refused for good. Then nothing of this try is under way there."""
    if explain_failure(error).passing:
        return
    db.refresh(certification, with_for_update=True)
    note_failure(certification, error)
    if certification.status == S.DRAFT:
        certification.sent_at = None
    note_certification(db, program)
    settle(db)


@step(label=N_("检测认证名称"))
def check_name(db: Session, item: BatchItem) -> dict[str, Any]:
    """As `naming.check_name`, but a mini program may well have the name that it is certified with."""
    try:
        return naming.check_name(db, item) or {}
    except NameRefused as error:
        if error.code != _NAME_TAKEN or item.input["name"] != load_program(db, item.subject_id).name:
            raise
    return {"name": item.input["name"], "proof": ""}


@step(label=N_("查询认证进度"))
def refresh(db: Session, item: BatchItem) -> None:
    program = load_program(db, item.subject_id)
    certification = open_certification(db, program)
    if certification is None or not certification.is_at_wechat:
        raise Skipped(N_("没有正在办理的认证"))
    if certification.procedure_id:
        read_state(db, program)  # it goes together with the filing
    else:
        read_progress(db, certification)


@step(label=N_("读取认证身份"))
def read_identities(db: Session, item: BatchItem) -> None:
    """Keep the tree of what a person may be certified as."""
    program = load_program(db, item.subject_id)
    client = client_of(db, program)
    settle(db)
    roots = client.certification.authidentitytree(program.appid).get("identity_tree_list", [])
    row = insert(IdentityTree).values(
        id=new_id(), created_at=clock.now(), provider_id=program.provider_id, component_id=program.component_id,
        nodes=[_node(root) for root in roots], read_at=clock.now(),
    )  # fmt: skip
    db.execute(
        row.on_conflict_do_update(
            index_elements=["component_id"], set_={name: row.excluded[name] for name in ("nodes", "read_at")}
        )
    )


def _node(node: Identity) -> dict[str, Any]:
    return {
        "id": str(node.get("node_id", "")), "name": node.get("name", ""),
        "requirement": node.get("leaf_info", {}).get("requirement", ""),
        "children": [_node(child) for child in node.get("node_list", [])],
    }  # fmt: skip
