"""The sandbox as a Flask application: wiring only."""

from __future__ import annotations

import os
from ipaddress import ip_address
from pathlib import Path

from flask import Flask, abort, request

from saas.sandbox.api import gate
from saas.sandbox.clock import Clock
from saas.sandbox.pages import (
    applications,
    categories,
    certification,
    console,
    desk,
    errand,
    faults,
    filing,
    filters,
    login,
    manual,
    names,
    overview,
    penalties,
    phone,
    registration,
    remote,
    service_messages,
    sign_in,
)
from saas.sandbox.people import seed_first_accounts
from saas.sandbox.plugins import seed_first_plugins
from saas.sandbox.pusher import Pusher
from saas.sandbox.schemas import WRONG_ANSWERS
from saas.sandbox.state import State
from saas.sandbox.world import World

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def create_sandbox(state_path: Path, *, public_url: str, clock_file: Path | None = None) -> Flask:
    """A local WeChat whose memory is the SQLite file `state_path`.

    `public_url` is its own address. `clock_file` receives the seconds by which its time was moved. Pushes go out once
    `app.extensions["sandbox"].pusher.start()` was called, which `saas.sandbox.server` does.
    """
    state = State(state_path)
    clock = Clock(clock_file or state_path.with_suffix(".clock"))
    with state.turn() as db:
        seed_first_accounts(db)
        seed_first_plugins(db)
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 32 * 1024 * 1024
    wrong_answers = Path(os.environ[WRONG_ANSWERS]) if os.environ.get(WRONG_ANSWERS) else None
    app.extensions["sandbox"] = World(state, clock, public_url.rstrip("/"), Pusher(state, clock), wrong_answers)
    app.before_request(_only_loopback)
    app.register_blueprint(gate.make_routes())
    for part in (
        login,
        phone,
        certification,
        registration,
        errand,
        filing,
        desk,
        applications,
        names,
        categories,
        penalties,
        console,
        overview,
        faults,
        manual,
        remote,
        sign_in,
        service_messages,
    ):
        app.register_blueprint(part.pages)
    filters.install(app)
    return app


def _only_loopback() -> None:
    """The desks and the control have no sign-in, so nobody but this machine may reach them."""
    from_here = ip_address(request.remote_addr or "::").is_loopback
    if not from_here or request.host.rsplit(":", 1)[0].strip("[]") not in LOOPBACK:
        abort(403)
