"""What machines ask: is it alive, is it ready, how is it doing."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Callable, Iterator
from datetime import timedelta

import httpx2
import redis
from flask import Flask, Response, abort, jsonify, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import text

from saas import clock, db, queue
from saas.config import Environment, settings

_STALE = timedelta(seconds=60)

REQUESTS = Counter("daiban_requests_total", "Answered requests", ["endpoint", "status"])
SECONDS = Histogram("daiban_request_seconds", "Time to answer", ["endpoint"])


def watch(app: Flask) -> None:
    app.add_url_rule("/healthz", "healthz", healthz)
    app.add_url_rule("/readyz", "readyz", readyz)
    app.add_url_rule("/metrics", "metrics", metrics)

    @app.after_request
    def count(response: Response) -> Response:
        REQUESTS.labels(request.endpoint or "none", response.status_code).inc()
        return response


def healthz() -> Response:
    """The process answers."""
    return Response("ok\n", mimetype="text/plain")


def readyz() -> tuple[Response, int]:
    """Everything that the main job needs is up: 200, else 503 with the part that is not."""
    parts = {name: _state(check) for name, check in _CHECKS.items()}
    ready = all(state == "ok" for state in parts.values())
    return jsonify({"ready": ready, "parts": parts}), 200 if ready else 503


def metrics() -> Response:
    """Prometheus' text format; for this machine, or with the token of DAIBAN_METRICS_TOKEN."""
    token = settings().metrics_token
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not (token and hmac.compare_digest(given, token)) and not _is_local(request.remote_addr or ""):
        abort(404)
    registry = CollectorRegistry()
    try:
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    except ValueError:  # one process only: PROMETHEUS_MULTIPROC_DIR is not set
        registry.register(REQUESTS)
        registry.register(SECONDS)
    registry.register(_Rows())
    return Response(generate_latest(registry), mimetype="text/plain; version=0.0.4")


class _Rows:
    """Gauges read from the database at each scrape, since rows are the truth."""

    _QUERIES = (
        (
            "daiban_jobs", "Jobs by lane and status", ("lane", "status"),
            "select lane, status, count(*) from jobs where status <> 'done' group by 1, 2",
        ),
        (
            "daiban_oldest_due_job_seconds", "Age of the oldest job that is due", (),
            "select coalesce(extract(epoch from max(now() - run_at)), 0) from jobs "
            "where status = 'queued' and run_at <= now()",
        ),
        (
            "daiban_callbacks", "Stored callbacks by status", ("status",),
            "select status, count(*) from callbacks group by 1",
        ),
        (
            "daiban_callbacks_refused", "Forged or unreadable callbacks by component app", ("component",),
            "select appid, callbacks_refused from component_apps",
        ),
        (
            "daiban_ticket_age_seconds", "Age of the newest ticket by component app", ("component",),
            "select appid, extract(epoch from now() - last_ticket_at) from component_apps "
            "where last_ticket_at is not null",
        ),
        (
            "daiban_wechat_calls_last_hour", "Calls to WeChat by operation and errcode", ("operation", "errcode"),
            "select operation, coalesce(errcode::text, 'none'), count(*) from wechat_calls "
            "where created_at > now() - interval '1 hour' group by 1, 2",
        ),
    )  # fmt: skip

    def collect(self) -> Iterator[GaugeMetricFamily]:
        with db.platform_session("read metrics") as session:
            for name, what, labels, query in self._QUERIES:
                family = GaugeMetricFamily(name, what, labels=labels)
                for row in session.execute(text(query)):
                    family.add_metric([str(value) for value in row[:-1]], float(row[-1]))
                yield family


def _state(check: Callable[[], None]) -> str:
    try:
        check()
    except Exception as error:
        return f"{type(error).__name__}: {error}".splitlines()[0][:200]
    return "ok"


class _NotReady(Exception):
    pass


def _database() -> None:
    with db.platform_session("readiness") as session:
        session.execute(text("select version_num from alembic_version")).one()


def _redis() -> None:
    try:
        queue.redis_connection().ping()
    except redis.RedisError as error:
        raise _NotReady(str(error)) from None


def _beating(name: str) -> Callable[[], None]:
    def check() -> None:
        with db.platform_session("readiness") as session:
            beat = queue.alive(session).get(name)
        if beat is None or clock.now() - beat > _STALE:
            raise _NotReady(f"no {name} has reported within {_STALE.seconds} s")

    return check


def _wechat() -> None:
    """In the demo the sandbox has to be up; the real WeChat is not asked by a probe."""
    if settings().env is Environment.DEMO:
        answer = httpx2.get(f"{settings().wechat_api_url}/healthz", timeout=2, trust_env=False)
        if answer.status_code != 200:
            raise _NotReady(f"the sandbox answers {answer.status_code}")


_CHECKS: dict[str, Callable[[], None]] = {
    "database": _database,
    "redis": _redis,
    "worker": _beating("worker"),
    "cron": _beating("cron"),
    "wechat": _wechat,
}


def _is_local(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
