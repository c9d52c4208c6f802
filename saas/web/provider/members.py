"""A provider's people: the list, invitations, roles, leaving. Its views work above the tenant wall, as people do."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import g, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from wtforms import SelectField

from saas import clock
from saas.errors import AppError, Invalid
from saas.tenants import invitations, members
from saas.tenants.access import Verb, require
from saas.tenants.models import Role
from saas.web import unit
from saas.web.forms import Form, TextField, at_most, email_address, required
from saas.web.going import done
from saas.web.pages import render
from saas.web.provider.blueprint import provider, role_name
from saas.web.security import limiter

_MAY = {
    Role.OWNER: _l("全部权限，包括移交所有权、任命管理员"),
    Role.ADMIN: _l("第三方平台与密钥、成员、设置，以及日常工作"),
    Role.MEMBER: _l("商家、小程序、上传、提审与发布"),
    Role.VIEWER: _l("只能查看"),
}


class InviteForm(Form):
    email = TextField(_l("邮箱"), [required(), email_address(), at_most(200)])
    name = TextField(_l("姓名（选填）"), [at_most(50)])
    role = SelectField(_l("角色"))


class RoleForm(Form):
    role = SelectField(_l("角色"))


@provider.get("/members")
def list_members() -> ResponseReturnValue:
    return _list(_people(), _invite_form(formdata=None))


@provider.post("/members")
@limiter.limit("60/hour", key_func=lambda: f"invitations:{g.get('slug', '')}")
def invite_member() -> ResponseReturnValue:
    db = _people()
    require(g.who, Verb.MANAGE)
    form = _invite_form()
    if form.validate_on_submit():
        try:
            invitation = invitations.invite_member(
                db, who=g.who, email=form.email.data or "", role=Role(form.role.data), name=form.name.data or "",
                locale=str(get_locale()),
            )  # fmt: skip
        except Invalid as error:
            form.refuse(error)
        else:
            return done(_("邀请已发送到 %(email)s", email=invitation.email), url_for("provider.list_members"))
    return _list(db, form, status=422)


@provider.post("/members/invitations/<uuid:invitation_id>/resend")
@limiter.limit("60/hour", key_func=lambda: f"invitations:{g.get('slug', '')}")
def resend_invitation(invitation_id: UUID) -> ResponseReturnValue:
    db = _people()
    invitation = invitations.get_invitation(db, g.who, invitation_id)
    invitations.resend_invitation(db, invitation, who=g.who)
    return done(_("邀请已重新发送，之前的链接不再有效"), url_for("provider.list_members"))


@provider.post("/members/invitations/<uuid:invitation_id>/revoke")
def revoke_invitation(invitation_id: UUID) -> ResponseReturnValue:
    db = _people()
    invitation = invitations.get_invitation(db, g.who, invitation_id)
    invitations.revoke_invitation(db, invitation, who=g.who)
    return done(_("邀请已撤销"), url_for("provider.list_members"))


@provider.route("/members/<uuid:user_id>", methods=["GET", "POST"])
def edit_member(user_id: UUID) -> ResponseReturnValue:
    """Her role, and the ways to remove her or to hand the provider over to her."""
    db = _people()
    member = members.get_member(db, g.who, user_id, Verb.MANAGE)
    form = RoleForm(data={"role": member.role.value})
    form.role.choices = _role_choices()
    if member.role not in members.grantable_roles(g.who):
        form.role.choices = [(member.role.value, role_name(member.role))]
    if form.validate_on_submit():
        try:
            members.change_role(db, user_id, Role(form.role.data), who=g.who)
        except members.LastOwner as error:
            form.refuse(error)
        else:
            return done(_("角色已更改，立即生效"), url_for("provider.list_members"))
    return render(
        "provider/members/edit.html", member=member, form=form, may=_MAY, status=422 if form.is_submitted() else 200
    )


@provider.route("/members/<uuid:user_id>/remove", methods=["GET", "POST"])
def remove_member(user_id: UUID) -> ResponseReturnValue:
    """A confirmation that names the consequence; for oneself it is leaving."""
    leaving = user_id == g.who.user_id
    db = _people()
    member = members.get_member(db, g.who, user_id, Verb.VIEW if leaving else Verb.MANAGE)
    form = Form()
    if form.validate_on_submit():
        try:
            members.remove_member(db, user_id, who=g.who)
        except members.LastOwner as error:
            form.refuse(error)
        else:
            if leaving:
                return done(_("您已退出“%(name)s”", name=g.provider.name), url_for("home.index"))
            return done(_("已移除 %(name)s", name=member.name), url_for("provider.list_members"))
    status = 422 if form.is_submitted() else 200
    return render("provider/members/remove.html", member=member, form=form, leaving=leaving, status=status)


@provider.route("/members/<uuid:user_id>/transfer", methods=["GET", "POST"])
def transfer_ownership(user_id: UUID) -> ResponseReturnValue:
    db = _people()
    member = members.get_member(db, g.who, user_id, Verb.OWN)
    form = Form()
    if form.validate_on_submit():
        try:
            members.transfer_ownership(db, user_id, who=g.who)
        except AppError as error:
            form.refuse(error)
        else:
            return done(_("%(name)s 现在是所有者，您是管理员", name=member.name), url_for("provider.list_members"))
    status = 422 if form.is_submitted() else 200
    return render("provider/members/transfer.html", member=member, form=form, status=status)


def _people() -> Session:
    """The request's transaction, above the tenant wall; `g.db` has only read so far and must not roll back."""
    unit.end(keep=True)
    return unit.begin_for_platform("a provider's people")


def _invite_form(**given: Any) -> InviteForm:
    form = InviteForm(**given)
    form.role.choices = _role_choices()
    if form.role.data is None:
        form.role.data = Role.MEMBER.value
    return form


def _role_choices() -> list[tuple[str, str]]:
    """From the least to the most powerful that she may give."""
    return [(role.value, role_name(role)) for role in reversed(members.grantable_roles(g.who))]


def _list(db: Session, form: InviteForm, status: int = 200) -> ResponseReturnValue:
    return render(
        "provider/members/list.html", members=members.list_members(db, g.who),
        invitations=invitations.list_invitations(db, g.who), form=form, may=_MAY,
        grantable=members.grantable_roles(g.who), moment=clock.now(), status=status,
    )  # fmt: skip
