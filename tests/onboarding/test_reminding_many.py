"""A selection's merchants are reminded of what waits for them, all of it or one kind, and not twice within the hour."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from saas import clock
from saas.batches.models import BatchItem, ItemStatus
from saas.batches.starting import Subject, start_batch
from saas.errors import Invalid
from saas.onboarding import reminding
from saas.onboarding.reminding_many import REMIND, about
from saas.programs.filing_models import FilingStatus
from tests.cast import Cast
from tests.onboarding.scenes import Scene, scene  # noqa: F401
from tests.onboarding.test_reminding import at_noon  # noqa: F401

HOUR = 3600
Run = Callable[..., list[str]]


@pytest.fixture
def ask(at_noon: Scene, cast: Cast, run_jobs: Run) -> Callable[..., BatchItem]:  # noqa: F811
    def start(kind: str = "") -> BatchItem:
        with at_noon.session() as db:
            subject = Subject(at_noon.program_id, "梅记茶铺")
            start_batch(db, REMIND, [subject], who=cast.who["max"], params=about(kind))
        run_jobs()
        with at_noon.session() as db:
            return db.scalars(select(BatchItem).order_by(BatchItem.id.desc())).first()  # type: ignore[return-value]

    return start


def test_they_are_reminded_once_an_hour_in_the_name_of_who_asked(
    at_noon: Scene, ask: Callable[..., BatchItem], move_clock: Callable[[float], None]  # noqa: F811
) -> None:  # fmt: skip
    item = ask()
    assert (item.status, item.error) == (ItemStatus.SKIPPED, "现在没有等商家处理的事，不用提醒")
    at_noon.file(FilingStatus.FACE, due_at=clock.now() + timedelta(hours=90), face_asked_at=clock.now())
    item = ask()
    assert (item.status, item.result) == (ItemStatus.DONE, {"sent": 2})
    assert (ask().status, ask().error) == (ItemStatus.SKIPPED, "1 小时内已经提醒过，请稍后再提醒")
    move_clock(HOUR + 1)
    assert ask("face").result == {"sent": 2}
    with at_noon.session() as db:
        sent = reminding.list_reminders(db, at_noon.program(db))
        assert [(row.step, row.sent_by) for row in sent] == [("face", "Max")] * 2


def test_they_may_be_reminded_of_one_kind_of_thing_only(
    at_noon: Scene, ask: Callable[..., BatchItem]  # noqa: F811
) -> None:  # fmt: skip
    at_noon.file(FilingStatus.FACE, due_at=clock.now() + timedelta(hours=90), face_asked_at=clock.now())
    assert ask("authorize").status == ItemStatus.SKIPPED
    assert ask("face").status == ItemStatus.DONE
    with pytest.raises(Invalid):
        about("anything")
