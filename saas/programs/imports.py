"""Bring in the mini programs that had authorized a component app before it was connected here."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas import clock
from saas.components.access import load_component
from saas.components.authorizations import store_refresh_token
from saas.components.fleet import fail_import, read_accounts, read_page
from saas.components.models import ComponentApp, FleetImport, ImportStatus, RefreshTokenSource
from saas.db import settle
from saas.failures import explain_failure
from saas.programs.access import program_by_appid
from saas.programs.exchange import ensure_program
from saas.programs.models import AuthorizationStatus, Program
from saas.programs.polling import wake
from saas.programs.profile import FETCH_AVATAR, write_profile
from saas.queue import enqueue
from saas.tenants import activity
from saas.tenants.access import system
from saas.wx.api.component import AuthorizerInfo, ListedAuthorizer
from saas.wx.errors import CallFailed, NotAuthorized
from saas.wx.release_check import is_test_account


class Outcome(StrEnum):
    """What became of one listed account; each is a counter of the run."""

    ADDED = "added"
    KNOWN = "known"
    SKIPPED = "skipped"
    FAILED = "failed"


def import_fleet(db: Session, run: FleetImport) -> None:
    """Go through the authorizer list from where the run stands, a transaction per page: a restart repeats one page.

    A passing failure is raised, so that the job comes back; any other ends the run with its reason.
    """
    if run.status not in (ImportStatus.QUEUED, ImportStatus.RUNNING):
        return
    component = load_component(db, run.component_id)
    run.status = ImportStatus.RUNNING
    try:
        while run.status == ImportStatus.RUNNING:
            _import_page(db, component, run)
    except CallFailed as error:
        if explain_failure(error).passing:
            raise
        fail_import(run, error)
    settle(db)


def add_listed_program(
    db: Session, component: ComponentApp, listed: ListedAuthorizer, info: AuthorizerInfo | CallFailed | None
) -> Outcome:
    """Keep one account of the list: its refresh token and, if it is a mini program, its row without a merchant.

    `info` is what WeChat answered about the account, None for one that is known already.
    """
    appid = listed["authorizer_appid"]
    program = program_by_appid(db, component, appid)
    if program is not None:
        if _keep_token(db, component, listed, None):
            _revive(db, program, listed)
        return Outcome.KNOWN
    if info is None or isinstance(info, NotAuthorized):
        return Outcome.SKIPPED
    if isinstance(info, CallFailed):
        return Outcome.FAILED
    if "MiniProgramInfo" not in info["authorizer_info"]:
        return Outcome.SKIPPED
    _keep_token(db, component, listed, info)
    program, _ = ensure_program(db, component, appid)
    program.authorized_at = _authorized_at(listed)
    write_profile(program, info)
    db.flush()
    activity.record(db, system(component.provider_id), "program.import", program, detail={"appid": appid})
    if program.avatar_url:
        enqueue(db, FETCH_AVATAR, program.id)
    return Outcome.ADDED


def _import_page(db: Session, component: ComponentApp, run: FleetImport) -> None:
    settle(db)
    page = read_page(component, run.offset)
    rows = page.get("list") or []
    listed = [row for row in rows if row.get("authorizer_appid") and not is_test_account(row["authorizer_appid"])]
    known = set(
        db.scalars(
            select(Program.appid).where(
                Program.component_id == component.id, Program.appid.in_([row["authorizer_appid"] for row in listed])
            )
        )
    )
    settle(db)
    accounts = read_accounts(
        component, [row["authorizer_appid"] for row in listed if row["authorizer_appid"] not in known]
    )
    outcomes = [add_listed_program(db, component, row, accounts.get(row["authorizer_appid"])) for row in listed]
    run.added += outcomes.count(Outcome.ADDED)
    run.known += outcomes.count(Outcome.KNOWN)
    run.skipped += outcomes.count(Outcome.SKIPPED) + len(rows) - len(listed)
    run.failed += outcomes.count(Outcome.FAILED)
    run.offset += len(rows)
    run.total = max(int(page.get("total_count") or 0), run.offset)
    if not rows or run.offset >= run.total:
        run.total, run.status, run.finished_at = run.offset, ImportStatus.DONE, clock.now()
        counts = {name: getattr(run, name) for name in ("total", "added", "known", "skipped", "failed")}
        activity.record(db, system(component.provider_id), "component.imported", component, detail=counts)


def _keep_token(db: Session, component: ComponentApp, listed: ListedAuthorizer, info: AuthorizerInfo | None) -> bool:
    value = listed.get("refresh_token") or ""
    if not value and info is not None:
        value = info["authorization_info"].get("authorizer_refresh_token") or ""
    source = RefreshTokenSource.AUTHORIZER_LIST
    return store_refresh_token(db, component, listed["authorizer_appid"], value, source, _authorized_at(listed))


def _revive(db: Session, program: Program, listed: ListedAuthorizer) -> None:
    """The list knows a token that we had lost, or an authorization whose event never came."""
    if program.authorization == AuthorizationStatus.AUTHORIZED:
        return
    program.authorization = AuthorizationStatus.AUTHORIZED
    program.authorized_at = _authorized_at(listed)
    wake(db, program)
    activity.record(db, system(program.provider_id), "program.authorize", program, detail={"source": "list"})


def _authorized_at(listed: ListedAuthorizer) -> datetime:
    return datetime.fromtimestamp(int(listed.get("auth_time") or 0), UTC)
