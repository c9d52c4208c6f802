"""Campaigns: the list of plans, one with its times, whom it reaches and what became of it, and what steers it.

Plans are made where every action on a selection begins (`selection.start_action`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from saas.batches.models import Batch
from saas.batches.progress import count_items
from saas.campaigns import planning, standing, starting
from saas.campaigns.access import get_campaign
from saas.campaigns.models import Campaign, CampaignRun, CampaignStatus
from saas.errors import AppError
from saas.programs.listing import MOST_SELECTED
from saas.tenants.access import Verb, require
from saas.web.going import done, refused
from saas.web.pages import render
from saas.web.provider import campaign_words as words
from saas.web.provider.answers import show_answers
from saas.web.provider.blueprint import provider
from saas.web.provider.selection import ACTIONS
from saas.web.provider.timing_form import TimingForm, WrongTime, as_wrong_time

_PAGE = 30


@provider.context_processor
def give_words() -> dict[str, Any]:
    return {"campaign_words": words}


@provider.app_template_global()
def campaign_of(batch: Batch) -> Campaign | None:
    """The plan that started a batch, for the batch's page."""
    return standing.campaign_of(g.db, batch)


@provider.get("/batches/plans")
def list_campaigns() -> ResponseReturnValue:
    require(g.who, Verb.VIEW)
    before, asked = request.args.get("before", type=UUID), request.args.get("status", "")
    status = CampaignStatus(asked) if asked in set(CampaignStatus) else None
    rows = standing.list_campaigns(g.db, status=status, before=before, limit=_PAGE + 1)
    more, rows = len(rows) > _PAGE, rows[:_PAGE]
    runs = standing.last_runs(g.db, [row.id for row in rows])
    here: dict[str, Any] = {"status": status.value if status else None}
    return render(
        "provider/campaigns/list.html", rows=rows, runs=runs, counts=_counts(runs.values()),
        wanted_status=status.value if status else "",
        next_url=url_for("provider.list_campaigns", before=rows[-1].id, **here) if more else "",
        first_url=url_for("provider.list_campaigns", **here) if before else "",
    )  # fmt: skip


@provider.get("/batches/plans/<uuid:campaign_id>")
def show_campaign(campaign_id: UUID) -> ResponseReturnValue:
    campaign = get_campaign(g.db, g.who, campaign_id)
    before = request.args.get("before", type=UUID)
    runs = standing.list_runs(g.db, campaign, before=before, limit=_PAGE + 1)
    more, runs = len(runs) > _PAGE, runs[:_PAGE]
    return render(
        "provider/campaigns/show.html", campaign=campaign, runs=runs,
        most=MOST_SELECTED, reach=None if campaign.is_over else standing.reach_of(g.db, campaign),
        counts=_counts(runs), answers=_answers(campaign),
        next_url=url_for("provider.show_campaign", campaign_id=campaign.id, before=runs[-1].id) if more else "",
        first_url=url_for("provider.show_campaign", campaign_id=campaign.id) if before else "",
    )  # fmt: skip


@provider.route("/batches/plans/<uuid:campaign_id>/edit", methods=["GET", "POST"])
def edit_campaign(campaign_id: UUID) -> ResponseReturnValue:
    campaign = get_campaign(g.db, g.who, campaign_id, Verb.WORK)
    form = TimingForm(prefix="when")
    form.prepare()
    if campaign.is_over:
        return done(_("计划已经结束，不能再改"), _address(campaign), "warning")
    if form.validate_on_submit():
        try:
            timing = form.read()
            with as_wrong_time():
                planning.change_timing(g.db, campaign, timing, who=g.who, title=form.title.data or "")
        except WrongTime as wrong:
            form.refuse(wrong.error)
        else:
            return done(_("时间已更改"), _address(campaign))
    elif not form.is_submitted():
        form.show(campaign)
    return render(
        "provider/campaigns/edit.html", campaign=campaign, form=form, status=422 if form.is_submitted() else 200
    )


@provider.route("/batches/plans/<uuid:campaign_id>/start", methods=["GET", "POST"])
def start_campaign(campaign_id: UUID) -> ResponseReturnValue:
    """Now, without waiting for its time; the page before says for how many."""
    campaign = get_campaign(g.db, g.who, campaign_id, Verb.WORK)
    if request.method == "GET":
        return render(
            "provider/campaigns/start.html", campaign=campaign, reach=standing.reach_of(g.db, campaign),
            answers=_answers(campaign), most=MOST_SELECTED,
        )  # fmt: skip
    try:
        run = starting.start_now(g.db, campaign, who=g.who)
    except AppError as error:
        return refused(error, _address(campaign))
    return done(_("已开始"), url_for("provider.show_batch", batch_id=run.batch_id), "info")


@provider.post("/batches/plans/<uuid:campaign_id>/pause")
def pause_campaign(campaign_id: UUID) -> ResponseReturnValue:
    return _steer(campaign_id, planning.pause_campaign, _("已暂停，恢复之前不再开始"))


@provider.post("/batches/plans/<uuid:campaign_id>/resume")
def resume_campaign(campaign_id: UUID) -> ResponseReturnValue:
    return _steer(campaign_id, planning.resume_campaign, _("已恢复，从下一次开始"))


@provider.route("/batches/plans/<uuid:campaign_id>/cancel", methods=["GET", "POST"])
def cancel_campaign(campaign_id: UUID) -> ResponseReturnValue:
    if request.method == "POST":
        return _steer(campaign_id, planning.cancel_campaign, _("计划已取消，不会再开始"))
    campaign = get_campaign(g.db, g.who, campaign_id, Verb.WORK)
    return render("provider/campaigns/cancel.html", campaign=campaign)


def _steer(campaign_id: UUID, service: Callable[..., None], text: str) -> ResponseReturnValue:
    campaign = get_campaign(g.db, g.who, campaign_id, Verb.WORK)
    try:
        service(g.db, campaign, who=g.who)
    except AppError as error:
        return refused(error, _address(campaign))
    return done(text, _address(campaign))


def _answers(campaign: Campaign) -> list[tuple[str, str]]:
    """What was filled in when it was planned."""
    action = ACTIONS.get(campaign.action)
    if action is None:
        return show_answers(None, campaign.answers)
    form = action.form(prefix="do", formdata=None)
    form.prepare()
    return show_answers(form, campaign.answers)


def _counts(runs: Iterable[CampaignRun]) -> dict[UUID, dict[str, int]]:
    """How the batches of these starts stand, by batch."""
    return count_items(g.db, [run.batch_id for run in runs if run.batch_id is not None])


def _address(campaign: Campaign) -> str:
    return url_for("provider.show_campaign", campaign_id=campaign.id)
