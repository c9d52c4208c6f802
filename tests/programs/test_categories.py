"""Categories of a mini program: added, refused and handed in again, deleted; what is in vain is refused here."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from saas.batches.models import BatchItem, ItemStatus
from saas.components.budgets import left
from saas.errors import Conflict, Invalid, NotFound
from saas.programs import categories, category_trees
from saas.programs.access import load_program
from saas.programs.category_trees import Category
from saas.programs.changing import client_of
from saas.programs.models import CategoryTree, ReviewStatus
from saas.programs.words import Step, Word
from tests.programs.shop import Shop, add_program, picture

LAUNDRY, DRINKS, MEDICINE = (150, 158), (304, 321), (304, 330)
LICENCE = "《食品经营许可证》"


@pytest.fixture
def read(shop: Shop) -> Shop:
    """What is set, and what could be, has been read."""
    shop.do(categories.request_reading)
    return shop


def category(shop: Shop, ids: tuple[int, int]) -> Category:
    with shop.session() as db:
        return category_trees.find_category(db, load_program(db, shop.id), *ids)


def change(shop: Shop, ids: tuple[int, int], **papers: Any) -> BatchItem:
    return shop.do(categories.change_category, category(shop, ids), papers=papers)


def stands(shop: Shop, ids: tuple[int, int]) -> tuple[str, str] | None:
    with shop.session() as db:
        found = categories.find_set(categories.find_state(db, load_program(db, shop.id)), *ids)
        return (found["status"], found["reason"]) if found else None


def test_what_is_set_and_what_could_be_is_read(read: Shop) -> None:
    assert stands(read, (220, 632)) == (ReviewStatus.APPROVED, "")
    assert read.word(Step.CATEGORIES) == Word.CATEGORIES_SET
    with read.session() as db:
        program = load_program(db, read.id)
        tree = category_trees.find_tree(db, program)
        assert categories.find_state(db, program).most == 20  # type: ignore[union-attr]
        assert left(db, program, "category_month").left == 5
    assert [one.name for one in category_trees.search(tree, "自营 食品经营")] == [
        "商家自营 / 食品饮料",
        "商家自营 / 酒类",
    ]
    assert category(read, DRINKS).sets[0][0].name == LICENCE
    with pytest.raises(NotFound):
        category(read, (304, 1))
    read.do(categories.request_reading)
    assert read.counts()["getAllCategories"] == 1


def test_one_that_needs_no_papers_holds_at_once(read: Shop) -> None:
    assert change(read, LAUNDRY).status == ItemStatus.DONE
    assert stands(read, LAUNDRY) == (ReviewStatus.APPROVED, "")
    with read.session() as db:
        assert left(db, load_program(db, read.id), "category_month").left == 4
    with pytest.raises(Conflict):
        change(read, LAUNDRY)


def test_an_answer_that_was_asked_before_a_change_is_not_kept_after_it(read: Shop) -> None:
    with read.session() as db:
        program = load_program(db, read.id)
        client = client_of(db, program)

        def ask(appid: str) -> Any:
            answer = client.categories.getcategory(appid)
            change(read, LAUNDRY)
            return answer

        slow: Any = SimpleNamespace(categories=SimpleNamespace(getcategory=ask))
        categories.read_state(db, program, slow)
    assert stands(read, LAUNDRY) == (ReviewStatus.APPROVED, "")


def test_papers_go_to_review_and_the_end_is_heard_of(read: Shop) -> None:
    assert change(read, DRINKS, **{LICENCE: [picture(), picture(30, 90)]}).status == ItemStatus.DONE
    assert (stands(read, DRINKS), read.word(Step.CATEGORIES)) == (("in_review", ""), Word.CATEGORY_IN_REVIEW)
    with pytest.raises(Conflict):
        read.start(categories.remove_category, *DRINKS)
    read.control.decide_category(read.appid, *DRINKS, "approve", push=False)
    read.hear("wxa_category_audit", ret=3, first=DRINKS[0], second=DRINKS[1])
    assert (stands(read, DRINKS), read.word(Step.CATEGORIES)) == (("approved", ""), Word.CATEGORIES_SET)


def test_a_refused_one_is_handed_in_again(read: Shop) -> None:
    drugs, web = category(read, MEDICINE).papers
    change(read, MEDICINE, **{drugs: [picture()], web: [picture()]})
    read.control.decide_category(read.appid, *MEDICINE, "reject", reason="证件照片不清晰", push=False)
    read.run_jobs(wait=2700)  # the event is lost
    assert stands(read, MEDICINE) == ("refused", "证件照片不清晰")
    assert read.word(Step.CATEGORIES) == Word.CATEGORY_REFUSED
    again = change(read, MEDICINE, **{drugs: [picture(50, 50, "blue")]})
    assert (again.step, again.status) == (categories.MODIFY, ItemStatus.DONE)
    assert stands(read, MEDICINE) == ("in_review", "")
    assert read.counts()["addCategory"] == 1


def test_a_long_review_is_asked_about_less_often(read: Shop) -> None:
    change(read, DRINKS, **{LICENCE: [picture()]})
    begun = asked(read)
    read.run_jobs(wait=3 * 3600)
    often = asked(read)
    assert 3 <= often - begun <= 12, "no messages come, so it is asked often"
    read.run_jobs(wait=12 * 3600)
    assert 2 <= asked(read) - often <= 12
    read.pass_time(0)
    drugs, web = category(read, MEDICINE).papers
    change(read, MEDICINE, **{drugs: [picture()], web: [picture()]})
    often = asked(read)
    read.run_jobs(wait=7200)
    assert asked(read) - often >= 3


def asked(shop: Shop) -> int:
    return shop.counts()["getSettingCategories"]


def test_one_is_deleted(read: Shop) -> None:
    assert read.do(categories.remove_category, 220, 632).status == ItemStatus.DONE
    assert stands(read, (220, 632)) is None
    assert read.word(Step.CATEGORIES) == Word.CATEGORIES_LACKING
    with pytest.raises(NotFound):
        read.start(categories.remove_category, 220, 632)


@pytest.mark.parametrize("operation", ["addCategory", "modifyCategory", "deleteCategory"])
def test_an_answer_that_got_lost_changes_it_once(read: Shop, operation: str) -> None:
    ids = (220, 632) if operation == "deleteCategory" else DRINKS
    if operation == "modifyCategory":
        change(read, DRINKS, **{LICENCE: [picture()]})
        read.control.decide_category(read.appid, *DRINKS, "reject")
        read.hear("wxa_category_audit", ret=2, first=DRINKS[0], second=DRINKS[1], reason="不清晰")
    read.control.cut_next(operation)
    if operation == "deleteCategory":
        item = read.do(categories.remove_category, *ids)
    else:
        item = change(read, ids, **{LICENCE: [picture()]})
    assert (item.status, item.attempt) == (ItemStatus.DONE, 2)
    assert read.counts()[operation] == 1


@pytest.mark.parametrize(("operation", "errcode"), [("addCategory", 53302), ("deleteCategory", 53303)])
def test_wechats_no_is_explained(read: Shop, operation: str, errcode: int) -> None:
    read.control.fail_next(operation, errcode)
    item = read.do(categories.remove_category, 220, 632) if operation == "deleteCategory" else change(read, LAUNDRY)
    assert (item.status, item.errcode, item.operation) == (ItemStatus.FAILED, errcode, operation)


def test_wechats_no_to_a_reading_is_kept_beside_what_was_known(read: Shop) -> None:
    read.control.fail_next("getSettingCategories", 48001)
    assert read.do(categories.request_reading).errcode == 48001
    with read.session() as db:
        state = categories.find_state(db, load_program(db, read.id))
        assert state is not None
        assert (state.errcode, len(state.categories)) == (48001, 1)


def test_a_whole_set_of_papers_is_asked_for(read: Shop) -> None:
    drugs, web = category(read, MEDICINE).papers
    given: list[tuple[dict[str, list[bytes]], str]] = [
        ({}, "paper_0"),
        ({drugs: [picture()]}, "paper_1"),
        ({web: [picture()]}, "paper_0"),
        ({drugs: [picture()], web: [b"no picture"]}, "paper_1"),
    ]
    for papers, field in given:
        with pytest.raises(Invalid) as refusal:
            change(read, MEDICINE, **papers)
        assert refusal.value.field == field
    assert "addCategory" not in read.counts()


def test_of_others_only_the_names_are_known(shop: Shop) -> None:
    appid = shop.control.accounts(nick_name="梅记茶铺")[0]["appid"]
    code = shop.control.grant(shop.component.appid, appid, push=False)
    shop.id = add_program(shop.cast, shop.component.id, appid, code, shop.run_jobs)
    assert shop.do(categories.request_reading).status == ItemStatus.DONE
    assert stands(shop, (220, 632)) == ("approved", "")
    with pytest.raises(Conflict, match=r"mp\.weixin"):
        shop.start(categories.remove_category, 220, 632)
    with shop.session() as db:
        assert db.scalars(select(CategoryTree)).all() == []
