"""Registrations: the list, the form of each kind, rows of a table, one case with its link, a trial's name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from flask import Response, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from markupsafe import Markup
from wtforms import BooleanField, SelectField, TextAreaField

from saas import clock
from saas.components.access import get_component, list_components, load_component
from saas.config import settings
from saas.errors import N_, AppError, Invalid, NotFound
from saas.programs import registration, registration_import, registration_offiaccount, registration_trials
from saas.programs import registration_results as results
from saas.programs.access import get_program, get_registration
from saas.programs.models import Program
from saas.programs.registration import RUNNING, RegistrationData
from saas.programs.registration_import import RowsRefused
from saas.programs.registration_kinds import KINDS
from saas.programs.registration_models import Registration, RegistrationKind, RegistrationStatus
from saas.programs.suiting import Suits
from saas.tenants import activity
from saas.tenants.access import Verb, require
from saas.tenants.merchants import find_merchants, get_merchant, masked
from saas.tenants.models import Merchant
from saas.web.forms import Form, TextField, at_most
from saas.web.going import done, refused
from saas.web.pages import is_fragment_request, render
from saas.web.provider.batches import SUBJECT_PAGES
from saas.web.provider.blueprint import provider
from saas.web.provider.registration_words import LABELS, PERSON, STATUSES, help_of, label_of, note_on, steps_of
from saas.web.provider.selection import Action, ActionForm, offer
from saas.web.provider.telling import telling_item

_PAGE = 50
_STEPS = (registration.SEND, registration_offiaccount.CREATE)
SUBJECT_PAGES.update(dict.fromkeys(_STEPS, ("provider.show_registration", "registration_id")))


class RegistrationForm(Form):
    component_id = SelectField(_l("第三方平台"))
    name = TextField(validators=[at_most(100)])
    company_code = TextField(validators=[at_most(30)])
    component_phone = TextField(validators=[at_most(24)])
    person_name = TextField(validators=[at_most(60)])
    person_wechat = TextField(validators=[at_most(40)])
    person_openid = TextField(validators=[at_most(60)])
    offiaccount_appid = TextField(validators=[at_most(40)])
    copies_verification = BooleanField()

    def say(self, kind: RegistrationKind) -> None:
        """Label the fields as this kind calls them."""
        for name in LABELS:
            self._fields[name].label.text = label_of(kind, name)

    def read(self) -> RegistrationData:
        """What was filled in; an empty field of what screens never show whole keeps what is known."""
        return RegistrationData(
            name=self.name.data or "", company_code=self.company_code.data or "",
            component_phone=self.component_phone.data or "", person_name=self.person_name.data or None,
            person_wechat=self.person_wechat.data or None, person_openid=self.person_openid.data or None,
            offiaccount_appid=self.offiaccount_appid.data or "", copies_verification=self.copies_verification.data,
        )  # fmt: skip


class ImportForm(Form):
    component_id = SelectField(_l("第三方平台"))
    component_phone = TextField(_l("服务商联系电话"), [at_most(24)])
    rows = TextAreaField(_l("每行一家公司"))


class TrialNameForm(Form):
    name = TextField(_l("新名称"), [at_most(40)])


class CompanyForm(ActionForm):
    """For a selection of mini programs that were prepared here."""

    component_phone = TextField(_l("服务商联系电话（不填则沿用上一次的）"), [at_most(24)])

    def params(self) -> dict[str, Any]:
        return {"component_phone": self.component_phone.data or ""}


offer(
    Action(
        "register", N_("注册企业小程序"),
        N_("给还没有 AppID 的小程序用商家资料提交注册，微信会给出每家法人的确认链接。"),
        registration.REGISTER_COMPANY, CompanyForm, suits=Suits.NO_APPID,
    )
)  # fmt: skip


@provider.get("/registrations")
def list_registrations() -> ResponseReturnValue:
    require(g.who, Verb.VIEW)
    args = request.args
    text, before = args.get("q", "").strip()[:100], args.get("before", type=UUID)
    merchant_id = args.get("merchant", type=UUID)
    status = args.get("status", "") if args.get("status") in {RUNNING, *STATUSES} else ""
    kind = args.get("kind", "") if args.get("kind") in set(KINDS) else ""
    rows = registration.find_registrations(
        g.db, status=status, kind=kind, text=text, merchant_id=merchant_id, before=before, limit=_PAGE + 1
    )
    more, rows = len(rows) > _PAGE, rows[:_PAGE]
    wanted: dict[str, Any] = {"q": text, "status": status, "kind": kind, "merchant": merchant_id}
    kept = {name: value for name, value in wanted.items() if value}
    return render(
        "provider/registrations/list.html", rows=rows, kept=kept, wanted=wanted,
        merchant=get_merchant(g.db, g.who, merchant_id, Verb.VIEW) if merchant_id else None,
        names=registration.merchant_names(g.db, rows), sending=registration.waiting_to_be_sent(g.db, rows),
        statuses=[(RUNNING, _("进行中")), *((key.value, _(label)) for key, (label, _tone, _turn) in STATUSES.items())],
        kinds=[(key.value, _(one.label)) for key, one in KINDS.items()],
        next_url=url_for("provider.list_registrations", before=rows[-1].id, **kept) if more else "",
        first_url=url_for("provider.list_registrations", **kept) if before else "",
    )  # fmt: skip


@provider.get("/registrations/new")
def new_registration() -> ResponseReturnValue:
    """First whose, then how."""
    require(g.who, Verb.WORK)
    text, merchant_id = request.args.get("q", "").strip()[:100], request.args.get("merchant", type=UUID)
    merchant = get_merchant(g.db, g.who, merchant_id, Verb.WORK) if merchant_id else None
    program = _asked_program()
    return render(
        "provider/registrations/new.html", merchant=merchant, program=program, q=text,
        merchants=[] if merchant else find_merchants(g.db, text=text, limit=20),
        kinds=[(key.value, one) for key, one in KINDS.items() if not one.of_trial],
        components=list_components(g.db, g.who),
    )  # fmt: skip


@provider.route("/registrations/new/<kind>", methods=["GET", "POST"])
def add_registration(kind: str) -> ResponseReturnValue:
    require(g.who, Verb.WORK)
    if kind not in set(KINDS):
        raise NotFound()
    chosen, program = RegistrationKind(kind), _asked_program()
    merchant_id = request.args.get("merchant", type=UUID) or (program.merchant_id if program else None)
    if merchant_id is None and program is not None:
        assigning = url_for("provider.assign_program", program_id=program.id)
        return done(_("这个小程序还没有商家，请先指定"), assigning, "warning")
    if merchant_id is None:
        raise NotFound()
    merchant = get_merchant(g.db, g.who, merchant_id, Verb.WORK)
    components = [load_component(g.db, program.component_id)] if program else list_components(g.db, g.who)
    if not components:
        return done(_("请先添加第三方平台"), url_for("provider.list_components"), "warning")
    known = registration.suggest(g.db, components[0], merchant, chosen)
    form = RegistrationForm(data={name: value for name, value in vars(known).items() if name not in PERSON})
    form.say(chosen)
    form.component_id.choices = [(str(one.id), one.name) for one in components]
    if form.validate_on_submit():
        component = get_component(g.db, g.who, UUID(form.component_id.data), Verb.VIEW)
        data = form.read()
        data = replace(data, **{name: getattr(data, name) or getattr(known, name) for name in PERSON})
        try:
            case = registration.add_registration(g.db, component, merchant, chosen, data, who=g.who, program=program)
        except AppError as error:
            form.refuse(error)
        else:
            return done(_("资料已保存，核对后提交"), _address(case))
    return _form(form, chosen, merchant, known, component_id=components[0].id, program=program)


@provider.route("/registrations/<uuid:registration_id>/edit", methods=["GET", "POST"])
def edit_registration(registration_id: UUID) -> ResponseReturnValue:
    case = get_registration(g.db, g.who, registration_id, Verb.WORK)
    kind, known = RegistrationKind(case.kind), RegistrationData(**{name: getattr(case, name) for name in LABELS})
    if not RegistrationStatus(case.status).is_editable:
        return done(_("注册已经提交，等有结果后才能修改"), _address(case), "warning")
    form = RegistrationForm(data={name: value for name, value in vars(known).items() if name not in PERSON})
    form.say(kind)
    del form.component_id
    if form.validate_on_submit():
        try:
            registration.edit_registration(g.db, case, form.read(), who=g.who)
        except AppError as error:
            form.refuse(error)
        else:
            return done(_("已保存，可以重新提交"), _address(case))
    merchant = get_merchant(g.db, g.who, case.merchant_id, Verb.WORK)
    return _form(form, kind, merchant, known, component_id=case.component_id, case=case)


@provider.route("/registrations/import", methods=["GET", "POST"])
def import_registrations() -> ResponseReturnValue:
    require(g.who, Verb.WORK)
    components = list_components(g.db, g.who)
    if not components:
        return done(_("请先添加第三方平台"), url_for("provider.list_components"), "warning")
    form, faults = ImportForm(), []
    form.component_id.choices = [(str(one.id), one.name) for one in components]
    if form.validate_on_submit():
        component = get_component(g.db, g.who, UUID(form.component_id.data), Verb.VIEW)
        try:
            cases = registration_import.import_registrations(
                g.db, component, form.rows.data or "", component_phone=form.component_phone.data or "", who=g.who
            )
        except Invalid as error:
            form.refuse(error)
            faults = [*error.faults] if isinstance(error, RowsRefused) else []
        else:
            text = ngettext("已导入 %(num)d 家，勾选后提交", "已导入 %(num)d 家，勾选后提交", len(cases))
            return done(text, url_for("provider.list_registrations", status=RegistrationStatus.DRAFT.value))
    return render(
        "provider/registrations/import.html", form=form, faults=faults, most=registration_import.MOST_ROWS,
        status=422 if form.is_submitted() else 200,
    )  # fmt: skip


@provider.post("/registrations/start")
def start_registrations() -> ResponseReturnValue:
    require(g.who, Verb.WORK)
    cases = _ticked()
    try:
        batch = registration.start_registrations(g.db, cases, who=g.who)
    except AppError as error:
        return refused(error, _back_to_list())
    text = ngettext("已开始提交，共 %(num)d 个", "已开始提交，共 %(num)d 个", batch.total)
    if left_out := len(cases) - batch.total:
        text += ngettext("；另有 %(num)d 个现在不能提交", "；另有 %(num)d 个现在不能提交", left_out)
    return done(text, url_for("provider.show_batch", batch_id=batch.id), "info")


@provider.post("/registrations/mail")
def mail_registration_links() -> ResponseReturnValue:
    require(g.who, Verb.WORK)
    cases = _ticked()
    try:
        mailed = registration.mail_links(g.db, cases, who=g.who)
    except AppError as error:
        return refused(error, _back_to_list())
    text = ngettext("已发出 %(num)d 封邮件", "已发出 %(num)d 封邮件", mailed)
    if left_out := len(cases) - mailed:
        text += ngettext(
            "；另有 %(num)d 个没有可用的链接或联系邮箱", "；另有 %(num)d 个没有可用的链接或联系邮箱", left_out
        )
    return done(text, _back_to_list())


@provider.get("/registrations/<uuid:registration_id>")
def show_registration(registration_id: UUID) -> ResponseReturnValue:
    return _show(get_registration(g.db, g.who, registration_id, Verb.VIEW))


@provider.post("/registrations/<uuid:registration_id>/person")
def reveal_registration_person(registration_id: UUID) -> ResponseReturnValue:
    """Answers the page itself, so that the names are neither in an address nor in a stored message."""
    case = get_registration(g.db, g.who, registration_id, Verb.WORK)
    return _show(case, person=registration.reveal_person(g.db, case, who=g.who))


@provider.post("/registrations/<uuid:registration_id>/start")
def start_registration(registration_id: UUID) -> ResponseReturnValue:
    case = get_registration(g.db, g.who, registration_id, Verb.WORK)
    return _do(case, registration.start_registration, _("正在提交给微信"))


@provider.post("/registrations/<uuid:registration_id>/ask")
def ask_about_registration(registration_id: UUID) -> ResponseReturnValue:
    case = get_registration(g.db, g.who, registration_id, Verb.WORK)
    return _do(case, results.ask_now, _("正在向微信查询"))


@provider.post("/registrations/<uuid:registration_id>/mail")
def mail_registration_link(registration_id: UUID) -> ResponseReturnValue:
    case = get_registration(g.db, g.who, registration_id, Verb.WORK)
    return _do(case, registration.mail_link, _("已把链接发到商家的联系邮箱"))


@provider.route("/registrations/<uuid:registration_id>/cancel", methods=["GET", "POST"])
def cancel_registration(registration_id: UUID) -> ResponseReturnValue:
    case = get_registration(g.db, g.who, registration_id, Verb.WORK)
    if request.method == "POST":
        return _do(case, registration.cancel_registration, _("已取消"))
    return render("provider/registrations/cancel.html", case=case)


@provider.post("/registrations/<uuid:registration_id>/lend")
def open_lending_page(registration_id: UUID) -> ResponseReturnValue:
    """On to WeChat's page, which looks at the site it was opened from."""
    case = get_registration(g.db, g.who, registration_id, Verb.WORK)
    back = settings().public_url + url_for("provider.take_lending_ticket", registration_id=case.id)
    try:
        return redirect(registration_offiaccount.lending_page(g.db, case, return_to=back, who=g.who), code=303)
    except AppError as error:
        return refused(error, _address(case))


