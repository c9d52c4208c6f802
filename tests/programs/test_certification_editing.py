"""Changing the data of a certification: without undoing what somebody else changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from saas.batches.models import ItemStatus
from saas.db import settle
from saas.errors import Invalid
from saas.programs import certification as certifying
from saas.programs import certification_templates as templates
from saas.programs.access import load_program
from saas.programs.certification_access import find_template, load_certification
from saas.programs.certification_data import Part
from saas.programs.certification_filling import Filling
from saas.programs.certification_models import CertificationTemplate
from tests.programs.shop import Shop
from tests.programs.test_certification import (
    BASICS,
    CONTACT,
    draft,
    fill,
    make_template,
    newest,
)


def read_identities(shop: Shop) -> None:
    assert shop.do(certifying.request_identities).status == ItemStatus.DONE


def identify(shop: Shop, name: str) -> None:
    with shop.session() as db:
        certifying.choose_identity(
            db, load_program(db, shop.id), load_certification(db, newest(shop).id), name, who=shop.alice
        )


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
