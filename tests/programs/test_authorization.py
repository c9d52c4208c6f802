"""A merchant's authorization: browser and event in any order, the wrong account, links that are over, WeChat down."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from saas import clock
from saas.components.models import AccessTokenRow, RefreshToken
from saas.db import tenant_session
from saas.errors import Forbidden
from saas.programs import links
from saas.programs.authorization import Device, NothingCameBack, WeChatPageClosed
from saas.programs.links import LinkOver, LinkState
from saas.programs.models import AuthorizationStatus, Grant, GrantStatus, LinkProblem, LinkStatus
from saas.queue import Job
from saas.tenants.models import Activity
from tests.components.small_wechat import refusal
from tests.programs.conftest import CAFE, SHOP, Desk, Merchants, whole_now


def test_browser_then_event_exchange_the_code_once(desk: Desk, merchants: Merchants) -> None:
    link = desk.link()
    page = desk.open(link)
    code = merchants.grants(CAFE)
    desk.come_back(link, code)
    desk.push(CAFE, code, page["pre_auth_code"])
    desk.run_jobs()
    desk.come_back(link, code)
    desk.push(CAFE, code, page["pre_auth_code"])
    desk.run_jobs()
    assert merchants.server.calls["api_query_auth"] == 1
    program = desk.programs()[CAFE]
    assert (program.name, program.merchant_id) == ("青禾咖啡", desk.cast.meis)
    assert program.permission_sets == [17, 18, 30]
    after = desk.reread(link)
    assert (after.status, after.result_program_id, after.problem) == (LinkStatus.USED, program.id, "")


def test_event_then_browser_exchange_the_code_once(desk: Desk, merchants: Merchants) -> None:
    link = desk.link()
    page = desk.open(link)
    code = merchants.grants(CAFE)
    desk.push(CAFE, code, page["pre_auth_code"])
    desk.run_jobs()
    assert desk.reread(link).status == LinkStatus.USED
    desk.come_back(link, code)
    desk.run_jobs()
    assert merchants.server.calls["api_query_auth"] == 1
    assert desk.programs()[CAFE].merchant_id == desk.cast.meis


def test_the_event_of_an_earlier_opening_still_finds_its_link(desk: Desk, merchants: Merchants) -> None:
    link = desk.link()
    first = desk.open(link, Device.COMPUTER)
    second = desk.open(link, Device.PHONE)
    assert first["pre_auth_code"] != second["pre_auth_code"]
    desk.push(CAFE, merchants.grants(CAFE), first["pre_auth_code"])
    desk.run_jobs()
    assert desk.reread(link).status == LinkStatus.USED


def test_a_browser_that_comes_after_an_event_without_its_page_still_uses_the_link(
    desk: Desk, merchants: Merchants
) -> None:
    link = desk.link()
    desk.open(link)
    code = merchants.grants(CAFE)
    desk.push(CAFE, code)
    desk.run_jobs()
    assert desk.programs()[CAFE].merchant_id is None
    desk.come_back(link, code)
    desk.run_jobs()
    assert desk.programs()[CAFE].merchant_id == desk.cast.meis
    assert desk.reread(link).status == LinkStatus.USED
    assert merchants.server.calls["api_query_auth"] == 1


def test_tokens_are_kept_and_the_code_is_forgotten(desk: Desk, merchants: Merchants) -> None:
    link = desk.link()
    desk.open(link)
    code = merchants.grants(CAFE)
    desk.come_back(link, code)
    desk.run_jobs()
    with tenant_session(desk.cast.alices) as db:
        token = db.scalars(select(AccessTokenRow).where(AccessTokenRow.appid == CAFE)).one()
        assert token.value == f"access-{code}"
        assert [row.value for row in db.scalars(select(RefreshToken))] == [f"refresh-{code}"]
        grant = db.scalars(select(Grant)).one()
        assert (grant.status, grant.code_sealed) == (GrantStatus.EXCHANGED, None)


def test_a_code_from_elsewhere_makes_a_program_without_merchant(desk: Desk, merchants: Merchants) -> None:
    desk.push(CAFE, merchants.grants(CAFE))
    desk.run_jobs()
    program = desk.programs()[CAFE]
    assert (program.name, program.merchant_id) == ("青禾咖啡", None)


def test_the_wrong_account_stays_unassigned_and_the_link_says_so(desk: Desk, merchants: Merchants) -> None:
    desk.push(CAFE, merchants.grants(CAFE))
    desk.run_jobs()
    cafe = desk.programs()[CAFE]
    link = desk.link(program=cafe.id)
    page = desk.open(link)
    assert page["biz_appid"] == CAFE
    desk.come_back(link, merchants.grants(SHOP))
    desk.run_jobs()
    shop, after = desk.programs()[SHOP], desk.reread(link)
    assert shop.merchant_id is None
    assert (after.status, after.problem, after.result_program_id) == (
        LinkStatus.STARTED, LinkProblem.WRONG_ACCOUNT, shop.id,
    )  # fmt: skip
    desk.open(link)
    desk.come_back(link, merchants.grants(CAFE))
    desk.run_jobs()
    after = desk.reread(link)
    assert (after.status, after.problem, after.result_program_id) == (LinkStatus.USED, "", cafe.id)
    assert desk.programs()[CAFE].merchant_id == desk.cast.meis


def test_a_program_of_another_merchant_is_not_reassigned(desk: Desk, merchants: Merchants) -> None:
    from saas.tenants.models import Merchant

    with tenant_session(desk.cast.alices) as db:
        other = Merchant(provider_id=desk.cast.alices, name="别家")
        db.add(other)
    desk.push(CAFE, merchants.grants(CAFE))
    desk.run_jobs()
    with tenant_session(desk.cast.alices) as db:
        db.add(program := db.merge(desk.programs()[CAFE]))
        program.merchant_id = other.id
    link = desk.link()
    desk.open(link)
    desk.come_back(link, merchants.grants(CAFE))
    desk.run_jobs()
    assert desk.programs()[CAFE].merchant_id == other.id
    assert desk.reread(link).problem == LinkProblem.OTHER_MERCHANT


def test_a_used_link_opens_nothing_and_calls_nobody(desk: Desk, merchants: Merchants) -> None:
    link = desk.link()
    desk.open(link)
    desk.come_back(link, merchants.grants(CAFE))
    desk.run_jobs()
    calls = merchants.server.calls.total()
    with pytest.raises(LinkOver) as over:
        desk.open(link)
    assert over.value.state == LinkState.USED
    with pytest.raises(LinkOver):
        desk.come_back(link, merchants.grants(SHOP))
    assert desk.run_jobs() == []
    assert merchants.server.calls.total() == calls


def test_a_second_program_through_a_used_link_stays_unassigned(desk: Desk, merchants: Merchants) -> None:
    link = desk.link()
    first, second = desk.open(link), desk.open(link)
    desk.push(CAFE, merchants.grants(CAFE), first["pre_auth_code"])
    desk.push(SHOP, merchants.grants(SHOP), second["pre_auth_code"])
    desk.run_jobs()
    programs, after = desk.programs(), desk.reread(link)
    assert programs[CAFE].merchant_id == desk.cast.meis
    assert programs[SHOP].merchant_id is None
    assert (after.problem, after.result_program_id) == (LinkProblem.LINK_OVER, programs[CAFE].id)


def test_an_expired_link_opens_nothing(desk: Desk, merchants: Merchants, move_clock: Callable[[float], None]) -> None:
    link = desk.link(lifetime=timedelta(days=1))
    move_clock(86401)
    with pytest.raises(LinkOver) as over:
        desk.open(link)
    assert over.value.state == LinkState.EXPIRED
    assert merchants.server.calls.total() == 0


def test_a_link_that_expires_while_the_merchant_confirms_still_counts(
    desk: Desk, merchants: Merchants, move_clock: Callable[[float], None]
) -> None:
    link = desk.link(lifetime=timedelta(hours=1))
    desk.open(link)
    move_clock(3601)
    with pytest.raises(LinkOver):
        desk.come_back(link, "queryauthcode@@@much-later")
    link = desk.link(lifetime=timedelta(hours=1))
    move_clock(3500)
    desk.open(link)
    move_clock(200)
    desk.come_back(link, merchants.grants(CAFE))
    desk.run_jobs()
    assert desk.reread(link).status == LinkStatus.USED


def test_a_revoked_link_opens_nothing_and_what_comes_through_stays_unassigned(desk: Desk, merchants: Merchants) -> None:
    link = desk.link()
    page = desk.open(link)
    with tenant_session(desk.cast.alices) as db:
        links.revoke_link(db, desk.again(db, link), who=desk.cast.who["max"])
    with pytest.raises(LinkOver) as over:
        desk.open(link)
    assert over.value.state == LinkState.REVOKED
    desk.push(CAFE, merchants.grants(CAFE), page["pre_auth_code"])
    desk.run_jobs()
    assert desk.programs()[CAFE].merchant_id is None
    assert desk.reread(link).problem == LinkProblem.LINK_OVER


def test_a_forged_code_fails_with_wechats_words_and_the_link_stays_usable(desk: Desk, merchants: Merchants) -> None:
    link = desk.link()
    desk.open(link)
    desk.come_back(link, "queryauthcode@@@forged")
    desk.run_jobs()
    with tenant_session(desk.cast.alices) as db:
        grant = db.scalars(select(Grant)).one()
        assert (grant.status, grant.errcode, grant.rid) == (GrantStatus.FAILED, 61009, "65f0-11-22")
    assert desk.programs() == {}
    desk.open(link)
    desk.come_back(link, merchants.grants(CAFE))
    desk.run_jobs()
    assert desk.reread(link).status == LinkStatus.USED


@pytest.mark.parametrize("code", ["", "x" * 2000, "bad\ncode"])
def test_a_return_without_a_usable_code_is_refused(desk: Desk, merchants: Merchants, code: str) -> None:
    link = desk.link()
    desk.open(link)
    with pytest.raises(NothingCameBack):
        desk.come_back(link, code)


def test_a_return_before_the_page_was_opened_is_refused(desk: Desk, merchants: Merchants) -> None:
    with pytest.raises(NothingCameBack):
        desk.come_back(desk.link(), merchants.grants(CAFE))


def test_wechat_down_at_the_click_leaves_the_link_usable(desk: Desk, merchants: Merchants) -> None:
    link = desk.link()
    working = merchants.server.answers["api_create_preauthcode"]
    merchants.server.answers["api_create_preauthcode"] = refusal(61004, "access clientip is not registered")
    with pytest.raises(WeChatPageClosed):
        desk.open(link)
    assert desk.reread(link).status == LinkStatus.OPEN
    merchants.server.answers["api_create_preauthcode"] = working
    desk.open(link)
    assert desk.reread(link).status == LinkStatus.STARTED


def test_a_busy_wechat_is_asked_again(desk: Desk, merchants: Merchants) -> None:
    working = merchants.server.answers["api_query_auth"]
    merchants.server.answers["api_query_auth"] = refusal(-1, "system error")
    link = desk.link()
    desk.open(link)
    desk.come_back(link, merchants.grants(CAFE))
    desk.run_jobs()
    assert desk.programs() == {}
    merchants.server.answers["api_query_auth"] = working
    desk.run_jobs(wait=60)
    assert desk.reread(link).status == LinkStatus.USED


def test_a_code_whose_answer_was_lost_is_read_back(desk: Desk, merchants: Merchants) -> None:
    link = desk.link()
    page = desk.open(link)
    code = merchants.grants(CAFE)
    merchants.used.add(code)  # exchanged by a run that died before it could keep the answer
    desk.push(CAFE, code, page["pre_auth_code"])
    desk.run_jobs()
    assert desk.reread(link).status == LinkStatus.USED
    with tenant_session(desk.cast.alices) as db:
        assert [row.value for row in db.scalars(select(RefreshToken))] == [f"listed-{CAFE}"]


def test_a_failed_code_is_tried_again_when_the_event_says_whose_it_is(desk: Desk, merchants: Merchants) -> None:
    link = desk.link()
    page = desk.open(link)
    code = merchants.grants(CAFE)
    merchants.used.add(code)
    desk.come_back(link, code)
    desk.run_jobs()
    assert desk.programs() == {}
    desk.push(CAFE, code, page["pre_auth_code"])
    desk.run_jobs()
    assert desk.reread(link).status == LinkStatus.USED


def test_unauthorized_drops_the_tokens_and_keeps_the_matrix(desk: Desk, merchants: Merchants) -> None:
    desk.push(CAFE, merchants.grants(CAFE), at=whole_now() - timedelta(minutes=5))
    desk.run_jobs()
    merchants.authorized.clear()
    desk.push_unauthorized(CAFE)
    desk.run_jobs()
    program = desk.programs()[CAFE]
    assert program.authorization == AuthorizationStatus.UNAUTHORIZED
    assert program.permission_sets == [17, 18, 30]
    with tenant_session(desk.cast.alices) as db:
        assert db.scalars(select(AccessTokenRow).where(AccessTokenRow.appid == CAFE)).one().value == ""
        assert db.scalar(select(Activity).where(Activity.verb == "program.unauthorized")) is not None


def test_a_late_unauthorized_does_not_override_a_newer_authorization(desk: Desk, merchants: Merchants) -> None:
    now = whole_now()
    desk.push(CAFE, merchants.grants(CAFE), at=now)
    desk.run_jobs()
    desk.push_unauthorized(CAFE, at=now - timedelta(minutes=1))
    assert "jobs.programs.read_profile" in desk.run_jobs()
    assert desk.programs()[CAFE].authorization == AuthorizationStatus.AUTHORIZED


def test_an_ignored_unauthorized_that_was_true_is_found_by_asking(desk: Desk, merchants: Merchants) -> None:
    now = whole_now()
    desk.push(CAFE, merchants.grants(CAFE), at=now)
    desk.run_jobs()
    merchants.authorized.clear()
    desk.push_unauthorized(CAFE, at=now - timedelta(seconds=30))
    desk.run_jobs()
    assert desk.programs()[CAFE].authorization == AuthorizationStatus.UNAUTHORIZED


def test_authorizing_again_brings_the_program_back_with_its_new_sets(desk: Desk, merchants: Merchants) -> None:
    now = whole_now()
    desk.push(CAFE, merchants.grants(CAFE), at=now - timedelta(minutes=9))
    desk.run_jobs()
    desk.push_unauthorized(CAFE, at=now - timedelta(minutes=6))
    desk.push(CAFE, merchants.grants(CAFE, sets=(18, 30, 156)), at=now - timedelta(minutes=3), updated=True)
    desk.run_jobs()
    program = desk.programs()[CAFE]
    assert (program.authorization, program.permission_sets) == (AuthorizationStatus.AUTHORIZED, [18, 30, 156])


def test_a_replaced_link_leaves_the_old_one_revoked(desk: Desk, merchants: Merchants) -> None:
    from saas.components.access import load_component
    from saas.tenants.access import Verb
    from saas.tenants.merchants import get_merchant

    old = desk.link(permission_sets=[18, 30])
    alice = desk.cast.who["alice"]
    with tenant_session(desk.cast.alices) as db:
        component, merchant = load_component(db, desk.component.id), get_merchant(db, alice, desk.cast.meis, Verb.WORK)
        new = links.replace_link(db, desk.again(db, old), component, merchant, who=alice)
    assert desk.reread(old).status == LinkStatus.REVOKED
    assert (new.permission_sets, new.token != old.token) == ([18, 30], True)
    assert desk.open(new)["category_id_list"] == "18|30"


def test_bob_makes_no_links(desk: Desk) -> None:
    with pytest.raises(Forbidden):
        desk.link(who="bob")


def test_nothing_secret_is_in_rows_or_logs_of_the_link(desk: Desk, merchants: Merchants) -> None:
    link = desk.link()
    desk.open(link)
    desk.come_back(link, merchants.grants(CAFE))
    desk.run_jobs()
    with tenant_session(desk.cast.alices) as db:
        details = " ".join(str(row.detail) for row in db.scalars(select(Activity)))
        jobs = " ".join(row.error for row in db.scalars(select(Job)))
    assert link.token not in details + jobs
    assert "queryauthcode" not in details + jobs
    assert link.expires_at > clock.now()


def test_browser_and_event_at_the_same_moment_exchange_the_code_once(desk: Desk, merchants: Merchants) -> None:
    link = desk.link()
    page = desk.open(link)
    code = merchants.grants(CAFE)
    together = threading.Barrier(6)

    def arrive(number: int) -> None:
        together.wait()
        if number % 2:
            desk.push(CAFE, code, page["pre_auth_code"])
        else:
            desk.come_back(link, code)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(arrive, range(6)))
    desk.run_jobs()
    assert merchants.server.calls["api_query_auth"] == 1
    with tenant_session(desk.cast.alices) as db:
        assert len(db.scalars(select(Grant)).all()) == 1
    assert desk.reread(link).status == LinkStatus.USED
