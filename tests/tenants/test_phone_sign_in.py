"""Numbers are found and opened under every master key; codes are few, short-lived and worth one sign-in."""

from __future__ import annotations

import base64
import re
import secrets
import threading
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from sqlalchemy import select

from saas import clock
from saas.config import Settings, settings
from saas.db import platform_session
from saas.errors import Forbidden, Invalid
from saas.tenants import identities, phones, sign_in_codes
from saas.tenants.accounts import Origin
from saas.tenants.consents import consent_is_missing
from saas.tenants.identities import Elsewhere, sign_in_or_make_person
from saas.tenants.models import Consent, Identity, OutgoingText, SignInCode, User
from saas.tenants.sign_in_codes import CodeIsOver, Purpose, TooManyCodes, send_code, use_code
from saas.vault import CannotOpen
from tests.cast import Cast
from tests.tenants.mailbox import mails_to

PHONE = "+8613800138000"


@pytest.fixture
def master(ground: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Set DAIBAN_MASTER_KEY: the current key first. Without arguments a new one stands before the present ones."""

    def put(*values: str) -> None:
        monkeypatch.setenv("DAIBAN_MASTER_KEY", ",".join(values or (new_master(), settings().master_key)))
        settings.cache_clear()

    yield put
    monkeypatch.undo()
    settings.cache_clear()


def new_master() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def person(phone: str = PHONE) -> User:
    with platform_session("test") as db:
        return sign_in_or_make_person(db, phone=phone, origin=Origin(ip="203.0.113.7"))


def find(phone: str = PHONE) -> User | None:
    with platform_session("test") as db:
        return phones.user_by_phone(db, phone)


def ask(phone: str = PHONE, ip: str = "203.0.113.7", purpose: Purpose = Purpose.SIGN_IN) -> UUID:
    with platform_session("test") as db:
        return send_code(db, phone, purpose, ip=ip)


def sent() -> str:
    """The code of the newest message."""
    with platform_session("test") as db:
        message = db.scalars(select(OutgoingText).order_by(OutgoingText.id.desc())).first()
    assert message is not None
    return str(message.params["code"])


def give(code_id: UUID, code: str, phone: str = PHONE, purpose: Purpose = Purpose.SIGN_IN) -> None:
    with platform_session("test") as db:
        use_code(db, code_id, phone, code, purpose)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


@pytest.mark.parametrize(
    "written",
    [
        "13800138000",
        "+86 138 0013 8000",
        "0086-13800138000",
        "8613800138000",
        " 138-0013-8000 ",
        "１３８００１３８０００",
    ],
)
def test_a_number_is_one_number_however_it_is_written(written: str) -> None:
    assert phones.clean_phone(written) == PHONE


@pytest.mark.parametrize(
    "written", ["", "12800138000", "1380013800", "138001380001", "+1 13800138000", "abc", "١٣٨٠٠١٣٨٠٠٠", "1380013800x"]
)
def test_other_numbers_are_refused(written: str) -> None:
    with pytest.raises(Invalid) as refused:
        phones.clean_phone(written)
    assert refused.value.field == "phone"


def test_a_number_is_masked() -> None:
    assert phones.masked(PHONE) == "138****8000"


def test_nothing_of_the_number_stands_in_the_row(ground: Settings) -> None:
    user = person()
    assert user.phone_hash is not None
    assert user.phone_box is not None
    assert b"13800138000" not in bytes(user.phone_box) + bytes(user.phone_hash)
    assert phones.phone_of(user) == PHONE
    assert (user.name, user.email, user.is_confirmed) == ("138****8000", "", True)


def test_a_box_does_not_open_for_another_person(ground: Settings) -> None:
    one, other = person(), person("+8613900139000")
    other.phone_box = one.phone_box
    with pytest.raises(CannotOpen):
        phones.phone_of(other)


def test_a_number_is_found_while_and_after_the_master_key_changes(master: Callable[..., None]) -> None:
    before = person()
    master()
    assert [user.id for user in (find(), person()) if user] == [before.id] * 2
    assert phones.seal_anew() == 1
    assert phones.seal_anew() == 0
    master(settings().master_key.split(",")[0])  # the old one is gone
    after = find()
    assert after is not None
    assert (after.id, phones.phone_of(after)) == (before.id, PHONE)
    assert after.phone_hash != before.phone_hash


def test_without_sealing_anew_an_old_key_may_not_go(master: Callable[..., None]) -> None:
    user = person()
    master(new_master())
    assert find() is None
    with pytest.raises(CannotOpen):
        phones.phone_of(user)


def test_sealing_anew_goes_through_all_of_them(master: Callable[..., None]) -> None:
    numbers = [f"+86138000000{n:02d}" for n in range(7)]
    people = [person(number).id for number in numbers]
    master()
    assert phones.seal_anew(batch=2) == 7
    master(settings().master_key.split(",")[0])
    assert [user.id for number in numbers if (user := find(number))] == people


def test_a_code_under_way_survives_a_new_master_key(master: Callable[..., None]) -> None:
    code_id, code = ask(), sent()
    master()
    give(code_id, code)


def test_a_code_works_once(ground: Settings) -> None:
    code_id, code = ask(), sent()
    assert re.fullmatch(r"\d{6}", code)
    give(code_id, f" {code[:3]} {code[3:]} ")
    with pytest.raises(CodeIsOver):
        give(code_id, code)


def test_a_code_lives_five_minutes(ground: Settings, move_clock: Callable[[float], None]) -> None:
    code_id, code = ask(), sent()
    move_clock(301)
    with pytest.raises(CodeIsOver):
        give(code_id, code)


def test_five_wrong_tries_end_a_code(ground: Settings) -> None:
    code_id, code = ask(), sent()
    for left in (4, 3, 2, 1):
        with pytest.raises(Invalid) as refused:
            give(code_id, wrong(code))
        assert (refused.value.field, refused.value.params) == ("code", {"left": left})
    for tried in (wrong(code), code):
        with pytest.raises(CodeIsOver):
            give(code_id, tried)


def test_a_code_belongs_to_its_number_purpose_and_row(ground: Settings) -> None:
    code_id, code = ask(), sent()
    for given in (
        (code_id, code, "+8613900139000", Purpose.SIGN_IN),
        (code_id, code, PHONE, Purpose.ADD_PHONE),
        (UUID(int=1), code, PHONE, Purpose.SIGN_IN),
    ):
        with pytest.raises(CodeIsOver):
            give(*given)
    give(code_id, code)


def test_a_newer_code_replaces_an_older_one(ground: Settings, move_clock: Callable[[float], None]) -> None:
    code_id, code = ask(), sent()
    move_clock(61)
    newer, its_code = ask(), sent()
    with pytest.raises(CodeIsOver):
        give(code_id, code)
    give(newer, its_code)


def test_a_number_gets_one_code_a_minute_five_an_hour_ten_a_day(
    ground: Settings, move_clock: Callable[[float], None]
) -> None:
    ask()
    with pytest.raises(TooManyCodes):
        ask(purpose=Purpose.ADD_PHONE)
    for _ in range(4):
        move_clock(61)
        ask()
    move_clock(61)
    with pytest.raises(TooManyCodes):
        ask()
    move_clock(3600)
    for _ in range(5):
        move_clock(61)
        ask()
    move_clock(3700)
    with pytest.raises(TooManyCodes):
        ask()
    ask("+8613900139000")
    move_clock(86400)
    ask()


def test_an_address_cannot_send_to_ever_new_numbers(ground: Settings) -> None:
    for n in range(60):
        ask(f"+86138000000{n:02d}", ip="198.51.100.9")
    with pytest.raises(TooManyCodes):
        ask(ip="198.51.100.9")
    ask(ip="198.51.100.10")


def test_two_requests_at_once_send_one_message(ground: Settings) -> None:
    outcomes: list[str] = []

    def try_it() -> None:
        try:
            ask()
            outcomes.append("sent")
        except TooManyCodes:
            outcomes.append("refused")

    threads = [threading.Thread(target=try_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused"] * 3 + ["sent"]


def test_a_code_is_kept_as_a_keyed_hash_only(ground: Settings) -> None:
    code_id, code = ask(), sent()
    with platform_session("test") as db:
        row = db.scalars(select(SignInCode)).one()
    assert row.id == code_id
    assert code.encode() not in bytes(row.code_hash)
    assert b"13800138000" not in bytes(row.to_hash)


def test_the_same_number_is_the_same_person(ground: Settings) -> None:
    assert person().id == person().id


def test_two_sign_ins_at_once_make_one_person(ground: Settings) -> None:
    found: list[UUID] = []

    def come(by_phone: bool) -> None:
        with platform_session("test") as db:
            given = {"phone": PHONE} if by_phone else {"identity": Elsewhere("wechat:wx1", "o1", "u1", "梅")}
            found.append(sign_in_or_make_person(db, **given).id)  # type: ignore[arg-type]

    threads = [threading.Thread(target=come, args=(n % 2 == 0,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), len(set(found))) == (8, 2)


def test_agreeing_is_recorded_with_the_version_once(ground: Settings) -> None:
    user = person()
    person()
    with platform_session("test") as db:
        assert not consent_is_missing(db, user.id)
        rows = list(db.scalars(select(Consent).where(Consent.user_id == user.id)))
    assert {(row.document, row.ip) for row in rows} == {("terms", "203.0.113.7"), ("privacy", "203.0.113.7")}
    assert len(rows) == 2


def test_a_blocked_person_does_not_come_in(ground: Settings) -> None:
    user = person()
    with platform_session("test") as db:
        db.merge(user).blocked_at = clock.now()
    with pytest.raises(Forbidden):
        person()


def test_one_union_is_one_person_and_another_is_not(ground: Settings) -> None:
    def come(appid: str, openid: str, union: str) -> UUID:
        with platform_session("test") as db:
            return sign_in_or_make_person(db, identity=Elsewhere(f"wechat:{appid}", openid, union, "梅姐")).id

    site = come("wxsite", "o1", "u1")
    assert come("wxaccount", "o2", "u1") == site
    assert come("wxsite", "o1", "u1") == site
    assert come("wxsite", "o9", "u2") != site
    assert come("wxother", "o1", "") != site
    assert come("wxthird", "o1", "") != come("wxother", "o1", "")


def test_a_name_from_wechat_is_made_fit(ground: Settings) -> None:
    for name, shown in (
        ("梅姐🍵", "梅姐🍵"),
        ("\u200b", "微信用户"),
        ("来 www.spam.com", "微信用户"),
        ("x" * 80, "微信用户"),
    ):
        with platform_session("test") as db:
            user = sign_in_or_make_person(db, identity=Elsewhere("wechat:wx1", secrets.token_hex(4), "", name))
            assert user.name == shown


def test_a_number_is_bound_to_one_account(cast: Cast) -> None:
    with platform_session("test") as db:
        identities.change_phone(db, cast.users["mei"], PHONE, origin=Origin(ip="203.0.113.7"))
    assert [mail.subject for mail in mails_to("mei@example.com")] == ["您的代办登录方式有变化"]
    assert person().id == cast.users["mei"]
    with platform_session("test") as db, pytest.raises(phones.PhoneTaken):
        identities.change_phone(db, cast.users["ming"], PHONE)
    with platform_session("test") as db:
        identities.change_phone(db, cast.users["mei"], "+8613900139000")
    assert find() is None


def test_an_unconfirmed_account_binds_nothing(cast: Cast) -> None:
    """Whoever signs up with somebody else's address must not keep a way in for the day when the owner comes."""
    with platform_session("test") as db:
        db.scalars(select(User).where(User.id == cast.users["mei"])).one().email_verified_at = None
    with platform_session("test") as db:
        with pytest.raises(Forbidden):
            identities.change_phone(db, cast.users["mei"], PHONE)
        with pytest.raises(Forbidden):
            identities.bind_identity(db, cast.users["mei"], Elsewhere("wechat:wx1", "o1"))


def test_a_wechat_is_bound_to_one_account_and_taken_back_whole(cast: Cast) -> None:
    site, account = Elsewhere("wechat:wx1", "o1", "u1", "梅姐"), Elsewhere("wechat:wx2", "o2", "u1", "梅姐")
    with platform_session("test") as db:
        identities.bind_identity(db, cast.users["mei"], site)
        identities.bind_identity(db, cast.users["mei"], account)
    with platform_session("test") as db:
        for one in (site, account, Elsewhere("wechat:wx3", "o3", "u1")):
            with pytest.raises(identities.IdentityTaken):
                identities.bind_identity(db, cast.users["ming"], one)
        [line] = identities.identities_of(db, cast.users["mei"])
        with pytest.raises(Exception, match="页面不存在"):
            identities.unbind_identity(db, cast.users["ming"], line.id)
        identities.unbind_identity(db, cast.users["mei"], line.id)
    with platform_session("test") as db:
        assert db.scalars(select(Identity)).all() == []


def test_the_last_way_in_stays(ground: Settings) -> None:
    user = person()
    with platform_session("test") as db, pytest.raises(identities.LastWayIn):
        identities.remove_phone(db, user.id)
    with platform_session("test") as db:
        identities.bind_identity(db, user.id, Elsewhere("wechat:wx1", "o1"))
        identities.remove_phone(db, user.id)
    with platform_session("test") as db:
        [line] = identities.identities_of(db, user.id)
        with pytest.raises(identities.LastWayIn):
            identities.unbind_identity(db, user.id, line.id)
    assert find() is None


def test_codes_that_are_over_for_long_are_forgotten(ground: Settings, move_clock: Callable[[float], None]) -> None:
    from jobs.tenants import forget_the_past

    ask()
    move_clock(31 * 86400)
    with platform_session("test") as db:
        forget_the_past(db)
        assert db.scalars(select(SignInCode)).all() == []
        assert db.scalars(select(OutgoingText)).all() == []
    assert sign_in_codes.LIVES.total_seconds() == 300
