"""Steering trains: every button that changes how one goes on, with the pages that ask first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from saas.errors import AppError, NotFound
from saas.tenants.access import Verb
from saas.trains import progress, returning, steering
from saas.trains.access import get_train, get_train_program, get_wave
from saas.trains.conducting import tally, waves_of
from saas.trains.models import ProgramState, Train, TrainStatus
from saas.trains.progress import Places
from saas.trains.steering import Asked
from saas.web.going import done, refused
from saas.web.pages import render
from saas.web.provider import train_words as words
from saas.web.provider.blueprint import provider
from saas.web.provider.train_repairs import read_whole_cause

T = TypeVar("T")


@provider.post("/train-programs/<uuid:place_id>/skip")
def skip_train_program(place_id: UUID) -> ResponseReturnValue:
    train, place = get_train_program(g.db, g.who, place_id, Verb.WORK)
    target = url_for("provider.show_train_program", place_id=place.id)
    return do(lambda: steering.skip(g.db, train, place, who=g.who), _("已跳过，不会在这次发布"), target)


@provider.post("/trains/<uuid:train_id>/start")
def start_train(train_id: UUID) -> ResponseReturnValue:
    train = get_train(g.db, g.who, train_id, Verb.WORK)
    return do(lambda: steering.start(g.db, train, who=g.who), _("批量发布已开始"), page_of(train))


@provider.post("/trains/<uuid:train_id>/pause")
def pause_train(train_id: UUID) -> ResponseReturnValue:
    train = get_train(g.db, g.who, train_id, Verb.WORK)
    return do(lambda: steering.pause(g.db, train, who=g.who), _("已暂停，进行中的做完为止"), page_of(train))


@provider.post("/trains/<uuid:train_id>/resume")
def resume_train(train_id: UUID) -> ResponseReturnValue:
    train = get_train(g.db, g.who, train_id, Verb.WORK)
    return do(lambda: steering.resume(g.db, train, who=g.who), _("继续进行"), page_of(train))


@provider.post("/trains/<uuid:train_id>/retry")
def retry_train(train_id: UUID) -> ResponseReturnValue:
    """All that failed, or what failed for the cause that the form names."""
    train, cause = get_train(g.db, g.who, train_id, Verb.WORK), read_whole_cause(request.form)
    try:
        count = steering.retry_failed(g.db, train, who=g.who, cause=cause)
    except AppError as error:
        return refused(error, page_of(train))
    return done(ngettext("%(num)d 个重新开始", "%(num)d 个重新开始", count), page_of(train), "info")


@provider.route("/trains/<uuid:train_id>/skip", methods=["GET", "POST"])
def skip_train_failures(train_id: UUID) -> ResponseReturnValue:
    """All that failed for the cause that the address names, after a question."""
    train = get_train(g.db, g.who, train_id, Verb.WORK)
    cause = read_whole_cause(request.args)
    if cause is None:
        raise NotFound()
    if request.method == "POST":
        try:
            count = steering.skip_failed(g.db, train, who=g.who, cause=cause)
        except AppError as error:
            return refused(error, page_of(train))
        return done(ngettext("已跳过 %(num)d 个", "已跳过 %(num)d 个", count), page_of(train))
    count = progress.count_places(g.db, train, Places(ProgramState.FAILED, cause=cause))
    return _confirm(
        train, _("跳过这些小程序？"), _("跳过这些"),
        _("%(count)d 个小程序这次不再发布这个版本，线上的版本不变。", count=count),
        _("跳过后不能在这次批量发布里重试。"),
    )  # fmt: skip


@provider.post("/trains/<uuid:train_id>/seen")
def acknowledge_train(train_id: UUID) -> ResponseReturnValue:
    train = get_train(g.db, g.who, train_id, Verb.WORK)
    return do(lambda: steering.acknowledge(g.db, train, who=g.who), _("已从待办里去掉"), page_of(train))


@provider.route("/train-waves/<uuid:wave_id>/let-on", methods=["GET", "POST"])
def let_train_on(wave_id: UUID) -> ResponseReturnValue:
    train, wave = get_wave(g.db, g.who, wave_id, Verb.WORK)
    if request.method == "POST":
        return do(lambda: steering.let_on(g.db, train, wave, who=g.who), _("下一批开始了"), page_of(train))
    after = next((one for one in waves_of(g.db, train) if one.number == wave.number + 1), None)
    counts = tally(g.db, train).get(wave.id, Counter())
    states = {state: sum(count for (_step, one), count in counts.items() if one == state) for state in ProgramState}
    return _confirm(
        train, _("“%(wave)s”可以了，开始下一批？", wave=words.wave_name(wave)), _("开始下一批"),
        _("这一批：%(done)d 个已发布，%(failed)d 个失败。", done=states[ProgramState.DONE],
          failed=states[ProgramState.FAILED]),
        _("“%(wave)s”的 %(count)d 个小程序马上开始上传。", wave=words.wave_name(after), count=after.size)
        if after else "",
        tone="primary",
    )  # fmt: skip


@provider.route("/trains/<uuid:train_id>/cancel", methods=["GET", "POST"])
def cancel_train(train_id: UUID) -> ResponseReturnValue:
    train = get_train(g.db, g.who, train_id, Verb.WORK)
    if request.method == "POST":
        return do(lambda: steering.cancel(g.db, train, who=g.who), _("已取消，没有开始的不再进行"), page_of(train))
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
    online, shared, without = returning.returnable(g.db, train)
    releasing = returning.count_releasing(g.db, train)
    return _confirm(
        train, _("回退整个批量发布？"), _("全部回退"),
        _("%(count)d 个已发布的小程序马上回到各自之前的版本，不需要审核。", count=len(online)),
        _("%(count)d 个正在灰度的取消灰度。", count=len(shared)) if shared else "",
        _("%(count)d 个正在发布，发布完成后也马上回退。", count=releasing) if releasing else "",
        _("%(count)d 个之前没有线上版本，回退不了。", count=without) if without else "",
        _("线上已经换成别的版本的，不会改动。"),
        _("没有开始的不再进行；审核不会撤回。"),
        _("这个版本要再用，必须重新上传、审核、发布。"),
    )  # fmt: skip


@provider.route("/train-waves/<uuid:wave_id>/release", methods=["GET", "POST"])
def release_wave(wave_id: UUID) -> ResponseReturnValue:
    train, wave = get_wave(g.db, g.who, wave_id, Verb.WORK)
    if request.method == "POST":
        return do(lambda: steering.allow_release(g.db, train, wave, who=g.who), _("正在发布这一批"), page_of(train))
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
        return do(begin, _("正在全量发布这一批"), page_of(train))
    text = _("全量发布“%(wave)s”？", wave=words.wave_name(wave))
    effect = _("正在灰度的小程序马上发布给所有用户，灰度结束。")
    return _confirm(train, text, _("全量发布这一批"), effect, _window(train), tone="primary")


def _window(train: Train) -> str:
    if train.window_from is None:
        return ""
    hours = {"start": train.window_from, "end": train.window_until}
    return str(_("发布只在 %(start)d 点到 %(end)d 点之间开始。", **hours))


def page_of(train: Train) -> str:
    return url_for("provider.show_train", train_id=train.id)


def wholly(service: Callable[[], T]) -> T:
    """What a service had changed before it refused is not kept, although its refusal is told by a redirect, and that
    commits."""
    with g.db.begin_nested():
        return service()


def do(service: Callable[[], Any], text: str, target: str) -> ResponseReturnValue:
    try:
        wholly(service)
    except AppError as error:
        return refused(error, target)
    return done(text, target)


def _lead_off(train: Train, service: Callable[..., Asked], without: str) -> ResponseReturnValue:
    """Withdraw or roll back, and say how many cannot."""
    try:
        asked = wholly(lambda: service(g.db, train, who=g.who))
    except AppError as error:
        return refused(error, page_of(train))
    text = ngettext("已开始 %(num)d 个", "已开始 %(num)d 个", asked.count)
    if asked.without:
        text = _("%(text)s；%(count)d 个%(why)s", text=text, count=asked.without, why=without)
    if asked.later:
        text = _("%(text)s；%(count)d 个发布完成后回退", text=text, count=asked.later)
    return done(text, page_of(train), "info" if asked.count or asked.later else "warning")


def _confirm(train: Train, question: str, label: str, *points: str, tone: str = "danger") -> ResponseReturnValue:
    points = tuple(point for point in points if point)
    return render("provider/trains/confirm.html", train=train, question=question, label=label, points=points, tone=tone)