@provider.get("/registrations/<uuid:registration_id>/ticket")
def take_lending_ticket(registration_id: UUID) -> ResponseReturnValue:
    """WeChat sends the browser back here; the ticket does not stay in the address."""
    case = get_registration(g.db, g.who, registration_id, Verb.WORK)
    try:
        registration_offiaccount.take_ticket(g.db, case, request.args.get("ticket", ""), who=g.who)
    except AppError as error:
        return refused(error, _address(case))
    return done(_("公众号管理员已同意，正在创建小程序"), _address(case), "info")


@provider.route("/programs/<uuid:program_id>/registration", methods=["GET", "POST"])
def show_program_registration(program_id: UUID) -> ResponseReturnValue:
    """How the mini program came about; a trial's name can be changed here."""
    program = get_program(g.db, g.who, program_id, Verb.WORK if request.method == "POST" else Verb.VIEW)
    form = TrialNameForm()
    if form.validate_on_submit():
        try:
            registration_trials.rename_trial(g.db, program, form.name.data or "", who=g.who)
        except AppError as error:
            form.refuse(error)
        else:
            address = url_for("provider.show_program_registration", program_id=program.id)
            return done(_("正在修改名称"), address, "info")
    return render(
        "provider/registrations/program.html", program=program, tab="registration", form=form,
        cases=registration.registrations_of(g.db, program), is_trial=registration_trials.is_trial(g.db, program),
        ends_at=results.trial_ends_at(g.db, program), now=clock.now(),
        item=telling_item(program.id, [registration_trials.RENAME, registration.REGISTER_COMPANY]),
        status=422 if form.is_submitted() else 200,
    )  # fmt: skip


