"""What a resubmission says differently from the last one: the same for many mini programs, each keeping the rest.

It travels in the params of batch items and in the rows of trains, so it is plain JSON there; files are stored before.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from uuid import UUID

from sqlalchemy import column, func, select, true
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from saas.releases.models import CodeState
from saas.releases.previews import Files, Kept, keep_feedback, keep_previews
from saas.releases.submissions import Item, Submission, Ugc, category_key, category_name
from saas.tenants.access import Who

_MOST_CATEGORIES = 50


@dataclass(frozen=True)
class Changes:
    """What is empty stays as it was. The page's parts (`category` to `tag`) change the first page that is named to the
    reviewers, the category where a mini program has it; `files` take the place of the earlier pictures and video.
    `releases_itself` is a train's own affair.
    """

    version_desc: str = ""
    feedback: str = ""
    feedback_files: Kept = field(default_factory=list)
    files: Kept = field(default_factory=list)
    category: str = ""
    address: str = ""
    title: str = ""
    tag: str = ""
    order_path: str = ""
    privacy_not_used: bool = False
    ugc: Mapping[str, Any] | None = None
    releases_itself: bool = False

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Changes:
        return cls(**stored)

    def stored(self) -> dict[str, Any]:
        """As JSON, without what is empty."""
        return {name: value for name, value in asdict(self).items() if value}

    def applied(self, submission: Submission, categories: Collection[str]) -> Submission:
        """The submission of one mini program, which has these categories (by key), with these changes."""
        given: dict[str, Any] = {
            "version_desc": self.version_desc, "feedback": self.feedback, "order_path": self.order_path,
            "kept_files": self.files, "kept_feedback_files": self.feedback_files,
            "privacy_not_used": self.privacy_not_used, "releases_itself": self.releases_itself,
            "ugc": Ugc(**self.ugc) if self.ugc else None, "items": self._items(submission.items, categories),
        }  # fmt: skip
        return replace(submission, **{name: value for name, value in given.items() if value})

    def _items(self, items: Sequence[Item], categories: Collection[str]) -> list[Item]:
        category = self.category if self.category in categories else ""
        named = {"category": category, "address": self.address, "title": self.title, "tag": self.tag}
        given = {name: value for name, value in named.items() if value}
        return [replace(items[0], **given), *items[1:]] if items else [Item(**{"category": "", **given})]


def categories_of(db: Session, program_ids: Collection[UUID]) -> list[tuple[str, str, int]]:
    """The categories that submissions of these mini programs may name: key, name, and how many have it; one query."""
    one = func.jsonb_array_elements(CodeState.categories).table_valued(column("value", JSONB))
    names = ("first_id", "second_id", "third_id", "first_class", "second_class", "third_class")
    columns = [one.c.value[name].astext.label(name) for name in names]
    query = select(*columns, func.count().label("programs")).select_from(CodeState).join(one, true())
    query = query.where(CodeState.program_id.in_(program_ids)).group_by(*columns)
    rows = db.execute(query.order_by(func.count().desc()).limit(_MOST_CATEGORIES)).all()
    found = [(dict(zip(names, row, strict=False)), row.programs) for row in rows]
    return [(category_key(named), category_name(named), count) for named, count in found]


def with_files(db: Session, changes: Changes, *, who: Who, files: Files, feedback_files: Files) -> Changes:
    """The changes with files that were just sent in, stored once for all; raises Invalid at `files` or
    `feedback_files`."""
    return replace(
        changes, files=keep_previews(db, who.provider_id, files),
        feedback_files=keep_feedback(db, who.provider_id, feedback_files),
    )  # fmt: skip
