"""Release trains: the list, a new one for a selection, the page that shows and steers one, and its mini programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from wtforms import IntegerField, SelectField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import Optional as Blank

from saas.components.access import list_components
from saas.errors import N_, AppError
from saas.releases import templates
from saas.tenants.access import Verb, require
from saas.trains import drafts, planning, progress, steering
from saas.trains.access import get_train, get_train_program, get_wave
from saas.trains.causes import Cause
from saas.trains.models import OpensAfter, ProgramState, Train, TrainStatus, TrainStepName
from saas.trains.planning import Options
from saas.trains.progress import Places
from saas.trains.quota import forecast
from saas.trains.steering import Asked
from saas.web.forms import Form, TextField, at_most, chosen
from saas.web.going import done, refused
from saas.web.pages import is_fragment_request, render
from saas.web.provider import train_words as words
from saas.web.provider.blueprint import provider
from saas.web.provider.release_pieces import template_name
from saas.web.provider.selection import Group, Lead, Selection, lead_to

_PAGE = 30
_PLACES = 50
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


class TrainForm(Form):
    """Blank version and description take the template's own; blank sizes send all that the canary leaves at once."""

    template = SelectField(_l("模板"), [chosen()])
    user_version = TextField(_l("版本号"), [at_most(64)])
    description = TextField(_l("版本说明"), [at_most(500)])
    version_desc = TextAreaField(_l("给审核员的说明"), [at_most(500)])
    canary_size = WholeField(_l("试点个数"), default=1)
    wave_size = WholeField(_l("每批个数"))
    wave_percent = WholeField(_l("每批比例（%）"))
    opens_after = SelectField(_l("什么时候开始下一批"), default=OpensAfter.APPROVED.value)
    wait_hours = WholeField(_l("之后再等几小时"), default=0)
    release = SelectField(
        _l("审核通过后"),
        choices=[SelectChoice("held", _l("等我发布")), SelectChoice("auto", _l("自动发布"))],
    )
    phased_percent = WholeField(_l("先灰度给多少用户（%）"))
    window_from = SelectField(_l("发布从几点"), choices=_HOURS, default="")
    window_until = SelectField(_l("到几点"), choices=_HOURS, default="")
    reserve = WholeField(_l("为新商家保留的提审次数"), default=0)
    stop_percent = WholeField(_l("驳回达到百分之几就停下"), default=30)
    stop_failures = WholeField(_l("同一原因失败几个就停下"), default=10)

    def prepare(self) -> None:
        self.known = {}
        self.template.choices = []
        for component in list_components(g.db, g.who):
            for row in templates.list_templates(g.db, component.id):
                self.known[str(row.id)] = row
                choice = SelectChoice(str(row.id), template_name(row), optgroup=component.name)
                self.template.choices.append(choice)
        self.opens_after.choices = [SelectChoice(goal.value, _(text)) for goal, text in words.GOALS.items()]

    @property
    def options(self) -> Options:
        hours = (self.window_from.data, self.window_until.data)
        start, end = (int(hour) if hour else None for hour in hours)
        return Options(
            user_version=self.user_version.data or "", description=self.description.data or "",
            version_desc=(self.version_desc.data or "").strip(), canary_size=self.canary_size.data or 0,
            wave_size=self.wave_size.data, wave_percent=self.wave_percent.data,
            opens_after=OpensAfter(self.opens_after.data), wait_hours=self.wait_hours.data or 0,
            releases_itself=self.release.data == "auto", phased_percent=self.phased_percent.data,
            window_from=start, window_until=end, reserve=self.reserve.data or 0,
            stop_percent=self.stop_percent.data, stop_failures=self.stop_failures.data,
        )  # fmt: skip


@provider.context_processor
def give_train_words() -> dict[str, Any]:
    return {"train_words": words}


@provider.get("/trains")
def list_trains() -> ResponseReturnValue:
    require(g.who, Verb.VIEW)
    before = request.args.get("before", type=UUID)
    rows = progress.list_trains(g.db, before=before, limit=_PAGE + 1)
    more, rows = len(rows) > _PAGE, rows[:_PAGE]
    return render(
        "provider/trains/list.html", rows=rows, counts=progress.count_states(g.db, [row.id for row in rows]),
        next_url=url_for("provider.list_trains", before=rows[-1].id) if more else "",
        first_url=url_for("provider.list_trains") if before else "",
    )  # fmt: skip


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
            train = planning.plan_train(g.db, template, ids, who=g.who, options=form.options)
        except AppError as error:
            form.refuse(error)
        else:
            return done(_("已排好，请核对后开始"), _page(train), "info")
    return render(
        "provider/trains/new.html", form=form, selection=selection, count=len(ids),
        back=selection.address("provider.choose_action"), status=422 if form.is_submitted() else 200,
    )  # fmt: skip


