"""`daiban doctor` finds each fault and says how to repair it; `daiban` answers small questions."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from saas import db as database
from saas import doctor, queue
from saas.cli import main
from saas.config import Settings
from saas.db import platform_session
from saas.doctor import Fault
from saas.embedded import EmbeddedPostgres
from tests.cast import Cast


@contextmanager
def connected(settings: Settings, **changed: str) -> Iterator[Settings]:
    """The process connected as other settings say, and back."""
    other = settings.model_copy(update=changed)
    database.connect(other)
    try:
        yield other
    finally:
        database.connect(settings)


def test_a_healthy_installation_has_no_fault(cast: Cast, installed: Settings) -> None:
    with platform_session("test") as db:
        queue.beat(db, "worker")
        queue.beat(db, "cron")
    for check in doctor.CHECKS.values():
        assert check(installed)


def test_a_database_that_does_not_answer(installed: Settings) -> None:
    away = installed.model_copy(update={"database_url": "postgresql+psycopg://app:hidden@127.0.0.1:1/daiban"})
    with pytest.raises(Fault) as fault:
        doctor.check_database(away)
    assert "DATABASE_URL" in str(fault.value)
    assert "hidden" not in str(fault.value)


def test_a_schema_that_is_missing(installed: Settings, postgres: EmbeddedPostgres) -> None:
    postgres.prepare_database("bare")
    url = postgres.url("daiban_platform", "bare")
    with connected(installed, database_platform_url=url) as other, pytest.raises(Fault, match="missing") as fault:
        doctor.check_schema(other)
    assert fault.value.repair == "Run: daiban migrate"
    postgres.drop_database("bare")


@pytest.mark.parametrize(
    ("tenant", "platform", "said"),
    [
        ("daiban_platform", "daiban_platform", "stands above"),
        ("daiban_owner", "daiban_platform", "stands above"),
        ("postgres", "daiban_platform", "stands above"),
        ("daiban_app", "daiban_app", "is held by"),
    ],
)
def test_logins_on_the_wrong_side_of_the_wall(
    installed: Settings, postgres: EmbeddedPostgres, tenant: str, platform: str, said: str
) -> None:
    urls = {"database_url": postgres.url(tenant), "database_platform_url": postgres.url(platform)}
    with connected(installed, **urls) as other, pytest.raises(Fault, match=said):
        doctor.check_logins(other)


def test_a_hole_in_the_wall(installed: Settings, postgres: EmbeddedPostgres) -> None:
    with postgres.superuser("daiban") as connection:
        connection.execute("alter table merchants no force row level security")
        try:
            with pytest.raises(Fault, match="merchants"):
                doctor.check_wall(installed)
        finally:
            connection.execute("alter table merchants force row level security")


def test_redis_that_is_away(installed: Settings) -> None:
    with pytest.raises(Fault, match="redis://"):
        doctor.check_redis(installed.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"}))


def test_files_that_cannot_be_written(installed: Settings, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file, not a folder")
    with pytest.raises(Fault, match="home"):
        doctor.check_files(installed.model_copy(update={"home": tmp_path / "home"}))


def test_a_master_key_that_opens_nothing(cast: Cast, installed: Settings) -> None:
    other = base64.b64encode(secrets.token_bytes(32)).decode()
    with pytest.raises(Fault, match="no master key"):
        doctor.check_keys(installed.model_copy(update={"master_key": other}))


def test_processes_that_are_silent(ground: Settings) -> None:
    with pytest.raises(Fault, match="no worker"):
        doctor.check_processes(ground)


def test_a_new_master_key_is_one(installed: Settings) -> None:
    made = CliRunner().invoke(main, ["keys", "new"]).output.strip()
    assert len(base64.b64decode(made)) == 32


def test_an_errcode_is_explained_in_both_languages() -> None:
    chinese = CliRunner().invoke(main, ["errcode", "61023"])
    english = CliRunner().invoke(main, ["errcode", "61023", "--lang", "en"])
    assert chinese.exit_code == english.exit_code == 0
    assert chinese.output != english.output
    assert CliRunner().invoke(main, ["errcode", "123456789"]).exit_code == 1
