"""A person's e-mail address on her account: adding one where there is none, confirmed by mail; taking it off."""

from __future__ import annotations

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from saas.errors import AppError
from saas.tenants import own_addresses
from saas.web import unit
from saas.web.account import account, origin
from saas.web.forms import Form, TextField, at_most, email_address, required
from saas.web.going import done, refused
from saas.web.pages import render
from saas.web.security import limiter
from saas.web.sign_in import ask_to_sign_in, is_signed_in


class AddressForm(Form):
    email = TextField(_l("邮箱"), [required(), email_address(), at_most(200)])


@account.route("/account/email", methods=["GET", "POST"])
@limiter.limit("10/hour", methods=["POST"])
def add_email() -> ResponseReturnValue:
    """The answer is the same whether the address is somebody's."""
    if not is_signed_in():
        return ask_to_sign_in()
    if current_user.email:
        return redirect(url_for("account.profile"), code=303)
    form = AddressForm()
    if form.validate_on_submit():
        db = unit.begin_for_platform("mail a link that adds one's own address")
        try:
            own_addresses.ask_to_add(db, current_user.user_id, form.email.data or "")
        except AppError as error:
            form.refuse(error)
        else:
            return redirect(url_for("account.add_email", sent=1), code=303)
    return render(
        "account/add_email.html", form=form, sent=request.args.get("sent") == "1", status=422 if form.errors else 200
    )


@account.route("/account/email/<token>", methods=["GET", "POST"])
@limiter.limit("60/hour")
def confirm_email(token: str) -> ResponseReturnValue:
    """A button, because mail scanners open every link."""
    if not is_signed_in():
        return ask_to_sign_in()
    email = request.values.get("email", "")[:254]
    db = unit.begin_for_platform("add one's own address")
    if request.method == "POST":
        own_addresses.add(db, current_user.user_id, token, email, origin=origin())
        return done(_("邮箱已绑定"), url_for("account.profile"))
    own_addresses.require_asked(db, current_user.user_id, token, email)
    return render("account/confirm_email.html", email=email)


@account.route("/account/email/remove", methods=["GET", "POST"])
def remove_email() -> ResponseReturnValue:
    if not is_signed_in():
        return ask_to_sign_in()
    if not current_user.email:
        return redirect(url_for("account.profile"), code=303)
    if request.method == "POST":
        db = unit.begin_for_platform("take one's own address off")
        try:
            own_addresses.remove(db, current_user.user_id, origin=origin())
        except AppError as error:
            return refused(error, url_for("account.profile"))
        return done(_("邮箱已解除绑定"), url_for("account.profile"))
    return render("account/remove_email.html")
