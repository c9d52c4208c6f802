"""A provider's fleet in a running demo, and how to plan and steer trains beside it, whatever breaks meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from saas import db as database
from saas.components.access import load_component
from saas.components.fleet import start_import
from saas.components.models import ComponentApp, ComponentStatus
from saas.programs.models import Program
from saas.releases import templates
from saas.sandbox.control import SandboxControl
from saas.tenants.access import Who
from saas.tenants.models import Membership, Provider, Role
from saas.trains import steering
from saas.trains.access import load_train
from saas.trains.models import Train
from saas.trains.planning import Options, plan_train
from tests.demo.running import RunningDemo, until

T = TypeVar("T")
_DATABASE_BACK = 90.0


class Fleet:
    """The demo's seeded provider with so many mini programs more, and a template for them."""

    def __init__(self, demo: RunningDemo, control: SandboxControl, count: int, *, version: str) -> None:
        self.demo, self.control, self.version = demo, control, version
        self._connect()
        self.appids = control.authorize_fleet(self.component_appid, count)
        control.change_component(self.component_appid, audit_limit=10 * count)
        self.within(lambda db: start_import(db, load_component(db, self.component_id), who=self.who))
        self.program_ids: list[UUID] = until(lambda: self._imported(count), 300, "the import")
        self.template_id = self._make_template()

    def within(self, deed: Callable[[Session], T]) -> T:
        """Do something in a transaction of the provider; again, while the database is away."""
        end = time.monotonic() + _DATABASE_BACK
        while True:
            try:
                with database.tenant_session(self.provider_id) as db:
                    return deed(db)
            except DBAPIError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)

    def start_train(self, **options: Any) -> UUID:
        def plan(db: Session) -> UUID:
            template = next(
                one for one in templates.list_templates(db, self.component_id) if one.id == self.template_id
            )
            train = plan_train(db, template, self.program_ids, who=self.who, options=Options(**options))
            steering.start(db, train, who=self.who)
            return train.id

        return self.within(plan)

    def train(self, train_id: UUID) -> Train:
        return self.within(lambda db: load_train(db, train_id))

    def steer(self, service: Callable[..., Any], train_id: UUID) -> Any:
        return self.within(lambda db: service(db, load_train(db, train_id), who=self.who))

    def _connect(self) -> None:
        with database.platform_session("find the demo's provider") as db:
            component = db.scalars(select(ComponentApp)).one()
            owner = db.scalars(select(Membership).where(Membership.role == Role.OWNER)).one()
            self.slug = db.scalars(select(Provider.slug).where(Provider.id == component.provider_id)).one()
        self.component_id, self.component_appid = component.id, component.appid
        self.provider_id: UUID = component.provider_id
        self.who = Who(self.provider_id, "Alice", owner.user_id, role=Role.OWNER)
        until(
            lambda: self.within(lambda db: load_component(db, self.component_id).status == ComponentStatus.READY),
            what="a component app that works",
        )

    def _imported(self, count: int) -> list[UUID]:
        mine = Program.appid.in_(self.appids)
        found = self.within(lambda db: list(db.scalars(select(Program.id).where(mine))))
        return found if len(found) == count else []

    def _make_template(self) -> UUID:
        self.control.add_draft(self.component_appid, user_version=self.version)
        self.within(lambda db: templates.request_sync(db, load_component(db, self.component_id), who=self.who))

        def draft_id(db: Session) -> str:
            drafts = templates.list_drafts(db, load_component(db, self.component_id))
            return next((one.draft_id for one in drafts if one.user_version == self.version), "")

        draft = until(lambda: self.within(draft_id), what="the draft")
        self.within(lambda db: templates.add_draft(db, load_component(db, self.component_id), draft, who=self.who))

        def template_id(db: Session) -> UUID | None:
            known = templates.list_templates(db, self.component_id)
            return next((one.id for one in known if one.user_version == self.version), None)

        found: UUID = until(lambda: self.within(template_id), what="the template")
        return found
