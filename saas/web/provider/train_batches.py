"""What the pages of batches know of planning trains: one for the mini programs of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import g, url_for

from saas.batches.access import get_batch
from saas.batches.models import Batch, ItemStatus
from saas.batches.progress import subject_ids
from saas.errors import NotFound
from saas.programs.listing import MOST_SELECTED
from saas.web.provider.batches import SUBJECT_PAGES
from saas.web.provider.blueprint import provider
from saas.web.provider.sources import Source, draw_from, named_url

SOURCE = "batch"


@provider.app_template_global()
def batch_train_url(batch: Batch, status: str = "") -> str:
    """Where a train is planned for the mini programs of this batch; "" when it is not about mini programs."""
    parts: dict[str, Any] = {"batch": batch.id, "status": status}
    return "" if batch.step in SUBJECT_PAGES else named_url("provider.plan_train", SOURCE, parts)


def _batch(parts: Mapping[str, str]) -> Batch:
    try:
        batch_id = UUID(parts.get("batch", ""))
    except ValueError:
        raise NotFound() from None
    batch = get_batch(g.db, g.who, batch_id)
    if batch.step in SUBJECT_PAGES:
        raise NotFound()
    return batch


def _program_ids(parts: Mapping[str, str]) -> list[UUID]:
    status = parts.get("status", "")
    return subject_ids(g.db, _batch(parts), status=status if status in set(ItemStatus) else "", most=MOST_SELECTED)


def _page(parts: Mapping[str, str]) -> str:
    return url_for("provider.show_batch", batch_id=_batch(parts).id)


draw_from(SOURCE, Source(("batch", "status"), _program_ids, _page))
