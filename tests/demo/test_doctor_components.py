"""`daiban doctor` looks at component apps with the board's own eyes."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from saas import clock, doctor, queue
from saas import db as database
from saas.cli import main
from saas.components.access import load_component
from saas.components.models import ComponentApp
from saas.config import Settings
from saas.db import platform_session, tenant_session
from tests.cast import Cast
from tests.components.conftest import component as component
from tests.components.conftest import ready as ready


def change(component: ComponentApp, **values: object) -> None:
    with tenant_session(component.provider_id) as db:
        row = load_component(db, component.id)
        for name, value in values.items():
            setattr(row, name, value)


@pytest.fixture
def alive(cast: Cast) -> None:
    with platform_session("test") as db:
        queue.beat(db, "worker")
        queue.beat(db, "cron")


def run(installed: Settings, *arguments: str) -> tuple[int, str]:
    """The command's exit code and output; it ends its process's connections, so they are made anew."""
    try:
        done = CliRunner().invoke(main, ["doctor", *arguments])
    finally:
        database.connect(installed)
    return done.exit_code, done.output


def test_a_healthy_component_app_is_no_fault(installed: Settings, ready: ComponentApp, alive: None) -> None:
    change(ready, last_token_at=clock.now())
    code, output = run(installed)
    assert code == 0, output
    assert "ok    alice: 爱丽平台: Ticket" in output


def test_a_refused_address_is_a_fault_with_its_repair(installed: Settings, ready: ComponentApp, alive: None) -> None:
    change(ready, last_errcode=61004, last_error_at=clock.now(), refused_ip="203.0.113.9")
    code, output = run(installed)
    assert code == 1
    assert "FAULT alice: 爱丽平台: IP list" in output
    assert "203.0.113.9" in output


def test_one_provider_as_json(installed: Settings, ready: ComponentApp, alive: None) -> None:
    change(ready, last_errcode=40125, last_error_at=clock.now())
    code, output = run(installed, "--provider", "alice", "--json")
    found = json.loads(output)
    assert (code, found["ok"]) == (1, False)
    (token,) = [one for one in found["findings"] if one["key"] == "token"]
    assert (token["tone"], token["provider"], token["component"]) == ("red", "alice", ready.appid)
    assert "40125" in token["text"]
    code, output = run(installed, "--provider", "charlie", "--json")
    assert (code, json.loads(output)["ok"]) == (0, True)
    assert run(installed, "--provider", "nobody")[0] == 1


def test_every_line_of_the_board_is_looked_at(installed: Settings, ready: ComponentApp) -> None:
    keys = [finding.key for finding in doctor.check_components("alice")]
    assert keys == [
        "ticket", "token", "ip_list", "pushes", "refused", "key", "refresh", "authorizations", "permissions", "quota",
        "calls", "counters",
    ]  # fmt: skip
