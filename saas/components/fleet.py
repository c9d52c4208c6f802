"""An existing fleet: who has authorized this component app already, read from WeChat page by page."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from saas import clock
from saas.components.models import ComponentApp, ComponentStatus, FleetImport, ImportStatus
from saas.components.wechat import wechat
from saas.errors import N_, Conflict
from saas.failures import explain_failure
from saas.queue import enqueue
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.wx.api.component import AuthorizerInfo, AuthorizerList
from saas.wx.errors import CallFailed

IMPORT = "jobs.components.import_fleet"
PAGE = 100
_THREADS = 8
_OPEN = (ImportStatus.QUEUED, ImportStatus.RUNNING)


def start_import(db: Session, component: ComponentApp, *, who: Who) -> FleetImport:
    """Have the fleet brought in by a job; a run that is under way goes on instead of a second one."""
    require(who, Verb.MANAGE)
    if component.status != ComponentStatus.READY:
        raise Conflict(N_("第三方平台还没有接通，暂时不能导入"), hint=N_("请先让检查清单全部通过。"))
    running = _running(db, component)
    if running is not None:
        return running
    run = FleetImport(provider_id=component.provider_id, component_id=component.id)
    try:
        with db.begin_nested():
            db.add(run)
    except IntegrityError:  # somebody else has just started one
        return _running(db, component) or start_import(db, component, who=who)
    activity.record(db, who, "component.import", component)
    enqueue(db, IMPORT, run.id)
    return run


def newest_import(db: Session, component: ComponentApp) -> FleetImport | None:
    query = select(FleetImport).where(FleetImport.component_id == component.id).order_by(FleetImport.id.desc())
    return db.scalar(query.limit(1))


def fail_import(run: FleetImport, error: BaseException) -> None:
    """Note why the run stopped; what it brought in stays, and a new run goes through the whole list again."""
    run.status, run.finished_at, run.error = ImportStatus.FAILED, clock.now(), type(error).__name__
    if isinstance(error, CallFailed):
        failure = explain_failure(error)
        run.errcode, run.operation, run.rid, run.error = (
            failure.errcode, failure.operation, failure.rid, failure.error,
        )  # fmt: skip


def read_page(component: ComponentApp, offset: int) -> AuthorizerList:
    """One page of the authorizer list. Call it without an open transaction."""
    return wechat(component).component.api_get_authorizer_list(offset=offset, count=PAGE)


def read_accounts(component: ComponentApp, appids: Sequence[str]) -> dict[str, AuthorizerInfo | CallFailed]:
    """Who these accounts are, several asked at a time, since the list names appids only."""
    client = wechat(component)

    def read(appid: str) -> AuthorizerInfo | CallFailed:
        try:
            return client.component.api_get_authorizer_info(appid)
        except CallFailed as error:
            return error

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="account") as pool:
        return dict(zip(appids, pool.map(read, appids), strict=True))


def _running(db: Session, component: ComponentApp) -> FleetImport | None:
    query = select(FleetImport).where(FleetImport.component_id == component.id, FleetImport.status.in_(_OPEN))
    return db.scalar(query)
