"""Notices: written once after the log, for the right merchant only, read by each person for herself."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import select

from saas import clock
from saas.components.models import ComponentApp
from saas.db import platform_session, tenant_session
from saas.onboarding import notices
from saas.onboarding.models import Notice
from saas.programs.models import Program
from saas.tenants import activity
from saas.tenants.access import system
from tests.cast import Cast


@pytest.fixture
def programs(cast: Cast) -> dict[str, UUID]:
    """mei's, one of nobody's at alice's, and ming's."""
    found = {}
    for name, provider_id, merchant_id in (
        ("mei", cast.alices, cast.meis), ("nobody", cast.alices, None), ("ming", cast.charlies, cast.mings),
    ):  # fmt: skip
        with tenant_session(provider_id) as db:
            component = ComponentApp(provider_id=provider_id, key=f"k{name}", name="平台", appid=f"wx{name}")
            db.add(component)
            db.flush()
            row = Program(
                provider_id=provider_id, component_id=component.id, appid="wx0000000000000001", name=name,
                merchant_id=merchant_id, authorized_at=clock.now(),
            )  # fmt: skip
            db.add(row)
        found[name] = row.id
    return found


def note(provider_id: UUID, program_id: UUID, verb: str, outcome: str = "ok", **detail: str) -> None:
    with tenant_session(provider_id) as db:
        program = db.scalars(select(Program).where(Program.id == program_id)).one()
        activity.record(db, system(provider_id), verb, program, outcome=outcome, detail=detail)


def write() -> int:
    with platform_session("test") as db:
        return notices.write_notices(db)


def test_what_matters_is_told_once_and_to_hers_only(cast: Cast, programs: dict[str, UUID]) -> None:
    note(cast.alices, programs["mei"], "program.audit.rejected", version="1.2.0", reason="截图不符", auditid="7")
    note(cast.alices, programs["mei"], "program.note.edit")
    note(cast.alices, programs["mei"], "program.suspend", outcome="failed")
    note(cast.alices, programs["nobody"], "program.release.done")
    note(cast.charlies, programs["ming"], "program.release.done")
    assert write() == 2
    assert write() == 0
    for name, provider_id, kind in (
        ("mei", cast.alices, "program.audit.rejected"), ("ming", cast.charlies, "program.release.done"),
    ):  # fmt: skip
        with tenant_session(provider_id) as db:
            (one,) = notices.list_notices(db, cast.who[name])
            assert one.kind == kind
    with tenant_session(cast.alices) as db:
        assert db.scalars(select(Notice.detail)).one() == {"version": "1.2.0", "reason": "截图不符"}
        assert notices.list_notices(db, cast.who["ming"]) == []


def test_each_person_has_her_own_mark(cast: Cast) -> None:
    with tenant_session(cast.alices) as db:
        for _ in range(2):
            notices.tell(db, cast.alices, cast.meis, kind="x", key="one")
        notices.tell(db, cast.alices, cast.meis, kind="x", key="two")
        rows = notices.list_notices(db, cast.who["mei"])
        assert len(rows) == 2
        assert notices.unread_ids(db, cast.who["mei"], rows) == {row.id for row in rows}
        notices.mark_read(db, cast.who["mei"])
    with tenant_session(cast.alices) as db:
        assert notices.count_unread(db, cast.who["mei"]) == 0
        assert notices.unread_ids(db, cast.who["mei"], rows) == set()
        assert notices.count_unread(db, cast.who["hana"]) == 2
        notices.tell(db, cast.alices, cast.meis, kind="x", key="three")
        assert notices.count_unread(db, cast.who["mei"]) == 1
