"""How fast the sandbox itself is, so that it is known not to be the bottleneck of what is measured against it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx2

from bench.stage import Measured, Stage, summed_up, timed

_FLEET = 10_000
_CALLS = 2_000
_THREADS = 16


def measure(stage: Stage) -> Iterator[Measured]:
    made = stage.control.create_component(name="Bench")
    appid, ticket = made["appid"], stage.control.push_ticket(made["appid"])
    begun = time.perf_counter()
    programs = stage.control.authorize_fleet(appid, _FLEET)
    whole = time.perf_counter() - begun
    yield summed_up(f"sandbox: {_FLEET} mini programs seeded", [whole] * _FLEET, whole)
    with httpx2.Client(base_url=stage.demo.sandbox_url, timeout=60, trust_env=False) as http:

        def post(path: str, token: str = "", **body: object) -> Any:
            return http.post(path, params={"access_token": token}, json=body).json()

        component = post(
            "/cgi-bin/component/api_component_token",
            component_appid=appid, component_appsecret=made["secret"], component_verify_ticket=ticket,
        )["component_access_token"]  # fmt: skip
        code = stage.control.grant(appid, programs[0], push=False)
        info = post("/cgi-bin/component/api_query_auth", component, component_appid=appid, authorization_code=code)
        token = info["authorization_info"]["authorizer_access_token"]

        def call() -> None:
            assert post("/wxa/getversioninfo", token)["errcode"] == 0

        yield timed(f"  calls answered, {_THREADS} at once", [call] * _CALLS, threads=_THREADS)
