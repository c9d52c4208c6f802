"""Notices: written once after the log, for the right merchant only, read by each person for herself."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from saas import clock
from saas import db as database
from saas.components.models import ComponentApp
from saas.db import new_id, platform_session, tenant_session
from saas.onboarding import notices, reasons
from saas.onboarding.models import Notice
from saas.programs import appearance, certification_progress, filing, naming, privacy
from saas.programs.certification_models import Certification, CertificationStatus
from saas.programs.filing_models import Filing, FilingStatus
from saas.programs.models import AuthorizationStatus, Program, ReviewStatus
from saas.programs.registration_models import RegistrationStatus
from saas.programs.violation_models import Shut, ViolationState
from saas.releases import audits, serving
from saas.releases.models import Audit, AuditStatus, ReleaseKind
from saas.tenants import activity
from saas.tenants.access import system
from saas.tenants.models import Activity
from saas.web.provider.pieces import ACTIVITIES
from saas.wx.events import NicknameReviewed
from tests.cast import Cast, add_merchant


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
    note(cast.alices, programs["mei"], "program.audit.approved", version="1.2.0", auditid="7")
    note(cast.alices, programs["mei"], "program.note.edit")
    note(cast.alices, programs["mei"], "program.suspend.done", outcome="failed")
    note(cast.alices, programs["nobody"], "program.release.done")
    note(cast.charlies, programs["ming"], "program.release.done")
    assert write() == 2
    assert write() == 0
    for name, provider_id, kind in (
        ("mei", cast.alices, "program.audit.approved"), ("ming", cast.charlies, "program.release.done"),
    ):  # fmt: skip
        with tenant_session(provider_id) as db:
            (one,) = notices.list_notices(db, cast.who[name])
            assert one.kind == kind
    with tenant_session(cast.alices) as db:
        assert db.scalars(select(Notice.detail)).one() == {"version": "1.2.0"}
        assert notices.list_notices(db, cast.who["ming"]) == []


def program_of(db: Session, programs: dict[str, UUID]) -> Program:
    return db.scalars(select(Program).where(Program.id == programs["mei"])).one()


def reject_audit(db: Session, program: Program, own: dict[str, UUID]) -> None:
    audit = Audit(**own, user_version="1.2.0", auditid="7", status=AuditStatus.IN_REVIEW, submitted_at=clock.now())
    db.add(audit)
    db.flush()
    audits.note_answer(db, audit, {"status": 1, "reason": "1.页面打不开<br>2.截图不符"})


def refuse_name(db: Session, program: Program, own: dict[str, UUID]) -> None:
    component = db.scalars(select(ComponentApp).where(ComponentApp.id == program.component_id)).one()
    heard = NicknameReviewed(
        name="wxa_nickname_audit", fields={}, created_at=clock.now(), user_name="", passed=False, nickname="梅记",
        reason="名称有歧义",
    )  # fmt: skip
    naming.on_name_reviewed(db, component, program.appid, heard)


def send_certification_back(db: Session, program: Program, own: dict[str, UUID]) -> None:
    row = Certification(**own, status=CertificationStatus.IN_REVIEW, changed_at=clock.now(), papers={})
    db.add(row)
    db.flush()
    certification_progress.move(db, program, row, CertificationStatus.SENT_BACK, reason="执照不清晰")


def reject_filing(db: Session, program: Program, own: dict[str, UUID]) -> None:
    row = Filing(**own, status=FilingStatus.PLATFORM_REVIEW)
    row.values = {}
    db.add(row)
    db.flush()
    row.reasons = [{"name": "主体名称", "error": "与执照不符", "suggest": ""}]
    filing.move(db, program, row, FilingStatus.PLATFORM_REJECTED)


@pytest.mark.parametrize(
    ("happens", "kind", "reason"),
    [
        (reject_audit, "program.audit.rejected", "1.页面打不开 2.截图不符"),
        (refuse_name, "program.name.refused", "名称有歧义"),
        (send_certification_back, "program.certification.sent_back", "执照不清晰"),
        (reject_filing, "program.filing.platform_rejected", "主体名称：与执照不符"),
    ],
)
def test_a_refusal_is_told_with_its_reason(
    cast: Cast, programs: dict[str, UUID], happens: Callable[..., None], kind: str, reason: str
) -> None:
    with tenant_session(cast.alices) as db:
        happens(db, program_of(db, programs), {"provider_id": cast.alices, "program_id": programs["mei"]})
    assert write() == 1
    with tenant_session(cast.alices) as db:
        (one,) = notices.list_notices(db, cast.who["mei"])
        assert (one.kind, one.detail["reason"]) == (kind, reason)


def test_another_merchant_is_not_told_again(cast: Cast, programs: dict[str, UUID]) -> None:
    note(cast.alices, programs["mei"], "program.release.done")
    assert write() == 1
    other = add_merchant(cast, "李记面馆")
    with tenant_session(cast.alices) as db:
        program_of(db, programs).merchant_id = other
    assert write() == 0


def test_a_pass_reads_a_day_by_few_queries(cast: Cast, programs: dict[str, UUID]) -> None:
    moment = (new_id().int >> 80) - 25 * 3600 * 1000
    with tenant_session(cast.alices) as db:
        old = {"id": UUID(int=moment << 80), "verb": "program.release.done", "actor_kind": "system"}
        program = {"object_kind": "programs", "object_id": programs["mei"], "provider_id": cast.alices}
        db.add(Activity(**old, **program))
    assert write() == 0, "of yesterday's nobody is told any more"
    costs = []
    for number in (1, 30):
        for _ in range(number):
            note(cast.alices, programs["mei"], "program.audit.rejected", version="1.2.0", auditid="7")
        with platform_session("test") as db, counting() as statements:
            assert notices.write_notices(db) == number
        costs.append(len(statements))
    assert costs == [3, 3]


@contextmanager
def counting() -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        statements.append(statement)

    engine = database.engine("platform")
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


PROFILE = (appearance.SET_AVATAR, appearance.SET_INTRODUCTION, appearance.SET_SEARCH)
STEPS_BY_NAME = [name.rpartition(".")[2] for name in (*serving.STEPS, *privacy.STEPS, *PROFILE)]
MADE: dict[str, Iterable[str]] = {
    "program.{status}": AuthorizationStatus, "program.audit.{outcome}": AuditStatus,
    "program.name.{status}": ReviewStatus, "program.filing.{status}": FilingStatus,
    "program.certification.{status}": certification_progress._RECORDED,
    "program.shut.{kind}": Shut, "program.open_again.{kind}": Shut,
    "program.violation.{state}": ViolationState,
    "program.{row.kind}": ReleaseKind, "program.{row.kind}.done": ReleaseKind,
    "program.{name.rpartition('.')[2]}": STEPS_BY_NAME, "registration.{to.value}": RegistrationStatus,
}  # fmt: skip
"""What stands in the verbs that are put together when they are recorded."""


def recorded_verbs() -> set[str]:
    """All verbs that the activity log can hold, from the calls that write it."""
    found: set[str] = set()
    for path in Path("saas").rglob("*.py"):
        text = path.read_text()
        for node in ast.walk(ast.parse(text)):
            if not (isinstance(node, ast.Call) and ast.unparse(node.func) == "activity.record"):
                continue
            verb = node.args[2]
            if isinstance(verb, ast.JoinedStr):
                made = ast.unparse(verb)[2:-1]
                hole = made[made.index("{") : made.rindex("}") + 1]
                found |= {made.replace(hole, str(one)) for one in MADE[made]}
            elif isinstance(verb, ast.Name):  # one of those that the module names
                found |= set(re.findall(r"\"([a-z_]+\.[a-z_.]+)\"", text))
            else:
                found |= {str(one.value) for one in ast.walk(verb) if isinstance(one, ast.Constant)}
    return found


def test_what_is_told_is_really_recorded_and_has_words() -> None:
    assert notices.TOLD - recorded_verbs() == set()
    assert notices.TOLD - set(ACTIVITIES) == set()
    assert reasons.EXPLAINED <= notices.TOLD


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