@provider.get("/trains/<uuid:train_id>")
def show_train(train_id: UUID) -> ResponseReturnValue:
    train = get_train(g.db, g.who, train_id)
    standing = progress.standing(g.db, train)
    calls = any(bar.running for one in standing.waves for bar in one.bars if bar.step is not TrainStepName.AUDIT)
    moves = train.status == TrainStatus.RUNNING or calls
    context: dict[str, Any] = {
        "train": train, "standing": standing, "moves": moves, "pause": 3 if calls else 15,
        "quota": words.quota_text(forecast(g.db, train)),
        "excluded": progress.list_places(g.db, train, Places(ProgramState.EXCLUDED), limit=10),
        "code": template_name(templates.template_rows(g.db, [train.template_row_id])[train.template_row_id]),
    }  # fmt: skip
    response = render("provider/trains/show.html", block="progress", **context)
    if is_fragment_request() and not moves:
        response.headers["HX-Refresh"] = "true"
    return response


@provider.get("/trains/<uuid:train_id>/programs")
def list_train_programs(train_id: UUID) -> ResponseReturnValue:
    train = get_train(g.db, g.who, train_id)
    state, wave_id = request.args.get("state", ""), request.args.get("wave", type=UUID)
    state, after = state if state in words.STATES else "", request.args.get("after", type=UUID)
    rows = progress.list_places(g.db, train, Places(state, wave_id), after=after, limit=_PLACES + 1)
    more, rows = len(rows) > _PLACES, rows[:_PLACES]
    counts = progress.count_states(g.db, [train.id])[train.id]
    here: dict[str, Any] = {"train_id": train.id, "state": state or None, "wave": wave_id}
    return render(
        "provider/trains/programs.html", train=train, rows=rows, state_filter=state, wave_id=wave_id,
        steps=progress.steps_of(g.db, [one.id for one in rows]),
        states={name: _(text) for name, (text, _tone) in words.STATES.items() if counts[name] or name == state},
        next_url=url_for("provider.list_train_programs", after=rows[-1].id, **here) if more else "",
        first_url=url_for("provider.list_train_programs", **here) if after else "",
    )  # fmt: skip


@provider.get("/train-programs/<uuid:place_id>")
def show_train_program(place_id: UUID) -> ResponseReturnValue:
    """One mini program of a train: a row for each of its steps."""
    train, place = get_train_program(g.db, g.who, place_id)
    steps = progress.steps_of(g.db, [place.id])[place.id]
    rows = [steps[name] for name in TrainStepName if name in steps]
    return render("provider/trains/program.html", train=train, place=place, rows=rows)


@provider.post("/train-programs/<uuid:place_id>/skip")
def skip_train_program(place_id: UUID) -> ResponseReturnValue:
    train, place = get_train_program(g.db, g.who, place_id, Verb.WORK)
    target = url_for("provider.show_train_program", place_id=place.id)
    return _do(lambda: steering.skip(g.db, train, place, who=g.who), _("已跳过，不会在这次发布"), target)


@provider.post("/trains/<uuid:train_id>/start")
def start_train(train_id: UUID) -> ResponseReturnValue:
    train = get_train(g.db, g.who, train_id, Verb.WORK)
    return _do(lambda: steering.start(g.db, train, who=g.who), _("批量发布已开始"), _page(train))


@provider.post("/trains/<uuid:train_id>/delete")
def delete_train(train_id: UUID) -> ResponseReturnValue:
    train = get_train(g.db, g.who, train_id, Verb.WORK)
    try:
        drafts.delete_draft(g.db, train, who=g.who)
    except AppError as error:
        return refused(error, _page(train))
    return done(_("已删除草稿"), url_for("provider.list_trains"))


@provider.post("/trains/<uuid:train_id>/pause")
def pause_train(train_id: UUID) -> ResponseReturnValue:
    train = get_train(g.db, g.who, train_id, Verb.WORK)
    return _do(lambda: steering.pause(g.db, train, who=g.who), _("已暂停，进行中的做完为止"), _page(train))


@provider.post("/trains/<uuid:train_id>/resume")
def resume_train(train_id: UUID) -> ResponseReturnValue:
    train = get_train(g.db, g.who, train_id, Verb.WORK)
    return _do(lambda: steering.resume(g.db, train, who=g.who), _("继续进行"), _page(train))


@provider.post("/trains/<uuid:train_id>/retry")
def retry_train(train_id: UUID) -> ResponseReturnValue:
    """All that failed, or what failed for the cause that the form names."""
    train = get_train(g.db, g.who, train_id, Verb.WORK)
    form, cause = request.form, None
    if form.get("step") in set(TrainStepName):
        names = (form.get("operation", ""), form.get("error", ""))
        cause = Cause(TrainStepName(form["step"]), form.get("errcode", type=int), *names)
    try:
        count = steering.retry_failed(g.db, train, who=g.who, cause=cause)
    except AppError as error:
        return refused(error, _page(train))
    return done(ngettext("%(num)d 个重新开始", "%(num)d 个重新开始", count), _page(train), "info")


@provider.route("/trains/<uuid:train_id>/cancel", methods=["GET", "POST"])
def cancel_train(train_id: UUID) -> ResponseReturnValue:
    train = get_train(g.db, g.who, train_id, Verb.WORK)
    if request.method == "POST":
        return _do(lambda: steering.cancel(g.db, train, who=g.who), _("已取消，没有开始的不再进行"), _page(train))
    return _confirm(
        train, _("取消批量发布？"), _("取消批量发布"),
        _("没有开始的小程序不再处理，正在上传、提交或发布的会做完。"),
        _("已经提交的审核不会撤回，已经发布的不会回退。"),
        _("取消后不能继续；只想停一会儿，请用暂停。"),
    )  # fmt: skip


