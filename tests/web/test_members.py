"""The members page: who may see, invite, change and remove whom; and that leaving ends access at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from saas.db import platform_session
from saas.tenants.models import Activity, Membership, Role
from tests.cast import Cast
from tests.tenants.mailbox import last_link, mails_to
from tests.web.conftest import Browser

Browsers = Callable[[str], Browser]


def role_of(cast: Cast, name: str) -> str | None:
    with platform_session("test") as db:
        return db.scalar(
            select(Membership.role).where(Membership.user_id == cast.users[name], Membership.provider_id == cast.alices)
        )


def verbs(cast: Cast) -> list[str]:
    with platform_session("test") as db:
        return list(db.scalars(select(Activity.verb).where(Activity.provider_id == cast.alices).order_by(Activity.id)))


def test_every_member_sees_the_people_and_only_managers_the_form(browser: Browsers) -> None:
    assert "bob@example.com" in browser("bob").text("/p/alice/members")
    assert "发送邀请" not in browser("bob").text("/p/alice/members")
    page = browser("alice").text("/p/alice/members")
    assert "发送邀请" in page
    assert "charlie@example.com" not in page


@pytest.mark.parametrize("name", ["max", "bob"])
def test_members_without_the_role_are_refused(browser: Browsers, cast: Cast, name: str) -> None:
    her = browser(name)
    anna = f"/p/alice/members/{cast.users['anna']}"
    assert her.post("/p/alice/members", {"email": "x@example.com", "role": "viewer"}).status_code == 403
    assert her.get(anna).status_code == 403
    assert her.post(anna, {"role": "viewer"}).status_code == 403
    assert her.post(f"{anna}/remove").status_code == 403
    assert her.post(f"{anna}/transfer").status_code == 403
    assert role_of(cast, "anna") == "admin"


@pytest.mark.parametrize("path", ["", "/remove", "/transfer"])
def test_charlie_gets_404(browser: Browsers, cast: Cast, path: str) -> None:
    assert browser("charlie").post(f"/p/alice/members/{cast.users['bob']}{path}").status_code == 404
    assert browser("charlie").get(f"/p/charlie/members/{cast.users['bob']}{path}").status_code == 404


def test_a_colleague_is_invited_accepts_and_comes_in(browser: Browsers, cast: Cast) -> None:
    sent = browser("alice").post("/p/alice/members", {"email": "Nora@Example.com", "role": "viewer", "name": "诺拉"})
    assert sent.status_code == 303
    path = last_link("nora@example.com", "invitations")
    nora = browser("")
    assert "爱丽服务" in nora.text(path)
    given = {"name": "诺拉", "password": "green tea and rain", "agreed": "y"}
    assert nora.post(path, {**given, "password": "short"}).status_code == 422
    assert nora.post(path, {**given, "agreed": ""}).status_code == 422
    accepted = nora.post(path, given)
    assert (accepted.status_code, accepted.location) == (303, "/p/alice/")
    assert nora.get("/p/alice/members").status_code == 200
    assert nora.get("/p/alice/settings").status_code == 403
    assert nora.get(path).status_code == 410
    assert verbs(cast) == ["invitation.send", "invitation.accept"]


def test_a_known_person_accepts_with_her_own_account_only(browser: Browsers, cast: Cast) -> None:
    browser("alice").post("/p/alice/members", {"email": "charlie@example.com", "role": "member"})
    path = last_link("charlie@example.com", "invitations")
    assert "登录后接受" in browser("").text(path)
    assert browser("bob").post(path).status_code == 403
    assert browser("charlie").post(path).status_code == 303
    assert role_of(cast, "charlie") == "member"
    assert browser("charlie").get("/p/alice/").status_code == 200


def test_a_member_is_not_invited_again(browser: Browsers) -> None:
    answer = browser("alice").post("/p/alice/members", {"email": "bob@example.com", "role": "member"})
    assert answer.status_code == 422
    assert mails_to("bob@example.com") == []


def test_an_administrator_makes_no_administrators(browser: Browsers, cast: Cast) -> None:
    anna = browser("anna")
    assert anna.post("/p/alice/members", {"email": "x@example.com", "role": "admin"}).status_code == 422
    assert anna.post(f"/p/alice/members/{cast.users['bob']}", {"role": "owner"}).status_code == 422
    assert anna.post(f"/p/alice/members/{cast.users['alice']}", {"role": "owner"}).status_code in (303, 403)
    assert anna.post(f"/p/alice/members/{cast.users['alice']}/remove").status_code == 403
    assert [role_of(cast, name) for name in ("alice", "bob")] == ["owner", "viewer"]
    assert anna.post(f"/p/alice/members/{cast.users['bob']}", {"role": "member"}).status_code == 303
    assert role_of(cast, "bob") == "member"


def test_a_removed_members_next_request_is_refused(browser: Browsers, cast: Cast) -> None:
    bob = browser("bob")
    assert bob.get("/p/alice/").status_code == 200
    confirm = browser("alice").text(f"/p/alice/members/{cast.users['bob']}/remove")
    assert "立即无法进入" in confirm
    assert browser("alice").post(f"/p/alice/members/{cast.users['bob']}/remove").status_code == 303
    assert bob.get("/p/alice/").status_code == 404
    assert verbs(cast) == ["member.remove"]


def test_a_changed_role_works_with_the_next_request(browser: Browsers, cast: Cast) -> None:
    assert browser("bob").get("/p/alice/settings").status_code == 403
    browser("alice").post(f"/p/alice/members/{cast.users['bob']}", {"role": "admin"})
    assert browser("bob").get("/p/alice/settings").status_code == 200


def test_the_last_owner_can_neither_leave_nor_step_down(browser: Browsers, cast: Cast) -> None:
    alice = browser("alice")
    assert alice.post(f"/p/alice/members/{cast.users['alice']}/remove").status_code == 422
    assert alice.post(f"/p/alice/members/{cast.users['alice']}", {"role": "viewer"}).status_code == 422
    assert role_of(cast, "alice") == "owner"


def test_everybody_else_may_leave(browser: Browsers, cast: Cast) -> None:
    bob = browser("bob")
    assert bob.post(f"/p/alice/members/{cast.users['bob']}/remove").status_code == 303
    assert bob.get("/p/alice/").status_code == 404
    assert verbs(cast) == ["member.leave"]


def test_ownership_is_handed_over(browser: Browsers, cast: Cast) -> None:
    assert browser("anna").post(f"/p/alice/members/{cast.users['anna']}/transfer").status_code == 403
    assert "管理员" in browser("alice").text(f"/p/alice/members/{cast.users['anna']}/transfer")
    assert browser("alice").post(f"/p/alice/members/{cast.users['anna']}/transfer").status_code == 303
    assert [role_of(cast, name) for name in ("alice", "anna")] == [Role.ADMIN, Role.OWNER]
    assert browser("alice").post(f"/p/alice/members/{cast.users['bob']}/transfer").status_code == 403


def test_an_invitation_is_sent_again_or_revoked(browser: Browsers, cast: Cast) -> None:
    alice = browser("alice")
    alice.post("/p/alice/members", {"email": "nora@example.com", "role": "viewer"})
    first = last_link("nora@example.com", "invitations")
    page = alice.text("/p/alice/members")
    resend = page.split('action="')
    path = next(part.split('"')[0] for part in resend if part.split('"')[0].endswith("/resend"))
    assert browser("bob").post(path).status_code == 403
    assert browser("charlie").post(path.replace("/p/alice/", "/p/charlie/")).status_code == 404
    assert alice.post(path).status_code == 303
    second = last_link("nora@example.com", "invitations")
    assert [browser("").get(link).status_code for link in (first, second)] == [410, 200]
    assert alice.post(path.replace("/resend", "/revoke")).status_code == 303
    assert browser("").get(second).status_code == 410


def test_an_expired_invitation_is_over(browser: Browsers, cast: Cast, move_clock: Callable[[float], None]) -> None:
    browser("alice").post("/p/alice/members", {"email": "nora@example.com", "role": "viewer"})
    path = last_link("nora@example.com", "invitations")
    move_clock(7 * 86400 + 1)
    assert browser("").get(path).status_code == 410


def test_an_account_prepared_by_somebody_else_becomes_the_invited_persons(browser: Browsers, cast: Cast) -> None:
    from saas.tenants import accounts, sessions

    with platform_session("test") as db:
        prepared = accounts.create_person(db, "nora@example.com", "坏人", "attacker knows this", verified=False)
    token = sessions.open_session(prepared, ip="", user_agent="")
    browser("alice").post("/p/alice/members", {"email": "nora@example.com", "role": "viewer"})
    path = last_link("nora@example.com", "invitations")
    browser("").post(path, {"name": "诺拉", "password": "green tea and rain", "agreed": "y"})
    assert sessions.session_user(token) is None
    assert role_of(cast, "alice") == "owner"
    with platform_session("test") as db:
        assert accounts.sign_in(db, email="nora@example.com", password="green tea and rain").name == "诺拉"
