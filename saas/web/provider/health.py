"""The health board: a card per component app with a line for all that can break, and the button that mends it."""

from __future__ import annotations

from typing import Any

from flask import g, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup

from saas.components import alarming, vitals
from saas.components.access import list_components
from saas.components.board import Line, Patient, Tone, examine, worst
from saas.components.budgets import left_in_bulk
from saas.components.repairs import RESETS
from saas.errors import N_
from saas.tenants.access import Verb
from saas.tenants.alarm_models import Alarm
from saas.tenants.alarm_words import WORDS, Level, Words, say
from saas.tenants.alarms import open_alarms
from saas.web.badges import badge
from saas.web.language import spoken
from saas.web.pages import render
from saas.web.provider.blueprint import provider
from saas.wx.permissions import permission_set

_TONES = {
    Tone.GREEN: (N_("正常"), "success"),
    Tone.YELLOW: (N_("注意"), "warning"),
    Tone.RED: (N_("故障"), "danger"),
    Tone.GREY: (N_("暂无"), "secondary"),
}
_SHOWN = 20


@provider.app_template_global()
def tone_badge(tone: str) -> Markup:
    """A line's colour, in a word."""
    text, colour = _TONES[Tone(tone)]
    return badge(_(text), colour)


@provider.app_template_global()
def alarm_title(alarm: Alarm) -> str:
    """What an alarm says, in the reader's language; one of a kind that is no more shows its name."""
    words = _words(alarm)
    return say(spoken(), words.title, alarm.detail) if words else alarm.kind


@provider.app_template_global()
def alarm_badge(alarm: Alarm) -> Markup:
    """Open or over, and how urgent."""
    if alarm.cleared_at is not None:
        return badge(_("已解除"), "success")
    words = _words(alarm)
    return badge(_("紧急"), "danger") if words and words.level is Level.URGENT else badge(_("告警"), "warning")


@provider.app_template_global()
def alarm_advice(alarm: Alarm) -> str:
    """What to do about an alarm."""
    words = _words(alarm)
    return say(spoken(), words.act, alarm.detail) if words else ""


@provider.get("/health")
def show_health() -> ResponseReturnValue:
    components = list_components(g.db, g.who)
    numbers = vitals.gather(g.db, components, with_day=True)
    resets = left_in_bulk(g.db, components, [RESETS]) if components else {}
    cards = [
        (one, examine(Patient(one, numbers[one.id], resets[one.id, RESETS]))) for one in components
    ]  # fmt: skip
    backlog = vitals.read_backlogs(g.db, [g.provider.id], with_items=True).get(g.provider.id, vitals.Backlog())
    alarms = open_alarms(g.db, g.provider.id, limit=_SHOWN + 1)
    stuck = alarming.is_stuck(backlog)
    restless = stuck or bool(alarms) or any(worst(lines) is not Tone.GREEN for _component, lines in cards)
    return render(
        "provider/health/show.html", block="board", cards=[_card(*card) for card in cards], backlog=backlog,
        backlog_tone=Tone.RED if stuck else Tone.YELLOW if backlog.jobs else Tone.GREEN, restless=restless,
        alarms=alarms[:_SHOWN], more_alarms=len(alarms) > _SHOWN, url=url_for("provider.show_health"),
        may_work=g.who.may(Verb.WORK), may_manage=g.who.may(Verb.MANAGE),
    )  # fmt: skip


def _card(component: Any, lines: list[Line]) -> dict[str, Any]:
    return {
        "component": component,
        "tone": worst(lines),
        "lines": lines,
        "sets": {number: permission_set(number).name(spoken()) for line in lines for number, _count in line.sets},
    }


def _words(alarm: Alarm) -> Words | None:
    """None for a kind that is no more: old rows stay."""
    return {kind.value: words for kind, words in WORDS.items()}.get(alarm.kind)
