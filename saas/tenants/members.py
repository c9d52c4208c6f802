"""A provider's people: who they are, what they may, and how they leave. All in a platform session.

People stand above the tenant wall, so every query here names the provider of the acting person itself. An owner may
do everything; an administrator manages members and viewers, never owners or administrators.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from saas.errors import N_, Conflict, Forbidden, NotFound
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.tenants.models import LoginSession, Membership, Provider, Role, User


class LastOwner(Conflict):
    """A provider without an owner would be nobody's."""

    def __init__(self) -> None:
        super().__init__(N_("这是最后一位所有者"), hint=N_("请先把另一位成员设为所有者。"))


@dataclass(frozen=True)
class Member:
    """A person at a provider, as its member list shows her."""

    user_id: UUID
    name: str
    email: str
    role: Role
    joined_at: datetime
    seen_at: datetime | None


def list_members(db: Session, who: Who) -> list[Member]:
    """The provider's people: owners first, then by name. One query."""
    require(who, Verb.VIEW)
    seen = (
        select(func.max(LoginSession.last_seen_at))
        .where(LoginSession.user_id == User.id)
        .correlate(User)
        .scalar_subquery()
    )
    rows = db.execute(
        select(User.id, User.name, User.email, Membership.role, Membership.created_at, seen)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.provider_id == who.provider_id)
    ).all()
    members = [Member(row[0], row[1], row[2], Role(row[3]), row[4], row[5]) for row in rows]
    return sorted(members, key=lambda member: (list(Role).index(member.role), member.name))


def get_member(db: Session, who: Who, user_id: UUID, verb: Verb) -> Member:
    """One of the provider's people; a stranger is not found, and a role that may not is refused."""
    found = next((member for member in list_members(db, who) if member.user_id == user_id), None)
    if found is None:
        raise NotFound()
    require(who, verb)
    return found


def may_grant(who: Who, role: Role) -> bool:
    """Whether she may give (or take) this role: only owners make owners and administrators."""
    return who.may(Verb.OWN) or (who.may(Verb.MANAGE) and role in (Role.MEMBER, Role.VIEWER))


def grantable_roles(who: Who) -> list[Role]:
    return [role for role in Role if may_grant(who, role)]


def add_member(db: Session, provider: Provider, user: User, role: Role, *, who: Who) -> None:
    """Make a person a member, without an invitation (seed, repairs)."""
    db.add(Membership(provider_id=provider.id, user_id=user.id, role=role))
    db.flush()
    activity.record(db, who, "member.join", user, detail={"role": role.value})


def change_role(db: Session, user_id: UUID, role: Role, *, who: Who) -> None:
    """Give a member another role, effective with her next request."""
    membership, user = _for_change(db, who, user_id)
    if not (may_grant(who, Role(membership.role)) and may_grant(who, role)):
        raise Forbidden(N_("只有所有者可以设置所有者和管理员"))
    if membership.role == role:
        return
    if membership.role == Role.OWNER:
        _keep_an_owner(db, who)
    detail = {"from": str(membership.role), "to": role.value}
    membership.role = role
    activity.record(db, who, "member.change_role", user, detail=detail)


def remove_member(db: Session, user_id: UUID, *, who: Who) -> None:
    """End a person's membership, effective with her next request. Everybody may leave by herself."""
    leaving = user_id == who.user_id
    membership, user = _for_change(db, who, user_id, verb=Verb.VIEW if leaving else Verb.MANAGE)
    if not leaving and not may_grant(who, Role(membership.role)):
        raise Forbidden(N_("只有所有者可以移除所有者和管理员"))
    if membership.role == Role.OWNER:
        _keep_an_owner(db, who)
    role = str(membership.role)
    db.delete(membership)
    activity.record(db, who, "member.leave" if leaving else "member.remove", user, detail={"role": role})


def transfer_ownership(db: Session, user_id: UUID, *, who: Who) -> None:
    """Make another member the owner; the acting owner becomes an administrator."""
    heir, user = _for_change(db, who, user_id, verb=Verb.OWN)
    if who.user_id is None or user_id == who.user_id:
        raise Conflict(N_("您已经是所有者"))
    own, _ = _for_change(db, who, who.user_id, verb=Verb.OWN)
    heir.role, own.role = Role.OWNER, Role.ADMIN
    activity.record(db, who, "member.transfer_ownership", user)


def _for_change(db: Session, who: Who, user_id: UUID, verb: Verb = Verb.MANAGE) -> tuple[Membership, User]:
    """The membership and its person. The provider's row is locked first, so that two changes never leave no owner."""
    require(who, Verb.VIEW)
    db.execute(select(Provider.id).where(Provider.id == who.provider_id).with_for_update())
    row = db.execute(
        select(Membership, User)
        .join(User, User.id == Membership.user_id)
        .where(Membership.provider_id == who.provider_id, Membership.user_id == user_id)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise NotFound()
    require(who, verb)
    return row[0], row[1]


def _keep_an_owner(db: Session, who: Who) -> None:
    owners = select(func.count()).where(Membership.provider_id == who.provider_id, Membership.role == Role.OWNER)
    if (db.scalar(owners) or 0) < 2:
        raise LastOwner()
