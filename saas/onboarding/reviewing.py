"""Looking through what a merchant handed in: give single fields back with a word on each, or accept the part.

`OnboardingPart.comments` are those of the last time that it was given back; they stay until the part is accepted, so
that the next look can be compared with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.orm import Session

from saas import clock
from saas.errors import N_, Conflict, Invalid
from saas.onboarding.access import is_of_its_merchant
from saas.onboarding.handing_over import hand_over, hold_target
from saas.onboarding.models import Onboarding, OnboardingPart, Part, PartStatus
from saas.onboarding.notices import tell
from saas.onboarding.papers import look_at
from saas.onboarding.parts import OPEN, Answers
from saas.onboarding.saving import NotComplete, reveal
from saas.programs.models import Program
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.tenants.models import Merchant, StoredFile

LONGEST_COMMENT = 200
MOST_COUNTED = 100

TITLES = {
    Part.COMPANY: (N_("主体与法人资料请修改"), N_("主体与法人资料已通过")),
    Part.PROFILE: (N_("名称头像资料请修改"), N_("名称头像资料已通过")),
    Part.CATEGORIES: (N_("服务类目资料请修改"), N_("服务类目资料已通过")),
    Part.CERTIFICATION: (N_("认证资料请修改"), N_("认证资料已通过")),
    Part.FILING: (N_("备案资料请修改"), N_("备案资料已通过")),
}
"""What the merchant is told: when a part comes back, and when it is accepted."""


class NotHandedIn(Conflict):
    """The merchant is still at it: nothing to look at or to decide."""

    def __init__(self) -> None:
        super().__init__(N_("商家还没有提交这部分"), hint=N_("商家提交后，就可以在这里审核。"))


class Reviewed(Conflict):
    """It was decided, or handed in anew, since this page was opened."""

    def __init__(self) -> None:
        super().__init__(
            N_("这部分刚有变化，您的操作没有生效"), hint=N_("可能有同事处理过，或商家重新提交了。请看过再决定。")
        )


@dataclass(frozen=True)
class Waiting:
    """A part that waits for the provider, with whose it is; `program` is None for one still to be registered."""

    part: OnboardingPart
    merchant: Merchant
    program: Program | None


def waiting_parts(db: Session, who: Who, *, after: UUID | None = None, limit: int = 50) -> list[Waiting]:
    """What waits longest first; `after` is the id of the last part shown."""
    require(who, Verb.VIEW)
    place = tuple_(OnboardingPart.handed_in_at, OnboardingPart.id)
    query = _waiting(who).add_columns(Merchant, Program).order_by(*place).limit(limit)
    if after is not None:
        last = db.scalar(
            select(OnboardingPart).where(OnboardingPart.id == after, OnboardingPart.provider_id == who.provider_id)
        )
        if last is not None:
            query = query.where(place > tuple_(last.handed_in_at, last.id))
    return [Waiting(part, merchant, program) for part, merchant, program in db.execute(query)]


def count_waiting(db: Session, who: Who) -> int:
    """How many parts wait, counted up to `MOST_COUNTED`."""
    some = _waiting(who).with_only_columns(OnboardingPart.id).limit(MOST_COUNTED).subquery()
    return db.scalar(select(func.count()).select_from(some)) or 0


def is_readable(answers: Answers) -> bool:
    """Whether the provider sees what is in it: only what was handed in, not what is being typed."""
    return answers.part.status not in OPEN


def reveal_part(db: Session, answers: Answers, *, who: Who) -> dict[str, Any]:
    """All values whole, for a member who has to compare them; the activity log keeps who looked."""
    require(who, Verb.WORK)
    if not is_readable(answers):
        raise NotHandedIn()
    return reveal(db, answers, who=who)


def look_at_paper(db: Session, answers: Answers, file_id: UUID, *, who: Who) -> StoredFile:
    """A file that was handed in with this part; the activity log keeps who looked."""
    require(who, Verb.WORK)
    if not is_readable(answers):
        raise NotHandedIn()
    return look_at(db, answers, file_id, who=who)


def give_back(db: Session, answers: Answers, comments: Mapping[str, str], *, version: int, who: Who) -> None:
    """Give a part back with a word on each field that is to be changed, also one that was accepted already.

    Raises Invalid at the field, NotHandedIn, and Reviewed when it is not what the page showed any more.
    """
    require(who, Verb.WORK)
    part = _claim(db, answers, version)
    said = {name: text.strip() for name, text in comments.items() if text.strip()}
    names = {ask.name for ask in answers.asks()}
    for name, text in said.items():
        if name not in names:
            raise Invalid(N_("没有这一项"))
        if len(text) > LONGEST_COMMENT:
            raise Invalid(N_("不能超过 %(most)d 个字"), field=name, most=LONGEST_COMMENT)
    if not said:
        raise Invalid(N_("请至少在一项下面写明要怎么改"))
    part.comments = said
    _decide(db, answers, PartStatus.RETURNED, who)
    activity.record(
        db, who, "onboarding.give_back", answers.onboarding, detail={"part": part.key, "count": len(said)}
    )  # fmt: skip


def accept(db: Session, answers: Answers, *, version: int, who: Who) -> None:
    """Accept a part, which hands it over.

    Raises NotComplete when WeChat's lists changed since it was handed in and it does not fit any more, Invalid or
    Conflict when what it flows into refuses it, NotHandedIn, and Reviewed when it is not what the page showed any more.
    """
    require(who, Verb.WORK)
    program_id = answers.onboarding.program_id
    hold_target(db, answers)
    part = _claim(db, answers, version)
    if part.status == PartStatus.ACCEPTED or answers.onboarding.program_id != program_id:
        raise Reviewed()
    if faults := problems(answers):
        raise NotComplete(faults)
    part.taken_over_at = clock.now() if hand_over(db, answers, who=who) else None
    part.comments = {}
    _decide(db, answers, PartStatus.ACCEPTED, who)
    activity.record(db, who, "onboarding.accept", answers.onboarding, detail={"part": part.key})


def hand_over_again(db: Session, answers: Answers, *, who: Who) -> None:
    """Hand over an accepted part that could not flow when it was to; one that has flowed since is no fault.

    Raises Conflict or Invalid like `accept`.
    """
    require(who, Verb.WORK)
    program_id = answers.onboarding.program_id
    hold_target(db, answers)
    part = _claim(db, answers, answers.part.version)
    if part.status != PartStatus.ACCEPTED or answers.onboarding.program_id != program_id:
        raise Reviewed()
    if part.taken_over_at is None:
        if not hand_over(db, answers, who=who):
            raise Conflict(N_("现在没有可以写入的草稿"))
        part.taken_over_at = clock.now()
        activity.record(db, who, "onboarding.hand_over", answers.onboarding, detail={"part": part.key})


def problems(answers: Answers) -> Sequence[Invalid]:
    """What does not fit WeChat's lists (any more) in a part that was handed in."""
    return [*answers.faults(), *answers.gaps()]


