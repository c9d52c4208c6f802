"""What is asked of a merchant for one mini program: opening it, how far it is, and what its fields stand on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas.db import new_id
from saas.errors import N_, Conflict, Invalid
from saas.onboarding.access import is_of_its_merchant
from saas.onboarding.closing import close_moved
from saas.onboarding.fields import FORMS, Ask, Form, Ground, gaps
from saas.onboarding.models import Onboarding, OnboardingPart, Part, PartStatus
from saas.programs import certification_data, filing_fields
from saas.programs.access import load_program
from saas.programs.category_trees import all_categories, find_tree
from saas.programs.certification_filling import find_identities
from saas.programs.filing_tables import PERSON, load_tables
from saas.programs.models import Program
from saas.programs.registration_models import RegistrationKind
from saas.programs.standing import lock_programs
from saas.tenants import activity
from saas.tenants.access import Who
from saas.tenants.merchants import load_merchant
from saas.tenants.models import Merchant

OPEN = (PartStatus.DRAFT, PartStatus.RETURNED)
"""The merchant's turn."""


@dataclass(frozen=True)
class Opened:
    """What is asked for one mini program, with its parts in the order in which they are filled in."""

    onboarding: Onboarding
    parts: tuple[OnboardingPart, ...]

    @property
    def done(self) -> int:
        """How many parts the merchant has handed in."""
        return sum(part.status not in OPEN for part in self.parts)

    @property
    def all_accepted(self) -> bool:
        return all(part.status == PartStatus.ACCEPTED for part in self.parts)

    @property
    def next(self) -> OnboardingPart | None:
        """The part to go on with: what came back first, then the first that is open; None when nothing is."""
        waiting = [part for part in self.parts if part.status in OPEN]
        return next((part for part in waiting if part.status == PartStatus.RETURNED), next(iter(waiting), None))


def open_onboarding(
    db: Session, merchant: Merchant, program: Program | None, parts: Iterable[Part], *, who: Who
) -> Onboarding:
    """Ask a merchant for these parts about one mini program, or about one that is still to be registered. What is asked
    for already stays as it is. The caller has seen to it that `who` may: a member of the provider, or a link. Raises
    Conflict when the mini program has just gone to another merchant.
    """
    db.refresh(merchant, with_for_update={"key_share": True})  # two who come in at once open one
    if program is not None:
        lock_programs(db, [program.id])  # whoever moves it to another merchant waits, and closes this then
        if program.merchant_id != merchant.id:
            raise Conflict(N_("这个小程序已不是该商家的"), hint=N_("请刷新页面后再看。"))
        close_moved(db, [program.id])
    wanted = Onboarding.program_id == program.id if program is not None else Onboarding.program_id.is_(None)
    query = select(Onboarding).where(Onboarding.merchant_id == merchant.id, wanted, Onboarding.closed_at.is_(None))
    onboarding = db.scalar(query.order_by(Onboarding.id).limit(1))
    if onboarding is None:
        onboarding = Onboarding(
            id=new_id(), provider_id=merchant.provider_id, merchant_id=merchant.id, made_by=who.name,
            program_id=program.id if program is not None else None,
        )  # fmt: skip
        db.add(onboarding)
        db.flush()
    known = set(db.scalars(select(OnboardingPart.key).where(OnboardingPart.onboarding_id == onboarding.id)))
    new = [part for part in Part if part in set(parts) and part not in known]
    for part in new:
        db.add(OnboardingPart(provider_id=merchant.provider_id, onboarding_id=onboarding.id, key=part.value))
    db.flush()
    if new:
        activity.record(db, who, "onboarding.open", merchant, detail={"parts": [part.value for part in new]})
    return onboarding


def parts_of(db: Session, merchant_ids: Collection[Any]) -> list[Opened]:
    """All that is asked of these merchants and not closed, the oldest first. Two queries."""
    if not merchant_ids:
        return []
    query = select(Onboarding).where(
        Onboarding.merchant_id.in_(merchant_ids), Onboarding.closed_at.is_(None), is_of_its_merchant()
    )
    return opened(db, db.scalars(query.order_by(Onboarding.id)).all())


