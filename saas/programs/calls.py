"""What was called at WeChat for one mini program."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from saas.components.models import WeChatCall
from saas.programs.models import Program


def list_calls(
    db: Session, program: Program, *, failed: bool = False, operation: str = "", before: UUID | None = None,
    limit: int = 50,
) -> list[WeChatCall]:  # fmt: skip
    """Newest first, all or those that failed, of all operations or of one; `before` is the last id shown."""
    query = select(WeChatCall).where(*_of(program)).order_by(WeChatCall.id.desc()).limit(limit)
    if failed:
        query = query.where(WeChatCall.errcode.is_distinct_from(0))
    if operation:
        query = query.where(WeChatCall.operation == operation)
    if before is not None:
        query = query.where(WeChatCall.id < before)
    return list(db.scalars(query))


def operations_called(db: Session, program: Program) -> list[str]:
    """What the log has calls of."""
    return sorted(db.scalars(select(WeChatCall.operation).where(*_of(program)).distinct()))


def _of(program: Program) -> tuple[ColumnElement[bool], ...]:
    return (
        WeChatCall.provider_id == program.provider_id, WeChatCall.component_id == program.component_id,
        WeChatCall.appid == program.appid,
    )  # fmt: skip
