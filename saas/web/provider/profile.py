"""Name, avatar, introduction and search of a mini program: how each stands, and changing the ticked ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from uuid import UUID

from flask import Response, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, FileField, FloatField, MultipleFileField, RadioField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import NumberRange, Optional

from saas.batches.models import BatchItem, ItemStatus
from saas.batches.progress import newest_items
from saas.components.budgets import Budget, left_in_bulk
from saas.errors import N_, AppError, Invalid, NotFound
from saas.onboarding.wishes import ProfileWish, avatar_of, profile_wish
from saas.programs import appearance, naming, profile
from saas.programs.access import get_program
from saas.programs.appearance import SET_AVATAR, SET_INTRODUCTION, SET_SEARCH
from saas.programs.changing import NAME_CHECK, obstacle
from saas.programs.models import NameReview, Program, ReviewStatus
from saas.programs.naming import CHECK_NAME, ID_CARD, LICENCE, OTHER, SET_NAME
from saas.programs.permissions import BASIC_INFO
from saas.tenants.access import Verb
from saas.tenants.stored_files import read_file
from saas.web.forms import Form, TextField
from saas.web.going import done, refused
from saas.web.pages import render
from saas.web.provider.blueprint import provider
from saas.wx.permissions import DEVELOPMENT

CHANGES = {"name": SET_NAME, "avatar": SET_AVATAR, "introduction": SET_INTRODUCTION, "search": SET_SEARCH}
BUDGETS = {
    "name": ("nickname_year",), "avatar": ("avatar_year", "avatar_month"), "introduction": ("signature_month",),
    "search": (),
}  # fmt: skip
_PROOF_NEEDED = 91009
SEARCH = [SelectChoice("yes", _l("可以被搜索到")), SelectChoice("no", _l("搜索不到"))]
PICTURES = {"accept": "image/*"}
_KEPT: Mapping[str, Any] = {"wishes": 1}
_TRIES = {"name": (SET_NAME, CHECK_NAME), "avatar": (), "introduction": (SET_INTRODUCTION,)}
"""By which steps a wish shows as tried, so that what was typed then is not overwritten."""


def percent() -> list[Any]:
    return [Optional(), NumberRange(0, 100, _l("请填 0 到 100 的数"))]


class ProfileForm(Form):
    """`change_…` say which parts are sent; the fields of the others do not count."""

    change_name = BooleanField(_l("修改名称"))
    name = TextField(_l("新名称"))
    license = MultipleFileField(_l("营业执照或组织机构代码证"), render_kw=PICTURES)
    id_card = MultipleFileField(_l("身份证照片"), render_kw=PICTURES)
    naming_other_stuff = MultipleFileField(_l("其他证明（商标注册证、授权书等）"), render_kw=PICTURES)
    keep_papers = BooleanField(_l("沿用上次提交的材料，只替换这次上传的"), default=True)
    change_avatar = BooleanField(_l("修改头像"))
    avatar = FileField(_l("图片"), render_kw=PICTURES)
    x = FloatField(_l("横向位置"), percent())
    y = FloatField(_l("纵向位置"), percent())
    size = FloatField(_l("正方形大小"), percent())
    wished_avatar = BooleanField(_l("用商家提交的头像"))
    change_introduction = BooleanField(_l("修改介绍"))
    introduction = TextAreaField(_l("新介绍"))
    change_search = BooleanField(_l("修改搜索开关"))
    search = RadioField(_l("在微信里搜索"), choices=SEARCH, validate_choice=False)

    @property
    def ticked(self) -> list[str]:
        return [part for part in CHANGES if self[f"change_{part}"].data]


@provider.get("/programs/<uuid:program_id>/basics")
def show_profile(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.VIEW)
    items = newest_items(g.db, program.id, [*CHANGES.values(), CHECK_NAME, profile.REFRESH])
    values = _prefilled(program, items)
    if "wishes" in request.args and (wish := profile_wish(g.db, program)) is not None:
        values |= _wished(wish, items)
    form = ProfileForm(formdata=None, **values)
    return _render(program, form, items)


@provider.post("/programs/<uuid:program_id>/basics")
def change_profile(program_id: UUID) -> ResponseReturnValue:
    """Start what is ticked: all of it, or nothing when one part is wrong."""
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    form = ProfileForm()
    valid = form.validate_on_submit()
    if not form.ticked:
        form.form_errors = [_("请勾选要修改的项目")]
        valid = False
    for part in form.ticked if valid else []:
        valid = _try(form, part, partial(_STARTS[part], program, form)) and valid
    if valid:
        return done(_("正在提交给微信"), url_for("provider.show_profile", program_id=program.id), "info")
    return _render(program, form, newest_items(g.db, program.id, [CHECK_NAME]), status=422)


@provider.post("/programs/<uuid:program_id>/basics/check-name")
def check_program_name(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    form = ProfileForm()
    if _try(form, "name", lambda: naming.ask_about_name(g.db, program, form.name.data or "", who=g.who)):
        target = url_for("provider.show_profile", program_id=program.id, **_KEPT if "wishes" in request.args else {})
        return done(_("正在检测名称"), target, "info")
    form.change_name.data = True
    return _render(program, form, {}, status=422)


@provider.post("/programs/<uuid:program_id>/basics/drop-name")
def drop_program_name(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    review = profile.newest_review(g.db, program)
    text, tone = _("没有要放弃的名称"), "warning"
    if review is not None:
        try:
            naming.drop_review(g.db, program, review, who=g.who)
            text, tone = _("已放弃这次改名，名称保持不变"), "success"
        except AppError as error:
            text = _(error.message, **error.params)
    return done(text, url_for("provider.show_profile", program_id=program.id), tone)


@provider.post("/programs/<uuid:program_id>/basics/read")
def read_basics(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    target = url_for("provider.show_profile", program_id=program.id)
    try:
        profile.read_again(g.db, program, who=g.who)
    except AppError as error:
        return refused(error, target)
    return done(_("正在向微信读取资料"), target, "info")


@provider.get("/programs/<uuid:program_id>/basics/wished-avatar")
def show_wished_avatar(program_id: UUID) -> ResponseReturnValue:
    """The avatar that the merchant wishes, once it was accepted."""
    wish = profile_wish(g.db, get_program(g.db, g.who, program_id, Verb.WORK))
    if wish is None:
        raise NotFound()
    row = avatar_of(g.db, wish)
    response = Response(read_file(row), content_type=row.content_type)
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def _start_name(program: Program, form: ProfileForm) -> None:
    review = profile.newest_review(g.db, program)
    again = review if review and review.status == ReviewStatus.REFUSED and form.keep_papers.data else None
    papers = {field: files_of(field) for field in (LICENCE, ID_CARD, OTHER)}
    naming.change_name(g.db, program, form.name.data or "", who=g.who, papers=papers, again=again)


def _start_avatar(program: Program, form: ProfileForm) -> None:
    wish = profile_wish(g.db, program) if form.wished_avatar.data else None
    if wish is not None and not any(one.filename for one in request.files.getlist(form.avatar.name)):
        content = read_file(avatar_of(g.db, wish))
        file_id = appearance.keep_avatar(g.db, g.who, content, x=50, y=50, size=100)
    else:
        file_id = keep_avatar(form)
    appearance.change_avatar(g.db, program, file_id, who=g.who)


def keep_avatar(form: Any) -> str:
    """Keep the chosen square of the uploaded picture; Invalid at `avatar` without one."""
    pictures = files_of(form.avatar.name)
    if not pictures:
        raise Invalid(N_("请选择图片"), field="avatar")
    square = {name: form[name].data for name in ("x", "y", "size") if form[name].data is not None}
    return appearance.keep_avatar(g.db, g.who, pictures[0], **{"x": 50, "y": 50, "size": 100, **square})


def _start_introduction(program: Program, form: ProfileForm) -> None:
    appearance.change_introduction(g.db, program, form.introduction.data or "", who=g.who)


def _start_search(program: Program, form: ProfileForm) -> None:
    if form.search.data not in ("yes", "no"):
        raise Invalid(N_("请选择"), field="search")
    appearance.change_search(g.db, program, form.search.data == "yes", who=g.who)


_STARTS: Mapping[str, Callable[[Program, ProfileForm], None]] = {
    "name": _start_name, "avatar": _start_avatar, "introduction": _start_introduction, "search": _start_search,
}  # fmt: skip


def files_of(field: str) -> list[bytes]:
    """The uploaded files of a field; a browser sends an empty one where nothing was chosen."""
    return [content for one in request.files.getlist(field) if (content := one.read())]


def _try(form: ProfileForm, part: str, start: Callable[[], Any]) -> bool:
    """A refusal lands on its field, one that is about no field on the part's first."""
    try:
        start()
    except AppError as error:
        field = error.field if isinstance(error, Invalid) and error.field else part
        form.refuse(Invalid(error.message, field=field, **error.params))
        return False
    return True


