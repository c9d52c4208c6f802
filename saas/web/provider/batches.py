"""Batches: the list; one batch with its progress, causes of failure and items; the piece that shows one item."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import Response, current_app, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from markupsafe import Markup

from saas.batches import progress, steering
from saas.batches.access import get_batch, get_item
from saas.batches.models import Batch, BatchItem, BatchStatus, ItemStatus
from saas.batches.progress import Cause
from saas.errors import N_, AppError
from saas.tables import cell
from saas.tenants.access import Verb, require
from saas.web.badges import badge
from saas.web.going import done, refused, safe_next
from saas.web.pages import explain, is_fragment_request, render
from saas.web.provider.blueprint import provider

_PAGE = 30
_ITEMS = 50
_BATCHES = {
    BatchStatus.RUNNING: (N_("进行中"), "info"),
    BatchStatus.PAUSED: (N_("已暂停"), "warning"),
    BatchStatus.DONE: (N_("已结束"), "success"),
    BatchStatus.CANCELLED: (N_("已取消"), "secondary"),
}
ITEMS = {
    ItemStatus.FAILED: (N_("失败"), "danger"),
    ItemStatus.WAITING: (N_("等待中"), "info"),
    ItemStatus.RUNNING: (N_("进行中"), "info"),
    ItemStatus.QUEUED: (N_("排队中"), "secondary"),
    ItemStatus.DONE: (N_("已完成"), "success"),
    ItemStatus.SKIPPED: (N_("无需处理"), "secondary"),
    ItemStatus.CANCELLED: (N_("已取消"), "secondary"),
}
_PARTIAL = (N_("部分完成"), "warning")


SUBJECT_PAGES: dict[str, tuple[str, str]] = {}
"""Steps whose subject is no mini program: the view of its page, and what that calls the id."""


@provider.app_template_global()
def subject_url(item: BatchItem) -> str:
    """The page of what an item is about."""
    endpoint, name = SUBJECT_PAGES.get(item.step, ("provider.show_program", "program_id"))
    values: dict[str, Any] = {name: item.subject_id}
    return url_for(endpoint, **values)


@provider.app_template_global()
def train_url(batch: Batch) -> str:
    """The page of the train that this batch works for; "" when it works for none."""
    train_id = batch.params.get("train")
    return url_for("provider.show_train", train_id=train_id) if train_id else ""


@provider.app_template_global()
def batch_badge(batch: Batch) -> Markup:
    return _badge(*_BATCHES[BatchStatus(batch.status)])


@provider.app_template_global()
def item_badge(item: BatchItem) -> Markup:
    return _badge(*_word(item))


@provider.app_template_global()
def item_text(item: BatchItem) -> str:
    """What there is to say of an item beyond its state: why it failed or waits, what did not work out."""
    if item.partial:
        faults = [(one["name"], one["why"]) for one in item.partial]
        return str(_("；")).join(_("%(name)s：%(why)s", name=name, why=_(why)) for name, why in faults)
    if item.errcode is not None:
        return str(explain(item.errcode, item.operation or None)["cause"])
    return str(_(item.error)) if item.error else ""


@provider.context_processor
def give_item_card() -> dict[str, Any]:
    pieces: Any = current_app.jinja_env.get_template("provider/batches/_pieces.html").module
    return {"item_card": pieces.item_card}


@provider.get("/batches")
def list_batches() -> ResponseReturnValue:
    require(g.who, Verb.VIEW)
    before = request.args.get("before", type=UUID)
    rows = progress.list_batches(g.db, before=before, limit=_PAGE + 1)
    more, rows = len(rows) > _PAGE, rows[:_PAGE]
    return render(
        "provider/batches/list.html", rows=rows, counts=progress.count_items(g.db, [row.id for row in rows]),
        next_url=url_for("provider.list_batches", before=rows[-1].id) if more else "",
        first_url=url_for("provider.list_batches") if before else "",
    )  # fmt: skip


@provider.get("/batches/<uuid:batch_id>")
def show_batch(batch_id: UUID) -> ResponseReturnValue:
    batch = get_batch(g.db, g.who, batch_id)
    standing = progress.progress(g.db, batch)
    moves = batch.status == BatchStatus.RUNNING or standing.counts[ItemStatus.RUNNING] > 0
    if is_fragment_request():
        context = {"batch": batch, "standing": standing, "moves": moves}
        return _fragment("provider/batches/show.html", "progress", context, ended=not moves)
    status, after = request.args.get("status", ""), request.args.get("after", type=UUID)
    status = status if status in ITEMS else ""
    items = progress.list_items(g.db, batch, status=status, after=after, limit=_ITEMS + 1)
    more, items = len(items) > _ITEMS, items[:_ITEMS]
    here: dict[str, Any] = {"batch_id": batch.id, "status": status or None}
    return render(
        "provider/batches/show.html", batch=batch, standing=standing, moves=moves, items=items, status_filter=status,
        states={name: _(text) for name, (text, _tone) in ITEMS.items() if standing.counts[name] or name == status},
        next_url=url_for("provider.show_batch", after=items[-1].id, **here) if more else "",
        first_url=url_for("provider.show_batch", **here) if after else "",
    )  # fmt: skip


@provider.get("/batches/<uuid:batch_id>/items.csv")
def export_batch(batch_id: UUID) -> ResponseReturnValue:
    batch = get_batch(g.db, g.who, batch_id)
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(
        [_("小程序"), _("状态"), _("说明"), _("错误码"), "rid", _("微信原文"), _("尝试次数"), _("开始"), _("结束")]
    )
    for item in progress.list_items(g.db, batch, limit=None):
        row = [
            item.subject_name, _(_word(item)[0]), item_text(item), item.errcode, item.rid,
            item.error if item.errcode is not None else "", item.attempt, _local(item.started_at),
            _local(item.finished_at),
        ]  # fmt: skip
        writer.writerow([cell(value) for value in row])
    response = Response("\ufeff" + table.getvalue(), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="batch-{batch.created_at:%Y%m%d-%H%M}.csv"'
    return response


def _local(moment: datetime | None) -> str:
    return moment.astimezone(ZoneInfo(g.time_zone)).strftime("%Y-%m-%d %H:%M:%S") if moment else ""


@provider.post("/batches/<uuid:batch_id>/pause")
def pause_batch(batch_id: UUID) -> ResponseReturnValue:
    return _steer(batch_id, steering.pause_batch, _("已暂停，进行中的做完为止"), in_trains=False)


@provider.post("/batches/<uuid:batch_id>/resume")
def resume_batch(batch_id: UUID) -> ResponseReturnValue:
    return _steer(batch_id, steering.resume_batch, _("继续进行"), in_trains=False)


@provider.route("/batches/<uuid:batch_id>/cancel", methods=["GET", "POST"])
def cancel_batch(batch_id: UUID) -> ResponseReturnValue:
    if request.method == "POST":
        return _steer(batch_id, steering.cancel_batch, _("已取消，没有开始的不再进行"))
    batch = get_batch(g.db, g.who, batch_id, Verb.WORK)
    return render("provider/batches/cancel.html", batch=batch, standing=progress.progress(g.db, batch))


@provider.post("/batches/<uuid:batch_id>/retry")
def retry_batch(batch_id: UUID) -> ResponseReturnValue:
    """All that failed, or what failed for the cause that the form names."""
    batch = get_batch(g.db, g.who, batch_id, Verb.WORK)
    if elsewhere := _on_trains_page(batch):
        return elsewhere
    form = request.form
    cause = Cause(form.get("errcode", type=int), form.get("operation", ""), form.get("error", ""))
    count = steering.retry_failed(g.db, batch, who=g.who, cause=cause if "operation" in form else None)
    text = ngettext("%(num)d 个已重新排队", "%(num)d 个已重新排队", count)
    return done(text, url_for("provider.show_batch", batch_id=batch.id), "info")


@provider.get("/items/<uuid:item_id>")
def show_item(item_id: UUID) -> ResponseReturnValue:
    """The page of one item; htmx gets its card, and at the end is told to load the page around it again."""
    item = get_item(g.db, g.who, item_id)
    if is_fragment_request():
        return _fragment("provider/batches/item.html", "item", {"item": item}, ended=not item.is_open)
    return render("provider/batches/item.html", item=item)


@provider.post("/items/<uuid:item_id>/retry")
def retry_item(item_id: UUID) -> ResponseReturnValue:
    item = get_item(g.db, g.who, item_id, Verb.WORK)
    if elsewhere := _on_trains_page(item.batch):
        return elsewhere
    target = safe_next(url_for("provider.show_item", item_id=item.id))
    try:
        steering.retry_item(g.db, item, who=g.who)
    except AppError as error:
        return refused(error, target)
    return done(_("已重新排队"), target, "info")


def _on_trains_page(batch: Batch) -> ResponseReturnValue | None:
    """A train pauses, resumes and retries by its own rules: what is done to one of its batches would get round them."""
    target = train_url(batch)
    return done(_("它属于一次批量发布，请在这里暂停、继续或重试"), target, "warning") if target else None


def _steer(batch_id: UUID, service: Any, text: str, *, in_trains: bool = True) -> ResponseReturnValue:
    batch = get_batch(g.db, g.who, batch_id, Verb.WORK)
    if not in_trains and (elsewhere := _on_trains_page(batch)):
        return elsewhere
    target = url_for("provider.show_batch", batch_id=batch.id)
    try:
        service(g.db, batch, who=g.who)
    except AppError as error:
        return refused(error, target)
    return done(text, target)


def _fragment(template: str, block: str, context: dict[str, Any], *, ended: bool) -> Response:
    """What polls itself; at the end the page around it is loaded again."""
    response = render(template, block=block, **context)
    if ended:
        response.headers["HX-Refresh"] = "true"
    return response


def _word(item: BatchItem) -> tuple[str, str]:
    return _PARTIAL if item.partial else ITEMS[ItemStatus(item.status)]


def _badge(text: str, tone: str) -> Markup:
    return badge(_(text), tone)
