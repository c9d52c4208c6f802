"""The calendar of what ends: a month, its days, dates of our own, when to be told, the address to subscribe to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import DateField, TextAreaField

from saas import clock
from saas.agenda import deadline_alarms, deadlines, feeds, own_dates
from saas.agenda.deadlines import LABELS, Deadline, DeadlineFilter
from saas.agenda.models import DeadlineKind, OwnDate
from saas.errors import N_, AppError, Conflict, Invalid
from saas.programs import listing
from saas.programs.access import get_program
from saas.programs.listing import NOBODYS
from saas.programs.words import Word
from saas.tenants.access import Verb, require
from saas.web.forms import Form, TextField, at_most, chosen, required
from saas.web.going import done, refused
from saas.web.language import spoken
from saas.web.pages import render
from saas.web.provider.blueprint import provider

PAGE = 50
_AHEAD = timedelta(days=60)
TONES = {
    DeadlineKind.CERTIFICATE: "danger", DeadlineKind.CLOCK: "warning", DeadlineKind.OWN: "primary",
    DeadlineKind.TRAIN: "success", DeadlineKind.CAMPAIGN: "success",
}  # fmt: skip


class OwnDateForm(Form):
    title = TextField(_l("名称"), [required(), at_most(own_dates.LONGEST_TITLE)])
    day = DateField(_l("日期"), [chosen()])
    note = TextAreaField(_l("说明"), [at_most(own_dates.LONGEST_NOTE)])


@dataclass(frozen=True)
class Cell:
    """A day of the month's grid; `outside` belongs to the month before or after."""

    day: date
    counts: dict[DeadlineKind, int]
    outside: bool
    is_today: bool


@dataclass(frozen=True)
class Asked:
    """What the address asks for: a month, maybe one of its days, kinds, and only my work."""

    month: date
    day: date | None
    kinds: tuple[DeadlineKind, ...]
    mine: bool

    @classmethod
    def read(cls, today: date) -> Asked:
        """What makes no sense is left out."""
        day = _date(request.args.get("day", ""))
        month = _date(f"{request.args.get('month', '')}-01") or day or today
        given = request.args.getlist("kind")
        kinds = tuple(kind for kind in DeadlineKind if kind in given)
        return cls(month.replace(day=1), day, kinds, request.args.get("mine") == "1")

    @property
    def wanted(self) -> DeadlineFilter:
        return DeadlineFilter(self.kinds, f"{g.who.user_id},{NOBODYS}" if self.mine else "")

    def parts(self) -> dict[str, Any]:
        return {"kind": [kind.value for kind in self.kinds], **({"mine": "1"} if self.mine else {})}

    def to_month(self, month: date) -> str:
        return url_for("provider.show_calendar", month=f"{month:%Y-%m}", **self.parts())

    def to_day(self, day: date) -> str:
        return url_for("provider.show_calendar", month=f"{self.month:%Y-%m}", day=day.isoformat(), **self.parts())


@provider.context_processor
def give_calendar_words() -> dict[str, Any]:
    return {
        "deadline_label": label_of, "deadline_url": url_of, "deadline_tone": tone_of, "deadline_day": day_of,
    }  # fmt: skip


@provider.get("/calendar")
def show_calendar() -> ResponseReturnValue:
    """A month, and below it what ends on the chosen day, or from today on."""
    zone = g.time_zone
    today = clock.now().astimezone(ZoneInfo(zone)).date()
    asked = Asked.read(today)
    weeks = _weeks(asked, today)
    since, until = _span(asked, today)
    after = deadlines.read_place(request.args.get("after", ""))
    rows = deadlines.list_deadlines(g.db, since, until, asked.wanted, who=g.who, zone=zone, after=after, limit=PAGE + 1)
    more, rows = len(rows) > PAGE, rows[:PAGE]
    here = asked.to_day(asked.day) if asked.day else asked.to_month(asked.month)
    onward = f"{here}{'&' if '?' in here else '?'}after={rows[-1].place}" if more else ""
    return render(
        "provider/calendar/show.html", asked=asked, weeks=weeks, rows=rows, kinds=list(DeadlineKind), today=today,
        before=(asked.month - timedelta(days=1)).replace(day=1), then=(asked.month + timedelta(days=32)).replace(day=1),
        feed=feeds.find_feed(g.db, g.who), feed_address=feeds.feed_address, labels=LABELS,
        total=sum(sum(cell.counts.values()) for week in weeks for cell in week if not cell.outside),
        next_url=onward, first_url=here if after else "",
    )  # fmt: skip


