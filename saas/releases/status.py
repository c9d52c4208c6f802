"""Where each mini program's code stands, whose turn it is and since when: derived from its newest upload, audit and
release and from what is online.

Pages about the code derive it on the spot. For lists and timelines `write_code_steps` keeps it in `program_steps` and
in the summary of `programs`; it runs by itself whenever one of those rows changes (`saas.programs.noticing`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, case, select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased

from saas.programs import standing
from saas.programs.models import AuthorizationStatus, Program, ProgramStep
from saas.programs.versions import version_key
from saas.programs.words import NextStep, Step, Turn, Word
from saas.releases.code_state import UPLOAD_RUNNING
from saas.releases.models import (
    Audit,
    AuditStatus,
    CodeState,
    Release,
    ReleaseKind,
    ReleaseStatus,
    Template,
    Upload,
    UploadStatus,
)


@dataclass(frozen=True)
class ProgramStatus:
    """`label` is a msgid. `suspended` says that users cannot open the online version."""

    stage: Word
    since: datetime | None
    version: str = ""
    online_version: str = ""
    suspended: bool = False

    @property
    def label(self) -> str:
        return self.stage.label

    @property
    def turn(self) -> Turn:
        return self.stage.turn

    @property
    def next_step(self) -> NextStep:
        return self.stage.next_step


def statuses_of(db: Session, program_ids: Collection[UUID]) -> dict[UUID, ProgramStatus]:
    """The status of each of these mini programs; one query, whatever the number."""
    if not program_ids:
        return {}
    return {
        program.id: derive(program, upload, _telling(audit, reached, row, state), row, state)
        for program, upload, audit, reached, row, state, _, _ in db.execute(_facts(program_ids))
    }


def status_of(db: Session, program: Program) -> ProgramStatus:
    return statuses_of(db, [program.id])[program.id]


def derive(
    program: Program, upload: Upload | None, audit: Audit | None, row: Release | None, state: CodeState | None
) -> ProgramStatus:
    """The stage from the newest upload, audit and release and from what is online."""
    if program.authorization != AuthorizationStatus.AUTHORIZED:
        stage, since, version = Word.UNAUTHORIZED, program.unauthorized_at, ""
    else:
        stage, since, version = _stage(upload, audit, row, state) or (Word.NO_CODE, program.authorized_at, "")
    online = state.online_version if state else ""
    return ProgramStatus(stage, since, version, online, suspended=bool(state and online and state.visible is False))


def write_code_steps(db: Session, program_ids: Collection[UUID]) -> None:
    """Keep what is derived: the steps of the code, of which only the leading one waits for somebody, and the versions.

    Runs by itself before a commit that changed any of these rows, with the mini programs locked.
    """
    steps = standing.steps_of(db, program_ids)
    facts = _facts(program_ids).execution_options(populate_existing=True)
    for program, upload, newest, reached, row, state, trial_template, online_template in db.execute(facts).all():
        audit = _telling(newest, reached, row, state)
        leading = _stage(upload, audit, row, state)
        stages = {found[0].step: found for found in _stages(upload, audit, row, state) if found}
        if leading is not None:
            stages[leading[0].step] = leading
        known = {Step(one.step): one for one in steps[program.id]}
        for step in (Step.BUILD, Step.AUDIT, Step.ONLINE):
            if step not in stages:
                if step in known:
                    standing.drop_step(db, program, step)
                continue
            word, since, version = stages[step]
            turn = word.turn if stages[step] is leading else Turn.NOBODY
            if step not in known or _said(known[step]) != (word, turn, since, version):
                standing.note_step(db, program, step, word, since=since, turn=turn, detail={"version": version})
        program.trial_version = state.trial_version if state else ""
        program.online_version = state.online_version if state else ""
        program.trial_version_key = version_key(program.trial_version)
        program.online_version_key = version_key(program.online_version)
        program.trial_template, program.online_template = _number(trial_template), _number(online_template)
        program.rejected_audit_id, program.reject_key = _rejection(reached)


def _rejection(newest: Audit | None) -> tuple[UUID | None, str | None]:
    """The rejection that a mini program has not overcome, and its reason while nobody has set it aside. A submission
    that failed on the way overcomes nothing."""
    if newest is None or newest.status != AuditStatus.REJECTED:
        return None, None
    return newest.id, None if newest.set_aside_at else newest.reason_key


def note_set_aside(db: Session, program_ids: Collection[UUID]) -> None:
    """Keep which of their rejections wait, after some were set aside or taken back."""
    key = case((Audit.set_aside_at.is_(None), Audit.reason_key), else_=None)
    mine = (Program.id.in_(program_ids), Audit.id == Program.rejected_audit_id)
    noted = update(Program).where(*mine).values(reject_key=key)
    db.execute(noted.execution_options(synchronize_session=False))


def _said(row: ProgramStep) -> tuple[str, str, datetime | None, str]:
    return row.word, row.turn, row.since, row.detail.get("version", "")


def _number(template_id: str | None) -> int | None:
    return int(template_id) if template_id and template_id.isdecimal() and len(template_id) < 10 else None


def _facts(program_ids: Collection[UUID]) -> Select[Any]:
    """Each mini program with its newest upload, audit, audit that did not fail on the way, and release, its code state,
    and WeChat's template numbers.
    """
    upload, audit, row = _newest(Upload, program_ids), _newest(Audit, program_ids), _newest(Release, program_ids)
    reached = _newest(Audit, program_ids, Audit.status != AuditStatus.FAILED)
    trial, online = aliased(Template), aliased(Template)
    return (
        select(Program, upload, audit, reached, row, CodeState, trial.template_id, online.template_id)
        .outerjoin(upload, upload.program_id == Program.id)
        .outerjoin(audit, audit.program_id == Program.id)
        .outerjoin(reached, reached.program_id == Program.id)
        .outerjoin(row, row.program_id == Program.id)
        .outerjoin(CodeState, CodeState.program_id == Program.id)
        .outerjoin(trial, trial.id == CodeState.trial_template_row_id)
        .outerjoin(online, online.id == CodeState.online_template_row_id)
        .where(Program.id.in_(program_ids))
    )


_AUDIT_STAGES = {
    AuditStatus.QUEUED: Word.SUBMITTING,
    AuditStatus.SUBMITTING: Word.SUBMITTING,
    AuditStatus.IN_REVIEW: Word.IN_REVIEW,
    AuditStatus.DELAYED: Word.DELAYED,
    AuditStatus.REJECTED: Word.REJECTED,
    AuditStatus.UNDONE: Word.UNDONE,
    AuditStatus.APPROVED: Word.APPROVED,
    AuditStatus.FAILED: Word.SUBMIT_FAILED,
}
_UPLOAD_STAGES = {
    UploadStatus.QUEUED: Word.UPLOADING,
    UploadStatus.SENDING: Word.UPLOADING,
    UploadStatus.SCANNING: Word.SCANNING,
    UploadStatus.READY: Word.READY,
    UploadStatus.SUPERSEDED: Word.READY,
    UploadStatus.FAILED: Word.UPLOAD_FAILED,
}
_WAITING = (Word.SUBMITTING, Word.IN_REVIEW, Word.DELAYED)

Stage = tuple[Word, datetime | None, str]
"""A word, since when, and the version that it is about."""


def _stage(upload: Upload | None, audit: Audit | None, row: Release | None, state: CodeState | None) -> Stage | None:
    """What runs comes first; then what is approved and not online; then whatever happened last. None without code."""
    if row is not None and row.status in (ReleaseStatus.QUEUED, ReleaseStatus.SENDING):
        return _of_release(row)
    if upload is not None and upload.status in UPLOAD_RUNNING:
        return _of_upload(upload)
    reviewed = _AUDIT_STAGES[AuditStatus(audit.status)] if audit else None
    if audit is not None and reviewed in _WAITING:
        return _of_audit(audit)
    if audit is not None and reviewed is Word.APPROVED:
        if not _went_online(audit, row, state):
            failed = row is not None and row.audit_id == audit.id and row.status == ReleaseStatus.FAILED
            return _of_release(row) if failed and row else _of_audit(audit)
        audit = None
    return _last(upload, audit, row, state)


def _telling(
    newest: Audit | None, reached: Audit | None, row: Release | None, state: CodeState | None
) -> Audit | None:  # fmt: skip
    """The newest audit; but a submission that failed on the way takes no approved version's release away."""
    waits = reached is not None and reached.status == AuditStatus.APPROVED and not _went_online(reached, row, state)
    return reached if waits else newest


