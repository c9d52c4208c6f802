"""Who may do what. Every service is told who acts; every door (`<domain>/access.py`) asks here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from saas.errors import Forbidden
from saas.tenants.models import MerchantRole, PlatformRole, Role


class Verb(StrEnum):
    """What somebody wants to do to a thing of a provider."""

    VIEW = "view"
    ANSWER = "answer"  # a merchant's own steps: authorize, hand in
    WORK = "work"  # the daily work: merchants, mini programs, upload, audit, release
    MANAGE = "manage"  # component apps and their secrets, members, settings
    OWN = "own"  # hand over or close the provider


_ROLE_VERBS: Mapping[Role, frozenset[Verb]] = {
    Role.OWNER: frozenset({Verb.VIEW, Verb.ANSWER, Verb.WORK, Verb.MANAGE, Verb.OWN}),
    Role.ADMIN: frozenset({Verb.VIEW, Verb.ANSWER, Verb.WORK, Verb.MANAGE}),
    Role.MEMBER: frozenset({Verb.VIEW, Verb.ANSWER, Verb.WORK}),
    Role.VIEWER: frozenset({Verb.VIEW}),
}
_MERCHANT_VERBS: Mapping[MerchantRole, frozenset[Verb]] = {
    MerchantRole.OWNER: frozenset({Verb.VIEW, Verb.ANSWER}),
    MerchantRole.HELPER: frozenset({Verb.VIEW}),
}


@dataclass(frozen=True)
class Who:
    """The acting person, or the program itself.

    Exactly one of `role` (a member of the provider) and `merchant_role` (a merchant's person, held to `merchant_ids`)
    is set for people; neither is for the system. `ip` and `request_id` say from where, for the activity log.

    Somebody may answer for one merchant (`owned_ids`) and only look on at another: `merchant_role` is then the least of
    her roles, and `at` a merchant she has the one that she has there.
    """

    provider_id: UUID
    name: str
    user_id: UUID | None = None
    role: Role | None = None
    merchant_role: MerchantRole | None = None
    merchant_ids: frozenset[UUID] = frozenset()
    owned_ids: frozenset[UUID] = frozenset()
    ip: str = ""
    request_id: str = ""

    @property
    def kind(self) -> str:
        if self.role is not None:
            return "member"
        return "merchant" if self.merchant_role is not None else "system"

    @property
    def is_merchant(self) -> bool:
        return self.merchant_role is not None

    def at(self, merchant_id: UUID | None) -> Who:
        """The same person as far as this merchant is concerned; members and the system are the same everywhere."""
        if self.merchant_role is None:
            return self
        ids = self.merchant_ids & {merchant_id}
        owns = bool(ids) and (self.merchant_role is MerchantRole.OWNER or bool(self.owned_ids & ids))
        role = MerchantRole.OWNER if owns else MerchantRole.HELPER
        return replace(self, merchant_role=role, merchant_ids=ids, owned_ids=ids if owns else frozenset())

    def may(self, verb: Verb) -> bool:
        if self.role is not None:
            return verb in _ROLE_VERBS[self.role]
        if self.merchant_role is not None:
            return verb in _MERCHANT_VERBS[self.merchant_role]
        return True


@dataclass(frozen=True)
class PlatformWho:
    """A person of the platform itself."""

    name: str
    user_id: UUID
    role: PlatformRole
    ip: str = ""
    request_id: str = ""


def system(provider_id: UUID, name: str = "系统") -> Who:
    """The program itself (a job, a push of WeChat) at work for one provider."""
    return Who(provider_id=provider_id, name=name)


def require(who: Who, verb: Verb) -> None:
    """Raise Forbidden unless the role allows the verb."""
    if not who.may(verb):
        raise Forbidden()
