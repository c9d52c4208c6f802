"""Filters of the list of mini programs that members keep by name."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from saas.errors import N_, Conflict, Invalid, NotFound
from saas.programs.listing import ProgramFilter
from saas.programs.models import SavedFilter
from saas.tenants.access import Verb, Who, require

_LONGEST = 40
_MOST = 50


def list_filters(db: Session, who: Who) -> list[SavedFilter]:
    """Her own and those that colleagues share, by name."""
    query = select(SavedFilter).where(or_(SavedFilter.user_id == who.user_id, SavedFilter.shared))
    return list(db.scalars(query.order_by(SavedFilter.name)))


def save_filter(db: Session, wanted: ProgramFilter, *, name: str, shared: bool, who: Who) -> SavedFilter:
    """Keep a filter; one of hers with the same name is replaced."""
    require(who, Verb.VIEW)
    name = " ".join(name.split())
    if not name:
        raise Invalid(N_("请填写名称"), field="name")
    if len(name) > _LONGEST:
        raise Invalid(N_("最多 %(limit)s 个字符"), field="name", limit=_LONGEST)
    if not wanted.parts():
        raise Invalid(N_("请先设置筛选条件"), field="name")
    own = list(db.scalars(select(SavedFilter).where(SavedFilter.user_id == who.user_id)))
    row = next((one for one in own if one.name == name), None)
    if row is None and len(own) >= _MOST:
        raise Conflict(N_("最多保存 %(limit)s 个筛选"), limit=_MOST)
    row = row or SavedFilter(provider_id=who.provider_id, user_id=who.user_id, name=name)
    row.query, row.shared, row.user_name = wanted.parts(), shared, who.name
    db.add(row)
    db.flush()
    return row


def delete_filter(db: Session, filter_id: UUID, *, who: Who) -> None:
    """Her own, or a shared one if she manages the provider; a stranger's private one does not exist for her."""
    require(who, Verb.VIEW)
    row = db.scalar(select(SavedFilter).where(SavedFilter.id == filter_id))
    if row is None or not (row.user_id == who.user_id or (row.shared and who.may(Verb.MANAGE))):
        raise NotFound()
    db.delete(row)
