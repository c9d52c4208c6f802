"""Whether one provider's train of thousands keeps another provider waiting for a single upload.

In one run: the second provider uploads the same mini program again and again, first while nothing else goes on, then
while the first provider's train is on its way. The sandbox takes as long for every call as WeChat does.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from sqlalchemy import func, select

from bench.stage import Measured, summed_up
from bench.table import Figure
from saas import db as database
from saas.batches.models import BatchItem, ItemStatus
from saas.components.access import load_component
from saas.components.models import ComponentApp, ComponentStatus
from saas.components.setup import add_component, addresses
from saas.programs.access import load_program
from saas.releases import templates
from saas.releases.access import load_upload
from saas.releases.models import UploadStatus
from saas.releases.uploads import start_upload
from saas.sandbox.control import SandboxControl
from saas.tenants import providers
from saas.tenants.access import Who
from saas.tenants.models import Role, User
from saas.trains.models import OpensAfter, TrainStatus
from tests.demo.running import RunningDemo, beside, until
from tests.soak.fleet import Fleet

_TRAIN = int(os.environ.get("BENCH_NEIGHBOUR", "5000"))
_IDLE, _BUSY = 8, 16
_MOST = 2.0
_LATENCY_MS = 150
_RATE = 200


class _Neighbour(Fleet):
    """Another provider with a component app of its own."""

    def _connect(self) -> None:
        with database.platform_session("make a second provider for the bench") as db:
            user = db.scalars(select(User).where(User.email == "alice@example.com")).one()
            self.slug = "bench-neighbour"
            self.provider_id: UUID = providers.create_provider(db, user, "隔壁", self.slug).id
        self.who = Who(self.provider_id, "Alice", user.id, role=Role.OWNER)
        made = self.control.create_component(name="隔壁")
        self.component_appid = made["appid"]

        def add(db: object) -> ComponentApp:
            return add_component(
                db, who=self.who, name="隔壁", appid=made["appid"], secret=made["secret"], token=made["token"],
                aes_key=made["aes_key"],
            )  # type: ignore[arg-type] # fmt: skip

        component = self.within(add)
        self.component_id = component.id
        given = addresses(component)
        self.control.change_component(
            made["appid"], events_url=given.events_url, messages_url=given.messages_url, start_domain=given.domain,
            ip_whitelist=given.exit_ips,
        )  # fmt: skip
        self.control.push_ticket(made["appid"])
        until(
            lambda: self.within(lambda db: load_component(db, self.component_id).status == ComponentStatus.READY),
            what="the neighbour's component app",
        )

    def upload(self) -> float:
        """Seconds from the click to a scanned trial version."""
        begun = time.perf_counter()
        with database.tenant_session(self.provider_id) as db:
            program = load_program(db, self.program_ids[0])
            template = next(
                one for one in templates.list_templates(db, self.component_id) if one.id == self.template_id
            )
            upload_id = start_upload(
                db, program, template, who=self.who, user_version="1.0.0", description="bench"
            ).id  # fmt: skip
        while True:
            with database.tenant_session(self.provider_id) as db:
                upload = load_upload(db, upload_id)
            assert upload.status != UploadStatus.FAILED, upload.error
            if upload.status in (UploadStatus.READY, UploadStatus.SUPERSEDED):
                return time.perf_counter() - begun
            time.sleep(0.01)


def measure(folder: Path) -> Iterator[Figure | Measured]:
    settings = {"DAIBAN_WECHAT_CALLS_PER_SECOND": str(_RATE), "SANDBOX_LATENCY_MS": str(_LATENCY_MS)}
    with (
        RunningDemo(folder / "neighbours", DAIBAN_LOG_JSON="true", **settings) as demo,
        beside(demo),
        SandboxControl(demo.sandbox_url) as control,
    ):
        control.set_scan_seconds(0)
        control.set_commit_seconds(0)
        fleet = Fleet(demo, control, _TRAIN, version="2.0.0")
        neighbour = _Neighbour(demo, control, 1, version="1.0.0")
        neighbour.upload()
        idle = [neighbour.upload() for _ in range(_IDLE)]
        train_id = fleet.start_train(description="新版", releases_itself=True, opens_after=OpensAfter.SUBMITTED)
        until(lambda: _under_way(fleet) > 0, 120, "the train's first steps")
        before, begun = _calls(fleet), time.perf_counter()
        busy = [neighbour.upload() for _ in range(_BUSY)]
        made, took = _calls(fleet) - before, time.perf_counter() - begun
        assert fleet.train(train_id).status == TrainStatus.RUNNING, "the train was over before the uploads"
    yield summed_up("a single upload while nothing else goes on", idle, sum(idle))
    yield summed_up(f"a single upload beside another provider's train of {_TRAIN:,}", busy, sum(busy))
    ratio = statistics.median(busy) / statistics.median(idle)
    what = f"upload beside a train of {_TRAIN:,}: times its idle time"
    yield Figure("neighbours", what, ratio, at_most=_MOST)
    yield Figure("neighbours", "calls a second that the train made meanwhile", made / took, at_least=1)


def _under_way(fleet: Fleet) -> int:
    begun = BatchItem.status.in_((ItemStatus.RUNNING, ItemStatus.WAITING))
    with database.tenant_session(fleet.provider_id) as db:
        return db.scalar(select(func.count()).select_from(BatchItem).where(begun)) or 0


def _calls(fleet: Fleet) -> int:
    return sum(fleet.control.counts(component_appid=fleet.component_appid).values())
