"""Alice's component app with a template and some authorized mini programs; WeChat's part is written by the tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from saas import clock
from saas.batches.models import OPEN, BatchItem, ItemStatus
from saas.components.models import ComponentApp
from saas.db import new_id, tenant_session
from saas.programs.models import Program
from saas.queue import Later
from saas.releases.audits import note_answer
from saas.releases.models import (
    Audit,
    AuditStatus,
    CodeState,
    Release,
    ReleaseStatus,
    Template,
    Upload,
    UploadStatus,
)
from saas.tenants.access import Who
from saas.trains import steering
from saas.trains.access import load_train
from saas.trains.conducting import conduct
from saas.trains.models import Train, TrainProgram, TrainStep, TrainStepName, TrainWave
from saas.trains.planning import Options, plan_train
from saas.wx.reasons import reason_key
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

    def programs(self, count: int, online: str = "", **values: Any) -> list[UUID]:
        """New mini programs, authorized unless told otherwise."""
        rows = []
        for _ in range(count):
            program_id = new_id()
            given = {"component_id": self.component_id, "name": f"小程序{len(rows)}", **values}
            given.setdefault("appid", f"wx{program_id.hex[-16:]}")
            given.setdefault("authorized_at", clock.now())
            rows.append(Program(id=program_id, provider_id=self.cast.alices, **given))
        state: dict[str, Any] = {"categories": [{"first_id": 1}], "categories_read_at": clock.now()}
        state |= {"online_version": online, "online_at": clock.now() if online else None}
        own = {"provider_id": self.cast.alices}
        with self.session() as db:
            db.add_all(rows)
            db.flush()
            db.add_all([CodeState(**own, program_id=row.id, **state) for row in rows if row.appid])
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

    def plan(
        self, program_ids: list[UUID], *, who: str = "alice", canary: list[UUID] | None = None, **options: Any
    ) -> Train:  # fmt: skip
        with self.session() as db:
            template, planner = db.get_one(Template, self.template_id), self.cast.who[who]
            return plan_train(db, template, program_ids, who=planner, options=Options(**options), canary=canary)

    def running(self, count: int, *, online: str = "", **options: Any) -> Train:
        """A train that has set off."""
        train = self.plan(self.programs(count, online), **options)
        self.steer(steering.start, train)
        return train

    def steer(self, service: Callable[..., Any], train: Train, *given: Any, who: str = "alice", **options: Any) -> Any:
        """A service that steers, as a request would call it."""
        with self.session() as db:
            here = [db.get_one(type(one), one.id) for one in given]
            return service(db, load_train(db, train.id), *here, who=self.cast.who[who], **options)

    def conduct(self, train: Train, passes: int = 1) -> timedelta | None:
        """Passes of the conductor; answers after how long it wants to come back, None when never."""
        pause = None
        for _ in range(passes):
            with self.session() as db:
                pause = None
                try:
                    conduct(db, load_train(db, train.id))
                except Later as later:
                    pause = later.delay
        return pause

    def items(self, train: Train, step: str) -> list[BatchItem]:
        """The items of one of its steps that are under way."""
        with self.session() as db:
            query = db.query(BatchItem).join(TrainStep, TrainStep.item_id == BatchItem.id)
            query = query.filter(TrainStep.train_id == train.id, TrainStep.step == step, BatchItem.status.in_(OPEN))
            return query.order_by(BatchItem.id).all()

    def end(self, train: Train, step: str, *, only: int | None = None, **failure: Any) -> int:
        """End the items of a step as the pump would: well, or failed with what is given. Answers how many."""
        items = self.items(train, step)[:only]
        for item in items:
            with self.session() as db:
                row = db.get_one(BatchItem, item.id)
                row.attempt, row.started_at, row.finished_at = 1, clock.now(), clock.now()
                row.status = ItemStatus.FAILED if failure else ItemStatus.DONE
                for name, value in failure.items():
                    setattr(row, name, value)
                if not failure:
                    row.result = self._row(db, row, train, step)
        return len(items)

    def _row(self, db: Session, item: BatchItem, train: Train, step: str) -> dict[str, str]:
        """What a step that went well leaves behind."""
        own = {"id": new_id(), "provider_id": item.provider_id, "program_id": item.subject_id, "sent_at": clock.now()}
        now, version, made = clock.now(), train.user_version, None
        if step == TrainStepName.UPLOAD:
            made = Upload(
                **own, template_row_id=self.template_id, template_id="7", user_version=version, ext_json="{}",
                status=UploadStatus.READY, committed_at=now, scanned_at=now,
            )  # fmt: skip
        elif step == TrainStepName.SUBMIT:
            made = Audit(
                **own, upload_id=UUID(item.input["upload"]), user_version=version, auditid=str(own["id"].int),
                status=AuditStatus.IN_REVIEW, submitted_at=now,
            )  # fmt: skip
        elif step in (TrainStepName.RELEASE, TrainStepName.ROLL_BACK):
            state = db.query(CodeState).filter(CodeState.program_id == item.subject_id).one()
            going = item.input.get("version", version)
            made = Release(
                **own, user_version=going, from_version=state.online_version, status=ReleaseStatus.DONE,
                audit_id=UUID(item.input["audit"]) if step == TrainStepName.RELEASE else None,
            )  # fmt: skip
            state.online_version, state.online_at = going, now
        if made is None:
            return {}
        db.add(made)
        return {"row": str(made.id)}

    def decide(self, train: Train, status: AuditStatus = AuditStatus.APPROVED, *, only: int | None = None) -> int:
        """The reviewers decide about audits of the train that are open; answers how many."""
        with self.session() as db:
            query = db.query(Audit).join(TrainProgram, TrainProgram.audit_id == Audit.id)
            rows = query.filter(TrainProgram.train_id == train.id, Audit.status == AuditStatus.IN_REVIEW)
            audits = rows.order_by(TrainProgram.id).limit(only).all()
            for audit in audits:
                audit.status, audit.decided_at = status, clock.now()
                audit.reason = "首页打不开" if status == AuditStatus.REJECTED else ""
                audit.reason_key = reason_key(audit.reason) if audit.reason else ""
            return len(audits)

    def rejected(self, count: int, reason: str = "首页打不开", version: str = "1.0.0", **values: Any) -> list[UUID]:
        """Mini programs whose code was uploaded, submitted, and refused for that reason, without a train."""
        ids = self.programs(count, **values)
        for program_id in ids:
            self.refuse(program_id, reason, version)
        return ids

    def refuse(self, program_id: UUID, reason: str, version: str = "1.0.0", **answer: Any) -> UUID:
        """The reviewers refuse a new upload and submission of it; answers the audit."""
        own = {"provider_id": self.cast.alices, "program_id": program_id, "user_version": version}
        upload_id, audit_id, now = new_id(), new_id(), clock.now()
        with self.session() as db:
            for row in db.query(Upload).filter(Upload.program_id == program_id, Upload.status == UploadStatus.READY):
                row.status = UploadStatus.SUPERSEDED
            db.add(
                Upload(
                    **own, id=upload_id, template_row_id=self.template_id, template_id="7", ext_json="{}",
                    status=UploadStatus.READY, committed_at=now, scanned_at=now, pages=["pages/index/index"],
                )
            )  # fmt: skip
            db.flush()
            page = {"first_id": 1, "address": "pages/index/index"}
            request = {"item_list": [page], "version_desc": f"{version} 的说明"}
            audit = Audit(
                **own, id=audit_id, upload_id=upload_id, auditid=str(audit_id.int), status=AuditStatus.IN_REVIEW,
                submitted_at=now, request=request,
            )  # fmt: skip
            db.add(audit)
            db.flush()
            note_answer(db, audit, {"status": 1, "reason": reason, **answer})
        return audit_id

    def to_review(self, train: Train) -> None:
        """What has set off gets as far as the reviewers."""
        self.conduct(train, 2)
        self.end(train, "upload")
        self.conduct(train)
        self.end(train, "submit")
        self.conduct(train)

    def states(self, train: Train) -> Counter[tuple[str, str]]:
        return Counter((row.step, row.state) for row in self.rows(train))

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
