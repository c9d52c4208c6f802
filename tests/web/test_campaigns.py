"""Plans from the page of any action, their list and page, and what steers them."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from PIL import Image
from sqlalchemy import select

from saas import clock
from saas.batches.models import Batch
from saas.campaigns import starting
from saas.campaigns.access import load_campaign
from saas.campaigns.models import Campaign, CampaignRun, CampaignStatus, Repeat
from saas.components.models import ComponentApp
from saas.db import platform_session, tenant_session
from saas.programs import editing
from saas.programs.access import load_program
from saas.programs.models import AuthorizationLink, AuthorizationStatus, Program
from saas.tenants.members import remove_member
from saas.tenants.models import Merchant, OutgoingMail, Provider
from saas.web.provider.selection import ACTIONS
from tests.cast import Cast
from tests.web.conftest import Browser

Open = Callable[[str], Browser]
Run = Callable[..., list[str]]
Move = Callable[[float], None]
START, PLANS = "/p/alice/programs/selection/start?action=", "/p/alice/batches/plans"


@pytest.fixture
def fleet(cast: Cast) -> list[UUID]:
    """Two of mei's that lack permissions, and a draft."""
    with tenant_session(cast.alices) as db:
        component = ComponentApp(provider_id=cast.alices, key="alicekey", name="爱丽平台", appid="wx8a2b1c3d4e5f6071")
        db.add(component)
        db.flush()
        rows = [
            Program(
                provider_id=cast.alices, component_id=component.id, appid=appid, name=name, merchant_id=cast.meis,
                permission_sets=[18], authorization=AuthorizationStatus.AUTHORIZED, authorized_at=clock.now(),
            )
            for name, appid in (("一店", "wx01"), ("二店", "wx02"), ("新店", ""))
        ]  # fmt: skip
        db.add_all(rows)
        db.flush()
        return [row.id for row in rows]


def later(days: int = 1, at: str = "09:00", **more: str) -> dict[str, str]:
    """What somebody fills in below “later”."""
    local = clock.now().astimezone(ZoneInfo("Asia/Shanghai")) + timedelta(days=days)
    return {
        "when-start": "later", "when-on": f"{local:%Y-%m-%d}", "when-at": at,
        **{f"when-{name}": value for name, value in more.items()},
    }  # fmt: skip


def plan(browser: Browser, action: str, fields: dict[str, object], **when: str) -> str:
    """The new plan's address."""
    answer = browser.post(START + action, {**fields, **later(**when)})  # type: ignore[arg-type]
    assert answer.status_code == 303, re.findall(r"invalid-feedback[^>]*>([^<]+)", answer.text)
    assert answer.location.startswith(PLANS)
    return answer.location


def look(run_jobs: Run) -> None:
    with platform_session("the cron") as db:
        starting.look(db)
    run_jobs()


def test_a_filter_is_planned_and_asked_anew(
    browser: Open, cast: Cast, fleet: list[UUID], run_jobs: Run, move_clock: Move
) -> None:
    max_ = browser("max")
    form = max_.text(f"{START}tags&all=1&tag=连锁")
    assert "现在没有符合条件的小程序" in form
    assert "到时候重新筛选" in form
    assert "Asia/Shanghai" in form
    fields = {"all": "1", "tag": "连锁", "do-way": "add", "do-tags": "重点"}
    address = plan(max_, "tags", fields, title="给连锁店打标")
    page = max_.text(address)
    for words in ("给连锁店打标", "待开始", "现在没有符合的小程序", "每次开始时重新筛选", "重点", "还没有开始过"):
        assert words in page, words
    assert "/p/alice/programs?tag=%E8%BF%9E%E9%94%81" in page
    with tenant_session(cast.alices) as db:
        editing.change_tags(db, load_program(db, fleet[0]), add=["连锁"], remove=[], who=cast.who["alice"])
    assert "现在有 1 个" in max_.text(address)
    move_clock(2 * 86400)
    look(run_jobs)
    bob = browser("bob")
    page = bob.text(address)
    assert "已开始" in page
    assert "系统中断，晚了" in page
    with tenant_session(cast.alices) as db:
        batch = db.scalars(select(Batch)).one()
        assert (batch.total, batch.created_by, batch.params) == (1, cast.users["max"], {"add": ["重点"]})
    assert f"/p/alice/batches/{batch.id}" in page
    assert "给连锁店打标" in bob.text(f"/p/alice/batches/{batch.id}")
    log = bob.text("/p/alice/activity?area=campaign")
    assert "安排计划" in log
    assert "计划开始" in log


def test_those_of_a_filter_or_those_ticked_may_be_meant_as_they_are(
    browser: Open, cast: Cast, fleet: list[UUID]
) -> None:
    alice = browser("alice")
    fields: dict[str, object] = {"all": "1", "q": "店", "do-way": "add", "do-tags": "重点"}
    plan(alice, "tags", fields, whom="chosen")
    ticked: dict[str, object] = {"id": [str(fleet[0])], "do-way": "add", "do-tags": "重点"}
    address = plan(alice, "tags", ticked)
    page = alice.text(address)
    assert "安排时选中的 1 个小程序" in page
    assert "一店" in page
    with tenant_session(cast.alices) as db:
        rows = list(db.scalars(select(Campaign).order_by(Campaign.id)))
        assert [(row.query, set(row.program_ids)) for row in rows] == [(None, set(fleet)), (None, {fleet[0]})]


