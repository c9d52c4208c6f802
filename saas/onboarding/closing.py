"""Closing what is asked of a merchant once its mini program is hers no more."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas import clock
from saas.errors import N_
from saas.onboarding.access import is_of_its_merchant
from saas.onboarding.models import Onboarding
from saas.onboarding.notices import tell
from saas.tenants import activity
from saas.tenants.access import system
from saas.tenants.merchants import load_merchant

_TITLE = N_("有一份资料不用再填了")
_TEXT = N_("对应的小程序已不在您的名下。有疑问请联系服务商。")


def close_moved(db: Session, program_ids: Collection[UUID]) -> int:
    """Close what is still asked about these mini programs of a merchant who has them no more; says how many.

    She learns that nothing is wanted of her, and nothing about who has the mini program now.
    """
    query = select(Onboarding).where(
        Onboarding.program_id.in_(program_ids), Onboarding.closed_at.is_(None), ~is_of_its_merchant()
    )
    moved = db.scalars(query.with_for_update(of=Onboarding).execution_options(populate_existing=True)).all()
    for one in moved:
        one.closed_at = clock.now()
        activity.record(db, system(one.provider_id), "onboarding.close", load_merchant(db, one.merchant_id))
        tell(
            db, one.provider_id, one.merchant_id, kind="onboarding.closed", key=f"onboarding:{one.id}",
            detail={"title": _TITLE, "text": _TEXT},
        )  # fmt: skip
    db.flush()
    return len(moved)
