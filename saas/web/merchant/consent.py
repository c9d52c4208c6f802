"""What a merchant's person agrees to before she hands anything in, and again when the words change."""

from __future__ import annotations

from flask import g, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from wtforms import BooleanField

from saas.db import platform_session
from saas.tenants import consents
from saas.tenants.models import Consent
from saas.web.forms import Form
from saas.web.going import done, safe_next
from saas.web.merchant.blueprint import merchant
from saas.web.pages import render
from saas.web.sign_in import client_ip


class ConsentForm(Form):
    agreed = BooleanField(_l("我已阅读并同意上述说明、服务条款和隐私政策"))


@merchant.route("/consent", methods=["GET", "POST"])
def show_consent() -> ResponseReturnValue:
    """The words in force, with a tick for those who have not agreed to them."""
    form = ConsentForm()
    if form.is_submitted():
        if form.agreed.data:
            with platform_session("note that a merchant's person agreed") as db:
                consents.record_data_consent(db, current_user.user_id, g.who.provider_id, ip=client_ip())
            return done(_("已记下您的同意"), safe_next(default=url_for("merchant.home")))
        form.agreed.errors = [_("请先阅读并勾选同意")]
    return render(
        "merchant/consent.html", form=form, missing=consent_is_missing(), next=safe_next(default=""),
        versions=versions(), status=422 if form.is_submitted() else 200,
    )  # fmt: skip


def consent_is_missing() -> bool:
    """Whether she has to agree to something before she hands in."""
    with platform_session("find out what a merchant's person agreed to") as db:
        return consents.data_consent_is_missing(db, current_user.user_id, g.who.provider_id)


def own_consents() -> list[Consent]:
    """What she agreed to here, the newest first."""
    with platform_session("list what a merchant's person agreed to") as db:
        return consents.consents_of(db, current_user.user_id, g.who.provider_id)


def versions() -> dict[str, str]:
    """The versions in force, by document."""
    return {**consents.VERSIONS, consents.DATA: consents.DATA_VERSION}
