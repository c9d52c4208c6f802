"""The pages of release trains: planning one, its progress, the buttons that steer it, and who may press them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from saas import clock
from saas.batches.access import load_batch, load_item
from saas.batches.models import BatchStatus, ItemStatus
from saas.batches.starting import Subject, start_batch
from saas.programs.models import AuthorizationStatus, Program, ProgramTag
from saas.trains import steering
from saas.trains.models import Holds, OpensAfter, ProgramState, Train, TrainStatus
from tests.trains.conftest import Yard, yard  # noqa: F401 - a fixture
from tests.web.conftest import Browser

Browsers = Callable[[str], Browser]
HTMX = {"HX-Request": "true"}
pytestmark = pytest.mark.usefixtures("cast")


def address(train: Train, tail: str = "") -> str:
    return f"/p/alice/trains/{train.id}{tail}"


def plan(yard: Yard, browser: Browser, ids: list[object], **values: str) -> str:  # noqa: F811
    """Fill in the form; answers the address of the draft's page."""
    form = {"id": [str(one) for one in ids], "do-template": str(yard.template_id), "do-opens_after": "approved"}
    form |= {"do-release": "held", "do-canary_size": "1", "do-stop_percent": "30", **values}
    answer = browser.post("/p/alice/trains/new", form)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return str(answer.location)


def test_a_train_is_planned_from_the_list_of_programs_and_started(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    ids, (lost,) = yard.programs(3), yard.programs(1, authorization="lost")
    max_ = browser("max")
    query = "&".join(f"id={one}" for one in [*ids, lost])
    assert "/trains/new" in max_.text(f"/p/alice/programs/selection?{query}")
    page = max_.text(f"/p/alice/trains/new?{query}")
    assert "已选 4 个小程序" in page
    yard.component(audit_quota_rest=2)
    draft = plan(yard, max_, [*ids, lost], **{"do-reserve": "1"})
    page = max_.text(draft)
    quota = "还要提交 3 个，本月还能用 1 次（剩 2 次，保留 1 次）"
    for text in ("草稿", "试点批", "第 1 批", "商家没有授权", quota, "差 2 次"):
        assert text in page
    assert "hx-get" not in page
    assert max_.post(f"{draft}/start").status_code == 303
    page = max_.text(draft)
    assert "开始批量发布" not in page
    assert "hx-get" in page
    assert ">2.0.0</a>" in max_.text("/p/alice/trains")


def test_all_that_a_filter_finds_can_go(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    yard.programs(2)
    form = {"all": "1", "q": "小程序", "do-template": str(yard.template_id), "do-opens_after": "approved"}
    answer = browser("alice").post("/p/alice/trains/new", form | {"do-release": "held"})
    assert answer.status_code == 303, answer.get_data(as_text=True)
    assert "0 / 2" in browser("alice").text(str(answer.location))


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"do-wave_size": "2", "do-wave_percent": "20"}, "只填一项"),
        ({"do-wave_size": "abc"}, "请填写整数"),
        ({"do-window_from": "2"}, "要一起填写"),
        ({"do-phased_percent": "100"}, "1 到 99"),
    ],
)
def test_a_wrong_option_is_said_at_its_field(
    browser: Browsers, yard: Yard, values: dict[str, str], text: str  # noqa: F811
) -> None:  # fmt: skip
    form = {"id": str(yard.programs(1)[0]), "do-template": str(yard.template_id), "do-opens_after": "approved"}
    answer = browser("alice").post("/p/alice/trains/new", form | {"do-release": "held"} | values)
    assert answer.status_code == 422
    assert text in answer.get_data(as_text=True)


