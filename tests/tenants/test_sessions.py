"""Signed-in browsers: what a token opens, and what ends it."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import event, select, update

from jobs.tenants import forget_the_past
from saas import clock
from saas import db as database
from saas.db import platform_session
from saas.tenants import sessions
from saas.tenants.models import LoginSession, User
from tests.cast import Cast

HOUR = 3600.0


def sign_in(cast: Cast, name: str = "alice", *, remember: bool = False) -> str:
    with platform_session("test") as db:
        user = db.get_one(User, cast.users[name])
    return sessions.open_session(user, ip="203.0.113.7", user_agent="Firefox", remember=remember)


def test_a_token_finds_its_person(cast: Cast) -> None:
    person = sessions.session_user(sign_in(cast))
    assert person is not None
    assert (person.user_id, person.email, person.is_confirmed) == (cast.users["alice"], "alice@example.com", True)


def test_only_the_hash_of_a_token_is_kept(cast: Cast) -> None:
    token = sign_in(cast)
    with platform_session("test") as db:
        row = db.scalars(select(LoginSession)).one()
    assert token not in repr(vars(row))
    assert len(row.token_hash) == 32


def test_an_unknown_or_empty_token_finds_nobody(cast: Cast) -> None:
    sign_in(cast)
    assert sessions.session_user("") is None
    assert sessions.session_user("A" * 43) is None


def test_twelve_hours_without_a_visit_end_it(cast: Cast, move_clock: Callable[[float], None]) -> None:
    token = sign_in(cast)
    move_clock(11 * HOUR)
    assert sessions.session_user(token)
    move_clock(11 * HOUR)
    assert sessions.session_user(token)
    move_clock(12 * HOUR + 1)
    assert sessions.session_user(token) is None


def test_visits_cannot_stretch_it_beyond_thirty_days(cast: Cast, move_clock: Callable[[float], None]) -> None:
    token = sign_in(cast)
    for _ in range(3 * 30):
        assert sessions.session_user(token)
        move_clock(8 * HOUR)
    move_clock(1)
    assert sessions.session_user(token) is None


def test_a_remembered_browser_stays_thirty_days_without_a_visit(
    cast: Cast, move_clock: Callable[[float], None]
) -> None:
    token = sign_in(cast, remember=True)
    move_clock(29 * 24 * HOUR)
    assert sessions.session_user(token)
    move_clock(24 * HOUR + 1)
    assert sessions.session_user(token) is None


def test_a_blocked_person_is_out_at_once(cast: Cast) -> None:
    token = sign_in(cast)
    with platform_session("test") as db:
        db.execute(update(User).where(User.id == cast.users["alice"]).values(blocked_at=clock.now()))
    assert sessions.session_user(token) is None


def test_signing_out_ends_one_browser(cast: Cast) -> None:
    here, there = sign_in(cast), sign_in(cast)
    sessions.close_session(here)
    assert sessions.session_user(here) is None
    assert sessions.session_user(there)


def test_signing_out_everywhere_may_spare_this_browser_and_spares_other_people(cast: Cast) -> None:
    here, there, bobs = sign_in(cast), sign_in(cast), sign_in(cast, "bob")
    sessions.close_all_sessions(cast.users["alice"], except_token=here)
    assert [bool(sessions.session_user(token)) for token in (here, there, bobs)] == [True, False, True]
    sessions.close_all_sessions(cast.users["alice"])
    assert sessions.session_user(here) is None


def test_nobody_ends_another_persons_session(cast: Cast) -> None:
    token = sign_in(cast)
    person = sessions.session_user(token)
    assert person
    assert sessions.close_one(cast.users["charlie"], person.session_id) is False
    assert sessions.session_user(token)
    assert sessions.close_one(cast.users["alice"], person.session_id) is True
    assert sessions.session_user(token) is None


def test_the_list_shows_only_what_is_still_open(cast: Cast, move_clock: Callable[[float], None]) -> None:
    ended, kept = sign_in(cast), sign_in(cast, remember=True)
    sessions.close_session(ended)
    sign_in(cast)
    move_clock(13 * HOUR)
    assert [row.token_hash for row in sessions.list_sessions(cast.users["alice"])] == [sessions.token_hash(kept)]


def test_a_visit_costs_one_query_and_a_note_at_most_once_a_minute(
    cast: Cast, move_clock: Callable[[float], None]
) -> None:
    token = sign_in(cast)
    statements: list[str] = []
    engine = database.engine("platform")

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement.split()[0].lower())

    event.listen(engine, "before_cursor_execute", note)
    try:
        sessions.session_user(token)
        assert statements == ["select"]
        move_clock(61)
        sessions.session_user(token)
        sessions.session_user(token)
        assert statements == ["select", "select", "update", "select"]
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_ended_sessions_are_forgotten_after_thirty_days(cast: Cast, move_clock: Callable[[float], None]) -> None:
    sign_in(cast)
    move_clock(20 * 24 * HOUR)
    fresh = sign_in(cast, remember=True)
    move_clock(12 * 24 * HOUR)
    with platform_session("test") as db:
        forget_the_past(db)
    with platform_session("test") as db:
        assert db.scalars(select(LoginSession.token_hash)).all() == [sessions.token_hash(fresh)]
