"""Filling in a part and handing it in. Everything that is typed is kept, also what is not right yet: it is checked as
it is typed and has to be right only when the part is handed in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from saas import clock
from saas.errors import N_, Conflict, Invalid, NotFound
from saas.onboarding.fields import Ask, Kind
from saas.onboarding.models import OnboardingPart, PartStatus
from saas.onboarding.parts import Answers
from saas.programs.certification_data import masked as masked_certification
from saas.programs.filing_forms import masked as masked_text
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.tenants.stored_files import drop_file, load_file

LONGEST = 2000
"""What one field may hold while it is a draft."""
_LOGGED_AGAIN = timedelta(minutes=10)


class Locked(Conflict):
    """Handed in or accepted: it is the provider's turn."""

    def __init__(self) -> None:
        super().__init__(
            N_("这部分已经提交，暂时不能修改"), hint=N_("要修改的话，请联系服务商把它退回给您。")
        )  # fmt: skip


class Outdated(Conflict):
    """Somebody saved it elsewhere since this page was opened. `theirs` is what is stored, by field."""

    def __init__(self, theirs: Mapping[str, Any]) -> None:
        super().__init__(
            N_("这些内容刚在别的设备上改过，没有被覆盖"), hint=N_("下面同时列出了两边的内容，请选好后再保存。")
        )
        self.theirs = dict(theirs)


class NotComplete(Invalid):
    """What is missing or wrong before it can be handed in; `faults` name the fields."""

    def __init__(self, faults: Collection[Invalid]) -> None:
        super().__init__(N_("还有 %(count)d 项要填写或修改"), count=len({fault.field for fault in faults}))
        self.faults = tuple(faults)


def save_page(
    db: Session, answers: Answers, page: str, typed: Mapping[str, Any], *, version: int, who: Who,
    cleared: Collection[str] = (), page_id: str = "",
) -> list[str]:  # fmt: skip
    """Keep what was typed on one page; answers the names of the fields that changed.

    `version` is that of the page, and `page_id` tells pages apart that were opened at different times or places. Raises
    Outdated when another page changed one of these fields meanwhile, and Locked; what the same page saved before is no
    quarrel, for the answer that told it the newer version may be lost. A personal field left empty keeps what is
    stored, since no page shows it whole; `cleared` empties it.
    """
    require(who, Verb.ANSWER)
    part = claim(db, answers)
    before = answers.values
    after = _merged(answers, page, typed, cleared)
    changed = [name for name, value in after.items() if (before.get(name) or "") != (value or "")]
    clashing = {
        name: part.values[name]
        for name in changed
        if part.values.get(name) and _is_of_another_page(part, name, version, page_id)
    }
    if clashing:
        raise Outdated(clashing)
    if not changed:
        return []
    logged_lately = part.saved_at is not None and part.saved_at > clock.now() - _LOGGED_AGAIN
    if not logged_lately or part.saved_by != who.name:
        activity.record(db, who, "onboarding.save", answers.onboarding, detail={"part": part.key})
    part.values = {**before, **after}
    note_saved(part, who)
    part.changes = {**part.changes, **dict.fromkeys(changed, (part.version, page_id))}
    db.flush()
    return changed


def hand_in(db: Session, answers: Answers, *, version: int, who: Who) -> None:
    """Give a part to the provider; raises NotComplete, and Outdated when it is not what the page showed any more."""
    require(who, Verb.ANSWER)
    part = claim(db, answers)
    if version != part.version:
        raise Outdated({})
    if faults := [*answers.faults(), *answers.gaps()]:
        raise NotComplete(faults)
    values = answers.values
    part.values = {ask.name: values[ask.name] for ask in answers.asks() if values.get(ask.name)}
    names = {ask.name for ask in answers.asks()}
    unused = [file_id for name, ids in part.files.items() if name not in names for file_id in ids]
    part.files = {name: ids for name, ids in part.files.items() if name in names}
    part.status, part.handed_in_at, part.handed_in_by = PartStatus.HANDED_IN, clock.now(), who.name
    part.version += 1
    db.flush()
    forget_files(db, unused)
    activity.record(db, who, "onboarding.hand_in", answers.onboarding, detail={"part": part.key})


def reveal(db: Session, answers: Answers, *, who: Who) -> dict[str, Any]:
    """All values whole, for a person who has to see them; the activity log keeps who looked."""
    require(who, Verb.ANSWER)
    activity.record(db, who, "onboarding.personal.view", answers.onboarding, detail={"part": answers.part.key})
    return answers.values


def shown(ask: Ask, values: Mapping[str, Any], *, whole: bool = False) -> str:
    """What a field holds, in words; personal data masked unless `whole`."""
    value = values.get(ask.name)
    if ask.kind is Kind.LIST:
        return "、".join(ask.words(one) for one in value or ())
    if ask.kind is Kind.YES_NO:
        return ask.words(value or "yes")
    if not value:
        return ""
    if ask.kind is Kind.CHOICE:
        return ask.words(str(value))
    if ask.personal and not whole:
        return masked_certification("contact_email", value) if ask.kind is Kind.EMAIL else masked_text(str(value))
    return str(value)


def note_saved(part: OnboardingPart, who: Who) -> None:
    """Count a saving, so that pages opened before it know."""
    part.version += 1
    part.saved_at, part.saved_by = clock.now(), who.name


def forget_files(db: Session, file_ids: Iterable[str]) -> None:
    """Drop files that no field has any more."""
    for file_id in file_ids:
        with suppress(NotFound):
            drop_file(db, load_file(db, UUID(file_id)))


def claim(db: Session, answers: Answers) -> OnboardingPart:
    """The part for one who changes it: whoever comes at the same time waits, also who would close it all."""
    db.refresh(answers.onboarding, with_for_update={"read": True})
    db.refresh(answers.part, with_for_update=True)
    if not answers.is_open:
        raise Locked()
    return answers.part


def _is_of_another_page(part: OnboardingPart, name: str, version: int, page_id: str) -> bool:
    """Whether another page changed this field since this one knew it."""
    changed_at, changed_by = part.changes.get(name, (0, ""))  # what was known from elsewhere nobody changed
    return changed_at > version and not (page_id and changed_by == page_id)


def _merged(answers: Answers, page: str, typed: Mapping[str, Any], cleared: Collection[str]) -> dict[str, Any]:
    """The values of one page after it was filled in. Choices are typed, too, and decide which fields there are."""
    stored = answers.values
    merged: dict[str, Any] = {}
    fields = {ask.name: ask for ask in answers.asks(page)}
    fields |= {ask.name: ask for ask in answers.asks(page, {**stored, **typed})}
    for name, ask in fields.items():
        if ask.is_file or (name not in typed and name not in cleared):
            continue
        value = typed.get(name, "")
        if ask.kind is Kind.LIST:
            value = [str(one)[:LONGEST] for one in value if one][: ask.most]
        else:
            value = answers.form.tidy(name, str(value))
            if len(value) > LONGEST:
                raise Invalid(N_("不能超过 %(most)d 个字"), field=name, most=LONGEST)
            if not value and ask.personal and name not in cleared:
                continue
        merged[name] = value
    return merged
