"""Name, avatar, introduction and search of a mini program: changed at WeChat once, refused here where it is in vain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from saas import clock
from saas.batches.models import ItemStatus
from saas.components.budgets import left
from saas.db import tenant_session
from saas.errors import Conflict, Invalid
from saas.programs import appearance, naming
from saas.programs.access import load_program
from saas.programs.models import AuthorizationStatus, NameReview, ReviewStatus
from saas.programs.words import Step, Word
from saas.tenants.stored_files import load_file, read_file
from tests.programs.shop import Shop, picture


def reviews(shop: Shop) -> list[NameReview]:
    with shop.session() as db:
        return list(db.scalars(select(NameReview).order_by(NameReview.id)))


def keep(shop: Shop, **values: Any) -> str:
    with shop.session() as db:
        return appearance.keep_avatar(db, shop.alice, picture(), **{"x": 50, "y": 50, "size": 100, **values})


def in_review(shop: Shop) -> NameReview:
    shop.do(naming.change_name, "青禾严选", papers={naming.LICENCE: [picture(), picture()]})
    return reviews(shop)[-1]


# name


def test_an_ordinary_name_holds_at_once(shop: Shop) -> None:
    checked = shop.do(naming.ask_about_name, "青禾鲜果铺")
    assert (checked.status, checked.result) == (ItemStatus.DONE, {"name": "青禾鲜果铺", "proof": ""})
    assert shop.do(naming.change_name, "青禾鲜果铺").status == ItemStatus.DONE
    assert shop.program().name == "青禾鲜果铺"
    assert reviews(shop) == []
    assert shop.word(Step.PROFILE) == Word.PROFILE_COMPLETE


def test_a_name_that_needs_proof_says_so_and_goes_to_review(shop: Shop) -> None:
    assert "商标" in shop.do(naming.ask_about_name, "青禾严选").result["proof"]
    refused = shop.do(naming.change_name, "青禾严选")
    assert (refused.status, refused.errcode) == (ItemStatus.FAILED, 91009)
    review = in_review(shop)
    assert (review.status, shop.word(Step.PROFILE)) == (ReviewStatus.IN_REVIEW, Word.NAME_IN_REVIEW)
    with pytest.raises(Conflict):
        shop.start(naming.change_name, "青禾直供")
    shop.control.decide_name(review.audit_id, "approve", push=False)
    shop.hear("wxa_nickname_audit", ret=3, nickname="青禾严选")
    assert (reviews(shop)[0].status, shop.program().name) == (ReviewStatus.APPROVED, "青禾严选")
    assert shop.word(Step.PROFILE) == Word.PROFILE_COMPLETE


def test_a_refused_name_is_handed_in_again_with_its_papers(shop: Shop) -> None:
    review = in_review(shop)
    shop.control.decide_name(review.audit_id, "reject", reason="<p>看不清&nbsp;公章</p>", push=False)
    shop.run_jobs(wait=2700)  # the event is lost
    assert (reviews(shop)[0].status, reviews(shop)[0].reason) == (ReviewStatus.REFUSED, "看不清 公章")
    assert shop.word(Step.PROFILE) == Word.NAME_REFUSED
    again = shop.do(naming.change_name, "青禾严选", papers={naming.OTHER: [picture()]}, again=reviews(shop)[0])
    assert again.status == ItemStatus.DONE
    assert reviews(shop)[1].papers.keys() == {"license", "naming_other_stuff_1"}
    assert reviews(shop)[1].papers["license"] == review.papers["license"]


def test_a_refused_name_may_be_given_up(shop: Shop) -> None:
    review = in_review(shop)
    with shop.session() as db, pytest.raises(Conflict):
        naming.drop_review(db, load_program(db, shop.id), review, who=shop.alice)
    shop.control.decide_name(review.audit_id, "reject")
    shop.hear("wxa_nickname_audit", ret=2, nickname="青禾严选", reason="不行")
    with shop.session() as db:
        row = db.scalars(select(NameReview)).one()
        naming.drop_review(db, load_program(db, shop.id), row, who=shop.alice)
    assert shop.word(Step.PROFILE) == Word.PROFILE_COMPLETE


def test_a_review_that_was_begun_elsewhere_is_believed(shop: Shop) -> None:
    shop.hear("wxa_nickname_audit", ret=2, nickname="青禾旗舰", reason="没有授权书")
    shop.hear("wxa_nickname_audit", ret=2, nickname="青禾旗舰", reason="没有授权书")
    assert [(one.name, one.status, one.reason) for one in reviews(shop)] == [
        ("青禾旗舰", ReviewStatus.REFUSED, "没有授权书")
    ]


def test_another_name_that_holds_ends_the_wait_for_a_refused_one(shop: Shop) -> None:
    review = in_review(shop)
    shop.control.decide_name(review.audit_id, "reject")
    shop.hear("wxa_nickname_audit", ret=2, nickname="青禾严选", reason="不行")
    assert shop.word(Step.PROFILE) == Word.NAME_REFUSED
    assert shop.do(naming.change_name, "青禾鲜果铺").status == ItemStatus.DONE
    assert shop.word(Step.PROFILE) == Word.PROFILE_COMPLETE
    assert reviews(shop)[0].dropped_at is not None


def test_a_refused_name_that_was_approved_elsewhere_holds(
    shop: Shop, move_clock: Callable[[float], None]
) -> None:  # fmt: skip
    review = in_review(shop)
    shop.control.decide_name(review.audit_id, "reject", push=False)
    refused_at = int(clock.now().timestamp())
    shop.hear("wxa_nickname_audit", ret=2, nickname="青禾严选", reason="不行")
    move_clock(86400)
    shop.hear("wxa_nickname_audit", ret=3, nickname="青禾严选")
    assert (shop.program().name, shop.word(Step.PROFILE)) == ("青禾严选", Word.PROFILE_COMPLETE)
    for ret, created_at in ((3, int(clock.now().timestamp())), (2, refused_at)):
        shop.hear("wxa_nickname_audit", ret=ret, nickname="青禾严选", CreateTime=created_at)
    assert [(one.audit_id, one.status) for one in reviews(shop)] == [
        (review.audit_id, ReviewStatus.REFUSED), ("", ReviewStatus.APPROVED),
    ]  # fmt: skip
    assert shop.word(Step.PROFILE) == Word.PROFILE_COMPLETE


def test_an_answer_that_got_lost_gives_the_name_once(shop: Shop) -> None:
    shop.control.cut_next("setNickName")
    item = shop.do(naming.change_name, "青禾鲜果铺")
    assert (item.status, item.attempt) == (ItemStatus.DONE, 2)
    assert shop.counts()["setNickName"] == 1


NAMES = ["", "青", "abc", "青" * 16, "青禾小程序", "青禾果蔬"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_cannot_be_is_refused_here(shop: Shop, name: str) -> None:
    with pytest.raises(Invalid) as refusal:
        shop.start(naming.change_name, name)
    assert refusal.value.field == "name"
    assert "setNickName" not in shop.counts()


def test_papers_are_pictures_and_not_too_many(shop: Shop) -> None:
    for papers, field in (
        ({naming.LICENCE: [b"no picture"]}, "license"),
        ({naming.ID_CARD: [picture()] * 7}, "id_card"),
        ({naming.OTHER: [picture()] * 6}, "naming_other_stuff"),
    ):
        with pytest.raises(Invalid) as refusal:
            shop.start(naming.change_name, "青禾严选", papers=papers)
        assert refusal.value.field == field


# avatar


def test_the_square_of_a_picture_becomes_the_avatar(shop: Shop) -> None:
    before = shop.program()
    item = shop.do(appearance.change_avatar, keep(shop))
    assert item.status == ItemStatus.DONE
    after = shop.program()
    assert after.avatar_url != before.avatar_url
    assert after.avatar_file_id not in (None, before.avatar_file_id)
    with shop.session() as db:
        kept = load_file(db, item.input["file"])
        assert (kept.content_type, read_file(kept)[:3]) == ("image/jpeg", b"\xff\xd8\xff")
        assert left(db, after, "avatar_year").left == 4


def test_an_answer_that_got_lost_sets_the_avatar_once(shop: Shop) -> None:
    shop.control.cut_next("setHeadImage")
    item = shop.do(appearance.change_avatar, keep(shop))
    assert (item.status, item.attempt) == (ItemStatus.DONE, 2)
    assert shop.counts()["setHeadImage"] == 1


def test_wechats_no_to_an_avatar_is_explained(shop: Shop) -> None:
    shop.control.fail_next("setHeadImage", 53203)
    item = shop.do(appearance.change_avatar, keep(shop))
    assert (item.status, item.errcode, item.operation) == (ItemStatus.FAILED, 53203, "setHeadImage")


# introduction and search


def test_the_introduction_is_changed_once(shop: Shop) -> None:
    shop.control.cut_next("setSignature")
    assert shop.do(appearance.change_introduction, "  社区果蔬每日直送，\n到店自提 ").status == ItemStatus.DONE
    assert shop.program().introduction == "社区果蔬每日直送， 到店自提"
    assert shop.counts()["setSignature"] == 1
    with pytest.raises(Invalid):
        shop.start(appearance.change_introduction, "社区果蔬每日直送， 到店自提")


def test_wechats_no_to_an_introduction_is_explained(shop: Shop) -> None:
    shop.control.fail_next("setSignature", 53201)
    item = shop.do(appearance.change_introduction, "社区果蔬每日直送到家")
    assert (item.status, item.errcode) == (ItemStatus.FAILED, 53201)
    assert shop.program().introduction == "社区果蔬每日直送"


@pytest.mark.parametrize("text", ["", "果蔬店", "abcdefgh", "果" * 121])
def test_an_introduction_that_cannot_be_is_refused_here(shop: Shop, text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        shop.start(appearance.change_introduction, text)
    assert refusal.value.field == "introduction"
    assert "setSignature" not in shop.counts()


def test_search_is_switched_and_read_back(shop: Shop) -> None:
    assert appearance.is_searchable(shop.program()) is True
    shop.do(appearance.change_search, False)
    assert appearance.is_searchable(shop.program()) is False
    shop.control.fail_next("setSearchStatus", 85083)
    item = shop.do(appearance.change_search, True)
    assert (item.status, item.errcode) == (ItemStatus.FAILED, 85083)
    assert appearance.is_searchable(shop.program()) is False


# what is known before the click

OBSTACLES: list[tuple[dict[str, Any], str, bool, bool]] = [  # values, what is said, for the name, for the rest
    ({"registered_by_api": False}, "mp.weixin.qq.com", True, False),
    ({"authorization": AuthorizationStatus.UNAUTHORIZED}, "重新授权", True, True),
    ({"permission_sets": [3, 18, 31]}, "小程序基本信息设置", True, True),
]


@pytest.mark.parametrize(("values", "text", "name", "rest"), OBSTACLES)
def test_what_wechat_would_refuse_is_known(
    shop: Shop, values: dict[str, Any], text: str, name: bool, rest: bool
) -> None:  # fmt: skip
    with tenant_session(shop.cast.alices) as db:
        program = load_program(db, shop.id)
        for field, value in values.items():
            setattr(program, field, value)
    for service, value, hindered in (
        (naming.change_name, "青禾鲜果铺", name),
        (appearance.change_introduction, "社区果蔬每日直送到家", rest),
    ):
        if hindered:
            with pytest.raises(Conflict, match=text):
                shop.start(service, value)
        else:
            shop.start(service, value)
