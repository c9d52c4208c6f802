"""The provider's first page: what waits for somebody, how much there is, the way to the first release."""

from __future__ import annotations

from flask import g, url_for
from flask.typing import ResponseReturnValue

from saas.errors import N_
from saas.onboarding.reviewing import MOST_COUNTED, count_waiting
from saas.releases import progress
from saas.tenants.models import Task, TaskKind
from saas.tenants.tasks import open_tasks
from saas.web.pages import render
from saas.web.provider.blueprint import provider

_TITLES = {
    TaskKind.REAUTHORIZE: N_("请商家重新授权"),
    TaskKind.FIX_IP_LIST: N_("把出口 IP 加入第三方平台的白名单"),
    TaskKind.FIX_SECRET: N_("更新第三方平台的 AppSecret"),
    TaskKind.TICKET_MISSING: N_("第三方平台收不到票据"),
    TaskKind.DATA_REQUEST: N_("商家申请删除资料"),
}


@provider.get("/")
def dashboard() -> ResponseReturnValue:
    return render(
        "provider/dashboard.html", tasks=open_tasks(g.db), road=progress.road(g.db), task_title=_title,
        task_url=_address, reviews=count_waiting(g.db, g.who), most_reviews=MOST_COUNTED,
    )  # fmt: skip


def _title(task: Task) -> str:
    return _TITLES[TaskKind(task.kind)]


def _address(task: Task) -> str:
    """Where the task is done: a merchant's request, a mini program's page, else its component app's."""
    if task.kind == TaskKind.DATA_REQUEST:
        return url_for("provider.show_data_request", merchant_id=task.subject_id)
    if task.kind != TaskKind.REAUTHORIZE:
        return url_for("provider.show_component", component_id=task.subject_id)
    if "program_id" in task.detail:
        return url_for("provider.show_program", program_id=task.detail["program_id"])
    return url_for("provider.show_component", component_id=task.detail["component_id"])
