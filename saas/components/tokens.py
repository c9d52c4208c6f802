"""Access tokens of a component app and of the mini programs under it: stored, leased, fetched by one process at a time.

Every step is a short transaction of its own; none is open while WeChat is asked. Leases run on the database's clock,
which is the same for all processes and is never moved; expiry runs on `saas.clock`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from saas import clock, vault
from saas.components.access import load_component
from saas.components.authorizations import (
    end_authorization,
    lock_authorization,
    newest_refresh_token,
    store_refresh_token,
)
from saas.components.faults import note_fault, note_token
from saas.components.models import AccessTokenRow, AuthorizationEnd, ComponentApp, RefreshTokenSource
from saas.components.tickets import newest_ticket
from saas.db import new_id, run_at_once, tenant_session
from saas.errors import N_
from saas.queue import Lane, enqueue
from saas.wx import errors
from saas.wx.api.component import ListedAuthorizer
from saas.wx.client import TokenSource, WxClient
from saas.wx.tokens import AccessToken, Fetched, TokenUnavailable, current_token

AHEAD = timedelta(minutes=5)
AHEAD_BY_CRON = timedelta(minutes=20)
_FRESH = 5.0
"""Seconds for which one client goes on with a token that it has read: the few calls of one piece of work."""
_PAGE = 500


_READ = """
select value_sealed, expires_at from access_tokens
where component_id = %(component)s and appid = %(appid)s and provider_id = %(provider)s
"""
_PURPOSE = "access_tokens.value"


class TokenRow:
    """One token's row, as `saas.wx.tokens` wants it. `appid` is empty for the component app's own token.

    `last` is what was last read. It is read before nearly every call to WeChat, so past the mapper.
    """

    def __init__(self, provider_id: UUID, component_id: UUID, appid: str = "") -> None:
        self._provider_id = provider_id
        self._component_id = component_id
        self._appid = appid
        self._is_mine = (AccessTokenRow.component_id == component_id, AccessTokenRow.appid == appid)
        self.last: AccessToken | None = None

    def read(self) -> AccessToken | None:
        self.last = None
        mine = {"component": self._component_id, "appid": self._appid, "provider": self._provider_id}
        for sealed, expires_at in run_at_once(_READ, mine):  # past the tenants' wall, so it names the provider
            if sealed and expires_at:
                value = vault.open_sealed(self._provider_id, bytes(sealed), purpose=_PURPOSE).decode()
                self.last = AccessToken(value, expires_at)
        return self.last

    def lease(self, seconds: float) -> int | None:
        until = func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, 0, seconds)
        taking = insert(AccessTokenRow).values(
            id=new_id(), created_at=clock.now(), provider_id=self._provider_id, component_id=self._component_id,
            appid=self._appid, fence=1, lease_until=until, ended_why="",
        )  # fmt: skip
        with tenant_session(self._provider_id) as db:
            return db.execute(
                taking.on_conflict_do_update(
                    index_elements=["component_id", "appid"],
                    set_={"fence": AccessTokenRow.fence + 1, "lease_until": until},
                    where=or_(
                        AccessTokenRow.lease_until.is_(None), AccessTokenRow.lease_until < func.clock_timestamp()
                    ),
                ).returning(AccessTokenRow.fence)
            ).scalar_one_or_none()

    def save(self, fence: int, fetched: Fetched) -> bool:
        with tenant_session(self._provider_id) as db:
            component = load_component(db, self._component_id)
            row = lock_authorization(db, component, self._appid)
            if row.fence != fence:
                return False
            row.value = fetched.access_token
            row.expires_at = clock.now() + timedelta(seconds=fetched.expires_in)
            row.refreshed_at = clock.now()
            if not self._appid:
                note_token(db, component)
            elif fetched.refresh_token:
                source = RefreshTokenSource.REFRESH
                store_refresh_token(db, component, self._appid, fetched.refresh_token, source, clock.now())
            return True

    def release(self, fence: int) -> None:
        with tenant_session(self._provider_id) as db:
            db.execute(
                update(AccessTokenRow)
                .where(*self._is_mine, AccessTokenRow.fence == fence)
                .values(lease_until=None)
                .execution_options(synchronize_session=False)
            )


class ComponentTokens:
    """The token source of one component app's client. `connect` makes that client, which also fetches the tokens."""

    def __init__(self, component: ComponentApp, connect: Callable[[TokenSource], WxClient]) -> None:
        self._provider_id = component.provider_id
        self._component_id = component.id
        self._fresh: dict[str, tuple[AccessToken, float]] = {}
        self.client = connect(self)

    def component_token(self, refused: str | None = None, *, ahead: timedelta = AHEAD) -> str:
        return self._current("", self._fetch_component_token, refused, ahead)

    def authorizer_token(self, appid: str, refused: str | None = None, *, ahead: timedelta = AHEAD) -> str:
        return self._current(appid, lambda: self._fetch_authorizer_token(appid), refused, ahead)

    def _current(self, appid: str, fetch: Callable[[], Fetched], refused: str | None, ahead: timedelta) -> str:
        known = self._fresh.get(appid) if refused is None else None  # threads share this
        if known is not None:
            token, until = known
            if time.monotonic() < until and token.expires_at > clock.now() + ahead:
                return token.value
        store = TokenRow(self._provider_id, self._component_id, appid)
        try:
            value = current_token(store, fetch, now=clock.now, sleep=time.sleep, refused=refused, ahead=ahead)
        except TokenUnavailable as error:
            raise errors.WeChatUnreachable(str(error), sent_maybe=False, appid=appid or None) from error
        if store.last is not None and store.last.value == value:
            self._fresh[appid] = store.last, time.monotonic() + _FRESH
        else:
            self._fresh.pop(appid, None)
        return value

    def _fetch_component_token(self) -> Fetched:
        operation = "getComponentAccessToken"
        with tenant_session(self._provider_id) as db:
            component = load_component(db, self._component_id)
            ticket = newest_ticket(db, component)
            secret, value = component.secret, ticket.value if ticket else ""
        if not value:
            raise errors.TicketInvalid(61005, N_("还没有收到微信推送的验证票据"), operation=operation)
        try:
            answer = self.client.component.api_component_token(
                component_appsecret=secret, component_verify_ticket=value
            )
        except errors.WeChatError as error:
            with tenant_session(self._provider_id) as db:
                note_fault(db, load_component(db, self._component_id), error)
            raise
        return _fetched(answer, "component_access_token", operation)

    def _fetch_authorizer_token(self, appid: str) -> Fetched:
        with tenant_session(self._provider_id) as db:
            row = db.scalar(
                select(AccessTokenRow).where(
                    AccessTokenRow.component_id == self._component_id, AccessTokenRow.appid == appid
                )
            )
            ended = row.ended_why if row is not None else ""
            known = newest_refresh_token(db, self._component_id, appid)
            version, value = (known.version, known.value) if known else (0, "")
        if ended:
            raise _ended(ended, appid)
        try:
            if value:
                return self._refresh(appid, version, value)
        except errors.RefreshTokenInvalid:
            pass
        return self._rebuild(appid, version, value)

    def _refresh(self, appid: str, version: int, refresh_token: str) -> Fetched:
        try:
            answer = self.client.component.api_authorizer_token(appid, authorizer_refresh_token=refresh_token)
        except errors.NotAuthorized:
            self._end(appid, version, AuthorizationEnd.UNAUTHORIZED)
            raise
        return _fetched(answer, "authorizer_access_token", "getAuthorizerAccessToken")

    def _rebuild(self, appid: str, version: int, void: str) -> Fetched:
        """The refresh token is unknown or void: take the one of WeChat's authorizer list, once; else it is lost."""
        listed = self._listed(appid)
        value = (listed or {}).get("refresh_token") or ""
        if listed is None or not value or value == void:
            self._end(appid, version, AuthorizationEnd.LOST)
            raise _ended(AuthorizationEnd.LOST, appid)
        granted_at = datetime.fromtimestamp(int(listed.get("auth_time") or 0), UTC)
        with tenant_session(self._provider_id) as db:
            component = load_component(db, self._component_id)
            stored = store_refresh_token(
                db, component, appid, value, RefreshTokenSource.AUTHORIZER_LIST, granted_at, instead_of=version
            )
        if not stored:  # a new authorization came in meanwhile
            return self._fetch_authorizer_token(appid)
        try:
            return self._refresh(appid, version + 1, value)
        except errors.RefreshTokenInvalid:
            self._end(appid, version + 1, AuthorizationEnd.LOST)
            raise

    def _listed(self, appid: str) -> ListedAuthorizer | None:
        offset = 0
        while True:
            page = self.client.component.api_get_authorizer_list(offset=offset, count=_PAGE)
            rows = page.get("list") or []
            for row in rows:
                if row.get("authorizer_appid") == appid:
                    return row
            offset += len(rows)
            if not rows or offset >= int(page.get("total_count") or 0):
                return None

    def _end(self, appid: str, version: int, why: AuthorizationEnd) -> None:
        """Mark the authorization as over, unless a newer one came in meanwhile, and let the upper layers know."""
        with tenant_session(self._provider_id) as db:
            component = load_component(db, self._component_id)
            row = lock_authorization(db, component, appid)
            newest = newest_refresh_token(db, self._component_id, appid)
            if (newest.version if newest else 0) == version:
                end_authorization(db, component, appid, happened_at=clock.now(), why=why)
                enqueue(db, "jobs.tokens.tell_of_end", row.id, lane=Lane.URGENT)


