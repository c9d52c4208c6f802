"""The reject desk: groups of rejections, one group with its mini programs, submitting many again, setting aside."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from saas.errors import AppError, NotFound
from saas.programs.listing import merchant_names
from saas.releases import rejects
from saas.releases.models import Audit
from saas.releases.pictures import screenshot_files
from saas.releases.previews import LARGEST_SUBMISSION
from saas.releases.rejects import Group
from saas.releases.resubmission import with_files
from saas.tenants.access import Verb, require
from saas.trains import resubmitting
from saas.web.going import done, refused
from saas.web.pages import is_fragment_request, render
from saas.web.provider import reject_words as words
from saas.web.provider.blueprint import provider
from saas.web.provider.reject_forms import AsideForm, ResubmitForm
from saas.web.security import takes_up_to

_GROUPS = 20
_PAGE = 50
_SHOTS = 6
_FREQUENT = 8
_TABS = (
    ("provider.list_trains", lambda: _("批量发布")),
    ("provider.list_rejects", lambda: _with_count(_("审核驳回"), rejects.count_waiting(g.db))),
    ("provider.show_fleet_versions", lambda: _("版本分布")),
)


@provider.app_template_global()
def fleet_tabs(active: str) -> list[dict[str, Any]]:
    """What `ui.tabs` shows on the pages under 批量发布."""
    return [{"label": label(), "url": url_for(end), "active": end == active} for end, label in _TABS]


@provider.context_processor
def give_reject_words() -> dict[str, Any]:
    return {"reject_words": words}


@provider.get("/rejects")
def list_rejects() -> ResponseReturnValue:
    require(g.who, Verb.VIEW)
    after = _after()
    groups = rejects.list_groups(g.db, after=after, limit=_GROUPS + 1)
    more, groups = len(groups) > _GROUPS, groups[:_GROUPS]
    keys, history = [one.key for one in groups], rejects.history(g.db, g.time_zone)
    under_way = resubmitting.count_under_way(g.db, keys)
    last = groups[-1] if more else None
    return render(
        "provider/rejects/list.html", block="desk", groups=groups, history=history, under_way=under_way,
        trains=resubmitting.trains_of(g.db, keys), shots={one.key: _shots(one.newest) for one in groups},
        moves=bool(under_way) or rejects.awaits_decisions(g.db), waiting=rejects.count_waiting(g.db),
        aside=rejects.count_set_aside(g.db), frequent=history.most_frequent(_FREQUENT), here=_here(after),
        next_url=url_for("provider.list_rejects", count=last.count, reason=last.key) if last else "",
        first_url=url_for("provider.list_rejects") if after else "",
    )  # fmt: skip


@provider.get("/rejects/reasons/<reason>")
def show_rejects(reason: str) -> ResponseReturnValue:
    """One group; when none of it waits any more, the page says so. What polls itself names how many were under way when
    it was drawn: once none is, the list around it is loaded again.
    """
    require(g.who, Verb.VIEW)
    group, before = _group(reason), request.args.get("before", type=UUID)
    rows = rejects.list_rejected(g.db, reason, before=before, limit=_PAGE + 1)
    more, rows = len(rows) > _PAGE, rows[:_PAGE]
    programs = [program for program, _audit in rows]
    under_way = resubmitting.count_under_way(g.db, [reason]).get(reason, 0)
    history = rejects.history(g.db, g.time_zone)
    text = group.example.reason if group else history.texts.get(reason, "")
    page = render(
        "provider/rejects/show.html", block="standing", reason=reason, group=group, rows=rows, text=text,
        heading=words.title(reason, text), history=history, under_way=under_way,
        moves=bool(under_way) or rejects.awaits_decisions(g.db), shots=_shots(group.newest) if group else [],
        trains=resubmitting.places_of(g.db, rows), merchants=merchant_names(g.db, programs),
        busy=resubmitting.under_way(g.db, [program.id for program in programs]),
        remedies=words.remedies(reason, text), screenshot_files=screenshot_files,
        next_url=url_for("provider.show_rejects", reason=reason, before=programs[-1].id) if more else "",
        first_url=url_for("provider.show_rejects", reason=reason) if before else "",
    )  # fmt: skip
    if is_fragment_request() and not under_way and request.args.get("under_way", 0, int):
        page.headers["HX-Refresh"] = "true"
    return page


@provider.route("/rejects/reasons/<reason>/resubmit", methods=["GET", "POST"])
@takes_up_to(LARGEST_SUBMISSION + 2 * 1024 * 1024)
def resubmit_rejects(reason: str) -> ResponseReturnValue:
    """All of a group or those that were ticked: what it takes, what may be said differently, and the start."""
    require(g.who, Verb.WORK)
    group, ids, shown = _group(reason), _chosen(), _shown()
    if ids == []:
        return _nobody(reason)
    plan = resubmitting.plan_resubmission(g.db, reason, ids, shown)
    form = ResubmitForm(prefix="do")
    form.prepare(plan.program_ids)
    if form.validate_on_submit():
        try:
            changes = with_files(g.db, form.changes, who=g.who, **form.sent)
            begun = resubmitting.resubmit(g.db, reason, ids, who=g.who, changes=changes, audit_ids=shown)
        except AppError as error:
            form.refuse(error)
        else:
            page = url_for("provider.list_rejects")
            if begun.batch is not None:
                page = url_for("provider.show_batch", batch_id=begun.batch.id)
            elif len(plan.trains) == 1:
                page = url_for("provider.show_train", train_id=plan.trains[0].id)
            return done(words.told(begun), page, "info")
    return render(
        "provider/rejects/resubmit.html", reason=reason, group=group, plan=plan, form=form,
        fields=_carried(ids, plan.audit_ids),
        heading=words.title(reason, group.example.reason if group else ""),
        status=422 if form.is_submitted() else 200,
    )  # fmt: skip


@provider.route("/rejects/reasons/<reason>/set-aside", methods=["GET", "POST"])
def set_rejects_aside(reason: str) -> ResponseReturnValue:
    require(g.who, Verb.WORK)
    group, ids, shown = _group(reason), _chosen(), _shown()
    if ids == []:
        return _nobody(reason)
    form = AsideForm(prefix="do")
    if form.validate_on_submit():
        try:
            note = (form.note.data or "").strip()
            count = rejects.set_aside(g.db, reason, ids, who=g.who, note=note, audit_ids=shown)
        except AppError as error:
            form.refuse(error)
        else:
            text = ngettext("已搁置 %(num)d 个", "已搁置 %(num)d 个", count)
            return done(text, url_for("provider.list_rejects"))
    return render(
        "provider/rejects/set_aside.html", reason=reason, form=form, most=rejects.MOST_AT_ONCE,
        fields=_carried(ids, [] if ids is not None else shown or rejects.waiting_audits(g.db, reason)),
        count=len(ids or shown or ()) or (group.count if group else 0),
        heading=words.title(reason, group.example.reason if group else ""),
        status=422 if form.is_submitted() else 200,
    )  # fmt: skip


@provider.get("/rejects/set-aside")
def list_set_aside() -> ResponseReturnValue:
    require(g.who, Verb.VIEW)
    before = request.args.get("before", type=UUID)
    rows = rejects.list_set_aside(g.db, before=before, limit=_PAGE + 1)
    more, rows = len(rows) > _PAGE, rows[:_PAGE]
    return render(
        "provider/rejects/aside.html", rows=rows,
        next_url=url_for("provider.list_set_aside", before=rows[-1][0].id) if more else "",
        first_url=url_for("provider.list_set_aside") if before else "",
    )  # fmt: skip


@provider.post("/rejects/take-back")
def take_rejects_back() -> ResponseReturnValue:
    require(g.who, Verb.WORK)
    ids, page = _chosen() or [], url_for("provider.list_set_aside")
    if not ids:
        return done(_("请先勾选小程序"), page, "warning")
    try:
        count = rejects.take_back(g.db, ids, who=g.who)
    except AppError as error:
        return refused(error, page)
    return done(ngettext("%(num)d 个回到驳回台", "%(num)d 个回到驳回台", count), page)


def _group(reason: str) -> Group | None:
    """The group of a reason, None when all of it is overcome; NotFound for what nobody was refused for."""
    group = rejects.find_group(g.db, reason)
    if group is None and not rejects.is_known(g.db, reason):
        raise NotFound()
    return group


def _chosen() -> list[UUID] | None:
    """The ids that were ticked; None stands for the whole group."""
    if request.values.get("all"):
        return None
    given = request.values.getlist("id", type=UUID)[: rejects.MOST_AT_ONCE]
    return list(dict.fromkeys(given))


def _shown() -> list[UUID] | None:
    """Of the whole group only what the page was about that was answered: rejections that came since are not meant."""
    given = request.form.get("shown", "").split(",") if request.form.get("all") and request.form.get("shown") else None
    return None if given is None else [UUID(one) for one in given if re.fullmatch("[0-9a-f]{32}", one)]


def _carried(ids: list[UUID] | None, audit_ids: Collection[UUID]) -> list[tuple[str, str]]:
    """Hidden fields of a form that goes on with them; of a whole group with its rejections, in one field."""
    if ids is not None:
        return [("id", str(one)) for one in ids]
    return [("all", "1"), ("shown", ",".join(one.hex for one in audit_ids))]


def _nobody(reason: str) -> ResponseReturnValue:
    return done(_("请先勾选小程序"), url_for("provider.show_rejects", reason=reason), "warning")


def _after() -> tuple[int, str] | None:
    """The last group of the page before."""
    count, reason = request.args.get("count", type=int), request.args.get("reason", "")
    return (count, reason) if count is not None and reason else None


def _here(after: tuple[int, str] | None) -> str:
    return (
        url_for("provider.list_rejects", count=after[0], reason=after[1]) if after else url_for("provider.list_rejects")
    )


def _shots(audits: Sequence[Audit]) -> list[tuple[Audit, int, UUID]]:
    """The first pictures of the newest audits: the audit, the picture's number in it, and its file."""
    found = [(audit, number, file) for audit in audits for number, file in enumerate(screenshot_files(audit), 1)]
    found.sort(key=lambda shot: shot[1])
    return found[:_SHOTS]


def _with_count(label: str, count: int) -> str:
    return f"{label} {count}" if count else label
