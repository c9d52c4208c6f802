"""What a mini program's last submission said, as the start of the next one: for the form, and for many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas.programs.models import Program
from saas.releases.models import Audit, Upload
from saas.releases.submissions import Item, Submission, Ugc, category_key


def next_submission(
    db: Session, program: Program, upload: Upload, categories: Sequence[Mapping[str, Any]]
) -> Submission:
    """The last submission as far as it still fits categories and pages; without one, the first category and page.

    What answered a rejection is not said again.
    """
    query = select(Audit.request).where(Audit.program_id == program.id, Audit.upload_id.is_not(None))
    body = db.scalars(query.order_by(Audit.id.desc()).limit(1)).first()
    said = _read(body) if body else Submission(items=())
    known = [category_key(one) for one in categories]
    items = [_fitting(item, upload) for item in said.items if item.category in known]
    first = Item(known[0] if known else "", upload.pages[0] if upload.pages else "")
    order_path = said.order_path if _has(upload, said.order_path) else ""
    return replace(said, items=items or [first], order_path=order_path)


def _read(body: Mapping[str, Any]) -> Submission:
    ugc = body.get("ugc_declare")
    return Submission(
        items=[
            Item(category_key(one), one.get("address", ""), one.get("tag", ""), one.get("title", ""))
            for one in body.get("item_list", [])
        ],
        version_desc=body.get("version_desc", ""),
        ugc=Ugc(
            ugc.get("scene", ()), ugc.get("method", ()), bool(ugc.get("has_audit_team")), ugc.get("audit_desc", "")
        ) if ugc else None,
        order_path=body.get("order_path", ""),
        kept_files=body.get("files", []),
    )  # fmt: skip


def _fitting(item: Item, upload: Upload) -> Item:
    return item if _has(upload, item.address) else replace(item, address="")


def _has(upload: Upload, path: str) -> bool:
    return not upload.pages or path.partition("?")[0] in upload.pages
