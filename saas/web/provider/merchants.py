"""Merchants of a provider: list, page, form, people, values."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, SelectField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]

from saas.errors import N_, Invalid
from saas.onboarding.data_requests import merchants_who_ask
from saas.programs import links, listing
from saas.tenants import activity, invitations, merchant_people, merchants
from saas.tenants.access import Verb, require
from saas.tenants.merchants import MerchantData, get_merchant, masked, masked_phone
from saas.tenants.models import Merchant, MerchantRole
from saas.web.forms import Form, TextField, at_most, email_address, required
from saas.web.going import done
from saas.web.pages import render
from saas.web.provider.blueprint import provider
from saas.web.provider.values import ValueRows

PAGE = 50
_ROLES = {MerchantRole.OWNER.value: _l("负责人：查看并办理"), MerchantRole.HELPER.value: _l("协作者：只能查看")}
_ROLE_CHOICES = [SelectChoice(value, label) for value, label in _ROLES.items()]


CODE_TYPES = {1: N_("统一社会信用代码"), 2: N_("组织机构代码"), 3: N_("营业执照注册号")}
_CODE_TYPES = [
    SelectChoice("0", _l("自动识别")),
    *(SelectChoice(str(key), _l(label)) for key, label in CODE_TYPES.items()),
]
_HIDDEN = ("contact_phone", "legal_name", "legal_wechat")


class SubjectForm(Form):
    """Who is behind mini programs. Of what screens never show whole, an empty field keeps what is stored."""

    name = TextField(_l("商家名称"), [required(), at_most(60)])
    company_name = TextField(_l("公司名称"), [at_most(120)])
    company_code = TextField(_l("企业代码"), [at_most(18)])
    company_code_type = SelectField(_l("代码类型"), choices=_CODE_TYPES, default="0")
    legal_name = TextField(_l("法人姓名"), [at_most(60)])
    legal_wechat = TextField(_l("法人微信号"), [at_most(20)])
    clear_legal = BooleanField(_l("删除已保存的法人资料"))
    contact_name = TextField(_l("联系人"), [at_most(60)])
    contact_phone = TextField(_l("联系电话"), [at_most(24)])
    clear_phone = BooleanField(_l("删除已保存的电话"))
    contact_email = TextField(_l("联系邮箱"), [at_most(254)])

    def read(self, merchant: Merchant | None) -> MerchantData:
        """What was filled in about this merchant, or about a new one."""
        phone = self.contact_phone.data or ("" if self.clear_phone.data or merchant is None else None)
        legal_kept = "" if self.clear_legal.data or merchant is None else None
        return MerchantData(
            name=self.name.data or "", company_name=self.company_name.data or "",
            company_code=self.company_code.data or "", company_code_type=int(self.company_code_type.data or 0),
            legal_name=self.legal_name.data or legal_kept, legal_wechat=self.legal_wechat.data or legal_kept,
            contact_name=self.contact_name.data or "",
            contact_phone=phone, contact_email=self.contact_email.data or "",
            tags=tuple(merchant.tags) if merchant else (), note=merchant.note if merchant else "",
        )  # fmt: skip


class MerchantForm(SubjectForm):
    tags = TextField(_l("标签"), [at_most(240)])
    note = TextAreaField(_l("备注"), [at_most(2000)])

    def read(self, merchant: Merchant | None) -> MerchantData:
        tags = tuple(re.split(r"[,，、;；\s]+", self.tags.data or ""))
        return replace(super().read(merchant), tags=tags, note=self.note.data or "")


class PersonForm(Form):
    email = TextField(_l("邮箱"), [required(), email_address(), at_most(254)])
    name = TextField(_l("姓名"), [at_most(60)])
    role = SelectField(_l("权限"), choices=_ROLE_CHOICES)


class RoleForm(Form):
    role = SelectField(choices=_ROLE_CHOICES)


@provider.get("/merchants")
def list_merchants() -> ResponseReturnValue:
    text, tag = request.args.get("q", "").strip()[:100], request.args.get("tag", "").strip()[:20]
    archived, before = request.args.get("archived") == "1", request.args.get("before", type=UUID)
    rows = merchants.find_merchants(g.db, text=text, tag=tag, archived=archived, before=before, limit=PAGE + 1)
    more = len(rows) > PAGE
    rows = rows[:PAGE]
    kept: dict[str, Any] = {
        name: value for name, value in (("q", text), ("tag", tag), ("archived", "1" if archived else "")) if value
    }
    return render(
        "provider/merchants/list.html", rows=rows, q=text, tag=tag, archived=archived,
        tags=merchants.tags_in_use(g.db), counts=listing.count_by_merchant(g.db, [row.id for row in rows]),
        asking=merchants_who_ask(g.db, [row.id for row in rows]),
        next_url=url_for("provider.list_merchants", before=rows[-1].id, **kept) if more else "",
        first_url=url_for("provider.list_merchants", **kept) if before else "",
    )  # fmt: skip


@provider.route("/merchants/new", methods=["GET", "POST"])
def add_merchant() -> ResponseReturnValue:
    require(g.who, Verb.WORK)
    form = MerchantForm()
    if form.validate_on_submit():
        try:
            merchant = merchants.add_merchant(g.db, form.read(None), who=g.who)
        except Invalid as error:
            form.refuse(error)
        else:
            return done(_("已添加商家"), _page(merchant))
    status = 422 if form.is_submitted() else 200
    return render("provider/merchants/edit.html", form=form, merchant=None, hidden=hidden_of(None), status=status)


@provider.get("/merchants/<uuid:merchant_id>")
def show_merchant(merchant_id: UUID) -> ResponseReturnValue:
    return _show(get_merchant(g.db, g.who, merchant_id, Verb.VIEW))


@provider.post("/merchants/<uuid:merchant_id>/phone")
def reveal_merchant_phone(merchant_id: UUID) -> ResponseReturnValue:
    """Answers the page itself, so that the number is neither in an address nor in a stored message."""
    merchant = get_merchant(g.db, g.who, merchant_id, Verb.WORK)
    return _show(merchant, phone=merchants.reveal_phone(g.db, merchant, who=g.who))


@provider.post("/merchants/<uuid:merchant_id>/legal")
def reveal_merchant_legal(merchant_id: UUID) -> ResponseReturnValue:
    """Answers the page itself, for the same reason."""
    merchant = get_merchant(g.db, g.who, merchant_id, Verb.WORK)
    return _show(merchant, legal=merchants.reveal_legal(g.db, merchant, who=g.who))


@provider.route("/merchants/<uuid:merchant_id>/edit", methods=["GET", "POST"])
def edit_merchant(merchant_id: UUID) -> ResponseReturnValue:
    merchant = get_merchant(g.db, g.who, merchant_id, Verb.WORK)
    form = MerchantForm(data=known_of(merchant))
    if form.validate_on_submit():
        try:
            merchants.edit_merchant(g.db, merchant, form.read(merchant), who=g.who)
        except Invalid as error:
            form.refuse(error)
        else:
            return done(_("已保存"), _page(merchant))
    status = 422 if form.is_submitted() else 200
    return render(
        "provider/merchants/edit.html", form=form, merchant=merchant, hidden=hidden_of(merchant), status=status
    )


@provider.route("/merchants/<uuid:merchant_id>/archive", methods=["GET", "POST"])
def archive_merchant(merchant_id: UUID) -> ResponseReturnValue:
    merchant = get_merchant(g.db, g.who, merchant_id, Verb.WORK)
    if request.method == "GET":
        count = listing.count_by_merchant(g.db, [merchant.id]).get(merchant.id, 0)
        return render("provider/merchants/archive.html", merchant=merchant, programs=count)
    merchants.archive_merchant(g.db, merchant, who=g.who)
    links.revoke_links_of(g.db, merchant, who=g.who)
    return done(_("已归档，可在“已归档”中恢复"), url_for("provider.list_merchants"))


@provider.post("/merchants/<uuid:merchant_id>/restore")
def restore_merchant(merchant_id: UUID) -> ResponseReturnValue:
    merchant = get_merchant(g.db, g.who, merchant_id, Verb.WORK)
    merchants.restore_merchant(g.db, merchant, who=g.who)
    return done(_("已恢复商家"), _page(merchant))


@provider.route("/merchants/<uuid:merchant_id>/values", methods=["GET", "POST"])
def edit_merchant_values(merchant_id: UUID) -> ResponseReturnValue:
    merchant = get_merchant(g.db, g.who, merchant_id, Verb.WORK)
    rows = ValueRows(merchant.ext_values)
    if rows.is_submitted:
        try:
            merchants.set_merchant_values(g.db, merchant, rows.pairs, who=g.who)
        except Invalid as error:
            rows.refuse(error)
        else:
            return done(_("已保存模板变量"), _page(merchant))
    status = 422 if rows.is_submitted else 200
    return render("provider/merchants/values.html", merchant=merchant, rows=rows, status=status)


@provider.route("/merchants/<uuid:merchant_id>/people/new", methods=["GET", "POST"])
def invite_person(merchant_id: UUID) -> ResponseReturnValue:
    merchant = get_merchant(g.db, g.who, merchant_id, Verb.WORK)
    form = PersonForm()
    if form.validate_on_submit():
        try:
            invitations.invite_to_merchant(
                g.db, g.who, merchant, form.email.data or "", form.name.data or "", MerchantRole(form.role.data)
            )
        except Invalid as error:
            form.refuse(error)
        else:
            return done(_("邀请邮件已发出"), _page(merchant))
    status = 422 if form.is_submitted() else 200
    return render("provider/merchants/invite.html", merchant=merchant, form=form, status=status)


@provider.post("/merchants/<uuid:merchant_id>/people/<uuid:membership_id>/role")
def change_person_role(merchant_id: UUID, membership_id: UUID) -> ResponseReturnValue:
    merchant = get_merchant(g.db, g.who, merchant_id, Verb.WORK)
    form = RoleForm()
    if not form.validate():
        raise Invalid(_("请选择权限"))
    merchant_people.change_person_role(g.db, merchant, membership_id, MerchantRole(form.role.data), who=g.who)
    return done(_("已更新权限"), _page(merchant))


@provider.post("/merchants/<uuid:merchant_id>/people/<uuid:membership_id>/remove")
def remove_person(merchant_id: UUID, membership_id: UUID) -> ResponseReturnValue:
    merchant = get_merchant(g.db, g.who, merchant_id, Verb.WORK)
    merchant_people.remove_person(g.db, merchant, membership_id, who=g.who)
    return done(_("已移除，对方不能再进入这个商家的页面"), _page(merchant))


@provider.post("/merchants/<uuid:merchant_id>/invitations/<uuid:invitation_id>/resend")
def resend_merchant_invitation(merchant_id: UUID, invitation_id: UUID) -> ResponseReturnValue:
    merchant = get_merchant(g.db, g.who, merchant_id, Verb.WORK)
    invitation = invitations.get_invitation(g.db, g.who, invitation_id, Verb.WORK)
    invitations.resend_invitation(g.db, invitation, who=g.who)
    return done(_("邀请邮件已重新发出，之前的链接失效"), _page(merchant))


@provider.post("/merchants/<uuid:merchant_id>/invitations/<uuid:invitation_id>/revoke")
def revoke_merchant_invitation(merchant_id: UUID, invitation_id: UUID) -> ResponseReturnValue:
    merchant = get_merchant(g.db, g.who, merchant_id, Verb.WORK)
    invitation = invitations.get_invitation(g.db, g.who, invitation_id, Verb.WORK)
    invitations.revoke_invitation(g.db, invitation, who=g.who)
    return done(_("已撤销邀请"), _page(merchant))


def known_of(merchant: Merchant) -> dict[str, Any]:
    """What the fields of her form begin with."""
    known = {name: getattr(merchant, name) for name in MerchantData.__dataclass_fields__ if name not in _HIDDEN}
    code_type = str(merchant.company_code_type or 0)
    return {**known, "tags": "，".join(merchant.tags), "company_code_type": code_type}


def hidden_of(merchant: Merchant | None) -> dict[str, str]:
    """What screens show of what is stored sealed."""
    if merchant is None:
        return dict.fromkeys(_HIDDEN, "")
    return {
        "contact_phone": masked_phone(merchant.contact_phone), "legal_name": masked(merchant.legal_name),
        "legal_wechat": masked(merchant.legal_wechat),
    }  # fmt: skip


def _show(merchant: Merchant, *, phone: str | None = None, legal: tuple[str, str] | None = None) -> ResponseReturnValue:
    return render(
        "provider/merchants/show.html", merchant=merchant,
        phone=masked_phone(merchant.contact_phone) if phone is None else phone, phone_is_shown=phone is not None,
        legal=legal or (masked(merchant.legal_name), masked(merchant.legal_wechat)), legal_is_shown=legal is not None,
        code_type=CODE_TYPES.get(merchant.company_code_type or 0, CODE_TYPES[1]),
        programs=listing.programs_of(g.db, [merchant.id], limit=50),
        links=links.list_links(g.db, merchant_ids=[merchant.id], limit=10), state_of=links.state_of,
        people=merchant_people.list_people(g.who, merchant),
        invitations=invitations.list_invitations(g.db, g.who, merchant_id=merchant.id), roles=_ROLES,
        activities=activity.list_activities(g.db, object_id=merchant.id, limit=20),
    )  # fmt: skip


def _page(merchant: Merchant) -> str:
    return url_for("provider.show_merchant", merchant_id=merchant.id)
