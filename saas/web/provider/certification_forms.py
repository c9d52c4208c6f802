"""The three parts of a certification's data as forms, the same for templates and for mini programs."""

from __future__ import annotations

from typing import Any

from flask import current_app, request
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, MultipleFileField, SelectField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]

from saas.errors import AppError, NotFound
from saas.programs.certification_data import FIELDS, PAPERS, Faults, Part, masked
from saas.programs.certification_filling import Filling
from saas.programs.certification_models import Filled
from saas.web.forms import Form, TextField, at_most
from saas.web.provider.blueprint import provider
from saas.web.provider.profile import PICTURES, files_of


def _text(name: str) -> TextField:
    return TextField(_l(FIELDS[name].label), [at_most(FIELDS[name].most)])


def _select(name: str) -> SelectField:
    choices = [SelectChoice(value, _l(label)) for value, label in (FIELDS[name].choices or {}).items()]
    return SelectField(_l(FIELDS[name].label), choices=[SelectChoice("", _l("请选择")), *choices])


def _pictures(name: str) -> MultipleFileField:
    return MultipleFileField(_l(PAPERS[name]), render_kw=PICTURES)


class PartForm(Form):
    """One part. What is personal is never sent to the browser: an empty field keeps what is stored."""

    part: Part

    def filling(self) -> Filling:
        values = {name: field.data or "" for name, field in self._fields.items() if name in FIELDS}
        return Filling(
            self.part, values, clear="clear" in self and bool(self.clear.data),
            pictures={name: files_of(name) for name in PAPERS if name in self},
            removed=request.form.getlist("removed"),
        )  # fmt: skip

    def refuse_all(self, error: AppError) -> None:
        for one in error.errors if isinstance(error, Faults) else (error,):
            self.refuse(one)


class BasicsForm(PartForm):
    part = Part.BASICS
    name = TextField(_l("模板名称"), [at_most(60)])
    account_name = _text("account_name")
    customer_type = _select("customer_type")
    account_name_type = _select("account_name_type")
    pay_type = _select("pay_type")
    service_appid = _text("service_appid")
    qualification = _pictures("qualification")
    qualification_other = _pictures("qualification_other")
    account_supplemental = _pictures("account_supplemental")
    auth_ident_material = _pictures("auth_ident_material")


class ContactForm(PartForm):
    part = Part.CONTACT
    contact_name = _text("contact_name")
    contact_email = _text("contact_email")
    contact_mobile = _text("contact_mobile")
    third_party_phone = _text("third_party_phone")
    clear = BooleanField(_l("删除已保存、这里没有重新填写的联系人资料"))


class InvoiceForm(PartForm):
    part = Part.INVOICE
    invoice_type = _select("invoice_type")
    invoice_title = _text("invoice_title")
    taxpayer_id = _text("taxpayer_id")
    invoice_note = _text("invoice_note")
    company_phone = _text("company_phone")
    company_address = _text("company_address")
    bank_name = _text("bank_name")
    bank_account = _text("bank_account")
    recipient_name = _text("recipient_name")
    recipient_phone = _text("recipient_phone")
    province = _text("province")
    city = _text("city")
    district = _text("district")
    street = _text("street")
    postcode = _text("postcode")


_FORMS: dict[Part, type[PartForm]] = {
    Part.BASICS: BasicsForm, Part.CONTACT: ContactForm, Part.INVOICE: InvoiceForm,
}  # fmt: skip
PART_NAMES = {Part.BASICS: _l("基本信息"), Part.CONTACT: _l("联系人"), Part.INVOICE: _l("发票")}


def part_form(part: Part, filled: Filled | None, *without: str) -> PartForm:
    """The form of one part with what is stored, less the fields that have no place here."""
    values = filled.values if filled else {}
    form = _FORMS[part](data={name: value for name, value in values.items() if not FIELDS[name].personal})
    for name in without:
        del form[name]
    for name, field in form._fields.items():
        if name in FIELDS and FIELDS[name].personal and values.get(name):
            field.render_kw = {"placeholder": masked(name, values[name])}
    return form


def find_part(name: str) -> Part:
    """The part that an address names."""
    if name not in set(Part):
        raise NotFound()
    return Part(name)


def next_part(part: Part) -> Part | None:
    parts = list(Part)
    return parts[parts.index(part) + 1] if part is not parts[-1] else None


def shown(values: dict[str, str], names: tuple[str, ...]) -> list[tuple[str, str]]:
    """Labels and masked values of some fields, choices in words; msgids where they are words of ours."""
    found = []
    for name in names:
        field, value = FIELDS[name], values.get(name, "")
        found.append((field.label, (field.choices or {}).get(value, "") if field.choices else masked(name, value)))
    return found


@provider.context_processor
def give_certification_pieces() -> dict[str, Any]:
    pieces: Any = current_app.jinja_env.get_template("provider/certification/_pieces.html").module
    return {"certification_pieces": pieces}