def test_a_draft_is_deleted(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    train = yard.plan(yard.programs(1))
    assert browser("alice").post(address(train, "/delete")).status_code == 303
    assert "还没有批量发布" in browser("alice").text("/p/alice/trains")


def test_failures_are_told_by_cause_and_retried_by_group(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    train = yard.running(3)
    yard.conduct(train, 2)
    yard.end(train, "upload", only=2, errcode=85046, operation="commit", rid="r-1")
    yard.end(train, "upload", error="系统内部出错，已经记录下来；可以再试一次")
    yard.conduct(train)
    page = browser("alice").text(address(train))
    assert page.count("重试这些") == 2
    assert "2 个失败" in page
    assert "怎么办：" in page
    assert "重试这些" not in browser("bob").text(address(train))
    fields = {"step": "upload", "operation": "commit", "error": "", "errcode": "85046"}
    browser("alice").post(address(train, "/retry"), fields)
    assert yard.states(train) == {("upload", "ready"): 2, ("upload", "failed"): 1}
    browser("alice").post(address(train, "/retry"))
    assert yard.states(train) == {("upload", "ready"): 3}


def test_a_stopped_train_says_why_and_goes_on(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    train = yard.running(2)
    yard.conduct(train, 2)
    yard.end(train, "upload", only=1, errcode=85014, operation="commit")
    yard.conduct(train)
    page = browser("alice").text(address(train))
    assert "批量发布自动停下了" in page
    assert "这个错误会让每个小程序都失败" in page
    browser("alice").post(address(train, "/resume"))
    assert yard.train(train).status == TrainStatus.RUNNING
    browser("alice").post(address(train, "/pause"))
    assert yard.train(train).status == TrainStatus.PAUSED


def test_a_wave_is_released_after_a_confirmation(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    train = yard.running(2, window_from=2, window_until=5)
    yard.to_review(train)
    yard.decide(train)
    yard.conduct(train)
    assert "2 个已审核通过，等您发布。" in browser("alice").text(address(train))
    (wave,) = yard.waves(train)
    path = f"/p/alice/train-waves/{wave.id}/release"
    page = browser("alice").text(path)
    assert "马上发布给所有用户" in page
    assert "2 点到 5 点" in page
    assert yard.waves(train)[0].release_allowed_at is None
    assert browser("bob").get(path).status_code == 403
    browser("alice").post(path)
    assert yard.waves(train)[0].release_allowed_at is not None


def test_a_program_is_looked_at_and_skipped(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    train = yard.running(2)
    yard.conduct(train, 2)
    yard.end(train, "upload", errcode=85046, operation="commit", rid="r-77")
    yard.conduct(train)
    place = yard.rows(train)[0]
    page = browser("bob").text(f"/p/alice/train-programs/{place.id}")
    assert "r-77" in page
    assert "这次跳过" not in page
    browser("alice").post(f"/p/alice/train-programs/{place.id}/skip")
    assert yard.rows(train)[0].state == ProgramState.SKIPPED
    listed = browser("bob").text(address(train, "/programs?state=failed"))
    assert listed.count("/train-programs/") == 1


def test_programs_are_paged_by_keys(browser: Browsers, yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    from saas.web.provider import trains

    monkeypatch.setattr(trains, "_PLACES", 2)
    train = yard.running(3)
    rows = yard.rows(train)
    first = browser("bob").text(address(train, "/programs"))
    assert "下一页" in first
    assert str(rows[2].id) not in first
    second = browser("bob").text(address(train, f"/programs?after={rows[1].id}"))
    assert str(rows[2].id) in second
    assert "下一页" not in second


def test_withdrawal_and_roll_back_name_their_consequence_first(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    train = yard.running(2, online="1.0.0", releases_itself=True, canary_size=1)
    yard.to_review(train)
    assert "会撤回 1 个审核。" in browser("alice").text(address(train, "/undo"))
    yard.decide(train)
    yard.conduct(train)
    yard.end(train, "release")
    yard.conduct(train)
    assert "1 个已发布的小程序马上回到各自之前的版本" in browser("alice").text(address(train, "/roll-back"))
    browser("alice").post(address(train, "/roll-back"))
    assert len(yard.items(train, "roll_back")) == 1
    assert yard.train(train).status == TrainStatus.CANCELLED


def test_the_fragment_stops_asking_at_the_end(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    train = yard.running(1)
    page = browser("alice").get(address(train), headers=HTMX)
    assert "hx-get" in page.text
    assert "HX-Refresh" not in page.headers
    yard.steer(steering.cancel, train)
    page = browser("alice").get(address(train), headers=HTMX)
    assert page.headers["HX-Refresh"] == "true"


def test_charlie_finds_nothing(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    train = yard.running(1)
    (place,), (wave,) = yard.rows(train), yard.waves(train)
    for path in (f"trains/{train.id}", f"trains/{train.id}/cancel", f"train-programs/{place.id}",
                 f"train-waves/{wave.id}/release"):  # fmt: skip
        assert browser("charlie").get(f"/p/charlie/{path}").status_code == 404
    assert str(train.id) not in browser("charlie").text("/p/charlie/trains")


@pytest.mark.parametrize("tail", ["", "/programs"])
def test_english_pages_are_english(browser: Browsers, yard: Yard, tail: str) -> None:  # noqa: F811
    train = yard.running(2, phased_percent=10, reserve=1)
    alice = browser("alice")
    alice.post("/language/en", {"next": "/"})
    page = alice.text(address(train, tail))
    assert "Release train 2.0.0" in page
    assert "批" not in page.replace("新版", "")


def failed_for_values(yard: Yard) -> Train:  # noqa: F811
    """Two failed for values of their own, one for an authorization that is gone."""
    train = yard.running(3)
    yard.conduct(train, 2)
    for shop in ("店名", "电话"):
        yard.end(train, "upload", only=1, error=f"缺少变量或值不对：{shop}")
    yard.end(train, "upload", errcode=61003, operation="commit")
    yard.conduct(train)
    return train


def links(page: str, start: str) -> list[str]:
    return [unescape(one) for one in re.findall(r'href="([^"]+)"', page) if unescape(one).startswith(start)]


def test_a_group_of_failures_is_repaired_as_a_group(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    train = failed_for_values(yard)
    alice = browser("alice")
    page = alice.text(address(train))
    assert "缺少变量或值不对</strong>" in page
    assert "逐个补充变量的值" in page
    assert "商家重新授权后自动继续" in page
    (renew,) = [one for one in links(page, "/p/alice/programs/selection/start") if "renew_link" in one]
    form = alice.text(renew)
    assert "已选 1 个小程序" in form
    assert '<option selected value="all">' in form
    chosen = [one for one in links(page, "/p/alice/programs/selection?") if "errcode" not in one]
    assert "已选 2 个小程序" in alice.text(chosen[0])
    (listed,) = {one for one in links(page, address(train, "/programs?")) if "errcode=61003" in one}
    assert alice.text(listed).count("/train-programs/") == 1
    assert "逐个补充变量的值" not in browser("bob").text(address(train))


def test_a_selection_of_a_train_goes_through_its_door(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    train = failed_for_values(yard)
    query = f"from=train&train={train.id}&state=failed"
    assert "已选 3 个小程序" in browser("alice").text(f"/p/alice/programs/selection?{query}")
    assert browser("charlie").get(f"/p/charlie/programs/selection?{query}").status_code == 404
    assert browser("alice").get("/p/alice/programs/selection?from=train&train=x").status_code == 404


@pytest.mark.parametrize("wrong", ["state=gone", "wave=x", "step=gone&errcode=1", "step=upload&errcode=x", "errcode=1"])
def test_a_group_that_makes_no_sense_is_nobody(browser: Browsers, yard: Yard, wrong: str) -> None:  # noqa: F811
    train = failed_for_values(yard)
    alice, query = browser("alice"), f"from=train&train={train.id}"
    assert alice.get(f"/p/alice/programs/selection?{query}&{wrong}").status_code == 404
    if "step" in wrong:
        form = dict(part.split("=") for part in wrong.split("&"))
        assert alice.post(address(train, "/retry"), form).status_code == 404
        assert yard.states(train)["upload", "failed"] == 3


def test_a_group_is_skipped_after_a_question(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    train = failed_for_values(yard)
    alice = browser("alice")
    (skip,) = [one for one in links(alice.text(address(train)), address(train, "/skip?")) if "errcode" not in one]
    assert "2 个小程序这次不再发布这个版本" in alice.text(skip)
    assert yard.states(train)["upload", "failed"] == 3
    assert alice.post(skip).status_code == 303
    assert yard.states(train) == {("upload", "skipped"): 2, ("upload", "failed"): 1}
    assert alice.get(address(train, "/skip")).status_code == 404


def test_every_way_of_repair_leads_somewhere(browser: Browsers) -> None:
    from saas.trains.causes import Remedy
    from saas.web.provider.selection import ACTIONS
    from saas.web.provider.train_repairs import WAYS

    browser("alice").text("/p/alice/")
    assert set(WAYS) == set(Remedy)
    for ways in WAYS.values():
        for way in ways:
            assert way.page or way.action in ACTIONS, way


def test_those_left_out_are_told_by_reason_with_a_repair(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    yard.template(ext_json='{"ext": {"shop": "${shop}"}}')
    (lacks,) = yard.programs(1)
    train = yard.plan([lacks, *yard.programs(1, authorization="lost", ext_values={"shop": "1"})])
    alice = browser("alice")
    page = alice.text(address(train))
    assert page.count("1 个没有纳入") == 2
    assert any("renew_link" in one and "reason=" in one for one in links(page, "/p/alice/programs/selection/start"))
    values = alice.text(address(train, "/values"))
    assert f"value.{lacks}.shop" in values
    assert alice.post(address(train, "/values"), {f"value.{lacks}.shop": "梅记"}).status_code == 303
    assert "没有缺少值的小程序" in alice.text(address(train, "/values"))
    alice.post(address(train, "/look-again"))
    assert yard.train(train).total == 1


def test_a_start_is_planned_in_the_providers_time_changed_and_cancelled(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    train = yard.plan(yard.programs(1))
    alice, path = browser("alice"), address(train, "/start-time")
    assert "Asia/Shanghai" in alice.text(path)
    assert alice.post(path, {"do-at": "2001-01-01T02:00"}).status_code == 422
    assert alice.post(path, {"do-at": "morgen"}).status_code == 422
    local = (clock.now() + timedelta(days=1)).astimezone(ZoneInfo("Asia/Shanghai"))
    assert alice.post(path, {"do-at": f"{local:%Y-%m-%dT%H:%M}"}).status_code == 303
    assert yard.train(train).starts_at == local.replace(second=0, microsecond=0)
    page = alice.text(address(train))
    assert "已定时" in page
    assert "现在开始" in page
    assert f"{local:%H:%M}" in page
    assert "已定时" in browser("bob").text("/p/alice/trains")
    assert f"{local:%Y-%m-%dT%H:%M}" in alice.text(path)
    alice.post(address(train, "/start-time/cancel"))
    assert yard.train(train).starts_at is None
    assert browser("bob").get(path).status_code == 403


def test_the_canary_is_ticked(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    train = yard.plan(yard.programs(3), canary_size=1)
    rows = yard.rows(train)
    alice, path = browser("alice"), address(train, "/canary")
    page = alice.text(path)
    assert page.count(" checked") == 1
    assert "小程序2" in alice.text(f"{path}?q=序2")
    form = {"shown": [str(one.id) for one in rows], "go": [str(rows[1].id), str(rows[2].id)], "ready": "1"}
    assert alice.post(path, form).location.endswith(str(train.id))
    assert [wave.size for wave in yard.waves(train)] == [2, 1]


def test_a_tag_chooses_the_canary(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    ids = yard.programs(3)
    with yard.session() as db:
        db.add(ProgramTag(program_id=ids[1], tag="试点", provider_id=yard.cast.alices))
    assert "试点用带这个标签的" in browser("alice").text(f"/p/alice/trains/new?id={ids[0]}")
    draft = plan(yard, browser("alice"), list(ids), **{"do-canary_tag": "试点", "do-canary_size": "0"})
    (canary, _) = yard.waves(Train(id=UUID(draft.rpartition("/")[2])))
    assert [row.program_id for row in yard.rows(Train(id=canary.train_id)) if row.wave_id == canary.id] == [ids[1]]


def test_a_gate_is_opened_after_a_question(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    train = yard.running(3, canary_size=1, holds=Holds.CANARY, opens_after=OpensAfter.SUBMITTED)
    yard.to_review(train)
    yard.conduct(train)
    alice = browser("alice")
    (path,) = links(alice.text(address(train)), "/p/alice/train-waves/")
    assert path.endswith("/let-on")
    assert "“第 1 批”的 2 个小程序马上开始上传" in alice.text(path)
    assert browser("bob").get(path).status_code == 403
    alice.post(path)
    yard.conduct(train, 2)
    assert len(yard.items(train, "upload")) == 2


def test_settings_are_changed_on_the_way(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    train = yard.running(1, reserve=3)
    alice, path = browser("alice"), address(train, "/settings")
    assert 'value="3"' in alice.text(path)
    form = {"do-opens_after": "approved", "do-holds": "every", "do-release": "held", "do-reserve": "1"}
    form |= {"do-stop_percent": "", "do-stop_failures": ""}
    assert alice.post(path, {**form, "do-window_from": "2"}).status_code == 422
    assert alice.post(path, form).status_code == 303
    now = yard.train(train)
    assert (now.reserve, now.holds, now.stop_percent) == (1, Holds.EVERY, None)


def test_the_end_is_acknowledged(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    train = yard.running(1, releases_itself=True)
    yard.to_review(train)
    yard.decide(train)
    yard.conduct(train)
    yard.end(train, "release")
    yard.conduct(train, 2)
    alice = browser("alice")
    assert "批量发布结束了" in alice.text(address(train))
    assert "批量发布已结束" in alice.text("/p/alice/")
    alice.post(address(train, "/seen"))
    assert "批量发布结束了" not in alice.text(address(train))


def test_batches_and_templates_lead_to_trains(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    train = yard.running(2)
    yard.conduct(train, 2)
    batch_id = yard.items(train, "upload")[0].batch_id
    alice = browser("alice")
    assert address(train) in alice.text(f"/p/alice/batches/{batch_id}")
    with yard.session() as db:
        own = start_batch(
            db, "saas.programs.profile.refresh", [Subject(one, "") for one in yard.programs(2)], who=yard.alice
        )
    (path,) = links(alice.text(f"/p/alice/batches/{own.id}"), "/p/alice/trains/new")
    assert "已选 2 个小程序" in alice.text(path)
    page = alice.text(f"/p/alice/templates/{yard.template_id}")
    (path,) = links(page, "/p/alice/trains/new")
    assert f'<option selected value="{yard.template_id}">' in alice.text(path)


def test_a_batch_of_a_train_is_steered_on_the_trains_page(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    train = yard.running(2)
    yard.conduct(train, 2)
    first = yard.items(train, "upload")[0]
    yard.end(train, "upload", only=1, error="坏了")
    alice, page = browser("alice"), f"/p/alice/batches/{first.batch_id}"
    told = alice.text(page)
    assert f"/trains/{train.id}" in told
    for tail in ("pause", "resume", "retry"):
        assert f"{page}/{tail}" not in told
        assert alice.post(f"{page}/{tail}").location == address(train)
    assert alice.post(f"/p/alice/items/{first.id}/retry").location == address(train)
    with yard.session() as db:
        batch = load_batch(db, first.batch_id)
        assert (batch.status, load_item(db, first.id).status) == (BatchStatus.RUNNING, ItemStatus.FAILED)


def test_a_start_that_is_refused_leaves_the_draft_as_it_was(browser: Browsers, yard: Yard) -> None:  # noqa: F811
    ids = yard.programs(1)
    train = yard.plan(ids)
    with yard.session() as db:
        db.get_one(Program, ids[0]).authorization = AuthorizationStatus.LOST
    alice = browser("alice")
    assert alice.post(address(train, "/start")).status_code == 303
    assert "没有可以发布的小程序" in alice.text(address(train))
    assert yard.states(train) == {("upload", "planned"): 1}
