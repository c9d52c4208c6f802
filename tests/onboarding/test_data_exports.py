"""A merchant takes her data with her: all of it, whole, hers alone, and not for long."""

from __future__ import annotations

import io
import json
import tracemalloc
import zipfile
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from jobs.tenants import forget_the_past
from saas import clock
from saas.config import settings
from saas.db import after_commit, platform_session, tenant_session
from saas.errors import Forbidden, NotFound
from saas.onboarding import data_exports
from saas.onboarding.data_exports import ask_for_export, make_export, newest_export, take_export
from saas.onboarding.kept_data import Group, entries_of
from saas.onboarding.models import DataExport, ExportStatus, Notice, Onboarding, OnboardingPart, Part
from saas.programs.certification_models import Certification, CertificationStatus
from saas.programs.filing_models import FilingStatus
from saas.queue import Job
from saas.tenants import activity
from saas.tenants.access import system
from saas.tenants.merchants import load_merchant
from saas.tenants.models import Activity, StoredFile
from saas.tenants.stored_files import keep_file, pieces_of
from tests.cast import Cast, add_merchant
from tests.onboarding.scenes import Scene, scene

__all__ = ["scene"]
PHOTO = b"\xff\xd8\xff" + b"id card" * 100


def fill(scene: Scene, merchant_id: UUID | None = None) -> None:
    """Something of hers in every group."""
    cast = scene.cast
    merchant_id = merchant_id or cast.meis
    with scene.session() as db:
        merchant = load_merchant(db, merchant_id)
        merchant.company_name, merchant.legal_name, merchant.contact_phone = "梅记餐饮有限公司", "陈梅", "13900001111"
        photo = keep_file(db, cast.alices, "onboarding", PHOTO, content_type="image/jpeg", name="company.jpg")
        asked = Onboarding(provider_id=cast.alices, merchant_id=merchant_id, program_id=scene.program_id)
        db.add(asked)
        db.flush()
        part = OnboardingPart(provider_id=cast.alices, onboarding_id=asked.id, key=Part.COMPANY)
        part.values = {"kind": "enterprise", "name": "梅记餐饮有限公司", "person_name": "陈梅", "old_field": "旧值"}
        part.files = {"licence": [str(photo.id)]}
        paper = keep_file(db, cast.alices, "certification", PHOTO, content_type="image/jpeg", name="qualification.jpg")
        certification = Certification(
            **scene.own, changed_at=clock.now(), status=CertificationStatus.PASSED,
            papers={"qualification": [str(paper.id)]},
        )  # fmt: skip
        certification.values = {"contact_name": "林小燕", "contact_mobile": "13800002222", "customer_type": "1"}
        db.add_all([part, certification])
        db.add(
            Notice(
                provider_id=cast.alices, merchant_id=merchant_id, program_id=scene.program_id,
                kind="program.suspend.done", key="k",
            )
        )  # fmt: skip
    with scene.session() as db:
        card = keep_file(db, cast.alices, "filing", PHOTO, content_type="image/png", name="card.png")
    values = {"icp_subject.base_info.type": "4", "icp_subject.principal_info.name": "陈梅"}
    scene.file(FilingStatus.FILED, values=values, files={"icp_subject.principal_info.x": [str(card.id)]}, number="粤A1")


def ask(cast: Cast, name: str = "mei", locale: str = "zh_CN") -> DataExport:
    with tenant_session(cast.alices) as db:
        return ask_for_export(db, load_merchant(db, cast.meis), who=cast.who[name], locale=locale)


def taken(cast: Cast) -> zipfile.ZipFile:
    with tenant_session(cast.alices) as db:
        row = take_export(db, load_merchant(db, cast.meis), who=cast.who["mei"])
        content = b"".join(pieces_of(row))
        assert len(content) == row.size
    return zipfile.ZipFile(io.BytesIO(content))


def count(model: Any) -> int:
    with platform_session("test") as db:
        return db.scalar(select(func.count()).select_from(model)) or 0


