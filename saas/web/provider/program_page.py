"""What all pages of one mini program share: its head with the one next button, and the way to its sections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import current_app, g, url_for
from flask_babel import gettext as _

from saas import clock
from saas.errors import N_
from saas.programs import standing
from saas.programs.models import Program, ProgramStep
from saas.programs.words import NextStep, Step, Turn, Word
from saas.tenants.access import Verb
from saas.tenants.merchants import get_merchant
from saas.tenants.models import Merchant
from saas.web.language import span
from saas.web.provider.blueprint import provider


@dataclass(frozen=True)
class Section:
    """One page of a mini program; shown when its view exists. `early`: also before there is an appid."""

    key: str
    label: str
    endpoint: str
    early: bool = False


# A page of a mini program is one line here, under the heading where people look for it.
SECTIONS: dict[str, tuple[Section, ...]] = {
    "": (Section("overview", N_("概览"), "provider.show_program", early=True),),
    N_("资料"): (
        Section("subject", N_("主体信息"), "provider.show_subject", early=True),
        Section("registration", N_("账号注册"), "provider.show_program_registration", early=True),
        Section("profile", N_("基本信息"), "provider.show_profile"),
        Section("categories", N_("服务类目"), "provider.show_categories"),
        Section("certification", N_("认证"), "provider.show_certification"),
        Section("filing", N_("备案"), "provider.show_filing"),
        Section("domains", N_("域名"), "provider.show_domains"),
        Section("privacy", N_("隐私"), "provider.show_privacy"),
        Section("order_page", N_("订单页"), "provider.show_order_page"),
    ),
    N_("代码"): (
        Section("code", N_("代码与发布"), "provider.show_code"),
        Section("versions", N_("版本与服务"), "provider.show_versions"),
        Section("testers", N_("体验成员"), "provider.show_testers"),
        Section("codes", N_("码与链接"), "provider.show_codes"),
    ),
    N_("记录"): (
        Section("permissions", N_("权限"), "provider.show_permissions"),
        Section("violations", N_("违规"), "provider.show_program_violations"),
        Section("calls", N_("接口调用"), "provider.show_program_calls", early=True),
        Section("activity", N_("动态"), "provider.show_program_activity", early=True),
    ),
}
STEP_SECTIONS = {
    Step.REGISTER: "registration", Step.AUTHORIZE: "permissions", Step.PROFILE: "profile",
    Step.CATEGORIES: "categories", Step.CERTIFY: "certification", Step.FILE: "filing",
    Step.BUILD: "code", Step.AUDIT: "code", Step.ONLINE: "code",
}  # fmt: skip
"""Where a step of the timeline is dealt with."""
_NEXT = {
    NextStep.REGISTER: ("registration", N_("去注册")),
    NextStep.PROFILE: ("profile", N_("完善资料")),
    NextStep.CATEGORIES: ("categories", N_("设置类目")),
    NextStep.CERTIFY: ("certification", N_("处理认证")),
    NextStep.FILE: ("filing", N_("处理备案")),
    NextStep.UPLOAD: ("code", N_("上传代码")),
    NextStep.SUBMIT: ("code", N_("提交审核")),
    NextStep.RELEASE: ("code", N_("发布")),
}


@dataclass(frozen=True)
class Head:
    """`next` is the one next button (label, address), if there is something to do that is not on this page.

    `remaining` is the time until `program.due_at` in words, "" when it is over or there is none.
    """

    merchant: Merchant | None
    next: tuple[str, str] | None
    pressing: bool
    remaining: str


@provider.app_template_global()
def program_head(program: Program, tab: str) -> Head:
    merchant = get_merchant(g.db, g.who, program.merchant_id, Verb.VIEW) if program.merchant_id else None
    left = program.due_at - clock.now() if program.due_at else timedelta()
    return Head(
        merchant, next_button(program, tab) if g.who.may(Verb.WORK) else None,
        pressing=program.turn in (Turn.PROVIDER, Turn.MERCHANT),
        remaining=span(left.total_seconds()) if left > timedelta() else "",
    )  # fmt: skip


@provider.app_template_global()
def program_sections(program: Program, tab: str) -> list[dict[str, Any]]:
    """The groups of sections with their links, for the navigation."""
    groups = []
    for label, sections in SECTIONS.items():
        links = [
            {"label": _(one.label), "url": url_for(one.endpoint, program_id=program.id), "active": one.key == tab}
            for one in sections
            if one.endpoint in current_app.view_functions and (program.appid or one.early)
        ]
        if links:
            groups.append({"label": _(label) if label else "", "links": links})
    return groups


def timeline(program: Program, rows: Iterable[ProgramStep]) -> list[dict[str, Any]]:
    """All steps in order, those nobody has begun, too: each with its state, word, clock, detail and page."""
    known = {Step(row.step): row for row in rows}
    return [
        {
            "label": _(step.label), "row": known.get(step),
            "state": "done" if _came_registered(program, step, known) else _state(known.get(step)),
            "url": section_url(program, STEP_SECTIONS.get(step, "")),
            "detail": _detail(known[step]) if step in known else "",
        }
        for step in Step
    ]  # fmt: skip


def _came_registered(program: Program, step: Step, known: Mapping[Step, ProgramStep]) -> bool:
    """It was not registered here, and is."""
    return step is Step.REGISTER and step not in known and bool(program.appid)


def _state(row: ProgramStep | None) -> str:
    """done, failed, act (people must), wait (for WeChat or the authority) or todo."""
    if row is None:
        return "todo"
    if row.turn == Turn.NOBODY:
        return "done" if standing.is_done(row) else "todo"
    if Word(row.word).tone == "danger":
        return "failed"
    return "act" if row.turn in (Turn.PROVIDER, Turn.MERCHANT) else "wait"


def _detail(row: ProgramStep) -> str:
    return " · ".join(str(row.detail[key]) for key in ("name", "version", "reason", "number") if row.detail.get(key))


def section_url(program: Program, key: str) -> str:
    """The address of a section, "" when there is no such page (yet)."""
    for sections in SECTIONS.values():
        for one in sections:
            if one.key == key and one.endpoint in current_app.view_functions:
                return url_for(one.endpoint, program_id=program.id)
    return ""


def next_button(program: Program, tab: str = "") -> tuple[str, str] | None:
    """The one thing to do next, as a label and an address; None when there is nothing, or it is on the page `tab`."""
    step = Word(program.stage).next_step
    if step is NextStep.AUTHORIZE:
        if program.merchant_id is None:
            return _("指定商家"), url_for("provider.assign_program", program_id=program.id)
        address = url_for("provider.create_link", merchant_id=program.merchant_id, program=program.id)
        return _("重新授权"), address
    section, label = _NEXT.get(step, ("", ""))
    address = section_url(program, section)
    return (_(label), address) if address and section != tab else None
