"""Thirty days of calls to WeChat, as two pages show them: a component app's with its fleet, and one mini program's."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from saas.components.call_days import MonthOfCalls
from saas.programs.polling_models import Kind
from saas.web.bars import Chart, chart
from saas.web.provider.blueprint import provider

_KINDS = {
    Kind.AUDIT: _l("代码审核"),
    Kind.CATEGORIES: _l("类目审核"),
    Kind.CERTIFICATION: _l("认证"),
    Kind.CODE: _l("代码状态"),
    Kind.FILING: _l("备案"),
    Kind.NAME: _l("名称审核"),
    Kind.ORDER_PAGE: _l("订单页审核"),
    Kind.PRIVACY: _l("地理位置接口审核"),
    Kind.REGISTRATION: _l("注册"),
    Kind.VIOLATIONS: _l("违规记录"),
}


@provider.app_template_global()
def look_name(kind: str) -> str:
    """What is asked about, in words."""
    return str(_KINDS[Kind(kind)])


def drawn(month: MonthOfCalls) -> Chart:
    """Its bars: work below, then polling, then upkeep."""
    return chart([
        (
            _("%(day)s：共 %(num)s 次", day=one.day.strftime("%m-%d"), num=one.calls),
            [("work", one.work), ("polling", one.polling), ("upkeep", one.upkeep)],
        )
        for one in month.days
    ])  # fmt: skip


def fleet_sentence(month: MonthOfCalls) -> str:
    """What a mini program costs on a day, on average over the fleet."""
    given: dict[str, Any] = {"each": f"{month.each:.1f}", "polling": f"{month.polling_each:.1f}"}
    return str(_("平均每个小程序每天 %(each)s 次，其中查询微信结果 %(polling)s 次。", **given))


def program_sentence(month: MonthOfCalls, fleet: MonthOfCalls) -> str:
    """What this mini program costs on a day, beside its fleet."""
    made = [one for one in month.days if one.calls]
    given = {"each": f"{month.calls / max(1, len(made)):.1f}", "fleet": f"{fleet.each:.1f}"}
    return str(_("平均每天 %(each)s 次；同一平台的小程序平均每天 %(fleet)s 次。", **given))
