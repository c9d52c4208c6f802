"""A mini program of mei's, and rows that wait for her side, without any WeChat."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from saas import clock
from saas.components.models import ComponentApp, ComponentStatus
from saas.db import tenant_session
from saas.onboarding.waiting import Waiting, waitings_of
from saas.programs.access import load_program
from saas.programs.filing_models import Filing, FilingStatus
from saas.programs.models import Program
from saas.programs.registration_models import Registration, RegistrationStatus
from tests.cast import Cast

__all__ = ["Scene", "scene"]
_COMPANY = {"name": "梅记餐饮有限公司", "company_code": "91350100M000100Y43", "component_phone": "020-12345678"}


@dataclass
class Scene:
    """Rows are written as parts of the program would leave them."""

    cast: Cast
    component_id: UUID
    program_id: UUID

    @property
    def own(self) -> dict[str, UUID]:
        return {"provider_id": self.cast.alices, "program_id": self.program_id}

    def session(self) -> AbstractContextManager[Session]:
        return tenant_session(self.cast.alices)

    def program(self, db: Session) -> Program:
        return load_program(db, self.program_id)

    def waitings(self, program_id: UUID | None = None) -> list[Waiting]:
        with self.session() as db:
            return waitings_of(db, load_program(db, program_id or self.program_id))

    def change(self, model: Any, **values: Any) -> None:
        """Change the mini program's only row of this kind."""
        with self.session() as db:
            db.execute(update(model).where(model.program_id == self.program_id).values(**values))

    def file(self, status: FilingStatus, *, values: dict[str, str] | None = None, **more: Any) -> None:
        """A filing that stands so since now, or as `more` says."""
        with self.session() as db:
            filing = db.scalar(select(Filing).where(Filing.program_id == self.program_id))
            if filing is None:
                filing = Filing(**self.own)
                db.add(filing)
            filing.status, filing.moved_at = status, clock.now()
            filing.values = values or {}
            for name, value in more.items():
                setattr(filing, name, value)

    def register(self, *, status: RegistrationStatus = RegistrationStatus.WAITING_PERSON) -> UUID:
        """A registration without a mini program, whose link was made now."""
        with self.session() as db:
            row = Registration(
                provider_id=self.cast.alices, kind="enterprise", component_id=self.component_id,
                merchant_id=self.cast.meis, status=status, sent_at=clock.now(), link="https://mp.weixin.qq.com/x",
                expires_at=clock.now() + timedelta(hours=24), **_COMPANY,
            )  # fmt: skip
            if status is RegistrationStatus.EXPIRED:
                row.finished_at = clock.now()
            db.add(row)
        return row.id

    def prepare(self, case_id: UUID) -> UUID:
        """A mini program without an appid that this registration makes."""
        with self.session() as db:
            row = Program(
                provider_id=self.cast.alices, component_id=self.component_id, merchant_id=self.cast.meis, appid="",
                name="梅记二店",
            )  # fmt: skip
            db.add(row)
            db.flush()
            db.execute(update(Registration).where(Registration.id == case_id).values(program_id=row.id))
        return row.id


@pytest.fixture
def scene(cast: Cast) -> Scene:
    with tenant_session(cast.alices) as db:
        component = ComponentApp(
            provider_id=cast.alices, key="k", name="爱丽平台", appid="wx8a2b1c3d4e5f6071", status=ComponentStatus.READY
        )
        db.add(component)
        db.flush()
        program = Program(
            provider_id=cast.alices, component_id=component.id, merchant_id=cast.meis, appid="wx0000000000000001",
            name="梅记点单", permission_sets=[18, 30], authorized_at=clock.now(),
        )  # fmt: skip
        db.add(program)
    return Scene(cast, component.id, program.id)
