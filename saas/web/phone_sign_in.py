"""Signing in by a code sent to a mobile number, and adding the number to an account.

The number and the id of the code wait in this browser's session, so only the browser that asked can try the code.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from uuid import UUID

from flask import redirect, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from wtforms import BooleanField

from saas import sms
from saas.db import settle
from saas.errors import N_, AppError, Invalid, NotFound
from saas.tenants import accounts, identities, phones, sign_in_codes
from saas.tenants.sign_in_codes import Purpose
from saas.vault import CannotOpen
from saas.web import unit
from saas.web.account import account, is_wechat, origin, sign_in_as
from saas.web.forms import Form, TextField, at_most, required
from saas.web.going import done, refused, safe_next
from saas.web.pages import render
from saas.web.security import limiter
from saas.web.sign_in import ask_to_sign_in, client_ip, is_signed_in, may_enter
from saas.web.wechat_client import app_to_show

_SENT = "phone_code"


class PhoneForm(Form):
    phone = TextField(_l("手机号"), [required(), at_most(30)])
    agreed = BooleanField(_l("我已阅读并同意服务条款与隐私政策"))


class OwnPhoneForm(Form):
    phone = TextField(_l("手机号"), [required(), at_most(30)])


class CodeForm(Form):
    code = TextField(_l("验证码"), [required(), at_most(12)])


@dataclass(frozen=True)
class Sent:
    """The code that this browser asked for."""

    code_id: UUID
    phone: str


def _number_given() -> str:
    """The counter of one number's messages, however it is written."""
    digits = "".join(letter for letter in request.form.get("phone", "") if letter.isdigit())
    return f"phone:{digits[-11:]}"


@account.route("/sign-in/phone", methods=["GET", "POST"])
@limiter.limit("60/hour", methods=["POST"])
@limiter.limit("20/hour", key_func=_number_given, methods=["POST"])
def sign_in_by_phone() -> ResponseReturnValue:
    """Send a code. Known and unknown numbers get the same answer: whoever has the number comes in."""
    _require_gateway()
    if may_enter(safe_next()) and request.method == "GET":
        return redirect(safe_next(), code=303)
    form = PhoneForm()
    status = 200
    if form.validate_on_submit():
        try:
            if not form.agreed.data:
                raise Invalid(N_("请阅读并同意服务条款与隐私政策"), field="agreed")
            _send(form.phone.data or "", Purpose.SIGN_IN)
        except Invalid as error:
            form.refuse(error)
            status = error.status
        else:
            return redirect(url_for("account.enter_phone_code", next=safe_next()), code=303)
    return render(
        "account/sign_in_by_phone.html", form=form, next=safe_next(), wechat=app_to_show(safe_next()),
        in_wechat=is_wechat(), status=max(status, 422) if form.errors else 200,
    )  # fmt: skip


@account.route("/sign-in/phone/code", methods=["GET", "POST"])
@limiter.limit("60/hour", methods=["POST"])
def enter_phone_code() -> ResponseReturnValue:
    """Try the code; whoever gives the right one is signed in, and has an account from now on."""
    sent = _sent(Purpose.SIGN_IN)
    if sent is None:
        return redirect(url_for("account.sign_in_by_phone", next=safe_next()), code=303)
    form = CodeForm()
    if form.validate_on_submit():
        db = unit.begin_for_platform("sign in by a code")
        try:
            sign_in_codes.use_code(db, sent.code_id, sent.phone, form.code.data or "", Purpose.SIGN_IN)
            user = identities.sign_in_or_make_person(
                db, phone=sent.phone, locale=str(get_locale()), origin=origin()
            )  # fmt: skip
        except AppError as error:
            form.refuse(error)
        else:
            settle(db)
            sign_in_as(user, remember=is_wechat())
            return redirect(safe_next(), code=303)
    return _code_page(form, sent, url_for("account.send_phone_code_again"), url_for("account.sign_in_by_phone"))


@account.post("/sign-in/phone/again")
@limiter.limit("20/hour")
def send_phone_code_again() -> ResponseReturnValue:
    sent = _sent(Purpose.SIGN_IN)
    if sent is None:
        return redirect(url_for("account.sign_in_by_phone", next=safe_next()), code=303)
    return _send_again(sent, Purpose.SIGN_IN, url_for("account.enter_phone_code", next=safe_next()))


