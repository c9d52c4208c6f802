"""Audits of a mini program: the pre-audit check and the form, the reviewers' answer, the withdrawal."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

from flask import g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from werkzeug.exceptions import RequestEntityTooLarge
from wtforms import (
    BooleanField,
    FieldList,
    FormField,
    MultipleFileField,
    RadioField,
    SelectField,
    SelectMultipleField,
    TextAreaField,
)
from wtforms import Form as PlainForm
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]
from wtforms.widgets import CheckboxInput, ListWidget

from saas.batches.models import BatchItem
from saas.components.access import load_component
from saas.errors import AppError, Invalid, NotFound
from saas.programs.access import get_program
from saas.programs.models import Program
from saas.releases import audits, code_state, releasing, speedup, submissions, undo, uploads
from saas.releases.access import get_audit
from saas.releases.checks import Check, Verdict, failing, pre_audit_checks
from saas.releases.last_submission import next_submission
from saas.releases.models import Audit, AuditStatus, Upload
from saas.releases.pictures import screenshot_files
from saas.releases.previews import LARGEST_SUBMISSION
from saas.releases.submissions import Item, Submission, Ugc
from saas.tenants.access import Verb
from saas.web.errors import too_large_page
from saas.web.forms import Form, TextField, at_most
from saas.web.going import done, refused
from saas.web.pages import render
from saas.web.provider import release_words as words
from saas.web.provider.blueprint import provider
from saas.web.provider.release_pieces import keep_head
from saas.web.provider.releases import picture
from saas.web.provider.telling import telling_item
from saas.web.security import read_to_the_end, takes_up_to

SCENES = [
    SelectChoice(0, _l("没有用户发布的内容")),
    SelectChoice(1, _l("个人资料")),
    SelectChoice(2, _l("图片")),
    SelectChoice(3, _l("视频")),
    SelectChoice(4, _l("文字")),
    SelectChoice(5, _l("音频")),
]
METHODS = [
    SelectChoice(1, _l("微信内容安全接口")),
    SelectChoice(2, _l("其他内容安全产品")),
    SelectChoice(3, _l("人工审核")),
    SelectChoice(4, _l("不审核")),
]
_MEGABYTE = 1024 * 1024
RELEASES = [SelectChoice("hold", _l("等人来发布")), SelectChoice("auto", _l("自动发布给所有用户"))]


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
    feedback_files = MultipleFileField(_l("整改截图"))
    files = MultipleFileField(_l("预览图片或视频"))
    keep_files = BooleanField(_l("沿用上次提交的预览图片和视频"))
    release = RadioField(_l("审核通过后"), choices=RELEASES, default="hold")
    order_path = SelectField(_l("订单中心页面"), validate_choice=False)
    privacy_not_used = BooleanField(_l("声明这一版不使用检测到的隐私接口"))
    ugc = BooleanField(_l("填写用户发布内容的声明"))
    ugc_scenes = Checkboxes(_l("用户能发布哪些内容"), coerce=int)
    ugc_methods = Checkboxes(_l("怎样审核"), coerce=int)
    ugc_team = BooleanField(_l("有专门的审核团队"))
    ugc_description = TextAreaField(_l("审核机制说明"), [at_most(256)])


@provider.route("/programs/<uuid:program_id>/audit", methods=["GET", "POST"])
@takes_up_to(LARGEST_SUBMISSION + 2 * _MEGABYTE)
def submit_audit(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    upload = uploads.trial_upload(g.db, program)
    if upload is None:
        return done(_("请先上传代码"), url_for("provider.upload_code", program_id=program.id), "warning")
    state = code_state.find_state(g.db, program)
    categories = state.categories if state else []
    last = next_submission(g.db, program, upload, categories)
    form = AuditForm(**_prefilled(last))
    _offer(form, upload, categories)
    if "more" in request.form:
        if len(form.items) < submissions.MOST_ITEMS:
            form.items.append_entry()
            _offer(form, upload, categories)
    elif form.validate_on_submit():
        submission = _submission(form, last)
        try:
            audit = submissions.submit_for_audit(g.db, program, upload, who=g.who, submission=submission)
        except AppError as error:
            _refuse(form, error)
        else:
            return done(_("正在提交审核"), url_for("provider.show_audit", audit_id=audit.id))
    elif "too_large" in request.args:
        most = LARGEST_SUBMISSION // _MEGABYTE
        form.files.errors = [_("文件合计最多 %(max)d MB，这次填写的内容没有收到；请压缩文件后重新填写", max=most)]
    checks = pre_audit_checks(
        g.db, load_component(g.db, program.component_id), program, upload, state,
        privacy_not_used=bool(form.privacy_not_used.data), order_path=form.order_path.data or "",
    )  # fmt: skip
    return render(
        "provider/releases/audit_form.html", program=program, tab="code", form=form, upload=upload, checks=checks,
        stopped=_is_stopped(checks), wrong=len(failing(checks)), last=last,
        found=[one.params["names"] for one in checks if one.waivable], previous=audits.newest_audit(g.db, program),
        refreshing=code_state.is_refreshing(g.db, program),
        status=422 if request.method == "POST" and "more" not in request.form else 200,
    )  # fmt: skip


@provider.errorhandler(RequestEntityTooLarge)
def say_too_large(_error: RequestEntityTooLarge) -> ResponseReturnValue:
    """Nothing of such a form is looked at, so the page begins anew and says why."""
    if request.endpoint != "provider.submit_audit" or not current_user.is_authenticated:
        return too_large_page()
    read_to_the_end()
    return redirect(url_for("provider.submit_audit", **(request.view_args or {}), too_large=1), code=303)


def _is_stopped(checks: list[Check]) -> bool:
    """Whether the button would be of no use."""
    return any(check.verdict is Verdict.BLOCKING and not check.waivable for check in checks)


def _prefilled(last: Submission) -> dict[str, Any]:
    """The form as the last submission was."""
    ugc = last.ugc
    return {
        "items": [asdict(item) for item in last.items], "version_desc": last.version_desc,
        "order_path": last.order_path, "keep_files": bool(last.kept_files), "ugc": ugc is not None,
        "ugc_scenes": list(ugc.scenes) if ugc else [], "ugc_methods": list(ugc.methods) if ugc else [],
        "ugc_team": bool(ugc and ugc.has_audit_team), "ugc_description": ugc.description if ugc else "",
    }  # fmt: skip


def _offer(form: AuditForm, upload: Upload, categories: list[dict[str, Any]]) -> None:
    pages = [SelectChoice(page, page) for page in upload.pages]
    chosen = [SelectChoice(submissions.category_key(one), submissions.category_name(one)) for one in categories]
    form.ugc_scenes.choices, form.ugc_methods.choices = SCENES, METHODS
    form.order_path.choices = [SelectChoice("", _("不填写")), *pages]
    for entry in form.items:
        entry.form.category.choices = chosen
        entry.form.address.choices = [SelectChoice("", _("不指定")), *pages]


def _submission(form: AuditForm, last: Submission) -> Submission:
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
        files=sent_files(form.files.data), kept_files=last.kept_files if form.keep_files.data else [],
        feedback_files=sent_files(form.feedback_files.data), releases_itself=form.release.data == "auto",
    )  # fmt: skip


def sent_files(files: Any) -> list[tuple[str, bytes]]:
    """Names and contents of what a field of files brought."""
    return [(one.filename, one.read()) for one in files or [] if getattr(one, "filename", "")]


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
    page = render(
        "provider/releases/audit_show.html", block="progress", program=program, tab="code", audit=audit,
        steps=words.audit_steps(audit), open=audits.is_open(audit), undoing=undo.is_undoing(audit),
        polling=waiting or fetching or audits.is_open(audit), seconds=2 if waiting or fetching else 10,
        chances=undo.undo_chances(g.db, program), pictures=pictures, fetching=fetching, item=_speedup_item(audit),
        release=releasing.newest_release_of(g.db, audit), is_newest=_is_newest(program, audit),
    )  # fmt: skip
    return keep_head(page, program)


def _speedup_item(audit: Audit) -> BatchItem | None:
    """How asking for a fast review of this audit goes or went wrong."""
    item = telling_item(audit.program_id, [speedup.SPEED_UP])
    return item if item is not None and item.created_at > audit.created_at else None


def _is_newest(program: Program, audit: Audit) -> bool:
    """At WeChat or at all: a submission that failed takes no action away from the audit before it."""
    newest = (audits.newest_audit(g.db, program), audits.newest_submission(g.db, program))
    return audit.id in [one.id for one in newest if one is not None]


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


@provider.route("/audits/<uuid:audit_id>/speed-up", methods=["GET", "POST"])
def speed_up_audit(audit_id: UUID) -> ResponseReturnValue:
    program, audit = get_audit(g.db, g.who, audit_id, Verb.WORK)
    problem = ""
    if request.method == "POST":
        try:
            speedup.start_speedup(g.db, program, audit, who=g.who)
        except AppError as error:
            problem = _(error.message, **error.params)
        else:
            return done(_("正在加急审核"), url_for("provider.show_audit", audit_id=audit.id), "info")
    component = load_component(g.db, program.component_id)
    return render(
        "provider/releases/speed_up.html", program=program, tab="code", audit=audit, problem=problem, form=Form(),
        component=component, budget=speedup.speedups_left(g.db, component), open=audits.is_open(audit),
        status=409 if problem else 200,
    )  # fmt: skip


@provider.post("/audits/<uuid:audit_id>/automatic")
def set_automatic_release(audit_id: UUID) -> ResponseReturnValue:
    program, audit = get_audit(g.db, g.who, audit_id, Verb.WORK)
    on, target = request.form.get("on") == "1", url_for("provider.show_audit", audit_id=audit.id)
    try:
        releasing.set_automatic(g.db, program, audit, who=g.who, on=on)
    except AppError as error:
        return refused(error, target)
    return done(_("审核通过后会自动发布") if on else _("审核通过后等人来发布"), target)
