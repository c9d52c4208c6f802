"""Reminding the merchants of many mini programs: what `selection` offers of it."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]

from saas.errors import N_
from saas.onboarding import reminding_many
from saas.onboarding.waiting import Kind
from saas.programs.suiting import Suits
from saas.web.provider.selection import Action, ActionForm, Group, offer


class RemindForm(ActionForm):
    about = SelectField(_l("提醒什么"))

    def prepare(self) -> None:
        kinds = [SelectChoice(kind.value, _(kind.label)) for kind in Kind]
        self.about.choices = [SelectChoice("", _("等商家办的任何一件事")), *kinds]

    def params(self) -> dict[str, Any]:
        return reminding_many.about(self.about.data or "")


offer(
    Action(
        "remind", N_("提醒商家办理"),
        N_("给商家的登录人员发短信、邮件或微信，提醒等他们办的事，例如重新授权。没有要办的、一天内提醒过的跳过。"),
        reminding_many.REMIND, RemindForm, Suits.MERCHANT,
    ),
    Group.TEAM,
)  # fmt: skip
