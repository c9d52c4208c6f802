"""Trains before they set off: the form for a selection, who goes first, a planned start, missing values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from wtforms import IntegerField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import Optional as Blank

from saas import clock
from saas.components.access import list_components
from saas.errors import N_, AppError, Invalid
from saas.programs import listing
from saas.programs.listing import ProgramFilter
from saas.releases import templates
from saas.tenants.access import Verb, require
from saas.trains import drafts, planning, progress, steering, values
from saas.trains.access import get_train
from saas.trains.conducting import waves_of
from saas.trains.models import Holds, OpensAfter, ProgramState, Train
from saas.trains.planning import Options
from saas.trains.progress import Places
from saas.web.forms import Form, TextField, at_most, chosen, required
from saas.web.going import done, refused
from saas.web.pages import render
from saas.web.provider import train_words as words
from saas.web.provider.blueprint import provider
from saas.web.provider.release_pieces import template_name
from saas.web.provider.selection import Group, Lead, Selection, lead_to
from saas.web.provider.train_steering import do, page_of, wholly

_CHOICES = 50
_FILLED = 20
_HOURS = [SelectChoice("", _l("不限")), *(SelectChoice(str(hour), f"{hour}:00") for hour in range(24))]

lead_to(
    Lead(
        N_("批量发布"), N_("选一个模板版本，分批上传、检查、提交审核并发布。先试点，可暂停、可回退。"),
        "provider.plan_train",
    ),
    Group.CODE,
)  # fmt: skip


class WholeField(IntegerField):
    """A whole number; may be left blank."""

    def __init__(self, label: Any = None, **kwargs: Any) -> None:
        super().__init__(label, [Blank()], **kwargs)

    def process_formdata(self, valuelist: list[str]) -> None:
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError(_("请填写整数")) from None


class GoingForm(Form):
    """How a train goes on; may be changed while it runs."""

    opens_after = SelectField(_l("什么时候开始下一批"), default=OpensAfter.APPROVED.value)
    holds = SelectField(_l("要不要您放行"), default=Holds.NEVER.value)
    wait_hours = WholeField(_l("之后再等几小时"), default=0)
    release = SelectField(
        _l("审核通过后"),
        choices=[SelectChoice("held", _l("等我发布")), SelectChoice("auto", _l("自动发布"))],
    )
    window_from = SelectField(_l("发布从几点"), choices=_HOURS, default="")
    window_until = SelectField(_l("到几点"), choices=_HOURS, default="")
    reserve = WholeField(_l("为新商家保留的提审次数"), default=0)
    stop_percent = WholeField(_l("驳回达到百分之几就停下"), default=30)
    stop_failures = WholeField(_l("同一原因失败几个就停下"), default=10)

    def prepare(self) -> None:
        self.opens_after.choices = [SelectChoice(goal.value, _(text)) for goal, text in words.GOALS.items()]
        self.holds.choices = [SelectChoice(one.value, _(text)) for one, text in words.HOLDS.items()]

    def show(self, train: Train) -> None:
        """Begin with what holds."""
        for name in ("opens_after", "holds", "wait_hours", "reserve", "stop_percent", "stop_failures"):
            self[name].data = getattr(train, name)
        self.release.data = "auto" if train.releases_itself else "held"
        for name in ("window_from", "window_until"):
            hour = getattr(train, name)
            self[name].data = "" if hour is None else str(hour)

    @property
    def going(self) -> dict[str, Any]:
        """See `planning.CHANGEABLE`."""
        start, end = (int(hour) if hour else None for hour in (self.window_from.data, self.window_until.data))
        return {
            "opens_after": OpensAfter(self.opens_after.data), "holds": Holds(self.holds.data or ""),
            "wait_hours": self.wait_hours.data or 0, "releases_itself": self.release.data == "auto",
            "window_from": start, "window_until": end, "reserve": self.reserve.data or 0,
            "stop_percent": self.stop_percent.data, "stop_failures": self.stop_failures.data,
        }  # fmt: skip


class TrainForm(GoingForm):
    """Blank version and description take the template's own; blank sizes send all that the canary leaves at once."""

    template = SelectField(_l("模板"), [chosen()])
    user_version = TextField(_l("版本号"), [at_most(64)])
    description = TextField(_l("版本说明"), [at_most(500)])
    version_desc = TextAreaField(_l("给审核员的说明"), [at_most(500)])
    canary_size = WholeField(_l("试点个数"), default=1)
    canary_tag = SelectField(_l("试点用带这个标签的"), default="")
    wave_size = WholeField(_l("每批个数"))
    wave_percent = WholeField(_l("每批比例（%）"))
    phased_percent = WholeField(_l("先灰度给多少用户（%）"))

    def prepare(self) -> None:
        super().prepare()
        self.known = {}
        self.template.choices = []
        for component in list_components(g.db, g.who):
            for row in templates.list_templates(g.db, component.id):
                self.known[str(row.id)] = row
                choice = SelectChoice(str(row.id), template_name(row), optgroup=component.name)
                self.template.choices.append(choice)
        tags = [SelectChoice(tag, tag) for tag in listing.known_tags(g.db)]
        self.canary_tag.choices = [SelectChoice("", _("不按标签，取最新的几个")), *tags]
        if not self.is_submitted() and request.args.get("template") in self.known:
            self.template.data = request.args["template"]

    @property
    def options(self) -> Options:
        return Options(
            user_version=self.user_version.data or "", description=self.description.data or "",
            version_desc=(self.version_desc.data or "").strip(), canary_size=self.canary_size.data or 0,
            wave_size=self.wave_size.data, wave_percent=self.wave_percent.data,
            phased_percent=self.phased_percent.data, **self.going,
        )  # fmt: skip

    @property
    def canary(self) -> list[UUID] | None:
        """The mini programs with the tag that was chosen."""
        tag = self.canary_tag.data
        return listing.select_ids(g.db, ProgramFilter(tag=tag)) if tag else None