def _prefilled(program: Program, items: Mapping[str, BatchItem]) -> dict[str, Any]:
    """What is now; over it what was tried last without success, ticked to be tried again."""
    searchable = appearance.is_searchable(program)
    values: dict[str, Any] = {
        "name": program.name, "introduction": program.introduction,
        "search": {True: "yes", False: "no", None: ""}[searchable],
    }  # fmt: skip
    failed = {part: item for part, step in CHANGES.items() if (item := items.get(step)) and _failed(item)}
    values |= {f"change_{part}": True for part in failed if part != "avatar"}
    if "introduction" in failed:
        values["introduction"] = failed["introduction"].input["text"]
    if "search" in failed:
        values["search"] = "yes" if failed["search"].input["searchable"] else "no"
    check, review = items.get(CHECK_NAME), profile.newest_review(g.db, program)
    names = [(one.id, one.input["name"]) for one in (failed.get("name"), check) if one and not _is_over(one, items)]
    if _is_refused(review):
        names.append((review.id, review.name))  # type: ignore[union-attr]
    if names:
        values |= {"name": max(names)[1], "change_name": True}
    return values


def _wished(wish: ProfileWish, items: Mapping[str, BatchItem]) -> dict[str, Any]:
    """What the merchant wishes and nobody has sent yet, ticked; what was tried since then stays as it was."""
    tried = {
        part
        for part, steps in _TRIES.items()
        if any((item := items.get(step)) and item.created_at > wish.since for step in steps)
    }
    parts = wish.open - tried
    texts = {"name": wish.name, "introduction": wish.introduction}
    return {
        **{f"change_{part}": True for part in parts}, **{part: text for part, text in texts.items() if part in parts},
        "wished_avatar": "avatar" in parts,
    }  # fmt: skip


