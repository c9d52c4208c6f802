"""Through whom a component app asks WeChat for what is its own, but is only told through a mini program."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from saas.components.models import ComponentApp
from saas.programs.models import AuthorizationStatus, Program
from saas.programs.shutting import OF_ACCOUNT
from saas.wx.permissions import DEVELOPMENT

_ENOUGH = 20


def who_may_ask(db: Session, component: ComponentApp) -> list[str]:
    """Appids whose merchants let us manage their code and whose accounts WeChat does not hold, newest first."""
    query = (
        select(Program.appid)
        .where(
            Program.component_id == component.id, Program.authorization == AuthorizationStatus.AUTHORIZED,
            Program.permission_sets.contains([DEVELOPMENT]),
            ~func.coalesce(Program.account_status.in_(tuple(OF_ACCOUNT)), False),
        )
        .order_by(Program.id.desc())
        .limit(_ENOUGH)
    )  # fmt: skip
    return list(db.scalars(query))
