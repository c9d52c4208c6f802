"""Real PostgreSQL and Valkey for every test that asks for them; each test starts with empty tables."""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Callable, Generator, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import redis
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis
from sqlalchemy import select

from jobs import shift
from saas import db as database
from saas import queue
from saas.config import Settings, load_settings, settings
from saas.embedded import EmbeddedPostgres, EmbeddedValkey
from saas.migrate import migrate
from saas.sandbox.schemas import WRONG_ANSWERS
from saas.tenants import keys
from saas.wx.limits import ZONE
from tests.cast import Cast, make_cast
from tests.standing import wrong_stages

hypothesis.register_profile("daiban", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis.load_profile("daiban")  # no test asserts times, whatever else this machine does


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A report travels between processes, so what a test logged may not hold half a character there."""
    report = yield
    report.sections = [(name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections]
    return report


HOUR = int(os.environ.get("DAIBAN_TEST_HOUR", "10"))
"""When each test's day begins, in Shanghai, whatever the time of this machine: people and WeChat differ by the hour."""


def _worker() -> str:
    return os.environ.get("PYTEST_XDIST_WORKER", "gw0")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of this test process."""
    return tmp_path_factory.mktemp("daiban")


@pytest.fixture(scope="session", autouse=True)
def wrong_answers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the sandboxes of these tests, in whichever process, write which of their answers the contract forbids."""
    path = tmp_path_factory.mktemp("sandbox") / "wrong_answers"
    os.environ[WRONG_ANSWERS] = str(path)
    return path


@pytest.fixture(autouse=True)
def sandbox_keeps_to_the_contract(wrong_answers: Path) -> Iterator[None]:
    yield
    if wrong_answers.exists():
        found = wrong_answers.read_text()
        wrong_answers.unlink()
        pytest.fail(f"the sandbox answered what the contract does not know:\n{found}")


@pytest.fixture(scope="session")
def postgres(home: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(home / "postgres", durable=False)
    server.start()
    yield server
    database.disconnect()
    server.stop()


@pytest.fixture(scope="session")
def valkey(home: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(home / "valkey")
    server.start()
    yield server
    queue.forget_connection()
    server.stop()


@pytest.fixture(scope="session")
def installed(postgres: EmbeddedPostgres, valkey: EmbeddedValkey, home: Path) -> Settings:
    """Settings of an installation with a migrated, empty database; the process is connected to it."""
    os.environ.update(postgres.urls())
    os.environ.update(
        REDIS_URL=valkey.url(),
        DAIBAN_ENV="test",
        DAIBAN_HOME=str(home),
        DAIBAN_PUBLIC_URL="http://localhost:8000",
        DAIBAN_MASTER_KEY=base64.b64encode(secrets.token_bytes(32)).decode(),
        DAIBAN_WECHAT_API_URL="http://127.0.0.1:1",
        DAIBAN_WECHAT_MP_URL="http://127.0.0.1:1",
        DAIBAN_WECHAT_OPEN_URL="http://127.0.0.1:1",
        DAIBAN_CLOCK_FILE=str(home / "clock"),
        DAIBAN_MAIL_URL="demo:",
        DAIBAN_SMS_URL="demo:",
    )
    settings.cache_clear()
    migrate()
    loaded = load_settings()
    database.connect(loaded)
    keys.install()
    return loaded


@pytest.fixture
def ground(installed: Settings, postgres: EmbeddedPostgres, home: Path) -> Iterator[Settings]:
    """The installation with nothing in it, its clock at the next `HOUR`. Whatever a test did, stages are right
    afterwards.
    """
    now = datetime.now(ZONE)
    begin = now.replace(hour=HOUR, minute=0, second=0, microsecond=0)
    _set_clock(home, ((begin if begin > now else begin + timedelta(days=1)) - now).total_seconds())
    with postgres.superuser("daiban") as connection:
        connection.execute("set session_replication_role = replica")
        tables = connection.execute(
            "select tablename from pg_tables where schemaname = 'public' and tablename <> 'alembic_version'"
        ).fetchall()
        connection.execute(";".join(f'delete from "{name}"' for (name,) in tables))  # type: ignore[arg-type]
    settings.cache_clear()
    keys.install()
    try:
        queue.redis_connection().flushdb()
    except redis.RedisError:
        queue.forget_connection()
    yield installed
    assert wrong_stages() == []
    (home / "clock").unlink(missing_ok=True)


def _set_clock(home: Path, ahead: float) -> None:
    path = home / "clock"
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(str(ahead))
    if path.stat().st_mtime_ns <= before:
        os.utime(path, ns=(before + 10**9, before + 10**9))


@pytest.fixture(autouse=True)
def may_go_on() -> None:
    """A test that told this process to stop told nobody after it."""
    shift._stop[0] = 0


@pytest.fixture
def cast(ground: Settings) -> Cast:
    """Two providers and their people; see tests/cast.py."""
    return make_cast()


@pytest.fixture
def move_clock(ground: Settings, home: Path) -> Callable[[float], None]:
    """Move the program's time forward by that many seconds from now on (added up)."""

    def move(seconds: float) -> None:
        _set_clock(home, float((home / "clock").read_text()) + seconds)

    return move


@pytest.fixture
def run_jobs(ground: Settings, move_clock: Callable[[float], None]) -> Callable[..., list[str]]:
    """Run every job that is due, in this process, until none is; answers the names in order.

    With `wait` > 0 the clock is moved to the next job that is due within that many seconds, and so on.
    """
    from jobs import runner
    from saas import clock

    def run(wait: float = 0, limit: int = 200) -> list[str]:
        names: list[str] = []
        while len(names) < limit:
            with database.platform_session("run the test's jobs") as db:
                row = db.execute(
                    select(queue.Job.id, queue.Job.name, queue.Job.run_at)
                    .where(queue.Job.status == queue.JobStatus.QUEUED)
                    .order_by(queue.Job.run_at, queue.Job.id)
                    .limit(1)
                ).first()
            if row is None:
                return names
            ahead = (row.run_at - clock.now()).total_seconds()
            if ahead > 0:
                if ahead > wait:
                    return names
                wait -= ahead
                move_clock(ahead + 0.001)
            names.append(row.name)
            runner.run(str(row.id))
        raise AssertionError(f"jobs never end: {names[-10:]}")

    return run