def _claim(db: Session, answers: Answers, version: int) -> OnboardingPart:
    """The part for one who decides: whoever comes at the same time waits, and then finds it decided."""
    part = answers.part
    db.refresh(answers.onboarding, with_for_update={"read": True})
    db.refresh(part, with_for_update=True)
    if not is_readable(answers) or answers.onboarding.closed_at is not None:
        raise NotHandedIn() if part.version == version or version < 0 else Reviewed()
    if part.version != version:
        raise Reviewed()
    return part


def _decide(db: Session, answers: Answers, status: PartStatus, who: Who) -> None:
    part, onboarding = answers.part, answers.onboarding
    part.status, part.reviewed_at, part.reviewed_by = status, clock.now(), who.name
    part.version += 1
    db.flush()
    back, accepted = TITLES[answers.key]
    title = accepted if status is PartStatus.ACCEPTED else back
    text = "" if status is PartStatus.ACCEPTED else N_("服务商在要改的几项下面写了说明，改好再提交一次。")
    tell(
        db, onboarding.provider_id, onboarding.merchant_id, kind=f"onboarding.{status.value}",
        key=f"part:{part.id}:{part.version}", program_id=onboarding.program_id,
        detail={"title": title, **({"text": text} if text else {})},
    )  # fmt: skip


def _waiting(who: Who) -> Select[OnboardingPart]:
    return (
        select(OnboardingPart)
        .join(Onboarding, Onboarding.id == OnboardingPart.onboarding_id)
        .join(Merchant, Merchant.id == Onboarding.merchant_id)
        .outerjoin(Program, Program.id == Onboarding.program_id)
        .where(
            OnboardingPart.provider_id == who.provider_id, OnboardingPart.status == PartStatus.HANDED_IN,
            Onboarding.closed_at.is_(None), Merchant.archived_at.is_(None), is_of_its_merchant(),
        )
    )  # fmt: skip
