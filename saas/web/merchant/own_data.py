"""What is kept about a merchant, for herself: to look at, to download, to have deleted.

Whole values leave only by the download, and only for an owner who has just signed in.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import Response, g, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from wtforms import TextAreaField

from saas import clock
from saas.errors import AppError, Invalid
from saas.onboarding import data_exports, data_requests, kept_data
from saas.onboarding.models import DataRequestStatus, ExportStatus
from saas.tenants import sessions
from saas.tenants.access import Verb, Who
from saas.tenants.merchants import get_merchant, merchants_of
from saas.tenants.models import Merchant
from saas.tenants.stored_files import pieces_of
from saas.web.forms import Form, at_most
from saas.web.going import done, refused
from saas.web.merchant.blueprint import merchant
from saas.web.merchant.consent import consent_is_missing, own_consents, versions
from saas.web.pages import is_fragment_request, render
from saas.web.security import limiter
from saas.web.sign_in import ask_to_sign_in, leave_session

MOST_SHOWN = 5
FRESH = timedelta(minutes=15)
"""How long after signing in a download needs no new sign-in."""


class WishForm(Form):
    wish = TextAreaField(_l("想删除什么、为什么（可以不填）"), [at_most(data_requests.LONGEST)])


@merchant.get("/data")
def choose_data() -> ResponseReturnValue:
    """On to her merchant's page; those with several switch there."""
    return redirect(url_for("merchant.show_data", merchant_id=merchants_of(g.db, g.who)[0].id), code=303)


@merchant.get("/data/<uuid:merchant_id>")
def show_data(merchant_id: UUID) -> ResponseReturnValue:
    return _show(get_merchant(g.db, g.who, merchant_id, Verb.VIEW))


@merchant.post("/data/<uuid:merchant_id>/download")
@limiter.limit("20/hour")
def export_data(merchant_id: UUID) -> ResponseReturnValue:
    """Have the file made."""
    one = get_merchant(g.db, g.who, merchant_id, Verb.ANSWER)
    if not _is_fresh():
        return done(_("下载前请重新登录一次，确认是您本人"), _page(one, "download"), "warning")
    data_exports.ask_for_export(g.db, one, who=_who(one), locale=str(get_locale()))
    return redirect(_page(one, "download"), code=303)


@merchant.get("/data/<uuid:merchant_id>/download")
def show_export(merchant_id: UUID) -> ResponseReturnValue:
    """How far the file is, for the page that asks again and again."""
    one = get_merchant(g.db, g.who, merchant_id, Verb.ANSWER)
    if not is_fragment_request():
        return redirect(_page(one, "download"), code=303)
    return render("merchant/_export.html", **_export_context(one))


@merchant.get("/data/<uuid:merchant_id>/file")
@limiter.limit("30/hour")
def download_data(merchant_id: UUID) -> ResponseReturnValue:
    one = get_merchant(g.db, g.who, merchant_id, Verb.ANSWER)
    if not _is_fresh():
        return done(_("下载前请重新登录一次，确认是您本人"), _page(one, "download"), "warning")
    row = data_exports.take_export(g.db, one, who=_who(one))
    response = Response(pieces_of(row), mimetype=row.content_type)
    response.content_length = row.size
    response.headers.set("Content-Disposition", "attachment", filename=f"my-data-{row.created_at:%Y%m%d}.zip")
    response.headers["Cache-Control"] = "no-store"
    return response


@merchant.post("/data/<uuid:merchant_id>/sign-in")
def sign_in_again(merchant_id: UUID) -> ResponseReturnValue:
    """Sign out, and come back here by any of her ways to sign in."""
    one = get_merchant(g.db, g.who, merchant_id, Verb.VIEW)
    target = _page(one)
    sessions.close_session(current_user.get_id())
    leave_session()
    return ask_to_sign_in(target)


@merchant.post("/data/<uuid:merchant_id>/deletion")
def request_deletion(merchant_id: UUID) -> ResponseReturnValue:
    one = get_merchant(g.db, g.who, merchant_id, Verb.ANSWER)
    form = WishForm()
    if form.validate_on_submit():
        try:
            data_requests.ask_for_deletion(g.db, one, form.wish.data or "", who=_who(one))
        except Invalid as error:
            form.refuse(error)
        else:
            return done(_("已提交，“%(name)s”处理后会通知您", name=g.brand.name), _page(one, "deletion"))
    return _show(one, form=form, status=422)


@merchant.post("/data/<uuid:merchant_id>/deletion/withdraw")
def withdraw_deletion(merchant_id: UUID) -> ResponseReturnValue:
    one = get_merchant(g.db, g.who, merchant_id, Verb.ANSWER)
    try:
        data_requests.withdraw(g.db, one, who=_who(one))
    except AppError as error:
        return refused(error, _page(one, "deletion"))
    return done(_("已撤回删除申请"), _page(one, "deletion"))


def _show(one: Merchant, *, form: WishForm | None = None, status: int = 200) -> Response:
    who = _who(one)
    groups = [
        (words, kept_data.entries_of(g.db, one, group, who=who, limit=MOST_SHOWN + 1))
        for group, words in kept_data.GROUPS.items()
    ]
    return render(
        "merchant/data.html", groups=groups, most=MOST_SHOWN, form=form or WishForm(formdata=None),
        others=[other for other in merchants_of(g.db, g.who) if other.id != one.id], consents=own_consents(),
        consent_missing=consent_is_missing(), versions=versions(), requests=data_requests.list_requests(g.db, one),
        Status=DataRequestStatus, words=kept_data.GROUPS, status=status, **_export_context(one),
    )  # fmt: skip


def _export_context(one: Merchant) -> dict[str, Any]:
    return {
        "merchant": one, "export": data_exports.newest_export(g.db, one), "ExportStatus": ExportStatus,
        "fresh": _is_fresh(), "may": _who(one).may(Verb.ANSWER),
    }  # fmt: skip


def _who(one: Merchant) -> Who:
    """The acting person with her role at this merchant."""
    who: Who = g.who
    return who.at(one.id)


def _is_fresh() -> bool:
    """Whether she has just shown who she is."""
    moment = sessions.signed_in_at(current_user.session_id)
    return moment is not None and clock.now() - moment <= FRESH


def _page(one: Merchant, anchor: str = "") -> str:
    return url_for("merchant.show_data", merchant_id=one.id, _anchor=anchor or None)
