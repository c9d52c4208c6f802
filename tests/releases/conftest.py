"""Alice's component app at a real sandbox, one authorized mini program of mei's, and two drafts in the draft box."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from saas import clock
from saas.components.access import load_component
from saas.components.models import ComponentApp
from saas.components.tickets import store_ticket
from saas.config import settings
from saas.db import new_id, tenant_session
from saas.programs import authorization
from saas.programs.access import load_program
from saas.programs.models import Program
from saas.releases import audits, releasing, submissions, templates, uploads
from saas.releases.access import load_audit, load_template, load_upload
from saas.releases.code_state import find_state
from saas.releases.models import Audit, CodeState, Release, Template, Upload
from saas.releases.submissions import Item, Submission
from saas.sandbox.control import SandboxControl
from saas.sandbox.server import RunningSandbox
from saas.tenants.access import Who
from saas.wx.events import Authorized, parse_event
from tests.cast import Cast

CATEGORY = "220-632"


@pytest.fixture
def sandbox(tmp_path: Path, home: Path, move_clock: Callable[[float], None]) -> Iterator[RunningSandbox]:
    """A sandbox that lives in the program's time, and the settings pointing at it."""
    with (
        RunningSandbox(tmp_path / "sandbox.sqlite", clock_file=home / "clock") as running,
        pytest.MonkeyPatch.context() as environment,
    ):
        environment.setenv("DAIBAN_WECHAT_API_URL", running.url)
        environment.setenv("DAIBAN_WECHAT_CALLS_PER_SECOND", "100000")
        environment.setenv("DAIBAN_WECHAT_PROGRAM_CALLS_PER_SECOND", "100000")
        settings.cache_clear()
        yield running
    settings.cache_clear()


@pytest.fixture
def control(sandbox: RunningSandbox) -> Iterator[SandboxControl]:
    with SandboxControl(sandbox.url) as control:
        control.set_scan_seconds(0)
        control.set_commit_seconds(0)
        yield control


@pytest.fixture
def count_only(sandbox: RunningSandbox) -> Iterator[Callable[..., None]]:
    """By the setting, have limits counted, but nothing refused."""
    with pytest.MonkeyPatch.context() as environment:

        def change(*names: str) -> None:
            environment.setenv("DAIBAN_WECHAT_LIMITS", json.dumps(dict.fromkeys(names)))
            settings.cache_clear()

        yield change
    settings.cache_clear()


