"""All certifications of a provider, what he paid for them, and what may be done for a selection of mini programs."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import Response, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from wtforms import SelectField

from saas.errors import N_
from saas.programs import certification as certifying
from saas.programs import certification_charges as charges
from saas.programs.certification_access import list_certifications, list_templates
from saas.programs.certification_models import ENDED, CertificationStatus, ChargeState
from saas.programs.certification_states import WORDS
from saas.programs.suiting import Suits
from saas.programs.words import Turn
from saas.tables import cell
from saas.web.badges import badge
from saas.web.forms import chosen
from saas.web.pages import render
from saas.web.provider.blueprint import provider
from saas.web.provider.selection import Action, ActionForm, Group, offer

PAGE = 50
_S = CertificationStatus
_GROUPS: dict[str, tuple[Any, tuple[CertificationStatus, ...]]] = {
    "": (_l("全部"), ()),
    "draft": (_l("草稿"), (_S.DRAFT,)),
    "merchant": (_l("等商家"), tuple(one for one in _S if WORDS[one].turn == Turn.MERCHANT)),
    "wechat": (_l("等微信"), tuple(one for one in _S if WORDS[one].turn == Turn.WECHAT)),
    "sent_back": (_l("待补充"), (_S.SENT_BACK,)),
    "failed": (_l("没有成功"), tuple(one for one in ENDED if one is not _S.PASSED)),
    "passed": (_l("已通过"), (_S.PASSED,)),
}
_CHARGES = {
    ChargeState.RESERVED: (N_("预留中"), "info"),
    ChargeState.CHARGED: (N_("已扣"), "success"),
    ChargeState.RELEASED: (N_("未扣"), "secondary"),
}


@provider.app_template_global()
def charge_badge(state: str) -> Markup:
    """How a charge stands, as a coloured word."""
    text, tone = _CHARGES[ChargeState(state)]
    return badge(_(text), tone)


@provider.app_template_filter()
def yuan(fen: int) -> str:
    """Money for people: fen as yuan."""
    return f"¥{fen / 100:,.2f}"


@provider.get("/certifications")
def list_all_certifications() -> ResponseReturnValue:
    group = request.args.get("state", "")
    group, before = group if group in _GROUPS else "", request.args.get("before", type=UUID)
    rows = list_certifications(g.db, statuses=_GROUPS[group][1], before=before, limit=PAGE + 1)
    more, rows = len(rows) > PAGE, rows[:PAGE]
    kept: dict[str, Any] = {"state": group} if group else {}
    return render(
        "provider/certification/list.html", rows=rows, words=WORDS, tab="list", group=group,
        groups={name: label for name, (label, _states) in _GROUPS.items()},
        next_url=url_for("provider.list_all_certifications", before=rows[-1][0].id, **kept) if more else "",
        first_url=url_for("provider.list_all_certifications", **kept) if before else "",
    )  # fmt: skip


@provider.get("/certifications/charges")
def list_certification_charges() -> ResponseReturnValue:
    before = request.args.get("before", type=UUID)
    rows = charges.list_charges(g.db, before=before, limit=PAGE + 1)
    more, rows = len(rows) > PAGE, rows[:PAGE]
    return render(
        "provider/certification/charges.html", rows=rows, tab="charges", months=charges.months(g.db, g.time_zone),
        reserved=charges.reserved(g.db),
        next_url=url_for("provider.list_certification_charges", before=rows[-1].id) if more else "",
        first_url=url_for("provider.list_certification_charges") if before else "",
    )  # fmt: skip


@provider.get("/certifications/charges.csv")
def export_certification_charges() -> ResponseReturnValue:
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow([_("小程序"), "AppID", _("金额（元）"), _("状态"), _("订单号"), _("发起时间"), _("扣费时间")])
    for row in charges.all_charges(g.db):
        state = _(_CHARGES[ChargeState(row.state)][0])
        money = f"{row.amount_fen / 100:.2f}"
        writer.writerow(
            [
                cell(row.program_name),
                row.appid,
                money,
                state,
                row.order_id,
                _local(row.created_at),
                _local(row.charged_at),
            ]
        )
    response = Response("\ufeff" + table.getvalue(), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="certification-charges.csv"'
    return response


def _local(moment: datetime | None) -> str:
    return moment.astimezone(ZoneInfo(g.time_zone)).strftime("%Y-%m-%d %H:%M:%S") if moment else ""


class ApplyForm(ActionForm):
    template = SelectField(_l("认证模板"), [chosen()])

    def prepare(self) -> None:
        self.template.choices = [(str(row.id), row.name) for row in list_templates(g.db)]

    def params(self) -> dict[str, Any]:
        return {"template": self.template.data}


for action in (
    Action(
        "certification_template", N_("套用认证模板"),
        N_("给每个小程序准备一份认证草稿，缺少的资料列在结果里；还不会提交给微信。"),
        certifying.APPLY, ApplyForm, Suits.DEVELOPMENT,
    ),
    Action(
        "certification_start", N_("发起认证"),
        N_("把资料齐全的草稿提交给微信，不齐全的跳过。管理员要在 24 小时内办完；服务商付费的会用掉认证资源包。"),
        certifying.START, suits=Suits.DEVELOPMENT,
    ),
    Action(
        "certification_resubmit", N_("重新提交认证"),
        N_("把被打回的认证重新提交，请先改好每个小程序的资料：每次用掉 3 次补充机会中的 1 次。不是被打回的跳过。"),
        certifying.RESUBMIT, suits=Suits.DEVELOPMENT,
    ),
    Action(
        "certification_refresh", N_("查询认证进度"), N_("向微信查询正在办理的认证。"), certifying.REFRESH,
        suits=Suits.DEVELOPMENT,
    ),
):  # fmt: skip
    offer(action, Group.CERTIFY)
