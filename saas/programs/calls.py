"""What was called at WeChat for one mini program."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas.components.models import WeChatCall
from saas.programs.models import Program


def list_calls(
    db: Session, program: Program, *, failed: bool = False, before: UUID | None = None, limit: int = 50
) -> list[WeChatCall]:
    """Newest first, all or those that failed; `before` is the last id shown."""
    query = (
        select(WeChatCall)
        .where(
            WeChatCall.provider_id == program.provider_id,
            WeChatCall.component_id == program.component_id,
            WeChatCall.appid == program.appid,
        )
        .order_by(WeChatCall.id.desc())
        .limit(limit)
    )
    if failed:
        query = query.where(WeChatCall.errcode.is_distinct_from(0))
    if before is not None:
        query = query.where(WeChatCall.id < before)
    return list(db.scalars(query))
