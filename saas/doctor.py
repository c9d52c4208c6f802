"""`daiban doctor`: looks for faults of an installation, from the settings up, and says how to repair each."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta

import click
import redis
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from saas import clock, db, queue, vault
from saas.config import Settings, UnsafeSettings, settings
from saas.migrate import alembic_config
from saas.tenants.models import ProviderKey


class Fault(Exception):
    """Something is wrong; the text says what, `repair` what to do."""

    def __init__(self, text: str, repair: str) -> None:
        super().__init__(text)
        self.repair = repair


def examine() -> int:
    """Print one line per check; 0 when all is well. A fault ends the checks that build on it."""
    try:
        config = settings()
    except UnsafeSettings as error:
        _bad("settings", str(error), "Set these variables; the README's configuration table explains each.")
        return 1
    _good("settings", f"{config.env}, {config.public_url}")
    faults = 0
    for name, check in CHECKS.items():
        try:
            _good(name, check(config))
        except Fault as fault:
            _bad(name, str(fault), fault.repair)
            faults += 1
            if name == "database":
                return 1
    db.disconnect()
    return 1 if faults else 0


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


def _good(name: str, what: str) -> None:
    click.echo(f"{click.style('ok   ', fg='green')} {name}: {what}")


def _bad(name: str, what: str, repair: str) -> None:
    click.echo(f"{click.style('FAULT', fg='red')} {name}: {what}\n      {repair}")
