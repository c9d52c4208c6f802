"""The activity log: who did what to which object, how it ended, from where."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from saas.errors import N_
from saas.programs.access import get_program
from saas.tenants import activity
from saas.tenants.access import Verb, require
from saas.tenants.models import Activity
from saas.web.pages import render
from saas.web.provider.blueprint import provider

_PAGE = 50
AREAS = {
    "program": N_("小程序"),
    "batch": N_("批量任务"),
    "campaign": N_("计划"),
    "train": N_("批量发布"),
    "merchant": N_("商家"),
    "authorization_link": N_("授权链接"),
    "onboarding": N_("入驻资料"),
    "template": N_("代码模板"),
    "privacy_template": N_("隐私模板"),
    "component": N_("第三方平台"),
    "member": N_("成员"),
    "invitation": N_("邀请"),
    "provider": N_("服务商"),
}
_KINDS = {
    "programs": N_("小程序"),
    "batches": N_("批量任务"),
    "campaigns": N_("计划"),
    "trains": N_("批量发布"),
    "merchants": N_("商家"),
    "authorization_links": N_("授权链接"),
    "entry_links": N_("邀请链接"),
    "onboardings": N_("入驻资料"),
    "templates": N_("代码模板"),
    "privacy_templates": N_("隐私模板"),
    "component_apps": N_("第三方平台"),
    "users": N_("成员"),
    "invitations": N_("邀请"),
    "providers": N_("服务商"),
}
_PAGES = {
    "programs": ("provider.show_program", "program_id"),
    "batches": ("provider.show_batch", "batch_id"),
    "campaigns": ("provider.show_campaign", "campaign_id"),
    "trains": ("provider.show_train", "train_id"),
    "merchants": ("provider.show_merchant", "merchant_id"),
    "component_apps": ("provider.show_component", "component_id"),
}
_FACTS = {
    "role": N_("角色"),
    "from": N_("原来"),
    "to": N_("改为"),
    "email": N_("邮箱"),
    "reason": N_("原因"),
    "version": N_("版本"),
    "count": N_("数量"),
    "program": N_("小程序"),
    "interface": N_("接口"),
    "path": N_("页面路径"),
    "time": N_("时间"),
}


@provider.get("/activity")
def list_activities() -> ResponseReturnValue:
    require(g.who, Verb.VIEW)
    actor, area = request.args.get("q", "").strip()[:50], request.args.get("area", "")
    area = area if area in AREAS else ""
    before = _id(request.args.get("before", ""))
    rows = activity.list_activities(
        g.db, actor=actor, verb=f"{area}." if area else "", before=before, limit=_PAGE + 1
    )  # fmt: skip
    here: dict[str, Any] = {"q": actor or None, "area": area or None}
    more = len(rows) > _PAGE
    rows = rows[:_PAGE]
    return render(
        "provider/activity/list.html", rows=rows, q=actor, area=area, areas=AREAS,
        next_url=url_for("provider.list_activities", before=rows[-1].id, **here) if more else "",
        first_url=url_for("provider.list_activities", **here) if before else "",
    )  # fmt: skip


@provider.get("/programs/<uuid:program_id>/activity")
def show_program_activity(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.VIEW)
    actor, before = request.args.get("q", "").strip()[:50], _id(request.args.get("before", ""))
    verbs, verb = activity.verbs_of(g.db, program), request.args.get("what", "")
    verb = verb if verb in verbs else ""
    rows = activity.list_activities(
        g.db, object_id=program.id, object_kind=program.__tablename__, actor=actor, verb=verb, before=before,
        limit=_PAGE + 1,
    )  # fmt: skip
    more, rows = len(rows) > _PAGE, rows[:_PAGE]
    here: dict[str, Any] = {"program_id": program.id, "q": actor or None, "what": verb or None}
    return render(
        "provider/programs/activity.html", program=program, tab="activity", rows=rows, q=actor, verb=verb, verbs=verbs,
        next_url=url_for("provider.show_program_activity", before=rows[-1].id, **here) if more else "",
        first_url=url_for("provider.show_program_activity", **here) if before else "",
    )  # fmt: skip


@provider.app_template_global()
def activity_object(row: Activity) -> dict[str, str]:
    """What an entry is about: the kind in words, the name, and its page if it has one."""
    kind = _(_KINDS[row.object_kind]) if row.object_kind in _KINDS else ""
    page = _PAGES.get(row.object_kind)
    where: dict[str, Any] = {page[1]: row.object_id} if page else {}
    url = url_for(page[0], **where) if page and row.object_id else ""
    name = _(row.object_name) if row.object_kind in ("batches", "campaigns") else row.object_name
    return {"kind": kind, "name": name, "url": url}


@provider.app_template_global()
def activity_facts(row: Activity) -> list[tuple[str, str]]:
    """The plain values of an entry, with the words that we have for their names; our own ids tell people nothing."""
    return [
        (
            _(_FACTS[key]) if key in _FACTS else key,
            "、".join(map(str, value)) if isinstance(value, list) else str(value),
        )
        for key, value in row.detail.items()
        if value not in (None, "", [], {}) and not (isinstance(value, str) and _id(value))
    ]


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
