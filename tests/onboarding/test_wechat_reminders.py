"""Reminders by template message of the provider's service account, at a real sandbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from saas import clock
from saas.config import settings
from saas.db import platform_session
from saas.errors import Forbidden, Invalid
from saas.onboarding import reminding
from saas.onboarding.models import Reminder
from saas.programs.filing_models import FilingStatus
from saas.programs.models import AuthorizationStatus
from saas.sandbox.control import SandboxControl
from saas.sandbox.server import RunningSandbox
from saas.sandbox.sign_ins import openid_of
from saas.tenants import identities, service_accounts, wechat_apps, wechat_messages
from saas.tenants.identities import Elsewhere
from saas.tenants.models import Activity, Identity, OutgoingMail, WeChatMessage, WeChatSignIn
from saas.tenants.providers import own_provider
from tests.cast import Cast
from tests.onboarding.scenes import Scene, scene  # noqa: F401 - fixture
from tests.onboarding.test_reminding import at_noon, remind  # noqa: F401 - fixture

DOMAIN = "localhost:8000"
FIELDS = {"thing1": "小程序名称", "thing2": "待办事项", "time3": "截止时间"}
RunJobs = Callable[..., list[str]]


@pytest.fixture
def control(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SandboxControl]:
    """A sandbox that lives in the program's time."""
    sandbox = RunningSandbox(tmp_path / "sandbox.sqlite", clock_file=home / "clock")
    with sandbox, SandboxControl(sandbox.url) as control:
        monkeypatch.setenv("DAIBAN_WECHAT_API_URL", sandbox.url)
        settings.cache_clear()
        yield control
    monkeypatch.undo()
    settings.cache_clear()


def as_row(app: dict[str, Any]) -> Any:
    return app


class Account:
    """Alice's service account, which mei signed in by and follows."""

    def __init__(self, cast: Cast, control: SandboxControl, told: Scene) -> None:
        self.cast, self.control, self.told = cast, control, told
        self.app = control.create_sign_in_app("account", domain=DOMAIN, name="爱丽服务号")
        self.appid = self.app["appid"]
        with told.session() as db:
            wechat_apps.change_apps(
                db, own_provider(db), who=cast.who["alice"], site_appid="", site_secret="", account_appid=self.appid,
                account_secret=self.app["secret"],
            )  # fmt: skip
        self.bind("mei", "梅姐")
        control.follow(self.appid, person="梅姐")
        self.set_template(control.add_message_template(self.appid, FIELDS))

    def bind(self, name: str, person: str) -> None:
        number = next(one["id"] for one in self.control.people() if one["name"] == person)
        openid = openid_of(as_row(self.app), number)
        with platform_session("test") as db:
            identities.bind_identity(db, self.cast.users[name], Elsewhere(f"wechat:{self.appid}", openid, "", person))

    def set_template(self, template_id: str, time_field: str = "time3") -> None:
        with self.told.session() as db:
            wechat_messages.set_template(
                db, own_provider(db), who=self.cast.who["alice"], template_id=template_id, name_field="thing1",
                step_field="thing2", time_field=time_field,
            )  # fmt: skip

    def row(self) -> WeChatSignIn:
        with self.told.session() as db:
            return db.scalars(select(WeChatSignIn)).one()


@pytest.fixture
def account(cast: Cast, control: SandboxControl, at_noon: Scene) -> Account:  # noqa: F811
    return Account(cast, control, at_noon)


def due(told: Scene, hours: float = 24) -> None:
    told.file(FilingStatus.SMS, due_at=clock.now() + timedelta(hours=hours))


def told_by_wechat() -> list[Reminder]:
    with platform_session("test") as db:
        return list(db.scalars(select(Reminder).where(Reminder.channel == "wechat").order_by(Reminder.id)))


def messages() -> list[WeChatMessage]:
    with platform_session("test") as db:
        return list(db.scalars(select(WeChatMessage).order_by(WeChatMessage.id)))