@account.route("/account/phone", methods=["GET", "POST"])
@limiter.limit("30/hour", methods=["POST"])
@limiter.limit("20/hour", key_func=_number_given, methods=["POST"])
def add_phone() -> ResponseReturnValue:
    """Send a code to the number that is to become one's own; an earlier number is replaced."""
    if not is_signed_in():
        return ask_to_sign_in()
    _require_gateway()
    if not current_user.is_verified:
        return redirect(url_for("account.verify"), code=303)
    form = OwnPhoneForm()
    if form.validate_on_submit():
        try:
            _send(form.phone.data or "", Purpose.ADD_PHONE)
        except Invalid as error:
            form.refuse(error)
        else:
            return redirect(url_for("account.confirm_phone"), code=303)
    return render("account/add_phone.html", form=form, status=422 if form.errors else 200)


@account.route("/account/phone/code", methods=["GET", "POST"])
@limiter.limit("60/hour", methods=["POST"])
def confirm_phone() -> ResponseReturnValue:
    if not is_signed_in():
        return ask_to_sign_in()
    sent = _sent(Purpose.ADD_PHONE)
    if sent is None:
        return redirect(url_for("account.add_phone"), code=303)
    form = CodeForm()
    if form.validate_on_submit():
        db = unit.begin_for_platform("add one's own number")
        try:
            sign_in_codes.use_code(db, sent.code_id, sent.phone, form.code.data or "", Purpose.ADD_PHONE)
            identities.change_phone(db, current_user.user_id, sent.phone, origin=origin())
        except AppError as error:
            form.refuse(error)
        else:
            cookie.pop(_SENT, None)
            return done(_("手机号已绑定"), url_for("account.profile"))
    return _code_page(form, sent, url_for("account.confirm_phone_again"), url_for("account.add_phone"))


@account.post("/account/phone/again")
@limiter.limit("20/hour")
def confirm_phone_again() -> ResponseReturnValue:
    if not is_signed_in():
        return ask_to_sign_in()
    sent = _sent(Purpose.ADD_PHONE)
    if sent is None:
        return redirect(url_for("account.add_phone"), code=303)
    return _send_again(sent, Purpose.ADD_PHONE, url_for("account.confirm_phone"))


@account.route("/account/phone/remove", methods=["GET", "POST"])
def remove_phone() -> ResponseReturnValue:
    if not is_signed_in():
        return ask_to_sign_in()
    db = unit.begin_for_platform("take one's own number off")
    if request.method == "POST":
        identities.remove_phone(db, current_user.user_id, origin=origin())
        return done(_("手机号已解除绑定"), url_for("account.profile"))
    phone = phones.phone_of(accounts.get_own_user(db, current_user.user_id))
    if not phone:
        return redirect(url_for("account.profile"), code=303)
    return render("account/remove_phone.html", phone=phones.masked(phone))


def _require_gateway() -> None:
    if not sms.is_set_up():
        raise NotFound()


def _send(written: str, purpose: Purpose) -> None:
    phone = phones.clean_phone(written)
    db = unit.begin_for_platform("send a code")
    code_id = sign_in_codes.send_code(db, phone, purpose, ip=client_ip(), locale=str(get_locale()))
    box = phones.seal(phone, code_id.bytes + purpose.encode())
    cookie[_SENT] = {"id": str(code_id), "to": b64encode(box).decode()}


def _send_again(sent: Sent, purpose: Purpose, target: str) -> ResponseReturnValue:
    try:
        _send(sent.phone, purpose)
    except Invalid as error:
        return refused(error, target)
    return done(_("验证码已重新发送"), target)


def _sent(purpose: Purpose) -> Sent | None:
    """What this browser's session holds, if it was for this purpose."""
    kept = cookie.get(_SENT)
    if not isinstance(kept, dict):
        return None
    try:
        code_id = UUID(kept["id"])
        return Sent(code_id, phones.open_box(b64decode(kept["to"]), code_id.bytes + purpose.encode()))
    except (KeyError, ValueError, CannotOpen):
        return None


def _code_page(form: CodeForm, sent: Sent, again: str, other: str) -> ResponseReturnValue:
    return render(
        "account/phone_code.html", form=form, phone=phones.masked(sent.phone), again=again, other=other,
        next=safe_next(), status=422 if form.errors else 200,
    )  # fmt: skip
