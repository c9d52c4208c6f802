"""Domains, testers, codes and links of many mini programs: what `selection` offers of them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import g
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, SelectField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]

from saas.components.access import list_components
from saas.components.domains import Kind, list_domains, registered
from saas.components.hosts import SCHEMES
from saas.errors import N_
from saas.programs import codes, domains, testers
from saas.programs.codes import FIELDS, CodeForm
from saas.programs.suiting import Suits
from saas.web.forms import TextField, chosen
from saas.web.provider.domains import KINDS
from saas.web.provider.selection import Action, ActionForm, Group, offer


class DomainsActionForm(ActionForm):
    """Begins with all that the provider's component app has registered."""

    def prepare(self) -> None:
        components = list_components(g.db, g.who)
        if self.is_submitted() or len(components) != 1:
            return
        rows = list_domains(g.db, components[0].id)
        for kind in ("requestdomain", "uploaddomain", "downloaddomain"):
            self[kind].data = "\n".join(registered(rows, Kind.SERVER))
        self.webviewdomain.data = "\n".join(registered(rows, Kind.BUSINESS))

    def params(self) -> dict[str, Any]:
        return domains.addition({kind: self[kind].data or "" for kind in SCHEMES})


class RemovalForm(ActionForm):
    """Begins empty: what it names is taken away."""

    def params(self) -> dict[str, Any]:
        return domains.removal({kind: self[kind].data or "" for kind in SCHEMES})


for _kind, _label in KINDS.items():
    for _form in (DomainsActionForm, RemovalForm):
        setattr(_form, _kind, TextAreaField(_l(_label), render_kw={"rows": 4}))


class TestersActionForm(ActionForm):
    __test__ = False
    untold = frozenset({"people"})  # WeChat ids are personal data
    people = TextAreaField(_l("微信号和备注名"), description=_l("一行一人：微信号，空格，备注名"))

    def params(self) -> dict[str, Any]:
        return testers.binding(testers.add_testers(g.db, self.people.data or "", who=g.who))


class LeavingForm(ActionForm):
    tester = SelectField(_l("谁"), [chosen()])

    def prepare(self) -> None:
        self.tester.choices = [
            SelectChoice(str(one.id), f"{one.label} {testers.masked(one.wechat_id)}")
            for one in testers.list_testers(g.db)
        ]

    def params(self) -> dict[str, Any]:
        return testers.unbinding(UUID(self.tester.data))


class CodeActionForm(ActionForm):
    page = TextField(_l("页面路径"))
    scene = TextField(_l("场景值"))
    version = SelectField(
        _l("打开的版本"), choices=[SelectChoice("release", _l("正式版")), SelectChoice("trial", _l("体验版"))]
    )
    unchecked = BooleanField(_l("页面还没有发布也生成"))
    width = TextField(_l("宽度（像素）"), default="430")

    def params(self) -> dict[str, Any]:
        given = {name: self[name].data for name in FIELDS[CodeForm.UNLIMITED] if name in self}
        return codes.making(CodeForm.UNLIMITED, given)


class TrialActionForm(ActionForm):
    page = TextField(_l("页面路径"))
    query = TextField(_l("参数"))

    def params(self) -> dict[str, Any]:
        return codes.making(CodeForm.TRIAL, {name: self[name].data for name in FIELDS[CodeForm.TRIAL]})


for _action in (
    Action(
        "domains", N_("设置域名"), N_("给每个小程序加上这些域名，已有的保留；各用掉本月一次机会。"), domains.CHANGE,
        DomainsActionForm, Suits.DEVELOPMENT,
    ),
    Action(
        "domains_remove", N_("移除域名"), N_("从每个小程序去掉这些域名，下次发布后失效；各用掉本月一次机会。"),
        domains.CHANGE, RemovalForm, Suits.DEVELOPMENT,
    ),
    Action("domains_read", N_("读取域名"), N_("向微信读取已设置的域名。"), domains.READ, suits=Suits.DEVELOPMENT),
    Action(
        "testers", N_("添加体验成员"), N_("同样的人成为每个小程序的体验成员。"), testers.BIND, TestersActionForm,
        Suits.DEVELOPMENT,
    ),
    Action(
        "testers_read", N_("读取体验成员"), N_("向微信读取各小程序现有的体验成员。"), testers.READ,
        suits=Suits.DEVELOPMENT,
    ),
    Action(
        "testers_leave", N_("移除体验成员"), N_("一位体验成员退出选中的小程序，例如同事离职。"), testers.UNBIND,
        LeavingForm, Suits.DEVELOPMENT,
    ),
    Action(
        "trial_codes", N_("取体验二维码"), N_("每个小程序的体验版各一个，保存在各自的“码与链接”里。"), codes.MAKE,
        TrialActionForm, Suits.TRIAL_CODES,
    ),
    Action(
        "codes", N_("生成小程序码"), N_("每个小程序各一个，页面和场景值相同。"), codes.MAKE, CodeActionForm,
        Suits.CODES,
    ),
):  # fmt: skip
    offer(_action, Group.SETUP)
