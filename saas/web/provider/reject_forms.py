"""What is filled in on the reject desk: a resubmission of many, and why something is set aside."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from flask import g
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, MultipleFileField, SelectField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]

from saas.errors import N_, Invalid
from saas.releases.previews import Files
from saas.releases.resubmission import Changes, categories_of
from saas.web.forms import Form, TextField, at_most
from saas.web.provider.audits import METHODS, RELEASES, SCENES, Checkboxes, sent_files


class ResubmitForm(Form):
    """What is left blank stays as each mini program's last submission was."""

    feedback = TextAreaField(_l("对不通过原因的回应"), [at_most(200)])
    feedback_files = MultipleFileField(_l("整改截图"))
    version_desc = TextAreaField(_l("给审核员的说明"), [at_most(500)])
    files = MultipleFileField(_l("预览图片或视频"))
    category = SelectField(_l("服务类目"), validate_choice=False)
    address = TextField(_l("页面"), [at_most(128)])
    title = TextField(_l("页面标题"), [at_most(32)])
    tag = TextField(_l("标签"), [at_most(220)])
    order_path = TextField(_l("订单中心页面"), [at_most(128)])
    privacy_not_used = BooleanField(_l("声明这一版不使用检测到的隐私接口"))
    ugc = BooleanField(_l("改填用户发布内容的声明"))
    ugc_scenes = Checkboxes(_l("用户能发布哪些内容"), coerce=int, choices=SCENES)
    ugc_methods = Checkboxes(_l("怎样审核"), coerce=int, choices=METHODS)
    ugc_team = BooleanField(_l("有专门的审核团队"))
    ugc_description = TextAreaField(_l("审核机制说明"), [at_most(256)])
    release = SelectField(_l("审核通过后"), choices=RELEASES, default="hold")

    def prepare(self, program_ids: Collection[UUID]) -> None:
        found = categories_of(g.db, program_ids)
        self.known = {key for key, _name, _count in found}
        choices = [
            SelectChoice(key, _("%(name)s（%(count)d 个有）", name=name, count=count)) for key, name, count in found
        ]
        self.category.choices = [SelectChoice("", _("沿用各自上次的")), *choices]

    @property
    def changes(self) -> Changes:
        """Without the files, which are stored first; raises Invalid at a field."""
        return Changes(
            feedback=_text(self.feedback), version_desc=_text(self.version_desc), address=_text(self.address),
            category=self.category.data if self.category.data in self.known else "", title=_text(self.title),
            tag=_text(self.tag), order_path=_text(self.order_path), privacy_not_used=self.privacy_not_used.data,
            ugc=self._ugc() if self.ugc.data else None, releases_itself=self.release.data == "auto",
        )  # fmt: skip

    @property
    def sent(self) -> dict[str, Files]:
        return {"files": sent_files(self.files.data), "feedback_files": sent_files(self.feedback_files.data)}

    def _ugc(self) -> dict[str, Any]:
        scenes, methods = self.ugc_scenes.data or [], self.ugc_methods.data or []
        if not scenes:
            raise Invalid(N_("请选择用户能在哪些地方发布内容"), field="ugc_scenes")
        if 0 not in scenes and not methods:
            raise Invalid(N_("请选择怎样审核用户发布的内容"), field="ugc_methods")
        return {
            "scenes": scenes, "methods": methods, "has_audit_team": self.ugc_team.data,
            "description": _text(self.ugc_description),
        }  # fmt: skip


class AsideForm(Form):
    note = TextAreaField(_l("为什么搁置"), [at_most(500)])


def _text(field: Any) -> str:
    return (field.data or "").strip()
