"""Tables in and out: the list as CSV or Excel; a table of mini programs and subjects, checked, shown and taken over."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import Response, g, request, send_file, stream_with_context, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField
from wtforms import SelectField

from saas import clock
from saas.components.access import get_component, list_components
from saas.db import tenant_session
from saas.errors import N_, AppError, Invalid, NotFound
from saas.programs import exporting, importing, listing
from saas.programs.exporting import Exported
from saas.programs.importing import COLUMNS, FILE_KIND, MOST_ROWS
from saas.programs.listing import MOST_SELECTED
from saas.programs.words import Step, Word
from saas.tables import write_csv, write_xlsx
from saas.tenants.access import Verb, require
from saas.tenants.stored_files import claim_file, drop_file, drop_files_before, keep_file, read_file
from saas.web.forms import Form, chosen
from saas.web.going import done
from saas.web.pages import render
from saas.web.provider.blueprint import provider
from saas.web.provider.merchants import CODE_TYPES
from saas.web.provider.program_filters import members, turn_name
from saas.web.provider.selection import Lead, Selection, lead_to

_EXPORTED = (
    N_("AppID"),
    N_("小程序名称"),
    N_("商家名称"),
    N_("公司名称"),
    N_("企业代码"),
    N_("代码类型"),
    N_("联系人"),
    N_("标签"),
    N_("负责人"),
    N_("备注"),
    N_("授权"),
    N_("进度"),
    N_("轮到谁"),
    N_("认证"),
    N_("备案"),
    N_("线上版本"),
    N_("体验版本"),
    N_("授权时间"),
)
_AUTHORIZATIONS = {"authorized": N_("已授权"), "unauthorized": N_("已取消授权"), "lost": N_("授权已失效")}

for _form_name, _label in (("csv", N_("导出 CSV")), ("xlsx", N_("导出 Excel"))):
    lead_to(Lead(_label, N_("下载一张表格，不含电话和法人资料。"), "provider.export_programs", {"form": _form_name}))


class TableForm(Form):
    component = SelectField(_l("新办理的小程序属于哪个第三方平台"), validators=[chosen()])
    file = FileField(_l("表格文件"))


@provider.get("/programs/export")
def export_programs() -> ResponseReturnValue:
    """The list as its filter or the ticked ones say; `form` is csv or xlsx. Whole phone numbers and legal persons stay
    here."""
    require(g.who, Verb.VIEW)
    selection, name = Selection.read(), f"programs-{clock.now():%Y%m%d-%H%M}"
    ids = listing.select_ids(g.db, selection.wanted, most=None) if selection.wanted else selection.program_ids()
    rows = _exported(g.who.provider_id, ids)
    if request.args.get("form") == "xlsx":
        if len(ids) > MOST_SELECTED:
            text = _("Excel 表格一次最多 %(num)s 行，更多请导出 CSV", num=MOST_SELECTED)
            kept: dict[str, Any] = selection.wanted.parts() if selection.wanted else {}
            return done(text, url_for("provider.list_programs", **kept), "warning")
        file = io.BytesIO()
        write_xlsx(rows, file)
        file.seek(0)
        return send_file(file, download_name=f"{name}.xlsx", as_attachment=True)
    response = Response(stream_with_context(write_csv(rows)), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _exported(provider_id: UUID, ids: list[UUID]) -> Iterator[list[Any]]:
    """In a session of its own: it is read while the answer goes out."""
    owners = {member.user_id: member.name or member.email for member in members()}
    zone = ZoneInfo(g.time_zone)
    yield [_(heading) for heading in _EXPORTED]
    with tenant_session(provider_id) as db:
        for one in exporting.export_programs(db, ids):
            yield _cells(one, owners, zone)


def _cells(one: Exported, owners: dict[UUID, str], zone: ZoneInfo) -> list[Any]:
    program, merchant = one.program, one.merchant
    code_type = CODE_TYPES.get(merchant.company_code_type or 0, "") if merchant else ""
    certify, file = one.steps.get(Step.CERTIFY), one.steps.get(Step.FILE)
    return [
        program.appid, program.name, merchant.name if merchant else "",
        (merchant.company_name if merchant else "") or program.company_name, merchant.company_code if merchant else "",
        _(code_type) if code_type else "", merchant.contact_name if merchant else "", "、".join(one.tags),
        owners.get(program.owner_id, "") if program.owner_id else "", one.note,
        _(_AUTHORIZATIONS[program.authorization]), _(Word(program.stage).label), turn_name(program.turn),
        _(Word(certify.word).label) if certify else "",
        _(Word(file.word).label) if file else "", program.online_version, program.trial_version,
        program.authorized_at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") if program.authorized_at else "",
    ]  # fmt: skip


@provider.get("/programs/import/template")
def import_template() -> ResponseReturnValue:
    """An empty table with the right headings."""
    require(g.who, Verb.WORK)
    file = io.BytesIO()
    write_xlsx([[_(label) for label in COLUMNS.values()]], file)
    file.seek(0)
    return send_file(file, download_name="programs-template.xlsx", as_attachment=True)


@provider.route("/programs/import", methods=["GET", "POST"])
def import_programs() -> ResponseReturnValue:
    require(g.who, Verb.WORK)
    form, table = _form(), None
    if form.validate_on_submit():
        content = form.file.data.read() if form.file.data else b""
        try:
            if not content:
                raise Invalid(N_("请选择文件"), field="file")
            table = _check(content)
            if not table.faults:
                return _preview(form, table, content)
        except AppError as error:
            form.refuse(error)
    status = 422 if form.is_submitted() else 200
    return render(
        "provider/programs/import.html", form=form, table=table, columns=COLUMNS, most=MOST_ROWS, status=status
    )


@provider.post("/programs/import/<uuid:file_id>")
def apply_import(file_id: UUID) -> ResponseReturnValue:
    """Take over what the preview showed; what has changed meanwhile is checked again."""
    require(g.who, Verb.WORK)
    row = claim_file(g.db, file_id)
    if row.kind != FILE_KIND:
        raise NotFound()
    component_id = request.form.get("component", type=UUID)
    if component_id is None:
        raise NotFound()
    component = get_component(g.db, g.who, component_id, Verb.VIEW)
    table, form = _check(read_file(row)), _form()
    try:
        counts = importing.apply_table(g.db, table, component, who=g.who)
    except AppError as error:
        form.refuse(error)
        return render(
            "provider/programs/import.html", form=form, table=table, columns=COLUMNS, most=MOST_ROWS, status=422
        )
    drop_file(g.db, row)
    text = _("已导入：更新 %(programs)s 个小程序，新办理 %(new)s 个，新增 %(new_merchants)s 个商家", **counts)
    return done(text, url_for("provider.list_programs"))


def _form() -> TableForm:
    form = TableForm()
    form.component.choices = [(str(one.id), one.name) for one in list_components(g.db, g.who)]
    return form


def _check(content: bytes) -> importing.Table:
    headings = {text: key for key, label in COLUMNS.items() for text in (label, _(label))}
    return importing.check_table(g.db, content, headings=headings, owners=_owners())


def _owners() -> dict[str, tuple[UUID, str] | None]:
    """The members by name, None where several have it, and by address: nobody else's name gets in its way."""
    people = [(member, (member.user_id, member.name or member.email)) for member in members()]
    owners: dict[str, tuple[UUID, str] | None] = {}
    for member, owner in people:
        name = member.name.casefold()
        owners[name] = None if name in owners else owner
    return owners | {member.email.casefold(): owner for member, owner in people}


def _preview(form: TableForm, table: importing.Table, content: bytes) -> ResponseReturnValue:
    """Keep the file sealed until it is confirmed; one that nobody confirmed is forgotten with the next, or in a day."""
    drop_files_before(g.db, FILE_KIND, clock.now() - timedelta(hours=1))
    row = keep_file(g.db, g.who.provider_id, FILE_KIND, content, content_type="application/octet-stream")
    return render(
        "provider/programs/import_preview.html", table=table, columns=COLUMNS, file_id=row.id,
        component_id=form.component.data, new=sum(one.is_new for one in table.rows),
    )  # fmt: skip
