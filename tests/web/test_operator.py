"""The platform's own pages: who sees and does what; suspending, resuming and repeating jobs."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from sqlalchemy import event, select, update

from saas import clock
from saas import db as database
from saas.db import new_id, platform_session
from saas.queue import Job, JobStatus
from saas.tenants.models import Activity, Provider, ProviderStatus
from tests.cast import Cast
from tests.web.conftest import Browser

Browsers = Callable[[str], Browser]


def status_of(cast: Cast) -> str:
    with platform_session("test") as db:
        return db.scalars(select(Provider.status).where(Provider.id == cast.alices)).one()


def failed_job(cast: Cast, **changes: object) -> str:
    values: dict[str, object] = {
        "provider_id": cast.alices, "name": "jobs.tenants.send_mail", "subject": str(new_id()),
        "status": JobStatus.FAILED, "attempt": 8, "error": "OSError: no route", "finished_at": clock.now(), **changes,
    }  # fmt: skip
    with platform_session("test") as db:
        job = Job(**values)
        db.add(job)
        db.flush()
        return str(job.id)


def test_the_list_counts_each_providers_things(browser: Browsers, cast: Cast) -> None:
    page = browser("olga").text("/operator/")
    row = page.split("爱丽服务")[1].split("</tr>")[0]
    assert re.findall(r'data-label="[^"]+">(\d+)<', row) == ["4", "0", "0"]


@pytest.mark.parametrize("name", ["alice", "bob", "charlie", "mei"])
@pytest.mark.parametrize("path", ["/operator/", "/operator/jobs"])
def test_everybody_else_finds_nothing(browser: Browsers, name: str, path: str) -> None:
    assert browser(name).get(path).status_code == 404


def test_strangers_are_led_to_sign_in(browser: Browsers) -> None:
    assert browser("").get("/operator/").location == "/sign-in?next=/operator/"


def test_a_billing_admin_sees_the_list_only(browser: Browsers, cast: Cast) -> None:
    page = browser("bella").text("/operator/")
    assert "爱丽服务" in page
    assert f"/operator/providers/{cast.alices}" not in page
    assert "/operator/jobs" not in page
    assert browser("bella").get(f"/operator/providers/{cast.alices}").status_code == 403
    assert browser("bella").get("/operator/jobs").status_code == 403


@pytest.mark.parametrize("name", ["bella", "sam"])
def test_only_operators_change_anything(browser: Browsers, cast: Cast, name: str) -> None:
    job = failed_job(cast)
    her = browser(name)
    assert her.post(f"/operator/providers/{cast.alices}/suspend", {"reason": "欠费"}).status_code == 403
    assert her.post(f"/operator/providers/{cast.alices}/resume").status_code == 403
    assert her.post(f"/operator/jobs/{job}/retry").status_code == 403
    assert status_of(cast) == ProviderStatus.ACTIVE


def test_support_looks_without_buttons(browser: Browsers, cast: Cast) -> None:
    failed_job(cast)
    page = browser("sam").text(f"/operator/providers/{cast.alices}")
    assert "alice@example.com" in page
    assert "暂停服务商" not in page
    assert "/retry" not in browser("sam").text("/operator/jobs")


def test_suspending_shuts_its_people_out_and_resuming_lets_them_in(browser: Browsers, cast: Cast) -> None:
    with platform_session("test") as db:
        db.execute(update(Provider).where(Provider.id == cast.alices).values(status=ProviderStatus.TRIAL))
    page = f"/operator/providers/{cast.alices}"
    olga = browser("olga")
    assert "不受影响" in olga.text(page)
    assert olga.post(f"{page}/suspend", {"reason": "  "}).status_code == 422
    assert olga.post(f"{page}/suspend", {"reason": "冒用他人资质"}).status_code == 303
    told = browser("alice").get("/p/alice/")
    assert told.status_code == 403
    assert "冒用他人资质" in told.get_data(as_text=True)
    merchant = browser("mei").get("/m/alice/")
    assert merchant.status_code == 403
    assert "冒用他人资质" not in merchant.get_data(as_text=True)
    assert browser("charlie").get("/p/charlie/").status_code == 200
    assert olga.post(f"{page}/suspend", {"reason": "again"}).status_code == 409
    assert olga.post(f"{page}/resume").status_code == 303
    assert olga.post(f"{page}/resume").status_code == 409
    assert status_of(cast) == ProviderStatus.TRIAL
    log = browser("alice").text("/p/alice/activity")
    for words in ("平台暂停使用", "平台恢复使用", "Olga", "平台运营", "冒用他人资质"):
        assert words in log


def test_the_list_is_searched_and_filtered(browser: Browsers, cast: Cast) -> None:
    olga = browser("olga")
    assert "查理科技" not in olga.text("/operator/?q=ALI")
    assert "没有符合条件的服务商" in olga.text("/operator/?q=%25")
    assert "没有符合条件的服务商" in olga.text("/operator/?status=closed")
    assert olga.get("/operator/?status='&before=x").status_code == 200


def test_pages_of_providers_follow_one_another_with_a_constant_number_of_queries(browser: Browsers, cast: Cast) -> None:
    with platform_session("test") as db:
        db.add_all(Provider(slug=f"many-{number:03}", name=f"多{number:03}") for number in range(110))
    statements: list[str] = []
    engine = database.engine("platform")

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "from providers" in statement.lower():
            statements.append(statement)

    seen: list[str] = []
    path: str | None = "/operator/?q=many"
    event.listen(engine, "before_cursor_execute", note)
    try:
        while path:
            page = browser("olga").text(path)
            seen += re.findall(r"many-\d{3}", page)
            following = re.search(r'href="([^"]+)" rel="next"', page)
            path = following[1].replace("&amp;", "&") if following else None
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert sorted(seen) == [f"many-{number:03}" for number in range(110)]
    assert len(statements) == 3


def test_a_failed_job_is_tried_again_once(browser: Browsers, cast: Cast) -> None:
    job = failed_job(cast)
    olga = browser("olga")
    page = olga.text("/operator/jobs")
    assert "OSError: no route" in page
    assert "爱丽服务" in page
    assert olga.post(f"/operator/jobs/{job}/retry").status_code == 303
    assert olga.post(f"/operator/jobs/{job}/retry").status_code == 409
    with platform_session("test") as db:
        row = db.scalars(select(Job)).one()
        verbs = list(db.scalars(select(Activity.verb)))
    assert (row.status, row.attempt, row.error) == (JobStatus.QUEUED, 0, "")
    assert verbs == ["provider.retry_job"]


def test_a_job_whose_equal_is_waiting_is_not_doubled(browser: Browsers, cast: Cast) -> None:
    subject = str(new_id())
    job = failed_job(cast, subject=subject)
    failed_job(cast, subject=subject, status=JobStatus.QUEUED, finished_at=None)
    assert browser("olga").post(f"/operator/jobs/{job}/retry").status_code == 409
