"""Alarms: what was wrong and is, and the channels on which people hear of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from wtforms import BooleanField, SelectField, SelectMultipleField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]

from saas import bots, i18n
from saas.errors import N_, AppError, NotFound
from saas.tenants import alarm_channels as channels
from saas.tenants import alarms
from saas.tenants.access import Verb, require
from saas.tenants.alarm_channels import KIND_NAMES, SIGNED, Wish
from saas.tenants.alarm_models import AlarmChannel, AlarmMessage, ChannelKind, MessageStatus, Occasion
from saas.tenants.alarm_words import WORDS, Level
from saas.web.badges import badge
from saas.web.forms import Form, TextField, at_most, required
from saas.web.going import done, refused
from saas.web.pages import render
from saas.web.provider.blueprint import provider
from saas.web.security import limiter

PAGE = 30
_STATUS = {
    MessageStatus.QUEUED: (N_("正在发送"), "info"),
    MessageStatus.SENT: (N_("已送达"), "success"),
    MessageStatus.FAILED: (N_("没有送达"), "danger"),
}
_OCCASIONS = {
    Occasion.RAISED: N_("告警"),
    Occasion.REMINDER: N_("提醒"),
    Occasion.CLEARED: N_("恢复"),
    Occasion.TEST: N_("测试"),
}


class ChannelForm(Form):
    name = TextField(_l("名称"), [required(), at_most(60)])
    address = TextField(_l("网址"), [at_most(2000)])
    secret = TextField(_l("签名密钥"), [at_most(128)])
    member_ids = SelectMultipleField(_l("发给"))
    alarm_kinds = SelectMultipleField(_l("只接收这些告警（都不选则全部接收）"))
    only_urgent = BooleanField(_l("只接收紧急告警"))
    quiet_from = TextField(_l("静默开始"), [at_most(5)])
    quiet_until = TextField(_l("静默结束"), [at_most(5)])
    quiet_for_all = BooleanField(_l("紧急告警也等静默结束再发"))
    locale = SelectField(
        _l("消息语言"), choices=[SelectChoice(code, label) for code, label in i18n.LOCALES.items()]
    )  # fmt: skip


@provider.app_template_global()
def message_badge(message: AlarmMessage) -> Markup:
    """Whether a message arrived."""
    text, tone = _STATUS[MessageStatus(message.status)]
    return badge(_(text), tone)


@provider.app_template_global()
def channel_kind_name(kind: str) -> str:
    return str(_(KIND_NAMES[ChannelKind(kind)]))


@provider.app_template_global()
def occasion_name(occasion: str) -> str:
    """Why a message went out, in a word."""
    return str(_(_OCCASIONS[Occasion(occasion)]))


@provider.get("/health/alarms")
def list_alarms() -> ResponseReturnValue:
    """Alarms are for all members to see, channels for those who manage."""
    before = request.args.get("before", type=UUID)
    rows = alarms.list_alarms(g.db, before=before, limit=PAGE + 1)
    known = channels.list_channels(g.db, g.who) if g.who.may(Verb.MANAGE) else []
    return render(
        "provider/health/alarms.html", rows=rows[:PAGE], channels=known, kinds=KIND_NAMES,
        newest=channels.newest_messages(g.db, known) if known else {}, may_manage=g.who.may(Verb.MANAGE),
        received=channels.count_receivers(g.db, [row.id for row in rows[:PAGE]]) if rows else {},
        next_url=url_for("provider.list_alarms", before=rows[PAGE - 1].id) if len(rows) > PAGE else "",
        first_url=url_for("provider.list_alarms") if before else "",
    )  # fmt: skip


@provider.route("/health/alarms/channels/new", methods=["GET", "POST"])
def add_alarm_channel() -> ResponseReturnValue:
    require(g.who, Verb.MANAGE)
    kind = request.args.get("kind", ChannelKind.MAIL.value)
    if kind not in {one.value for one in ChannelKind}:
        raise NotFound()
    wanted = ChannelKind(kind)
    given = {
        "name": _(KIND_NAMES[wanted]),
        "locale": i18n.DEFAULT,
        "alarm_kinds": [],
        "member_ids": [str(g.who.user_id)],
    }
    form = _form(wanted, {**given, "secret": channels.new_secret() if wanted is ChannelKind.WEBHOOK else ""})
    if form.validate_on_submit():
        try:
            channel = channels.add_channel(g.db, wanted, _wish(form), who=g.who)
        except AppError as error:
            form.refuse(error)
        else:
            return done(_("已添加，请发一条测试消息确认"), _address(channel.id))
    return _edit_page(form, wanted, None)


@provider.get("/health/alarms/channels/<uuid:channel_id>")
def show_alarm_channel(channel_id: UUID) -> ResponseReturnValue:
    channel = channels.get_channel(g.db, g.who, channel_id)
    before = request.args.get("before", type=UUID)
    rows = channels.list_messages(g.db, channel, before=before, limit=PAGE + 1)
    kinds = [kind for kind in WORDS if kind.value in channel.alarm_kinds]
    people = {person.user_id: person for person in channels.list_people(g.who)} if channel.kind == "mail" else {}
    return render(
        "provider/health/channel.html", block="messages", channel=channel, rows=rows[:PAGE],
        masked=bots.masked(channel.address), kinds=[_(WORDS[kind].many, count="…") for kind in kinds],
        people=[people[one] for one in channel.member_ids if one in people],
        quiet_from=channels.clock_text(channel.quiet_from), quiet_until=channels.clock_text(channel.quiet_until),
        is_sending=any(row.status == MessageStatus.QUEUED for row in rows[:PAGE]) and before is None,
        url=_address(channel_id),
        next_url=url_for("provider.show_alarm_channel", channel_id=channel_id, before=rows[PAGE - 1].id)
        if len(rows) > PAGE else "",
        first_url=_address(channel_id) if before else "",
    )  # fmt: skip


@provider.route("/health/alarms/channels/<uuid:channel_id>/edit", methods=["GET", "POST"])
def edit_alarm_channel(channel_id: UUID) -> ResponseReturnValue:
    channel = channels.get_channel(g.db, g.who, channel_id)
    form = _form(ChannelKind(channel.kind), channels.as_values(channel))
    if form.validate_on_submit():
        try:
            channels.change_channel(g.db, channel, _wish(form), who=g.who)
        except AppError as error:
            form.refuse(error)
        else:
            return done(_("已保存"), _address(channel_id))
    return _edit_page(form, ChannelKind(channel.kind), channel)


@provider.route("/health/alarms/channels/<uuid:channel_id>/remove", methods=["GET", "POST"])
def remove_alarm_channel(channel_id: UUID) -> ResponseReturnValue:
    channel = channels.get_channel(g.db, g.who, channel_id)
    if request.method == "POST":
        channels.remove_channel(g.db, channel, who=g.who)
        return done(_("已删除通知渠道“%(name)s”", name=channel.name), url_for("provider.list_alarms"))
    return render("provider/health/channel_remove.html", channel=channel)


@provider.post("/health/alarms/channels/<uuid:channel_id>/pause")
def pause_alarm_channel(channel_id: UUID) -> ResponseReturnValue:
    channel = channels.get_channel(g.db, g.who, channel_id)
    channels.pause_channel(g.db, channel, who=g.who)
    return done(_("已暂停，不再往这里发消息"), _address(channel_id), "info")


@provider.post("/health/alarms/channels/<uuid:channel_id>/resume")
def resume_alarm_channel(channel_id: UUID) -> ResponseReturnValue:
    channel = channels.get_channel(g.db, g.who, channel_id)
    channels.resume_channel(g.db, channel, who=g.who)
    return done(_("已恢复，未解决的告警会在一分钟内发出"), _address(channel_id))


@provider.post("/health/alarms/channels/<uuid:channel_id>/test")
@limiter.limit("30/hour", key_func=lambda: f"alarm tests:{g.get('slug', '')}")
def test_alarm_channel(channel_id: UUID) -> ResponseReturnValue:
    channel = channels.get_channel(g.db, g.who, channel_id)
    channels.send_test(g.db, g.provider, channel, who=g.who)
    return done(_("正在发送测试消息"), _address(channel_id), "info")


@provider.post("/health/alarms/channels/<uuid:channel_id>/messages/<uuid:message_id>/again")
@limiter.limit("60/hour", key_func=lambda: f"alarm messages:{g.get('slug', '')}")
def send_alarm_again(channel_id: UUID, message_id: UUID) -> ResponseReturnValue:
    channel = channels.get_channel(g.db, g.who, channel_id)
    try:
        channels.send_again(g.db, channel, message_id, who=g.who)
    except AppError as error:
        if isinstance(error, NotFound):
            raise
        return refused(error, _address(channel_id))
    return done(_("正在重新发送"), _address(channel_id), "info")


def _form(kind: ChannelKind, kept: dict[str, Any]) -> ChannelForm:
    form = ChannelForm(data=kept)
    if kind is ChannelKind.MAIL:
        people = [(str(one.user_id), f"{one.name}（{one.email}）") for one in channels.list_people(g.who) if one.email]
    else:
        people = []
    form.member_ids.choices = people
    form.alarm_kinds.choices = [(one.value, one.value) for one in WORDS]
    return form


def _edit_page(form: ChannelForm, kind: ChannelKind, channel: AlarmChannel | None) -> Response:
    bot = kind.value in bots.REQUESTS
    return render(
        "provider/health/channel_edit.html", form=form, kind=kind.value, channel=channel, signed=kind in SIGNED,
        example=bots.example_of(kind.value) if bot else "https://", is_bot=bot,
        status=422 if form.is_submitted() else 200,
        offered=[(one.value, _(words.many, count="…"), words.level is Level.URGENT) for one, words in WORDS.items()],
    )  # fmt: skip


def _wish(form: ChannelForm) -> Wish:
    return Wish(
        name=form.name.data or "", address=form.address.data or "", secret=form.secret.data or "",
        member_ids=[UUID(one) for one in form.member_ids.data or []], alarm_kinds=form.alarm_kinds.data or [],
        only_urgent=bool(form.only_urgent.data), quiet_from=form.quiet_from.data or "",
        quiet_until=form.quiet_until.data or "", quiet_for_all=bool(form.quiet_for_all.data), locale=form.locale.data,
    )  # fmt: skip


def _address(channel_id: UUID) -> str:
    return url_for("provider.show_alarm_channel", channel_id=channel_id)