def _show(case: Registration, *, person: dict[str, str] | None = None) -> Response:
    status, item = RegistrationStatus(case.status), telling_item(case.id, _STEPS)
    moves = status.is_open or status is RegistrationStatus.SENDING or (item is not None and item.is_open)
    shown = person or {name: masked(getattr(case, name)) for name in PERSON}
    kind, merchant = RegistrationKind(case.kind), get_merchant(g.db, g.who, case.merchant_id, Verb.VIEW)
    context: dict[str, Any] = {
        "case": case, "kind": KINDS[kind], "state": status, "moves": moves, "item": item,
        "merchant": merchant, "merchant_link": Markup('<a href="{}">{}</a>').format(
            url_for("provider.show_merchant", merchant_id=merchant.id), merchant.name
        ),
        "component": load_component(g.db, case.component_id),
        "program": get_program(g.db, g.who, case.program_id, Verb.VIEW) if case.program_id else None,
        "person": [(label_of(kind, name), text) for name, text in shown.items() if text],
        "person_is_shown": person is not None, "note": note_on(case),
        "labels": {name: label_of(kind, name) for name in LABELS},
        "hindrance": registration.hindrance(g.db, case) if status.is_editable else "",
        "budget": registration.budget_of(g.db, case), "steps": steps_of(case),
        "activities": activity.list_activities(g.db, object_id=case.id, limit=20),
        "statuses": {key.value: _(label) for key, (label, _tone, _turn) in STATUSES.items()},
    }  # fmt: skip
    response = render("provider/registrations/show.html", block="state", **context)
    if is_fragment_request() and not moves:
        response.headers["HX-Refresh"] = "true"
    return response