@provider.route("/calendar/dates/new", methods=["GET", "POST"])
def add_own_date() -> ResponseReturnValue:
    """A date of our own, maybe of one mini program (`program`)."""
    require(g.who, Verb.WORK)
    program_id = request.args.get("program", type=UUID)
    program = get_program(g.db, g.who, program_id, Verb.WORK) if program_id else None
    form = OwnDateForm(day=_date(request.args.get("day", "")))
    if form.validate_on_submit() and form.day.data is not None:
        try:
            row = own_dates.add_date(
                g.db, form.title.data or "", form.day.data, note=form.note.data or "", program=program, who=g.who
            )
        except AppError as error:
            form.refuse(error)
        else:
            return done(_("已添加日期"), _to_day(row.day))
    return _show_form(form, None, program.name or program.appid if program else "")


@provider.route("/calendar/dates/<uuid:own_date_id>", methods=["GET", "POST"])
def edit_own_date(own_date_id: UUID) -> ResponseReturnValue:
    row = own_dates.get_date(g.db, g.who, own_date_id, Verb.WORK)
    form = OwnDateForm(title=row.title, day=row.day, note=row.note)
    if form.validate_on_submit() and form.day.data is not None:
        try:
            own_dates.edit_date(g.db, row, form.title.data or "", form.day.data, note=form.note.data or "", who=g.who)
        except AppError as error:
            form.refuse(error)
        else:
            return done(_("已保存日期"), _to_day(row.day))
    return _show_form(form, row, "")


@provider.post("/calendar/dates/<uuid:own_date_id>/finish")
def finish_own_date(own_date_id: UUID) -> ResponseReturnValue:
    row = own_dates.get_date(g.db, g.who, own_date_id, Verb.WORK)
    try:
        own_dates.finish_date(g.db, row, who=g.who)
    except Conflict as error:
        return refused(error, _to_day(row.day))
    return done(_("已标记为处理完"), _to_day(row.day))


@provider.route("/calendar/settings", methods=["GET", "POST"])
def edit_deadline_days() -> ResponseReturnValue:
    """How many days before each kind people are told."""
    require(g.who, Verb.MANAGE)
    shown = {kind: " ".join(str(one) for one in days) for kind, days in deadline_alarms.days_before(g.db).items()}
    fault: Invalid | None = None
    if request.method == "POST" and request.form.get("sent"):
        shown = {kind: request.form.get(kind.value, "").strip()[:100] for kind in DeadlineKind}
        try:
            deadline_alarms.set_days(g.db, {kind: _days(kind, text) for kind, text in shown.items()}, who=g.who)
        except Invalid as error:
            fault = error
        else:
            return done(_("已保存提醒天数"), url_for("provider.show_calendar"))
    status = 422 if request.method == "POST" else 200
    return render(
        "provider/calendar/settings.html", shown=shown, labels=LABELS, fault=fault,
        usual=deadline_alarms.DEFAULTS, status=status,
    )  # fmt: skip


@provider.post("/calendar/feed")
def make_calendar_feed() -> ResponseReturnValue:
    kinds = [kind for kind in DeadlineKind if kind in request.form.getlist("kind")]
    feeds.make_feed(g.db, kinds, who=g.who, locale=spoken())
    return done(_("已生成订阅地址"), url_for("provider.show_calendar", _anchor="feed"))


@provider.post("/calendar/feed/revoke")
def revoke_calendar_feed() -> ResponseReturnValue:
    feeds.revoke_feed(g.db, who=g.who)
    return done(_("订阅地址已作废"), url_for("provider.show_calendar"))


