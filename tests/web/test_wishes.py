"""What a merchant wishes, once accepted, is offered where it is sent: prefilled, its pictures attached, until it is."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import pytest
from PIL import Image
from sqlalchemy import select

from saas import clock
from saas.batches.models import BatchItem
from saas.db import new_id
from saas.onboarding.fields import paper_field
from saas.onboarding.models import Onboarding, OnboardingPart, Part, PartStatus
from saas.programs import appearance, categories, naming
from saas.programs.access import load_program
from saas.programs.category_trees import find_tree
from saas.programs.models import CategoryState
from saas.tenants.models import StoredFile
from saas.tenants.stored_files import keep_file, load_file, read_file
from tests.programs.shop import Shop, control, picture, sandbox, shop  # noqa: F401 - fixtures
from tests.web.conftest import Browser

Browsers = Callable[[str], Browser]
WISHES = {"name": "青禾鲜果铺", "introduction": "福州手作奶茶，门店自提和外卖"}


@pytest.fixture
def page(shop: Shop) -> str:  # noqa: F811
    return f"/p/alice/programs/{shop.id}"


def accepted(
    shop: Shop, part: Part, values: Mapping[str, Any], files: Mapping[str, Sequence[bytes]]  # noqa: F811
) -> str:  # fmt: skip
    """A part as acceptance leaves it; answers the address of its review page."""
    with shop.session() as db:
        provider_id = shop.cast.alices
        onboarding = Onboarding(id=new_id(), provider_id=provider_id, merchant_id=shop.cast.meis, program_id=shop.id)
        db.add(onboarding)
        db.flush()
        row = OnboardingPart(
            provider_id=provider_id, onboarding_id=onboarding.id, key=part, status=PartStatus.ACCEPTED,
            handed_in_at=clock.now(), reviewed_at=clock.now(), version=3,
        )  # fmt: skip
        row.values = values
        row.files = {
            name: [str(keep_file(db, provider_id, "onboarding", one, content_type="image/png").id) for one in contents]
            for name, contents in files.items()
        }
        db.add(row)
    return f"/p/alice/onboarding/{onboarding.id}/{part.value}"


def items(shop: Shop) -> dict[str, dict[str, Any]]:  # noqa: F811
    with shop.session() as db:
        return {item.step: item.input for item in db.scalars(select(BatchItem))}


def kind_of(shop: Shop, file_id: str) -> str:  # noqa: F811
    with shop.session() as db:
        return db.scalars(select(StoredFile.kind).where(StoredFile.id == file_id)).one()


def test_name_avatar_and_introduction_are_sent_without_typing(
    shop: Shop, browser: Browsers, page: str  # noqa: F811
) -> None:  # fmt: skip
    review = accepted(shop, Part.PROFILE, WISHES, {"avatar": [picture(300, 300)]})
    alice = browser("alice")
    assert f'href="{page}/basics?wishes=1"' in alice.text(review)
    assert f'href="{page}/basics?wishes=1"' in alice.text(f"{page}/basics")
    bob = browser("bob").text(f"{page}/basics")
    assert "wishes=1" not in bob
    form = alice.text(f"{page}/basics?wishes=1")
    assert 'value="青禾鲜果铺"' in form
    assert "福州手作奶茶，门店自提和外卖</textarea>" in form
    for name in ("change_name", "change_introduction", "change_avatar", "wished_avatar"):
        assert _is_checked(form, name), name
    assert not _is_checked(form, "change_search")
    shown = alice.get(f"{page}/basics/wished-avatar")
    assert (shown.status_code, shown.content_type) == (200, "image/png")
    assert browser("bob").get(f"{page}/basics/wished-avatar").status_code == 403
    answer = alice.post(
        f"{page}/basics?wishes=1",
        {
            **WISHES, "change_name": "y", "change_introduction": "y", "change_avatar": "y", "wished_avatar": "y",
            "avatar": [(io.BytesIO(b""), "")],
        },
    )  # fmt: skip
    assert answer.status_code == 303
    sent = items(shop)
    assert sent[naming.SET_NAME]["name"] == "青禾鲜果铺"
    assert sent[appearance.SET_INTRODUCTION]["text"] == WISHES["introduction"]
    assert kind_of(shop, sent[appearance.SET_AVATAR]["file"]) == "new_avatar", "a copy"
    shop.run_jobs(wait=30)
    assert "wishes=1" not in alice.text(f"{page}/basics")
    assert "已使用" in alice.text(review)


def _is_checked(page: str, name: str) -> bool:
    start = page.find(f'name="{name}"')
    tag = page[page.rfind("<", 0, start) : page.find(">", start)]
    return start >= 0 and " checked" in tag


def test_a_wish_that_failed_is_offered_still_and_one_that_holds_is_not(
    shop: Shop, browser: Browsers, page: str  # noqa: F811
) -> None:  # fmt: skip
    program = shop.program()
    accepted(shop, Part.PROFILE, {"name": "梅记茶铺", "introduction": program.introduction}, {})
    alice = browser("alice")
    form = alice.text(f"{page}/basics?wishes=1")
    assert _is_checked(form, "change_name")
    assert not _is_checked(form, "change_introduction")
    assert "wished_avatar" not in form
    assert alice.get(f"{page}/basics/wished-avatar").status_code == 404
    refused = alice.post(f"{page}/basics?wishes=1", {"name": "梅记小程序", "change_name": "y"})
    assert refused.status_code == 422
    assert 'value="梅记小程序"' in refused.text
    checked = alice.post(f"{page}/basics/check-name?wishes=1", {"name": "梅记好茶"})
    assert checked.location.endswith("?wishes=1")
    shop.run_jobs(wait=30)
    assert 'value="梅记好茶"' in alice.text(f"{page}/basics?wishes=1"), "what was tried since stays"
    assert "wishes=1" in alice.text(f"{page}/basics")


def test_own_pictures_go_before_the_wished_avatar(shop: Shop, browser: Browsers, page: str) -> None:  # noqa: F811
    accepted(shop, Part.PROFILE, WISHES, {"avatar": [picture(300, 300)]})
    form: dict[str, Any] = {
        "change_avatar": "y", "wished_avatar": "y", "avatar": [(io.BytesIO(picture(80, 80, "blue")), "own.png")]
    }  # fmt: skip
    assert browser("alice").post(f"{page}/basics?wishes=1", form).status_code == 303
    with shop.session() as db:
        file = load_file(db, UUID(items(shop)[appearance.SET_AVATAR]["file"]))
        with Image.open(io.BytesIO(read_file(file))) as image:
            assert image.size == (80, 80)


def test_categories_are_sent_with_the_papers_that_were_handed_in(
    shop: Shop, browser: Browsers, page: str  # noqa: F811
) -> None:  # fmt: skip
    alice = browser("alice")
    accepted(shop, Part.CATEGORIES, {"categories": ["1-2"]}, {})
    assert "先读取类目" in alice.text(f"{page}/categories")
    shop.do(categories.request_reading)
    with shop.session() as db:
        tree = find_tree(db, load_program(db, shop.id))
        db.delete(db.scalars(select(OnboardingPart)).one())
        db.flush()
        db.delete(db.scalars(select(Onboarding)).one())
    wanted = next(one for one in tree if one.sets)
    key, paper = f"{wanted.first}-{wanted.second}", wanted.sets[0][0].name
    with shop.session() as db:
        state = db.scalars(select(CategoryState)).one()
        other = next(one for one in tree if one is not wanted)
        there = {"first": other.first, "second": other.second, "names": list(other.names), "reason": ""}
        state.categories = [*state.categories, {**there, "status": "approved"}]
    chosen = [key, f"{other.first}-{other.second}", "9999-9999"]
    files = {paper_field(key, one.name): [picture(), picture(colour="blue")] for one in wanted.sets[0]}
    review = accepted(shop, Part.CATEGORIES, {"categories": chosen}, files)
    listed = alice.text(f"{page}/categories")
    at = f"{page}/categories/{wanted.first}/{wanted.second}"
    assert listed.count(f'href="{at}"') == 1
    assert "有 1 个不在这个小程序可选的类目里" in listed
    assert f'href="{page}/categories/{other.first}/{other.second}"' not in listed, "it is set already"
    assert f'href="{page}/categories"' in alice.text(review)
    assert "商家交了 2 页" in alice.text(at)
    assert alice.post(at, {}).status_code == 303
    sent = items(shop)[categories.ADD]
    assert (sent["first"], sent["second"]) == (wanted.first, wanted.second)
    assert kind_of(shop, sent["papers"][paper]) == "paper", "a copy"
    shop.run_jobs(wait=30)
    assert "商家想要的类目" in alice.text(f"{page}/categories"), "one is left that does not fit"
    assert f'href="{at}"' not in alice.text(f"{page}/categories")
    assert "商家交了" not in alice.text(at)
