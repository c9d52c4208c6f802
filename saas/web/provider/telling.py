"""Which item of a batch a page about a mini program or a component app shows above its content."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from flask import g

from saas.batches.models import BatchItem, ItemStatus
from saas.batches.progress import newest_items


def telling_item(subject_id: UUID, steps: Collection[str]) -> BatchItem | None:
    """The newest item of these steps, unless it simply went well."""
    items = newest_items(g.db, subject_id, steps).values()
    newest = max(items, key=lambda item: item.id, default=None)
    went_well = newest is not None and newest.status == ItemStatus.DONE and not newest.partial
    return None if went_well else newest