def _form(
    form: RegistrationForm, kind: RegistrationKind, merchant: Merchant, known: RegistrationData, *,
    component_id: UUID, case: Registration | None = None, program: Program | None = None,
) -> ResponseReturnValue:  # fmt: skip
    helps = {name: help_of(kind, name, known) for name in KINDS[kind].fields}
    if kind is RegistrationKind.OFFIACCOUNT:
        accounts = registration_offiaccount.known_accounts(g.db, component_id)
        told = _("、").join(f"{one.name} {one.appid}" for one in accounts)
        helps["offiaccount_appid"] += " " + _("已授权的公众号：%(names)s", names=told) if told else ""
    return render(
        "provider/registrations/edit.html", form=form, kind=KINDS[kind], key=kind.value, merchant=merchant, case=case,
        program=program, helps=helps, status=422 if form.is_submitted() else 200,
    )  # fmt: skip


def _do(case: Registration, service: Any, text: str) -> ResponseReturnValue:
    try:
        service(g.db, case, who=g.who)
    except AppError as error:
        return refused(error, _address(case))
    return done(text, _address(case), "info")


def _asked_program() -> Program | None:
    program_id = request.args.get("program", type=UUID)
    return get_program(g.db, g.who, program_id, Verb.WORK) if program_id else None


def _ticked() -> list[Registration]:
    ids = [UUID(one) for one in request.form.getlist("id")[:_PAGE] if _is_id(one)]
    return registration.select_registrations(g.db, ids)


def _back_to_list() -> str:
    return url_for("provider.list_registrations", status=request.args.get("status") or None)


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _address(case: Registration) -> str:
    return url_for("provider.show_registration", registration_id=case.id)
