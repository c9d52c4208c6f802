"""Draft box and template library of a component app (代码模板管理)."""

from __future__ import annotations

from typing import Literal, TypedDict

from saas.wx.api.categories import AuditCategory
from saas.wx.chapter import Chapter, Done


class Draft(TypedDict, total=False):
    """`draft_id` is text; `create_time` is Unix seconds of the upload."""

    draft_id: str
    create_time: int
    user_version: str
    user_desc: str
    source_miniprogram_appid: str
    source_miniprogram: str
    developer: str


class Drafts(TypedDict):
    draft_list: list[Draft]


class TemplateCategory(AuditCategory, total=False):
    address: str
    tag: str
    title: str


class Template(Draft, total=False):
    """`template_type`: 0 ordinary, 1 standard; only standard ones carry the audit fields."""

    template_id: str
    template_type: int
    category_list: list[TemplateCategory]
    audit_scene: int
    audit_status: int
    reason: str


class Templates(TypedDict):
    template_list: list[Template]


class TemplateLibrary(Chapter):
    """The component app's own code, from the development mini programs bound to it."""

    def gettemplatedraftlist(self) -> Drafts:
        """List the draft box: the newest upload of each development mini program. No event announces a new one.

        https://developers.weixin.qq.com/doc/oplatform/openApi/thirdparty-management/template-management/api_gettemplatedraftlist
        """
        return self._read("getTemplatedRaftList", into=Drafts)

    def addtotemplate(self, *, draft_id: str | int, template_type: Literal[0, 1] | None = None) -> Done:
        """Turn a draft into a template. The answer names no template: find it in the library by its draft_id.

        https://developers.weixin.qq.com/doc/oplatform/openApi/thirdparty-management/template-management/api_addtotemplate
        """
        return self._write("addToTemplate", into=Done, body={"draft_id": int(draft_id), "template_type": template_type})

    def gettemplatelist(self, *, template_type: Literal[0, 1] | None = None) -> Templates:
        """List the library, both kinds unless one is asked for. Its order is not promised: sort by template_id.

        https://developers.weixin.qq.com/doc/oplatform/openApi/thirdparty-management/template-management/api_gettemplatelist
        """
        return self._read("getTemplateList", into=Templates, query={"template_type": template_type})

    def deletetemplate(self, *, template_id: str | int) -> Done:
        """Delete a template; a later upload that names it answers 85014. What is online stays online.

        https://developers.weixin.qq.com/doc/oplatform/openApi/thirdparty-management/template-management/api_deletetemplate
        """
        return self._write("deleteTemplate", into=Done, body={"template_id": int(template_id)})
