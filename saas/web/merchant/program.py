"""One mini program of a merchant: its way online, the authorization, what is online, audits, what was done to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from flask import g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from saas.errors import NotFound
from saas.onboarding.entering import lacking_permissions, link_to_authorize
from saas.programs.access import get_program
from saas.programs.models import AuthorizationStatus, Program, ProgramStep
from saas.programs.polling import visit
from saas.programs.words import Step, Word
from saas.releases import audits, code_state, uploads
from saas.releases.access import get_audit
from saas.releases.models import Audit, AuditStatus
from saas.releases.pictures import screenshot_files
from saas.tenants import activity
from saas.tenants.access import Verb
from saas.tenants.models import Activity
from saas.web.merchant.blueprint import merchant
from saas.web.merchant.timeline import cards, find_open_cases, word_for_her
from saas.web.pages import render
from saas.web.provider.pieces import ACTIVITIES
from saas.web.provider.releases import picture
from saas.wx.permissions import permission_set

PAGE = 20
_OWN_BUSINESS = frozenset(
    {
        "program.note.edit", "program.owner", "program.tags", "program.values", "program.values.edit",
        "program.import", "program.import_table", "program.assign",
    }
)  # fmt: skip
"""What the provider notes for itself."""
SHOWN = tuple(verb for verb in ACTIVITIES if verb.startswith("program.") and verb not in _OWN_BUSINESS)


@merchant.get("/programs/<uuid:program_id>")
def show_program(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.VIEW)
    visit(g.db, program)
    (card,) = cards([program], find_open_cases())
    state = code_state.find_state(g.db, program)
    trial = uploads.trial_upload(g.db, program)
    newest = _audits(program, limit=4)
    entries = _entries(program, limit=6)
    return render(
        "merchant/program.html", card=card, program=program, state=state, trial=trial,
        may_reauthorize=bool(program.appid) and card.may_answer,
        sets=[permission_set(number) for number in program.permission_sets],
        missing=lacking_permissions(program) if _is_authorized(program) else [],
        is_authorized=_is_authorized(program), dates=_dates(card.steps),
        audits=newest[:3], more_audits=len(newest) > 3, pictures_of=screenshot_files, audit_word=audit_word,
        entries=entries[:5], more_entries=len(entries) > 5, actor=actor,
    )  # fmt: skip


@merchant.post("/programs/<uuid:program_id>/authorize")
def authorize_program(program_id: UUID) -> ResponseReturnValue:
    """On to the page of a link for this mini program; where there is none that works, one is made."""
    program = get_program(g.db, g.who, program_id, Verb.ANSWER)
    if not program.appid:
        raise NotFound()
    link = link_to_authorize(g.db, program, who=g.who.at(program.merchant_id))
    return redirect(url_for("public.show_authorization", token=link.token), code=303)


@merchant.get("/programs/<uuid:program_id>/trial-qr")
def program_trial_qr(program_id: UUID) -> ResponseReturnValue:
    trial = uploads.trial_upload(g.db, get_program(g.db, g.who, program_id, Verb.VIEW))
    return picture(trial.trial_qr_file_id if trial is not None else None, "trial_qr")


@merchant.get("/programs/<uuid:program_id>/audits")
def list_program_audits(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.VIEW)
    before = request.args.get("before", type=UUID)
    rows = _audits(program, before=before, limit=PAGE + 1)
    here = url_for("merchant.list_program_audits", program_id=program.id)
    return render(
        "merchant/audits.html", program=program, audits=rows[:PAGE], pictures_of=screenshot_files,
        audit_word=audit_word, next_url=f"{here}?before={rows[PAGE - 1].id}" if len(rows) > PAGE else "",
        first_url=here if before else "",
    )  # fmt: skip


@merchant.get("/audits/<uuid:audit_id>/screenshots/<int:number>")
def program_screenshot(audit_id: UUID, number: int) -> ResponseReturnValue:
    _program, audit = get_audit(g.db, g.who, audit_id, Verb.VIEW)
    kept = screenshot_files(audit)
    if not 1 <= number <= len(kept):
        raise NotFound()
    return picture(kept[number - 1], "screenshot")


@merchant.get("/programs/<uuid:program_id>/activity")
def program_activity(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.VIEW)
    before = request.args.get("before", type=UUID)
    rows = _entries(program, before=before, limit=PAGE + 1)
    here = url_for("merchant.program_activity", program_id=program.id)
    return render(
        "merchant/activity.html", program=program, entries=rows[:PAGE], actor=actor,
        next_url=f"{here}?before={rows[PAGE - 1].id}" if len(rows) > PAGE else "", first_url=here if before else "",
    )  # fmt: skip


def actor(entry: Activity) -> str:
    """Who did it, as the merchant knows them: the provider as a whole, her own people by name."""
    if entry.actor_kind == "member":
        return str(g.brand.name)
    return _("系统") if entry.actor_name == "系统" else entry.actor_name


_AUDITS = {
    AuditStatus.QUEUED: Word.SUBMITTING, AuditStatus.SUBMITTING: Word.SUBMITTING,
    AuditStatus.FAILED: Word.SUBMIT_FAILED, AuditStatus.IN_REVIEW: Word.IN_REVIEW,
    AuditStatus.DELAYED: Word.DELAYED, AuditStatus.REJECTED: Word.REJECTED, AuditStatus.UNDONE: Word.UNDONE,
}  # fmt: skip


def audit_word(audit: Audit) -> str:
    """How an audit went."""
    word = _AUDITS.get(AuditStatus(audit.status))
    return word_for_her(word) if word is not None else _("审核通过")


def _is_authorized(program: Program) -> bool:
    return program.authorization == AuthorizationStatus.AUTHORIZED


def _audits(program: Program, *, limit: int, before: UUID | None = None) -> list[Audit]:
    return audits.list_audits(g.db, program, before=before, limit=limit)


def _entries(program: Program, *, limit: int, before: UUID | None = None) -> list[Activity]:
    return activity.list_activities(
        g.db, object_id=program.id, object_kind=Program.__tablename__, verbs=SHOWN, before=before, limit=limit
    )


def _dates(steps: Sequence[ProgramStep]) -> list[tuple[str, str, datetime | None]]:
    """Certification and filing: how each stands and until when, as far as there is an end."""
    rows = {Step(row.step): row for row in steps}
    found = []
    for step, label in ((Step.CERTIFY, _("微信认证")), (Step.FILE, _("备案"))):
        row = rows.get(step)
        if row is None:
            continue
        ended = row.word == Word.CERTIFICATE_ENDED
        text = " · ".join(filter(None, (word_for_her(row.word), str(row.detail.get("number") or ""))))
        found.append((label, text, row.since if ended else row.due_at))
    return found
