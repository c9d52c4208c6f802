"""Codes and links of one mini program: made by WeChat on request, shown, downloaded, kept."""

from __future__ import annotations

from tempfile import SpooledTemporaryFile
from typing import Any
from uuid import UUID

from flask import Response, g, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, SelectField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]

from saas.batches.access import get_batch
from saas.batches.models import Batch
from saas.components.budgets import left_in_bulk
from saas.errors import N_, AppError, NotFound
from saas.programs import codes
from saas.programs.access import get_code, get_program
from saas.programs.changing import obstacle
from saas.programs.codes import BUDGETS, FIELDS, CodeForm
from saas.programs.models import Program
from saas.tenants.access import Verb
from saas.tenants.stored_files import load_file, read_file
from saas.web.forms import Form, TextField
from saas.web.going import done
from saas.web.pages import render
from saas.web.provider.blueprint import provider
from saas.web.provider.telling import telling_item

FORMS = {
    CodeForm.TRIAL: (N_("体验二维码"), N_("打开体验版，只有体验成员能扫")),
    CodeForm.UNLIMITED: (N_("小程序码"), N_("数量不限，用 32 个字符以内的场景值区分，适合桌贴、海报")),
    CodeForm.LIMITED: (N_("小程序码（带参数）"), N_("可带很长的参数，一个小程序总共 10 万个，用掉不退")),
    CodeForm.URL_LINK: (N_("URL Link"), N_("https 链接，用于短信、邮件和微信外的网页，最长 30 天")),
    CodeForm.SCHEME: (N_("URL Scheme"), N_("weixin:// 链接，最长 30 天；有的浏览器会拦截")),
    CodeForm.SHORT_LINK: (N_("短链"), N_("#小程序:// 文字，在微信聊天里点开")),
}


class CodeSettingsForm(Form):
    page = TextField(_l("页面路径"))
    query = TextField(_l("参数"))
    scene = TextField(_l("场景值"))
    version = SelectField(
        _l("打开的版本"), choices=[SelectChoice("release", _l("正式版")), SelectChoice("trial", _l("体验版"))]
    )
    unchecked = BooleanField(_l("页面还没有发布也生成"))
    width = TextField(_l("宽度（像素）"))
    colour = TextField(_l("线条颜色"))
    transparent = BooleanField(_l("透明底色"))
    days = TextField(_l("有效天数"))
    title = TextField(_l("标题"))
    permanent = BooleanField(_l("长期有效（总共 10 万个）"))


_PAGE = 60
_FIRST: dict[str, Any] = {"version": "release", "width": "430", "days": "30"}


@provider.get("/programs/<uuid:program_id>/codes")
def show_codes(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.VIEW)
    item = telling_item(program.id, codes.STEPS)
    return render(
        "provider/programs/codes.html", program=program, tab="codes", forms=FORMS, item=item,
        codes=codes.list_codes(g.db, program), obstacle=obstacle(program),
        hindered={kind: codes.hindrance(program, kind) for kind in CodeForm},
        again=item.input.get("form") if item and not item.is_open else "",
    )  # fmt: skip


@provider.route("/programs/<uuid:program_id>/codes/new/<form_name>", methods=["GET", "POST"])
def make_code(program_id: UUID, form_name: str) -> ResponseReturnValue:
    """After a refusal of WeChat the form holds what was typed before."""
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    if form_name not in set(CodeForm):
        raise NotFound()
    kind = CodeForm(form_name)
    form = CodeSettingsForm(**_FIRST | _before(program, kind))
    for field in [field.name for field in form if field.name not in (*FIELDS[kind], "csrf_token")]:
        del form[field]
    if form.validate_on_submit():
        try:
            given = {field: form[field].data for field in FIELDS[kind]}
            codes.start_making(g.db, program, kind, given, who=g.who)
        except AppError as error:
            form.refuse(error)
        else:
            return done(_("正在请微信生成"), url_for("provider.show_codes", program_id=program.id), "info")
    return render(
        "provider/programs/code_new.html", program=program, tab="codes", form=form, kind=kind, forms=FORMS,
        obstacle=codes.hindrance(program, kind), fields=FIELDS[kind],
        budgets=left_in_bulk(g.db, [program], BUDGETS.get(kind, ())).values(),
        status=422 if form.is_submitted() else 200,
    )  # fmt: skip


@provider.get("/codes/<uuid:code_id>/picture")
def code_picture(code_id: UUID) -> ResponseReturnValue:
    _program, code = get_code(g.db, g.who, code_id, Verb.VIEW)
    row = load_file(g.db, code.file_id)
    response = Response(read_file(row), content_type=row.content_type)
    response.headers["Cache-Control"] = "private, max-age=86400"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    if "download" in request.args:
        response.headers.set("Content-Disposition", "attachment", filename=row.name)
    return response


@provider.route("/codes/<uuid:code_id>/delete", methods=["GET", "POST"])
def delete_code(code_id: UUID) -> ResponseReturnValue:
    program, code = get_code(g.db, g.who, code_id, Verb.WORK)
    form = Form()
    if form.validate_on_submit():
        codes.delete_code(g.db, program, code, who=g.who)
        return done(_("已删除"), url_for("provider.show_codes", program_id=program.id))
    return render("provider/programs/code_delete.html", program=program, tab="codes", code=code, forms=FORMS)


@provider.app_template_global()
def codes_url(batch: Batch) -> str:
    """The page of all codes and links that a batch made, "" for other batches."""
    return url_for("provider.show_batch_codes", batch_id=batch.id) if batch.step in codes.STEPS else ""


@provider.get("/batches/<uuid:batch_id>/codes")
def show_batch_codes(batch_id: UUID) -> ResponseReturnValue:
    batch = get_batch(g.db, g.who, batch_id)
    after = request.args.get("after", type=UUID)
    made = codes.codes_of_batch(g.db, batch, after=after, limit=_PAGE + 1)
    more, made = len(made) > _PAGE, made[:_PAGE]
    here = url_for("provider.show_batch_codes", batch_id=batch.id)
    return render(
        "provider/batches/codes.html", batch=batch, made=made, forms=FORMS, most=codes.MOST_PACKED,
        pictures=any(code.file_id for _item, code in made),
        next_url=f"{here}?after={made[-1][0].id}" if more else "", first_url=here if after else "",
    )  # fmt: skip


@provider.get("/batches/<uuid:batch_id>/codes.zip")
def download_batch_codes(batch_id: UUID) -> ResponseReturnValue:
    batch = get_batch(g.db, g.who, batch_id)
    file = SpooledTemporaryFile(max_size=4 << 20)  # noqa: SIM115 - closed when it was sent
    codes.pack_pictures(g.db, batch, file, note=(_("缺少的图片.txt"), _("下面这些小程序的码图片已丢失，请重新生成：")))
    file.seek(0)
    name = f"codes-{batch.created_at:%Y%m%d-%H%M}.zip"
    return send_file(file, mimetype="application/zip", as_attachment=True, download_name=name)


def _before(program: Program, kind: CodeForm) -> dict[str, Any]:
    item = telling_item(program.id, codes.STEPS)
    refused = item is not None and not item.is_open and item.input["form"] == kind
    return dict(item.input["settings"]) if refused and item else {}
