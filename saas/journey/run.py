"""`daiban journey`: the main job, or all rows, against a running demo, a line per step."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import ExitStack

import click
import httpx2

from saas.journey.full import full_steps
from saas.journey.main_job import Journey, Step
from saas.journey.window import HttpWindow, Stuck
from saas.sandbox.control import SandboxRefused


def run(url: str | None, *, full: bool = False) -> int:
    """Every step in order; 1 at the first that fails, with the reason and what the page said."""
    site = url or os.environ.get("DAIBAN_PUBLIC_URL") or f"http://127.0.0.1:{os.environ.get('PORT', '8000')}"
    wechat = os.environ.get("DAIBAN_WECHAT_MP_URL") or f"http://127.0.0.1:{os.environ.get('SANDBOX_PORT', '8001')}"
    click.echo(f"The main job at {site}, with WeChat at {wechat}")
    begun = time.monotonic()
    with ExitStack() as windows:
        journey = Journey(lambda: windows.enter_context(HttpWindow(site)), site, wechat)
        steps: Iterable[Step] = full_steps(journey) if full else journey.steps()
        for number, (title, step) in enumerate(steps, 1):
            started = time.monotonic()
            try:
                step()
            except (Stuck, SandboxRefused, httpx2.HTTPError) as error:
                click.secho(f"{number:>3}  {title:<72} FAILED", fg="red")
                click.echo(f"{type(error).__name__}: {error}", err=True)
                return 1
            click.echo(f"{number:>3}  {title:<72} {time.monotonic() - started:5.1f} s")
    click.secho(f"Every step passed in {time.monotonic() - begun:.1f} s", fg="green")
    return 0
