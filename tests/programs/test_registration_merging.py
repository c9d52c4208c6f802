"""A mini program was prepared here, and its authorization makes a second row: both become one, and nothing is lost."""

from __future__ import annotations

from datetime import timedelta
from threading import Thread
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Uuid, select

from jobs import leases
from saas import clock
from saas.batches.access import load_item
from saas.batches.starting import Subject, start_one
from saas.components.access import load_component
from saas.components.models import AccessTokenRow, CheckFile, WeChatCall
from saas.db import Base, platform_session, tenant_session
from saas.onboarding.models import EntryLink, Notice, Onboarding, OnboardingPart, Part, Reminder
from saas.onboarding.parts import open_onboarding
from saas.programs import editing, filing_drafts, links
from saas.programs.access import load_program, load_registration
from saas.programs.authorization import READ_PROFILE
from saas.programs.certification_models import Certification
from saas.programs.exchange import ensure_program
from saas.programs.filing_models import Filing
from saas.programs.merging import KEPT, OURS, POINTING, mentions, merge
from saas.programs.models import (
    AuthorizationLink,
    Grant,
    Program,
    ProgramDomain,
    ProgramGram,
    ProgramTag,
    ProgramTester,
)
from saas.programs.profile import REFRESH
from saas.programs.registration_finding import adopt_result
from saas.queue import Job, JobStatus, enqueue
from saas.tenants.merchants import load_merchant
from saas.wx.events import Authorized, ProgramRegistered
from tests.cast import Cast
from tests.programs.office import COMPANY, Office, S

OF_OTHERS = {
    ("activities", "actor_id"), ("activities", "object_id"), ("alarm_channels", "member_ids"),
    ("alarm_tellings", "message_id"), ("alarms", "subject_id"), ("audits", "created_by"),
    ("authorization_links", "created_by"), ("authorization_visits", "component_id"), ("batches", "created_by"),
    ("calendar_feeds", "user_id"), ("campaigns", "planned_by"), ("deadline_notices", "subject_id"),
    ("data_exports", "asked_by_id"), ("data_exports", "file_id"), ("library_actions", "created_by"),
    ("done_marks", "subject_id"), ("program_codes", "file_id"), ("programs", "avatar_file_id"),
    ("programs", "owner_id"), ("programs", "rejected_audit_id"),
    ("providers", "brand_logo_file_id"), ("releases", "created_by"), ("saved_filters", "user_id"),
    ("tasks", "subject_id"), ("train_programs", "audit_id"), ("train_programs", "release_id"),
    ("train_programs", "upload_id"), ("train_steps", "item_id"), ("trains", "created_by"), ("trains", "starts_by"),
    ("uploads", "created_by"), ("uploads", "trial_qr_file_id"), ("wechat_messages", "about_id"),
}  # fmt: skip
"""Columns without a foreign key that name other things; the activity log is never changed."""


def fill(office: Office, program: Program) -> dict[str, UUID]:
    """Give the mini program what people leave on one while it is registered; answers the rows by table."""
    with office.session() as db:
        row, merchant = load_program(db, program.id), load_merchant(db, office.cast.meis)
        own = {"provider_id": office.cast.alices, "program_id": row.id}
        onboarding = open_onboarding(db, merchant, row, [Part.COMPANY, Part.FILING], who=office.alice)
        part = db.scalars(select(OnboardingPart).where(OnboardingPart.onboarding_id == onboarding.id)).first()
        assert part is not None
        part.values = {"name": "梅记"}
        made: dict[str, Any] = {
            "onboarding": onboarding, "part": part,
            "notice": Notice(**own, merchant_id=merchant.id, kind="handed_in", key="1"),
            "reminder": Reminder(**own, step="register", began_at=clock.now(), stage="first", channel="mail"),
            "filing": filing_drafts.begin(db, row, who=office.alice),
            "certification": Certification(**own, changed_at=clock.now()),
            "tester": ProgramTester(**own, userstr="o-mei", label="梅姐"),
            "entry_link": EntryLink(
                provider_id=office.cast.alices, merchant_id=merchant.id, token_hash=row.id.bytes,
                program_ids=[row.id], expires_at=clock.now(),
            ),
        }  # fmt: skip
        db.add_all(made.values())
        editing.change_tags(db, row, add=["重点"], remove=[], who=office.alice)
        row.note, row.ext_values = "老客户介绍", {"shop": "12"}
        db.flush()
        return {name: one.id for name, one in made.items()}