def mails() -> set[str]:
    with platform_session("test") as db:
        return set(db.scalars(select(OutgoingMail.to)))


def test_a_follower_is_told_in_wechat_too(account: Account, run_jobs: RunJobs) -> None:
    due(account.told)
    remind()
    run_jobs()
    assert remind() == 0
    [found] = account.control.service_messages("梅姐")
    ends = (clock.now() + timedelta(hours=32)).replace(tzinfo=None)  # Shanghai
    assert found["lines"] == [
        ["小程序名称", "梅记点单"], ["待办事项", "备案短信核验"],
        ["截止时间", f"{ends.year}年{ends.month}月{ends.day}日 {ends:%H:%M}"],
    ]  # fmt: skip
    assert found["url"] == f"http://localhost:8000/m/alice/w/{account.told.program_id}"
    assert [(row.stage, row.to) for row in told_by_wechat()] == [("begun", "梅姐")]
    assert mails() == {"mei@example.com", "hana@example.com"}, "and as before"
    [message] = messages()
    assert (message.sent_at is not None, message.errcode) == (True, None)


def test_every_stage_once_and_registrations_as_well(
    account: Account, run_jobs: RunJobs, move_clock: Callable[[float], None]
) -> None:
    case = account.told.register()
    remind()
    run_jobs()
    move_clock(20.5 * 3600)
    remind()
    run_jobs()
    assert [row.stage for row in told_by_wechat()] == ["begun", "last"]
    urls = {found["url"] for found in account.control.service_messages("梅姐")}
    assert urls == {f"http://localhost:8000/m/alice/registrations/{case}"}


def test_a_job_that_runs_twice_sends_once(account: Account, run_jobs: RunJobs) -> None:
    due(account.told)
    remind()
    run_jobs()
    [message] = messages()
    for forgets in (False, True):  # the second worker died before it could note what WeChat had taken
        with account.told.session() as db:
            if forgets:
                db.scalars(select(WeChatMessage)).one().sent_at = None
            wechat_messages.send(db, own_provider(db), message.id)
    assert len(account.control.service_messages("梅姐")) == 1


def test_the_token_is_kept_sealed_and_asked_for_anew_when_refused(account: Account, run_jobs: RunJobs) -> None:
    due(account.told)
    remind()
    run_jobs()
    kept = account.row()
    with account.told.session() as db:
        token = db.scalars(select(WeChatSignIn)).one().account_token
    assert kept.account_token_ends_at is not None
    assert token.encode() not in (kept.account_token_sealed or b"")
    account.control.void_service_tokens(account.appid)
    account.told.file(FilingStatus.FACE, due_at=clock.now() + timedelta(hours=24), face_asked_at=clock.now())
    remind()
    run_jobs()
    assert len(account.control.service_messages("梅姐")) == 2
    with account.told.session() as db:
        assert db.scalars(select(WeChatSignIn)).one().account_token not in ("", token)


@pytest.mark.parametrize("errcode", [43004, 40037, 45009, 47003, 40125, 40003])
def test_a_refusal_is_noted_and_the_other_ways_go_on(errcode: int, account: Account, run_jobs: RunJobs) -> None:
    control, appid = account.control, account.appid
    if errcode == 43004:
        control.follow(appid, person="梅姐", follows=False)
    elif errcode == 40037:
        account.set_template("x" * 43)
    elif errcode == 45009:
        control.create_sign_in_app("account", domain=DOMAIN, appid=appid, daily_messages=0)
    elif errcode == 47003:
        account.set_template(control.add_message_template(appid, {"thing1": "名称", "thing9": "备注"}), "")
    elif errcode == 40125:
        control.create_sign_in_app("account", domain=DOMAIN, appid=appid, secret="0" * 32)
    else:
        with platform_session("test") as db:
            db.scalars(select(Identity)).one().subject = "oX"
    due(account.told)
    remind()
    run_jobs()
    assert [(row.errcode, row.sent_at) for row in messages()] == [(errcode, None)]
    assert errcode in wechat_messages.WORDS
    assert control.service_messages("梅姐") == []
    assert mails() == {"mei@example.com", "hana@example.com"}
    with account.told.session() as db:
        [failed] = wechat_messages.list_failed(db)
        assert wechat_messages.failed_about(db, told_by_wechat()[0].id) == [failed]


