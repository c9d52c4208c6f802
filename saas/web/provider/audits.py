"""Audits of a mini program: the pre-audit check and the form, the reviewers' answer, the withdrawal."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import (
    BooleanField,
    FieldList,
    FormField,
    MultipleFileField,
    SelectField,
    SelectMultipleField,
    TextAreaField,
)
from wtforms import Form as PlainForm
from wtforms.widgets import CheckboxInput, ListWidget

from saas.components.access import load_component
from saas.errors import AppError, Invalid, NotFound
from saas.programs.access import get_program
from saas.programs.models import Program
from saas.releases import audits, code_state, releasing, submissions, undo, uploads
from saas.releases.access import get_audit
from saas.releases.checks import Verdict, blocking, pre_audit_checks
from saas.releases.models import Audit, AuditStatus, Upload
from saas.releases.pictures import screenshot_files
from saas.releases.submissions import Item, Submission, Ugc
from saas.tenants.access import Verb
from saas.web.forms import Form, TextField, at_most
from saas.web.going import done
from saas.web.pages import render
from saas.web.provider import release_words as words
from saas.web.provider.blueprint import provider
from saas.web.provider.releases import picture

_SCENES = [
    (0, _l("没有用户发布的内容")),
    (1, _l("个人资料")),
    (2, _l("图片")),
    (3, _l("视频")),
    (4, _l("文字")),
    (5, _l("音频")),
]
_METHODS = [(1, _l("微信内容安全接口")), (2, _l("其他内容安全产品")), (3, _l("人工审核")), (4, _l("不审核"))]


class Checkboxes(SelectMultipleField):
    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class ItemForm(PlainForm):
    category = SelectField(_l("服务类目"), validate_choice=False)
    address = SelectField(_l("页面"), validate_choice=False)
    title = TextField(_l("页面标题"))
    tag = TextField(_l("标签"))


class AuditForm(Form):
    items = FieldList(FormField(ItemForm), min_entries=1, max_entries=submissions.MOST_ITEMS)
    version_desc = TextAreaField(_l("给审核员的说明"), [at_most(500)])
    feedback = TextAreaField(_l("对上次不通过原因的回应"), [at_most(200)])
    files = MultipleFileField(_l("预览图片或视频"))
    order_path = SelectField(_l("订单中心页面"), validate_choice=False)
    privacy_not_used = BooleanField(_l("声明这一版不使用检测到的隐私接口"))
    ugc = BooleanField(_l("填写用户发布内容的声明"))
    ugc_scenes = Checkboxes(_l("用户能发布哪些内容"), coerce=int)
    ugc_methods = Checkboxes(_l("怎样审核"), coerce=int)
    ugc_team = BooleanField(_l("有专门的审核团队"))
    ugc_description = TextAreaField(_l("审核机制说明"), [at_most(256)])


@provider.route("/programs/<uuid:program_id>/audit", methods=["GET", "POST"])
def submit_audit(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    upload = uploads.trial_upload(g.db, program)
    if upload is None:
        return done(_("请先上传代码"), url_for("provider.upload_code", program_id=program.id), "warning")
    state = code_state.find_state(g.db, program)
    form = AuditForm()
    _offer(form, upload, state.categories if state else [])
    if "more" in request.form:
        if len(form.items) < submissions.MOST_ITEMS:
            form.items.append_entry()
            _offer(form, upload, state.categories if state else [])
    elif form.validate_on_submit():
        try:
            audit = submissions.submit_for_audit(g.db, program, upload, who=g.who, submission=_submission(form))
        except AppError as error:
            _refuse(form, error)
        else:
            return done(_("正在提交审核"), url_for("provider.show_audit", audit_id=audit.id))
    checks = pre_audit_checks(
        g.db, load_component(g.db, program.component_id), program, upload, state,
        privacy_not_used=bool(form.privacy_not_used.data),
    )  # fmt: skip
    scan = upload.scan_result
    found = [*scan.get("without_auth", []), *scan.get("without_conf", [])]
    return render(
        "provider/releases/audit_form.html", program=program, tab="code", form=form, upload=upload, checks=checks,
        stopped=_is_stopped(checks, bool(found)), found=found, previous=audits.newest_audit(g.db, program),
        refreshing=code_state.is_refreshing(g.db, program),
        status=422 if request.method == "POST" and "more" not in request.form else 200,
    )  # fmt: skip


def _is_stopped(checks: list[Any], found: bool) -> bool:
    """Whether the button would be of no use; undeclared privacy interfaces can still be declared as not used."""
    wrong = [check for check in checks if check.verdict is Verdict.BLOCKING]
    return bool(wrong) and not (found and len(wrong) == 1 and blocking(checks) is checks[1])


def _offer(form: AuditForm, upload: Upload, categories: list[dict[str, Any]]) -> None:
    pages = [(page, page) for page in upload.pages]
    chosen = [(submissions.category_key(one), submissions.category_name(one)) for one in categories]
    form.ugc_scenes.choices, form.ugc_methods.choices = _SCENES, _METHODS
    form.order_path.choices = [("", _("不填写")), *pages]
    for entry in form.items:
        entry.form.category.choices = chosen
        entry.form.address.choices = [("", _("不指定")), *pages]
        if request.method == "GET" and pages:
            entry.form.address.data = pages[0][0]


def _submission(form: AuditForm) -> Submission:
    items = [
        Item(
            category=entry.form.category.data or "", address=entry.form.address.data or "",
            tag=entry.form.tag.data or "", title=entry.form.title.data or "",
        )
        for entry in form.items
    ]  # fmt: skip
    ugc = Ugc(
        scenes=form.ugc_scenes.data or [], methods=form.ugc_methods.data or [], has_audit_team=form.ugc_team.data,
        description=form.ugc_description.data or "",
    )  # fmt: skip
    return Submission(
        items=items, version_desc=(form.version_desc.data or "").strip(), feedback=(form.feedback.data or "").strip(),
        ugc=ugc if form.ugc.data else None, privacy_not_used=form.privacy_not_used.data,
        order_path=form.order_path.data or "",
        files=[(one.filename, one.read()) for one in form.files.data or [] if getattr(one, "filename", "")],
    )  # fmt: skip


def _refuse(form: AuditForm, error: AppError) -> None:
    """Show a refusal at its field; `items-0-tag` is one of an item's."""
    name = error.field if isinstance(error, Invalid) else ""
    _head, _dash, rest = name.partition("items-")
    number, _dash, inner = rest.partition("-")
    if number.isdigit() and inner and int(number) < len(form.items):
        field = form.items[int(number)].form[inner]
        field.errors = [*field.errors, _(error.message, **error.params)]
    elif name == "items":
        form.form_errors = [*form.form_errors, _(error.message, **error.params)]
    else:
        form.refuse(error)


