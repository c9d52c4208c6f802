"""The client of WeChat's API for one component app: the only way out of this program to WeChat."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import structlog

from saas import clock
from saas.components import call_log as calls
from saas.components.budgets import taker
from saas.components.limits import rate_limiter
from saas.components.models import ComponentApp
from saas.components.origins import origin_of, refuse_if_resting
from saas.components.tokens import ComponentTokens
from saas.config import settings
from saas.db import new_id, tenant_session, transaction_is_open
from saas.queue import Lane, enqueue
from saas.wx.client import CallRecord, TokenSource, WxClient
from saas.wx.connections import Wire
from saas.wx.transport import process_wire

log = structlog.get_logger()

_IP_REFUSED = frozenset({61004, 40164})


class TransactionOpen(RuntimeError):
    """A call to WeChat was about to be made while this thread holds a transaction: call `saas.db.settle` first."""


def wechat(component: ComponentApp) -> WxClient:
    """The component app's client. Settle the session before every call; each call lands in the call log."""
    return component_tokens(component).client


def component_tokens(component: ComponentApp, wire: Wire | None = None) -> ComponentTokens:
    """The client's token source, for those who refresh ahead of need. `wire` is the process's own unless given."""
    provider_id, component_id, appid = component.provider_id, component.id, component.appid

    def connect(tokens: TokenSource) -> WxClient:
        return WxClient(
            component_appid=appid, tokens=tokens, wire=wire or process_wire(), api_url=settings().wechat_api_url,
            record=call_log(provider_id, component_id), before=refuse_open_transaction,
            limiter=rate_limiter(component_id), take=taker(provider_id, component_id),
        )  # fmt: skip

    return ComponentTokens(component, connect)


def refuse_open_transaction() -> None:
    """The client's first hook: no transaction may stay open while WeChat thinks. Nor is anybody asked in vain."""
    if transaction_is_open():
        raise TransactionOpen("settle the session before calling WeChat")
    refuse_if_resting()


def call_log(provider_id: UUID, component_id: UUID) -> Callable[[CallRecord], None]:
    """The client's record hook: one row per request. A refused address has the component app checked at once."""

    def write(record: CallRecord) -> None:
        if not record.ok:
            log.warning(
                "wechat_call", operation=record.operation, program=record.appid, errcode=record.errcode,
                rid=record.rid, ms=record.ms, problem=record.problem, component=str(component_id),
            )  # fmt: skip
        calls.write(
            {
                "id": new_id(), "created_at": clock.now(), "provider_id": provider_id, "component_id": component_id,
                "appid": record.appid or "", "operation": record.operation, "errcode": record.errcode,
                "rid": record.rid or "", "ms": record.ms, "fault": record.problem or "",
                "origin": origin_of(record.operation).value,
            }
        )  # fmt: skip
        if record.errcode in _IP_REFUSED and record.operation != "getComponentAccessToken":
            with tenant_session(provider_id) as db:
                enqueue(db, "jobs.components.check", component_id, lane=Lane.URGENT)

    return write