def test_wechat_away_is_tried_again_and_then_noted(
    account: Account, run_jobs: RunJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAIBAN_WECHAT_API_URL", "http://127.0.0.1:1")
    settings.cache_clear()
    with pytest.raises(service_accounts.NoAnswer):
        service_accounts.fetch_token(wechat_apps.SignInApp(wechat_apps.Kind.ACCOUNT, account.appid, "x"))
    due(account.told)
    remind()
    run_jobs()
    assert [(row.errcode, row.sent_at) for row in messages()] == [(None, None)], "it is tried again later"
    run_jobs(wait=3 * 3600)
    assert [row.errcode for row in messages()] == [0]


def test_what_has_no_end_needs_a_template_without_a_time(
    account: Account,
    run_jobs: RunJobs,
    move_clock: Callable[[float], None],
    at_noon: Scene,  # noqa: F811
) -> None:
    with at_noon.session() as db:
        program = at_noon.program(db)
        program.authorization, program.unauthorized_at = AuthorizationStatus.LOST, clock.now()
    remind()
    run_jobs()
    assert (messages(), mails()) == ([], {"mei@example.com", "hana@example.com"})
    move_clock(3601)
    without = {name: words for name, words in FIELDS.items() if name != "time3"}
    account.set_template(account.control.add_message_template(account.appid, without), "")
    with at_noon.session() as db:
        assert reminding.remind_by_hand(db, at_noon.program(db), who=account.cast.who["alice"]) == 3
    run_jobs()
    assert len(account.control.service_messages("梅姐")) == 1


def test_nothing_goes_by_another_account_or_without_a_template(account: Account, run_jobs: RunJobs) -> None:
    due(account.told)
    remind()
    account.set_template("")
    run_jobs()
    assert (messages(), told_by_wechat()) == ([], [])
    account.told.file(FilingStatus.FACE, due_at=clock.now() + timedelta(hours=24), face_asked_at=clock.now())
    account.set_template(account.control.add_message_template(account.appid, FIELDS))
    with account.told.session() as db:
        reminding.remind_when_due(db, account.told.program(db))
    assert len(messages()) == 1
    other = account.control.create_sign_in_app("account", domain=DOMAIN)
    with account.told.session() as db:
        wechat_apps.change_apps(
            db, own_provider(db), who=account.cast.who["alice"], site_appid="", site_secret="",
            account_appid=other["appid"], account_secret=other["secret"],
        )  # fmt: skip
    assert (account.row().reminder_template, account.row().reminder_fields) == ("", {}), "it was the other's template"
    run_jobs()
    assert (messages(), account.control.service_messages("梅姐")) == ([], [])


def test_the_template_is_looked_at(account: Account) -> None:
    def attempt(name: str = "alice", **changes: str) -> None:
        given = {"template_id": "x" * 43, "name_field": "thing1", "step_field": "thing2", "time_field": ""} | changes
        with account.told.session() as db:
            wechat_messages.set_template(db, own_provider(db), who=account.cast.who[name], **given)

    for field, changes in (
        ("template_id", {"template_id": "模板"}), ("name_field", {"name_field": "name"}),
        ("step_field", {"step_field": ""}), ("step_field", {"step_field": "thing1"}),
        ("time_field", {"time_field": "thing3"}),
    ):  # fmt: skip
        with pytest.raises(Invalid) as refused:
            attempt(**changes)
        assert refused.value.field == field
    with pytest.raises(Forbidden):
        attempt("max")
    for _ in range(2):
        attempt()
    with account.told.session() as db:
        logged = list(db.scalars(select(Activity).where(Activity.verb == "provider.change_wechat_reminders")))
    assert [one.detail for one in logged] == [{"on": True}] * 2, "the fixture's, and one of two"
