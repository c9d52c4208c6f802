"""What is kept of an authorization: refresh tokens with their history, the first access token, and how it ended.

Every change locks the authorization's row in `access_tokens`, so refreshes, pushes and imports cannot overtake each
other. WeChat's times have whole seconds, ours are cut to them before they are compared.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid5

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from saas import clock
from saas.components.models import AccessTokenRow, AuthorizationEnd, ComponentApp, RefreshToken, RefreshTokenSource
from saas.db import new_id
from saas.tenants.alarm_models import AlarmKind
from saas.tenants.alarms import clear_alarm, raise_alarm
from saas.tenants.models import TaskKind
from saas.tenants.tasks import close_task, open_task
from saas.wx.api.component import AuthorizationInfo


def authorization_id(component_id: UUID, appid: str) -> UUID:
    """The subject of an authorization's to-dos; any layer can name it without a look-up."""
    return uuid5(component_id, appid)


def store_authorization(db: Session, component: ComponentApp, info: AuthorizationInfo, *, granted_at: datetime) -> bool:
    """Keep what WeChat answered for an authorization code. `granted_at` is the event's CreateTime, or now.

    False when a newer authorization, or a later withdrawal, is known already: nothing is changed then.
    """
    appid = info["authorizer_appid"]
    value = info.get("authorizer_refresh_token", "")
    if not store_refresh_token(db, component, appid, value, RefreshTokenSource.AUTHORIZATION, granted_at):
        return False
    row = lock_authorization(db, component, appid)
    row.value = info.get("authorizer_access_token", "")
    row.expires_at = clock.now() + timedelta(seconds=int(info.get("expires_in") or 0))
    row.refreshed_at = clock.now()
    return True


def store_refresh_token(
    db: Session, component: ComponentApp, appid: str, value: str, source: RefreshTokenSource, granted_at: datetime,
    *, instead_of: int | None = None,
) -> bool:  # fmt: skip
    """Add a refresh token to the history; False for one that is blank, older, or known and void: nothing comes of it.

    A new authorization ends whatever refresh is under way with the old token. `instead_of` is the version that WeChat
    has just called void: if that is still the newest one, WeChat's list is right, whatever the times say.
    """
    if not value:
        return False
    granted_at = granted_at.replace(microsecond=0)
    row = lock_authorization(db, component, appid)
    newest = newest_refresh_token(db, component.id, appid)
    replaces_void = instead_of == (newest.version if newest else 0)
    if source is not RefreshTokenSource.REFRESH and not replaces_void and _is_late(row, granted_at):
        return False
    differs = newest is None or newest.value != value
    if differs:
        version = newest.version + 1 if newest else 1
        token = RefreshToken(
            provider_id=component.provider_id, component_id=component.id, appid=appid, version=version,
            source=source.value, granted_at=granted_at,
        )  # fmt: skip
        token.value = value
        db.add(token)
    if source is RefreshTokenSource.REFRESH:
        return differs
    row.authorized_at = max(granted_at, row.authorized_at or granted_at)
    if row.ended_at is not None and (differs or source is RefreshTokenSource.AUTHORIZATION):
        row.ended_at, row.ended_why = None, ""
        _close(db, component, authorization_id(component.id, appid))
    if source is RefreshTokenSource.AUTHORIZATION:
        row.value, row.expires_at = "", None
    if not replaces_void and (differs or source is RefreshTokenSource.AUTHORIZATION):
        row.fence += 1
    db.flush()
    return row.ended_at is None


def end_authorization(
    db: Session, component: ComponentApp, appid: str, *, happened_at: datetime,
    why: AuthorizationEnd = AuthorizationEnd.UNAUTHORIZED,
) -> bool:  # fmt: skip
    """Drop the tokens of a withdrawn authorization, so that nothing calls WeChat for it any more.

    False when a newer authorization is known: a late push never overrides it.
    """
    happened_at = happened_at.replace(microsecond=0)
    row = lock_authorization(db, component, appid)
    if row.authorized_at is not None and row.authorized_at > happened_at:
        return False
    row.value, row.expires_at, row.lease_until = "", None, None
    row.fence += 1
    row.ended_at, row.ended_why = happened_at, why.value
    subject = authorization_id(component.id, appid)
    if why is AuthorizationEnd.LOST:
        detail = {"component_id": str(component.id), "appid": appid}
        open_task(db, component.provider_id, TaskKind.REAUTHORIZE, subject, detail)
        alarm = detail | {"name": appid}
        raise_alarm(db, component.provider_id, AlarmKind.AUTHORIZATION_LOST, subject, alarm)
    else:
        _close(db, component, subject)
    db.flush()
    return True


def newest_refresh_token(db: Session, component_id: UUID, appid: str) -> RefreshToken | None:
    query = select(RefreshToken).where(RefreshToken.component_id == component_id, RefreshToken.appid == appid)
    return db.scalar(query.order_by(RefreshToken.version.desc()).limit(1))


def lock_authorization(db: Session, component: ComponentApp, appid: str) -> AccessTokenRow:
    """The authorization's row, made when missing, locked until the transaction ends, as it is now."""
    row = insert(AccessTokenRow).values(
        id=new_id(), created_at=clock.now(), provider_id=component.provider_id, component_id=component.id, appid=appid,
        fence=0, ended_why="",
    )  # fmt: skip
    db.execute(row.on_conflict_do_nothing(index_elements=["component_id", "appid"]))
    query = select(AccessTokenRow).where(AccessTokenRow.component_id == component.id, AccessTokenRow.appid == appid)
    return db.scalars(query.with_for_update().execution_options(populate_existing=True)).one()


def _close(db: Session, component: ComponentApp, subject: UUID) -> None:
    """Nobody has to ask the merchant any more: she authorized again, or withdrew by herself."""
    close_task(db, component.provider_id, TaskKind.REAUTHORIZE, subject)
    clear_alarm(db, component.provider_id, AlarmKind.AUTHORIZATION_LOST, subject)


def _is_late(row: AccessTokenRow, granted_at: datetime) -> bool:
    """Whether a newer authorization, or a withdrawal after this one, is known."""
    if row.authorized_at is not None and granted_at < row.authorized_at:
        return True
    return row.ended_why == AuthorizationEnd.UNAUTHORIZED and row.ended_at is not None and granted_at < row.ended_at
