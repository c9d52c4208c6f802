"""A provider's own host: what may be named, how it is proved to lead here, and when it is given up."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select, update

from saas.config import settings
from saas.db import platform_session, tenant_session
from saas.errors import Forbidden, Invalid
from saas.queue import Job
from saas.tenants import branding, own_hosts
from saas.tenants.models import Activity, Provider, ProviderStatus
from saas.tenants.own_hosts import Problem, address_of, clean_host
from saas.tenants.providers import own_provider
from tests.cast import Cast

HOST = "xcx.alice.example"
OURS = "http://localhost:8000"


def name(cast: Cast, host: str = HOST, person: str = "alice") -> None:
    who = cast.who[person]
    with tenant_session(who.provider_id) as db:
        own_hosts.change_host(db, own_provider(db), host, who=who)


def look(cast: Cast, found: Callable[[str], bytes | None]) -> Provider:
    with tenant_session(cast.alices) as db:
        provider = own_provider(db)
        own_hosts.look_at_host(db, provider, fetch=found)
        return provider


def leads_here(address: str) -> bytes | None:
    """What our own server answers at that address."""
    host, _, nonce = address.removeprefix("http://").partition(f":8000{own_hosts.QUESTION}")
    found = own_hosts.answer(host, nonce)
    return found.encode() + b"\n" if found else b"not found"


@pytest.fixture
def public_url(installed: object, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def put(address: str) -> None:
        monkeypatch.setattr(settings(), "public_url", address)

    return put


@pytest.mark.parametrize(
    ("typed", "host"),
    [
        ("XCX.Alice.example", "xcx.alice.example"), (" https://xcx.alice.example/ ", "xcx.alice.example"),
        ("商家.中国", "xn--czrs3m.xn--fiqs8s"), ("xcx.alice.example.", "xcx.alice.example"),
    ],
)  # fmt: skip
def test_names_are_written_one_way(installed: object, typed: str, host: str) -> None:
    assert clean_host(typed) == host


@pytest.mark.parametrize(
    "typed",
    ["alice", "xcx.alice.example/m", "xcx.alice.example:8000", "1.2.3.4", "1.2.3.4:80", "[::1]", "::1", "a..b", "-a.b",
     "a b.example", "user@alice.example", "alice.1", "localhost", "x.localhost", "ftp://a.example", "a." + "b" * 64],
)  # fmt: skip
def test_what_is_no_name_for_a_provider_is_refused(installed: object, typed: str) -> None:
    with pytest.raises(Invalid) as refused:
        clean_host(typed)
    assert refused.value.field == "host"


@pytest.mark.parametrize(
    ("ours", "typed", "is_ours"),
    [
        ("https://app.daiban.cn", "app.daiban.cn", True), ("https://app.daiban.cn", "www.daiban.cn", True),
        ("https://app.daiban.cn", "daiban.cn", True), ("https://app.daiban.cn", "x.app.daiban.cn", True),
        ("https://app.daiban.cn", "notdaiban.cn", False), ("https://daiban.cn", "www.daiban.cn", True),
        ("https://daiban.cn", "alice.cn", False), ("https://daiban.com.cn", "alice.com.cn", False),
        ("https://daiban.com.cn", "www.daiban.com.cn", True), ("https://a.daiban.com.cn", "b.daiban.com.cn", True),
        ("https://a.daiban.com.cn", "com.cn", True), ("http://127.0.0.1:8000", "xcx.alice.example", False),
    ],
)  # fmt: skip
def test_the_platforms_family_is_not_for_providers(
    public_url: Callable[[str], None], ours: str, typed: str, is_ours: bool
) -> None:
    public_url(ours)
    if is_ours:
        with pytest.raises(Invalid):
            clean_host(typed)
    else:
        assert clean_host(typed) == typed


def test_a_named_host_is_logged_and_looked_at_but_does_not_count_yet(cast: Cast) -> None:
    name(cast)
    name(cast)
    with platform_session("test") as db:
        entry = db.scalars(select(Activity)).one()
        job = db.scalars(select(Job)).one()
    assert (entry.verb, entry.detail) == ("provider.change_host", {"host": HOST})
    assert (job.name, job.subject) == (own_hosts.LOOK, str(cast.alices))
    with tenant_session(cast.alices) as db:
        assert address_of(own_provider(db)) == OURS


def test_a_name_of_another_provider_is_refused_without_saying_whose(cast: Cast) -> None:
    name(cast)
    with pytest.raises(Invalid) as refused:
        name(cast, person="charlie")
    assert (refused.value.field, refused.value.message) == ("host", own_hosts.TAKEN)
    name(cast, "")
    name(cast, person="charlie")


def test_a_name_that_is_anothers_by_other_means_is_refused_with_the_same_words(cast: Cast) -> None:
    with tenant_session(cast.alices) as db, pytest.raises(Invalid) as refused:
        own_hosts.change_host(db, own_provider(db), HOST, who=cast.who["alice"], is_anothers=lambda host: host == HOST)
    assert refused.value.message == own_hosts.TAKEN


@pytest.mark.parametrize("person", ["max", "bob", "mei"])
def test_only_managers_name_it(cast: Cast, person: str) -> None:
    with pytest.raises(Forbidden):
        name(cast, person=person)


def test_a_host_that_leads_here_counts(cast: Cast) -> None:
    name(cast)
    provider = look(cast, leads_here)
    assert (provider.host_problem, address_of(provider)) == ("", f"http://{HOST}:8000")
    assert branding.brand_of(provider).address == f"http://{HOST}:8000"
    since = provider.host_seen_at
    assert look(cast, leads_here).host_seen_at == since
    with platform_session("test") as db:
        verbs = [entry.verb for entry in db.scalars(select(Activity).order_by(Activity.id))]
    assert verbs == ["provider.change_host", "provider.confirm_host"]


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (None, Problem.UNREACHABLE), (b"", Problem.ELSEWHERE), (b"hello", Problem.ELSEWHERE),
        (b"\xff\xfe" * 32, Problem.ELSEWHERE),
    ],
)  # fmt: skip
def test_a_host_that_leads_elsewhere_does_not_count(cast: Cast, found: bytes | None, problem: Problem) -> None:
    name(cast)
    provider = look(cast, lambda _address: found)
    assert (provider.host_problem, provider.host_seen_at) == (problem, None)


def test_an_answer_for_another_host_provider_or_question_proves_nothing(cast: Cast) -> None:
    name(cast)
    name(cast, "xcx.charlie.example", "charlie")
    nonce = "0" * 32
    own, other = own_hosts.answer(HOST, nonce), own_hosts.answer("xcx.charlie.example", nonce)
    assert own
    assert other
    assert own != other
    assert look(cast, lambda _address: own.encode()).host_problem == Problem.ELSEWHERE
    assert own_hosts.answer("nobody.example", nonce) is None
    assert own_hosts.answer("localhost", nonce) is None
    assert own_hosts.answer(HOST, "") is None
    assert own_hosts.answer(HOST, "../" * 8) is None


def test_a_host_is_given_up_after_the_second_look_only(cast: Cast) -> None:
    name(cast)
    look(cast, leads_here)
    assert look(cast, lambda _address: None).host_seen_at is not None
    assert look(cast, leads_here).host_problem == ""
    look(cast, lambda _address: None)
    provider = look(cast, lambda _address: None)
    assert (provider.host_seen_at, address_of(provider)) == (None, OURS)


def test_another_name_begins_anew(cast: Cast) -> None:
    name(cast)
    look(cast, leads_here)
    name(cast, "neu.alice.example")
    with tenant_session(cast.alices) as db:
        assert address_of(own_provider(db)) == OURS


def test_a_name_that_changes_during_the_look_is_not_confirmed_by_it(cast: Cast) -> None:
    name(cast)

    def change(address: str) -> bytes | None:
        found = leads_here(address)
        name(cast, "neu.alice.example")
        return found

    look(cast, change)
    with tenant_session(cast.alices) as db:
        assert own_provider(db).host_seen_at is None


def test_the_cron_looks_at_all_working_providers(cast: Cast, run_jobs: Callable[..., list[str]]) -> None:
    from jobs.tenants import look_at_hosts

    name(cast)
    name(cast, "xcx.charlie.example", "charlie")
    run_jobs()
    with platform_session("test") as db:
        db.execute(
            update(Provider).where(Provider.slug == "charlie").values(status=ProviderStatus.SUSPENDED, host_problem="")
        )
        db.execute(update(Provider).where(Provider.slug == "alice").values(host_problem=""))
        look_at_hosts(db)
    assert run_jobs() == [own_hosts.LOOK]
    with platform_session("test") as db:
        problems = {row.slug: row.host_problem for row in db.scalars(select(Provider))}
    assert problems == {"alice": Problem.UNREACHABLE, "charlie": ""}


def test_whose_a_host_is(cast: Cast) -> None:
    name(cast)
    assert own_hosts.slug_at(HOST) == "alice"
    assert own_hosts.slug_at("xcx.charlie.example") is None
    with platform_session("test") as db:
        db.execute(update(Provider).values(status=ProviderStatus.CLOSED))
    assert own_hosts.slug_at(HOST) is None
