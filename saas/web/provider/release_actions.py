"""Code and release of many mini programs: what `selection` offers of it, and the pre-audit check of a selection."""

from __future__ import annotations

from typing import Any

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, IntegerField, SelectField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import DataRequired

from saas.components.access import list_components
from saas.errors import N_, Invalid
from saas.programs.suiting import Suits
from saas.releases import bulk, phasing, serving, templates
from saas.releases.checks import check_programs
from saas.tenants.access import Verb, require
from saas.web.forms import TextField, at_most, chosen, required
from saas.web.going import done
from saas.web.pages import render
from saas.web.provider.audits import RELEASES
from saas.web.provider.blueprint import provider
from saas.web.provider.release_pieces import template_name
from saas.web.provider.selection import Action, ActionForm, Group, Lead, Selection, lead_to, offer

_PAGE = 50


class UploadForm(ActionForm):
    """Blank fields take the template's own."""

    template = SelectField(_l("模板"), [chosen()])
    user_version = TextField(_l("版本号（留空用模板的）"), [at_most(64)])
    description = TextField(_l("版本说明（留空用模板的）"), [at_most(500)])

    def prepare(self) -> None:
        self.known = {}
        self.template.choices = []
        for component in list_components(g.db, g.who):
            for row in templates.list_templates(g.db, component.id):
                self.known[str(row.id)] = row
                self.template.choices.append(
                    SelectChoice(str(row.id), template_name(row), optgroup=component.name)
                )  # fmt: skip

    def params(self) -> dict[str, Any]:
        row = self.known[self.template.data]
        version, text = self.user_version.data or row.user_version, self.description.data or row.description
        if not version:
            raise Invalid(N_("请填写版本号"), field="user_version")
        if not text:
            raise Invalid(N_("请填写版本说明"), field="description")
        return {"template": str(row.id), "user_version": version, "description": text}


class SubmitForm(ActionForm):
    version_desc = TextAreaField(_l("给审核员的说明（留空用各自上次的）"), [at_most(500)])
    release = SelectField(_l("审核通过后"), choices=RELEASES)

    def params(self) -> dict[str, Any]:
        return {
            "version_desc": (self.version_desc.data or "").strip(), "releases_itself": self.release.data == "auto",
        }  # fmt: skip


class SureForm(ActionForm):
    """For what cannot be undone by another click."""

    untold = frozenset({"sure"})
    sure = BooleanField(_l("我知道后果，对选中的小程序执行"), [DataRequired(_l("请先勾选确认"))])


class RollBackForm(SureForm):
    version = TextField(_l("回退到版本（留空回到各自的上一个）"), [at_most(64)])

    def params(self) -> dict[str, Any]:
        return {"version": self.version.data or ""}


class PhaseForm(ActionForm):
    percent = IntegerField(_l("用户比例（%）"))
    developers = BooleanField(_l("项目成员先收到"))
    testers = BooleanField(_l("体验成员先收到"))

    def params(self) -> dict[str, Any]:
        return phasing.read_share(
            self.percent.data, developers=self.developers.data, testers=self.testers.data
        )  # fmt: skip


class LibraryForm(ActionForm):
    version = TextField(_l("最低基础库版本"), [required()])

    def params(self) -> dict[str, Any]:
        return {"version": serving.read_library_version(self.version.data or "")}


for action in (
    Action(
        "upload", N_("上传代码"), N_("把一个模板上传成选中小程序的体验版，变量用各自的值。缺少变量的会列为失败。"),
        bulk.UPLOAD, UploadForm, Suits.DEVELOPMENT,
    ),
    Action(
        "submit", N_("提交审核"), N_("按各自上次的内容提交现在的体验版。每个用掉本月一次提审额度；已在审核的跳过。"),
        bulk.SUBMIT, SubmitForm, Suits.DEVELOPMENT,
    ),
    Action(
        "undo", N_("撤回审核"), N_("撤回正在审核的版本。提审额度不退，每个小程序每天 5 次、每月 10 次。"),
        bulk.UNDO, SureForm, Suits.DEVELOPMENT,
    ),
    Action(
        "release", N_("发布"), N_("把审核通过的版本发布给所有用户。已经发布的跳过。"), bulk.RELEASE, SureForm,
        Suits.DEVELOPMENT,
    ),
    Action(
        "phase", N_("灰度发布"), N_("把审核通过的版本先发给一部分用户。比例只能加大。"),
        phasing.PHASE, PhaseForm, Suits.DEVELOPMENT,
    ),
    Action(
        "phase_cancel", N_("取消灰度发布"), N_("已收到新版本的用户回到线上版。"), phasing.CANCEL, SureForm,
        Suits.DEVELOPMENT,
    ),
    Action(
        "roll_back", N_("版本回退"), N_("马上回到以前发布过的版本。现在的线上版本要重新上传、审核才能再用。"),
        bulk.ROLL_BACK, RollBackForm, Suits.DEVELOPMENT,
    ),
    Action(
        "suspend", N_("暂停服务"), N_("所有用户马上打不开小程序，随时可以恢复。"), serving.SUSPEND, SureForm,
        Suits.DEVELOPMENT,
    ),
    Action(
        "code_state", N_("读取代码状态"), N_("向微信读取体验版、审核、线上版和能提交的类目。"), bulk.READ,
        suits=Suits.DEVELOPMENT,
    ),
    Action("resume", N_("恢复服务"), N_("所有用户马上又能打开线上版。"), serving.RESUME, ActionForm, Suits.DEVELOPMENT),
    Action(
        "library", N_("设置最低基础库版本"), N_("基础库更旧的用户打不开小程序，微信会请他们升级。"),
        serving.SET_LIBRARY, LibraryForm, Suits.DEVELOPMENT,
    ),
):  # fmt: skip
    offer(action, Group.CODE)
lead_to(Lead(N_("提交前检查"), N_("不用额度，列出每个小程序会被微信拒绝的问题。"), "provider.check_selection"))


@provider.get("/programs/selection/checks")
def check_selection() -> ResponseReturnValue:
    """A page of the selection, each mini program with the lines that would fail."""
    require(g.who, Verb.WORK)
    selection = Selection.read()
    ids = selection.program_ids()
    if not ids:
        return done(_("请先勾选小程序"), url_for("provider.list_programs"), "warning")
    number = max(request.args.get("page", 1, type=int), 1)
    return render(
        "provider/programs/checks.html", rows=check_programs(g.db, ids[(number - 1) * _PAGE : number * _PAGE]),
        count=len(ids), back=selection.address("provider.choose_action"),
        submit_url=selection.address("provider.start_action", action="submit"),
        next_url=selection.address("provider.check_selection", page=number + 1) if number * _PAGE < len(ids) else "",
        first_url=selection.address("provider.check_selection") if number > 1 else "",
    )  # fmt: skip
