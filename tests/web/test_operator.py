"""The platform's own pages: who may look, who may change, and that the provider learns of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from saas.db import new_id, platform_session, tenant_session
from saas.queue import Job, JobStatus
from saas.tenants import activity
from tests.cast import Cast
from tests.web.conftest import Browser

Browsers = Callable[[str], Browser]


@pytest.mark.parametrize("name", ["olga", "bella", "sam"])
def test_the_platforms_people_see_every_provider(browser: Browsers, name: str) -> None:
    page = browser(name).text("/operator/")
    assert "爱丽服务" in page
    assert "查理科技" in page


@pytest.mark.parametrize("name", ["alice", "bob", "charlie", "mei"])
def test_everybody_else_finds_no_such_page(browser: Browsers, name: str) -> None:
    assert browser(name).get("/operator/").status_code == 404


def test_a_search_finds_by_name(browser: Browsers) -> None:
    page = browser("olga").text("/operator/?q=查理")
    assert "爱丽服务" not in page
    assert "查理科技" in page


def test_olga_suspends_and_resumes(browser: Browsers, cast: Cast) -> None:
    place = f"/operator/providers/{cast.alices}"
    assert browser("olga").post(f"{place}/suspend", {"reason": ""}).status_code == 422
    assert browser("olga").post(f"{place}/suspend", {"reason": "资料待核实"}).status_code == 303
    refused = browser("alice").get("/p/alice/")
    assert refused.status_code == 403
    assert "已被平台暂停使用" in refused.get_data(as_text=True)
    assert browser("charlie").get("/p/alice/").status_code == 404
    assert browser("olga").post(f"{place}/resume").status_code == 303
    assert browser("alice").get("/p/alice/").status_code == 200
    with tenant_session(cast.alices) as db:
        verbs = [row.verb for row in activity.list_activities(db, verb="provider.")]
    assert verbs == ["provider.resume", "provider.suspend"]


@pytest.mark.parametrize("name", ["bella", "sam"])
def test_billing_and_support_change_nothing(browser: Browsers, cast: Cast, name: str) -> None:
    place = f"/operator/providers/{cast.alices}"
    assert browser(name).post(f"{place}/suspend", {"reason": "x"}).status_code == 403
    assert browser(name).post(f"{place}/resume").status_code == 403
    assert browser(name).post(f"/operator/jobs/{new_id()}/retry").status_code == 403


def test_a_job_that_gave_up_can_be_tried_again_once(browser: Browsers, cast: Cast) -> None:
    with platform_session("make a failed job") as db:
        job = Job(
            id=new_id(), provider_id=cast.alices, name="jobs.tenants.send_mail", subject=str(new_id()),
            status=JobStatus.FAILED, attempt=8, error="SMTPException: no",
        )  # fmt: skip
        db.add(job)
    assert "SMTPException: no" in browser("olga").text("/operator/jobs")
    assert browser("olga").post(f"/operator/jobs/{job.id}/retry").status_code == 303
    with platform_session("look") as db:
        again = db.execute(select(Job.status, Job.attempt).where(Job.id == job.id)).one()
    assert tuple(again) == (JobStatus.QUEUED, 0)
    assert browser("olga").post(f"/operator/jobs/{job.id}/retry").status_code == 409
