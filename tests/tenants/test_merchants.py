"""Merchants: what is accepted, what is kept secret, who may."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text

from saas.db import tenant_session
from saas.errors import Conflict, Forbidden, Invalid
from saas.tenants import merchants
from saas.tenants.access import Verb
from saas.tenants.merchants import MerchantData, masked_phone, read_ext_values
from saas.tenants.models import Activity, Merchant
from tests.cast import Cast


def add(cast: Cast, who: str = "max", **fields: object) -> Merchant:
    with tenant_session(cast.alices) as db:
        return merchants.add_merchant(db, MerchantData(**{"name": "青禾", **fields}), who=cast.who[who])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "  "),
        ("name", "长" * 61),
        ("company_code", "12345"),
        ("company_code", "9131000!MA1FL0L24X"),
        ("contact_phone", "call me"),
        ("contact_email", "nobody@"),
        ("tags", tuple(str(number) for number in range(11))),
        ("tags", ("长" * 21,)),
        ("note", "长" * 2001),
    ],
)
def test_what_cannot_be_accepted_names_its_field(cast: Cast, field: str, value: object) -> None:
    with pytest.raises(Invalid) as refused:
        add(cast, **{field: value})
    assert refused.value.field == field


def test_a_refused_edit_changes_nothing(cast: Cast) -> None:
    merchant = add(cast, company_name="旧公司")
    with tenant_session(cast.alices) as db:
        row = merchants.get_merchant(db, cast.who["max"], merchant.id, Verb.WORK)
        with pytest.raises(Invalid):
            merchants.edit_merchant(
                db, row, MerchantData(name="新名", company_name="新公司", contact_phone="x"), who=cast.who["max"]
            )
    with tenant_session(cast.alices) as db:
        row = db.scalars(select(Merchant).where(Merchant.id == merchant.id)).one()
        assert (row.name, row.company_name) == ("青禾", "旧公司")


def test_the_phone_is_sealed_at_rest_and_never_logged(cast: Cast) -> None:
    merchant = add(cast, contact_phone="13800138000")
    with tenant_session(cast.alices) as db:
        row = merchants.get_merchant(db, cast.who["max"], merchant.id, Verb.WORK)
        merchants.edit_merchant(db, row, MerchantData(name="青禾", contact_phone="13900139000"), who=cast.who["max"])
    with tenant_session(cast.alices) as db:
        raw = db.execute(text("select * from merchants where id = :id"), {"id": merchant.id}).one()
        assert "13900139000" not in str(raw)
        logged = db.scalars(select(Activity).where(Activity.verb == "merchant.edit")).one()
        assert logged.detail == {"fields": ["contact_phone"]}
        assert merchants.get_merchant(db, cast.who["max"], merchant.id, Verb.WORK).contact_phone == "13900139000"


@pytest.mark.parametrize(
    ("phone", "shown"),
    [("13800138000", "138****8000"), ("1234567", "*******"), ("", ""), ("+86 13800138000", "+86****8000")],
)
def test_phones_are_shown_masked(phone: str, shown: str) -> None:
    assert masked_phone(phone) == shown


def test_search_treats_wildcards_as_letters(cast: Cast) -> None:
    add(cast, name="100% 果汁")
    with tenant_session(cast.alices) as db:
        assert [row.name for row in merchants.find_merchants(db, text="%")] == ["100% 果汁"]
        assert merchants.find_merchants(db, text="_") == []


def test_archiving_happens_once(cast: Cast) -> None:
    with tenant_session(cast.alices) as db:
        merchant = merchants.get_merchant(db, cast.who["max"], cast.meis, Verb.WORK)
        merchants.archive_merchant(db, merchant, who=cast.who["max"])
        with pytest.raises(Conflict):
            merchants.archive_merchant(db, merchant, who=cast.who["max"])
        merchants.restore_merchant(db, merchant, who=cast.who["max"])
        with pytest.raises(Conflict):
            merchants.restore_merchant(db, merchant, who=cast.who["max"])


@pytest.mark.parametrize("name", ["bob", "mei", "hana"])
def test_those_who_may_not_work_change_nothing(cast: Cast, name: str) -> None:
    with pytest.raises(Forbidden):
        add(cast, who=name)


def test_values_skip_empty_rows_and_name_what_is_wrong() -> None:
    assert read_ext_values([(" shop ", " 1 "), ("", "")]) == {"shop": "1"}
    for rows in ([("1a", "x")], [("", "x")], [("a", "1"), ("a", "2")], [("a", "x" * 2001)]):
        with pytest.raises(Invalid):
            read_ext_values(rows)
    with pytest.raises(Invalid):
        read_ext_values((f"k{number}", "x") for number in range(101))
