"""New links for all mini programs that lack a permission: the page, the table, the batch, the mails."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from saas import clock
from saas.batches.models import BatchItem, ItemStatus
from saas.components.models import ComponentApp
from saas.db import tenant_session
from saas.errors import Invalid
from saas.programs import listing, permission_campaign
from saas.programs.links import LinkState, state_of
from saas.programs.models import AuthorizationLink, AuthorizationStatus, LinkStatus, Program
from saas.programs.permission_campaign import read_terms
from saas.tenants.models import Merchant, OutgoingMail
from tests.cast import Cast
from tests.web.conftest import Browser

Open = Callable[[str], Browser]
PAGE, START = "/p/alice/permissions", "/p/alice/programs/selection/start?action=renew_link"
EVERYTHING = {"all": "1", "lacking": "essential", "authorization": "authorized"}


@pytest.fixture
def fleet(cast: Cast) -> dict[str, UUID]:
    """Mei's lack nothing, 30, and 18; nobody's lacks 30; one that withdrew."""
    with tenant_session(cast.alices) as db:
        component = ComponentApp(provider_id=cast.alices, key="alicekey", name="爱丽平台", appid="wx8a2b1c3d4e5f6071")
        db.add(component)
        db.flush()
        given: list[tuple[str, list[int], UUID | None, str]] = [
            ("齐全", [18, 30, 17], cast.meis, "authorized"), ("缺资料", [18], cast.meis, "authorized"),
            ("缺开发", [30], cast.meis, "authorized"), ("没主", [18], None, "authorized"),
            ("走了", [18], cast.meis, "unauthorized"),
        ]  # fmt: skip
        rows = [
            Program(
                provider_id=cast.alices, component_id=component.id, appid=f"wx0{number}", name=name,
                permission_sets=sets, merchant_id=merchant, authorization=AuthorizationStatus(state),
                authorized_at=clock.now(),
            )
            for number, (name, sets, merchant, state) in enumerate(given)
        ]  # fmt: skip
        db.add_all(rows)
        db.flush()
        return {row.name: row.id for row in rows}


def renew(browser: Browser, run_jobs: Callable[..., list[str]], **terms: str) -> None:
    answer = browser.post(START, {**EVERYTHING, "do-lacking": "essential", "do-days": "7", **terms})
    assert answer.status_code == 303, answer.get_data(as_text=True)
    run_jobs()


def links(cast: Cast) -> dict[str, list[AuthorizationLink]]:
    found: dict[str, list[AuthorizationLink]] = {}
    with tenant_session(cast.alices) as db:
        query = select(AuthorizationLink, Program.name).join(Program, Program.id == AuthorizationLink.program_id)
        for link, name in db.execute(query.order_by(AuthorizationLink.id)):
            found.setdefault(name, []).append(link)
    return found


def test_the_page_shows_who_lacks_what(browser: Open, fleet: dict[str, UUID]) -> None:
    text = browser("bob").text(PAGE)
    assert "缺资料" in text
    assert "缺开发" in text
    assert "没主" in text
    assert "齐全" not in text
    assert "走了" not in text
    assert "生成链接" not in text
    assert browser("bob").get(f"{PAGE}.csv").status_code == 403
    only = browser("max").text(f"{PAGE}?lacking=18")
    assert "缺开发" in only
    assert "缺资料" not in only
    assert "没有缺少这些权限的小程序" not in browser("max").text(f"{PAGE}?lacking=nonsense")
    assert "补授权" in browser("max").text("/p/alice/programs?lacking=essential")


def test_every_one_gets_one_link_that_is_kept(
    browser: Open, cast: Cast, fleet: dict[str, UUID], run_jobs: Callable[..., list[str]]
) -> None:
    max_ = browser("max")
    assert "1 个不适用" in max_.text(f"{START}&all=1&lacking=essential&authorization=authorized")
    renew(max_, run_jobs)
    renew(max_, run_jobs)
    made = links(cast)
    assert {name: len(some) for name, some in made.items()} == {"缺资料": 1, "缺开发": 1}
    assert made["缺资料"][0].permission_sets == []
    assert made["缺资料"][0].created_by == cast.users["max"]
    table = max_.get(f"{PAGE}.csv").get_data(as_text=True)
    assert f"/m/alice/authorize/{made['缺资料'][0].token}" in table
    assert made["缺资料"][0].token not in browser("bob").text(PAGE)
    with tenant_session(cast.alices) as db:
        link = db.scalars(select(AuthorizationLink).where(AuthorizationLink.id == made["缺资料"][0].id)).one()
        link.status = LinkStatus.USED
        soon = db.scalars(select(AuthorizationLink).where(AuthorizationLink.id == made["缺开发"][0].id)).one()
        soon.expires_at = clock.now() + timedelta(hours=3)
    assert "授权过了，但没有勾选这些权限" in max_.text(PAGE)
    renew(max_, run_jobs)
    assert {name: len(some) for name, some in links(cast).items()} == {"缺资料": 2, "缺开发": 2}
    assert state_of(links(cast)["缺资料"][1]) == LinkState.OPEN


def test_the_table_has_all_of_them(
    browser: Open, fleet: dict[str, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setitem(listing.select_ids.__kwdefaults__, "most", 1)
    monkeypatch.setattr(permission_campaign, "_CHUNK", 2)
    answer = browser("max").get(f"{PAGE}.csv")
    assert answer.is_streamed
    rows = list(csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    assert [row["小程序"] for row in rows] == ["没主", "缺开发", "缺资料"]


def test_links_are_mailed_where_there_is_an_address(
    browser: Open, cast: Cast, fleet: dict[str, UUID], run_jobs: Callable[..., list[str]]
) -> None:
    with tenant_session(cast.alices) as db:
        db.scalars(select(Merchant).where(Merchant.id == cast.meis)).one().contact_email = ""
    renew(browser("max"), run_jobs, **{"do-mail": "y"})
    with tenant_session(cast.alices) as db:
        assert [len(item.partial) for item in db.scalars(select(BatchItem))] == [1, 1]
        db.scalars(select(Merchant).where(Merchant.id == cast.meis)).one().contact_email = "mei@example.com"
    renew(browser("max"), run_jobs, **{"do-mail": "y"})
    with tenant_session(cast.alices) as db:
        mails = list(db.scalars(select(OutgoingMail).where(OutgoingMail.to == "mei@example.com")))
        assert len(mails) == 2
        assert any(links(cast)["缺资料"][0].token in mail.body_text for mail in mails)
        assert all("请重新授权" in mail.subject for mail in mails)


def test_chosen_ones_get_links_whatever_they_lack(
    browser: Open, cast: Cast, fleet: dict[str, UUID], run_jobs: Callable[..., list[str]]
) -> None:
    ids = {"id": [str(fleet["齐全"]), str(fleet["走了"])]}
    answer = browser("max").post(START, {**ids, "do-lacking": "essential", "do-days": "1"})
    assert answer.status_code == 303
    run_jobs()
    with tenant_session(cast.alices) as db:
        found = {item.subject_id: item.status for item in db.scalars(select(BatchItem))}
    assert found == {fleet["齐全"]: ItemStatus.SKIPPED, fleet["走了"]: ItemStatus.DONE}
    browser("max").post(START, {**ids, "do-lacking": "all", "do-days": "3"})
    run_jobs()
    assert set(links(cast)) == {"齐全", "走了"}


def test_terms_that_cannot_be_are_refused(browser: Open, fleet: dict[str, UUID]) -> None:
    for wrong in ({"do-days": "31"}, {"do-lacking": "x"}, {"do-days": ""}):
        answer = browser("max").post(START, {**EVERYTHING, "do-lacking": "essential", "do-days": "7", **wrong})
        assert answer.status_code == 422
    with pytest.raises(Invalid):
        read_terms("essential", "0", mail=False)
