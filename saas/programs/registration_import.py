"""Many companies at once: rows copied from a table become cases, all of them or none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas.components.models import ComponentApp
from saas.errors import N_, Conflict, Invalid
from saas.programs.registration import RegistrationData, add_registration
from saas.programs.registration_checks import check_fact
from saas.programs.registration_models import Registration, RegistrationKind
from saas.tenants.access import Verb, Who, require
from saas.tenants.merchants import MerchantData, add_merchant
from saas.tenants.models import Merchant

MOST_ROWS = 500
COLUMNS = ("name", "company_code", "person_name", "person_wechat")
_NEEDED = COLUMNS[:2]


@dataclass(frozen=True)
class Fault:
    """What is wrong with one row, counted from 1."""

    row: int
    error: Invalid | Conflict


class RowsRefused(Invalid):
    """Some rows cannot be accepted, so none was."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(N_("有 %(count)d 行不能导入，请改好后再提交"), field="rows", count=len(faults))
        self.faults = faults


def import_registrations(
    db: Session, component: ComponentApp, text: str, *, component_phone: str, who: Who
) -> list[Registration]:
    """Open a case per row of `COLUMNS`, separated by tabs or commas. A company's merchant is the one with its code; an
    unknown company becomes a merchant. Raises RowsRefused.
    """
    require(who, Verb.WORK)
    phone = check_fact("component_phone", component_phone, RegistrationKind.ENTERPRISE)
    rows = [[cell.strip() for cell in re.split(r"\t|,|，", line)] for line in text.splitlines() if line.strip()]
    if not rows:
        raise Invalid(N_("请填写这一项"), field="rows")
    if len(rows) > MOST_ROWS:
        raise Invalid(N_("一次最多 %(most)d 行"), field="rows", most=MOST_ROWS)
    checked, faults, seen = [], [], set()
    for number, row in enumerate(rows, start=1):
        try:
            facts = _read(row)
            if facts["company_code"] in seen:
                raise Invalid(N_("和前面的某一行是同一家公司"))
            seen.add(facts["company_code"])
            checked.append(facts)
        except (Invalid, Conflict) as error:
            faults.append(Fault(number, error))
    if faults:
        raise RowsRefused(faults)
    known = select(Merchant).where(
        Merchant.company_code.in_(seen), Merchant.archived_at.is_(None), Merchant.provider_id == who.provider_id
    )
    merchants = {merchant.company_code: merchant for merchant in db.scalars(known)}
    cases = []
    for facts in checked:
        merchant = merchants.get(facts["company_code"]) or add_merchant(db, _merchant(facts), who=who)
        data = RegistrationData(
            facts["name"], facts["company_code"], phone, facts["person_name"], facts["person_wechat"]
        )
        cases.append(add_registration(db, component, merchant, RegistrationKind.ENTERPRISE, data, who=who))
    return cases


def _read(row: Sequence[str]) -> dict[str, str]:
    if len(row) > len(COLUMNS):
        raise Invalid(N_("这一行多于 %(count)d 列"), count=len(COLUMNS))
    facts = dict(zip(COLUMNS, [*row, *[""] * (len(COLUMNS) - len(row))], strict=True))
    for name in _NEEDED:
        if not facts[name]:
            raise Invalid(N_("缺少公司名称或统一社会信用代码"))
    return {
        name: check_fact(name, value, RegistrationKind.ENTERPRISE) if value else "" for name, value in facts.items()
    }


def _merchant(facts: dict[str, str]) -> MerchantData:
    return MerchantData(
        name=facts["name"][:60], company_name=facts["name"], company_code=facts["company_code"],
        legal_name=facts["person_name"], legal_wechat=facts["person_wechat"],
    )  # fmt: skip