class StartForm(Form):
    at = StringField(_l("什么时候开始"), [required()], render_kw={"type": "datetime-local"})

    def show(self, train: Train) -> None:
        """What is planned, or tomorrow at two in the morning, when hardly anybody notices."""
        zone = ZoneInfo(g.time_zone)
        tomorrow = (clock.now().astimezone(zone) + timedelta(days=1)).replace(hour=2, minute=0)
        self.at.data = f"{(train.starts_at or tomorrow).astimezone(zone):%Y-%m-%dT%H:%M}"

    @property
    def moment(self) -> datetime:
        """In the provider's time zone; raises Invalid. An hour that the clock skips is the one after it."""
        try:
            local = datetime.strptime((self.at.data or "")[:16], "%Y-%m-%dT%H:%M")  # noqa: DTZ007 - the zone is put on below
        except ValueError:
            raise Invalid(N_("请填写日期和时间"), field="at") from None
        return local.replace(tzinfo=ZoneInfo(g.time_zone)).astimezone(UTC)


@provider.route("/trains/new", methods=["GET", "POST"])
def plan_train() -> ResponseReturnValue:
    """The form for a selection; what it makes is a draft, whose page shows who goes and who does not."""
    require(g.who, Verb.WORK)
    selection = Selection.read()
    ids = selection.program_ids()
    if not ids:
        return done(_("请先勾选小程序"), url_for("provider.list_programs"), "warning")
    form = TrainForm(prefix="do")
    form.prepare()
    if form.validate_on_submit():
        try:
            template = form.known[form.template.data]
            train = planning.plan_train(g.db, template, ids, who=g.who, options=form.options, canary=form.canary)
        except AppError as error:
            form.refuse(error)
        else:
            return done(_("已排好，请核对后开始"), page_of(train), "info")
    return render(
        "provider/trains/new.html", form=form, selection=selection, count=len(ids),
        back=selection.address("provider.choose_action"), status=422 if form.is_submitted() else 200,
    )  # fmt: skip


@provider.route("/trains/<uuid:train_id>/settings", methods=["GET", "POST"])
def adjust_train(train_id: UUID) -> ResponseReturnValue:
    """How it goes on: gates, window, reserve and rules."""
    train = get_train(g.db, g.who, train_id, Verb.WORK)
    form = GoingForm(prefix="do")
    form.prepare()
    if not form.is_submitted():
        form.show(train)
    if form.validate_on_submit():
        try:
            steering.adjust(g.db, train, who=g.who, **form.going)
        except AppError as error:
            form.refuse(error)
        else:
            return done(_("已保存设置"), page_of(train))
    return render(
        "provider/trains/settings.html", train=train, form=form, status=422 if form.is_submitted() else 200
    )  # fmt: skip


@provider.route("/trains/<uuid:train_id>/start-time", methods=["GET", "POST"])
def plan_train_start(train_id: UUID) -> ResponseReturnValue:
    train = get_train(g.db, g.who, train_id, Verb.WORK)
    form = StartForm(prefix="do")
    if not form.is_submitted():
        form.show(train)
    if form.validate_on_submit():
        try:
            drafts.plan_start(g.db, train, form.moment, who=g.who)
        except AppError as error:
            form.refuse(error)
        else:
            return done(_("已安排，到时候自动开始"), page_of(train))
    return render(
        "provider/trains/start_time.html", train=train, form=form, now=clock.now(),
        status=422 if form.is_submitted() else 200,
    )  # fmt: skip


