"""What was accepted flows into the merchant's own data, and nowhere before that."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from saas.db import tenant_session
from saas.errors import Invalid
from saas.onboarding.access import get_part
from saas.onboarding.models import Part, PartStatus
from saas.onboarding.parts import Answers, answers_of, open_onboarding
from saas.onboarding.reviewing import accept
from saas.onboarding.saving import hand_in, save_page
from saas.tenants.access import Verb
from saas.tenants.merchants import load_merchant
from saas.tenants.models import Activity
from tests.cast import Cast

COMPANY = {
    "kind": "enterprise", "name": "梅记餐饮有限公司", "company_code": "91350100M000100Y43", "person_name": "陈梅",
    "person_wechat": "chenmei_1988",
}  # fmt: skip


def handed_in(cast: Cast, db: Session, typed: dict[str, str]) -> Answers:
    merchant, mei = load_merchant(db, cast.meis), cast.who["mei"]
    case: UUID = open_onboarding(db, merchant, None, [Part.COMPANY], who=cast.who["alice"]).id
    answers = answers_of(db, *get_part(db, mei, case, Part.COMPANY, Verb.ANSWER))
    save_page(db, answers, "facts", typed, version=answers.part.version, who=mei)
    hand_in(db, answers, version=answers.part.version, who=mei)
    return answers


def test_an_accepted_company_becomes_the_merchants(cast: Cast) -> None:
    with tenant_session(cast.alices) as db:
        merchant = load_merchant(db, cast.meis)
        merchant.company_name, merchant.note, merchant.tags = "旧公司", "老客户", ["奶茶"]
        name = merchant.name
        answers = handed_in(cast, db, COMPANY)
        assert merchant.company_name == "旧公司", "not before it is accepted"
        accept(db, answers, version=answers.part.version, who=cast.who["alice"])
        db.flush()
        db.expire(merchant)
        assert (merchant.company_name, merchant.company_code, merchant.company_code_type) == (
            "梅记餐饮有限公司", "91350100M000100Y43", 1,
        )  # fmt: skip
        assert (merchant.legal_name, merchant.legal_wechat) == ("陈梅", "chenmei_1988")
        assert (merchant.name, merchant.note, merchant.tags) == (name, "老客户", ["奶茶"])
        logged = db.scalars(select(Activity).where(Activity.verb == "merchant.edit")).one()
        assert "梅记餐饮" not in str(logged.detail)
        assert "陈梅" not in str(logged.detail)


def test_what_was_left_empty_keeps_what_the_provider_knows(cast: Cast) -> None:
    with tenant_session(cast.alices) as db:
        merchant = load_merchant(db, cast.meis)
        merchant.company_name, merchant.company_code, merchant.company_code_type = "梅记", "350100123456789", 3
        answers = handed_in(
            cast, db, {"kind": "personal", "person_name": "陈梅", "person_wechat": "chenmei_1988"}
        )  # fmt: skip
        accept(db, answers, version=answers.part.version, who=cast.who["alice"])
        db.flush()
        db.expire(merchant)
        assert (merchant.company_name, merchant.company_code_type) == ("梅记", 3)
        assert merchant.legal_name == "陈梅"


def test_what_the_merchants_data_refuse_is_not_accepted(cast: Cast) -> None:
    with tenant_session(cast.alices) as db:
        merchant = load_merchant(db, cast.meis)
        answers = handed_in(cast, db, COMPANY)
        merchant.contact_email = "no address"
        with pytest.raises(Invalid):
            accept(db, answers, version=answers.part.version, who=cast.who["alice"])
        assert answers.part.status == PartStatus.HANDED_IN
        assert merchant.company_name != "梅记餐饮有限公司"
