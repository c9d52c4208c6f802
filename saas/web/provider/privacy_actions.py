"""Privacy and order pages of many mini programs: what `selection` offers of them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import g
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, FileField, MultipleFileField, SelectField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]

from saas.errors import N_
from saas.programs import order_page, privacy, privacy_interfaces, privacy_templates
from saas.programs.suiting import Suits
from saas.tenants.access import Verb
from saas.web.forms import TextField, chosen
from saas.web.provider.privacy import FILM
from saas.web.provider.privacy_words import INTERFACES
from saas.web.provider.profile import PICTURES, files_of
from saas.web.provider.selection import Action, ActionForm, Group, offer


class PrivacyTemplateForm(ActionForm):
    template = SelectField(_l("隐私模板"), [chosen()])
    only_used = BooleanField(_l("只写代码用到的信息"), default=True)

    def prepare(self) -> None:
        self.template.choices = [
            SelectChoice(str(one.id), one.name) for one in privacy_templates.list_templates(g.db)
        ]  # fmt: skip

    def params(self) -> dict[str, Any]:
        row = privacy_templates.get_template(g.db, g.who, UUID(self.template.data), Verb.WORK)
        return {"template": str(row.id), "only_used": self.only_used.data}


class InterfaceActionForm(ActionForm):
    name = SelectField(_l("接口"), [chosen()])
    content = TextAreaField(_l("在什么场景、为什么使用"), render_kw={"rows": 4})
    pictures = MultipleFileField(_l("使用场景的截图"), render_kw=PICTURES)
    video = FileField(_l("使用场景的视频"), render_kw=FILM)
    pages = TextAreaField(_l("说明网页"), render_kw={"rows": 2})

    def prepare(self) -> None:
        self.name.choices = [SelectChoice(name, f"{_(word)} {name}") for name, word in INTERFACES.items()]

    def params(self) -> dict[str, Any]:
        film = files_of(self.video.name)
        return privacy_interfaces.application(
            g.db, self.name.data, who=g.who, content=self.content.data or "", pages=self.pages.data or "",
            pictures=files_of(self.pictures.name), video=film[0] if film else b"",
        )  # fmt: skip


class OrderPageActionForm(ActionForm):
    path = TextField(_l("页面路径"))
    pictures = MultipleFileField(_l("页面截图"), render_kw=PICTURES)
    video = FileField(_l("操作视频"), render_kw=FILM)

    def params(self) -> dict[str, Any]:
        film = files_of(self.video.name)
        return order_page.application(
            g.db, self.path.data or "", who=g.who, pictures=files_of(self.pictures.name),
            video=film[0] if film else b"",
        )  # fmt: skip


for _action in (
    Action(
        "privacy_template", N_("套用隐私模板"), N_("改写每个小程序开发版的隐私指引，用户在下次发布后看到。"),
        privacy.APPLY_TEMPLATE, PrivacyTemplateForm, Suits.DEVELOPMENT,
    ),
    Action(
        "privacy_read", N_("读取隐私设置"), N_("向微信读取隐私指引、代码用到的信息和地理位置接口。"),
        privacy.READ, suits=Suits.DEVELOPMENT,
    ),
    Action(
        "privacy_interface", N_("申请地理位置接口"), N_("给还没有开通的小程序用同样的说明申请，由微信审核。"),
        privacy_interfaces.APPLY, InterfaceActionForm, Suits.DEVELOPMENT,
    ),
    Action(
        "order_page", N_("申请订单页"), N_("每个小程序的订单页路径相同，由微信审核。"), order_page.APPLY,
        OrderPageActionForm, Suits.DEVELOPMENT,
    ),
):  # fmt: skip
    offer(_action, Group.SETUP)
