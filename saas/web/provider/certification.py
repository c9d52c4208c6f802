"""The certification of one mini program: how it stands, its data, the start, handing in again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from wtforms import SelectField

from saas import clock
from saas.batches.models import BatchItem
from saas.batches.progress import newest_items
from saas.errors import AppError, Conflict, Invalid, NotFound
from saas.programs import certification as certifying
from saas.programs.access import get_program
from saas.programs.certification_access import (
    get_template,
    list_certifications_of,
    list_templates,
    open_certification,
)
from saas.programs.certification_charges import price_fen
from saas.programs.certification_data import FIELDS, PAPERS, PROVIDER_PAYS, Part, asked_for, lacking, named_in
from saas.programs.certification_filling import find_identities, place_in
from saas.programs.certification_models import (
    MOST_REFILLS,
    OF_ADMINISTRATOR,
    Certification,
    CertificationStatus,
)
from saas.programs.certification_progress import ENDING, certificate_ends_at
from saas.programs.certification_states import WORDS, ways
from saas.programs.changing import obstacle
from saas.programs.models import Program
from saas.programs.polling import visit
from saas.tenants.access import Verb, Who
from saas.web.forms import Form
from saas.web.going import done, refused
from saas.web.language import span
from saas.web.pages import render
from saas.web.provider.blueprint import provider
from saas.web.provider.certification_forms import PART_NAMES, PartForm, find_part, next_part, part_form, shown
from saas.web.provider.certification_templates import paper_response, render_personal, save_identity
from saas.web.provider.telling import telling_item
from saas.wx.permissions import DEVELOPMENT

_S = CertificationStatus
_OF_BOTH = (0, 4, 5, 6)
"""Those of a certification that goes together with the filing, which has the face check."""
_MILESTONES = (
    (_l("提交资料"), (_S.DRAFT,)),
    (_l("管理员确认"), (_S.ADMIN_PENDING, _S.ADMIN_REFUSED, _S.TASK_EXPIRED)),
    (_l("管理员人脸核验"), (_S.ADMIN_AGREED, _S.FACE_RUNNING, _S.FACE_FAILED)),
    (_l("管理员验证手机"), (_S.FACE_OK, _S.PHONE_CODE_SENT, _S.PHONE_FAILED)),
    (_l("生成订单与付费"), (_S.PHONE_OK, _S.ORDER_FAILED, _S.VERIFY_FAILED, _S.ORDER_CREATED, _S.PAY_PENDING)),
    (_l("审核公司审核"), (_S.IN_REVIEW, _S.SENT_BACK, _S.FAILED)),
    (_l("认证通过"), (_S.PASSED,)),
)


class DraftForm(Form):
    template = SelectField(_l("用哪个模板"))

    def offer(self, templates: list[Any], earlier: bool) -> None:
        choices = [(str(row.id), row.name) for row in templates]
        if earlier:
            choices.insert(0, ("like", _("沿用上一次认证的资料")))
        self.template.choices = [*choices, ("", _("不用模板，直接填写"))]


@provider.get("/programs/<uuid:program_id>/certification")
def show_certification(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.VIEW)
    visit(g.db, program)
    return _show(program, _draft_form(program_id))


def _draft_form(program_id: UUID) -> DraftForm:
    form = DraftForm()
    program = get_program(g.db, g.who, program_id, Verb.VIEW)
    form.offer(list_templates(g.db), bool(list_certifications_of(g.db, program)))
    return form


def _show(program: Program, form: DraftForm, status: int = 200) -> ResponseReturnValue:
    rows = list_certifications_of(g.db, program)
    current = rows[0] if rows else None
    values = current.values if current else {}
    ends_at = certificate_ends_at(program, next((row for row in rows if row.status == _S.PASSED), None))
    review_from = ends_at - ENDING if ends_at else None
    way = certifying.ways_now(g.db, program, current)
    return render(
        "provider/programs/certification.html", program=program, tab="certification", current=current, form=form,
        way=way, word=WORDS[_S(current.status)] if current else None, words=WORDS, earlier=rows[1:],
        missing=lacking(values, current.papers) if current and way.edit else [],
        facts=shown(values, asked_for(values, refill=bool(current and current.sent_back_at))), parts=PART_NAMES,
        milestones=_milestones(current) if current else [],
        remaining=_remaining(current), shows_link=bool(current and current.status in OF_ADMINISTRATOR),
        item=telling_item(program.id, certifying.STEPS), obstacle=obstacle(program, DEVELOPMENT),
        ends_at=ends_at, review_from=review_from, most_refills=MOST_REFILLS, status=status, paper_names=PAPERS,
        too_early=bool(current and current.status == _S.PASSED and review_from and review_from > clock.now()),
        mentioned=_mentioned(current) if way.edit else [],
        named=newest_items(g.db, program.id, (certifying.CHECK_NAME,)).get(certifying.CHECK_NAME),
    )  # fmt: skip


def _mentioned(current: Certification | None) -> list[tuple[str, str, Part]]:
    """What WeChat's reason seems to be about: field, label and part."""
    if current is None:
        return []
    found = named_in(current.reason).items()
    return [(name, _(FIELDS[name].label if name in FIELDS else PAPERS[name]), part) for name, part in found]


