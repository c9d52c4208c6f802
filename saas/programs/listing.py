"""Finding mini programs."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from saas.programs.models import Program
from saas.programs.permissions import ESSENTIAL
from saas.tenants.models import Merchant


def find_programs(
    db: Session, *, text: str = "", authorization: str = "", merchant_id: UUID | None = None,
    unassigned: bool = False, lacking_sets: bool = False, before: UUID | None = None, limit: int = 50,
) -> list[tuple[Program, str]]:  # fmt: skip
    """Mini programs with their merchants' names, newest first, by name, appid or merchant; `before` is the last id
    shown. One query."""
    query = (
        select(Program, Merchant.name)
        .outerjoin(Merchant, Merchant.id == Program.merchant_id)
        .order_by(Program.id.desc())
        .limit(limit)
    )
    if text:
        query = query.where(
            or_(
                Program.name.icontains(text, autoescape=True),
                Program.appid.icontains(text, autoescape=True),
                Program.company_name.icontains(text, autoescape=True),
                Merchant.name.icontains(text, autoescape=True),
            )
        )
    if authorization:
        query = query.where(Program.authorization == authorization)
    if merchant_id is not None:
        query = query.where(Program.merchant_id == merchant_id)
    if unassigned:
        query = query.where(Program.merchant_id.is_(None))
    if lacking_sets:
        query = query.where(~Program.permission_sets.contains(list(ESSENTIAL)))
    if before is not None:
        query = query.where(Program.id < before)
    return [(program, name or "") for program, name in db.execute(query)]


def programs_of(db: Session, merchant_ids: Collection[UUID], limit: int = 100) -> list[Program]:
    """The mini programs of some merchants, newest first."""
    query = select(Program).where(Program.merchant_id.in_(merchant_ids)).order_by(Program.id.desc()).limit(limit)
    return list(db.scalars(query))


def count_by_merchant(db: Session, merchant_ids: Collection[UUID]) -> dict[UUID, int]:
    """How many mini programs each of some merchants has; those without are left out. One query."""
    query = (
        select(Program.merchant_id, func.count())
        .where(Program.merchant_id.in_(merchant_ids))
        .group_by(Program.merchant_id)
    )
    return {merchant_id: count for merchant_id, count in db.execute(query) if merchant_id is not None}
