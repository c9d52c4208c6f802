"""A person's own account: sign up, confirm the address, sign in and out, reset the password."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, g, redirect, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from wtforms import BooleanField, PasswordField

from saas import sms
from saas.config import settings
from saas.db import new_id, settle
from saas.errors import AppError, Invalid
from saas.tenants import accounts, passwords, sessions, wechat_apps
from saas.tenants.accounts import Origin
from saas.tenants.consents import VERSIONS
from saas.tenants.models import User
from saas.web import unit
from saas.web.forms import Form, TextField, at_most, email_address, required
from saas.web.going import done, safe_next
from saas.web.pages import render
from saas.web.security import limiter
from saas.web.sign_in import ask_to_sign_in, client_ip, is_signed_in, leave_session, may_enter, start_session

account = Blueprint("account", __name__)

_SIGNED_UP = "signed_up"


class SignUpForm(Form):
    email = TextField(_l("邮箱"), [required(), email_address(), at_most(200)])
    name = TextField(_l("您的姓名"), [required(), at_most(60)])
    provider_name = TextField(_l("服务商名称"), [required(), at_most(60)])
    slug = TextField(_l("网址名"), [at_most(40)])
    password = PasswordField(_l("密码"), [required(), at_most(passwords.MAX_LENGTH)])
    agreed = BooleanField(_l("我已阅读并同意服务条款与隐私政策"))


class SignInForm(Form):
    email = TextField(_l("邮箱"), [required(), at_most(200)])
    password = PasswordField(_l("密码"), [required()])
    remember = BooleanField(_l("在这台设备上保持登录 30 天"))


class AddressForm(Form):
    email = TextField(_l("邮箱"), [required(), email_address(), at_most(200)])


class OwnPasswordForm(Form):
    password = PasswordField(_l("密码"), [required()])


class NewPasswordForm(Form):
    password = PasswordField(_l("新密码"), [required(), at_most(passwords.MAX_LENGTH)])


def origin() -> Origin:
    return Origin(ip=client_ip(), request_id=g.request_id)


def sign_in_as(user: User, *, remember: bool = False, within: str = "") -> None:
    """Give this browser a fresh session of that person; `within` limits it (see `Person`)."""
    agent = request.user_agent.string
    token = sessions.open_session(user, ip=client_ip(), user_agent=agent, remember=remember)
    binds = safe_next().startswith(url_for("account.confirm_wechat"))  # her WeChat waits to be bound to this account
    start_session(token, within=within, keep=("wechat_new",) if binds else ())


def is_wechat() -> bool:
    """Whether this is WeChat's own browser."""
    return "MicroMessenger" in request.user_agent.string


def _address_given() -> str:
    """The counter of tries for one address, however it is written."""
    return f"address:{request.form.get('email', '').strip().lower()[:200]}"


@account.route("/sign-up", methods=["GET", "POST"])
@limiter.limit("30/hour", methods=["POST"])
def sign_up() -> ResponseReturnValue:
    form = SignUpForm()
    if form.validate_on_submit():
        db = unit.begin_for_platform("sign up")
        user_id = new_id()
        try:
            accounts.sign_up(
                db, email=form.email.data or "", password=form.password.data or "", name=form.name.data or "",
                provider_name=form.provider_name.data or "", slug=form.slug.data or "", agreed=form.agreed.data,
                locale=str(get_locale()), origin=origin(), user_id=user_id,
            )  # fmt: skip
        except Invalid as error:
            form.refuse(error)
        else:
            cookie[_SIGNED_UP] = str(user_id)  # of nobody when the address was taken: it looks the same
            return redirect(url_for("account.look_at_mail"), code=303)
    return render("account/sign_up.html", form=form, status=422 if form.errors else 200)


@account.get("/sign-up/mail")
def look_at_mail() -> ResponseReturnValue:
    return render("account/look_at_mail.html")


@account.route("/sign-in", methods=["GET", "POST"])
@limiter.limit("60/hour", methods=["POST"])
@limiter.limit("12/15minutes", key_func=_address_given, methods=["POST"])
def sign_in() -> ResponseReturnValue:
    if may_enter(safe_next()) and request.method == "GET":
        return redirect(safe_next(), code=303)
    form = SignInForm()
    if form.validate_on_submit():
        db = unit.begin_for_platform("sign in")
        try:
            user = accounts.sign_in(db, email=form.email.data or "", password=form.password.data or "")
        except AppError as error:
            form.refuse(error)
        else:
            settle(db)
            sign_in_as(user, remember=form.remember.data)
            return redirect(safe_next(), code=303)
    return render(
        "account/sign_in.html", form=form, next=safe_next(), by_phone=sms.is_set_up(),
        wechat=wechat_apps.app_for(safe_next(), in_wechat=is_wechat()), status=422 if form.errors else 200,
    )  # fmt: skip


@account.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    if current_user.is_authenticated:
        sessions.close_session(current_user.get_id())
    leave_session()
    if g.own_host:
        home = url_for("merchant.home", slug=g.own_host)
        return redirect(settings().public_url + url_for("account.sign_in", next=home), code=303)
    return done(_("您已退出登录"), url_for("account.sign_in"))


@account.get("/verify")
def verify() -> ResponseReturnValue:
    """For people who are signed in, but have not confirmed their address yet."""
    if not is_signed_in():
        return ask_to_sign_in()
    if current_user.is_verified:
        return redirect(url_for("home.index"), code=303)
    return render("account/verify.html")


