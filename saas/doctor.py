"""`daiban doctor`: looks for faults of an installation, from the settings up, and says how to repair each.

Component apps are judged by the health board's own lines (`saas.components.board`).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import click
import redis
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from saas import clock, db, i18n, queue, vault
from saas.components.alarming import is_stuck
from saas.components.board import Line, Patient, Tone
from saas.components.board import examine as examine_component
from saas.components.budgets import left_in_bulk
from saas.components.models import ComponentApp
from saas.components.repairs import RESETS
from saas.components.vitals import Backlog, gather, read_backlogs
from saas.config import Settings, UnsafeSettings, settings
from saas.migrate import alembic_config
from saas.tenants.models import Provider, ProviderKey, ProviderStatus
from saas.wx import errcodes
from saas.wx.permissions import permission_set


class Fault(Exception):
    """Something is wrong; the text says what, `repair` what to do."""

    def __init__(self, text: str, repair: str) -> None:
        super().__init__(text)
        self.repair = repair


@dataclass(frozen=True)
class Finding:
    """What one check found. `tone` is green, yellow (looked at, but no fault), red or grey (nothing to say yet)."""

    name: str
    tone: str
    text: str
    repair: str = ""
    provider: str = ""
    component: str = ""
    key: str = ""
    since: str = ""


def examine(*, provider: str = "", as_json: bool = False) -> int:
    """Print one line per check, or all of them as JSON; 0 when nothing is red. `provider` is a slug: only its component
    apps are looked at.
    """
    findings = []
    for finding in _look(provider):
        findings.append(finding)
        if not as_json:
            _say(finding)
    db.disconnect()
    is_well = all(finding.tone != "red" for finding in findings)
    if as_json:
        click.echo(json.dumps({"ok": is_well, "findings": [asdict(one) for one in findings]}, ensure_ascii=False))
    return 0 if is_well else 1


def _look(provider: str) -> Iterator[Finding]:
    """A fault ends the checks that build on it."""
    try:
        config = settings()
    except UnsafeSettings as error:
        repair = "Set these variables; the README's configuration table explains each."
        yield Finding("settings", "red", str(error), repair)
        return
    yield Finding("settings", "green", f"{config.env}, {config.public_url}")
    for name, check in CHECKS.items():
        try:
            yield Finding(name, "green", check(config))
        except Fault as fault:
            yield Finding(name, "red", str(fault), fault.repair)
            if name in ("database", "schema"):
                return
    yield from check_components(provider)


def check_components(provider: str = "") -> Iterator[Finding]:
    """Every line of every component app of the working providers, or of one of them."""
    working = Provider.status.in_([ProviderStatus.TRIAL, ProviderStatus.ACTIVE])
    query = (
        select(ComponentApp, Provider.slug)
        .join(Provider, Provider.id == ComponentApp.provider_id)
        .where(Provider.slug == provider if provider else working)
        .order_by(Provider.slug, ComponentApp.id)
    )
    with db.platform_session("doctor: component apps") as session:
        if provider and session.scalar(select(Provider.id).where(Provider.slug == provider)) is None:
            yield Finding("component apps", "red", f"there is no provider {provider}", "Give the slug of its address.")
            return
        rows = [(row[0], row[1]) for row in session.execute(query)]
        components = [component for component, _slug in rows]
        numbers = gather(session, components, with_day=True)
        resets = left_in_bulk(session, components, [RESETS]) if components else {}
        backlogs = read_backlogs(session, {component.provider_id for component in components}, with_items=False)
    for component, slug in rows:
        patient = Patient(component, numbers[component.id], resets[component.id, RESETS])
        for line in examine_component(patient):
            yield _finding(slug, component, line)
    for provider_id, slug in {component.provider_id: slug for component, slug in rows}.items():
        if is_stuck(backlog := backlogs.get(provider_id, Backlog())):
            text = f"{backlog.jobs} jobs are due and have not begun, the first since {backlog.oldest_job_at}"
            yield Finding(f"{slug}: background work", "red", text, "See that workers run: daiban worker", provider=slug)


def _finding(slug: str, component: ComponentApp, line: Line) -> Finding:
    def english(message: str, **params: Any) -> str:
        return i18n.translate("en", message, **params)

    text, repair = english(line.text, **line.params), ""
    if line.errcode is not None:
        entry = errcodes.explain(line.errcode, line.operation or None)
        text, repair = f"{text} ({line.errcode}: {entry.cause('en')})", entry.next_step("en")
    if line.sets:
        text += ": " + ", ".join(f"{permission_set(number).name('en')} ({count})" for number, count in line.sets)
    if line.tone in (Tone.RED, Tone.YELLOW):
        repair = repair or f"See {settings().public_url}/p/{slug}/health"
    name = f"{slug}: {component.name}: {english(line.title)}"
    since = line.since.isoformat() if line.since else ""
    return Finding(name, line.tone.value, text, repair, slug, component.appid, line.key, since)


def check_database(config: Settings) -> str:
    """Both logins get in."""
    version = ""
    for name, url in (("DATABASE_URL", config.database_url), ("DATABASE_PLATFORM_URL", config.database_platform_url)):
        engine = create_engine(url, connect_args={"connect_timeout": 5})
        try:
            with engine.connect() as connection:
                version = str(connection.scalar(text("show server_version")))
        except SQLAlchemyError as error:
            reason = str(getattr(error, "orig", error)).strip().splitlines()[0]
            raise Fault(f"{name} ({_shown(url)}): {reason}", "Start PostgreSQL or correct the address.") from None
        finally:
            engine.dispose()
    db.connect(config)
    if int(version.split(".")[0]) < 16:
        raise Fault(f"PostgreSQL {version}", "PostgreSQL 16 or newer is needed.")
    return f"PostgreSQL {version}"


def check_schema(_config: Settings) -> str:
    """The database has the newest schema."""
    newest = ScriptDirectory.from_config(alembic_config()).get_current_head()
    try:
        with db.engine("platform").connect() as connection:
            found = connection.scalar(text("select version_num from alembic_version"))
    except SQLAlchemyError:
        found = None
    if found != newest:
        raise Fault(f"the schema is {found or 'missing'}, this program needs {newest}", "Run: daiban migrate")
    return str(found)


def check_logins(_config: Settings) -> str:
    """The app's login is held by row-level security, the platform's is not, and neither owns the tables."""
    owners = "select count(*) from pg_tables where schemaname = 'public' and tableowner = current_user"
    above = "select rolsuper or rolbypassrls from pg_roles where rolname = current_user"
    with db.engine("tenant").connect() as connection:
        if connection.scalar(text(above)) or connection.scalar(text(owners)):
            raise Fault(
                "the login of DATABASE_URL stands above row-level security",
                "Use a login that owns no table and has neither SUPERUSER nor BYPASSRLS.",
            )
    with db.engine("platform").connect() as connection:
        if not connection.scalar(text(above)):
            raise Fault(
                "the login of DATABASE_PLATFORM_URL is held by row-level security",
                "Run as a superuser: alter role <that login> bypassrls",
            )
    return "the app is behind the tenant wall, the platform above it"


def check_wall(_config: Settings) -> str:
    """Row-level security is enabled and forced on every table of ours."""
    open_tables = (
        "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace "
        "and relname <> 'alembic_version' and not (relrowsecurity and relforcerowsecurity) order by 1"
    )
    with db.engine("platform").connect() as connection:
        found = connection.scalars(text(open_tables)).all()
        count = connection.scalar(text("select count(*) from pg_policies where schemaname = 'public'"))
    if found:
        raise Fault(
            f"row-level security is not forced on {', '.join(found)}",
            "Run as owner for each: alter table <name> enable row level security, force row level security",
        )
    return f"forced on every table, {count} policies"


def check_redis(config: Settings) -> str:
    """Redis or Valkey answers and keeps what it is given."""
    try:
        client = redis.Redis.from_url(config.redis_url, socket_timeout=3, socket_connect_timeout=3)
        found = client.info("server")
        policy = client.config_get("maxmemory-policy")
        client.close()
    except (redis.RedisError, OSError, ValueError) as error:
        raise Fault(f"{_shown(config.redis_url)}: {error}", "Start Redis or Valkey, or correct REDIS_URL.") from None
    assert isinstance(found, dict)
    if isinstance(policy, dict) and policy.get("maxmemory-policy", "noeviction") != "noeviction":
        raise Fault(f"maxmemory-policy is {policy['maxmemory-policy']}", "Set it to noeviction: rings must not vanish.")
    return f"version {found.get('valkey_version') or found.get('redis_version')}"


def check_files(config: Settings) -> str:
    """The file store can be written."""
    if config.files_url:
        return f"{config.files_url} (not tried)"
    folder = config.files_folder
    probe = folder / f".doctor-{secrets.token_hex(4)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"probe")
        probe.unlink()
    except OSError as error:
        raise Fault(f"{folder}: {error.strerror}", "Let this user write there, or set DAIBAN_HOME.") from None
    return str(folder.absolute())


def check_keys(config: Settings) -> str:
    """DAIBAN_MASTER_KEY opens every provider's data keys."""
    with db.platform_session("doctor: data keys") as session:
        rows = session.execute(select(ProviderKey.id, ProviderKey.wrapped)).all()
    try:
        for row in rows:
            vault.unwrap(config.master_keys, row.wrapped, key_id=row.id)
    except vault.CannotOpen as error:
        raise Fault(str(error), "Put the key that wrapped them back into DAIBAN_MASTER_KEY.") from None
    return f"all {len(rows)} data keys open"


def check_processes(_config: Settings) -> str:
    """Workers and cron have reported lately."""
    with db.platform_session("doctor: heartbeats") as session:
        beats = queue.alive(session)
    for name in ("worker", "cron"):
        if name not in beats or clock.now() - beats[name] > timedelta(minutes=1):
            raise Fault(f"no {name} has reported for a minute", f"Start it: daiban {name}")
    return "worker and cron are alive"


CHECKS: dict[str, Callable[[Settings], str]] = {
    "database": check_database,
    "schema": check_schema,
    "logins": check_logins,
    "tenant wall": check_wall,
    "redis": check_redis,
    "files": check_files,
    "keys": check_keys,
    "processes": check_processes,
}


def _shown(url: str) -> str:
    """An address without its password."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except Exception:
        return "an address that cannot be read"


_SAID = {
    "green": ("ok   ", "green"),
    "grey": ("-    ", "white"),
    "yellow": ("LOOK ", "yellow"),
    "red": ("FAULT", "red"),
}


def _say(finding: Finding) -> None:
    word, colour = _SAID[finding.tone]
    repair = f"\n      {finding.repair}" if finding.repair else ""
    click.echo(f"{click.style(word, fg=colour)} {finding.name}: {finding.text}{repair}")