def _went_online(audit: Audit, row: Release | None, state: CodeState | None) -> bool:
    """By our release, by a later roll back, or elsewhere."""
    if row is not None and row.id > audit.id and row.status == ReleaseStatus.DONE:
        return True
    taken_over = audit.upload_id is None and state is not None
    return bool(taken_over and state and state.online_version == audit.user_version)


def _last(upload: Upload | None, audit: Audit | None, row: Release | None, state: CodeState | None) -> Stage | None:
    """The newest thing that ended decides."""
    found: list[tuple[datetime, Stage]] = []
    if upload is not None:
        found.append((upload.created_at, _of_upload(upload)))
    if audit is not None:
        found.append((audit.created_at, _of_audit(audit)))
    if row is not None and row.status == ReleaseStatus.DONE:
        found.append((row.created_at, _of_release(row)))
    return max(found, key=lambda one: one[0])[1] if found else _online(row, state)


def _stages(
    upload: Upload | None, audit: Audit | None, row: Release | None, state: CodeState | None
) -> list[Stage | None]:
    """How each step of the code stands by itself."""
    return [_of_upload(upload) if upload else None, _of_audit(audit) if audit else None, _online(row, state)]


def _online(row: Release | None, state: CodeState | None) -> Stage | None:
    """What is online, whoever put it there; a release that failed has changed nothing."""
    if row is not None and row.status != ReleaseStatus.FAILED:
        return _of_release(row)
    return (Word.RELEASED, state.online_at, state.online_version) if state and state.online_version else None


def _of_upload(upload: Upload) -> Stage:
    since = upload.finished_at or upload.committed_at or upload.created_at
    return _UPLOAD_STAGES[UploadStatus(upload.status)], since, upload.user_version


def _of_audit(audit: Audit) -> Stage:
    since = audit.finished_at or audit.delayed_at or audit.submitted_at or audit.created_at
    return _AUDIT_STAGES[AuditStatus(audit.status)], since, audit.user_version


def _of_release(row: Release) -> Stage:
    done = Word.ROLLED_BACK if row.kind == ReleaseKind.ROLL_BACK else Word.RELEASED
    word = {ReleaseStatus.DONE: done, ReleaseStatus.FAILED: Word.RELEASE_FAILED}.get(ReleaseStatus(row.status))
    return word or Word.RELEASING, row.finished_at or row.created_at, row.user_version


def _newest(model: Any, program_ids: Collection[UUID], *where: ColumnElement[bool]) -> Any:
    """The newest row of each mini program, of those that fit `where`."""
    newest = (
        select(model)
        .ext(distinct_on(model.program_id))
        .where(model.program_id.in_(program_ids), *where)
        .order_by(model.program_id, model.id.desc())
        .subquery()
    )
    return aliased(model, newest)
