"""When something starts: now or at a time of the provider's calendar, once or again and again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import g, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from wtforms import RadioField, SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]

from saas import clock
from saas.campaigns.models import Campaign, Repeat
from saas.campaigns.timing import Timing, read_timing
from saas.errors import N_, AppError
from saas.web.forms import Form, TextField

REPEATS = {
    Repeat.ONCE: N_("不重复"), Repeat.DAILY: N_("每天"), Repeat.WEEKLY: N_("每周"), Repeat.MONTHLY: N_("每月"),
}  # fmt: skip


class WrongTime(Exception):
    """What is wrong is about the time, so it is shown there."""

    def __init__(self, error: AppError) -> None:
        super().__init__(error.message)
        self.error = error


@contextmanager
def as_wrong_time() -> Iterator[None]:
    try:
        yield
    except AppError as error:
        raise WrongTime(error) from error


class TimingForm(Form):
    """Day and hour are the provider's; see `saas.campaigns.timing`."""

    title = TextField(_l("计划名称（可以不填）"))
    on = StringField(_l("日期"), render_kw={"type": "date"})
    at = StringField(_l("时刻"), render_kw={"type": "time"})
    repeat = SelectField(_l("重复"), default=Repeat.ONCE.value, validate_choice=False)
    until = StringField(_l("重复到哪一天"), render_kw={"type": "date"})

    def prepare(self, *_counts: int) -> None:
        self.repeat.choices = [SelectChoice(one.value, _(text)) for one, text in REPEATS.items()]

    def show(self, campaign: Campaign) -> None:
        """Begin with what is planned."""
        self.title.data, self.on.data = campaign.title, campaign.first_on.isoformat()
        self.at.data, self.repeat.data = f"{campaign.at:%H:%M}", campaign.repeat
        self.until.data = campaign.until.isoformat() if campaign.until else ""

    def read(self) -> Timing:
        """Raises WrongTime."""
        given = (self.on.data, self.at.data, self.repeat.data, self.until.data)
        with as_wrong_time():
            return read_timing(*(one or "" for one in given))

    @property
    def zone_text(self) -> str:
        """Which clock is meant, and what it says."""
        now = clock.now().astimezone(ZoneInfo(g.time_zone))
        return str(_("按服务商的时区 %(zone)s，那里现在是 %(now)s。", zone=g.time_zone, now=f"{now:%Y-%m-%d %H:%M}"))


class StartForm(TimingForm):
    """With the choice to begin at once, which is what a form without any of this means."""

    start = RadioField(_l("什么时候开始"), default="now", validate_choice=False)
    whom = RadioField(_l("对哪些小程序"), default="then", validate_choice=False)

    def prepare(self, *counts: int) -> None:
        super().prepare()
        self.start.choices = [SelectChoice("now", _("现在开始")), SelectChoice("later", _("定时开始"))]
        (count,) = counts
        chosen = ngettext("只对现在筛选出的 %(num)d 个", "只对现在筛选出的 %(num)d 个", count)
        self.whom.choices = [
            SelectChoice("then", _("到时候重新筛选，对那时符合条件的全部小程序")), SelectChoice("chosen", chosen),
        ]  # fmt: skip
        if not self.is_submitted():
            self._suggest()
        self.start.data, self.whom.data = self.start.data or "now", self.whom.data or "then"

    @property
    def is_later(self) -> bool:
        return bool(self.start.data == "later")

    @property
    def keeps_chosen(self) -> bool:
        return bool(self.whom.data == "chosen")

    def _suggest(self) -> None:
        """Tomorrow morning; what the address asks for goes before."""
        wished: dict[str, Any] = {name: request.args.get(f"when-{name}", "") for name in ("start", "repeat", "title")}
        tomorrow = clock.now().astimezone(ZoneInfo(g.time_zone)) + timedelta(days=1)
        self.on.data, self.at.data = f"{tomorrow:%Y-%m-%d}", "09:00"
        self.start.data = "later" if wished["start"] == "later" else "now"
        self.repeat.data = wished["repeat"] if wished["repeat"] in set(Repeat) else Repeat.ONCE.value
        self.title.data = wished["title"][:60]
