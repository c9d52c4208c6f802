"""The to-do board: every mini program's next action, whose turn it is, until when; and what else waits for us."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from wtforms import DateField

from saas import clock
from saas.agenda import board, errands
from saas.agenda.board import TURNS, Place
from saas.agenda.counting import count_waiting
from saas.batches.access import get_batch
from saas.errors import N_, AppError
from saas.programs import listing, snoozing
from saas.programs.access import get_program
from saas.programs.listing import ProgramFilter
from saas.programs.models import Program
from saas.programs.words import NextStep, Turn, Word
from saas.tenants.access import Verb, require
from saas.web.forms import Form, TextField, at_most, chosen
from saas.web.going import done, safe_next
from saas.web.pages import render
from saas.web.provider.blueprint import provider
from saas.web.provider.errand_words import told
from saas.web.provider.program_page import next_button
from saas.web.provider.selection import ACTIONS, Group, Lead, Selection, lead_to
from saas.web.provider.todo_filters import ALL, TodoFilter, todo_choices

PAGE = 50
_MOST_ERRANDS = 5
_MORNING = time(9)

_OF_STEPS: dict[NextStep, tuple[str, ...]] = {
    NextStep.REGISTER: ("register",),
    NextStep.AUTHORIZE: ("renew_link",),
    NextStep.PROFILE: ("introduction", "avatar"),
    NextStep.CATEGORIES: ("category",),
    NextStep.CERTIFY: ("certification_template", "certification_start"),
    NextStep.FILE: ("filing_template", "filing_face"),
    NextStep.UPLOAD: ("upload",),
    NextStep.SUBMIT: ("submit",),
    NextStep.RELEASE: ("release",),
}
_OF_WORDS: dict[Word, tuple[str, ...]] = {
    Word.CERTIFY_SENT_BACK: ("certification_resubmit",),
    Word.CERTIFY_IN_REVIEW: ("certification_refresh",),
    Word.CERTIFY_ORDERING: ("certification_refresh",),
    Word.FILE_FACE_PASSED: ("filing_send",),
    Word.FILE_PLATFORM_REVIEW: ("filing",),
    Word.FILE_AUTHORITY_REVIEW: ("filing",),
    Word.IN_REVIEW: ("undo",),
    Word.DELAYED: ("undo",),
    Word.CATEGORY_IN_REVIEW: ("categories",),
    Word.CATEGORY_REFUSED: ("categories",),
}
"""What may be done for all mini programs of a group, by the keys of `selection.ACTIONS`."""


lead_to(Lead(N_("推迟待办"), N_("暂时不出现在待办里，到那天自动回来。"), "provider.snooze_programs"), Group.TEAM)


@dataclass(frozen=True)
class Deed:
    label: str
    url: str


class SnoozeForm(Form):
    until = DateField(_l("推迟到"), [chosen()])
    note = TextField(_l("说明"), [at_most(snoozing.LONGEST_NOTE)])


@provider.get("/todo")
def show_todo() -> ResponseReturnValue:
    wanted = TodoFilter.read(request.args)
    found = board.read_board(g.db, wanted.wanted, who=g.who)
    waiting = errands.list_errands(g.db, who=g.who) if wanted.turn is Turn.PROVIDER else []
    shown = [program for group in found.groups for program in group.programs]
    return render(
        "provider/todo/board.html", wanted=wanted, board=found, errands=[told(one) for one in waiting],
        tabs=_tabs(wanted, found), choices=todo_choices(wanted), deeds_of=lambda word: deeds_of(wanted, word),
        everybody=url_for("provider.show_todo", turn=wanted.turn.value, owner=ALL), count=_total(found, wanted),
        **_pieces(shown),
    )  # fmt: skip


@provider.get("/todo/group")
def show_todo_group() -> ResponseReturnValue:
    """All mini programs at one word, the nearest end first."""
    wanted, stage = TodoFilter.read(request.args), request.args.get("stage", "")
    if stage not in set(Word):
        return redirect(wanted.address("provider.show_todo"), code=303)
    word = Word(stage)
    return _list(
        wanted, wanted.of(word), "provider/todo/group.html", "provider.show_todo_group", stage=stage,
        word=word, deeds=deeds_of(wanted, word),
    )  # fmt: skip


@provider.get("/todo/snoozed")
def list_snoozed() -> ResponseReturnValue:
    """What somebody put off, with the note and when it comes back."""
    wanted = TodoFilter.read(request.args)
    asked = ProgramFilter.read({**wanted.wanted.parts(), "turn": "", "snoozed": listing.Snoozed.ONLY})
    return _list(wanted, asked, "provider/todo/snoozed.html", "provider.list_snoozed")


@provider.route("/todo/snooze", methods=["GET", "POST"])
def snooze_programs() -> ResponseReturnValue:
    """Put a selection off until a morning."""
    require(g.who, Verb.WORK)
    selection, zone = Selection.read(), ZoneInfo(g.time_zone)
    ids, today = selection.program_ids(), clock.now().astimezone(zone).date()
    if not ids:
        return done(_("请先勾选小程序"), url_for("provider.show_todo"), "warning")
    form = SnoozeForm(until=today + timedelta(days=1))
    if form.validate_on_submit() and form.until.data is not None:
        until = datetime.combine(form.until.data, _MORNING, zone)
        try:
            count = snoozing.snooze(g.db, ids, until, form.note.data or "", who=g.who)
        except AppError as error:
            form.refuse(error)
        else:
            text = ngettext("已推迟 %(num)d 个小程序", "已推迟 %(num)d 个小程序", count)
            return done(text, safe_next(url_for("provider.show_todo")))
    return render(
        "provider/todo/snooze.html", form=form, selection=selection, count=len(ids), today=today,
        programs=listing.select_programs(g.db, ids[:10]), status=422 if form.is_submitted() else 200,
    )  # fmt: skip


@provider.post("/todo/programs/<uuid:program_id>/wake")
def wake_program(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    snoozing.wake(g.db, program, who=g.who)
    return done(_("已恢复，回到待办"), safe_next(url_for("provider.list_snoozed")))


@provider.post("/todo/batches/<uuid:batch_id>/settle")
def settle_batch(batch_id: UUID) -> ResponseReturnValue:
    errands.settle_batch(g.db, get_batch(g.db, g.who, batch_id, Verb.WORK), who=g.who)
    return done(_("已标记为处理完"), safe_next(url_for("provider.show_todo")))


@provider.context_processor
def give_count() -> dict[str, Any]:
    """Counted when a page shows the navigation, not for every request."""
    return {"todo_waiting": lambda: count_waiting(g.db, g.who)}


def top_of_board() -> dict[str, Any]:
    """The board's beginning, for the first page: what waits for us and the most urgent groups of my work."""
    wanted = TodoFilter.read({})
    found = board.read_board(g.db, wanted.wanted, who=g.who, shown=1)
    waiting = errands.list_errands(g.db, who=g.who)
    return {
        "wanted": wanted, "board": found, "more": max(0, len(waiting) - _MOST_ERRANDS),
        "errands": [told(one) for one in waiting[:_MOST_ERRANDS]],
    }  # fmt: skip