@account.post("/verify/again")
@limiter.limit("5/hour")
def send_verification_again() -> ResponseReturnValue:
    if not is_signed_in():
        return ask_to_sign_in()
    accounts.send_verification_again(unit.begin_for_platform("send a verification again"), current_user.user_id)
    return done(_("确认邮件已重新发送"), url_for("account.verify"))


@account.route("/verify/<token>", methods=["GET", "POST"])
@limiter.limit("60/hour")
def confirm_address(token: str) -> ResponseReturnValue:
    """A button, because mail scanners open every link. Where another browser signed up, the password is asked for, so
    that nobody confirms somebody else's sign-up with her address.
    """
    db = unit.begin_for_platform("confirm an address")
    owner = accounts.owner_of_verification(db, token)
    by_password = accounts.needs_password_to_verify(owner, _known_people())
    form = OwnPasswordForm()
    if request.method == "POST" and (not by_password or form.validate()):
        try:
            user = accounts.verify_email(db, token, known=_known_people(), password=form.password.data or "")
        except Invalid as error:
            form.refuse(error)
            return _confirm_page(owner.email, form, by_password=True)
        settle(db)
        cookie.pop(_SIGNED_UP, None)
        if not current_user.is_authenticated:
            return done(_("邮箱已确认，请登录"), url_for("account.sign_in"))
        same = current_user.user_id == user.id
        return done(_("邮箱已确认"), url_for("home.index") if same else url_for("account.sign_in"))
    return _confirm_page(owner.email, form, by_password=by_password)


def _confirm_page(email: str, form: OwnPasswordForm, *, by_password: bool) -> Response:
    status = 422 if form.errors else 200
    return render("account/confirm_address.html", email=email, form=form, by_password=by_password, status=status)


def _known_people() -> list[UUID]:
    """Whom this browser is known for: who is signed in, and who signed up in it."""
    known = [current_user.user_id] if is_signed_in() else []
    try:
        return [*known, UUID(str(cookie.get(_SIGNED_UP)))]
    except ValueError:
        return known


@account.route("/forgot", methods=["GET", "POST"])
@limiter.limit("20/hour", methods=["POST"])
@limiter.limit("4/hour", key_func=_address_given, methods=["POST"])
def forgot() -> ResponseReturnValue:
    form = AddressForm()
    if form.validate_on_submit():
        accounts.ask_for_reset(unit.begin_for_platform("ask for a new password"), form.email.data or "")
        return redirect(url_for("account.reset_mailed"), code=303)
    return render("account/forgot.html", form=form, status=422 if form.errors else 200)


@account.get("/forgot/mail")
def reset_mailed() -> ResponseReturnValue:
    return render("account/reset_mailed.html")


@account.route("/reset/<token>", methods=["GET", "POST"])
@limiter.limit("60/hour")
def reset(token: str) -> ResponseReturnValue:
    db = unit.begin_for_platform("set a new password")
    form = NewPasswordForm()
    if form.validate_on_submit():
        try:
            accounts.reset_password(db, token, form.password.data or "", origin=origin())
        except Invalid as error:
            form.refuse(error)
        else:
            leave_session()
            return done(_("新密码已生效，请登录"), url_for("account.sign_in"))
    owner = accounts.owner_of_reset(db, token)
    return render("account/reset.html", form=form, email=owner.email, status=422 if form.errors else 200)


@account.route("/sign-in/mail", methods=["GET", "POST"])
@limiter.limit("20/hour", methods=["POST"])
@limiter.limit("4/hour", key_func=_address_given, methods=["POST"])
def sign_in_by_mail() -> ResponseReturnValue:
    """Mail a link that signs in. The answer is the same whether the address is known."""
    form = AddressForm()
    if form.validate_on_submit():
        db = unit.begin_for_platform("mail a link to sign in")
        after = safe_next(default="")
        accounts.ask_for_sign_in_link(db, form.email.data or "", after=after)
        return redirect(url_for("account.sign_in_mailed"), code=303)
    return render(
        "account/sign_in_by_mail.html", form=form, next=safe_next(), by_phone=sms.is_set_up(),
        status=422 if form.errors else 200,
    )  # fmt: skip


@account.get("/sign-in/mail/sent")
def sign_in_mailed() -> ResponseReturnValue:
    return render("account/sign_in_mailed.html")


@account.route("/sign-in/mail/<token>", methods=["GET", "POST"])
@limiter.limit("60/hour")
def sign_in_by_link(token: str) -> ResponseReturnValue:
    """A button, because mail scanners open every link. It names the account, so that nobody presses it for another."""
    db = unit.begin_for_platform("sign in by a mailed link")
    if request.method == "POST":
        user = accounts.sign_in_by_link(db, token)
        settle(db)
        sign_in_as(user)
        return redirect(safe_next(), code=303)
    return render("account/sign_in_by_link.html", email=accounts.owner_of_sign_in(db, token).email, next=safe_next())


@account.get("/terms")
def terms() -> ResponseReturnValue:
    return render("account/terms.html", version=VERSIONS["terms"])


@account.get("/privacy")
def privacy() -> ResponseReturnValue:
    return render("account/privacy.html", version=VERSIONS["privacy"])
