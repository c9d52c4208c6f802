"""The order page of a mini program: which path holds, how the last application stands, applying."""

from __future__ import annotations

from uuid import UUID

from flask import g, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import FileField, MultipleFileField, TextAreaField

from saas.errors import AppError
from saas.programs import order_page
from saas.programs.access import get_program
from saas.programs.changing import obstacle
from saas.programs.evidence import MOST_PICTURES
from saas.programs.models import Program
from saas.tenants.access import Verb
from saas.web.forms import Form, TextField, at_most
from saas.web.going import done, refused
from saas.web.pages import render
from saas.web.provider.blueprint import provider
from saas.web.provider.privacy import FILM
from saas.web.provider.profile import PICTURES, files_of
from saas.web.provider.telling import telling_item
from saas.wx.permissions import DEVELOPMENT


class OrderPageForm(Form):
    path = TextField(_l("页面路径"))
    pictures = MultipleFileField(_l("页面截图"), render_kw=PICTURES)
    video = FileField(_l("操作视频"), render_kw=FILM)
    account = TextField(_l("测试账号"), [at_most(100)], render_kw={"autocomplete": "off"})
    password = TextField(_l("测试账号的密码"), [at_most(100)], render_kw={"autocomplete": "off"})
    remark = TextAreaField(_l("给审核员的说明"))


@provider.get("/programs/<uuid:program_id>/order-page")
def show_order_page(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.VIEW)
    return render(
        "provider/programs/order_page.html", program=program, tab="order_page",
        row=order_page.find_order_page(g.db, program), obstacle=obstacle(program, DEVELOPMENT),
        item=telling_item(program.id, order_page.STEPS),
    )  # fmt: skip


@provider.post("/programs/<uuid:program_id>/order-page/read")
def read_program_order_page(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    try:
        order_page.request_reading(g.db, program, who=g.who)
    except AppError as error:
        return refused(error, _address(program))
    return done(_("正在向微信读取订单页"), _address(program), "info")


@provider.route("/programs/<uuid:program_id>/order-page/apply", methods=["GET", "POST"])
def apply_for_order_page(program_id: UUID) -> ResponseReturnValue:
    """The test login is not shown again: whoever applies anew types it anew."""
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    row = order_page.find_order_page(g.db, program)
    form = OrderPageForm(path=(row.path or row.online_path) if row else "")
    if form.validate_on_submit():
        try:
            film = files_of("video")
            order_page.request_order_page(
                g.db, program, form.path.data or "", who=g.who, pictures=files_of("pictures"),
                video=film[0] if film else b"", account=form.account.data or "", password=form.password.data or "",
                remark=form.remark.data or "",
            )  # fmt: skip
        except AppError as error:
            form.refuse(error)
        else:
            return done(_("正在提交给微信"), _address(program), "info")
    return render(
        "provider/programs/order_page_apply.html", program=program, tab="order_page", form=form, row=row,
        most=MOST_PICTURES, longest=order_page.LONGEST, obstacle=obstacle(program, DEVELOPMENT),
        status=422 if form.is_submitted() else 200,
    )  # fmt: skip


def _address(program: Program) -> str:
    return url_for("provider.show_order_page", program_id=program.id)