def label_of(one: Deadline) -> str:
    """What ends, in words."""
    if one.kind is DeadlineKind.OWN:
        return one.detail
    if one.kind is DeadlineKind.CLOCK:
        return str(_(Word(one.detail).label))
    label = str(_(LABELS[one.kind]))
    return f"{label} {one.detail}" if one.kind in (DeadlineKind.TRAIN, DeadlineKind.CAMPAIGN) else label


def day_of(one: Deadline) -> str:
    """The provider's day on which it ends."""
    return one.ends_at.astimezone(ZoneInfo(g.time_zone)).date().isoformat()


def tone_of(kind: DeadlineKind) -> str:
    return TONES.get(kind, "secondary")


def url_of(one: Deadline) -> str:
    """Where it is dealt with."""
    if one.kind is DeadlineKind.CERTIFICATE:
        return url_for("provider.show_certification", program_id=one.program_id)
    if one.kind is DeadlineKind.TRAIN:
        return url_for("provider.show_train", train_id=one.subject_id)
    if one.kind is DeadlineKind.CAMPAIGN:
        return url_for("provider.show_campaign", campaign_id=one.subject_id)
    if one.kind is DeadlineKind.AUTHORIZATION_LINK and g.who.may(Verb.WORK):
        return url_for("provider.show_link", link_id=one.subject_id)
    if one.kind is DeadlineKind.CODE:
        return url_for("provider.show_codes", program_id=one.program_id)
    if one.program_id is not None:
        return url_for("provider.show_program", program_id=one.program_id)
    if one.kind is DeadlineKind.OWN:
        return url_for("provider.edit_own_date", own_date_id=one.subject_id) if g.who.may(Verb.WORK) else ""
    return url_for("provider.show_merchant", merchant_id=one.merchant_id)


def _weeks(asked: Asked, today: date) -> list[list[Cell]]:
    """Whole weeks, Monday first, around the month."""
    first = asked.month - timedelta(days=asked.month.weekday())
    _begin, following = deadlines.month_of(asked.month, g.time_zone)
    last = following.date() - timedelta(days=1)
    last += timedelta(days=6 - last.weekday())
    counts = deadlines.count_days(
        g.db, deadlines.moment_of(first, g.time_zone), deadlines.moment_of(last + timedelta(days=1), g.time_zone),
        asked.wanted, who=g.who, zone=g.time_zone,
    )  # fmt: skip
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    cells = [Cell(day, counts.get(day, {}), day.month != asked.month.month, day == today) for day in days]
    return [cells[start : start + 7] for start in range(0, len(cells), 7)]


def _span(asked: Asked, today: date) -> tuple[datetime, datetime]:
    """The chosen day; else the month from today on, or from its first day when that is another one."""
    if asked.day is not None:
        return tuple(  # type: ignore[return-value]
            deadlines.moment_of(day, g.time_zone) for day in (asked.day, asked.day + timedelta(days=1))
        )
    since, until = deadlines.month_of(asked.month, g.time_zone)
    if asked.month == today.replace(day=1):
        return max(since, deadlines.moment_of(today, g.time_zone)), max(until, clock.now() + _AHEAD)
    return since, until


def _days(kind: DeadlineKind, text: str) -> Sequence[int]:
    parts = [part for part in re.split(r"[\s,，、;；/]+", text) if part]
    if not all(re.fullmatch(r"[0-9]{1,4}", part) for part in parts):
        raise Invalid(N_("请填写天数，用空格分开"), field=kind.value)
    return [int(part) for part in parts]


def _show_form(form: OwnDateForm, row: OwnDate | None, about: str) -> ResponseReturnValue:
    if row is not None and row.program_id:
        program = listing.select_programs(g.db, [row.program_id])
        about = program[0].name or program[0].appid if program else ""
    return render(
        "provider/calendar/own_date.html", form=form, row=row, about=about, status=422 if form.is_submitted() else 200
    )


def _to_day(day: date) -> str:
    return url_for("provider.show_calendar", month=f"{day:%Y-%m}", day=day.isoformat())


def _date(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 1971 <= day.year <= 2199 else None
