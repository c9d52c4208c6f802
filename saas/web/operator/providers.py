"""The operator's first pages: providers with their size and state, suspending, failed jobs."""

from __future__ import annotations

from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from saas.errors import N_, Invalid
from saas.tenants import operating
from saas.tenants.models import PlatformRole, ProviderStatus
from saas.web.forms import Form, TextField, at_most, required
from saas.web.going import done
from saas.web.operator.blueprint import operator
from saas.web.pages import render

_PAGE = 50
STATES = {
    ProviderStatus.TRIAL: (N_("试用中"), "info"),
    ProviderStatus.ACTIVE: (N_("使用中"), "success"),
    ProviderStatus.SUSPENDED: (N_("已暂停"), "danger"),
    ProviderStatus.CLOSED: (N_("已关闭"), "secondary"),
}


class ReasonForm(Form):
    reason = TextField(_l("原因"), [required(), at_most(300)])


@operator.get("/")
def list_providers() -> ResponseReturnValue:
    search = request.args.get("q", "").strip()[:60]
    status = request.args.get("status", "")
    rows = operating.list_providers(
        g.db, search=search, status=status if status in list(ProviderStatus) else "", before=_before(), limit=_PAGE + 1
    )
    last = rows[_PAGE - 1].id if len(rows) > _PAGE else None
    return render(
        "operator/providers.html", rows=rows[:_PAGE], search=search, chosen=status, states=STATES,
        may_inspect=operating.may_inspect(g.platform_who),
        next_url=url_for("operator.list_providers", q=search, status=status, before=last) if last else "",
        first_url=url_for("operator.list_providers", q=search, status=status) if _before() else "",
    )  # fmt: skip


@operator.get("/providers/<uuid:provider_id>")
def show_provider(provider_id: UUID) -> ResponseReturnValue:
    return _page(provider_id, ReasonForm(formdata=None))


@operator.post("/providers/<uuid:provider_id>/suspend")
def suspend_provider(provider_id: UUID) -> ResponseReturnValue:
    operating.require_operator(g.platform_who)
    form = ReasonForm()
    if form.validate_on_submit():
        found = operating.get_provider(g.db, provider_id, who=g.platform_who)
        try:
            operating.suspend(g.db, found, who=g.platform_who, reason=form.reason.data or "")
        except Invalid as error:
            form.refuse(error)
        else:
            return done(_("已暂停"), url_for("operator.show_provider", provider_id=provider_id))
    return _page(provider_id, form, status=422)


@operator.post("/providers/<uuid:provider_id>/resume")
def resume_provider(provider_id: UUID) -> ResponseReturnValue:
    operating.resume(g.db, operating.get_provider(g.db, provider_id, who=g.platform_who), who=g.platform_who)
    return done(_("已恢复"), url_for("operator.show_provider", provider_id=provider_id))


@operator.get("/jobs")
def list_failed_jobs() -> ResponseReturnValue:
    rows = operating.failed_jobs(g.db, who=g.platform_who, before=_before(), limit=_PAGE + 1)
    last = rows[_PAGE - 1][0].id if len(rows) > _PAGE else None
    return render(
        "operator/jobs.html", rows=rows[:_PAGE], may_retry=_is_operator(),
        next_url=url_for("operator.list_failed_jobs", before=last) if last else "",
        first_url=url_for("operator.list_failed_jobs") if _before() else "",
    )  # fmt: skip


@operator.post("/jobs/<uuid:job_id>/retry")
def retry_job(job_id: UUID) -> ResponseReturnValue:
    operating.retry_job(g.db, job_id, who=g.platform_who)
    return done(_("任务将重新执行"), url_for("operator.list_failed_jobs"))


def _page(provider_id: UUID, form: ReasonForm, *, status: int = 200) -> ResponseReturnValue:
    one = operating.get_provider(g.db, provider_id, who=g.platform_who)
    return render(
        "operator/provider.html", one=one, owners=operating.owners_of(g.db, one), form=form, states=STATES,
        may_change=_is_operator(), status=status,
    )  # fmt: skip


def _is_operator() -> bool:
    return bool(g.platform_who.role is PlatformRole.OPERATOR)


def _before() -> UUID | None:
    try:
        return UUID(request.args["before"])
    except (KeyError, ValueError):
        return None
