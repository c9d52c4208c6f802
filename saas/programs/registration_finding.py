"""The mini program that a registration led to: its row here, and finding it when WeChat's event is lost, which alone
names it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from saas.components.access import load_component
from saas.components.fleet import PAGE, read_accounts, read_page
from saas.components.models import ComponentApp
from saas.db import settle
from saas.programs.access import load_program, program_by_appid
from saas.programs.exchange import ensure_program
from saas.programs.imports import add_listed_program
from saas.programs.models import AuthorizationLink, AuthorizationStatus, Program, ProgramTag
from saas.programs.noticing import Kept, notice
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
    """The row of the mini program that came of the case, locked. One that was prepared here gets the appid; if its
    authorization was faster and made a row, that one takes over what was prepared.
    """
    component = load_component(db, case.component_id)
    prepared = load_program(db, case.program_id) if case.program_id else None
    known = program_by_appid(db, component, appid)
    if prepared is not None and not prepared.appid:
        if known is None:
            prepared.appid, prepared.authorization = appid, AuthorizationStatus.AUTHORIZED
            db.flush()
        else:
            _take_over(db, prepared, known)
    return ensure_program(db, component, appid)[0]


def _take_over(db: Session, prepared: Program, known: Program) -> None:
    known.merchant_id = known.merchant_id or prepared.merchant_id
    known.owner_id = known.owner_id or prepared.owner_id
    known.note = known.note or prepared.note
    known.ext_values = {**prepared.ext_values, **known.ext_values}
    for table in (Registration, AuthorizationLink):
        db.execute(update(table).where(table.program_id == prepared.id).values(program_id=known.id))
    db.execute(update(ProgramTag).where(ProgramTag.program_id == prepared.id).values(program_id=known.id))
    notice(db, known.id, Kept.SEARCH)
    db.expire_all()
    db.delete(load_program(db, prepared.id))
    db.flush()


def find_result(db: Session, case: Registration) -> str:
    """The appid of the one mini program that can have come from this case; "" when there is none or a choice."""
    if known := find_known_result(db, case):
        return known
    component, since = load_component(db, case.component_id), _since(case)
    settle(db)
    listed = {row["authorizer_appid"]: row for row in _authorized_since(component, since)}
    query = select(Program.appid).where(Program.component_id == component.id, Program.appid.in_(listed))
    for appid in db.scalars(query):
        listed.pop(appid)
    settle(db)
    accounts = read_accounts(component, list(listed)[:_MOST_CANDIDATES])
    fitting = {
        appid: info for appid, info in accounts.items() if not isinstance(info, CallFailed) and _fits(case, info)
    }
    if len(fitting) != 1:
        return ""
    [(appid, info)] = fitting.items()
    add_listed_program(db, component, listed[appid], info)
    return appid


def _authorized_since(component: ComponentApp, since: datetime) -> Iterator[ListedAuthorizer]:
    for page in range(_MOST_PAGES):
        answer = read_page(component, page * PAGE)
        for row in answer.get("list") or []:
            if datetime.fromtimestamp(int(row.get("auth_time") or 0), UTC) >= since:
                yield row
        if (page + 1) * PAGE >= int(answer.get("total_count") or 0):
            return


def _fits(case: Registration, info: AuthorizerInfo) -> bool:
    account = info["authorizer_info"]
    if int(account.get("register_type") or 0) != kind_of(case).register_type:
        return False
    if case.kind == _K.ENTERPRISE:
        return account.get("principal_name") == case.name
    return case.kind != _K.TRIAL or str(account.get("nick_name") or "").startswith(case.name)


def find_known_result(db: Session, case: Registration) -> str:
    """A mini program of ours that authorized since and that no case has led to."""
    query = select(Program).where(
        Program.component_id == case.component_id, Program.authorized_at >= _since(case), ~_has_case(Program.id),
        Program.profile["register_type"].as_integer() == kind_of(case).register_type,
    )  # fmt: skip
    if case.kind == _K.ENTERPRISE:
        query = query.where(Program.company_name == case.name)
    elif case.kind == _K.TRIAL:
        query = query.where(Program.name.startswith(case.name, autoescape=True))
    found = list(db.scalars(query.limit(2)))
    return found[0].appid if len(found) == 1 else ""


def _since(case: Registration) -> datetime:
    return (case.sent_at or case.created_at) - timedelta(minutes=1)


def _has_case(program_id: InstrumentedAttribute[UUID]) -> ColumnElement[bool]:
    return exists().where(Registration.program_id == program_id, Registration.status == RegistrationStatus.DONE)
