"""The pages of the to-do board."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from saas import clock
from saas.programs.words import Word
from tests.agenda.conftest import Fleet, fleet  # noqa: F401 - a fixture
from tests.web.conftest import Browser

Open = Callable[[str], Browser]


def day(days: int) -> str:
    return (clock.now() + timedelta(days=days)).date().isoformat()


def test_an_empty_board_says_so(browser: Open) -> None:
    page = browser("alice").text("/p/alice/todo")
    assert "这里没有待办" in page
    assert "没有推迟的待办" in browser("alice").text("/p/alice/todo/snoozed")


def test_the_board_shows_groups_with_buttons_for_those_who_may(browser: Open, fleet: Fleet) -> None:  # noqa: F811
    program = fleet.add(Word.CERTIFY_SENT_BACK, due=-2, name="梅记茶铺", merchant_id=fleet.cast.meis)
    fleet.add(Word.FILE_SMS, due=20)
    page = browser("alice").text("/p/alice/todo")
    for part in (
        "认证被打回，待补充",
        "梅记茶铺",
        "已超时",
        "处理认证",
        "重新提交认证",
        "轮到我们 1",
        "轮到商家 1",
        "等微信 0",
    ):
        assert part in page, part
    assert f"/p/alice/programs/{program.id}/certification" in page
    merchants = browser("alice").text("/p/alice/todo?turn=merchant")
    assert "备案：等短信核验" in merchants
    assert "提醒商家" in merchants
    bobs = browser("bob").text("/p/alice/todo")
    assert "梅记茶铺" in bobs
    assert "处理认证" not in bobs
    assert "重新提交认证" not in bobs


def test_my_work_leaves_out_what_colleagues_do(browser: Open, fleet: Fleet) -> None:  # noqa: F811
    fleet.add(Word.FILE_READY, name="马克斯的店", owner_id=fleet.cast.users["max"])
    assert "马克斯的店" not in browser("alice").text("/p/alice/todo")
    assert "马克斯的店" in browser("alice").text("/p/alice/todo?owner=all")
    assert "马克斯的店" in browser("max").text("/p/alice/todo")


def test_the_navigation_says_how_much_waits(browser: Open, fleet: Fleet) -> None:  # noqa: F811
    fleet.add(Word.FILE_READY, owner_id=fleet.cast.users["alice"])
    assert "由我负责的 1 个，没人负责且已超时的 0 个，团队的事 0 件" in browser("alice").text("/p/alice/members")
    assert "由我负责的" not in browser("max").text("/p/alice/members")


def test_a_group_is_put_off_comes_back_by_hand_and_says_why(browser: Open, fleet: Fleet) -> None:  # noqa: F811
    programs = [fleet.add(Word.FILE_READY, name=f"门店{number}") for number in range(3)]
    alice, group = browser("alice"), "/p/alice/todo/group?stage=file_ready"
    assert "共 3 个" in alice.text(group)
    asked = f"/p/alice/todo/snooze?id={programs[0].id}&id={programs[1].id}"
    assert "已选 2 个小程序" in alice.text(asked)
    chosen = {"id": [str(one.id) for one in programs[:2]]}
    wrong = alice.post("/p/alice/todo/snooze", chosen | {"until": day(-3), "note": "x"})
    assert wrong.status_code == 422
    assert "请选择以后的日期" in wrong.get_data(as_text=True)
    assert alice.post("/p/alice/todo/snooze", chosen | {"until": day(5), "note": "月底开业"}).status_code == 303
    assert "共 1 个" in alice.text(group)
    put_off = alice.text("/p/alice/todo/snoozed")
    assert "月底开业" in put_off
    assert "已推迟 2" in alice.text("/p/alice/todo")
    assert alice.post(f"/p/alice/todo/programs/{programs[0].id}/wake").status_code == 303
    assert "共 2 个" in alice.text(group)


def test_all_of_a_group_goes_to_an_action(browser: Open, fleet: Fleet) -> None:  # noqa: F811
    for _ in range(2):
        fleet.add(Word.FILE_READY)
    fleet.add(Word.NO_CODE)
    page = browser("alice").text(
        "/p/alice/programs/selection/start?action=remind&all=1&turn=provider&stage=file_ready&snoozed=no"
    )
    assert "已选 2 个小程序" in page


def test_a_group_pages_by_key(browser: Open, fleet: Fleet) -> None:  # noqa: F811
    for number in range(52):
        fleet.add(Word.NO_CODE, name=f"门店{number:02}")
    first = browser("alice").text("/p/alice/todo/group?stage=no_code")
    assert "门店49" in first
    assert "门店50" not in first
    after = first.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    second = browser("alice").text(after)
    assert "门店51" in second
    assert "门店49" not in second