def opened(db: Session, onboardings: Sequence[Onboarding]) -> list[Opened]:
    """Onboardings with their parts. One query."""
    ids = [one.id for one in onboardings]
    rows = db.scalars(select(OnboardingPart).where(OnboardingPart.onboarding_id.in_(ids))).all()
    order = [part.value for part in Part]
    return [
        Opened(
            one,
            tuple(
                sorted((row for row in rows if row.onboarding_id == one.id), key=lambda row: order.index(row.key))
            ),
        )
        for one in onboardings
    ]  # fmt: skip


@dataclass(frozen=True)
class Answers:
    """One part with what its fields stand on: the way to read it, for its pages and for who takes it over."""

    onboarding: Onboarding
    part: OnboardingPart
    ground: Ground

    @property
    def key(self) -> Part:
        return Part(self.part.key)

    @property
    def form(self) -> Form:
        return FORMS[self.key]

    @property
    def is_open(self) -> bool:
        """Whether the merchant may change it."""
        return self.part.status in OPEN and self.onboarding.closed_at is None

    @property
    def values(self) -> dict[str, Any]:
        """What was typed, under the domain's names; while it is a draft, what is known from elsewhere stands in."""
        carried = self.ground.carried if self.part.status in OPEN else {}
        return {**carried, **self.part.values}

    def asks(self, page: str | None = None, values: Mapping[str, Any] | None = None) -> list[Ask]:
        """The fields that there are for these values, on one page or on all."""
        found = self.form.asks(self.values if values is None else values, self.ground)
        return [ask for ask in found if page in (None, ask.page)]

    def faults(self) -> list[Invalid]:
        """What is wrong with what was typed, at its fields."""
        return self.form.faults(self.values, self.ground)

    def gaps(self) -> list[Invalid]:
        """What is still missing, at its fields."""
        return gaps(self.key, self.values, self.part.files, self.ground)


def answers_of(db: Session, onboarding: Onboarding, part: OnboardingPart) -> Answers:
    """A part with WeChat's lists and what is known already."""
    program = load_program(db, onboarding.program_id) if onboarding.program_id else None
    key = Part(part.key)
    ground = Ground(carried=_carried(db, onboarding, key, program))
    if key is Part.FILING:
        ground = Ground(load_tables(db), carried=ground.carried)
    elif key is Part.CATEGORIES:
        found = find_tree(db, program) if program is not None else []
        known = {f"{one.first}-{one.second}": one for one in found or all_categories(db)}
        ground = Ground(categories=known, carried=ground.carried)
    elif key is Part.CERTIFICATION:
        tree = find_identities(db, program)
        ground = Ground(identities=tuple(_leaves(tree.nodes)) if tree else (), carried=ground.carried)
    return Answers(onboarding, part, ground)


def _leaves(nodes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for node in nodes:
        if node["children"]:
            yield from _leaves(node["children"])
        else:
            yield str(node["name"])


def _carried(db: Session, onboarding: Onboarding, key: Part, program: Program | None) -> dict[str, Any]:
    """What the provider's data and the other parts say already, so that nobody types it twice."""
    merchant = load_merchant(db, onboarding.merchant_id)
    known = {
        "name": merchant.company_name, "company_code": merchant.company_code, "person_name": merchant.legal_name,
        "person_wechat": merchant.legal_wechat,
    }  # fmt: skip
    if key is Part.COMPANY:
        return _filled(known)
    query = select(OnboardingPart).where(OnboardingPart.onboarding_id == onboarding.id)
    others = {one.key: one.values for one in db.scalars(query) if one.key != key}
    company = {**_filled(known), **_filled(others.get(Part.COMPANY, {}))}
    is_person = company.get("kind") == RegistrationKind.PERSONAL
    if key is Part.PROFILE:
        return _filled({"name": program.name, "introduction": program.introduction} if program else {})
    if key is Part.CERTIFICATION:
        name = others.get(Part.PROFILE, {}).get("name") or (program.name if program else "")
        return _filled(
            {
                "account_name": name, "customer_type": certification_data.PERSON if is_person else "",
                "contact_name": merchant.contact_name, "contact_email": merchant.contact_email,
                "invoice_title": company.get("name"), "taxpayer_id": company.get("company_code"),
            }
        )  # fmt: skip
    if key is Part.FILING:
        person = f"{filing_fields.SUBJECT_PERSON}.name"
        return _filled(
            {
                filing_fields.TYPE: str(PERSON) if is_person else "", filing_fields.NAME: company.get("name"),
                filing_fields.PAPER_NUMBER: company.get("company_code"), person: company.get("person_name"),
            }
        )  # fmt: skip
    return {}


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}
