"""Coming in by an entry link: a person joins the merchant, and what the link asks of her begins.

All in the provider's session; the person stands above it and has been recognised before.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from saas import clock
from saas.components.access import load_component
from saas.db import new_id, platform_session
from saas.errors import N_, Forbidden, Invalid
from saas.onboarding.links import LinkOver, State, component_to_authorize, state_of
from saas.onboarding.models import Entry, EntryLink, Part
from saas.onboarding.parts import open_onboarding
from saas.programs import links as authorization_links
from saas.programs.listing import select_programs
from saas.programs.models import AuthorizationLink, AuthorizationStatus, Program
from saas.programs.permissions import missing_sets
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require, system
from saas.tenants.accounts import NOWHERE, Origin
from saas.tenants.consents import record_data_consent
from saas.tenants.merchants import load_merchant
from saas.tenants.models import Merchant, MerchantMembership, MerchantRole
from saas.wx.permissions import PermissionSet


@dataclass(frozen=True)
class Standing:
    """How somebody who looks at a link stands to it. `came_before`: she came in by it; `belongs`: to the merchant."""

    state: State
    came_before: bool = False
    belongs: bool = False


def standing_of(db: Session, link: EntryLink, merchant: Merchant, user_id: UUID | None) -> Standing:
    """What the page behind a link has to say to this person, or to an unknown one."""
    came = set(db.scalars(select(Entry.user_id).where(Entry.link_id == link.id)))
    state = State.REVOKED if merchant.archived_at is not None else state_of(link, len(came))
    if user_id is None:
        return Standing(state)
    return Standing(state, user_id in came, _role_of(db, merchant, user_id) is not None)


def come_in(
    db: Session, link: EntryLink, merchant: Merchant, *, user_id: UUID, name: str, agreed: bool,
    origin: Origin = NOWHERE,
) -> None:  # fmt: skip
    """Make somebody one of the merchant's people, as the link says. Coming again changes nothing.

    Of two who come at the same moment by a link for one, the first is let in. Raises LinkOver, and Invalid without her
    consent. A role only grows: an owner who follows a link for helpers stays owner.
    """
    db.execute(select(EntryLink.id).where(EntryLink.id == link.id).with_for_update())
    db.refresh(link)
    stands = standing_of(db, link, merchant, user_id)
    if stands.came_before and stands.belongs:
        return
    if stands.came_before:  # she was removed since; the link does not bring her back
        raise LinkOver(State.REVOKED if link.for_many else State.USED)
    if stands.state is not State.OPEN:
        raise LinkOver(stands.state)
    if not agreed:
        raise Invalid(N_("请先阅读并勾选同意"), field="agreed")
    with platform_session("note that somebody who came in by a link agreed") as platform:
        record_data_consent(platform, user_id, link.provider_id, ip=origin.ip)
    db.add(Entry(provider_id=link.provider_id, link_id=link.id, user_id=user_id))
    joined = insert(MerchantMembership).values(
        id=new_id(), created_at=clock.now(), provider_id=link.provider_id, merchant_id=merchant.id, user_id=user_id,
        role=link.role,
    )  # fmt: skip
    grows = MerchantMembership.role == MerchantRole.HELPER
    db.execute(
        joined.on_conflict_do_update(
            index_elements=["merchant_id", "user_id"], set_={"role": joined.excluded.role}, where=grows
        )
    )
    who = Who(
        link.provider_id, name, user_id, merchant_role=MerchantRole(link.role), merchant_ids=frozenset({merchant.id}),
        ip=origin.ip, request_id=origin.request_id,
    )  # fmt: skip
    activity.record(db, who, "entry_link.enter", merchant, detail={"role": link.role})
    _begin(db, link, merchant, who)


def link_to_authorize(db: Session, program: Program, *, who: Who) -> AuthorizationLink:
    """The link by which a merchant authorizes this mini program of hers (again) by herself; one that works is kept."""
    require(who, Verb.ANSWER)
    if program.merchant_id is None:
        raise Forbidden()
    return _authorization_link(db, load_merchant(db, program.merchant_id), program, who.name)


def lacking_permissions(program: Program) -> list[PermissionSet]:
    """The essential permissions that were not granted; none as long as WeChat has not told what was."""
    return missing_sets(program.permission_sets) if program.permission_sets else []


def needs_authorization(program: Program) -> bool:
    """Whether the merchant has to confirm an authorization: there is none, or essential permissions are missing."""
    if not program.appid:
        return False
    return program.authorization != AuthorizationStatus.AUTHORIZED or bool(lacking_permissions(program))


def _begin(db: Session, link: EntryLink, merchant: Merchant, who: Who) -> None:
    """What the link asks for is on her first page from now on."""
    found = select_programs(db, link.program_ids)
    programs = sorted((one for one in found if one.merchant_id == merchant.id), key=lambda one: one.id)
    parts = [Part(key) for key in link.parts]
    if parts and (programs or not link.program_ids):
        maker = system(link.provider_id, link.made_by)
        asked: list[Program | None] = [*programs] or [None]
        for wanted in asked:
            open_onboarding(db, merchant, wanted, parts, who=maker)
    if not link.authorize or not who.may(Verb.ANSWER):
        return
    for program in programs:
        if needs_authorization(program):
            _authorization_link(db, merchant, program, who.name)
    if not link.program_ids and component_to_authorize(db, link.provider_id) is not None:
        _authorization_link(db, merchant, None, who.name)


def _authorization_link(db: Session, merchant: Merchant, program: Program | None, name: str) -> AuthorizationLink:
    """A link that works, made by the program itself: the merchant may ask for her own, but for nobody else's."""
    wanted = program.id if program is not None else None
    for link in authorization_links.usable_links(db, [merchant.id]):
        if link.program_id == wanted and not link.permission_sets:
            return link
    component = (
        load_component(db, program.component_id)
        if program is not None
        else component_to_authorize(db, merchant.provider_id)
    )
    if component is None:
        raise Invalid(N_("服务商还没有接通第三方平台，请联系服务商"))
    return authorization_links.create_link(
        db, component, merchant, who=system(merchant.provider_id, name), program=program,
        lifetime=authorization_links.LONGEST,
    )  # fmt: skip


def _role_of(db: Session, merchant: Merchant, user_id: UUID) -> str | None:
    return db.scalar(
        select(MerchantMembership.role).where(
            MerchantMembership.merchant_id == merchant.id, MerchantMembership.user_id == user_id
        )
    )
