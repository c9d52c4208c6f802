"""Reminding the merchants of many mini programs: the step of a batch."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from saas import clock
from saas.batches.models import BatchItem
from saas.batches.steps import Skipped, step
from saas.errors import N_, Invalid
from saas.onboarding.reminding import HAND_PAUSE, active_of, last_reminded, remind_by_hand
from saas.onboarding.waiting import Kind
from saas.programs.access import load_program

REMIND = "saas.onboarding.reminding_many.remind"


def about(kind: str) -> dict[str, Any]:
    """The params: of one kind of thing that waits, or "" for whatever does; raises Invalid."""
    if kind and kind not in set(Kind):
        raise Invalid(N_("请选择列出的选项"), field="about")
    return {"kind": kind}


@step(label=N_("提醒商家"))
def remind(db: Session, item: BatchItem) -> dict[str, Any]:
    """Remind of what waits now, as by hand; whoever was reminded within the hour is left alone. Takes `kind`."""
    program, wanted = load_program(db, item.subject_id), item.input.get("kind", "")
    waiting = next((one for one in active_of(db, program) if wanted in ("", one.kind)), None)
    if waiting is None:
        raise Skipped(N_("现在没有等商家处理的事，不用提醒"))
    if (last := last_reminded(db, program)) is not None and last > clock.now() - HAND_PAUSE:
        raise Skipped(N_("1 小时内已经提醒过，请稍后再提醒"))
    return {"sent": remind_by_hand(db, program, who=item.starter, kind=waiting.kind)}
