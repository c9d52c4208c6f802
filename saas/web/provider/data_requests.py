"""A merchant wants her data deleted: what she asks, what would go and what stays, and the decision."""

from __future__ import annotations

from uuid import UUID

from flask import Response, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import TextAreaField

from saas.errors import Conflict, Invalid
from saas.onboarding import data_requests
from saas.onboarding.erasing import hindrances
from saas.onboarding.kept_data import ERASABLE, GROUPS, Group
from saas.onboarding.models import DataRequest, DataRequestStatus
from saas.tenants.access import Verb
from saas.tenants.merchants import get_merchant
from saas.tenants.models import Merchant
from saas.web.forms import Form, TextField, at_most
from saas.web.going import done, refused
from saas.web.pages import render
from saas.web.provider.blueprint import provider


class RefusalForm(Form):
    answer = TextAreaField(_l("原因（商家会看到）"), [at_most(data_requests.LONGEST)])


class EraseForm(Form):
    answer = TextAreaField(_l("对商家说明（商家会看到）"), [at_most(data_requests.LONGEST)])
    typed = TextField(_l("输入商家名称确认"))


@provider.app_template_global()
def data_request_of(merchant: Merchant) -> DataRequest | None:
    """What a merchant's page says is open."""
    return data_requests.open_request(g.db, merchant)


@provider.get("/merchants/<uuid:merchant_id>/data-request")
def show_data_request(merchant_id: UUID) -> ResponseReturnValue:
    return _show(get_merchant(g.db, g.who, merchant_id, Verb.VIEW), RefusalForm(formdata=None))


@provider.post("/merchants/<uuid:merchant_id>/data-request/refuse")
def refuse_data_request(merchant_id: UUID) -> ResponseReturnValue:
    merchant = get_merchant(g.db, g.who, merchant_id, Verb.WORK)
    form = RefusalForm()
    if form.validate_on_submit():
        try:
            data_requests.refuse(g.db, merchant, form.answer.data or "", who=g.who)
        except Invalid as error:
            form.refuse(error)
        except Conflict as error:
            return refused(error, _page(merchant))
        else:
            return done(_("已拒绝，商家会收到通知"), _page(merchant))
    return _show(merchant, form, 422)


@provider.route("/merchants/<uuid:merchant_id>/data-request/erase", methods=["GET", "POST"])
def erase_merchant_data(merchant_id: UUID) -> ResponseReturnValue:
    """What would go and what stays; the merchant's name typed in confirms it."""
    merchant = get_merchant(g.db, g.who, merchant_id, Verb.WORK)
    if data_requests.open_request(g.db, merchant) is None:
        return refused(data_requests.RequestOver(), _page(merchant))
    form, group_error = EraseForm(), ""
    chosen = [group for group in Group if group in request.form.getlist("groups")] if request.form else list(ERASABLE)
    if form.validate_on_submit():
        try:
            data_requests.erase(
                g.db, merchant, chosen, answer=form.answer.data or "", typed=form.typed.data or "", who=g.who
            )
        except Invalid as error:
            if error.field == "groups":
                group_error = _(error.message)
            form.refuse(error)
        except Conflict as error:
            return refused(error, url_for("provider.erase_merchant_data", merchant_id=merchant.id))
        else:
            return done(_("已删除，商家会收到通知"), _page(merchant))
    return render(
        "provider/merchants/erase.html", merchant=merchant, form=form, chosen=chosen, group_error=group_error,
        amounts=data_requests.amounts(g.db, merchant, who=g.who), words=GROUPS, hindrances=hindrances(g.db, merchant),
        status=422 if form.is_submitted() else 200,
    )  # fmt: skip


def _show(merchant: Merchant, form: RefusalForm, status: int = 200) -> Response:
    return render(
        "provider/merchants/data_request.html", merchant=merchant, form=form, words=GROUPS,
        requests=data_requests.list_requests(g.db, merchant, limit=20), Status=DataRequestStatus,
        hindrances=hindrances(g.db, merchant), status=status,
    )  # fmt: skip


def _page(merchant: Merchant) -> str:
    return url_for("provider.show_data_request", merchant_id=merchant.id)
