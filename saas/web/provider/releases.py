"""A mini program's code: where it stands and the one next step; upload, trial QR code, release, roll back, history."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]

from saas.components.access import load_component
from saas.errors import AppError, Invalid, NotFound
from saas.programs.access import get_program
from saas.programs.changing import obstacle
from saas.programs.models import Program
from saas.programs.polling import visit
from saas.programs.words import NextStep, Word
from saas.releases import code_state, releasing, templates, uploads
from saas.releases.access import get_audit, get_past_version, get_release, get_upload
from saas.releases.audits import list_audits, newest_audit, newest_submission
from saas.releases.models import Template, Upload, UploadStatus
from saas.releases.status import ProgramStatus, status_of
from saas.releases.templates import ExtJsonInvalid
from saas.tenants.access import Verb
from saas.tenants.stored_files import load_file, read_file
from saas.web.forms import Form, TextField, at_most, required
from saas.web.going import done, safe_next
from saas.web.pages import render
from saas.web.provider import release_words as words
from saas.web.provider.blueprint import provider
from saas.web.provider.release_pieces import keep_head, template_name
from saas.wx.permissions import DEVELOPMENT

PAGE = 20


class UploadForm(Form):
    template = SelectField(_l("模板"), validators=[required()])
    user_version = TextField(_l("版本号"), [required(), at_most(64)])
    description = TextField(_l("版本说明"), [required(), at_most(500)])


class QrForm(Form):
    path = TextField(_l("页面路径"), [at_most(500)])


@provider.get("/programs/<uuid:program_id>/code")
def show_code(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.VIEW)
    visit(g.db, program)
    status = status_of(g.db, program)
    upload, audit = uploads.newest_upload(g.db, program), newest_submission(g.db, program)
    release = releasing.newest_release(g.db, program)
    page = render(
        "provider/releases/show.html", block="now", program=program, tab="code", standing=status,
        state=code_state.find_state(g.db, program), upload=upload, audit=audit, release=release,
        trial=uploads.trial_upload(g.db, program), next_url=_next_url(program, status, upload),
        running=status.next_step is NextStep.WAIT or code_state.is_refreshing(g.db, program),
        quick=status.stage not in (Word.IN_REVIEW, Word.DELAYED), refreshing=code_state.is_refreshing(g.db, program),
        component=load_component(g.db, program.component_id), obstacle=obstacle(program, DEVELOPMENT),
    )  # fmt: skip
    return keep_head(page, program)


def _next_url(program: Program, status: ProgramStatus, upload: Upload | None) -> str:
    """Where the one primary button leads."""
    if status.next_step is NextStep.UPLOAD:
        return url_for("provider.upload_code", program_id=program.id)
    if status.next_step is NextStep.SUBMIT:
        usable = upload is not None and upload.status == UploadStatus.READY
        return url_for("provider.submit_audit" if usable else "provider.upload_code", program_id=program.id)
    if status.next_step is NextStep.RELEASE:
        audit = newest_audit(g.db, program)
        return url_for("provider.release_audit", audit_id=audit.id) if audit else ""
    if status.next_step is NextStep.AUTHORIZE:
        return url_for("provider.show_program", program_id=program.id)
    return ""


@provider.post("/programs/<uuid:program_id>/code/refresh")
def refresh_code(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    code_state.request_refresh(g.db, program, who=g.who)
    return done(_("正在向微信读取状态"), safe_next(url_for("provider.show_code", program_id=program.id)), "info")


@provider.route("/programs/<uuid:program_id>/upload", methods=["GET", "POST"])
def upload_code(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    rows = templates.list_templates(g.db, program.component_id)
    by_id = {str(row.id): row for row in rows}
    form = UploadForm(template=request.args.get("template", ""))
    form.template.choices = [SelectChoice(key, _template_name(row)) for key, row in by_id.items()]
    chosen = by_id.get(form.template.data) or (rows[0] if rows else None)
    if request.method == "GET" and chosen is not None:
        form.template.data = str(chosen.id)
        form.user_version.data, form.description.data = chosen.user_version, chosen.description
    typed = {name[6:]: text for name, text in request.form.items() if name.startswith("value.")}
    faults: tuple[Any, ...] = ()
    values = uploads.values_of(g.db, program, who=g.who)
    try:
        values = uploads.with_typed(values, program, typed)
        if request.method == "POST" and "preview" not in request.form and form.validate() and chosen is not None:
            upload = uploads.start_upload(
                g.db, program, chosen, who=g.who, user_version=form.user_version.data or "",
                description=form.description.data or "", typed=typed,
            )  # fmt: skip
            return done(_("开始上传"), url_for("provider.show_upload", upload_id=upload.id))
    except ExtJsonInvalid as error:
        faults = error.faults
        form.refuse(error)
    except AppError as error:
        form.refuse(error)
    merged = uploads.merge_for(chosen, program, values) if chosen else None
    return render(
        "provider/releases/upload.html", program=program, tab="code", form=form, rows=rows, chosen=chosen,
        merged=merged, values=values, faults=faults or (merged.faults if merged else ()),
        definitions=templates.definitions_of(chosen) if chosen else [], waiting_audit=_unreleased(program),
        obstacle=obstacle(program, DEVELOPMENT),
        status=422 if request.method == "POST" and "preview" not in request.form else 200,
    )  # fmt: skip


def _known(program: Program) -> str:
    """What stands in the way before anybody has clicked."""
    text = obstacle(program, DEVELOPMENT)
    return str(_(text)) if text else ""


def _template_name(row: Template) -> str:
    name = f"{template_name(row)} · {row.description}" if row.description else template_name(row)
    return _("%(name)s（默认）", name=name) if row.is_default else name


def _unreleased(program: Program) -> bool:
    """Whether an approved version waits: a newer upload may keep WeChat from releasing it."""
    return status_of(g.db, program).stage is Word.APPROVED


@provider.get("/uploads/<uuid:upload_id>")
def show_upload(upload_id: UUID) -> ResponseReturnValue:
    program, upload = get_upload(g.db, g.who, upload_id, Verb.VIEW)
    return _upload_page(program, upload, QrForm(path=upload.trial_qr_path))


def _upload_page(program: Program, upload: Upload, form: QrForm, status: int = 200) -> ResponseReturnValue:
    template = templates.template_rows(g.db, [upload.template_row_id]).get(upload.template_row_id)
    current = uploads.trial_upload(g.db, program)
    page = render(
        "provider/releases/upload_show.html", block="progress", program=program, tab="code", upload=upload,
        row=template, form=form, steps=words.upload_steps(upload), running=uploads.is_running(upload),
        drawing=uploads.is_fetching_qr(g.db, upload), is_trial=current is not None and current.id == upload.id,
        status=status,
    )  # fmt: skip
    return keep_head(page, program)


@provider.post("/uploads/<uuid:upload_id>/trial-qr")
def draw_trial_qr(upload_id: UUID) -> ResponseReturnValue:
    program, upload = get_upload(g.db, g.who, upload_id, Verb.WORK)
    form = QrForm()
    if form.validate():
        try:
            uploads.request_trial_qr(g.db, program, upload, who=g.who, path=form.path.data or "")
        except Invalid as error:
            form.refuse(error)
        else:
            return done(_("正在取体验二维码"), url_for("provider.show_upload", upload_id=upload.id), "info")
    return _upload_page(program, upload, form, 422)


@provider.get("/uploads/<uuid:upload_id>/trial-qr")
def show_trial_qr(upload_id: UUID) -> ResponseReturnValue:
    _program, upload = get_upload(g.db, g.who, upload_id, Verb.VIEW)
    return picture(upload.trial_qr_file_id, "trial_qr")


def picture(file_id: UUID | None, kind: str) -> Response:
    """A stored picture. Its address changes with the file, so that a browser may keep it."""
    row = load_file(g.db, file_id)
    if row.kind != kind:
        raise NotFound()
    response = Response(read_file(row), content_type=row.content_type)
    response.headers["Cache-Control"] = "private, max-age=86400"
    response.headers["Content-Disposition"] = f'inline; filename="{row.name or kind}"'
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


@provider.route("/audits/<uuid:audit_id>/release", methods=["GET", "POST"])
def release_audit(audit_id: UUID) -> ResponseReturnValue:
    program, audit = get_audit(g.db, g.who, audit_id, Verb.WORK)
    problem = ""
    if request.method == "POST":
        try:
            row = releasing.release(g.db, program, audit, who=g.who)
        except AppError as error:
            problem = _(error.message, **error.params)
        else:
            return done(_("开始发布"), url_for("provider.show_release", release_id=row.id))
    return render(
        "provider/releases/release.html", program=program, tab="code", audit=audit, form=Form(),
        problem=problem or _known(program),
        state=code_state.find_state(g.db, program), status=409 if problem else 200,
    )  # fmt: skip


@provider.get("/releases/<uuid:release_id>")
def show_release(release_id: UUID) -> ResponseReturnValue:
    program, release = get_release(g.db, g.who, release_id, Verb.VIEW)
    page = render(
        "provider/releases/release_show.html", block="progress", program=program, tab="code", release=release,
        steps=words.release_steps(release), running=releasing.is_running(release),
    )  # fmt: skip
    return keep_head(page, program)


@provider.get("/programs/<uuid:program_id>/roll-back")
def choose_roll_back(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    return render(
        "provider/releases/roll_back_choose.html", block="versions", program=program, tab="code",
        state=code_state.find_state(g.db, program), versions=releasing.list_past_versions(g.db, program),
        reading=releasing.is_reading_past_versions(g.db, program),
    )  # fmt: skip


@provider.post("/programs/<uuid:program_id>/roll-back/versions")
def read_past_versions(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    releasing.request_past_versions(g.db, program, who=g.who)
    return done(_("正在读取可回退的版本"), url_for("provider.choose_roll_back", program_id=program.id), "info")


@provider.route("/past-versions/<uuid:version_id>/roll-back", methods=["GET", "POST"])
def roll_back(version_id: UUID) -> ResponseReturnValue:
    program, version = get_past_version(g.db, g.who, version_id, Verb.WORK)
    problem = ""
    if request.method == "POST":
        try:
            row = releasing.roll_back(g.db, program, version, who=g.who)
        except AppError as error:
            problem = _(error.message, **error.params)
        else:
            return done(_("开始回退"), url_for("provider.show_release", release_id=row.id))
    return render(
        "provider/releases/roll_back.html", program=program, tab="code", version=version, form=Form(),
        problem=problem or _known(program),
        state=code_state.find_state(g.db, program), status=409 if problem else 200,
    )  # fmt: skip


@provider.get("/programs/<uuid:program_id>/code/history")
def show_code_history(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.VIEW)
    kind, before = request.args.get("kind", "uploads"), request.args.get("before", type=UUID)
    lists: dict[str, Any] = {
        "uploads": uploads.list_uploads, "audits": list_audits, "releases": releasing.list_releases,
    }  # fmt: skip
    if kind not in lists:
        raise NotFound()
    rows = lists[kind](g.db, program, before=before, limit=PAGE + 1)
    more = len(rows) > PAGE
    rows = rows[:PAGE]
    used = [row.template_row_id for row in rows] if kind == "uploads" else []
    return render(
        "provider/releases/history.html", program=program, tab="code", kind=kind, rows=rows,
        templates=templates.template_rows(g.db, used),
        next_url=url_for("provider.show_code_history", program_id=program.id, kind=kind, before=rows[-1].id)
        if more else "",
        first_url=url_for("provider.show_code_history", program_id=program.id, kind=kind) if before else "",
    )  # fmt: skip
