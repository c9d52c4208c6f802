"""Reminding a merchant of what waits for her side: what went out, and a button for one more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import g, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from saas import clock
from saas.errors import N_, AppError
from saas.onboarding import reminding
from saas.onboarding.models import Reminder
from saas.onboarding.reminding import HAND_PAUSE, Channel, Stage
from saas.onboarding.waiting import Kind, Waiting, waitings_of
from saas.programs.access import get_program
from saas.programs.models import Program
from saas.tenants.access import Verb
from saas.web.going import done, refused
from saas.web.provider.blueprint import provider

_CHANNELS = {Channel.TEXT: N_("短信提醒"), Channel.MAIL: N_("邮件提醒"), Channel.NONE: N_("没有人可以提醒")}
_STAGES = {Stage.BEGUN: N_("开始时"), Stage.HALF: N_("时间过半"), Stage.LAST: N_("到期前")}


@dataclass(frozen=True)
class Reminding:
    """What the card of a mini program shows. `may_now`: a reminder by hand would not be refused for its time."""

    waiting: list[Waiting]
    sent: list[Reminder]
    may_now: bool


@provider.app_template_global()
def reminding_of(program: Program) -> Reminding:
    waiting = [one for one in waitings_of(g.db, program) if one.is_active] if program.merchant_id else []
    last = reminding.last_reminded(g.db, program) if waiting else None
    return Reminding(
        waiting, reminding.list_reminders(g.db, program, limit=5),
        may_now=bool(waiting) and (last is None or last <= clock.now() - HAND_PAUSE),
    )  # fmt: skip


@provider.app_template_global()
def reminder_words(reminder: Reminder) -> dict[str, Any]:
    """What it was about, how it went out, and why then."""
    by_hand = _("%(name)s 手动提醒", name=reminder.sent_by) if reminder.sent_by else ""
    return {
        "step": _(Kind(reminder.step).label), "channel": _(_CHANNELS[Channel(reminder.channel)]),
        "why": by_hand or _(_STAGES[Stage(reminder.stage)]),
    }  # fmt: skip


@provider.post("/programs/<uuid:program_id>/remind")
def remind_merchant(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    target = url_for("provider.show_program", program_id=program.id)
    try:
        sent = reminding.remind_by_hand(g.db, program, who=g.who)
    except AppError as error:
        return refused(error, target)
    return done(ngettext("已提醒商家，发出 %(num)d 条", "已提醒商家，发出 %(num)d 条", sent), target)
