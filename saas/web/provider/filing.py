"""The filing of one mini program: how it stands, its form in three pages, sending, taking back, cancelling."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from flask import Response, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, RadioField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import InputRequired

from saas import clock
from saas.batches.models import BatchItem, ItemStatus
from saas.batches.progress import newest_items
from saas.components.budgets import left
from saas.errors import AppError, NotFound
from saas.programs import filing as filings
from saas.programs import filing_drafts, filing_reading, filing_sending, filing_templates, filing_together
from saas.programs.access import get_program
from saas.programs.certification_charges import price_fen
from saas.programs.certification_data import PROVIDER_PAYS, asked_for
from saas.programs.certification_states import WORDS as CERTIFICATION_WORDS
from saas.programs.filing import word_of
from saas.programs.filing_checks import FilingFaults
from saas.programs.filing_fields import BY_PATH, Part, field_at, field_named
from saas.programs.filing_forms import get_file
from saas.programs.filing_models import WATCHED, Filing, FilingStatus
from saas.programs.filing_sending import face_holds, lacking_of
from saas.programs.filing_tables import load_tables
from saas.programs.filing_together import Together
from saas.programs.models import Program
from saas.programs.polling import visit
from saas.tenants import activity
from saas.tenants.access import Verb
from saas.tenants.stored_files import read_file
from saas.web.forms import Form
from saas.web.going import done, refused
from saas.web.language import span
from saas.web.pages import render
from saas.web.provider.blueprint import provider
from saas.web.provider.certification_forms import shown
from saas.web.provider.filing_form import errors_of, groups_of, names_of, sent_files, sent_values, summaries
from saas.web.provider.filing_words import explanation, timeline

STEPS = (filing_reading.READ, filing_drafts.APPLY, *filing_sending.STEPS)


class CancelForm(Form):
    what = RadioField(
        _l("注销什么"), coerce=int, default=filing_sending.PROGRAM,
        choices=[
            SelectChoice(filing_sending.PROGRAM, _l("这个小程序的备案")),
            SelectChoice(filing_sending.ACCESS, _l("这个小程序的接入：备案保留，不再由微信接入")),
            SelectChoice(filing_sending.SUBJECT, _l("整个主体：主体下所有小程序的备案一起注销")),
        ],
    )  # fmt: skip
    reason = RadioField(
        _l("原因"), coerce=int, default=filing_sending.NO_LONGER_RUN,
        choices=[
            SelectChoice(filing_sending.NO_LONGER_RUN, _l("不再经营")),
            SelectChoice(filing_sending.OTHER_SUBJECT, _l("改由其他主体备案")),
        ],
    )  # fmt: skip
    sure = BooleanField(_l("我知道注销不能撤回，商家也已同意"), [InputRequired(_l("请先确认"))])


@provider.get("/programs/<uuid:program_id>/filing")
def show_filing(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.VIEW)
    visit(g.db, program)
    return _show(program)


@provider.post("/programs/<uuid:program_id>/filing/whole")
def reveal_filing(program_id: UUID) -> ResponseReturnValue:
    """Answers the page itself, so that personal data is neither in an address nor in a stored message."""
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    activity.record(g.db, g.who, "program.filing.view", program)
    return _show(program, whole=True)


def _show(program: Program, *, whole: bool = False) -> ResponseReturnValue:
    known, tables = _known(program), load_tables(g.db)
    parts = summaries(known, tables, whole=whole) if known.content else []
    lacking = [part for part in parts if part.missing]
    told = _told(program)
    both = filing_together.look(g.db, program, known)
    editable = filing_drafts.may_edit(g.db, program, known)
    return render(
        "provider/programs/filing.html", block=None if whole else "standing", program=program, tab="filing",
        filing=known, parts=parts, lacking=lacking, whole=whole, obstacle=filings.hindrance(program),
        told=told, busy=any(item.is_open for item in told), both=both,
        together=_goes_along(known, both), next=next_of(program, known, both, bool(lacking)),
        not_ready=lacking_of(known, together=_may_certify_along(program, known)), reasons=_reasons(known),
        editable=editable, certifies=filing_together.CERTIFICATION,
        faults=_faults(known), steps=timeline(known), text=explanation(known), names_of=names_of,
        moves=known.status in WATCHED, word=word_of(known), chances=left(g.db, program, filing_sending.LIMIT),
        remaining=_remaining(known), certification_words=CERTIFICATION_WORDS,
        templates=filing_templates.list_templates(g.db) if editable else [],
    )  # fmt: skip


def _remaining(known: Filing) -> str:
    """Until what is due, or, before it is sent, until the face check no longer counts."""
    sendable = FilingStatus(known.status).is_editable and face_holds(known)
    until = known.face_usable_until if sendable else known.due_at
    seconds = (until - clock.now()).total_seconds() if until else 0
    return span(seconds) if seconds > 0 else ""


def _known(program: Program) -> Filing:
    """The filing, or what stands for one that nobody has begun."""
    return filings.find_filing(g.db, program) or Filing(
        program_id=program.id, status=FilingStatus.DRAFT, files={}, faults={}, reasons=[], history=[], lacking=0,
        available=True, procedure_id="", face_certifies=False, face_url="", number="", subject_number="",
        template_name="",
    )  # fmt: skip


def _may_certify_along(program: Program, known: Filing) -> bool:
    """The missing certification is no obstacle: it can go along, or does."""
    return bool(known.procedure_id) or not program.verified


def _goes_along(known: Filing, both: Together) -> bool:
    """Whether it goes together with the certification: WeChat runs both, or the face check is for both."""
    return bool(known.procedure_id) or (known.face_certifies and not both.closed)


def next_of(program: Program, known: Filing, both: Together, lacks: bool) -> str:
    """What has to be done next: ready, certify, certification, closed, fill, face, send or ask; "" for nothing."""
    if not FilingStatus(known.status).is_editable:
        return ""
    along = _goes_along(known, both)
    if lacking_of(known, together=_may_certify_along(program, known)):
        return "ready"
    if along and both.closed:
        return "closed"
    if not along and known.lacking & filing_together.NOT_CERTIFIED:
        return "certify"
    if along and not both.is_ready:
        return "certification"
    if lacks:
        return "fill"
    if known.face_certifies != along:
        return "ask"
    if known.status == FilingStatus.FACE:
        return "face"
    return "send" if face_holds(known) else "ask"


def _told(program: Program) -> list[BatchItem]:
    """What runs; and what failed, if nothing was done since."""
    items = sorted(newest_items(g.db, program.id, STEPS).values(), key=lambda item: item.id)
    failed = [item for item in items[-1:] if item.status == ItemStatus.FAILED]
    return [item for item in items if item.is_open] or failed


def _reasons(filing: Filing) -> list[dict[str, Any]]:
    """Why it was returned, each with the page of its field where there is one."""
    return [{**reason, "field": field_named(reason["name"])} for reason in filing.reasons]


def _faults(filing: Filing) -> list[dict[str, Any]]:
    """What WeChat did not accept, each with its field where there is one."""
    values = filing.values
    return [{"field": field_at(path, values), "path": path, "error": text} for path, text in filing.faults.items()]


@provider.post("/programs/<uuid:program_id>/filing/read")
def read_filing(program_id: UUID) -> ResponseReturnValue:
    return _start(program_id, filing_reading.request_reading, _("正在向微信读取备案状态"))


@provider.post("/programs/<uuid:program_id>/filing/begin")
def begin_filing(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    chosen = request.form.get("template", type=UUID)
    template = filing_templates.get_template(g.db, g.who, chosen, Verb.WORK) if chosen else None
    try:
        filing_drafts.begin(g.db, program, who=g.who, template=template)
    except AppError as error:
        return refused(error, _address(program))
    if template is not None:
        return done(_("已填入模板的内容，没有填的请补充"), _address(program))
    return done(_("请填写备案资料"), _part_address(program, Part.SUBJECT), "info")


@provider.route("/programs/<uuid:program_id>/filing/form/<part>", methods=["GET", "POST"])
def edit_filing(program_id: UUID, part: str) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    page = read_part(part)
    filing = filings.find_filing(g.db, program)
    if filing is None or not filing_drafts.may_edit(g.db, program, filing):
        return done(_("现在没有可以修改的备案资料"), _address(program), "warning")
    sending, typed, errors, tables = Form().is_submitted(), None, {}, load_tables(g.db)
    if sending:
        typed = sent_values(page, filing.values)
    if sending and not request.values.get("redraw"):
        try:
            if page is Part.MATERIALS:
                filing_drafts.add_files(g.db, program, sent_files(filing), who=g.who)
            else:
                filing_drafts.edit_part(g.db, program, page, typed or {}, who=g.who)
        except AppError as error:
            errors = errors_of(error)
        else:
            return done(_("已保存"), _next_address(program, page))
    told = {fault["field"].path: fault["error"] for fault in _faults(filing) if fault["field"]}
    told |= {one["field"].path: one["error"] for one in _reasons(filing) if one["field"]}
    return render(
        "provider/filing/edit.html", block="form", program=program, tab="filing", part=page, parts=list(Part),
        groups=groups_of(filing, page, tables, typed=typed, errors=errors or told),
        wrong=len(errors), general=errors.get("", ""), link=lambda one: _part_address(program, one),
        back=_address(program), file_url=url_for("provider.show_filing_file", program_id=program.id),
        drop_url=url_for("provider.drop_filing_file", program_id=program.id),
        tables_read=tables.read_at, service_kinds=tables.services, status=422 if errors else 200,
    )  # fmt: skip


@provider.post("/programs/<uuid:program_id>/filing/file")
def show_filing_file(program_id: UUID) -> ResponseReturnValue:
    """A material itself; who looked is recorded."""
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    filing = filings.find_filing(g.db, program)
    file_id = request.form.get("file", type=UUID)
    if filing is None or file_id is None:
        raise NotFound()
    activity.record(g.db, g.who, "program.filing.view_file", program)
    return file_response(filing, file_id)


@provider.post("/programs/<uuid:program_id>/filing/file/drop")
def drop_filing_file(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    target = _part_address(program, Part.MATERIALS)
    try:
        filing_drafts.drop_file(g.db, program, *dropped(), who=g.who)
    except AppError as error:
        return refused(error, target)
    return done(_("已移除"), target)


@provider.post("/programs/<uuid:program_id>/filing/face")
def ask_face_check(program_id: UUID) -> ResponseReturnValue:
    together = request.form.get("together") == "1"
    service = partial(filing_sending.request_face_check, together=together)
    return _start(program_id, service, _("正在请微信通知管理员"))


@provider.route("/programs/<uuid:program_id>/filing/send", methods=["GET", "POST"])
def send_filing(program_id: UUID) -> ResponseReturnValue:
    """Together with the certification somebody pays, so that there is a page between."""
    if request.method == "POST":
        return _start(program_id, filing_sending.request_sending, _("正在上传材料并提交备案"))
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    known = _known(program)
    both = filing_together.look(g.db, program, known)
    if next_of(program, known, both, lacks=False) != "send" or both.certification is None:
        return done(_("现在不能提交，请先看下一步"), _address(program), "warning")
    values = both.certification.values
    return render(
        "provider/filing/send.html", program=program, tab="filing", filing=known,
        facts=shown(values, asked_for(values)[:4]), again=bool(known.procedure_id),
        price_fen=price_fen(values["customer_type"]) if values["pay_type"] == PROVIDER_PAYS else 0,
    )  # fmt: skip


@provider.route("/programs/<uuid:program_id>/filing/withdraw", methods=["GET", "POST"])
def withdraw_filing(program_id: UUID) -> ResponseReturnValue:
    if request.method == "POST":
        return _start(program_id, filing_sending.request_withdrawal, _("正在撤回备案"))
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    return render(
        "provider/filing/withdraw.html", program=program, tab="filing",
        chances=left(g.db, program, filing_sending.LIMIT),
    )  # fmt: skip


@provider.route("/programs/<uuid:program_id>/filing/cancel", methods=["GET", "POST"])
def cancel_filing(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    form = CancelForm()
    if form.validate_on_submit():
        try:
            filing_sending.request_cancellation(g.db, program, form.what.data, form.reason.data, who=g.who)
        except AppError as error:
            form.refuse(error)
        else:
            return done(_("正在申请注销备案"), _address(program), "info")
    return render(
        "provider/filing/cancel.html", program=program, tab="filing", form=form,
        filing=_known(program), status=422 if form.is_submitted() else 200,
    )  # fmt: skip


def read_part(part: str) -> Part:
    """The page of the form that an address names."""
    if part not in set(Part):
        raise NotFound()
    return Part(part)


def dropped() -> tuple[str, str]:
    """The field's path and the file that its button names."""
    path, _space, file_id = request.form.get("dropped", "").partition(" ")
    return path, file_id


def file_response(form: Any, file_id: UUID) -> Response:
    """The content of one of the form's files, kept by no cache."""
    row = get_file(g.db, form, file_id)
    response = Response(read_file(row), content_type=row.content_type)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def _start(program_id: UUID, service: Callable[..., Any], text: str) -> ResponseReturnValue:
    """Call a service that starts an item; its refusal is told on the filing's page."""
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    try:
        service(g.db, program, who=g.who)
    except FilingFaults as error:
        labels = names_of(BY_PATH[fault.field] for fault in error.faults if fault.field in BY_PATH)
        return done(_("还不能提交，请先修改：%(fields)s", fields=labels), _address(program), "warning")
    except AppError as error:
        return refused(error, _address(program))
    return done(text, _address(program), "info")


def _address(program: Program) -> str:
    return url_for("provider.show_filing", program_id=program.id)


def _part_address(program: Program, part: Part) -> str:
    return url_for("provider.edit_filing", program_id=program.id, part=part.value)


def _next_address(program: Program, part: Part) -> str:
    """The page after this one; after materials, they themselves, since files may come one by one."""
    if "stay" in request.form or part is Part.MATERIALS:
        return _part_address(program, part)
    parts = list(Part)
    return _part_address(program, parts[parts.index(part) + 1])
