"""Actions on many mini programs: what can be done, its form, and the batch that does it, now or at a planned time.

A selection is the ids that were ticked, or the filter itself with `all`. A part of the program page adds its action
with `offer`; the form's `params()` become the params of the batch, whose step is known by its dotted name. Every action
can be planned for later, too: then they are a campaign's. What only reads is a page of its own, added with `lead_to`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from wtforms import RadioField, SelectField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]

from saas.batches.starting import Subject, start_batch
from saas.campaigns.planning import Work, plan_campaign
from saas.errors import N_, AppError, Invalid, NotFound
from saas.programs import listing
from saas.programs.listing import MOST_SELECTED, ProgramFilter
from saas.programs.models import Program
from saas.programs.suiting import Suits
from saas.tenants.access import Verb, require
from saas.tenants.merchants import find_merchants, read_tags
from saas.web.forms import Form, TextField, at_most, required
from saas.web.going import done
from saas.web.pages import render
from saas.web.provider.answers import keep_answers
from saas.web.provider.blueprint import provider
from saas.web.provider.chances import chanceless, submissions
from saas.web.provider.program_filters import owner_choices
from saas.web.provider.sources import Named, read_named
from saas.web.provider.timing_form import StartForm, WrongTime, as_wrong_time


class ActionForm(Form):
    """The form of an action. What it says goes to every item; a refusal is raised as Invalid.

    `is_searched` puts a search box above it, whose words are the argument `find`. A plan for later shows what was
    filled in, except in the fields `untold`: personal data, and what says nothing afterwards.
    """

    is_searched = False
    untold: frozenset[str] = frozenset()

    def prepare(self) -> None:
        """Fill in the choices."""

    def params(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True)
class Action:
    """`label` and `hint` are msgids; `suits` says which of the chosen mini programs it is for. Plans keep the `key`."""

    key: str
    label: str
    hint: str
    step: str
    form: type[ActionForm] = ActionForm
    suits: Suits = Suits.ANY


class Group(StrEnum):
    """The headings of the page, in order; msgids."""

    TEAM = N_("归属与标签")
    PROFILE = N_("资料")
    CERTIFY = N_("认证与备案")
    SETUP = N_("域名、隐私与体验")
    CODE = N_("代码与发布")
    TABLES = N_("检查与导出")


@dataclass(frozen=True)
class Lead:
    """A page that reads a selection: its endpoint takes what `Selection` carries, and `values`."""

    label: str
    hint: str
    endpoint: str
    values: dict[str, str] = field(default_factory=dict)


ACTIONS: dict[str, Action] = {}
_GROUPS: dict[Group, list[Action | Lead]] = {group: [] for group in Group}


def offer(action: Action, group: Group = Group.PROFILE) -> None:
    """Let it be chosen for a selection."""
    ACTIONS[action.key] = action
    _GROUPS[group].append(action)


def lead_to(page: Lead, group: Group = Group.TABLES) -> None:
    """Let a selection be taken to a page."""
    _GROUPS[group].append(page)


class MerchantForm(ActionForm):
    is_searched = True
    merchant = SelectField(_l("商家"))

    def prepare(self) -> None:
        found = find_merchants(g.db, text=request.args.get("find", "").strip()[:100], limit=200)
        choices = [SelectChoice(str(one.id), one.name) for one in found]
        self.merchant.choices = [SelectChoice("", _("不归属任何商家")), *choices]

    def params(self) -> dict[str, Any]:
        return {"merchant": self.merchant.data}


class OwnerForm(ActionForm):
    owner = SelectField(_l("负责人"))

    def prepare(self) -> None:
        self.names = dict(owner_choices())
        self.owner.choices = [SelectChoice("", _("没有负责人")), *(SelectChoice(*one) for one in self.names.items())]

    def params(self) -> dict[str, Any]:
        return {"owner": self.owner.data, "owner_name": self.names.get(self.owner.data, "")}


class TagsForm(ActionForm):
    way = RadioField(
        _l("方式"), choices=[SelectChoice("add", _l("加上")), SelectChoice("remove", _l("去掉"))], default="add"
    )
    tags = TextField(_l("标签"), [required(), at_most(240)])

    def params(self) -> dict[str, Any]:
        return {self.way.data: read_tags(re.split(r"[,，、;；\s]+", self.tags.data or ""))}


offer(
    Action(
        "profile",
        N_("读取最新资料"),
        N_("向微信读取名称、主体、权限等资料。"),
        "saas.programs.profile.refresh",
        suits=Suits.APPID,
    )
)
offer(
    Action(
        "merchant",
        N_("归到一个商家"),
        N_("选中的小程序都归给这个商家，或不归属任何商家。"),
        "saas.programs.editing.assign_step",
        MerchantForm,
    ),
    Group.TEAM,
)
offer(
    Action("owner", N_("指定负责人"), N_("由哪位成员跟进。"), "saas.programs.editing.owner_step", OwnerForm),
    Group.TEAM,
)
offer(
    Action("tags", N_("增减标签"), N_("加上或去掉标签，其他标签不变。"), "saas.programs.editing.tags_step", TagsForm),
    Group.TEAM,
)


@dataclass(frozen=True)
class Selection:
    """What was chosen, as its pages carry it on: ids, a filter, or what a source names."""

    ids: tuple[str, ...]
    wanted: ProgramFilter | None
    named: Named | None = None

    @classmethod
    def read(cls) -> Selection:
        if named := read_named(request.values):
            return cls((), None, named)
        if request.values.get("all"):
            return cls((), ProgramFilter.read_whole(request.values))
        given = request.values.getlist("id")[:MOST_SELECTED]
        return cls(tuple(one for one in given if re.fullmatch(r"[0-9a-f-]{36}", one)), None)

    @property
    def fields(self) -> list[tuple[str, str]]:
        """Hidden fields of a form that goes on with it."""
        if self.named is not None:
            return list(self.named.parts.items())
        if self.wanted is None:
            return [("id", one) for one in self.ids]
        return [("all", "1"), *self.wanted.parts().items()]

    def address(self, endpoint: str, **values: Any) -> str:
        parts: dict[str, Any] = {"id": list(self.ids)}
        if self.named is not None:
            parts = dict(self.named.parts)
        elif self.wanted is not None:
            parts = {"all": 1, **self.wanted.parts()}
        return url_for(endpoint, **values, **parts)

    @property
    def is_filter(self) -> bool:
        return self.wanted is not None

    def program_ids(self) -> list[UUID]:
        if self.named is not None:
            return self.named.program_ids()
        if self.wanted is None:
            return [UUID(one) for one in self.ids]
        return listing.select_ids(g.db, self.wanted)


@provider.get("/programs/selection")
def choose_action() -> ResponseReturnValue:
    require(g.who, Verb.WORK)
    selection = Selection.read()
    count = len(selection.program_ids())
    if not count and not selection.is_filter:
        return done(_("请先勾选小程序"), url_for("provider.list_programs"), "warning")
    return render(
        "provider/programs/selection.html", selection=selection, count=count, most=MOST_SELECTED,
        groups={group: entries for group, entries in _GROUPS.items() if entries}, back=_back(selection),
    )  # fmt: skip


@provider.route("/programs/selection/start", methods=["GET", "POST"])
def start_action() -> ResponseReturnValue:
    """The action's form, and its start or its plan. Which action is part of the address."""
    require(g.who, Verb.WORK)
    chosen, selection = ACTIONS.get(request.args.get("action", "")), Selection.read()
    if chosen is None:
        raise NotFound()
    programs = listing.select_programs(g.db, selection.program_ids())
    form, when = chosen.form(prefix="do"), StartForm(prefix="when")
    form.prepare()
    when.prepare(len(programs))
    if form.validate_on_submit():
        try:
            return _plan(chosen, selection, form, when) if when.is_later else _start(chosen, programs, form)
        except WrongTime as wrong:
            when.refuse(wrong.error)
        except AppError as error:
            form.refuse(error)
    suited = [one for one in programs if chosen.suits.fits(one)]
    return render(
        "provider/programs/action.html", action=chosen, selection=selection, form=form, when=when, count=len(programs),
        unsuited=[one for one in programs if not chosen.suits.fits(one)], chances=chanceless(chosen.key, programs),
        submissions=submissions(chosen.key, suited), back=selection.address("provider.choose_action"),
        status=422 if form.is_submitted() else 200,
    )  # fmt: skip


