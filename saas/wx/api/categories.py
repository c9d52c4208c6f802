"""Service categories of one mini program (类目管理)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

from saas.wx.chapter import Chapter, Done


class AuditCategory(TypedDict, total=False):
    """One that a submission may name. The third level is missing where there is none."""

    first_class: str
    second_class: str
    third_class: str
    first_id: int
    second_id: int
    third_id: int


class AuditCategories(TypedDict):
    category_list: list[AuditCategory]


class QualifyPaper(TypedDict, total=False):
    """`url` is a sample picture."""

    name: str
    url: str


class QualifySet(TypedDict, total=False):
    inner_list: list[QualifyPaper]


class Qualify(TypedDict, total=False):
    """One of the sets of papers is enough."""

    exter_list: list[QualifySet]
    remark: str


class Category(TypedDict, total=False):
    """Number 0 is the root, without a name. `sensitive_type` 1: needs papers and a review."""

    id: int
    name: str
    level: int
    father: int
    children: list[int]
    sensitive_type: int
    qualify: Qualify


class CategoryTree(TypedDict, total=False):
    categories: list[Category]


class AllCategories(TypedDict):
    """A flat list: build the tree from id, father and children."""

    categories_list: CategoryTree


class SetCategory(TypedDict, total=False):
    """`audit_status`: 1 in review, 2 refused, 3 approved."""

    first: int
    first_name: str
    second: int
    second_name: str
    audit_status: int
    audit_reason: str


class SetCategories(TypedDict, total=False):
    """`quota` of `limit` additions are left in this period; `category_limit` is how many may be set at all."""

    categories: list[SetCategory]
    limit: int
    quota: int
    category_limit: int


class Categories(Chapter):
    """What a mini program is registered for, and what it could be."""

    def get_category(self, appid: str) -> AuditCategories:
        """List the categories that `submit_audit` may name. Empty: none is set, or the last one lapsed.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/category-management/api_getallcategoryname.html
        """
        return self._read("getAllCategoryName", appid, into=AuditCategories)

    def getallcategories(self, appid: str) -> AllCategories:
        """List every category that this mini program could set. Long, and it differs by kind of subject.

        NotCreatedByApi for mini programs registered in WeChat's console.
        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/category-management/api_getallcategories
        """
        return self._read("getAllCategories", appid, into=AllCategories)

    def getcategoriesbytype(self, appid: str, *, verify_type: Literal[0, 1, 2, 3, 4] | None = None) -> AllCategories:
        """List the categories that a kind of subject could set, before there is a mini program of it.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/category-management/api_getallcategoriesbytype.html
        """
        body = {"verify_type": verify_type}
        return self._read("getAllCategoriesByType", appid, into=AllCategories, body=body)

    def getcategory(self, appid: str) -> SetCategories:
        """List what is set, with its reviews and the budget. NotCreatedByApi: use `get_category` there.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/category-management/api_getsettingcategories
        """
        return self._read("getSettingCategories", appid, into=SetCategories)

    def addcategory(self, appid: str, *, categories: Sequence[Mapping[str, Any]]) -> Done:
        """Add categories: `first`, `second` and `certicates`, papers as key (their name) and value (a media id).

        Sensitive ones are reviewed (event wxa_category_audit); the others hold at once.
        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/category-management/api_addcategory.html
        """
        return self._write("addCategory", appid, into=Done, body={"categories": list(categories)})

    def deletecategory(self, appid: str, *, first: int, second: int) -> Done:
        """Delete a category; one in review cannot be deleted.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/category-management/api_deletecategory.html
        """
        return self._write("deleteCategory", appid, into=Done, body={"first": first, "second": second})

    def modifycategory(self, appid: str, *, first: int, second: int, certicates: Sequence[Mapping[str, Any]]) -> Done:
        """Replace the papers of a refused category, which opens a new review.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/category-management/api_modifycategory
        """
        body = {"first": first, "second": second, "certicates": list(certicates)}
        return self._write("modifyCategory", appid, into=Done, body=body)