def test_everything_is_in_it_whole(scene: Scene, run_jobs: Callable[..., list[str]]) -> None:
    fill(scene)
    ask(scene.cast)
    assert run_jobs() == [data_exports.JOB]
    archive = taken(scene.cast)
    told = json.loads(archive.read("data.json"))
    assert set(told) == set(Group)
    assert told["contact"][0]["values"] == {"contact_phone": "13900001111"}
    assert told["answers"][0]["values"]["old_field"] == "旧值", "also what no page asks for any more"
    assert told["certifications"][0]["values"]["contact_mobile"] == "13800002222"
    assert told["filings"][0]["values"]["number"] == "粤A1"
    assert told["authorizations"][0]["values"]["appid"] == "wx0000000000000001"
    assert {one["about"] for one in told["people"]} == {"Mei", "Hana"}
    papers = [name for name in archive.namelist() if name.startswith("papers/")]
    assert len(papers) == 3
    assert all(archive.read(name) == PHOTO for name in papers)
    page = archive.read("我的资料.html").decode()
    assert "13800002222" in page
    assert all(f'href="{name}"' in page for name in papers)


def test_the_page_speaks_her_language(scene: Scene, run_jobs: Callable[..., list[str]]) -> None:
    fill(scene)
    ask(scene.cast, locale="en")
    run_jobs()
    page = taken(scene.cast).read("My data.html").decode()
    assert '<html lang="en">' in page
    assert "Legal" in page
    assert "权限" not in page, "also what WeChat calls the permissions"
    assert "公司和法人" not in page


def test_nothing_of_another_merchant_is_in_it(scene: Scene) -> None:
    """Also not what an earlier merchant of the mini program handed in."""
    cast = scene.cast
    other = add_merchant(cast, "隔壁家")
    fill(scene)
    with scene.session() as db:
        who = system(cast.alices)
        program = scene.program(db)
        program.merchant_id = other
        activity.record(db, who, "program.assign", program, detail={"merchant": "隔壁家", "before": str(cast.meis)})
        db.flush()
        hers, theirs = (
            {group: entries_of(db, load_merchant(db, one), group, who=who) for group in Group}
            for one in (cast.meis, other)
        )
    assert [group for group, entries in theirs.items() if entries] == [Group.COMPANY, Group.AUTHORIZATIONS]
    assert "陈梅" not in str(theirs)
    assert hers[Group.ANSWERS][0].heading == "", "what she typed is hers, the mini program's name no more"
    assert hers[Group.CERTIFICATIONS] == hers[Group.FILINGS] == hers[Group.AUTHORIZATIONS] == []


def test_a_mini_program_that_was_nobodys_before_is_hers_with_all(scene: Scene) -> None:
    fill(scene)
    with scene.session() as db:
        activity.record(db, system(scene.cast.alices), "program.assign", scene.program(db), detail={"before": ""})
        db.flush()
        merchant = load_merchant(db, scene.cast.meis)
        assert len(entries_of(db, merchant, Group.CERTIFICATIONS, who=scene.cast.who["mei"])) == 1


def test_what_a_page_shows_is_masked(scene: Scene) -> None:
    fill(scene)
    with scene.session() as db:
        merchant = load_merchant(db, scene.cast.meis)
        lines = {
            line.name: line.hidden
            for group in Group
            for entry in entries_of(db, merchant, group, who=scene.cast.who["mei"])
            for line in entry.lines
        }
    assert lines["contact_phone"] == "139****1111"
    assert lines["contact_mobile"] == "138****22"
    assert lines["old_field"] == "旧＊"
    assert "陈梅" not in lines.values()


@pytest.mark.parametrize("name", ["hana", "bob"])
def test_helpers_and_lookers_on_may_not(cast: Cast, name: str) -> None:
    with pytest.raises(Forbidden):
        ask(cast, name)


def test_the_provider_does_not_download_it(cast: Cast) -> None:
    with pytest.raises(NotFound):
        ask(cast, "alice")