def _start(action: Action, programs: list[Program], form: ActionForm) -> ResponseReturnValue:
    chosen = [one for one in programs if action.suits.fits(one)]
    if not chosen:
        raise Invalid(N_("选中的小程序都不适用这项操作"))
    subjects = [Subject(one.id, one.name or one.appid) for one in chosen]
    batch = start_batch(g.db, action.step, subjects, who=g.who, params=form.params())
    text = ngettext("已开始，共 %(num)d 个小程序", "已开始，共 %(num)d 个小程序", len(chosen))
    return done(text, url_for("provider.show_batch", batch_id=batch.id), "info")


def _plan(action: Action, selection: Selection, form: ActionForm, when: StartForm) -> ResponseReturnValue:
    """A filter is asked anew when the time comes, unless those that it finds now were meant."""
    timing = when.read()
    work = Work(action.key, action.step, form.params(), action.suits, keep_answers(form, form.untold))
    wanted = None if when.keeps_chosen else selection.wanted
    with as_wrong_time():
        campaign = plan_campaign(
            g.db, work, wanted if wanted is not None else selection.program_ids(), timing, who=g.who,
            title=when.title.data or "",
        )  # fmt: skip
    return done(_("已安排，到时候自动开始"), url_for("provider.show_campaign", campaign_id=campaign.id))


def _back(selection: Selection) -> str:
    if selection.named is not None:
        return selection.named.page()
    kept: dict[str, Any] = selection.wanted.parts() if selection.wanted else {}
    return url_for("provider.list_programs", **kept)