def test_now_is_now_and_what_is_typed_below_does_not_matter(browser: Open, cast: Cast, fleet: list[UUID]) -> None:
    fields = {"all": "1", "do-way": "add", "do-tags": "重点", "when-start": "now", "when-on": "x"}
    answer = browser("alice").post(START + "tags", fields)
    assert re.fullmatch(r"/p/alice/batches/[0-9a-f-]{36}", answer.location)
    with tenant_session(cast.alices) as db:
        assert db.scalars(select(Campaign)).all() == []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"when-on": ""}, "请填写日期"), ({"when-at": "x"}, "请填写时刻"), ({"when-on": "2020-01-01"}, "将来的时间"),
        ({"when-repeat": "weekly"}, "请填写日期"), ({"when-repeat": "daily", "when-until": "2020-01-01"}, "不能早于"),
        ({"when-title": "长" * 61}, "不能超过 60 个字符"), ({"do-tags": "很" * 21}, "do-tags-error"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_where_it_stands(
    browser: Open, cast: Cast, fleet: list[UUID], wrong: dict[str, str], words: str
) -> None:
    fields = {"all": "1", "do-way": "add", "do-tags": "重点", **later(), **wrong}
    answer = browser("alice").post(START + "tags", fields)
    assert answer.status_code == 422
    assert words in answer.text
    assert re.search(r'<input[^>]*checked[^>]*value="later"', answer.text)
    with tenant_session(cast.alices) as db:
        assert db.scalars(select(Campaign)).all() == []


def test_the_day_is_the_providers_own(browser: Open, cast: Cast, fleet: list[UUID]) -> None:
    """Where clocks are changed, too."""
    with platform_session("move alice to Berlin") as db:
        db.scalars(select(Provider).where(Provider.slug == "alice")).one().time_zone = "Europe/Berlin"
    address = plan(browser("alice"), "profile", {"all": "1"}, at="08:30")
    with tenant_session(cast.alices) as db:
        row = load_campaign(db, UUID(address.rsplit("/", 1)[1]))
        assert row.next_at is not None
        local = row.next_at.astimezone(ZoneInfo("Europe/Berlin"))
        assert (f"{local:%H:%M}", row.first_on) == ("08:30", local.date())
    assert "Europe/Berlin" in browser("alice").text(address)


def test_files_go_along_and_only_their_number_is_told(browser: Open, cast: Cast, fleet: list[UUID]) -> None:
    with tenant_session(cast.alices) as db:
        load_program(db, fleet[0]).permission_sets = [18, 30]
    picture = io.BytesIO()
    Image.new("RGB", (200, 200), "green").save(picture, "PNG")
    alice = browser("alice")
    fields = {"all": "1", "do-avatar": (io.BytesIO(picture.getvalue()), "logo.png"), **later()}
    answer = alice.client.post(
        START + "avatar", data={"csrf_token": alice.csrf_token(), **fields}, content_type="multipart/form-data"
    )
    assert answer.status_code == 303
    page = alice.text(answer.location)
    assert "1 个文件" in page
    assert "修改头像" in page


def test_wechat_ids_of_testers_are_not_kept_with_the_plan(browser: Open, cast: Cast, fleet: list[UUID]) -> None:
    address = plan(browser("alice"), "testers", {"all": "1", "do-people": "mei_wechat 梅姐"})
    with tenant_session(cast.alices) as db:
        row = db.scalars(select(Campaign)).one()
        assert "mei_wechat" not in str(row.answers) + str(row.params)
    assert "mei_wechat" not in browser("alice").text(address)


def test_every_action_can_be_planned(browser: Open, fleet: list[UUID]) -> None:
    alice = browser("alice")
    for action in ACTIONS:
        assert 'name="when-start"' in alice.text(f"{START}{action}&all=1"), action


def test_it_is_steered_from_its_page(browser: Open, cast: Cast, fleet: list[UUID]) -> None:
    alice, bob = browser("alice"), browser("bob")
    until = f"{clock.now() + timedelta(days=30):%Y-%m-%d}"
    address = plan(alice, "profile", {"all": "1"}, repeat="weekly", until=until)

    def status() -> str:
        with tenant_session(cast.alices) as db:
            return load_campaign(db, UUID(address.rsplit("/", 1)[1])).status

    page = bob.text(address)
    assert "每周" in page
    assert "现在开始" not in page
    assert bob.post(f"{address}/pause").status_code == 403
    assert alice.post(f"{address}/pause").status_code == 303
    assert (status(), "恢复计划" in alice.text(address)) == (CampaignStatus.PAUSED, True)
    assert alice.post(f"{address}/resume").status_code == 303
    assert 'value="09:00"' in alice.text(f"{address}/edit")
    changed = {key: value for key, value in later(3, "10:15").items() if key != "when-start"}
    assert alice.post(f"{address}/edit", {**changed, "when-repeat": "once"}).status_code == 303
    assert alice.post(f"{address}/edit", {**changed, "when-on": "2020-01-01"}).status_code == 422
    assert "10:15，一次" in alice.text(address)
    confirm = alice.text(f"{address}/start")
    assert "现在有 3 个" in confirm
    assert "其中 1 个现在不适用" in confirm
    started = alice.post(f"{address}/start")
    assert "/batches/" in started.location
    assert status() == CampaignStatus.STARTED
    assert "Alice 手动开始" in alice.text(address)
    assert alice.get(f"{address}/edit").status_code == 303
    other = plan(alice, "profile", {"all": "1"})
    assert "不会再开始" in alice.text(f"{other}/cancel")
    assert alice.post(f"{other}/cancel").status_code == 303
    assert "已取消" in alice.text(other)
    assert browser("charlie").get(other.replace("alice", "charlie")).status_code == 404


def test_one_that_may_not_start_says_why_and_is_planned_anew(
    browser: Open, cast: Cast, fleet: list[UUID], run_jobs: Run, move_clock: Move
) -> None:
    address = plan(browser("max"), "profile", {"all": "1"})
    with platform_session("members") as db:
        remove_member(db, cast.users["max"], who=cast.who["alice"])
    move_clock(2 * 86400)
    look(run_jobs)
    alice = browser("alice")
    page = alice.text(address)
    assert "安排计划的 Max 已经不是成员" in page
    assert "重新安排" in page
    assert "没有开始" in alice.text(f"{PLANS}?status=failed")
    edit = alice.text(f"{address}/edit")
    assert "保存后由您负责" in edit
    assert alice.post(f"{address}/edit", later(2)).status_code == 303
    assert "待开始" in alice.text(address)


def test_the_list_is_paged_by_key_and_tells_the_last_result(
    browser: Open, cast: Cast, fleet: list[UUID], run_jobs: Run
) -> None:
    alice = browser("alice")
    assert "还没有计划" in alice.text(PLANS)
    assert "没有这个状态的计划" in alice.text(f"{PLANS}?status=paused")
    soon = clock.now() + timedelta(days=2)
    with tenant_session(cast.alices) as db:
        for number in range(32):
            db.add(
                Campaign(
                    provider_id=cast.alices, action="tags", step="saas.programs.editing.tags_step", suits="any",
                    title=f"计划{number:02}", query={}, first_on=soon.date(), at=soon.time(), next_at=soon,
                    repeat=Repeat.ONCE, planned_by=cast.users["alice"], planned_by_name="Alice",
                )
            )  # fmt: skip
            db.flush()
        first = db.scalars(select(Campaign).where(Campaign.title == "计划31")).one()
        first.params = {"add": ["新"]}
        starting.start_now(db, first, who=cast.who["alice"])
    page = alice.text(PLANS)
    assert ("计划02" in page, "计划01" in page) == (True, False)
    assert "完成 0" in page
    following = re.search(r'href="([^"]+before=[^"]+)"', page)
    assert following
    page = alice.text(following[1])
    assert ("计划01" in page, "计划02" in page) == (True, False)
    assert ">计划</a>" in alice.text("/p/alice/batches")


def test_reauthorization_can_be_asked_for_every_week(
    browser: Open, cast: Cast, fleet: list[UUID], run_jobs: Run, move_clock: Move
) -> None:
    """Whoever granted it meanwhile hears no more; the others get the link that they have once again."""
    alice = browser("alice")
    with tenant_session(cast.alices) as db:
        db.scalars(select(Merchant).where(Merchant.id == cast.meis)).one().contact_email = "shop@example.com"
    page = alice.text("/p/alice/permissions")
    link = re.search(r'href="(/p/alice/programs/selection/start\?action=renew_link[^"]+when-start=later[^"]*)"', page)
    assert link
    form = alice.text(link[1].replace("&amp;", "&"))
    assert re.search(r'value="weekly"[^>]*selected|selected[^>]*value="weekly"', form)
    until = f"{clock.now() + timedelta(days=20):%Y-%m-%d}"
    wanted = {"all": "1", "lacking": "essential", "authorization": "authorized"}
    terms = {"do-lacking": "essential", "do-days": "30", "do-mail": "y"}
    address = plan(alice, "renew_link", {**wanted, **terms}, repeat="weekly", until=until)
    assert "缺少必需权限" in alice.text(address)
    found = []
    for _week in range(3):
        move_clock(7 * 86400)
        look(run_jobs)
        with tenant_session(cast.alices) as db:
            found.append(db.scalars(select(CampaignRun).order_by(CampaignRun.id.desc())).first())
            load_program(db, fleet[0]).permission_sets = [18, 30]
    assert [run and run.found for run in found] == [3, 2, 2]
    with tenant_session(cast.alices) as db:
        assert len({link.id for link in db.scalars(select(AuthorizationLink))}) == 2
        mails = db.scalars(select(OutgoingMail.subject).where(OutgoingMail.to == "shop@example.com")).all()
        assert len(mails) == 2 + 1 + 1
