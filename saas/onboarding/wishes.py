"""What a merchant wishes for her mini program's name, avatar, introduction and categories, once it was accepted: WeChat
takes these as actions that cost chances, so it is offered to the provider, who looks at it and sends it.

A wish is open until the mini program has what was wished, or something was sent about it since it was accepted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas.batches.models import BatchItem, ItemStatus
from saas.onboarding.fields import AVATAR, CHOSEN, paper_field
from saas.onboarding.models import Onboarding, OnboardingPart, Part, PartStatus
from saas.programs.appearance import SET_AVATAR, SET_INTRODUCTION
from saas.programs.categories import ADD, MODIFY, find_set, find_state
from saas.programs.category_trees import Category
from saas.programs.models import Program, ReviewStatus
from saas.programs.naming import SET_NAME
from saas.tenants.models import StoredFile
from saas.tenants.stored_files import load_file, read_file

_STEPS = {"name": SET_NAME, "avatar": SET_AVATAR, "introduction": SET_INTRODUCTION}
_MOST_ITEMS = 100


@dataclass(frozen=True)
class ProfileWish:
    """The profile part as it was accepted at `since`. `open` are those of name, avatar and introduction that are still
    to be sent.
    """

    name: str
    introduction: str
    avatar_id: UUID | None
    open: frozenset[str]
    since: datetime


@dataclass(frozen=True)
class CategoryWish:
    """A category that was chosen, ``<first>-<second>`` by WeChat's ids, with the ids of its papers' pages by paper."""

    first: int
    second: int
    pages: Mapping[str, list[str]]
    is_open: bool


def profile_wish(db: Session, program: Program) -> ProfileWish | None:
    """What was accepted; None when nothing was."""
    part = _accepted(db, program, Part.PROFILE)
    if part is None:
        return None
    values, files = part.values, part.files.get(AVATAR) or []
    name, introduction = str(values.get("name") or ""), str(values.get("introduction") or "")
    sent = {item.step for item in _sent_since(db, program, part, _STEPS.values())}
    held = {"name": program.name == name, "introduction": program.introduction == introduction, "avatar": not files}
    return ProfileWish(
        name, introduction, UUID(files[0]) if files else None,
        frozenset(field for field, step in _STEPS.items() if not held[field] and step not in sent), _since(part),
    )  # fmt: skip


def avatar_of(db: Session, wish: ProfileWish) -> StoredFile:
    """The wished avatar; raises NotFound when there is none."""
    return load_file(db, wish.avatar_id)


def category_wishes(db: Session, program: Program) -> list[CategoryWish]:
    """What was chosen, in the merchant's order; one that was refused is open again with papers accepted after that."""
    part = _accepted(db, program, Part.CATEGORIES)
    if part is None:
        return []
    state = find_state(db, program)
    sent = {
        (item.input["first"], item.input["second"]) for item in _sent_since(db, program, part, (ADD, MODIFY))
    }  # fmt: skip
    found = []
    for key in part.values.get(CHOSEN) or ():
        first, _, second = key.partition("-")
        place = int(first), int(second)
        known = find_set(state, *place)
        is_set = known is not None and known["status"] != ReviewStatus.REFUSED
        start = paper_field(key, "")
        pages = {name.removeprefix(start): ids for name, ids in part.files.items() if name.startswith(start)}
        found.append(CategoryWish(*place, pages, not is_set and place not in sent))
    return found


def papers_for(db: Session, program: Program, category: Category) -> dict[str, list[bytes]]:
    """The pages of each paper that the merchant handed in for a category, as uploads; empty once it was sent."""
    wish = next(
        (one for one in category_wishes(db, program) if (one.first, one.second) == (category.first, category.second)),
        None,
    )
    if wish is None or not wish.is_open:
        return {}
    return {
        name: [read_file(load_file(db, UUID(file_id))) for file_id in ids]
        for name, ids in wish.pages.items()
        if name in category.papers
    }


def _accepted(db: Session, program: Program, key: Part) -> OnboardingPart | None:
    query = (
        select(OnboardingPart)
        .join(Onboarding, Onboarding.id == OnboardingPart.onboarding_id)
        .where(
            Onboarding.program_id == program.id, Onboarding.merchant_id == program.merchant_id,
            Onboarding.closed_at.is_(None), OnboardingPart.key == key, OnboardingPart.status == PartStatus.ACCEPTED,
        )
    )  # fmt: skip
    return db.scalar(query)


def _since(part: OnboardingPart) -> datetime:
    return part.reviewed_at or part.created_at


def _sent_since(
    db: Session, program: Program, part: OnboardingPart, steps: Collection[str]
) -> Collection[BatchItem]:  # fmt: skip
    """What was sent to WeChat, or is about to be, after the part was accepted, the newest first."""
    query = select(BatchItem).where(
        BatchItem.subject_id == program.id, BatchItem.step.in_(steps), BatchItem.created_at > _since(part),
        BatchItem.status.not_in([ItemStatus.FAILED, ItemStatus.CANCELLED]),
    )  # fmt: skip
    return db.scalars(query.order_by(BatchItem.id.desc()).limit(_MOST_ITEMS)).all()
