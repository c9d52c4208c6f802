"""Service categories of one mini program (类目管理)."""

from __future__ import annotations

from typing import TypedDict

from saas.wx.chapter import Chapter


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
