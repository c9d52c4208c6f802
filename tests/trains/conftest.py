"""Alice's component app with a template and some authorized mini programs; WeChat's part is written by the tests."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from saas import clock
from saas.components.models import ComponentApp
from saas.db import new_id, tenant_session
from saas.programs.models import Program
from saas.releases.models import Template
from saas.tenants.access import Who
from saas.trains.access import load_train
from saas.trains.models import Train, TrainProgram, TrainStep, TrainWave
from saas.trains.planning import Options, plan_train
from tests.cast import Cast


@dataclass
class Yard:
    """What the tests do, each step in a transaction of its own as a request or a job would."""

    cast: Cast
    component_id: UUID
    template_id: UUID

    @property
    def alice(self) -> Who:
        return self.cast.who["alice"]

    def session(self) -> AbstractContextManager[Session]:
        return tenant_session(self.cast.alices)

    def programs(self, count: int, **values: Any) -> list[UUID]:
        """New mini programs, authorized unless told otherwise."""
        rows = []
        for _ in range(count):
            program_id = new_id()
            given = {"component_id": self.component_id, "name": f"小程序{len(rows)}", **values}
            given.setdefault("appid", f"wx{program_id.hex[-16:]}")
            given.setdefault("authorized_at", clock.now())
            rows.append(Program(id=program_id, provider_id=self.cast.alices, **given))
        with self.session() as db:
            db.add_all(rows)
        return [row.id for row in rows]

    def template(self, **changes: Any) -> Template:
        with self.session() as db:
            row = db.get_one(Template, self.template_id)
            for name, value in changes.items():
                setattr(row, name, value)
            return row

    def component(self, **changes: Any) -> ComponentApp:
        with self.session() as db:
            row = db.get_one(ComponentApp, self.component_id)
            for name, value in changes.items():
                setattr(row, name, value)
            return row

    def plan(self, program_ids: list[UUID], *, who: str = "alice", **options: Any) -> Train:
        with self.session() as db:
            template = db.get_one(Template, self.template_id)
            return plan_train(db, template, program_ids, who=self.cast.who[who], options=Options(**options))

    def train(self, train: Train) -> Train:
        with self.session() as db:
            return load_train(db, train.id)

    def rows(self, train: Train) -> list[TrainProgram]:
        return self._of(train, TrainProgram, TrainProgram.id)

    def waves(self, train: Train) -> list[TrainWave]:
        return self._of(train, TrainWave, TrainWave.number)

    def steps(self, train: Train) -> list[TrainStep]:
        return self._of(train, TrainStep, TrainStep.id)

    def _of(self, train: Train, kind: Any, order: Any) -> list[Any]:
        with self.session() as db:
            return list(db.query(kind).filter(kind.train_id == train.id).order_by(order))


@pytest.fixture
def yard(cast: Cast) -> Yard:
    component_id, template_id = new_id(), new_id()
    with tenant_session(cast.alices) as db:
        component = ComponentApp(
            id=component_id, provider_id=cast.alices, key="alicekey", name="爱丽平台", appid="wxcomponent"
        )
        component.audit_quota_rest, component.audit_quota_limit = 1000, 1000
        component.quota_read_at = clock.now()
        db.add(component)
        db.flush()
        db.add(
            Template(
                id=template_id, provider_id=cast.alices, component_id=component_id, template_id="7",
                user_version="2.0.0", description="新版点单", ext_json="{}",
            )
        )  # fmt: skip
    return Yard(cast, component_id, template_id)
