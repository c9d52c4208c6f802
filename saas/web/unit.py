"""One transaction per request: begun where a blueprint finds out whose it is, committed once the answer is made.

An answer of 400 and above rolls back; what must be kept all the same (a refused try) is settled by its service.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from uuid import UUID

from flask import Flask, Response, g
from sqlalchemy.orm import Session

from saas.db import platform_session, tenant_session


def begin_for(provider_id: UUID) -> Session:
    """Open the request's session for one provider as `g.db`."""
    end(keep=False)
    g.unit = ExitStack()
    g.db = g.unit.enter_context(tenant_session(provider_id))
    return g.db  # type: ignore[no-any-return]


def begin_for_platform(reason: str) -> Session:
    """Open the request's session above the tenants as `g.db`."""
    end(keep=False)
    g.unit = ExitStack()
    g.db = g.unit.enter_context(platform_session(reason))
    return g.db  # type: ignore[no-any-return]


class _Discarded(Exception):
    """Tells the session to roll back."""


def end(*, keep: bool) -> None:
    """Commit or roll back, if a session is open."""
    unit: ExitStack | None = g.pop("unit", None)
    g.pop("db", None)
    if unit is None:
        return
    if keep:
        unit.close()
        return
    try:
        raise _Discarded
    except _Discarded:
        unit.__exit__(*sys.exc_info())


def settle_at_the_end(app: Flask) -> None:
    @app.after_request
    def finish(response: Response) -> Response:
        end(keep=response.status_code < 400)
        return response

    @app.teardown_request
    def discard(_error: BaseException | None) -> None:
        end(keep=False)
