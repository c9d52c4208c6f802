"""The mini program that a registration led to: its row here, and finding it when WeChat's event is lost, which alone
names it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from saas.components.access import load_component
from saas.components.fleet import PAGE, read_accounts, read_page
from saas.components.models import ComponentApp
from saas.db import settle
from saas.failures import explain_failure
from saas.programs.access import program_by_appid
from saas.programs.exchange import ensure_program
from saas.programs.imports import add_listed_program
from saas.programs.merging import merge
from saas.programs.models import AuthorizationStatus, Program
from saas.programs.registration_kinds import kind_of
from saas.programs.registration_models import Registration, RegistrationKind, RegistrationStatus
from saas.wx.api.component import AuthorizerInfo, ListedAuthorizer
from saas.wx.errors import CallFailed

_MOST_PAGES = 100
_MOST_CANDIDATES = 50
_K = RegistrationKind


def is_result(db: Session, component: ComponentApp, appid: str) -> bool:
    """Whether a case has led to this mini program already."""
    program = program_by_appid(db, component, appid)
    return program is not None and bool(db.scalar(select(_has_case(Program.id)).where(Program.id == program.id)))


def adopt_result(db: Session, case: Registration, appid: str) -> Program:
    """The row of the mini program that came of the case, locked. One that was prepared here gets the appid, and takes
    in the row that its authorization made if that was faster.
    """
    component = load_component(db, case.component_id)
    prepared, made = _hold(db, case, appid)
    if prepared is not None and not prepared.appid:
        if made is None:
            prepared.appid, prepared.authorization = appid, AuthorizationStatus.AUTHORIZED
            db.flush()
        else:
            merge(db, prepared, made)
    return ensure_program(db, component, appid)[0]


def _hold(db: Session, case: Registration, appid: str) -> tuple[Program | None, Program | None]:
    """The case's mini program and the one with the appid, read anew and locked in the order of their ids."""
    named = (Program.component_id == case.component_id) & (Program.appid == appid)
    query = select(Program).where((Program.id == case.program_id) | named).order_by(Program.id).with_for_update()
    rows = {row.id: row for row in db.scalars(query.execution_options(populate_existing=True))}
    prepared = rows.pop(case.program_id, None) if case.program_id else None
    return prepared, next(iter(rows.values()), None)


def find_result(db: Session, case: Registration) -> str:
    """The appid of the one mini program that can have come from this case; "" when there is none or a choice."""
    company = _company_of(db, case)
    if not _is_tellable(db, case, company):
        return ""
    known = _known_results(db, case, company)
    if len(known) > 1 or (known and company):
        return known[0] if len(known) == 1 else ""
    component, since = load_component(db, case.component_id), _since(case)
    settle(db)
    listed = {row["authorizer_appid"]: row for row in _authorized_since(component, since)}
    query = select(Program.appid).where(Program.component_id == component.id, Program.appid.in_(listed))
    for appid in db.scalars(query):
        listed.pop(appid)
    settle(db)
    if len(listed) > _MOST_CANDIDATES:
        return ""
    accounts = read_accounts(component, list(listed))
    if any(isinstance(info, CallFailed) and explain_failure(info).passing for info in accounts.values()):
        return ""
    fitting = {
        appid: info
        for appid, info in accounts.items()
        if not isinstance(info, CallFailed) and _fits(case, company, info)
    }
    found = [*known, *fitting]
    if len(found) != 1:
        return ""
    for appid, info in fitting.items():
        add_listed_program(db, component, listed[appid], info)
        settle(db)  # whoever links it locks the case first, and then the mini program
    return found[0]


def _authorized_since(component: ComponentApp, since: datetime) -> Iterator[ListedAuthorizer]:
    for page in range(_MOST_PAGES):
        answer = read_page(component, page * PAGE)
        for row in answer.get("list") or []:
            if datetime.fromtimestamp(int(row.get("auth_time") or 0), UTC) >= since:
                yield row
        if (page + 1) * PAGE >= int(answer.get("total_count") or 0):
            return


def _fits(case: Registration, company: str, info: AuthorizerInfo) -> bool:
    account = info["authorizer_info"]
    if int(account.get("register_type") or 0) != kind_of(case).register_type:
        return False
    if company:
        return account.get("principal_name") == company
    return case.kind != _K.TRIAL or str(account.get("nick_name") or "").startswith(case.name)


def find_known_result(db: Session, case: Registration) -> str:
    """The appid of the one mini program of ours that authorized since and that no case has led to; "" otherwise."""
    company = _company_of(db, case)
    known = _known_results(db, case, company) if _is_tellable(db, case, company) else []
    return known[0] if len(known) == 1 else ""


def _known_results(db: Session, case: Registration, company: str) -> list[str]:
    query = select(Program.appid).where(
        *_new_here(case), Program.profile["register_type"].as_integer() == kind_of(case).register_type
    )
    if company:
        query = query.where(Program.company_name == company)
    elif case.kind == _K.TRIAL:
        query = query.where(Program.name.startswith(case.name, autoescape=True))
    return list(db.scalars(query.limit(2)))


def _company_of(db: Session, case: Registration) -> str:
    """The subject that the mini program will have, where that is a company that we know."""
    if case.kind == _K.OFFIACCOUNT:
        account = program_by_appid(db, load_component(db, case.component_id), case.offiaccount_appid)
        return account.company_name if account is not None else ""
    return case.name if case.kind == _K.ENTERPRISE else ""


def _is_tellable(db: Session, case: Registration, company: str) -> bool:
    """Whether a mini program shows that it came of this case.

    Nothing that WeChat tells of a person's does: no other case may be open then, and of no account may we still be
    learning what it is. Two cases of one official account do not tell which of its tickets made it, nor do trials
    whose names begin alike, because WeChat adds to a name.
    """
    others = select(Registration.id).where(
        Registration.component_id == case.component_id, Registration.kind == case.kind, Registration.id != case.id
    )
    open_ones = others.where(Registration.status.in_(_MAY_LEAD_TO_ONE))
    if case.kind == _K.ENTERPRISE:
        return True
    if case.kind == _K.OFFIACCOUNT:
        of_account, checking = Registration.offiaccount_appid == case.offiaccount_appid, RegistrationStatus.CHECKING
        doubts = [others.where(of_account, Registration.status == checking)]
    elif case.kind == _K.TRIAL:
        begins = func.starts_with(Registration.name, case.name) | func.starts_with(case.name, Registration.name)
        doubts = [open_ones.where(begins)]
    else:
        doubts = [open_ones, select(Program.id).where(*_new_here(case), Program.profile_read_at.is_(None))]
    return (bool(company) or case.kind != _K.OFFIACCOUNT) and not any(db.scalar(one.limit(1)) for one in doubts)


def _new_here(case: Registration) -> tuple[ColumnElement[bool], ...]:
    return Program.component_id == case.component_id, Program.authorized_at >= _since(case), ~_has_case(Program.id)


_MAY_LEAD_TO_ONE = (RegistrationStatus.SENDING, *(status for status in RegistrationStatus if status.is_open))


def _since(case: Registration) -> datetime:
    return (case.sent_at or case.created_at) - timedelta(minutes=1)


def _has_case(program_id: InstrumentedAttribute[UUID]) -> ColumnElement[bool]:
    return exists().where(Registration.program_id == program_id, Registration.status == RegistrationStatus.DONE)