@provider.get("/audits/<uuid:audit_id>")
def show_audit(audit_id: UUID) -> ResponseReturnValue:
    program, audit = get_audit(g.db, g.who, audit_id, Verb.VIEW)
    waiting = audit.status in (AuditStatus.QUEUED, AuditStatus.SUBMITTING) or undo.is_undoing(audit)
    pictures = screenshot_files(audit)
    fetching = len(pictures) < len(audit.screenshot_media_ids) and _is_fetching(audit)
    return render(
        "provider/releases/audit_show.html", block="progress", program=program, tab="code", audit=audit,
        steps=words.audit_steps(audit), open=audits.is_open(audit), undoing=undo.is_undoing(audit),
        polling=waiting or fetching or audits.is_open(audit), seconds=2 if waiting or fetching else 10,
        chances=undo.undo_chances(g.db, program), pictures=pictures, fetching=fetching,
        release=releasing.newest_release_of(g.db, audit), is_newest=_is_newest(program, audit),
    )  # fmt: skip


def _is_newest(program: Program, audit: Audit) -> bool:
    newest = audits.newest_audit(g.db, program)
    return newest is not None and newest.id == audit.id


def _is_fetching(audit: Audit) -> bool:
    return audits.is_fetching_screenshots(g.db, audit)


@provider.get("/audits/<uuid:audit_id>/screenshots/<int:number>")
def show_screenshot(audit_id: UUID, number: int) -> ResponseReturnValue:
    _program, audit = get_audit(g.db, g.who, audit_id, Verb.VIEW)
    kept = screenshot_files(audit)
    if not 1 <= number <= len(kept):
        raise NotFound()
    return picture(kept[number - 1], "screenshot")


@provider.route("/audits/<uuid:audit_id>/undo", methods=["GET", "POST"])
def undo_audit(audit_id: UUID) -> ResponseReturnValue:
    program, audit = get_audit(g.db, g.who, audit_id, Verb.WORK)
    problem = ""
    if request.method == "POST":
        try:
            undo.undo_audit(g.db, program, audit, who=g.who)
        except AppError as error:
            problem = _(error.message, **error.params)
        else:
            return done(_("正在撤回审核"), url_for("provider.show_audit", audit_id=audit.id), "info")
    return render(
        "provider/releases/undo.html", program=program, tab="code", audit=audit, problem=problem, form=Form(),
        chances=undo.undo_chances(g.db, program), open=audits.is_open(audit), status=409 if problem else 200,
    )  # fmt: skip