def test_asking_twice_makes_one_and_a_new_one_replaces_the_old(
    scene: Scene, run_jobs: Callable[..., list[str]]
) -> None:
    fill(scene)
    assert ask(scene.cast).id == ask(scene.cast).id
    run_jobs()
    assert count(Job) == 1
    ask(scene.cast)
    run_jobs()
    assert count(DataExport) == 1
    with platform_session("test") as db:
        assert db.scalar(select(func.count()).where(StoredFile.kind == "data_export")) == 1
    assert len(list((settings().files_folder / str(scene.cast.alices) / "data_export").iterdir())) == 1


def test_it_is_gone_after_a_day(
    scene: Scene, run_jobs: Callable[..., list[str]], move_clock: Callable[[float], None]
) -> None:
    ask(scene.cast)
    run_jobs()
    move_clock(timedelta(hours=25).total_seconds())
    with pytest.raises(NotFound):
        taken(scene.cast)
    with platform_session("test") as db:
        forget_the_past(db)
    assert count(DataExport) == 0
    assert list((settings().files_folder / str(scene.cast.alices) / "data_export").iterdir()) == []


def test_the_log_and_her_people_know(scene: Scene, run_jobs: Callable[..., list[str]]) -> None:
    ask(scene.cast)
    run_jobs()
    taken(scene.cast)
    taken(scene.cast)
    with scene.session() as db:
        verbs = list(db.scalars(select(Activity.verb).where(Activity.verb.startswith("merchant.data"))))
        told = db.scalars(select(Notice).where(Notice.kind == "merchant.data.download")).all()
    assert sorted(verbs) == ["merchant.data.download", "merchant.data.download", "merchant.data.export"]
    assert [one.detail["name"] for one in told] == ["Mei"]


def test_making_it_twice_and_giving_up(scene: Scene, run_jobs: Callable[..., list[str]]) -> None:
    export = ask(scene.cast)
    with scene.session() as db:
        make_export(db, export.id)
    with scene.session() as db:
        make_export(db, export.id)
        data_exports.give_up_export(db, export.id)
        found = newest_export(db, load_merchant(db, scene.cast.meis))
        assert found is not None
        assert found.status == ExportStatus.READY
        assert db.scalar(select(func.count()).where(StoredFile.kind == "data_export")) == 1
    run_jobs()
    other = ask(scene.cast)
    with scene.session() as db:
        data_exports.give_up_export(db, other.id)
    with pytest.raises(NotFound):
        taken(scene.cast)


def test_data_that_are_deleted_meanwhile_leave_no_file(scene: Scene) -> None:
    export = ask(scene.cast)

    def forget() -> None:
        with scene.session() as other:
            data_exports.forget_exports(other, load_merchant(other, scene.cast.meis))

    with scene.session() as db:
        after_commit(db, forget)  # what was read is settled before anything is written
        make_export(db, export.id)
    folder = settings().files_folder / str(scene.cast.alices) / "data_export"
    with suppress(FileNotFoundError):
        assert list(folder.iterdir()) == []


def test_many_large_papers_cost_no_memory(scene: Scene) -> None:
    with scene.session() as db:
        asked = Onboarding(provider_id=scene.cast.alices, merchant_id=scene.cast.meis)
        db.add(asked)
        db.flush()
        part = OnboardingPart(provider_id=scene.cast.alices, onboarding_id=asked.id, key=Part.FILING)
        large = [
            keep_file(db, scene.cast.alices, "onboarding", bytes(4 << 20), content_type="image/jpeg") for _ in range(12)
        ]
        part.files = {"x": [str(one.id) for one in large]}
        db.add(part)
    export = ask(scene.cast)
    tracemalloc.start()
    with scene.session() as db:
        make_export(db, export.id)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30 << 20, "48 MB of papers"
    assert len(taken(scene.cast).namelist()) == 14


def test_a_lost_paper_costs_the_others_nothing(scene: Scene, run_jobs: Callable[..., list[str]]) -> None:
    fill(scene)
    next((settings().files_folder / str(scene.cast.alices) / "certification").iterdir()).unlink()
    ask(scene.cast)
    run_jobs()
    assert len(taken(scene.cast).namelist()) == 4
