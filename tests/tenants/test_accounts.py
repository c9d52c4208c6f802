"""Sign up, sign in, confirm the address, forget and change the password: and how each is abused."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from sqlalchemy import func, select, update

from saas import clock, vault
from saas import db as database
from saas.config import Settings
from saas.db import platform_session, tenant_session
from saas.errors import Forbidden, Invalid
from saas.tenants import accounts, consents, names, passwords, providers, sessions
from saas.tenants.mail_tokens import LinkIsOver
from saas.tenants.models import Activity, Consent, MailToken, Membership, Provider, User
from tests.cast import PASSWORD, Cast
from tests.tenants.mailbox import last_link, last_token, mails_to

GOOD = "green tea and rain"
HOUR = 3600.0


def sign_up(email: str = "nora@example.com", **changes: object) -> None:
    values: dict[str, object] = {
        "email": email, "password": GOOD, "name": "诺拉", "provider_name": "North Wind 北风", "agreed": True,
        "origin": accounts.Origin("203.0.113.7", "r1"), **changes,
    }  # fmt: skip
    with platform_session("test") as db:
        accounts.sign_up(db, **values)  # type: ignore[arg-type]


def user(email: str) -> User:
    with platform_session("test") as db:
        found = accounts.user_by_email(db, email)
    assert found is not None
    return found


def count(model: type) -> int:
    with platform_session("test") as db:
        return db.scalar(select(func.count()).select_from(model)) or 0


def sign_in(email: str, password: str) -> User:
    with platform_session("test") as db:
        return accounts.sign_in(db, email=email, password=password)


def test_signing_up_makes_a_person_who_owns_a_provider_with_keys(ground: Settings) -> None:
    sign_up()
    person = user("nora@example.com")
    assert person.email_verified_at is None
    with platform_session("test") as db:
        provider = db.scalars(select(Provider)).one()
        membership = db.scalars(select(Membership)).one()
        agreed = {(row.document, row.version, row.ip) for row in db.scalars(select(Consent))}
    assert (provider.slug, provider.name, provider.status) == ("north-wind", "North Wind 北风", "trial")
    assert (membership.user_id, membership.role) == (person.id, "owner")
    assert agreed == {(document, version, "203.0.113.7") for document, version in consents.VERSIONS.items()}
    with tenant_session(provider.id) as db:
        row = db.scalars(select(Activity)).one()
    assert (row.verb, row.actor_name, row.ip, row.request_id) == ("provider.create", "诺拉", "203.0.113.7", "r1")
    sealed = vault.seal(provider.id, "secret", purpose="test")
    assert vault.open_sealed(provider.id, sealed, purpose="test") == b"secret"


def test_the_mailed_link_confirms_the_address_once(ground: Settings) -> None:
    sign_up()
    token = last_token("nora@example.com", "verify")
    with platform_session("test") as db:
        assert accounts.owner_of_verification(db, token).email == "nora@example.com"
        accounts.verify_email(db, token, known=[user("nora@example.com").id])
    assert user("nora@example.com").email_verified_at
    with platform_session("test") as db, pytest.raises(LinkIsOver):
        accounts.verify_email(db, token, known=[user("nora@example.com").id])


def test_elsewhere_the_mailed_link_confirms_with_the_password_only(cast: Cast) -> None:
    """Whose address somebody else signed up with must not make his account hers by a click."""
    sign_up()
    token = last_token("nora@example.com", "verify")
    for password in ("", "wrong password"):
        with platform_session("test") as db, pytest.raises(Invalid) as refused:
            accounts.verify_email(db, token, known=[cast.users["mei"]], password=password)
        assert refused.value.field == "password"
        assert user("nora@example.com").email_verified_at is None
    with platform_session("test") as db:
        accounts.verify_email(db, token, password=GOOD)
    assert user("nora@example.com").email_verified_at


def test_a_mailed_sign_in_takes_an_account_from_whoever_signed_up_with_the_address(ground: Settings) -> None:
    sign_up(password="attacker knows this")
    his = sessions.open_session(user("nora@example.com"), ip="", user_agent="", remember=True)
    verify = last_token("nora@example.com", "verify")
    with platform_session("test") as db:
        accounts.ask_for_reset(db, "nora@example.com")
        accounts.ask_for_sign_in_link(db, "nora@example.com", after="/m/alice/join/abc")
    mailed = last_link("nora@example.com", "sign-in/mail")
    assert mailed.endswith("?next=%2Fm%2Falice%2Fjoin%2Fabc")
    with platform_session("test") as db:
        accounts.sign_in_by_link(db, mailed.split("?")[0].rsplit("/", 1)[1])
    nora = user("nora@example.com")
    assert nora.email_verified_at
    assert nora.password_hash == ""
    assert sessions.session_user(his) is None
    with pytest.raises(Invalid):
        sign_in("nora@example.com", "attacker knows this")
    for token, use in (
        (verify, accounts.owner_of_verification),
        (last_token("nora@example.com", "reset"), accounts.owner_of_reset),
    ):
        with platform_session("test") as db, pytest.raises(LinkIsOver):
            use(db, token)


def test_a_mailed_sign_in_leaves_a_confirmed_persons_password_and_browsers(cast: Cast) -> None:
    there = sessions.open_session(user("mei@example.com"), ip="", user_agent="")
    with platform_session("test") as db:
        accounts.ask_for_sign_in_link(db, "mei@example.com")
    with platform_session("test") as db:
        accounts.sign_in_by_link(db, last_token("mei@example.com", "sign-in/mail"))
    assert sessions.session_user(there)
    assert sign_in("mei@example.com", PASSWORD)


def test_a_secret_is_kept_as_a_hash_only(ground: Settings) -> None:
    sign_up()
    token = last_token("nora@example.com", "verify")
    with platform_session("test") as db:
        row = db.scalars(select(MailToken)).one()
    assert row.token_hash == sessions.token_hash(token)


def test_a_confirmation_link_lives_a_day_and_a_reset_link_an_hour(
    ground: Settings, move_clock: Callable[[float], None]
) -> None:
    sign_up()
    with platform_session("test") as db:
        accounts.ask_for_reset(db, "nora@example.com")
    verify, reset = last_token("nora@example.com", "verify"), last_token("nora@example.com", "reset")
    move_clock(HOUR + 1)
    with platform_session("test") as db, pytest.raises(LinkIsOver):
        accounts.reset_password(db, reset, "blue tea and snow")
    move_clock(23 * HOUR)
    with platform_session("test") as db, pytest.raises(LinkIsOver):
        accounts.verify_email(db, verify)


def test_a_new_link_ends_the_old_one_and_a_link_serves_one_purpose(ground: Settings) -> None:
    sign_up()
    first = last_token("nora@example.com", "verify")
    with platform_session("test") as db:
        accounts.send_verification_again(db, user("nora@example.com").id)
    second = last_token("nora@example.com", "verify")
    for token, use in ((first, accounts.verify_email), (second, accounts.owner_of_reset)):
        with platform_session("test") as db, pytest.raises(LinkIsOver):
            use(db, token)
    with platform_session("test") as db:
        accounts.verify_email(db, second, known=[user("nora@example.com").id])


def test_a_confirmed_person_gets_no_further_confirmation_mail(cast: Cast) -> None:
    with platform_session("test") as db:
        accounts.send_verification_again(db, cast.users["alice"])
    assert mails_to("alice@example.com") == []


def test_a_taken_address_makes_nothing_and_only_its_owner_learns_so(cast: Cast) -> None:
    before = (count(User), count(Provider))
    sign_up("Alice@Example.com")
    assert (count(User), count(Provider)) == before
    assert [mail.subject for mail in mails_to("alice@example.com")] == ["您已有代办账号"]
    assert sign_in("alice@example.com", PASSWORD)


def test_two_sign_ups_at_once_make_one_person(ground: Settings) -> None:
    barrier = threading.Barrier(2)

    def go() -> None:
        barrier.wait()
        sign_up()

    threads = [threading.Thread(target=go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (count(User), count(Provider)) == (1, 1)


def test_nobody_can_set_a_strangers_address_up_beforehand(ground: Settings) -> None:
    """An attacker signs up with nora's address; when nora signs up herself, her link replaces his password."""
    sign_up(password="attacker knows this")
    sign_up(password=GOOD)
    with platform_session("test") as db:
        accounts.reset_password(db, last_token("nora@example.com", "reset"), GOOD)
    with pytest.raises(Invalid):
        sign_in("nora@example.com", "attacker knows this")
    assert sign_in("nora@example.com", GOOD).email_verified_at


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": "nora"}, "email"),
        ({"email": "nora@exa mple.com"}, "email"),
        ({"email": "nora@example.com\nBcc: all@example.com"}, "email"),
        ({"password": "short"}, "password"),
        ({"password": "password123"}, "password"),
        ({"password": "Qwertyuiop123!"}, "password"),
        ({"password": "woaini1314520"}, "password"),
        ({"password": "1234567890"}, "password"),
        ({"password": "abcabcabcabc"}, "password"),
        ({"password": "aaaaaaaaaaaa"}, "password"),
        ({"password": "nora@example.com"}, "password"),
        ({"password": "x1" * 150}, "password"),
        ({"name": "  \u200b "}, "name"),
        ({"name": "免费领奖 http://evil.example"}, "name"),
        ({"provider_name": "点击 evil.com 领红包"}, "provider_name"),
        ({"provider_name": "长" * 51}, "provider_name"),
        ({"slug": "Ä"}, "slug"),
        ({"slug": "admin"}, "slug"),
        ({"slug": "a--b"}, "slug"),
        ({"slug": "-ab"}, "slug"),
        ({"agreed": False}, "agreed"),
    ],
)
def test_what_cannot_be_accepted_is_named_and_makes_nothing(
    ground: Settings, changes: dict[str, object], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        sign_up(**changes)  # type: ignore[arg-type]
    assert refused.value.field == field
    assert (count(User), count(Provider)) == (0, 0)


def test_a_wished_address_name_that_is_taken_is_refused(cast: Cast) -> None:
    with pytest.raises(Invalid) as refused:
        sign_up(slug="alice")
    assert refused.value.field == "slug"


def test_address_names_come_from_the_name_and_never_clash(cast: Cast) -> None:
    sign_up("a1@example.com", provider_name="Alice")
    sign_up("a2@example.com", provider_name="梅花科技")
    sign_up("a3@example.com", provider_name="API")
    with platform_session("test") as db:
        slugs = set(db.scalars(select(Provider.slug))) - {"alice", "charlie"}
    assert len(slugs) == 3
    assert all(names.check_slug(slug) == slug for slug in slugs)
    assert any(slug.startswith("alice-") for slug in slugs)
    assert any(slug.startswith("sp-") for slug in slugs)
    assert any(slug.startswith("api-") for slug in slugs)


def test_an_address_name_taken_in_the_same_moment_is_refused(cast: Cast) -> None:
    with platform_session("test") as db:
        owner = db.get_one(User, cast.users["alice"])
        with pytest.raises(Invalid) as refused:
            providers.create_provider(db, owner, "Alice", "charlie")
    assert refused.value.field == "slug"


def test_signing_in_ignores_the_case_of_the_address(cast: Cast) -> None:
    assert sign_in(" ALICE@example.com ", PASSWORD).id == cast.users["alice"]


def test_a_wrong_password_and_an_unknown_address_look_the_same(cast: Cast) -> None:
    refusals = set()
    for email, password in (("alice@example.com", "wrong password"), ("nobody@example.com", PASSWORD), ("x", PASSWORD)):
        with pytest.raises(Invalid) as refused:
            sign_in(email, password)
        refusals.add((refused.value.message, refused.value.field, refused.value.hint))
    assert len(refusals) == 1


def test_an_unknown_address_costs_as_much_as_a_wrong_password(cast: Cast) -> None:
    def cost(email: str) -> float:
        tries = []
        for _ in range(5):
            begun = time.process_time()
            with pytest.raises(Invalid):
                sign_in(email, "wrong password")
            tries.append(time.process_time() - begun)
        return min(tries)

    assert 0.5 < cost("alice@example.com") / cost("nobody@example.com") < 2


def test_a_blocked_person_learns_so_only_with_her_password(cast: Cast) -> None:
    with platform_session("test") as db:
        db.execute(update(User).values(blocked_at=clock.now()))
    with pytest.raises(Invalid):
        sign_in("alice@example.com", "wrong password")
    with pytest.raises(Forbidden):
        sign_in("alice@example.com", PASSWORD)


def test_an_outdated_hash_is_replaced_at_sign_in(cast: Cast) -> None:
    from argon2 import PasswordHasher

    weak = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    with platform_session("test") as db:
        db.execute(update(User).where(User.id == cast.users["alice"]).values(password_hash=weak))
    sign_in("alice@example.com", PASSWORD)
    assert not passwords.is_outdated(user("alice@example.com").password_hash)
    assert sign_in("alice@example.com", PASSWORD)


def test_a_reset_sets_the_password_ends_every_session_and_says_so_by_mail(cast: Cast) -> None:
    token = sessions.open_session(user("alice@example.com"), ip="", user_agent="", remember=True)
    with platform_session("test") as db:
        accounts.ask_for_reset(db, "Alice@example.com")
    reset = last_token("alice@example.com", "reset")
    with platform_session("test") as db:
        accounts.reset_password(db, reset, GOOD)
    assert sessions.session_user(token) is None
    assert sign_in("alice@example.com", GOOD)
    with pytest.raises(Invalid):
        sign_in("alice@example.com", PASSWORD)
    assert [mail.subject for mail in mails_to("alice@example.com")] == ["重设代办密码", "您的代办密码已修改"]
    with platform_session("test") as db, pytest.raises(LinkIsOver):
        accounts.reset_password(db, reset, "blue tea and snow")


def test_a_refused_new_password_does_not_use_the_link_up(cast: Cast) -> None:
    with platform_session("test") as db:
        accounts.ask_for_reset(db, "alice@example.com")
    reset = last_token("alice@example.com", "reset")
    with pytest.raises(Invalid), platform_session("test") as db:
        accounts.reset_password(db, reset, "short")
    with platform_session("test") as db:
        accounts.reset_password(db, reset, GOOD)


def test_a_reset_for_an_unknown_or_blocked_address_mails_nobody(cast: Cast) -> None:
    with platform_session("test") as db:
        db.execute(update(User).where(User.id == cast.users["bob"]).values(blocked_at=clock.now()))
        for email in ("nobody@example.com", "no address", "bob@example.com"):
            accounts.ask_for_reset(db, email)
    assert mails_to("nobody@example.com") == mails_to("bob@example.com") == []


def test_changing_the_password_needs_the_old_one_and_spares_this_browser(cast: Cast) -> None:
    alice = user("alice@example.com")
    here, there = (sessions.open_session(alice, ip="", user_agent="") for _ in range(2))
    for current, new, field in (("wrong", GOOD, "current"), (PASSWORD, "short", "new"), (PASSWORD, PASSWORD, "new")):
        with pytest.raises(Invalid) as refused, platform_session("test") as db:
            accounts.change_password(db, alice.id, current=current, new=new, keep_token=here)
        assert refused.value.field == field
    with platform_session("test") as db:
        accounts.change_password(db, alice.id, current=PASSWORD, new=GOOD, keep_token=here)
    assert sessions.session_user(here)
    assert sessions.session_user(there) is None
    assert sign_in("alice@example.com", GOOD)


def test_name_and_language_can_be_changed(cast: Cast) -> None:
    with platform_session("test") as db:
        accounts.change_profile(db, cast.users["alice"], name=" 爱 丽 ", locale="en")
        assert (user("alice@example.com").name, user("alice@example.com").locale) != ("爱 丽", "en")
    assert (user("alice@example.com").name, user("alice@example.com").locale) == ("爱 丽", "en")
    with platform_session("test") as db, pytest.raises(Invalid):
        accounts.change_profile(db, cast.users["alice"], name="爱丽", locale="xx")


def test_a_changed_text_asks_for_consent_again(ground: Settings) -> None:
    sign_up()
    nora = user("nora@example.com")
    with platform_session("test") as db:
        assert consents.consent_is_missing(db, nora.id) is False
        db.execute(update(Consent).where(Consent.document == "privacy").values(version="2020-01-01"))
        assert consents.consent_is_missing(db, nora.id) is True
        consents.record_consent(db, nora.id, ip="")
        assert consents.consent_is_missing(db, nora.id) is False


def test_a_person_made_by_the_seed_can_sign_in_and_operate(ground: Settings) -> None:
    with platform_session("test") as db:
        person = accounts.create_person(db, "olga@example.com", "奥尔加", GOOD)
        accounts.make_operator(db, person)
        accounts.make_operator(db, person)
    assert sign_in("olga@example.com", GOOD)
    assert providers.platform_who(person.id)
    with platform_session("test") as db, pytest.raises(Invalid):
        accounts.create_person(db, "OLGA@example.com", "奥尔加", GOOD)


def test_the_tenants_login_reads_no_mail_of_people(cast: Cast) -> None:
    with platform_session("test") as db:
        accounts.ask_for_reset(db, "alice@example.com")
    with database.engine("tenant").connect() as connection:
        connection.exec_driver_sql(f"set app.provider_id = '{cast.alices}'")
        assert connection.exec_driver_sql("select count(*) from outgoing_mails").scalar() == 0
        connection.rollback()
