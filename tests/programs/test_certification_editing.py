"""Changing the data of a certification: not while it is handed in, and without undoing what somebody else changed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from sqlalchemy.orm import Session

from saas.batches.models import ItemStatus
from saas.batches.progress import list_items
from saas.batches.starting import Subject, start_batch
from saas.db import settle
from saas.errors import Conflict, Invalid
from saas.programs import certification as certifying
from saas.programs import certification_templates as templates
from saas.programs.access import load_program
from saas.programs.certification_access import find_template, list_templates, load_certification
from saas.programs.certification_charges import list_charges
from saas.programs.certification_data import Part
from saas.programs.certification_filling import Filling
from saas.programs.certification_models import CertificationStatus, CertificationTemplate
from saas.programs.certification_states import ways
from tests.programs.shop import Shop
from tests.programs.test_certification import (
    BASICS,
    CONTACT,
    PROVIDER_PAYS,
    call,
    draft,
    fill,
    make_template,
    newest,
    push,
    status,
)

S = CertificationStatus


def start(shop: Shop) -> Any:
    with shop.session() as db:
        return certifying.request_start(db, load_program(db, shop.id), newest(shop), who=shop.alice)


def read_identities(shop: Shop) -> None:
    assert shop.do(certifying.request_identities).status == ItemStatus.DONE


def identify(shop: Shop, name: str) -> None:
    with shop.session() as db:
        certifying.choose_identity(
            db, load_program(db, shop.id), load_certification(db, newest(shop).id), name, who=shop.alice
        )


def discard(shop: Shop) -> None:
    with shop.session() as db:
        certifying.discard_draft(
            db, load_program(db, shop.id), load_certification(db, newest(shop).id), who=shop.alice
        )  # fmt: skip


CHANGES: list[Callable[[Shop], None]] = [
    lambda shop: fill(shop, Part.BASICS, **PROVIDER_PAYS),
    lambda shop: identify(shop, ""),
    discard,
]


def test_nothing_changes_while_it_is_handed_in(shop: Shop) -> None:
    draft(shop, make_template(shop))
    with shop.session() as db:
        other = templates.copy_template(db, list_templates(db)[0], who=shop.alice)
    item = start(shop)
    for change in CHANGES:
        with pytest.raises(Conflict):
            change(shop)
    with shop.session() as db:
        subjects = [Subject(shop.id, "青禾果蔬")]
        batch = start_batch(db, certifying.APPLY, subjects, who=shop.alice, params={"template": str(other.id)})
    shop.control.fail_next("secwxaapiWxaauth", -1)
    shop.run_jobs()
    with shop.session() as db:
        assert [one.status for one in list_items(db, batch)] == [ItemStatus.SKIPPED]
    shop.run_jobs(wait=600)
    assert (shop.item(item).status, status(shop)) == (ItemStatus.DONE, S.ADMIN_PENDING)
    assert newest(shop).template_name == "标准"


def test_what_wechat_may_have_got_stays_as_it_was_sent(shop: Shop) -> None:
    draft(shop, make_template(shop))
    shop.control.cut_next("secwxaapiWxaauth")
    shop.control.fail_next("secwxaapiWxaauth", -1, times=9)
    item = start(shop)
    shop.run_jobs(wait=3600)
    assert (shop.item(item).status, status(shop)) == (ItemStatus.FAILED, S.DRAFT)
    way = ways(newest(shop))
    assert (way.edit, way.start) == (False, True)
    for change in CHANGES:
        with pytest.raises(Conflict):
            change(shop)
    desk = httpx2.get(f"{shop.control.base_url}/desk/certifications", trust_env=False).text
    push(shop, "notify_3rd_wxa_auth", taskid=re.findall(r"\b[0-9a-f]{32}\b", desk)[0], task_status=0)
    assert status(shop) == S.ADMIN_PENDING
    with shop.session() as db:
        assert list_charges(db) == []


def test_a_refusal_gives_the_draft_back(shop: Shop) -> None:
    draft(shop, make_template(shop))
    shop.control.fail_next("secwxaapiWxaauth", errcode=89639)
    call(shop, certifying.request_start)
    fill(shop, Part.CONTACT, contact_name="陈梅")
    assert newest(shop).values["contact_name"] == "陈梅"


def test_two_people_change_a_template_at_once(shop: Shop) -> None:
    template = make_template(shop)
    read_identities(shop)
    changes: list[Callable[[Session, CertificationTemplate], None]] = [
        lambda db, row: templates.edit_template(db, row, Filling(Part.BASICS, BASICS), who=shop.alice),
        lambda db, row: templates.choose_identity(db, row, "高校教师", who=shop.alice),
    ]
    for change, name in zip(changes, ("陈梅", "陈立"), strict=True):
        with shop.session() as db, shop.session() as elsewhere:
            mine, theirs = find_template(db, template.id), find_template(elsewhere, template.id)
            assert mine is not None
            assert theirs is not None
            filling = Filling(Part.CONTACT, {**CONTACT, "contact_name": name})
            templates.edit_template(elsewhere, theirs, filling, who=shop.alice)
            settle(elsewhere)
            change(db, mine)
            assert mine.values["contact_name"] == name


def test_an_identity_is_chosen_while_somebody_else_fills_in(shop: Shop) -> None:
    draft(shop, make_template(shop))
    read_identities(shop)
    with shop.session() as db:
        mine = load_certification(db, newest(shop).id)
        fill(shop, Part.CONTACT, contact_name="陈梅")
        certifying.choose_identity(db, load_program(db, shop.id), mine, "高校教师", who=shop.alice)
    kept = newest(shop).values
    assert (kept["contact_name"], kept["identification"]) == ("陈梅", "高校教师")
    assert shop.seen()[:2] == ["program.certification.edit"] * 2
    with pytest.raises(Invalid):
        identify(shop, "校长")
