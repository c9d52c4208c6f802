"""The to-do board: whose turn, which group, the nearest end first; snoozes; the number in the navigation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from saas import clock
from saas.agenda import board, counting
from saas.agenda.board import Board, Place
from saas.db import tenant_session
from saas.errors import Forbidden, Invalid
from saas.programs import snoozing
from saas.programs.access import load_program
from saas.programs.editing import change_tags
from saas.programs.listing import NOBODYS, ProgramFilter, Snoozed, select_ids
from saas.programs.words import Turn, Word
from saas.tenants.models import TaskKind
from saas.tenants.tasks import open_task
from tests.agenda.conftest import Fleet

OURS = ProgramFilter(turn=Turn.PROVIDER, snoozed=Snoozed.NO)


def read(fleet: Fleet, wanted: ProgramFilter = OURS, who: str = "alice") -> Board:
    with fleet.session() as db:
        return board.read_board(db, wanted, who=fleet.cast.who[who])


def words(found: Board) -> dict[Word, int]:
    return {group.word: group.count for group in found.groups}


def test_mini_programs_are_grouped_by_what_is_next_and_counted_by_whose_turn_it_is(fleet: Fleet) -> None:
    for word in (Word.NO_CODE, Word.FILE_READY, Word.FILE_READY, Word.FILE_SMS, Word.UNAUTHORIZED):
        fleet.add(word)
    fleet.add(Word.FILE_AUTHORITY_REVIEW, online=True)
    fleet.add(Word.CERTIFY_IN_REVIEW, online=True)
    fleet.add(Word.RELEASED, online=True)
    fleet.add(Word.FILE_READY, provider=fleet.cast.charlies)
    found = read(fleet)
    assert words(found) == {Word.NO_CODE: 1, Word.FILE_READY: 2}
    assert dict(found.turns) == {Turn.PROVIDER: 3, Turn.MERCHANT: 2, Turn.WECHAT: 1, Turn.AUTHORITY: 1}
    merchant = read(fleet, replace(OURS, turn=Turn.MERCHANT))
    assert words(merchant) == {Word.FILE_SMS: 1, Word.UNAUTHORIZED: 1}
    assert all(len(group.programs) == group.count for group in (*found.groups, *merchant.groups))


def test_what_is_late_comes_first_then_what_ends_soon_then_failures(fleet: Fleet) -> None:
    fleet.add(Word.NO_CODE)
    fleet.add(Word.CERTIFY_FAILED)
    fleet.add(Word.FILE_FACE_PASSED, due=20)
    fleet.add(Word.CERTIFY_SENT_BACK, due=-2)
    fleet.add(Word.CERTIFY_SENT_BACK, due=40)
    found = read(fleet)
    assert [group.word for group in found.groups] == [
        Word.CERTIFY_SENT_BACK, Word.FILE_FACE_PASSED, Word.CERTIFY_FAILED, Word.NO_CODE,
    ]  # fmt: skip
    assert (found.groups[0].count, found.groups[0].overdue) == (2, 1)
    assert found.groups[1].first_due is not None


def test_a_group_shows_the_three_whose_clocks_end_first(fleet: Fleet) -> None:
    made = {due: fleet.add(Word.CERTIFY_SENT_BACK, due=due) for due in (30, None, 5, 80, -1)}
    group = read(fleet).groups[0]
    assert [program.id for program in group.programs] == [made[due].id for due in (-1, 5, 30)]
    assert group.count == 5


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_pages_of_a_group_hold_every_mini_program_once_and_in_order(fleet: Fleet, size: int) -> None:
    dues = (None, 30, 5, 5, None, 80, None)
    made = [(due, fleet.add(Word.CERTIFY_SENT_BACK, due=due)) for due in dues]
    same = clock.now() + timedelta(hours=5)
    with tenant_session(fleet.cast.alices) as db:  # two clocks end in the same moment
        db.execute(
            text("update program_steps set due_at = :at where program_id = any(:ids)"),
            {"at": same, "ids": [program.id for due, program in made if due == 5]},
        )
        db.execute(
            text("update programs set due_at = :at where id = any(:ids)"),
            {"at": same, "ids": [program.id for due, program in made if due == 5]},
        )
    wanted, place, seen = replace(OURS, stage=Word.CERTIFY_SENT_BACK), None, []
    for _ in range(len(made) + 1):
        with fleet.session() as db:
            found, place = board.list_group(db, wanted, who=fleet.alice, after=place, limit=size)
        seen += [program.id for program in found]
        if place is None:
            break
        place = Place.read(str(place))
        assert place is not None
    ordered = sorted(made, key=lambda one: (one[0] is None, one[0] or 0, one[1].id))
    assert seen == [program.id for _, program in ordered]


@pytest.mark.parametrize("text", ["", "x", "1_x", "_", "1e999_0190", "nan_x"])
def test_a_place_that_makes_no_sense_is_the_beginning(text: str) -> None:
    assert Place.read(text) is None


def test_filters_narrow_the_board(fleet: Fleet) -> None:
    alice, max_ = fleet.cast.users["alice"], fleet.cast.users["max"]
    mine = fleet.add(Word.FILE_READY, owner_id=alice, name="旗舰店", due=None)
    fleet.add(Word.NO_CODE, owner_id=max_)
    fleet.add(Word.CERTIFY_SENT_BACK, due=-3, merchant_id=fleet.cast.meis)
    with fleet.session() as db:
        change_tags(db, load_program(db, mine.id), add=["重点"], remove=[], who=fleet.alice)

    def of(**parts: str) -> set[Word]:
        return set(words(read(fleet, replace(OURS, **ProgramFilter.read(parts).parts()))))

    assert of(owner=f"{alice},{NOBODYS}") == {Word.FILE_READY, Word.CERTIFY_SENT_BACK}
    assert of(owner=str(max_)) == {Word.NO_CODE}
    assert of(owner=NOBODYS) == {Word.CERTIFY_SENT_BACK}
    assert of(owner="alice,none") == of() == {Word.FILE_READY, Word.CERTIFY_SENT_BACK, Word.NO_CODE}
    assert of(merchant=str(fleet.cast.meis)) == {Word.CERTIFY_SENT_BACK}
    assert of(tag="重点") == {Word.FILE_READY}
    assert of(q="旗舰") == {Word.FILE_READY}
    assert of(due="overdue") == {Word.CERTIFY_SENT_BACK}
    assert of(component=str(fleet.components[fleet.cast.alices])) == of()
    assert of(component=str(mine.id)) == set()


def snooze(fleet: Fleet, *programs: object, hours: float = 48, note: str = "", who: str = "alice") -> int:
    with fleet.session() as db:
        until = clock.now() + timedelta(hours=hours)
        ids = [program.id for program in programs]  # type: ignore[attr-defined]
        return snoozing.snooze(db, ids, until, note, who=fleet.cast.who[who])


def test_what_is_put_off_is_out_of_sight_until_its_day(fleet: Fleet, move_clock: Callable[[float], None]) -> None:
    program, other = fleet.add(Word.FILE_READY), fleet.add(Word.FILE_READY)
    assert snooze(fleet, program, note="月底开业") == 1
    found = read(fleet)
    assert (words(found), found.snoozed, found.turns[Turn.PROVIDER]) == ({Word.FILE_READY: 1}, 1, 1)
    assert [one.id for one in found.groups[0].programs] == [other.id]
    with fleet.session() as db:
        assert select_ids(db, replace(OURS, turn="", snoozed=Snoozed.ONLY)) == [program.id]
        assert snoozing.snoozes_of(db, [program.id])[program.id].note == "月底开业"
    move_clock(49 * 3600)
    assert words(read(fleet)) == {Word.FILE_READY: 2}


def test_news_brings_it_back_at_once(fleet: Fleet) -> None:
    program = fleet.add(Word.FILE_READY)
    snooze(fleet, program)
    fleet.move(program, Word.FILE_PLATFORM_REJECTED)
    found = read(fleet)
    assert (words(found), found.snoozed) == ({Word.FILE_PLATFORM_REJECTED: 1}, 0)


def test_it_may_be_put_off_anew_and_brought_back_by_hand(fleet: Fleet) -> None:
    program = fleet.add(Word.FILE_READY)
    snooze(fleet, program)
    snooze(fleet, program, hours=24, note="改期")
    with fleet.session() as db:
        assert snoozing.snoozes_of(db, [program.id])[program.id].note == "改期"
        snoozing.wake(db, load_program(db, program.id), who=fleet.alice)
    assert words(read(fleet)) == {Word.FILE_READY: 1}


def test_nobody_snoozes_into_the_past_or_for_years_or_what_is_not_hers(fleet: Fleet) -> None:
    program = fleet.add(Word.FILE_READY)
    for hours in (-1, 24 * 400):
        with pytest.raises(Invalid):
            snooze(fleet, program, hours=hours)
    with pytest.raises(Invalid):
        snooze(fleet, program, note="长" * 201)
    with pytest.raises(Forbidden):
        snooze(fleet, program, who="bob")
    assert snooze(fleet, fleet.add(Word.FILE_READY, provider=fleet.cast.charlies)) == 0


def test_the_number_in_the_navigation_is_mine_the_late_ones_of_nobody_and_the_teams(fleet: Fleet) -> None:
    alice, max_ = fleet.cast.users["alice"], fleet.cast.users["max"]
    fleet.add(Word.FILE_READY, owner_id=alice)
    fleet.add(Word.FILE_SMS, owner_id=alice, due=-1)  # the merchant's turn
    fleet.add(Word.CERTIFY_SENT_BACK, due=-1)
    fleet.add(Word.CERTIFY_SENT_BACK, due=5)
    fleet.add(Word.CERTIFY_SENT_BACK, owner_id=max_, due=-1)
    put_off = fleet.add(Word.NO_CODE, owner_id=alice)
    snooze(fleet, put_off)
    with fleet.session() as db:
        open_task(db, fleet.cast.alices, TaskKind.FIX_SECRET, put_off.id)
        open_task(db, fleet.cast.alices, TaskKind.REAUTHORIZE, put_off.id)

    def count(who: str) -> counting.Waiting:
        with fleet.session() as db:
            return counting.count_waiting(db, fleet.cast.who[who])

    assert count("alice") == counting.Waiting(mine=1, overdue=1, tasks=1)
    assert count("alice").total == 3
    assert count("max") == counting.Waiting(mine=1, overdue=1, tasks=1)
    assert count("bob") == counting.Waiting(mine=0, overdue=1, tasks=1)


def test_the_navigations_number_stops_counting_at_a_hundred(fleet: Fleet) -> None:
    for _ in range(counting.MOST + 3):
        fleet.add(Word.NO_CODE, owner_id=fleet.cast.users["alice"])
    with fleet.session() as db:
        assert counting.count_waiting(db, fleet.alice).mine == counting.MOST