@provider.route("/trains/<uuid:train_id>/undo", methods=["GET", "POST"])
def undo_train(train_id: UUID) -> ResponseReturnValue:
    train = get_train(g.db, g.who, train_id, Verb.WORK)
    if request.method == "POST":
        return _lead_off(train, steering.undo_pending, _("没有次数"))
    rows, without = steering.undoable(g.db, train)
    return _confirm(
        train, _("撤回正在审核的版本？"), _("撤回审核"),
        _("会撤回 %(count)d 个审核。", count=len(rows)),
        _("另有 %(count)d 个的撤回次数已用完，不会撤回。", count=without) if without else "",
        _("提审额度不退，每个小程序每天 5 次、每月 10 次。"),
        _("会先暂停批量发布。") if train.status == TrainStatus.RUNNING else "",
    )  # fmt: skip


@provider.route("/trains/<uuid:train_id>/roll-back", methods=["GET", "POST"])
def roll_back_train(train_id: UUID) -> ResponseReturnValue:
    train = get_train(g.db, g.who, train_id, Verb.WORK)
    if request.method == "POST":
        return _lead_off(train, steering.roll_back, _("没有可回退的版本"))
    online, shared, without = steering.returnable(g.db, train)
    return _confirm(
        train, _("回退整个批量发布？"), _("全部回退"),
        _("%(count)d 个已发布的小程序马上回到各自之前的版本，不需要审核。", count=len(online)),
        _("%(count)d 个正在灰度的取消灰度。", count=len(shared)) if shared else "",
        _("%(count)d 个之前没有线上版本，回退不了。", count=without) if without else "",
        _("线上已经换成别的版本的，不会改动。"),
        _("没有开始的不再进行；审核不会撤回。"),
        _("这个版本要再用，必须重新上传、审核、发布。"),
    )  # fmt: skip


@provider.route("/train-waves/<uuid:wave_id>/release", methods=["GET", "POST"])
def release_wave(wave_id: UUID) -> ResponseReturnValue:
    train, wave = get_wave(g.db, g.who, wave_id, Verb.WORK)
    if request.method == "POST":
        return _do(lambda: steering.allow_release(g.db, train, wave, who=g.who), _("正在发布这一批"), _page(train))
    share = train.phased_percent
    effect = (
        _("审核通过的小程序先灰度给 %(percent)d%% 的用户；没有线上版本的直接全量发布。", percent=share)
        if share is not None
        else _("审核通过的小程序马上发布给所有用户。")
    )
    text = _("发布“%(wave)s”？", wave=words.wave_name(wave))
    later = _("这一批里之后审核通过的，也会自动发布。")
    return _confirm(train, text, _("发布这一批"), effect, later, _window(train), tone="primary")


@provider.route("/train-waves/<uuid:wave_id>/release-to-all", methods=["GET", "POST"])
def release_wave_to_all(wave_id: UUID) -> ResponseReturnValue:
    train, wave = get_wave(g.db, g.who, wave_id, Verb.WORK)
    if request.method == "POST":
        begin = lambda: steering.allow_release(g.db, train, wave, who=g.who, full=True)  # noqa: E731
        return _do(begin, _("正在全量发布这一批"), _page(train))
    text = _("全量发布“%(wave)s”？", wave=words.wave_name(wave))
    effect = _("正在灰度的小程序马上发布给所有用户，灰度结束。")
    return _confirm(train, text, _("全量发布这一批"), effect, _window(train), tone="primary")


def _window(train: Train) -> str:
    if train.window_from is None:
        return ""
    hours = {"start": train.window_from, "end": train.window_until}
    return str(_("发布只在 %(start)d 点到 %(end)d 点之间开始。", **hours))


def _page(train: Train) -> str:
    return url_for("provider.show_train", train_id=train.id)


def _do(service: Callable[[], Any], text: str, target: str) -> ResponseReturnValue:
    try:
        service()
    except AppError as error:
        return refused(error, target)
    return done(text, target)


def _lead_off(train: Train, service: Callable[..., Asked], without: str) -> ResponseReturnValue:
    """Withdraw or roll back, and say how many cannot."""
    try:
        asked = service(g.db, train, who=g.who)
    except AppError as error:
        return refused(error, _page(train))
    text = ngettext("已开始 %(num)d 个", "已开始 %(num)d 个", asked.count)
    if asked.without:
        text = _("%(text)s；%(count)d 个%(why)s", text=text, count=asked.without, why=without)
    return done(text, _page(train), "info" if asked.count else "warning")


def _confirm(train: Train, question: str, label: str, *points: str, tone: str = "danger") -> ResponseReturnValue:
    points = tuple(point for point in points if point)
    return render("provider/trains/confirm.html", train=train, question=question, label=label, points=points, tone=tone)
