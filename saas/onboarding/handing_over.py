"""Where accepted answers flow, so that nobody types them again: the company part into the merchant's own columns, from
which registrations, certifications and filings begin.
"""

from __future__ import annotations

from dataclasses import fields, replace

from sqlalchemy.orm import Session

from saas.onboarding.models import Part
from saas.onboarding.parts import Answers
from saas.tenants.access import Verb, Who, require
from saas.tenants.merchants import MerchantData, edit_merchant, load_merchant

_COLUMNS = {
    "name": "company_name", "company_code": "company_code", "person_name": "legal_name", "person_wechat": "legal_wechat"
}  # fmt: skip
"""The company part's fields by the merchant's columns; what was left empty keeps what the provider knows."""


def hand_over(db: Session, answers: Answers, *, who: Who) -> None:
    """Take over what a part says; raises Invalid when the merchant's data would not accept it, and changes nothing."""
    require(who, Verb.WORK)
    if answers.key is not Part.COMPANY:
        return
    merchant = load_merchant(db, answers.onboarding.merchant_id)
    db.refresh(merchant, with_for_update={"key_share": True})
    asked = {ask.name for ask in answers.asks()}
    values = {name: str(value) for name, value in answers.values.items() if name in asked and value}
    told = {column: values[name] for name, column in _COLUMNS.items() if name in values}
    known = {one.name: getattr(merchant, one.name) for one in fields(MerchantData)}
    code_type = 0 if "company_code" in told else merchant.company_code_type or 0
    data = MerchantData(**{**known, "tags": tuple(merchant.tags), "company_code_type": code_type})
    edit_merchant(db, merchant, replace(data, **told), who=who)  # type: ignore[arg-type]