@pytest.mark.parametrize("first", ["success", "authorization", "nothing"])
def test_a_prepared_mini_program_keeps_all_that_is_on_it(office: Office, first: str) -> None:
    prepared = office.prepare()
    rows = fill(office, prepared)
    case = office.sent(program=prepared.id)
    office.answer(case)
    events = office.news()
    if first == "authorization":
        [told] = (event for event in events if isinstance(event, ProgramRegistered))
        office.hear(Authorized("authorized", {}, told.created_at, told.appid, told.code, ""))
        with office.session() as db:
            assert len(list(db.scalars(select(Program)))) == 2
    if first == "nothing":
        office.ask(case)
    else:
        office.hear(*events)
    case = office.again(case)
    assert (case.status, case.program_id) == (S.DONE, prepared.id)
    with office.session() as db:
        [program] = db.scalars(select(Program))
        assert (program.id, program.merchant_id, program.note, program.ext_values) == (
            prepared.id, office.cast.meis, "老客户介绍", {"shop": "12"},
        )  # fmt: skip
        authorization = "lost" if first == "nothing" else "authorized"  # nobody ever exchanged its code
        assert (program.appid[:2], program.company_name, program.authorization) == ("wx", COMPANY.name, authorization)
        assert program.authorized_at
        assert program.search_text.count("重点") == 1
        kept: dict[str, Any] = {
            "onboarding": Onboarding, "part": OnboardingPart, "notice": Notice, "reminder": Reminder, "filing": Filing,
            "certification": Certification, "tester": ProgramTester, "entry_link": EntryLink,
        }  # fmt: skip
        assert [name for name, model in kept.items() if db.get(model, rows[name]) is None] == []
        assert db.get_one(OnboardingPart, rows["part"]).values == {"name": "梅记"}
        assert db.scalars(select(EntryLink.program_ids)).one() == [prepared.id]
        assert db.scalars(select(ProgramTag.tag)).all() == ["重点"]
        grants = list(db.scalars(select(Grant)))
        assert {grant.program_id for grant in grants if grant.appid == program.appid} <= {prepared.id}
        assert db.scalars(select(AccessTokenRow).where(AccessTokenRow.appid == program.appid)).first() is not None
        assert db.scalars(select(WeChatCall).where(WeChatCall.appid == program.appid)).first() is not None
    with platform_session("see which jobs failed") as db:
        assert db.scalars(select(Job.name).where(Job.status != JobStatus.DONE, Job.error != "")).all() == []


def test_what_hangs_on_the_new_row_moves_to_the_prepared_one(office: Office) -> None:
    prepared = office.prepare()
    fill(office, prepared)
    with office.session() as db:
        component = load_component(db, office.component.id)
        made, _ = ensure_program(db, component, "wx00aa11bb22cc33dd")
        made.name, made.profile, made.note = "梅记茶铺", {"register_type": 6}, "客户自己授权的"
        own = {"provider_id": office.cast.alices, "program_id": made.id}
        db.add_all([
            ProgramDomain(**own, kind="request", address="https://mei.example"),
            ProgramTester(**own, userstr="o-mei", label="梅"), ProgramTester(**own, userstr="o-lin", label="林"),
            CheckFile(
                provider_id=office.cast.alices, component_id=component.id, owner_id=made.id, name="a.txt", content="a"
            ),
            ProgramTag(**own, tag="重点"), ProgramTag(**own, tag="奶茶"),
            Certification(**own, changed_at=clock.now()), Certification(**own, changed_at=clock.now(), status="passed"),
        ])  # fmt: skip
        item = start_one(db, REFRESH, Subject(made.id, made.name), who=office.alice)
        link = links.create_link(
            db, component, load_merchant(db, office.cast.meis), who=office.alice, program=made
        )  # fmt: skip
        link.result_program_id = made.id
        db.add(
            EntryLink(
                provider_id=office.cast.alices, merchant_id=office.cast.meis, token_hash=made.id.bytes,
                program_ids=[made.id], expires_at=clock.now(),
            )
        )  # fmt: skip
        enqueue(db, READ_PROFILE, made.id)
    with office.session() as db:
        merge(db, load_program(db, prepared.id), load_program(db, made.id))
    with office.session() as db:
        [program] = db.scalars(select(Program))
        assert (program.id, program.appid, program.name, program.note) == (
            prepared.id, "wx00aa11bb22cc33dd", "梅记茶铺", "老客户介绍\n客户自己授权的",
        )  # fmt: skip
        assert {"梅记", "奶茶"} <= {gram.gram for gram in db.scalars(select(ProgramGram))}
        assert set(db.scalars(select(ProgramTag.tag))) == {"重点", "奶茶"}
        assert {one.status for one in db.scalars(select(Certification))} == {"draft", "passed"}
        assert db.scalars(select(EntryLink.program_ids)).all() == [[prepared.id], [prepared.id]]
        found = [
            *db.scalars(select(ProgramDomain.program_id)), *db.scalars(select(AuthorizationLink.program_id)),
            *db.scalars(select(AuthorizationLink.result_program_id)), *db.scalars(select(Certification.program_id)),
            *db.scalars(select(CheckFile.owner_id)), load_item(db, item.id).subject_id,
        ]  # fmt: skip
        assert set(found) == {prepared.id}
        assert set(db.scalars(select(ProgramTester.label))) == {"梅姐", "林"}
    with platform_session("see the job") as db:
        assert db.scalars(select(Job.subject).where(Job.name == READ_PROFILE)).all() == [str(prepared.id)]


