"""What waits beside single mini programs, in words and with the page where it is done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from saas.agenda.errands import Errand, Kind
from saas.errors import N_
from saas.onboarding.reviewing import MOST_COUNTED
from saas.programs.words import Turn, Word
from saas.tenants.models import Task, TaskKind
from saas.web.provider.todo_filters import ALL

_TASKS = {
    "fix_ip_list": (N_("把出口 IP 加入第三方平台的白名单"), "danger"),
    "fix_secret": (N_("更新第三方平台的 AppSecret"), "danger"),
    "ticket_missing": (N_("第三方平台收不到票据"), "danger"),
    "data_request": (N_("商家申请删除资料"), "warning"),
    "train_stopped": (N_("批量发布自动停下了"), "danger"),
    "train_waits": (N_("批量发布等您放行"), "warning"),
    "train_quota": (N_("批量发布的提审额度用完了，下月继续"), "info"),
    "train_room": (N_("批量发布超过一小时没能提交审核：额度被占着，或读不到"), "warning"),
    "train_ended": (N_("批量发布已结束，请看结果"), "info"),
}
"""Title and tone of each `TaskKind` but the lost authorizations, which are shown together."""


@dataclass(frozen=True)
class Told:
    """`settle` is where a member says that it needs nothing more, "" where that shows by itself."""

    title: str
    text: str
    url: str
    since: datetime
    tone: str
    settle: str = ""


def told(errand: Errand) -> Told:
    """An errand for a screen."""
    name = str(errand.detail.get("name") or errand.detail.get("appid") or "")
    if errand.kind is Kind.TASK and errand.task is not None:
        title, tone = _TASKS[errand.task.kind]
        return Told(_(title), name, _page_of(errand.task), errand.since, tone)
    if errand.kind is Kind.REAUTHORIZE:
        url = url_for("provider.show_todo_group", stage=Word.UNAUTHORIZED, turn=Turn.MERCHANT, owner=ALL)
        text = ngettext("%(num)d 个小程序的授权已失效", "%(num)d 个小程序的授权已失效", errand.count)
        return Told(_("请商家重新授权"), text, url, errand.since, "warning")
    if errand.kind is Kind.REVIEWS:
        many = errand.count >= MOST_COUNTED
        text = (
            _("%(count)d 份或更多在等您", count=errand.count) if many else _("%(count)d 份在等您", count=errand.count)
        )
        return Told(_("审核商家提交的资料"), text, url_for("provider.list_reviews"), errand.since, "warning")
    if errand.kind is Kind.REGISTRATIONS:
        text = ngettext("%(num)d 个注册失败或过期", "%(num)d 个注册失败或过期", errand.count)
        return Told(_("重新提交小程序注册"), text, url_for("provider.list_registrations"), errand.since, "warning")
    text = ngettext("%(num)d 个小程序失败", "%(num)d 个小程序失败", errand.count)
    return Told(
        _("批量任务有失败"), f"{_(name)} · {text}", url_for("provider.show_batch", batch_id=errand.subject),
        errand.since, "warning", settle=url_for("provider.settle_batch", batch_id=errand.subject),
    )  # fmt: skip


def _page_of(task: Task) -> str:
    """Where the task is done: a merchant's request, a train, else its component app."""
    if task.kind == TaskKind.DATA_REQUEST:
        return url_for("provider.show_data_request", merchant_id=task.subject_id)
    if task.kind.startswith("train_"):
        return url_for("provider.show_train", train_id=task.subject_id)
    return url_for("provider.show_component", component_id=task.subject_id)
