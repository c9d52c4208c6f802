"""Mini programs that lack permissions: who they are, which links are out, new links for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import Response, g, request, stream_with_context, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, SelectField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]

from saas.db import tenant_session
from saas.errors import N_
from saas.programs import listing
from saas.programs import permission_campaign as campaign
from saas.programs.links import is_usable, link_address, state_of
from saas.programs.permission_campaign import ESSENTIALS, Lack
from saas.programs.permissions import offered_sets
from saas.programs.suiting import Suits
from saas.tables import write_csv
from saas.tenants.access import Verb, require
from saas.web.forms import chosen
from saas.web.language import spoken
from saas.web.pages import render
from saas.web.provider.blueprint import provider
from saas.web.provider.links import LINK_DAYS
from saas.web.provider.pieces import link_state_name
from saas.web.provider.selection import Action, ActionForm, Group, offer

PAGE = 50


def lacking_choices() -> list[tuple[str, str]]:
    """What a campaign can be about: what we cannot do without, or one permission set."""
    sets = [(str(one.set.number), f"{one.set.number} {one.set.name(spoken())}") for one in offered_sets()]
    return [(ESSENTIALS, _("必需的权限")), *sets]


def _lacking() -> str:
    asked = request.args.get("lacking", "")
    return asked if asked in dict(lacking_choices()) else ESSENTIALS


@provider.get("/permissions")
def list_missing_permissions() -> ResponseReturnValue:
    lacking, before = _lacking(), request.args.get("before", type=UUID)
    wanted = campaign.filter_of(lacking)
    page = listing.list_programs(g.db, wanted, before=before, limit=PAGE)
    here: dict[str, Any] = {"lacking": lacking}
    chosen_all: dict[str, Any] = {"all": 1, **wanted.parts()}
    return render(
        "provider/programs/missing_permissions.html", rows=campaign.describe(g.db, page.programs, lacking),
        page=page, lacking=lacking, choices=lacking_choices(), state_of=state_of,
        start_url=url_for("provider.start_action", action="renew_link", **chosen_all),
        plan_url=url_for(
            "provider.start_action", action="renew_link", **chosen_all,
            **{"when-start": "later", "when-repeat": "weekly", "when-title": _("补授权提醒")},
        ),
        next_url=url_for("provider.list_missing_permissions", before=page.programs[-1].id, **here) if page.more else "",
        first_url=url_for("provider.list_missing_permissions", **here) if before else "",
    )  # fmt: skip


@provider.get("/permissions.csv")
def export_missing_permissions() -> ResponseReturnValue:
    """With the links, to be handed on: whoever may make links may take them along."""
    require(g.who, Verb.WORK)
    rows = _exported(g.who.provider_id, g.provider.slug, _lacking())
    response = Response(stream_with_context(write_csv(rows)), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="missing-permissions.csv"'
    return response


def _exported(provider_id: UUID, slug: str, lacking: str) -> Iterator[list[Any]]:
    """In a session of its own: it is read while the answer goes out."""
    yield [_("小程序"), "AppID", _("商家"), _("缺少的权限"), _("授权链接"), _("链接状态"), _("有效期至")]
    with tenant_session(provider_id) as db:
        for row in campaign.all_of(db, lacking):
            yield _cells(row, slug)


def _cells(row: Lack, slug: str) -> list[Any]:
    link = row.link
    works = link if link is not None and is_usable(link) else None
    return [
        row.program.name, row.program.appid, row.merchant.name if row.merchant else "",
        "、".join(f"{one.number} {one.name(spoken())}" for one in row.missing),
        link_address(works, slug) if works else "",
        link_state_name(state_of(link)) if link else _("还没有链接"), _local(works.expires_at) if works else "",
    ]  # fmt: skip


def _local(moment: datetime) -> str:
    return moment.astimezone(ZoneInfo(g.time_zone)).strftime("%Y-%m-%d %H:%M")


class RenewForm(ActionForm):
    lacking = SelectField(_l("给谁生成"), [chosen()])
    days = SelectField(_l("有效期"), default="7")
    mail = BooleanField(_l("发邮件给商家资料里的联系邮箱"))

    def prepare(self) -> None:
        choices = [SelectChoice(value, _("缺少：%(name)s", name=name)) for value, name in lacking_choices()]
        self.lacking.choices = [*choices, SelectChoice("all", _("选中的全部，不管缺不缺"))]
        self.days.choices = [(str(days), _("%(days)s 天", days=days)) for days in LINK_DAYS]
        if not self.is_submitted():
            self.lacking.data = request.args.get("lacking") or ESSENTIALS

    def params(self) -> dict[str, Any]:
        lacking = "" if self.lacking.data == "all" else self.lacking.data
        return campaign.read_terms(lacking, self.days.data, mail=self.mail.data)


offer(
    Action(
        "renew_link", N_("生成补授权链接"),
        N_("给缺少权限的小程序各生成一个重新授权链接，请管理员确认并勾选全部权限；还有能用的链接时沿用。权限齐全的跳过，没有商家的不能生成。"),
        campaign.RENEW, RenewForm, Suits.OF_MERCHANT,
    ),
    Group.TEAM,
)  # fmt: skip