def test_a_job_that_runs_for_the_new_row_is_tried_again_for_the_prepared_one(office: Office) -> None:
    prepared = office.prepare()
    with office.session() as db:
        made, _ = ensure_program(db, load_component(db, office.component.id), "wx00aa11bb22cc33dd")
        enqueue(db, READ_PROFILE, made.id)
    with platform_session("claim the job") as db:
        lease = leases.claim(db, db.scalars(select(Job.id).where(Job.subject == str(made.id))).one())
    assert lease is not None
    with office.session() as db:
        merge(db, load_program(db, prepared.id), load_program(db, made.id))
    with office.session() as db:
        leases.put_back(db, lease, timedelta(0), counts=True)
    with platform_session("claim it again") as db:
        again = leases.claim(db, lease.id)
    assert again is not None
    assert (again.subject, again.attempt) == (str(prepared.id), 2)


def test_an_authorization_that_waits_for_the_merging_finds_the_prepared_row(office: Office) -> None:
    prepared, appid, found = office.prepare(), "wx00aa11bb22cc33dd", []
    with office.session() as db:
        ensure_program(db, load_component(db, office.component.id), appid)

    def authorize() -> None:
        with office.session() as other:
            found.append(ensure_program(other, load_component(other, office.component.id), appid))

    case = office.add(program=prepared.id)
    waiting = Thread(target=authorize)
    with office.session() as db:
        ensure_program(db, load_component(db, office.component.id), appid)
        waiting.start()
        waiting.join(1)
        assert waiting.is_alive()
        program = adopt_result(db, load_registration(db, case.id), appid)
    waiting.join(10)
    assert program.id == prepared.id
    assert [(row.id, is_new) for row, is_new in found] == [(prepared.id, False)]
    with office.session() as db:
        assert db.scalars(select(Program.id)).all() == [prepared.id]


def test_of_two_cases_the_second_result_is_a_mini_program_of_its_own(office: Office) -> None:
    """The second one sees what the first one did, although it read the prepared row before."""
    prepared = office.prepare()
    cases = [office.add(program=prepared.id), office.add(program=prepared.id)]
    with office.session() as late:
        row = load_program(late, prepared.id)
        with office.session() as db:
            adopt_result(db, load_registration(db, cases[0].id), "wx00aa11bb22cc33dd")
        assert row.appid == ""
        second = adopt_result(late, load_registration(late, cases[1].id), "wx00aa11bb22cc33ee")
        assert second.id != prepared.id
    with office.session() as db:
        assert load_program(db, prepared.id).appid == "wx00aa11bb22cc33dd"


def test_whatever_names_a_mini_program_is_found(cast: Cast) -> None:
    """Closed: the database's own columns are asked, and each column that names a mini program is named so."""
    with tenant_session(cast.alices) as db:
        found = {(table, name) for table, name, _ in mentions(db)}
    keys = {
        (table.name, name)
        for table in Base.metadata.tables.values()
        for key in table.foreign_key_constraints
        for name in key.column_keys
        if key.referred_table.name == "programs" and name != "provider_id"
    }
    assert len(keys) > 20
    assert keys - {("program_grams", "program_id")} <= found
    assert {("entry_links", "program_ids"), ("grants", "program_id"), ("certification_charges", "program_id")} <= found
    ids = {
        (table.name, one.name)
        for table in Base.metadata.tables.values()
        for one in table.columns
        if isinstance(one.type, Uuid) or isinstance(getattr(one.type, "item_type", None), Uuid)
        if not one.foreign_keys and one.name not in {"id", "provider_id"}
    }
    assert ids - found - set(POINTING) == OF_OTHERS
    assert KEPT | OURS | {"appid", "name", "authorization", "profile"} <= set(Program.__table__.columns.keys())
