"""The demo's data folder: where its parts lie, its kept secrets, and the environment that its processes get."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
import socket
from pathlib import Path

_LOGINS = ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_PLATFORM_URL")


class CannotRun(Exception):
    """The demo cannot start here; the text says why and what to do."""


def home_folder() -> Path:
    return Path(os.environ.get("DAIBAN_HOME") or ".daiban").absolute()


def sandbox_state(home: Path) -> Path:
    return home / "sandbox.sqlite"


def clock_file(home: Path) -> Path:
    """Seconds to add to the real time: the sandbox writes it, everybody reads it."""
    return home / "clock"


def logs_folder(home: Path) -> Path:
    return home / "logs"


def copies_folder(home: Path) -> Path:
    """Local copies of the CDN's files, in the CDN's own layout."""
    return home / "assets"


def processes_file(home: Path) -> Path:
    """Pids of the running demo by name, for those who want to hurt it."""
    return home / "run" / "processes.json"


def environment_file(home: Path) -> Path:
    """The running demo's environment, for commands that talk to it (`daiban journey`)."""
    return home / "run" / "environment.json"


def prepare(home: Path) -> None:
    """Make the folders, and take the home for this process alone; raises CannotRun."""
    for folder in (home, home / "run", logs_folder(home)):
        folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(home / "run" / "demo.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CannotRun(
            f"A demo already runs with the data in {home}. Stop it first, or set DAIBAN_HOME to another folder."
        ) from None


def port_of(name: str, default: int) -> int:
    """A port that is free now; raises CannotRun with the setting that moves it."""
    given = os.environ.get(name, str(default))
    try:
        port = int(given)
    except ValueError:
        raise CannotRun(f"{name} must be a number, not {given!r}.") from None
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((os.environ.get("DAIBAN_HOST", "127.0.0.1"), port))
        except OverflowError:
            raise CannotRun(f"{name}={port} is not a port.") from None
        except OSError as error:
            raise CannotRun(
                f"Port {port} cannot be used ({error.strerror}). Stop what uses it, or choose another: "
                f"{name}={port + 100 if port < 65000 else 8100} make demo"
            ) from None
    return port


def environment(home: Path, port: int, sandbox_port: int) -> dict[str, str]:
    """What every process of the demo gets, without the servers; what is set already wins."""
    sandbox = f"http://127.0.0.1:{sandbox_port}"
    defaults = {
        "DAIBAN_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "DAIBAN_MASTER_KEY": _master_key(home),
        "DAIBAN_EXIT_IPS": "127.0.0.1",
        "DAIBAN_WECHAT_API_URL": sandbox,
        "DAIBAN_WECHAT_MP_URL": sandbox,
        "DAIBAN_WECHAT_OPEN_URL": sandbox,
        "DAIBAN_MAIL_URL": "demo:",
        "DAIBAN_SMS_URL": "demo:",
        "DAIBAN_WECHAT_SIGN_IN_SITE": f"wx5170000000000001:{'5' * 32}",
        "DAIBAN_WECHAT_SIGN_IN_ACCOUNT": f"wx5170000000000002:{'5' * 32}",
        "DAIBAN_LOG_JSON": "false",
    }
    fixed = {
        "DAIBAN_ENV": "demo",
        "DAIBAN_HOME": str(home),
        "PORT": str(port),
        "SANDBOX_PORT": str(sandbox_port),
        "DAIBAN_CLOCK_FILE": str(clock_file(home)),
        "AUTHLIB_INSECURE_TRANSPORT": "1",  # the sandbox speaks plain HTTP
        "PYTHONUNBUFFERED": "1",
    }
    return defaults | dict(os.environ) | fixed


def given_logins() -> dict[str, str] | None:
    """The environment's own database; None when it names none. Raises CannotRun when it is named in part."""
    named = {name: os.environ[name] for name in _LOGINS if os.environ.get(name)}
    if not named:
        return None
    if missing := [name for name in _LOGINS if name not in named]:
        raise CannotRun(f"{' and '.join(named)} is set, so {' and '.join(missing)} must be, too (three logins).")
    return named


def load_environment() -> None:
    """Take over what the demo of this home runs with, for what is not set otherwise."""
    try:
        kept: dict[str, str] = json.loads(environment_file(home_folder()).read_text())
    except (OSError, ValueError):
        return
    for name, value in kept.items():
        os.environ.setdefault(name, value)


def keep_environment(home: Path, environment: dict[str, str]) -> None:
    """Write the demo's own part of the environment down, readable by its owner only."""
    ours = {
        name: value
        for name, value in environment.items()
        if name.startswith(("DAIBAN_", "DATABASE_")) or name in ("PORT", "SANDBOX_PORT", "REDIS_URL")
    }
    write_private(environment_file(home), json.dumps(ours, indent=1))


def write_private(path: Path, content: str) -> None:
    """Replace a file as a whole; only its owner may read it."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)
    fresh.replace(path)


def _master_key(home: Path) -> str:
    """Made at the first start and kept: without it nothing sealed opens again."""
    path = home / "master.key"
    if not path.exists():
        write_private(path, base64.b64encode(secrets.token_bytes(32)).decode())
    return path.read_text().strip()
