"""Avatar, introduction, search and categories of many mini programs: what `selection` offers of them."""

from __future__ import annotations

from typing import Any

from flask import g
from flask_babel import lazy_gettext as _l
from wtforms import FileField, FloatField, MultipleFileField, RadioField, SelectField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]

from saas.errors import N_
from saas.programs import appearance, categories
from saas.programs.category_trees import Category, all_categories
from saas.programs.suiting import Suits
from saas.web.forms import chosen, required
from saas.web.provider.profile import PICTURES, SEARCH, files_of, keep_avatar, percent
from saas.web.provider.selection import Action, ActionForm, offer

_MOST_PAPERS = 8


class IntroductionForm(ActionForm):
    introduction = TextAreaField(_l("新介绍"), [required()])

    def params(self) -> dict[str, Any]:
        return {"text": appearance.read_introduction(self.introduction.data or "")}


class AvatarForm(ActionForm):
    avatar = FileField(_l("图片"), render_kw=PICTURES)
    size = FloatField(_l("正方形大小"), percent())
    x = FloatField(_l("横向位置"), percent())
    y = FloatField(_l("纵向位置"), percent())

    def params(self) -> dict[str, Any]:
        return {"file": keep_avatar(self)}


class SearchForm(ActionForm):
    search = RadioField(_l("在微信里搜索"), [chosen()], choices=SEARCH)

    def params(self) -> dict[str, Any]:
        return {"searchable": self.search.data == "yes"}


class CategoryForm(ActionForm):
    """Papers are asked for once the category is known, so one that needs some takes two rounds."""

    category = SelectField(_l("类目"), [chosen()])

    def prepare(self) -> None:
        self.known = {f"{one.first}-{one.second}": one for one in all_categories(g.db)}
        self.category.choices = [
            SelectChoice(key, one.name, optgroup=one.names[0]) for key, one in self.known.items()
        ]  # fmt: skip
        wanted = list(self.wanted.papers) if self.wanted else []
        for number in range(_MOST_PAPERS):
            if number < len(wanted):
                self[f"paper_{number}"].label.text = wanted[number]
            else:
                del self[f"paper_{number}"]

    @property
    def wanted(self) -> Category | None:
        return self.known.get(self.category.data)

    def params(self) -> dict[str, Any]:
        assert self.wanted is not None  # chosen among the known
        papers = {name: files_of(self[f"paper_{number}"].name) for number, name in enumerate(self.wanted.papers)}
        kept = categories.keep_papers(g.db, g.who, self.wanted, papers, {})
        return {**categories.describe(self.wanted), "papers": kept}


for _number in range(_MOST_PAPERS):
    setattr(CategoryForm, f"paper_{_number}", MultipleFileField(render_kw=PICTURES))


for action in (
    Action(
        "introduction", N_("修改介绍"), N_("4 到 120 个字，至少 4 个汉字；每个小程序用掉本月一次机会。"),
        appearance.SET_INTRODUCTION, IntroductionForm, Suits.BASIC_INFO,
    ),
    Action(
        "avatar", N_("修改头像"),
        N_("换成同一张图片。裁成正方形：大小和位置是百分数，不填就取正中间最大的。每个小程序用掉一次机会。"),
        appearance.SET_AVATAR, AvatarForm, Suits.BASIC_INFO,
    ),
    Action(
        "search", N_("修改搜索开关"), N_("能不能在微信里搜索到。"), appearance.SET_SEARCH, SearchForm,
        Suits.DEVELOPMENT,
    ),
    Action(
        "category", N_("添加类目"),
        N_("给每个小程序添加同一个类目，需要资质的交同样的材料；商家自己注册的小程序不能这样添加。"),
        categories.ADD, CategoryForm, Suits.CATEGORIES,
    ),
    Action(
        "categories", N_("读取类目"), N_("向微信读取已设置的类目和审核结果。"), categories.READ, suits=Suits.BASIC_INFO,
    ),
):  # fmt: skip
    offer(action)
