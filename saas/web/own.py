"""A signed-in person's own pages: name, language, password, signed-in browsers, invitations, the demo's messages."""

from __future__ import annotations

from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from wtforms import BooleanField, PasswordField, SelectField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]

from saas import i18n, sms
from saas.config import settings
from saas.errors import Invalid, NotFound
from saas.tenants import accounts, invitations, passwords, sessions
from saas.tenants.alarm_channels import list_all_messages
from saas.tenants.letters import list_mails
from saas.tenants.texts import list_texts
from saas.web import unit
from saas.web.account import account, origin, sign_in_as
from saas.web.forms import Form, TextField, at_most, required
from saas.web.going import done
from saas.web.language import remember_language
from saas.web.pages import render
from saas.web.security import limiter
from saas.web.sign_in import ask_to_sign_in, is_signed_in, leave_session
from saas.web.ways import ways_to_sign_in


class ProfileForm(Form):
    name = TextField(_l("姓名"), [required(), at_most(60)])
    locale = SelectField(_l("语言"), choices=[SelectChoice(code, label) for code, label in i18n.LOCALES.items()])


class PasswordForm(Form):
    current = PasswordField(_l("当前密码"), [required()])
    new = PasswordField(_l("新密码"), [required(), at_most(passwords.MAX_LENGTH)])


class AcceptForm(Form):
    name = TextField(_l("您的姓名"), [required(), at_most(60)])
    password = PasswordField(_l("密码"), [required(), at_most(passwords.MAX_LENGTH)])
    agreed = BooleanField(_l("我已阅读并同意服务条款与隐私政策"))


@account.route("/account", methods=["GET", "POST"])
def profile() -> ResponseReturnValue:
    if not is_signed_in():
        return ask_to_sign_in()
    form = ProfileForm(data={"name": current_user.name, "locale": current_user.locale})
    if form.validate_on_submit():
        db = unit.begin_for_platform("change one's own profile")
        try:
            user = accounts.change_profile(db, current_user.user_id, name=form.name.data or "", locale=form.locale.data)
        except Invalid as error:
            form.refuse(error)
        else:
            return remember_language(done(_("已保存"), url_for("account.profile")), user.locale)
    return _profile_page(form, PasswordForm(formdata=None), status=422 if form.errors else 200)


@account.post("/account/password")
@limiter.limit("20/hour")
def change_password() -> ResponseReturnValue:
    if not is_signed_in():
        return ask_to_sign_in()
    form = PasswordForm()
    if form.validate_on_submit():
        try:
            accounts.change_password(
                unit.begin_for_platform("change one's own password"), current_user.user_id,
                current=form.current.data or "", new=form.new.data or "", keep_token=current_user.get_id(),
                origin=origin(),
            )  # fmt: skip
        except Invalid as error:
            form.refuse(error)
        else:
            return done(_("密码已更换，其他设备已退出登录"), url_for("account.profile"))
    profile_form = ProfileForm(formdata=None, data={"name": current_user.name, "locale": current_user.locale})
    return _profile_page(profile_form, form, status=422)


@account.post("/account/sessions/<uuid:session_id>/end")
def end_session(session_id: UUID) -> ResponseReturnValue:
    if not is_signed_in():
        return ask_to_sign_in()
    if not sessions.close_one(current_user.user_id, session_id):
        raise NotFound()
    return done(_("该设备已退出登录"), url_for("account.profile"))


@account.post("/account/sessions/end-others")
def end_other_sessions() -> ResponseReturnValue:
    if not is_signed_in():
        return ask_to_sign_in()
    sessions.close_all_sessions(current_user.user_id, except_token=current_user.get_id())
    return done(_("其他设备已全部退出登录"), url_for("account.profile"))


@account.post("/account/sessions/end-all")
def end_all_sessions() -> ResponseReturnValue:
    if not is_signed_in():
        return ask_to_sign_in()
    sessions.close_all_sessions(current_user.user_id)
    leave_session()
    return done(_("所有设备都已退出登录"), url_for("account.sign_in"))


@account.route("/invitations/<token>", methods=["GET", "POST"])
@limiter.limit("120/hour")
def invitation(token: str) -> ResponseReturnValue:
    """Accept an invitation with a new account, or, signed in, with the invited address's own."""
    db = unit.begin_for_platform("open an invitation")
    opened = invitations.open_invitation(db, token)
    target = f"/{'m' if opened.merchant else 'p'}/{opened.provider.slug}/"
    if opened.account is not None:
        if request.method == "POST" and is_signed_in():
            invitations.accept_as(db, token, current_user.user_id, origin=origin())
            return done(_("已加入“%(name)s”", name=opened.provider.name), target)
        return render("account/invitation.html", opened=opened, form=None, here=request.path)
    form = AcceptForm(data={"name": opened.invitation.name})
    if form.validate_on_submit():
        try:
            user = invitations.accept_as_new(
                db, token, name=form.name.data or "", password=form.password.data or "", agreed=form.agreed.data,
                locale=str(get_locale()), origin=origin(),
            )  # fmt: skip
        except Invalid as error:
            form.refuse(error)
        else:
            unit.end(keep=True)
            sign_in_as(user)
            return redirect(target, code=303)
    return render(
        "account/invitation.html", opened=opened, form=form, here=request.path, status=422 if form.errors else 200
    )


@account.get("/mails")
def mails() -> ResponseReturnValue:
    """The demo's post box: mails, text messages and alarms; there is none where mails are really sent."""
    if settings().is_production or not settings().mail_url.startswith("demo"):
        raise NotFound()
    db = unit.begin_for_platform("show the demo's mails")
    return render(
        "account/mails.html", letters=list_mails(db), texts=list_texts(db) if sms.is_demo() else [],
        alarms=list_all_messages(db, limit=30),
    )  # fmt: skip


def _profile_page(form: ProfileForm, password_form: PasswordForm, *, status: int) -> ResponseReturnValue:
    return render(
        "account/profile.html", form=form, password_form=password_form, ways=ways_to_sign_in(),
        browsers=sessions.list_sessions(current_user.user_id), status=status,
    )  # fmt: skip