@provider.post("/trains/<uuid:train_id>/start-time/cancel")
def cancel_train_start(train_id: UUID) -> ResponseReturnValue:
    train = get_train(g.db, g.who, train_id, Verb.WORK)
    begin = lambda: drafts.cancel_planned_start(g.db, train, who=g.who)  # noqa: E731
    return do(begin, _("已取消定时，要您自己开始"), page_of(train))


@provider.post("/trains/<uuid:train_id>/look-again")
def sort_train_again(train_id: UUID) -> ResponseReturnValue:
    """What was lacking may have been put right."""
    train = get_train(g.db, g.who, train_id, Verb.WORK)
    try:
        count = wholly(lambda: drafts.look_again(g.db, train, who=g.who))
    except AppError as error:
        return refused(error, page_of(train))
    return done(ngettext("核对过了，会发布 %(num)d 个", "核对过了，会发布 %(num)d 个", count), page_of(train), "info")


@provider.post("/trains/<uuid:train_id>/delete")
def delete_train(train_id: UUID) -> ResponseReturnValue:
    train = get_train(g.db, g.who, train_id, Verb.WORK)
    try:
        drafts.delete_draft(g.db, train, who=g.who)
    except AppError as error:
        return refused(error, page_of(train))
    return done(_("已删除草稿"), url_for("provider.list_trains"))


@provider.route("/trains/<uuid:train_id>/canary", methods=["GET", "POST"])
def choose_canary(train_id: UUID) -> ResponseReturnValue:
    """A page of the draft's mini programs; what is ticked on it goes first. Other pages stay as they are."""
    train = get_train(g.db, g.who, train_id, Verb.WORK)
    given = request.values
    after, text = given.get("after", type=UUID), given.get("q", "").strip()[:100]
    here: dict[str, Any] = {"train_id": train.id, "q": text or None, "after": after}
    if request.method == "POST":
        ticked, shown = request.form.getlist("go", type=UUID), request.form.getlist("shown", type=UUID)
        try:
            count = drafts.choose_canary(g.db, train, who=g.who, chosen=ticked, others=shown)
        except AppError as error:
            return refused(error, page_of(train))
        told = ngettext("已保存，试点 %(num)d 个", "已保存，试点 %(num)d 个", count)
        return done(told, page_of(train) if "ready" in request.form else url_for("provider.choose_canary", **here))
    wanted = Places(ProgramState.PLANNED, text=text)
    rows = progress.list_places(g.db, train, wanted, after=after, limit=_CHOICES + 1)
    more, rows = len(rows) > _CHOICES, rows[:_CHOICES]
    canary = next((wave for wave in waves_of(g.db, train) if wave.is_canary), None)
    here["after"] = None
    return render(
        "provider/trains/canary.html", train=train, rows=rows, canary=canary, text=text, after=after,
        first=progress.list_places(g.db, train, Places(wave_id=canary.id), limit=_CHOICES) if canary else [],
        next_url=url_for("provider.choose_canary", **here | {"after": rows[-1].id}) if more else "",
        first_url=url_for("provider.choose_canary", **here) if after else "",
    )  # fmt: skip


@provider.route("/trains/<uuid:train_id>/values", methods=["GET", "POST"])
def fill_train_values(train_id: UUID) -> ResponseReturnValue:
    """What the template wants and mini programs of the train lack, some at a time."""
    train = get_train(g.db, g.who, train_id, Verb.WORK)
    after = request.values.get("after", type=UUID)
    here: dict[str, Any] = {"train_id": train.id}
    rows, following = values.lacking(g.db, train, after=after, limit=_FILLED)
    error = ""
    if request.method == "POST":
        try:
            count = values.fill(g.db, rows, _typed(), who=g.who)
        except AppError as wrong:
            error = _(wrong.message, **wrong.params)
        else:
            text = ngettext("已保存 %(num)d 个小程序的值", "已保存 %(num)d 个小程序的值", count)
            return done(text, url_for("provider.fill_train_values", after=following, **here))
    return render(
        "provider/trains/values.html", train=train, rows=rows, error=error, typed=_typed(), after=after,
        next_url=url_for("provider.fill_train_values", after=following, **here) if following else "",
        first_url=url_for("provider.fill_train_values", **here) if after else "", status=422 if error else 200,
    )  # fmt: skip


def _typed() -> dict[str, dict[str, str]]:
    """By mini program: fields are called ``value.<id>.<variable>``."""
    found: dict[str, dict[str, str]] = {}
    for key, text in request.form.items():
        head, _dot, rest = key.partition(".")
        if head == "value":
            program_id, _dot, name = rest.partition(".")
            found.setdefault(program_id, {})[name] = text
    return found
