"""How many uploads go from the click to a scanned trial version with its QR code."""

from __future__ import annotations

import time
from collections.abc import Iterator
from uuid import UUID

from sqlalchemy import func, select

from bench.stage import Measured, Stage, summed_up
from saas import db as database
from saas.components.access import load_component
from saas.components.fleet import start_import
from saas.programs.models import Program
from saas.releases import templates
from saas.releases.models import Template, Upload, UploadStatus
from saas.releases.uploads import start_upload
from tests.demo.running import until

_PROGRAMS = 60


def measure(stage: Stage) -> Iterator[Measured]:
    begun = time.perf_counter()
    programs = _import_programs(stage)
    yield summed_up(f"programs imported of {_PROGRAMS}", [time.perf_counter() - begun] * len(programs), _since(begun))
    template_id = _add_template(stage)
    begun = time.perf_counter()
    with database.tenant_session(stage.provider_id) as db:
        for program_id in programs:
            program = db.scalars(select(Program).where(Program.id == program_id)).one()
            template = db.scalars(select(Template).where(Template.id == template_id)).one()
            start_upload(db, program, template, who=stage.who, user_version="9.0.0", description="bench")
    until(lambda: _count(stage, UploadStatus.READY) >= len(programs), 300, "the end of the uploads")
    whole = _since(begun)
    yield summed_up(f"uploads of {len(programs)}, until ready", _times(stage), whole)


def _since(begun: float) -> float:
    return time.perf_counter() - begun


def _import_programs(stage: Stage) -> list[UUID]:
    stage.control.authorize_fleet(stage.appid, _PROGRAMS)
    with database.tenant_session(stage.provider_id) as db:
        start_import(db, load_component(db, stage.component_id), who=stage.who)

    def imported() -> list[UUID]:
        with database.tenant_session(stage.provider_id) as db:
            found = list(db.scalars(select(Program.id)))
            return found if len(found) >= _PROGRAMS else []

    found: list[UUID] = until(imported, 120, "the import")
    return found


def _add_template(stage: Stage) -> UUID:
    stage.control.add_draft(stage.appid, user_version="9.0.0")
    with database.tenant_session(stage.provider_id) as db:
        templates.request_sync(db, load_component(db, stage.component_id), who=stage.who)

    def newest_draft() -> str:
        with database.tenant_session(stage.provider_id) as db:
            drafts = templates.list_drafts(db, load_component(db, stage.component_id))
            return next((one.draft_id for one in drafts if one.user_version == "9.0.0"), "")

    draft_id = until(newest_draft, 60, "the draft")
    with database.tenant_session(stage.provider_id) as db:
        templates.add_draft(db, load_component(db, stage.component_id), draft_id, who=stage.who)

    def template() -> UUID | None:
        with database.tenant_session(stage.provider_id) as db:
            return next((one.id for one in templates.list_templates(db, stage.component_id)), None)

    found: UUID = until(template, 60, "the template")
    return found


def _count(stage: Stage, status: UploadStatus) -> int:
    with database.tenant_session(stage.provider_id) as db:
        failed = db.scalars(select(Upload.error).where(Upload.status == UploadStatus.FAILED)).all()
        assert not failed, failed
        return db.scalar(select(func.count()).select_from(Upload).where(Upload.status == status)) or 0


def _times(stage: Stage) -> list[float]:
    with database.tenant_session(stage.provider_id) as db:
        rows = db.execute(select(Upload.created_at, Upload.scanned_at)).all()
    return [(end - start).total_seconds() for start, end in rows if end]
