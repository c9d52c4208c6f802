"""WeChat's limits, counted over all workers at the one way out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import event, func, select, update

from saas import clock
from saas import db as database
from saas.components import budgets
from saas.components.budgets import left, left_in_bulk, taker
from saas.components.models import AccessTokenRow, Budget, ComponentApp
from saas.components.wechat import wechat
from saas.config import Settings, UnsafeSettings, load_settings, settings
from saas.db import run_at_once, tenant_session
from saas.embedded import EmbeddedPostgres
from saas.wx import errors
from saas.wx.contract import operations
from tests.cast import Cast
from tests.components.conftest import PROGRAM
from tests.components.small_wechat import SmallWeChat, refusal

OK = {"errcode": 0, "errmsg": "ok"}
SHANGHAI = timedelta(hours=8)


@dataclass(frozen=True)
class Program:
    component_id: UUID
    appid: str
    id: UUID


@pytest.fixture
def program(ready: ComponentApp) -> Program:
    """A mini program whose token is at hand."""
    with tenant_session(ready.provider_id) as db:
        for appid in ("", PROGRAM):
            row = AccessTokenRow(provider_id=ready.provider_id, component_id=ready.id, appid=appid, fence=1)
            row.value, row.expires_at = f"token-{appid}", clock.now() + timedelta(days=400)
            db.add(row)
    return Program(ready.id, PROGRAM, uuid4())


@pytest.fixture
def limited(wechat_server: SmallWeChat) -> Iterator[Callable[..., None]]:
    """Change limits by the setting."""
    with pytest.MonkeyPatch.context() as environment:

        def change(**amounts: int | None) -> None:
            environment.setenv("DAIBAN_WECHAT_LIMITS", json.dumps(amounts))
            settings.cache_clear()

        yield change
    settings.cache_clear()


@pytest.fixture
def at(move_clock: Callable[[float], None]) -> Callable[[str], None]:
    """Set the program's clock to a later time in Shanghai."""

    def move(time: str) -> None:
        move_clock((datetime.fromisoformat(time).replace(tzinfo=UTC) - SHANGHAI - clock.now()).total_seconds())

    return move


def now_left(component: ComponentApp, owner: Program | ComponentApp, name: str) -> budgets.Budget:
    with tenant_session(component.provider_id) as db:
        return left(db, owner, name)


def undo(component: ComponentApp) -> None:
    wechat(component).code.undocodeaudit(PROGRAM)


def test_accepted_calls_count_by_day_and_month(
    ready: ComponentApp, program: Program, wechat_server: SmallWeChat
) -> None:
    wechat_server.answers["undocodeaudit"] = OK
    for _ in range(2):
        undo(ready)
    day, month = (now_left(ready, program, f"undo_audit_{period}") for period in ("day", "month"))
    assert (day.used, day.amount, day.left) == (2, 5, 3)
    assert (month.used, month.amount, month.left) == (2, 10, 8)


def test_the_call_above_the_limit_is_not_sent(
    ready: ComponentApp, program: Program, wechat_server: SmallWeChat
) -> None:
    wechat_server.answers["undocodeaudit"] = OK
    for _ in range(5):
        undo(ready)
    with pytest.raises(errors.UndoLimit) as refused:
        undo(ready)
    assert wechat_server.calls["undocodeaudit"] == 5
    day = now_left(ready, program, "undo_audit_day")
    assert refused.value.returns_at == day.returns_at
    assert day.returns_at is not None
    assert (day.returns_at + SHANGHAI).time().isoformat() == "00:00:00"
    assert timedelta(0) < day.returns_at - clock.now() <= timedelta(days=1)
    assert (day.left, now_left(ready, program, "undo_audit_month").used) == (0, 5)


def test_a_refused_call_gives_its_chance_back(
    ready: ComponentApp, program: Program, wechat_server: SmallWeChat
) -> None:
    for code, error in ((87012, errors.AuditNotOpen), (-1, errors.SystemBusy), (48001, errors.PermissionMissing)):
        wechat_server.answers["undocodeaudit"] = refusal(code)
        with pytest.raises(error):
            undo(ready)
    assert now_left(ready, program, "undo_audit_day").used == 0


