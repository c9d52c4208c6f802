"""What waits beside single mini programs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from saas import clock
from saas.agenda import errands
from saas.agenda.errands import Errand, Kind
from saas.batches.access import load_batch
from saas.batches.models import Batch, BatchItem, BatchStatus, ItemStatus
from saas.db import new_id
from saas.errors import Forbidden
from saas.programs.registration_models import Registration, RegistrationStatus
from saas.releases.models import Template
from saas.tenants.models import TaskKind
from saas.tenants.tasks import close_task, open_task
from saas.trains.models import Train, TrainStatus, TrainWave
from tests.agenda.conftest import Fleet


def listed(fleet: Fleet, who: str = "alice") -> list[Errand]:
    with fleet.session() as db:
        return errands.list_errands(db, who=fleet.cast.who[who])


def batch(fleet: Fleet, failed: int, **values: Any) -> Batch:
    """Bulk work that is over."""
    own = {"provider_id": fleet.cast.alices}
    given = {"status": BatchStatus.DONE, "finished_at": clock.now(), "total": 3, **values}
    with fleet.session() as db:
        row = Batch(id=new_id(), **own, step="saas.programs.profile.refresh", lane="bulk", **given)
        db.add(row)
        db.flush()
        for number in range(3):
            status = ItemStatus.FAILED if number < failed else ItemStatus.DONE
            db.add(BatchItem(**own, batch_id=row.id, step=row.step, subject_id=new_id(), status=status))
    return row


def test_faults_come_first_and_lost_authorizations_stand_together(fleet: Fleet) -> None:
    batch(fleet, 2)
    with fleet.session() as db:
        for _ in range(3):
            open_task(db, fleet.cast.alices, TaskKind.REAUTHORIZE, new_id())
        open_task(db, fleet.cast.alices, TaskKind.FIX_SECRET, new_id(), {"name": "爱丽平台"})
    found = listed(fleet)
    assert (found[0].kind, found[0].count) == (Kind.TASK, 1)
    assert {(one.kind, one.count) for one in found[1:]} == {(Kind.REAUTHORIZE, 3), (Kind.BATCH_FAILED, 2)}
    assert found[0].detail["name"] == "爱丽平台"


def test_a_task_goes_when_its_cause_is_gone(fleet: Fleet) -> None:
    subject = new_id()
    with fleet.session() as db:
        open_task(db, fleet.cast.alices, TaskKind.FIX_SECRET, subject)
    assert len(listed(fleet)) == 1
    with fleet.session() as db:
        close_task(db, fleet.cast.alices, TaskKind.FIX_SECRET, subject)
    assert listed(fleet) == []


def test_a_batch_with_failures_stays_until_somebody_is_done_with_it(fleet: Fleet) -> None:
    failed = batch(fleet, 1)
    batch(fleet, 0)
    batch(fleet, 1, status=BatchStatus.RUNNING)
    batch(fleet, 1, finished_at=clock.now() - timedelta(days=15))
    assert [one.subject for one in listed(fleet)] == [failed.id]
    with fleet.session() as db, pytest.raises(Forbidden):
        errands.settle_batch(db, load_batch(db, failed.id), who=fleet.cast.who["bob"])
    for _ in range(2):  # two colleagues at once
        with fleet.session() as db:
            errands.settle_batch(db, load_batch(db, failed.id), who=fleet.alice)
    assert listed(fleet) == []


def test_a_trains_batches_are_the_trains(fleet: Fleet) -> None:
    of_train, own = batch(fleet, 1), {"provider_id": fleet.cast.alices}
    with fleet.session() as db:
        template = Template(
            **own, id=new_id(), component_id=fleet.components[fleet.cast.alices], template_id="7", user_version="1"
        )
        db.add(template)
        db.flush()
        train = Train(
            **own, id=new_id(), component_id=template.component_id, template_row_id=template.id, template_id="7",
            user_version="1", description="", status=TrainStatus.RUNNING,
        )  # fmt: skip
        db.add(train)
        db.flush()
        wave = TrainWave(**own, train_id=train.id, number=1, size=1, opened_at=clock.now())
        wave.batches = {"upload": str(of_train.id)}
        db.add(wave)
    assert listed(fleet) == []


def test_registrations_without_a_mini_program_are_counted(fleet: Fleet) -> None:
    own: dict[str, Any] = {"provider_id": fleet.cast.alices, "merchant_id": fleet.cast.meis}
    own["component_id"] = fleet.components[fleet.cast.alices]
    program = fleet.add()
    with fleet.session() as db:
        for status, of in (("failed", None), ("expired", None), ("failed", program.id), ("done", None)):
            db.add(Registration(**own, kind="enterprise", status=RegistrationStatus(status), program_id=of))
    assert [(one.kind, one.count) for one in listed(fleet)] == [(Kind.REGISTRATIONS, 2)]
