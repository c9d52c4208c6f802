"""Reminding a merchant of what waits for her side: what went out, and a button for one more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import g, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from wtforms import SelectField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]

from saas import clock
from saas.errors import N_, AppError
from saas.onboarding import reminding
from saas.onboarding.models import Reminder
from saas.onboarding.reminding import HAND_PAUSE, Channel, Stage, Subject
from saas.onboarding.reminding_many import REMIND, about
from saas.onboarding.waiting import Kind, Waiting
from saas.programs.access import get_program, get_registration
from saas.programs.suiting import Suits
from saas.tenants.access import Verb
from saas.tenants.wechat_messages import failed_about
from saas.web.going import done, refused
from saas.web.provider.blueprint import provider
from saas.web.provider.selection import Action, ActionForm, Group, offer
from saas.web.provider.wechat_sign_in import refusal_words

_CHANNELS = {
    Channel.TEXT: N_("短信提醒"),
    Channel.MAIL: N_("邮件提醒"),
    Channel.WECHAT: N_("微信提醒"),
    Channel.NONE: N_("没有人可以提醒"),
}
_STAGES = {Stage.BEGUN: N_("开始时"), Stage.HALF: N_("时间过半"), Stage.LAST: N_("到期前")}


class RemindForm(ActionForm):
    about = SelectField(_l("提醒什么"))

    def prepare(self) -> None:
        kinds = [SelectChoice(kind.value, _(kind.label)) for kind in Kind]
        self.about.choices = [SelectChoice("", _("等商家办的任何一件事")), *kinds]

    def params(self) -> dict[str, Any]:
        return about(self.about.data or "")


offer(
    Action(
        "remind", N_("提醒商家"), N_("用短信、邮件或微信提醒商家去办正在等的事。1 小时内提醒过的、没有事在等的跳过。"),
        REMIND, RemindForm, Suits.MERCHANT,
    ),
    Group.TEAM,
)  # fmt: skip


@dataclass(frozen=True)
class Reminding:
    """What the card of a mini program or of a registration shows. `may_now`: a reminder by hand would not be refused
    for its time.
    """

    waiting: list[Waiting]
    sent: list[Reminder]
    may_now: bool


@provider.app_template_global()
def reminding_of(subject: Subject) -> Reminding:
    waiting = reminding.active_of(g.db, subject) if subject.merchant_id else []
    last = reminding.last_reminded(g.db, subject) if waiting else None
    return Reminding(
        waiting, reminding.list_reminders(g.db, subject, limit=5),
        may_now=bool(waiting) and (last is None or last <= clock.now() - HAND_PAUSE),
    )  # fmt: skip


@provider.app_template_global()
def reminder_words(reminder: Reminder) -> dict[str, Any]:
    """What it was about, how it went out, why then, and to whom it did not get by WeChat."""
    refused_by_wechat = failed_about(g.db, reminder.id) if reminder.channel == Channel.WECHAT else []
    by_hand = _("%(name)s 手动提醒", name=reminder.sent_by) if reminder.sent_by else ""
    return {
        "step": _(Kind(reminder.step).label), "channel": _(_CHANNELS[Channel(reminder.channel)]),
        "why": by_hand or _(_STAGES[Stage(reminder.stage)]),
        "failed": [(one.name, refusal_words(one)) for one in refused_by_wechat],
    }  # fmt: skip


@provider.post("/programs/<uuid:program_id>/remind")
def remind_merchant(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    return _remind(program, url_for("provider.show_program", program_id=program.id))


@provider.post("/registrations/<uuid:registration_id>/remind")
def remind_of_registration(registration_id: UUID) -> ResponseReturnValue:
    case = get_registration(g.db, g.who, registration_id, Verb.WORK)
    return _remind(case, url_for("provider.show_registration", registration_id=case.id))


def _remind(subject: Subject, target: str) -> ResponseReturnValue:
    try:
        sent = reminding.remind_by_hand(g.db, subject, who=g.who)
    except AppError as error:
        return refused(error, target)
    return done(ngettext("已提醒商家，发出 %(num)d 条", "已提醒商家，发出 %(num)d 条", sent), target)
