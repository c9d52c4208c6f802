"""Reminding the merchants of many mini programs of what waits for them; planned again and again it stays bearable."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from saas import clock
from saas.batches.models import BatchItem
from saas.batches.steps import Skipped, step
from saas.errors import N_, Invalid
from saas.onboarding.reminding import active_of, last_reminded, remind_by_hand
from saas.onboarding.waiting import Kind
from saas.programs.access import load_program

REMIND = "saas.onboarding.reminding_many.remind"
PAUSE = timedelta(hours=20)
"""How long after a reminder, also one that went out by itself, nobody is reminded by this: a daily plan may come
somewhat early."""


def about(kind: str) -> dict[str, Any]:
    """The params: of one kind of thing that waits, or "" for whatever does; raises Invalid."""
    if kind and kind not in set(Kind):
        raise Invalid(N_("请选择列出的选项"), field="about")
    return {"kind": kind}


@step(label=N_("提醒商家办理"))
def remind(db: Session, item: BatchItem) -> dict[str, Any]:
    """Needs `kind`; `count` of the result says how many messages went out. A second attempt finds them sent."""
    program, wanted = load_program(db, item.subject_id), item.input["kind"]
    waiting = next((one for one in active_of(db, program) if wanted in ("", one.kind)), None)
    if program.merchant_id is None or waiting is None:
        raise Skipped(N_("现在没有等商家处理的事，不用提醒"))
    last = last_reminded(db, program)
    if last is not None and last > clock.now() - PAUSE:
        raise Skipped(N_("一天内已经提醒过"))
    return {"count": remind_by_hand(db, program, who=item.starter, kind=waiting.kind)}
