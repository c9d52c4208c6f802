"""What WeChat holds against mini programs: the list of penalties, what is shut, one mini program's page, our notes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms import TextAreaField

from saas.errors import N_, AppError
from saas.programs import listing, shutting, violation_listing, violations
from saas.programs.access import get_program, get_violation
from saas.programs.models import AuthorizationStatus, Program
from saas.programs.violation_listing import LONGEST_NOTE, Place, Trouble, ViolationFilter
from saas.programs.violation_models import Shut, Violation, ViolationState
from saas.tenants.access import Verb
from saas.web.badges import badge
from saas.web.forms import Form, at_most
from saas.web.going import done, safe_next
from saas.web.pages import render
from saas.web.provider.blueprint import provider
from saas.web.provider.program_filters import Choices

PAGE = 50
_MOST_SHUT = 100
STATES = {
    ViolationState.OPEN: (N_("处罚中"), "danger"),
    ViolationState.APPEALING: (N_("申诉中"), "warning"),
    ViolationState.REFUSED: (N_("申诉被驳回"), "danger"),
    ViolationState.LIFTED: (N_("申诉成功"), "success"),
    ViolationState.GONE: (N_("微信已撤销"), "secondary"),
}
SHUT = {
    Shut.FROZEN: (N_("账号被冻结"), "danger"),
    Shut.BANNED: (N_("账号被封禁"), "danger"),
    Shut.CANCELLED: (N_("账号已注销"), "secondary"),
    Shut.WARNED: (N_("账号被告警"), "warning"),
    Shut.SUSPENDED: (N_("服务已暂停"), "warning"),
}
APPEALS = {1: N_("申诉中"), 2: N_("申诉成功"), 3: N_("申诉被驳回"), 4: N_("申诉已撤回")}


class ViolationNoteForm(Form):
    note = TextAreaField(validators=[at_most(LONGEST_NOTE)])


@provider.context_processor
def give_violation_words() -> dict[str, Any]:
    return {"violation_badge": violation_badge, "shut_badge": shut_badge, "appeal_words": APPEALS}


@provider.get("/violations")
def list_violations() -> ResponseReturnValue:
    wanted, after = ViolationFilter.read(request.args), Place.read(request.args.get("after", ""))
    rows = violation_listing.list_violations(g.db, wanted, who=g.who, after=after, limit=PAGE + 1)
    more, rows = len(rows) > PAGE, rows[:PAGE]
    shut = shutting.list_shut(g.db, who=g.who, limit=_MOST_SHUT) if after is None else []
    programs = [program for _row, program in rows] + [program for _row, program in shut]
    here = url_for("provider.list_violations", **wanted.parts())
    last = Place(rows[-1][0].happened_at, rows[-1][0].id) if more else None
    return render(
        "provider/violations/list.html", rows=rows, wanted=wanted, shut=shut, states=_states(),
        reasons=violation_listing.count_by_reason(g.db, wanted, who=g.who), most_shut=_MOST_SHUT,
        names=listing.merchant_names(g.db, programs),
        why=violation_listing.newest_of(g.db, [program.id for _row, program in shut]),
        next_url=url_for("provider.list_violations", **wanted.parts(), after=str(last)) if last else "",
        first_url=here if after else "", here=here,
    )  # fmt: skip


@provider.get("/programs/<uuid:program_id>/violations")
def show_program_violations(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.VIEW)
    return render(
        "provider/violations/program.html", program=program, tab="violations",
        rows=violation_listing.violations_of(g.db, program), watch=violations.find_watch(g.db, program),
        shut=shutting.open_shuttings(g.db, [program.id]),
        may_read=g.who.may(Verb.WORK) and program.authorization == AuthorizationStatus.AUTHORIZED,
    )  # fmt: skip


@provider.post("/programs/<uuid:program_id>/violations/read")
def read_program_violations(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    violations.request_reading(g.db, program, who=g.who)
    return done(_("正在向微信查询，请稍后刷新"), _page_of(program), "info")


@provider.post("/violations/<uuid:violation_id>/seen")
def mark_violation_seen(violation_id: UUID) -> ResponseReturnValue:
    violation_listing.mark_seen(g.db, get_violation(g.db, g.who, violation_id, Verb.WORK), who=g.who)
    return done(_("已标记为知晓"), safe_next(url_for("provider.list_violations")))


@provider.route("/violations/<uuid:violation_id>/note", methods=["GET", "POST"])
def note_violation(violation_id: UUID) -> ResponseReturnValue:
    row = get_violation(g.db, g.who, violation_id, Verb.WORK)
    program = get_program(g.db, g.who, row.program_id, Verb.WORK)
    form = ViolationNoteForm(note=row.note)
    if form.validate_on_submit():
        try:
            violation_listing.edit_note(g.db, row, form.note.data or "", who=g.who)
        except AppError as error:
            form.refuse(error)
        else:
            return done(_("已保存备注"), _page_of(program))
    return render(
        "provider/violations/note.html", program=program, tab="violations", row=row, form=form,
        status=422 if form.is_submitted() else 200,
    )  # fmt: skip


@provider.app_template_global()
def trouble_of(program: Program) -> Trouble | None:
    """What WeChat holds against one mini program, for its first page."""
    return violation_listing.troubles_of(g.db, [program.id]).get(program.id)


def violation_badge(row: Violation) -> str:
    label, tone = STATES[ViolationState(row.state)]
    return badge(_(label), tone)


def shut_badge(kind: str) -> str:
    label, tone = SHUT[Shut(kind)]
    return badge(_(label), tone)


def _states() -> Choices:
    return [
        (violation_listing.STANDING_ONES, _("仍有效的")), ("", _("状态：全部")),
        *((state.value, _(label)) for state, (label, _tone) in STATES.items()),
    ]  # fmt: skip


def _page_of(program: Program) -> str:
    return url_for("provider.show_program_violations", program_id=program.id)