@dataclass
class Desk:
    """What the tests do, each step in a transaction of its own as a request or a job would."""

    cast: Cast
    control: SandboxControl
    component: ComponentApp
    program: Program
    run_jobs: Callable[..., list[str]]

    @property
    def alice(self) -> Who:
        return self.cast.who["alice"]

    def session(self) -> AbstractContextManager[Session]:
        return tenant_session(self.cast.alices)

    def sync(self) -> None:
        with self.session() as db:
            templates.request_sync(db, load_component(db, self.component.id), who=self.alice)
        self.run_jobs()

    def template(self, version: str = "1.0.0", **draft: Any) -> Template:
        """A template in the library, as made from a new draft."""
        self.control.add_draft(self.component.appid, user_version=version, **draft)
        self.sync()
        with self.session() as db:
            component = load_component(db, self.component.id)
            draft_id = next(one.draft_id for one in templates.list_drafts(db, component) if one.user_version == version)
            templates.add_draft(db, component, draft_id, who=self.alice)
        self.run_jobs()
        with self.session() as db:
            return next(one for one in templates.list_templates(db, self.component.id) if one.user_version == version)

    def start_upload(self, template: Template, version: str = "1.0.0", **options: Any) -> Upload:
        with self.session() as db:
            program, row = load_program(db, self.program.id), load_template(db, template.id)
            given = {"user_version": version, "description": "首发", **options}
            return uploads.start_upload(db, program, row, who=self.alice, **given)

    def uploaded(self, version: str = "1.0.0", **draft: Any) -> Upload:
        """An upload that is ready to be submitted."""
        upload = self.start_upload(self.template(version, **draft), version)
        self.run_jobs(wait=120)
        return self.upload(upload)

    def start_audit(self, upload: Upload, **options: Any) -> Audit:
        given = {"items": [Item(CATEGORY, "pages/index/index", "奶茶 外卖", "首页")], "version_desc": "点单", **options}
        with self.session() as db:
            program, row = load_program(db, self.program.id), load_upload(db, upload.id)
            return submissions.submit_for_audit(db, program, row, who=self.alice, submission=Submission(**given))

    def submitted(self, version: str = "1.0.0") -> Audit:
        """An audit that is in review."""
        audit = self.start_audit(self.uploaded(version))
        self.run_jobs()
        return self.audit(audit)

    def approved(self, version: str = "1.0.0") -> Audit:
        audit = self.submitted(version)
        self.control.approve(audit.auditid, push=False)
        self.hear("weapp_audit_success", SuccTime=1)
        return self.audit(audit)

    def released(self, version: str = "1.0.0") -> Release:
        row = self.release(self.approved(version))
        self.run_jobs()
        return self.reread_release(row)

    def release(self, audit: Audit, who: str = "alice") -> Release:
        with self.session() as db:
            program, row = load_program(db, self.program.id), load_audit(db, audit.id)
            return releasing.release(db, program, row, who=self.cast.who[who])

    def hear(self, name: str, **fields: Any) -> None:
        """WeChat pushes an event about this mini program."""
        message = {
            "ToUserName": "gh_x",
            "CreateTime": str(int(clock.now().timestamp())),
            "MsgType": "event",
            "Event": name,
        }
        event = parse_event({**message, **{key: str(value) for key, value in fields.items()}})
        with self.session() as db:
            component = load_component(db, self.component.id)
            audits.on_audit_event(db, component, self.program.appid, event)  # type: ignore[arg-type]
        self.run_jobs()

    def upload(self, upload: Upload) -> Upload:
        with self.session() as db:
            return load_upload(db, upload.id)

    def audit(self, audit: Audit) -> Audit:
        with self.session() as db:
            return load_audit(db, audit.id)

    def reread_release(self, row: Release) -> Release:
        with self.session() as db:
            return db.scalars(select(Release).where(Release.id == row.id)).one()

    def reread_template(self, template: Template) -> Template:
        with self.session() as db:
            return load_template(db, template.id)

    def state(self) -> CodeState:
        with self.session() as db:
            found = find_state(db, load_program(db, self.program.id))
            assert found is not None
            return found

    def counts(self) -> dict[str, int]:
        """Accepted calls for this mini program, per operation."""
        return self.control.counts(appid=self.program.appid)


@pytest.fixture
def desk(cast: Cast, control: SandboxControl, run_jobs: Callable[..., list[str]]) -> Desk:
    made = control.create_component(name="爱丽平台")
    component_id = new_id()
    with tenant_session(cast.alices) as db:
        row = ComponentApp(
            id=component_id, provider_id=cast.alices, key="alicekey", name="爱丽平台", appid=made["appid"]
        )
        row.secret, row.token, row.aes_key = made["secret"], made["token"], made["aes_key"]
        db.add(row)
        db.flush()
        store_ticket(db, row, control.push_ticket(made["appid"]), clock.now())
    appid = control.accounts(nick_name="梅记茶铺")[0]["appid"]
    code = control.grant(made["appid"], appid, push=False)
    with tenant_session(cast.alices) as db:
        at = datetime.fromtimestamp(int(clock.now().timestamp()), UTC)
        component = load_component(db, component_id)
        authorization.on_authorized(db, component, Authorized("authorized", {}, at, appid, code, ""))
    run_jobs()
    with tenant_session(cast.alices) as db:
        program = db.scalars(select(Program).where(Program.appid == appid)).one()
        program.merchant_id = cast.meis
    return Desk(cast, control, row, program, run_jobs)
