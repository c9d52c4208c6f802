"""`daiban`: the program's parts as commands. Each imports what it needs only when it runs."""

from __future__ import annotations

import base64
import contextlib
import secrets
import signal
import sys
import threading
from types import FrameType

import click

from saas.config import Environment, Settings, UnsafeSettings, settings


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="daiban")
def main() -> None:
    """代办 Daiban: run a fleet of merchants' WeChat mini programs as a service provider."""


@main.command()
def demo() -> None:
    """Everything at once on this machine, with a local WeChat (the sandbox). Ctrl-C stops it."""
    from saas.demo import demo as the_demo

    sys.exit(the_demo.run())


@main.command()
def web() -> None:
    """The web server."""
    from saas import server

    server.serve(_settings())


@main.command()
@click.option("--processes", type=click.IntRange(1), help="How many; DAIBAN_WORKERS if not given.")
@click.option("--quick", is_flag=True, help="Only what people wait for: no bulk work, no polling.")
def worker(processes: int | None, quick: bool) -> None:
    """The workers that run jobs. Of several the first takes only what people wait for."""
    config = _settings()
    if (processes or config.workers) > 1:
        from saas import supervisor

        sys.exit(supervisor.run_workers(processes or config.workers, config.home.absolute() / "logs"))
    from jobs import worker as the_worker

    _log(config)
    the_worker.work(config, the_worker.QUICK if quick else the_worker.ALL)


@main.command()
def cron() -> None:
    """The clock that rings for due jobs. Several may run: one leads, the others wait."""
    from jobs import schedule, worker
    from saas import db
    from saas.tenants import keys

    config = _settings()
    _log(config)
    worker.preload()
    db.connect(config)
    keys.install()
    schedule.run_crons(_told_to_stop())


@main.command()
def sandbox() -> None:
    """The local WeChat for demo, training and tests; refuses to run beside production settings."""
    config = _settings()
    if config.is_production:
        raise click.ClickException("The sandbox does not run with production settings (DAIBAN_ENV=production).")
    from saas.demo.home import clock_file, sandbox_state
    from saas.sandbox.server import serve

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        serve(sandbox_state(config.home), config.host, config.sandbox_port, clock_file(config.home))


@main.command()
def migrate() -> None:
    """Bring the database to the newest schema, with the owner login."""
    from saas.migrate import migrate as upgrade

    config = _settings()
    if not config.database_owner_url:
        raise click.ClickException("DATABASE_OWNER_URL is not set: migrations run with the owner login.")
    _log(config)
    upgrade()
    click.echo("The database has the newest schema.")


@main.command(hidden=True)
def seed() -> None:
    """Fill an empty demo: people, a provider, its component app and merchant."""
    config = _settings()
    if config.env is not Environment.DEMO:
        raise click.ClickException("Only a demo is seeded (DAIBAN_ENV=demo).")
    from saas import db
    from saas import seed as demo_data
    from saas.tenants import keys

    _log(config)
    db.connect(config)
    keys.install()
    demo_data.fill_when_empty(config)


@main.command()
@click.option("--url", help="The running demo; its own address if not given.")
@click.option("--full", is_flag=True, help="All rows of a mini program's life, with what WeChat refuses on the way.")
def journey(url: str | None, full: bool) -> None:
    """Drive the whole main job against a running demo; exits non-zero at the first failure."""
    from saas.demo.home import load_environment
    from saas.journey.run import run

    load_environment()
    sys.exit(run(url, full=full))


@main.command()
@click.option("--provider", default="", help="Look at the component apps of this provider only, by its slug.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def doctor(provider: str, as_json: bool) -> None:
    """Look for faults of this installation and its component apps, and say how to repair each.

    Exits with 1 when there is a fault; what only wants to be looked at is none.
    """
    from saas import doctor as the_doctor

    sys.exit(the_doctor.examine(provider=provider, as_json=as_json))


@main.group()
def keys() -> None:
    """The keys that secrets and personal data are encrypted with."""


@keys.command("new")
def new_key() -> None:
    """Print a new master key for DAIBAN_MASTER_KEY."""
    click.echo(base64.b64encode(secrets.token_bytes(32)).decode())


@keys.command("rotate")
def rotate_keys() -> None:
    """Give every provider a new data key and seal everything anew, wrapped by the first key of DAIBAN_MASTER_KEY."""
    from saas import db, schema
    from saas.tenants import keys as data_keys
    from saas.tenants import phones

    config = _settings()
    _log(config)
    assert schema.__all__, "every model that holds sealed values is loaded"
    db.connect(config)
    data_keys.install()
    for slug, count in data_keys.rotate_all().items():
        click.echo(f"{slug}: {count} values sealed anew")
    click.echo(f"people's numbers: {phones.seal_anew()} sealed anew")
    db.disconnect()


@main.command()
@click.argument("code", type=int)
@click.option("--operation", help="The operation it came from, such as commit or submitAudit.")
@click.option("--lang", type=click.Choice(["zh", "en"]), default="zh")
def errcode(code: int, operation: str | None, lang: str) -> None:
    """Explain an errcode of WeChat: cause, who must act, next step."""
    from saas.wx import errcodes

    found = errcodes.explain(code, operation)
    click.echo(f"{code}  [{found.who}, retry: {found.retry}]\n{found.cause(lang)}\n{found.next_step(lang)}")
    sys.exit(0 if found.known else 1)


def _settings() -> Settings:
    try:
        return settings()
    except UnsafeSettings as error:
        raise click.ClickException(f"The settings are incomplete or unsafe:\n{error}") from None


def _log(config: Settings) -> None:
    from saas import logs

    logs.configure(config)


def _told_to_stop() -> threading.Event:
    """An event that is set by Ctrl-C or SIGTERM."""
    stop = threading.Event()

    def tell(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGINT, tell)
    signal.signal(signal.SIGTERM, tell)
    return stop


if __name__ == "__main__":
    main()