def test_a_replaced_token_counts_once(ready: ComponentApp, program: Program, wechat_server: SmallWeChat) -> None:
    answers = iter([refusal(40001), OK])
    wechat_server.answers["modify_wxa_server_domain"] = lambda _: next(answers)
    wechat(ready).call("modifyThirdpartyServerDomain", body={"action": "set"}, repeatable=False)
    assert now_left(ready, ready, "platform_domain_month").used == 1


def test_reading_with_the_same_call_does_not_count(
    ready: ComponentApp, program: Program, wechat_server: SmallWeChat
) -> None:
    wechat_server.answers["modify_domain"] = OK
    client = wechat(ready)
    client.call("modifyServerDomain", PROGRAM, body={"action": "get"}, repeatable=True)
    assert now_left(ready, program, "server_domain_month").used == 0
    client.call("modifyServerDomain", PROGRAM, body={"action": "add"}, repeatable=False)
    assert now_left(ready, program, "server_domain_month").used == 1


def test_a_call_that_was_never_sent_does_not_count_and_a_lost_answer_does(
    ready: ComponentApp, program: Program, wechat_server: SmallWeChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    wechat_server.answers["undocodeaudit"] = lambda _: (_ for _ in ()).throw(ConnectionResetError())
    with pytest.raises(errors.WeChatUnreachable):
        undo(ready)
    assert now_left(ready, program, "undo_audit_day").used == 1
    monkeypatch.setenv("DAIBAN_WECHAT_API_URL", "http://127.0.0.1:1")
    settings.cache_clear()
    with pytest.raises(errors.WeChatUnreachable):
        undo(ready)
    assert now_left(ready, program, "undo_audit_day").used == 1


def test_wechat_s_word_that_nothing_is_left_is_believed_for_the_shorter_period(
    ready: ComponentApp, program: Program, wechat_server: SmallWeChat
) -> None:
    wechat_server.answers["undocodeaudit"] = refusal(87013)
    with pytest.raises(errors.UndoLimit) as refused:
        undo(ready)
    assert refused.value.returns_at == now_left(ready, program, "undo_audit_day").returns_at
    with pytest.raises(errors.UndoLimit):
        undo(ready)
    assert wechat_server.calls["undocodeaudit"] == 1
    assert now_left(ready, program, "undo_audit_day").left == 0
    assert now_left(ready, program, "undo_audit_month").left == 10


def test_an_unknown_amount_is_counted_until_wechat_says_that_it_is_used_up(
    ready: ComponentApp, program: Program, wechat_server: SmallWeChat
) -> None:
    wechat_server.answers["modifysignature"] = OK
    client = wechat(ready)
    for _ in range(3):
        client.call("setSignature", PROGRAM, body={"signature": "a"}, repeatable=False)
    budget = now_left(ready, program, "signature_month")
    assert (budget.used, budget.amount, budget.left) == (3, None, None)
    wechat_server.answers["modifysignature"] = refusal(53200)
    for _ in range(2):
        with pytest.raises(errors.BudgetUsedUp):
            client.call("setSignature", PROGRAM, body={"signature": "a"}, repeatable=False)
    assert wechat_server.calls["modifysignature"] == 4
    assert now_left(ready, program, "signature_month").left == 0


def test_wechat_s_numbers_replace_our_count(ready: ComponentApp, program: Program, wechat_server: SmallWeChat) -> None:
    wechat_server.answers["getaccountbasicinfo"] = {
        "signature_info": {"modify_used_count": 1, "modify_quota": 5},
        "head_image_info": {"modify_used_count": 5, "modify_quota": 5},
    }
    wechat_server.answers["queryquota"] = {"rest": 1, "limit": 20, "speedup_rest": 0, "speedup_limit": 2}
    client = wechat(ready)
    client.account.getaccountbasicinfo(PROGRAM)
    client.code.queryquota(PROGRAM)
    assert now_left(ready, program, "signature_month").left == 4
    audits = now_left(ready, ready, "submit_audit_month")
    assert (audits.used, audits.amount, audits.left) == (19, 20, 1)
    for operation in ("setHeadImage", "speedupCodeAudit"):
        with pytest.raises(errors.BudgetUsedUp):
            client.call(operation, PROGRAM, body={}, repeatable=False)
    assert set(wechat_server.calls) == {"getaccountbasicinfo", "queryquota"}


def test_an_uncertain_limit_only_counts_until_the_setting_says_so(
    ready: ComponentApp, program: Program, wechat_server: SmallWeChat, limited: Callable[..., None]
) -> None:
    wechat_server.answers["setnickname"] = OK
    client = wechat(ready)
    for _ in range(3):
        client.call("setNickName", PROGRAM, body={"nick_name": "青禾"}, repeatable=False)
    budget = now_left(ready, program, "nickname_year")
    assert (budget.used, budget.left, budget.holds) == (3, 0, False)
    limited(nickname_year=3)
    with pytest.raises(errors.BudgetUsedUp) as refused:
        client.call("setNickName", PROGRAM, body={"nick_name": "青禾"}, repeatable=False)
    assert "1 月 1 日" in refused.value.explanation.next_step("zh")
    limited(nickname_year=None)
    client.call("setNickName", PROGRAM, body={"nick_name": "青禾"}, repeatable=False)
    limited(undo_audit_day=0)
    with pytest.raises(errors.UndoLimit):
        undo(ready)


def test_calls_that_wechat_refuses_count_where_it_counts_them(
    ready: ComponentApp, program: Program, wechat_server: SmallWeChat
) -> None:
    wechat_server.answers["fastregisterpersonalweapp"] = refusal(86032)
    client = wechat(ready)
    for person in ("lin_88", "lin_88", "lin_88", "lin_88", "lin_88", "wang_66"):
        with pytest.raises(errors.RegistrationRefused):
            client.call("fastRegisterPersonalMp", query={"action": "create"}, body={"wxuser": person}, repeatable=False)
    with pytest.raises(errors.BudgetUsedUp) as refused:
        client.call("fastRegisterPersonalMp", query={"action": "create"}, body={"wxuser": "lin_88"}, repeatable=False)
    assert refused.value.code == 91030
    with tenant_session(ready.provider_id) as db:
        owners = list(db.scalars(select(Budget.owner).where(Budget.name == "personal_registration_day")))
    assert len(owners) == 2
    assert not any("lin" in owner or "wang" in owner for owner in owners)


@pytest.mark.parametrize("rest", [1, 3])
def test_many_workers_take_no_more_than_is_left(
    ready: ComponentApp, program: Program, wechat_server: SmallWeChat, rest: int
) -> None:
    wechat_server.answers["undocodeaudit"] = OK
    for _ in range(5 - rest):
        undo(ready)

    def try_it(_: int) -> bool:
        try:
            undo(ready)
        except errors.UndoLimit:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = sum(pool.map(try_it, range(8)))
    assert (won, wechat_server.calls["undocodeaudit"]) == (rest, 5)
    assert now_left(ready, program, "undo_audit_day").used == 5


def test_a_chance_is_given_back_when_the_next_cannot_be_taken(
    ready: ComponentApp, program: Program, wechat_server: SmallWeChat, limited: Callable[..., None]
) -> None:
    wechat_server.answers["undocodeaudit"] = OK
    undo(ready)
    with tenant_session(ready.provider_id) as db:
        db.execute(update(Budget).where(Budget.name == "undo_audit_month").values(used=2**31 - 1))
    limited(undo_audit_month=None)
    with pytest.raises(psycopg.errors.NumericValueOutOfRange):
        undo(ready)
    assert now_left(ready, program, "undo_audit_day").used == 1
    assert wechat_server.calls["undocodeaudit"] == 1


def test_another_provider_takes_no_chance_of_this_one_s(
    ready: ComponentApp, program: Program, wechat_server: SmallWeChat, cast: Cast
) -> None:
    wechat_server.answers["undocodeaudit"] = OK
    undo(ready)
    with pytest.raises(errors.UndoLimit):
        taker(cast.charlies, ready.id)(operations.operation("undoAudit"), PROGRAM, {})
    assert now_left(ready, program, "undo_audit_day").used == 1


@pytest.mark.parametrize(("repeat", "times"), [(True, 2), (False, 1)])
def test_what_does_not_bear_it_is_not_run_twice(
    cast: Cast, postgres: EmbeddedPostgres, repeat: bool, times: int
) -> None:
    with postgres.superuser("daiban") as connection:
        connection.execute("drop sequence if exists runs; create sequence runs; grant usage on runs to public")
    run_and_die = "select nextval('runs'), pg_terminate_backend(pg_backend_pid())"  # a sequence is never rolled back
    with pytest.raises(psycopg.OperationalError):
        run_at_once(run_and_die, {}, repeat=repeat)
    with postgres.superuser("daiban") as connection:
        assert connection.execute("select last_value from runs").fetchone() == (times,)
        connection.execute("drop sequence runs")
    assert run_at_once("select 1", {}, repeat=False) == [(1,)]


def test_the_count_starts_anew_at_midnight_in_shanghai(
    ready: ComponentApp, program: Program, wechat_server: SmallWeChat, at: Callable[[str], None]
) -> None:
    wechat_server.answers["undocodeaudit"] = OK
    at("2027-01-31T23:59:30")
    for _ in range(5):
        undo(ready)
    assert now_left(ready, program, "undo_audit_day").returns_at == datetime(2027, 1, 31, 16, tzinfo=UTC)
    at("2027-02-01T00:00:10")
    day, month = (now_left(ready, program, f"undo_audit_{period}") for period in ("day", "month"))
    assert (day.left, month.left, month.returns_at) == (5, 10, datetime(2027, 2, 28, 16, tzinfo=UTC))
    undo(ready)
    assert now_left(ready, program, "undo_audit_month").used == 1


def test_a_page_asks_once_for_all_its_rows(ready: ComponentApp, program: Program, wechat_server: SmallWeChat) -> None:
    wechat_server.answers["undocodeaudit"] = OK
    undo(ready)
    others = [Program(ready.id, f"wx{number}", uuid4()) for number in range(20)]
    with tenant_session(ready.provider_id) as db:
        statements: list[str] = []
        listen = lambda *given: statements.append(given[2])  # noqa: E731
        db.scalar(select(func.now()))
        event.listen(database.engine("tenant"), "before_cursor_execute", listen)
        found = left_in_bulk(db, [program, *others, ready], ["undo_audit_day", "submit_audit_month"])
        event.remove(database.engine("tenant"), "before_cursor_execute", listen)
    assert len(statements) == 1
    assert len(found) == 44
    assert (found[program.id, "undo_audit_day"].left, found[others[0].id, "undo_audit_day"].left) == (4, 5)


def test_a_call_without_a_limit_writes_nothing(
    ready: ComponentApp, program: Program, wechat_server: SmallWeChat
) -> None:
    wechat_server.answers["get_page"] = {"page_list": []}
    wechat(ready).code.get_page(PROGRAM)
    with tenant_session(ready.provider_id) as db:
        assert db.scalar(select(func.count()).select_from(Budget)) == 0


def test_counts_of_old_periods_are_forgotten(ready: ComponentApp, program: Program, at: Callable[[str], None]) -> None:
    with tenant_session(ready.provider_id) as db:
        for name, day in (
            ("undo_audit_day", "2025-03-01"),
            ("undo_audit_day", "2027-02-01"),
            ("code_ever", "1970-01-01"),
        ):
            starts_on = datetime.fromisoformat(day).date()
            key = {"provider_id": ready.provider_id, "component_id": ready.id, "owner": PROGRAM, "name": name}
            db.add(Budget(**key, starts_on=starts_on, used=1))
    at("2027-02-02T12:00:00")
    with tenant_session(ready.provider_id) as db:
        budgets.forget_old_budgets(db)
        assert sorted(row.starts_on.year for row in db.scalars(select(Budget))) == [1970, 2027]


def test_a_misspelt_or_broken_setting_refuses_to_start(installed: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAIBAN_WECHAT_LIMITS", '{"undo_audits_day": 5}')
    with pytest.raises(UnsafeSettings, match="undo_audits_day"):
        budgets.refuse_unknown_limits(load_settings())
    for broken in ("5", "{", '{"undo_audit_day": -1}'):
        monkeypatch.setenv("DAIBAN_WECHAT_LIMITS", broken)
        with pytest.raises(UnsafeSettings, match="DAIBAN_WECHAT_LIMITS"):
            load_settings()