def _remaining(current: Certification | None) -> str:
    left = (current.due_at - clock.now()).total_seconds() if current and current.due_at else 0
    return span(left) if left > 0 else ""


def _milestones(current: Certification) -> list[dict[str, Any]]:
    """The way of a certification as steps; the one that it is at is running, waiting for people, or failed."""
    status = _S(current.status)
    way = [_MILESTONES[number] for number in _OF_BOTH] if current.procedure_id else _MILESTONES
    at = next((number for number, (_label, states) in enumerate(way) if status in states), 0)
    ended_badly = WORDS[status].tone == "danger"
    found = []
    for number, (label, _states) in enumerate(way):
        state = "done" if number < at or status is _S.PASSED else "todo"
        if number == at and status is not _S.PASSED:
            state = "failed" if ended_badly else "now"
        said = _("草稿") if status is _S.DRAFT else _(WORDS[status].label)
        found.append({"label": label, "state": state, "detail": said if number == at else ""})
    return found


@provider.post("/programs/<uuid:program_id>/certification")
def make_certification_draft(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    form = _draft_form(program_id)
    if not form.validate():
        return _show(program, form, 422)
    chosen, like, template = form.template.data, None, None
    if chosen == "like":
        like = list_certifications_of(g.db, program)[0]
    elif chosen:
        template = get_template(g.db, g.who, UUID(chosen), Verb.WORK)
    try:
        draft = certifying.make_draft(g.db, program, who=g.who, template=template, like=like)
    except AppError as error:
        form.refuse(error)
        return _show(program, form, 422)
    missing = lacking(draft.values, draft.papers)
    if not missing:
        return done(_("资料已经齐全，请核对后提交"), _page(program))
    return done(_("请补齐缺少的资料"), _part_address(program, missing[0].part), "info")


@provider.route("/programs/<uuid:program_id>/certification/parts/<section>", methods=["GET", "POST"])
def edit_certification(program_id: UUID, section: str) -> ResponseReturnValue:
    program, row, here = *_open(program_id), find_part(section)
    if not certifying.ways_now(g.db, program, row).edit:
        return done(_("认证正在办理，现在不能修改资料"), _page(program), "warning")
    without: dict[Part, tuple[str, ...]] = {Part.BASICS: ("name",)}
    if row.status != _S.SENT_BACK:
        without[Part.CONTACT] = ("contact_mobile",)
    form = part_form(here, row, *without.get(here, ()))
    if not form.is_submitted():
        _mark_named(form, row)
    if form.validate_on_submit():
        try:
            certifying.fill_draft(g.db, program, row, form.filling(), who=g.who)
        except AppError as error:
            form.refuse_all(error)
        else:
            after = next_part(here)
            skips = after is Part.INVOICE and row.values.get("pay_type") == PROVIDER_PAYS
            return done(_("已保存"), _part_address(program, after) if after and not skips else _page(program))
    return render(
        "provider/certification/edit.html", program=program, tab="certification", form=form, row=row, part=here,
        parts=PART_NAMES, status=422 if form.is_submitted() else 200,
    )  # fmt: skip


def _mark_named(form: PartForm, row: Certification) -> None:
    """Say at the fields that WeChat's reason is about them."""
    for name in named_in(row.reason) if row.status == _S.SENT_BACK else ():
        if name in form:
            form[name].errors = [_("打回原因提到了这一项，请核对")]


@provider.post("/programs/<uuid:program_id>/certification/personal")
def reveal_certification(program_id: UUID) -> ResponseReturnValue:
    """Answers the page itself, so that personal data is neither in an address nor in a stored message."""
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    rows = list_certifications_of(g.db, program)
    if not rows:
        raise NotFound()
    return render_personal(rows[0], _page(program), program.name)


@provider.route("/programs/<uuid:program_id>/certification/identity", methods=["GET", "POST"])
def choose_certification_identity(program_id: UUID) -> ResponseReturnValue:
    program, row = _open(program_id)
    tree = find_identities(g.db, program)
    if not certifying.ways_now(g.db, program, row).edit:
        return done(_("认证正在办理，现在不能修改资料"), _page(program), "warning")
    if request.method == "POST":
        choose = partial(certifying.choose_identity, g.db, program, row, who=g.who)
        return save_identity(choose, _part_address(program, Part.BASICS))
    return render(
        "provider/certification/identity.html", tree=tree, place=place_in(tree, request.args.get("at", "")) if tree
        else None, chosen=row.values.get("identification", ""), back=_part_address(program, Part.BASICS),
        name=program.name, read_url=url_for("provider.read_identities", program_id=program.id),
    )  # fmt: skip


@provider.post("/programs/<uuid:program_id>/certification/identities")
def read_identities(program_id: UUID) -> ResponseReturnValue:
    target = url_for("provider.choose_certification_identity", program_id=program_id)
    return _try(program_id, certifying.request_identities, _("正在读取认证身份，几秒后刷新页面"), target)


@provider.post("/programs/<uuid:program_id>/certification/name")
def check_certification_name(program_id: UUID) -> ResponseReturnValue:
    name = _open(program_id)[1].values.get("account_name", "")

    def ask(db: Session, program: Program, *, who: Who) -> BatchItem:
        return certifying.ask_about_name(db, program, name, who=who)

    return _try(program_id, ask, _("正在向微信检测名称"))


@provider.post("/programs/<uuid:program_id>/certification/refresh")
def refresh_certification(program_id: UUID) -> ResponseReturnValue:
    return _try(program_id, certifying.request_progress, _("正在向微信查询认证进度"))


@provider.route("/programs/<uuid:program_id>/certification/start", methods=["GET", "POST"])
def start_certification(program_id: UUID) -> ResponseReturnValue:
    return _confirm(program_id, certifying.request_start, again=False)


@provider.route("/programs/<uuid:program_id>/certification/resubmit", methods=["GET", "POST"])
def resubmit_certification(program_id: UUID) -> ResponseReturnValue:
    return _confirm(program_id, certifying.request_resubmission, again=True)


def _confirm(program_id: UUID, request_it: Callable[..., BatchItem], *, again: bool) -> ResponseReturnValue:
    """What handing in means, then handing in."""
    program, row = _open(program_id)
    try:
        if request.method == "POST":
            request_it(g.db, program, row, who=g.who)
            return done(_("正在提交给微信"), _page(program), "info")
        if not (ways(row).resubmit if again else ways(row).start):
            raise Conflict(ways(row).why)
        if lacking(row.values, row.papers):
            raise Invalid(_("资料不完整，请先补齐"))
    except AppError as error:
        return refused(error, _page(program))
    values = row.values
    return render(
        "provider/certification/confirm.html", program=program, tab="certification", row=row, again=again,
        facts=shown(values, asked_for(values)[:4]), left=MOST_REFILLS - row.refills,
        price_fen=price_fen(values["customer_type"]) if values["pay_type"] == PROVIDER_PAYS else 0,
    )  # fmt: skip


@provider.route("/programs/<uuid:program_id>/certification/discard", methods=["GET", "POST"])
def discard_certification(program_id: UUID) -> ResponseReturnValue:
    program, row = _open(program_id)
    if request.method == "GET":
        return render("provider/certification/discard.html", program=program, tab="certification", row=row)
    try:
        certifying.discard_draft(g.db, program, row, who=g.who)
    except AppError as error:
        return refused(error, _page(program))
    return done(_("已丢弃草稿"), _page(program))


@provider.get("/programs/<uuid:program_id>/certification/papers/<uuid:file_id>")
def show_certification_paper(program_id: UUID, file_id: UUID) -> ResponseReturnValue:
    """Pictures of people and companies: who looks at one is in the activity log."""
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    for row in list_certifications_of(g.db, program):
        if any(str(file_id) in files for files in row.papers.values()):
            return paper_response(row, file_id)
    raise NotFound()


def _open(program_id: UUID) -> tuple[Program, Certification]:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    row = open_certification(g.db, program)
    if row is None:
        raise NotFound()
    return program, row


def _try(
    program_id: UUID, request_it: Callable[..., BatchItem], text: str, target: str = ""
) -> ResponseReturnValue:  # fmt: skip
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    try:
        request_it(g.db, program, who=g.who)
    except AppError as error:
        return refused(error, target or _page(program))
    return done(text, target or _page(program), "info")


def _page(program: Program) -> str:
    return url_for("provider.show_certification", program_id=program.id)


def _part_address(program: Program, part: Part) -> str:
    return url_for("provider.edit_certification", program_id=program.id, section=part.value)