def deeds_of(wanted: TodoFilter, word: Word) -> list[Deed]:
    """What a member may begin for a whole group."""
    if not g.who.may(Verb.WORK):
        return []
    keys: tuple[str, ...] = ("remind",) if wanted.turn is Turn.MERCHANT else ()
    keys += _OF_WORDS.get(word) or _OF_STEPS.get(word.next_step, ())
    found = [
        Deed(_(ACTIONS[key].label), url_for("provider.start_action", action=key, all=1, **_carried(wanted.of(word))))
        for key in keys
        if key in ACTIONS
    ]
    if word is Word.REJECTED and "provider.list_rejects" in current_app.view_functions:
        found.insert(0, Deed(_("审核驳回台"), url_for("provider.list_rejects")))
    return found


def _list(
    wanted: TodoFilter, asked: ProgramFilter, template: str, endpoint: str, **values: Any
) -> ResponseReturnValue:  # fmt: skip
    after = Place.read(request.args.get("after", ""))
    programs, last = board.list_group(g.db, asked, who=g.who, after=after, limit=PAGE)
    route = {"stage": values["stage"]} if "stage" in values else {}
    here = wanted.address(endpoint, **route)
    return render(
        template, wanted=wanted, programs=programs, count=board.count_matching(g.db, asked), here=here,
        selected=_carried(asked), choices=todo_choices(wanted),
        next_url=wanted.address(endpoint, **route, after=str(last)) if last else "", first_url=here if after else "",
        **_pieces(programs), **values,
    )  # fmt: skip


def _carried(asked: ProgramFilter) -> dict[str, Any]:
    return dict(asked.parts())


def _pieces(programs: Collection[Program]) -> dict[str, Any]:
    """What the rows of mini programs show beside the summary: two queries."""
    found = list(programs)
    return {
        "names": listing.merchant_names(g.db, found), "snoozes": snoozing.snoozes_of(g.db, [one.id for one in found]),
        "next_button": next_button if g.who.may(Verb.WORK) else lambda _program: None, "due": due_badge,
    }  # fmt: skip


def due_badge(moment: datetime | None) -> tuple[str, str] | None:
    """How near the end of a clock is: a tone and a word; None for none."""
    if moment is None:
        return None
    zone, now = ZoneInfo(g.time_zone), clock.now()
    if moment <= now:
        return "danger", _("已超时")
    day, today = moment.astimezone(zone).date(), now.astimezone(zone).date()
    if day == today:
        return "warning", _("今天到期")
    if day - today <= timedelta(days=7):
        return "info", _("7 天内到期")
    return "secondary", _("有期限")


def _tabs(wanted: TodoFilter, found: board.Board) -> list[dict[str, Any]]:
    names = {
        Turn.PROVIDER: _("轮到我们"), Turn.MERCHANT: _("轮到商家"), Turn.WECHAT: _("等微信"),
        Turn.AUTHORITY: _("等管局"),
    }  # fmt: skip
    tabs: list[dict[str, Any]] = [
        {
            "label": f"{names[turn]} {found.turns.get(turn, 0)}", "active": turn is wanted.turn,
            "url": url_for("provider.show_todo", **wanted.parts(turn=turn.value)),
        }
        for turn in TURNS
    ]  # fmt: skip
    put_off = {"label": f"{_('已推迟')} {found.snoozed}", "active": False}
    return [*tabs, {**put_off, "url": wanted.address("provider.list_snoozed")}]


def _total(found: board.Board, wanted: TodoFilter) -> int:
    return found.turns.get(wanted.turn, 0)
