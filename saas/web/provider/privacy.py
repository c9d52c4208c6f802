"""Privacy of a mini program: its guide compared with the code, the one online, the location interfaces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, FileField, MultipleFileField, TextAreaField

from saas.batches.models import BatchItem, ItemStatus
from saas.batches.progress import newest_items
from saas.errors import AppError, Invalid
from saas.programs import privacy, privacy_interfaces, privacy_templates
from saas.programs.access import get_program
from saas.programs.changing import obstacle
from saas.programs.evidence import MOST_PICTURES
from saas.programs.models import Program
from saas.programs.privacy_guides import Guide
from saas.programs.privacy_models import InterfaceStatus, ProgramPrivacy
from saas.tenants.access import Verb
from saas.web.forms import Form
from saas.web.going import done, refused
from saas.web.pages import render
from saas.web.provider.blueprint import provider
from saas.web.provider.privacy_forms import ContactForm, GuideForm, with_text
from saas.web.provider.privacy_words import INTERFACES, compare
from saas.web.provider.profile import PICTURES, files_of
from saas.web.provider.telling import telling_item
from saas.wx.permissions import DEVELOPMENT

FILM = {"accept": "video/mp4,.mp4"}
_OPEN_TO_APPLY = (InterfaceStatus.NOT_APPLIED, InterfaceStatus.REFUSED)


class InterfaceForm(Form):
    content = TextAreaField(_l("在什么场景、为什么使用"))
    pictures = MultipleFileField(_l("使用场景的截图"), render_kw=PICTURES)
    video = FileField(_l("使用场景的视频"), render_kw=FILM)
    pages = TextAreaField(_l("说明网页"))
    keep_files = BooleanField(_l("沿用上次提交的截图和视频"), default=True)


@provider.get("/programs/<uuid:program_id>/privacy")
def show_privacy(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.VIEW)
    state = privacy.find_privacy(g.db, program)
    return render(
        "provider/programs/privacy.html", program=program, tab="privacy", state=state,
        lines=compare(state) if state else [], templates=privacy_templates.list_templates(g.db),
        obstacle=obstacle(program, DEVELOPMENT), item=telling_item(program.id, privacy.STEPS),
        applying=telling_item(program.id, [privacy_interfaces.APPLY]), may_apply=_OPEN_TO_APPLY, words=INTERFACES,
        differs=state is not None and _says(state.development) != _says(state.online),
    )  # fmt: skip


def _says(guide: Guide) -> dict[str, Any]:
    return guide.plain() | {"merchants_contact": False}


@provider.post("/programs/<uuid:program_id>/privacy/read")
def read_program_privacy(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    return _start(program, lambda: privacy.request_reading(g.db, program, who=g.who), _("正在向微信读取隐私设置"))


@provider.post("/programs/<uuid:program_id>/privacy/missing")
def add_missing_privacy(program_id: UUID) -> ResponseReturnValue:
    """What the template has no words for is left to people: they are led to the form."""
    program, template = _with_template(program_id, request.form.get("template", type=UUID))
    if template is None:
        return done(_("请选择一个模板"), address_of(program), "warning")
    try:
        privacy.add_missing(g.db, program, template, who=g.who)
    except Invalid as error:
        text = _(error.message, **error.params)
        return done(text, url_for("provider.edit_privacy", program_id=program.id), "warning")
    except AppError as error:
        return refused(error, address_of(program))
    return done(_("正在提交给微信"), address_of(program), "info")


@provider.route("/programs/<uuid:program_id>/privacy/edit", methods=["GET", "POST"])
def edit_privacy(program_id: UUID) -> ResponseReturnValue:
    """The guide of the next release; with `template` it begins as that template would make it."""
    program, template = _with_template(program_id, request.args.get("template", type=UUID))
    state = privacy.find_privacy(g.db, program)
    guide = privacy.by_template(g.db, program, template, state) if template else _last_wanted(program, state)
    form = GuideForm(guide, state.used if state else ())
    if form.validate_on_submit():
        try:
            text = form.uploaded_text()
            kept = privacy.keep_own_text(g.db, g.who, text) if text else ""
            privacy.change_guide(g.db, program, with_text(form.guide(), kept), who=g.who)
        except AppError as error:
            form.refuse(error)
        else:
            return done(_("正在提交给微信；用户在下次发布后看到"), address_of(program), "info")
    return render(
        "provider/programs/privacy_edit.html", program=program, tab="privacy", form=form, chosen=template,
        obstacle=obstacle(program, DEVELOPMENT), status=422 if form.is_submitted() else 200,
    )  # fmt: skip


def _last_wanted(program: Program, state: ProgramPrivacy | None) -> Guide:
    """What is set; what WeChat refused last is shown again, to be put right."""
    if state is None:
        return Guide(notice_method=_("弹窗"))
    item = newest_items(g.db, program.id, [privacy.SET]).get(privacy.SET)
    failed = item is not None and item.status == ItemStatus.FAILED and not state.wanted.is_empty
    guide = state.wanted if failed else state.development
    return Guide(notice_method=_("弹窗")) if guide.is_empty else guide


@provider.route("/programs/<uuid:program_id>/privacy/contact", methods=["GET", "POST"])
def edit_privacy_contact(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    state = privacy.find_privacy(g.db, program)
    online = state.online if state else Guide()
    form = ContactForm(**{name: getattr(online, name) for name in ContactForm.NAMES})
    if form.validate_on_submit():
        try:
            privacy.change_contact(g.db, program, Guide(**form.facts(), own_text=online.own_text), who=g.who)
        except AppError as error:
            form.refuse(error)
        else:
            return done(_("正在提交给微信；马上对用户生效"), address_of(program), "info")
    return render(
        "provider/programs/privacy_contact.html", program=program, tab="privacy", form=form, online=online,
        status=422 if form.is_submitted() else 200,
    )  # fmt: skip


@provider.route("/programs/<uuid:program_id>/privacy/interfaces/<interface>", methods=["GET", "POST"])
def apply_for_interface(program_id: UUID, interface: str) -> ResponseReturnValue:
    """Apply, or apply again after a refusal with what was handed in last."""
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    known = privacy_interfaces.get_interface(g.db, program, interface)
    before = privacy_interfaces.last_application(g.db, program, interface)
    form = InterfaceForm(content=before["content"], pages="\n".join(before["pages"]))
    if form.validate_on_submit():
        try:
            film = files_of("video")
            privacy_interfaces.request_interface(
                g.db, program, interface, who=g.who, content=form.content.data or "", pictures=files_of("pictures"),
                video=film[0] if film else b"", pages=form.pages.data or "", keep_files=form.keep_files.data,
            )  # fmt: skip
        except AppError as error:
            form.refuse(error)
        else:
            return done(_("正在提交给微信"), address_of(program), "info")
    return render(
        "provider/programs/privacy_interface.html", program=program, tab="privacy", form=form, known=known,
        before=before, most=MOST_PICTURES, longest=privacy_interfaces.LONGEST, obstacle=obstacle(program, DEVELOPMENT),
        word=INTERFACES.get(interface, ""), status=422 if form.is_submitted() else 200,
    )  # fmt: skip


def _with_template(program_id: UUID, template_id: UUID | None) -> tuple[Program, Any]:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    found = privacy_templates.get_template(g.db, g.who, template_id, Verb.WORK) if template_id else None
    return program, found


def _start(program: Program, service: Callable[[], BatchItem], text: str) -> ResponseReturnValue:
    try:
        service()
    except AppError as error:
        return refused(error, address_of(program))
    return done(text, address_of(program), "info")


def address_of(program: Program) -> str:
    return url_for("provider.show_privacy", program_id=program.id)