def _is_over(item: BatchItem, items: Mapping[str, BatchItem]) -> bool:
    """A check of a name counts until a name was set after it."""
    newer = items.get(SET_NAME)
    return newer is not None and newer.id > item.id


def _failed(item: BatchItem) -> bool:
    return item.status == ItemStatus.FAILED


def _is_refused(review: NameReview | None) -> bool:
    return review is not None and review.status == ReviewStatus.REFUSED and review.dropped_at is None


def _render(
    program: Program, form: ProfileForm, items: Mapping[str, BatchItem], status: int = 200
) -> ResponseReturnValue:  # fmt: skip
    names = [name for of in BUDGETS.values() for name in of]
    budgets = left_in_bulk(g.db, [program], names)
    chances: dict[str, list[Budget]] = {
        part: [budgets[program.id, name] for name in of] for part, of in BUDGETS.items()
    }  # fmt: skip
    check = items.get(CHECK_NAME)
    check = check if check and check.status == ItemStatus.DONE and not _is_over(check, items) else None
    review = profile.newest_review(g.db, program)
    review = review if review and (review.status == ReviewStatus.IN_REVIEW or _is_refused(review)) else None
    basic, wish = program.profile.get("basic") or {}, profile_wish(g.db, program)
    obstacles = {
        "name": obstacle(program, BASIC_INFO, by_api=True), "check": obstacle(program, NAME_CHECK, by_api=True),
        "avatar": obstacle(program, BASIC_INFO), "introduction": obstacle(program, BASIC_INFO),
        "search": obstacle(program, DEVELOPMENT),
    }  # fmt: skip
    return render(
        "provider/programs/profile.html", program=program, tab="profile", form=form, status=status, chances=chances,
        told=[item for item in items.values() if item.is_open or _failed(item)],
        busy=any(item.is_open for item in items.values()),
        checked=check, review=review,
        individual=basic.get("principal_type") == 0 if "principal_type" in basic else None,
        proof=review is not None or any(item.errcode == _PROOF_NEEDED for item in items.values())
        or bool(check and check.result.get("proof")),
        searchable=appearance.is_searchable(program),
        obstacles=obstacles, wish=wish, filled=_KEPT if "wishes" in request.args else {},
        offered=[part for part in CHANGES if wish is not None and part in wish.open and not obstacles[part]],
        longest=appearance.LONGEST, widest=naming.WIDEST, narrowest=naming.NARROWEST, shortest=appearance.SHORTEST,
    )  # fmt: skip
