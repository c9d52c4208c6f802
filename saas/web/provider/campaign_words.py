"""Campaigns in words: what, whom, when, how they stand and what became of each start."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from flask_babel import gettext as _
from flask_babel import ngettext
from markupsafe import Markup

from saas.batches.steps import label_of
from saas.campaigns.models import Campaign, CampaignRun, CampaignStatus, Outcome, Repeat
from saas.campaigns.starting import is_late
from saas.errors import N_, NotFound
from saas.programs.listing import ProgramFilter
from saas.web.badges import badge
from saas.web.language import span
from saas.web.provider.program_filters import filter_choices
from saas.web.provider.selection import ACTIONS
from saas.web.provider.timing_form import REPEATS

STATES = {
    CampaignStatus.PLANNED: (N_("待开始"), "info"),
    CampaignStatus.PAUSED: (N_("暂停中"), "warning"),
    CampaignStatus.FAILED: (N_("没有开始"), "danger"),
    CampaignStatus.STARTED: (N_("已开始"), "success"),
    CampaignStatus.CANCELLED: (N_("已取消"), "secondary"),
}
_OVER = N_("已结束")
_OUTCOMES = {
    Outcome.STARTED: (N_("已开始"), "success"),
    Outcome.NOTHING: (N_("没有要处理的"), "secondary"),
    Outcome.BUSY: (N_("跳过"), "warning"),
    Outcome.REFUSED: (N_("没有开始"), "danger"),
    Outcome.FAILED: (N_("没有开始"), "danger"),
}


def action_name(campaign: Campaign) -> str:
    """What is done, as the page that starts it says."""
    known = ACTIONS.get(campaign.action)
    return str(_(known.label if known else label_of(campaign.step)))


def campaign_name(campaign: Campaign) -> str:
    return campaign.title or action_name(campaign)


def campaign_badge(campaign: Campaign) -> Markup:
    text, tone = STATES[CampaignStatus(campaign.status)]
    return badge(_(_OVER if campaign.repeats and campaign.status == CampaignStatus.STARTED else text), tone)


def run_badge(run: CampaignRun) -> Markup:
    text, tone = _OUTCOMES[Outcome(run.outcome)]
    return badge(_(text), tone)


def run_notes(run: CampaignRun) -> list[str]:
    """What there is to say of a start beyond its outcome."""
    notes = []
    if run.why:
        notes.append(_(run.why, **run.why_detail))
    if run.outcome == Outcome.NOTHING:
        notes.append(
            ngettext("筛选出的 %(num)d 个都不适用", "筛选出的 %(num)d 个都不适用", run.found)
            if run.found
            else _("那时没有符合条件的小程序")
        )
    elif run.outcome == Outcome.BUSY:
        notes.append(_("上一次还没有做完"))
    elif run.unsuited:
        notes.append(ngettext("%(num)d 个不适用，没有纳入", "%(num)d 个不适用，没有纳入", run.unsuited))
    if run.by_hand:
        notes.append(_("%(name)s 手动开始", name=run.by_hand))
    if is_late(run):
        notes.append(_("系统中断，晚了%(span)s", span=span((run.created_at - run.due_at) / timedelta(seconds=1))))
    if run.missed:
        notes.append(ngettext("中断期间另有 %(num)d 次没有补做", "中断期间另有 %(num)d 次没有补做", run.missed))
    return [str(note) for note in notes]


def time_words(campaign: Campaign) -> str:
    """How often, with the day or hour that repeats. The next moment is shown beside it."""
    at = f"{campaign.at:%H:%M}"
    repeat = Repeat(campaign.repeat)
    if repeat is Repeat.ONCE:
        return str(_("%(day)s %(at)s，一次", day=campaign.first_on.isoformat(), at=at))
    given = {"every": _(REPEATS[repeat]), "at": at, "until": campaign.until.isoformat() if campaign.until else ""}
    if repeat is Repeat.WEEKLY:
        given["every"] = _(_WEEKDAYS[campaign.first_on.weekday()])
    elif repeat is Repeat.MONTHLY:
        given["every"] = _("每月 %(day)d 日", day=campaign.first_on.day)
    return str(_("%(every)s %(at)s，到 %(until)s 为止", **given))


_WEEKDAYS = (
    N_("每周一"), N_("每周二"), N_("每周三"), N_("每周四"), N_("每周五"), N_("每周六"), N_("每周日"),
)  # fmt: skip


def filter_words(wanted: ProgramFilter) -> list[str]:
    """A filter's parts as the list of mini programs calls them; none means all."""
    try:
        choices = filter_choices(wanted)
    except NotFound:  # its merchant is not there any more
        choices = filter_choices(replace(wanted, merchant=""))
    words, parts = [], wanted.parts()
    version = [parts.pop(name, "") for name in ("version_of", "compares", "version")]
    for name, value in parts.items():
        if name == "q":
            words.append(str(_("搜索“%(words)s”", words=value)))
        else:
            words.append(dict(choices.get(name, [])).get(value, value))
    if version[0]:
        of, compares = dict(choices["version_of"]), dict(choices["compares"])
        words.append(f"{of.get(version[0], '')} {compares.get(version[1], '')} {version[2]}")
    return words