def list_expiring(provider_id: UUID, component_id: UUID, *, ahead: timedelta = AHEAD_BY_CRON) -> list[str]:
    """The appids whose tokens run out soon, the next to expire first; "" stands for the component app itself."""
    with tenant_session(provider_id) as db:
        query = (
            select(AccessTokenRow.appid)
            .where(
                AccessTokenRow.component_id == component_id, AccessTokenRow.ended_at.is_(None),
                AccessTokenRow.expires_at < clock.now() + ahead,
            )
            .order_by(text("appid <> ''"), AccessTokenRow.expires_at)
        )  # fmt: skip
        return list(db.scalars(query))


def _ended(why: str, appid: str) -> errors.WeChatError:
    """Known without asking WeChat: what it would answer."""
    operation = "getAuthorizerAccessToken"
    if why == AuthorizationEnd.UNAUTHORIZED:
        return errors.NotAuthorized(61003, N_("商家已取消授权"), operation=operation, appid=appid)
    return errors.RefreshTokenInvalid(61023, N_("刷新凭证已失效，且授权列表中也没有"), operation=operation, appid=appid)


def _fetched(answer: Mapping[str, Any], name: str, operation: str) -> Fetched:
    try:
        return Fetched(
            str(answer[name] or ""), int(answer["expires_in"]), answer.get("authorizer_refresh_token") or None
        )
    except (KeyError, TypeError, ValueError):
        raise errors.UnreadableAnswer(f"{operation}: no usable token", operation=operation) from None
