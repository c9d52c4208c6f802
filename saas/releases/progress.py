"""How far a provider has come on the way from an empty console to the first released mini program."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ScalarSelect, func, select
from sqlalchemy.orm import Session

from saas.components.models import ComponentApp
from saas.programs.models import AuthorizationStatus, Program
from saas.releases.models import CodeState, Template
from saas.tenants.models import Merchant


@dataclass(frozen=True)
class Road:
    """Counts of one provider; each is also a station that has been reached once it is above zero."""

    components: int
    components_ready: int
    templates: int
    merchants: int
    programs: int
    programs_authorized: int
    programs_online: int

    @property
    def finished(self) -> bool:
        return self.programs_online > 0


def road(db: Session) -> Road:
    """One query, whatever the size of the fleet's parts."""

    def count(query: object) -> ScalarSelect[int]:
        return query.scalar_subquery()  # type: ignore[attr-defined, no-any-return]

    row = db.execute(
        select(
            count(select(func.count()).select_from(ComponentApp)),
            count(select(func.count()).select_from(ComponentApp).where(ComponentApp.last_token_at.is_not(None))),
            count(select(func.count()).select_from(Template).where(Template.gone_at.is_(None))),
            count(select(func.count()).select_from(Merchant).where(Merchant.archived_at.is_(None))),
            count(select(func.count()).select_from(Program)),
            count(
                select(func.count())
                .select_from(Program)
                .where(Program.authorization == AuthorizationStatus.AUTHORIZED.value)
            ),
            count(select(func.count()).select_from(CodeState).where(CodeState.online_version != "")),
        )
    ).one()
    return Road(*row)
