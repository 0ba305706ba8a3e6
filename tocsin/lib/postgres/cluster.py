"""One cluster: make it, start it, stop it."""

import fcntl
import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import IO, Final
from urllib.parse import quote

import psycopg

from tocsin.lib import children, clock, files, ids
from tocsin.lib.children import Account
from tocsin.lib.postgres import account, binaries, leftovers

_ROLE: Final = "tocsin"
_DATABASE: Final = "tocsin"
_START_S: Final = 90.0
_LOG_LIMIT: Final = 10 * 1024 * 1024

# Small, because the whole platform shares one machine by default; durable, because accepted means committed.
_TUNING: Final = {
    "shared_buffers": "64MB",
    "max_connections": "100",
    "synchronous_commit": "on",
    "fsync": "on",
    "huge_pages": "off",
    "io_method": "sync",
    "max_logical_replication_workers": "0",
    "max_parallel_workers_per_gather": "0",
    "max_wal_size": "512MB",
    "log_min_messages": "warning",
    "log_min_error_statement": "panic",
    "log_line_prefix": "%m [%p] ",
    "timezone": "UTC",
    "jit": "off",
}


class ClusterError(Exception):
    """The embedded server cannot run; the message says why and what to do."""


class Cluster:
    """The embedded server of a data folder. Start and stop it from the main thread."""

    def __init__(self, data_dir: Path, tuning: dict[str, str] | None = None) -> None:
        self._data_dir = data_dir
        self._folder = data_dir / "postgres"
        self._tuning = {**_TUNING, **(tuning or {})}
        self._lock: IO[str] | None = None
        self._account: Account | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._socket = Path()

    @property
    def url(self) -> str:
        return f"postgresql://{_ROLE}:{quote(self._password())}@/{_DATABASE}?host={quote(str(self._socket))}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Returns when connections are accepted; makes the cluster on the first run."""
        self.claim()
        self._account = account.choose(self._folder)
        try:
            programs = binaries.locate(self._account)
        except binaries.BinariesError as error:
            raise ClusterError(str(error)) from error
        if not (self._folder / "PG_VERSION").exists():
            self._make(programs)
        self._check_version(programs)
        self._clear()
        self._run(programs)
        self._wait_until_ready()
        self._create_database()

    def poll(self) -> int | None:
        """The exit code when the server is not running any more."""
        return self._process.poll() if self._process else 0

    def restart(self) -> None:
        """After a crash: end what is left, start again."""
        self.start()

    def stop(self, wait_s: float = 5.0) -> None:
        if self._process is not None:
            # SIGINT is PostgreSQL's fast shutdown: sessions end, everything is written.
            if not children.stop(self._process, signal.SIGINT, wait_s):
                leftovers.end(leftovers.mark(self._folder), 0)
            self._process = None
            with suppress(OSError):
                # Empty after a shutdown; after a crash the next start clears and uses it again.
                self._socket.rmdir()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def claim(self) -> None:
        """Make the data folder ours until `stop`; raises ClusterError when it is somebody else's."""
        if self._lock is not None:
            return
        self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (self._data_dir / "lock").open("a+", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise ClusterError(
                f"Another tocsin (process {holder}) runs on {self._data_dir}. "
                "Stop it first, or give this one a TOCSIN_DATA_DIR of its own."
            ) from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self._lock = lock

    def _make(self, programs: Path) -> None:
        # Made beside and moved into place whole: an interrupted first start leaves nothing half made.
        fresh = self._data_dir / "postgres.new"
        if fresh.exists():
            leftovers.end(leftovers.mark(fresh), 0)
            shutil.rmtree(fresh)
        fresh.mkdir(mode=0o700)
        self._give(fresh)
        password = self._password(create=True)
        socket = self._socket_folder(leftovers.mark(fresh))
        secret = socket / "password"
        secret.unlink(missing_ok=True)
        with open(
            secret, "x", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600)
        ) as file:
            file.write(password)
        self._give(secret)
        folder = os.open(fresh, os.O_RDONLY | os.O_DIRECTORY)
        try:
            made = subprocess.run(
                [
                    *(programs / "initdb", "-D", f"/proc/self/fd/{folder}", "-U", _ROLE),
                    *("-E", "UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"),
                    *("-A", "scram-sha-256", f"--pwfile={secret}"),
                    *(["--no-sync"] if self._tuning["fsync"] == "off" else []),
                ],
                user=self._account.uid if self._account else None,
                group=self._account.gid if self._account else None,
                extra_groups=[] if self._account else None,
                pass_fds=[folder],
                cwd="/",
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
        finally:
            os.close(folder)
            secret.unlink()
        if made.returncode:
            output = made.stdout.decode(errors="replace").strip()
            raise ClusterError(f"The database could not be made in {self._folder}: {output}")
        if self._folder.exists():
            self._folder.rmdir()
        fresh.rename(self._folder)

    def _check_version(self, programs: Path) -> None:
        there = (self._folder / "PG_VERSION").read_text(encoding="ascii").strip()
        shown = subprocess.run(
            [programs / "postgres", "-V"], check=True, capture_output=True, text=True, cwd="/"
        )
        ours = shown.stdout.split()[2].split(".")[0]
        if there != ours:
            raise ClusterError(
                f"{self._folder} was made by PostgreSQL {there}; this Tocsin brings {ours}. "
                f"Dump it with the former version, move {self._folder} away, start, and load the dump."
            )

    def _clear(self) -> None:
        # The lock is ours, so whoever still runs on this cluster has lost its supervisor.
        cluster_mark = leftovers.mark(self._folder)
        leftovers.end(cluster_mark)
        (self._folder / "postmaster.pid").unlink(missing_ok=True)
        self._socket = self._socket_folder(cluster_mark)
        for name in (".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
            (self._socket / name).unlink(missing_ok=True)

    def _run(self, programs: Path) -> None:
        log = self._data_dir / "postgres.log"
        if log.exists() and log.stat().st_size > _LOG_LIMIT:
            log.replace(log.with_suffix(".log.1"))
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        settings = {
            **self._tuning,
            "listen_addresses": "",
            "unix_socket_directories": str(self._socket),
            "unix_socket_permissions": "0700",
            "cluster_name": leftovers.mark(self._folder),
        }
        try:
            with log.open("ab") as output:
                self._process = children.spawn(
                    [
                        *(str(programs / "postgres"), "-D", f"/proc/self/fd/{folder}"),
                        *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
                    ],
                    env=_environment(),
                    account=self._account,
                    death_signal=signal.SIGINT,
                    pass_fds=[folder],
                    output=output,
                    cwd=Path("/"),
                )
        finally:
            os.close(folder)

    def _wait_until_ready(self) -> None:
        until = clock.monotonic() + _START_S
        while True:
            try:
                self._connect("postgres").close()
            except psycopg.OperationalError as error:
                if self.poll() is not None:
                    raise ClusterError(f"PostgreSQL did not start: {self._last_words()}") from error
                if clock.monotonic() > until:
                    raise ClusterError(
                        f"PostgreSQL did not answer within {_START_S:.0f} s: {error}"
                    ) from error
                clock.sleep(0.02)
            else:
                return

    def _create_database(self) -> None:
        with self._connect("postgres") as connection:
            if (
                connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [_DATABASE]).fetchone()
                is None
            ):
                connection.execute(f'CREATE DATABASE "{_DATABASE}"')

    def _connect(self, database: str) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self._socket),
            user=_ROLE,
            password=self._password(),
            dbname=database,
            autocommit=True,
            connect_timeout=5,
        )

    def _password(self, *, create: bool = False) -> str:
        path = self._data_dir / "postgres-password"
        if create:
            files.write_secret(path, ids.token())
        return path.read_text(encoding="utf-8").strip()

    def _socket_folder(self, name: str) -> Path:
        """A folder of the server's user with a short path: a socket's name has at most 107 bytes."""
        uid = self._account.uid if self._account else os.geteuid()
        bases = [Path("/run"), Path("/tmp")]  # noqa: S108 - ownership is checked below
        if self._account is None:
            bases = [Path(os.environ.get("XDG_RUNTIME_DIR", "/nonexistent")), bases[1]]
        for base in bases:
            if not os.access(base, os.W_OK | os.X_OK):
                continue
            folder = base / (name if base != bases[-1] else f"{name}-{uid}")
            try:
                folder.mkdir(mode=0o700)
            except FileExistsError:
                there = folder.lstat()
                if not folder.is_dir() or folder.is_symlink() or there.st_uid not in {uid, os.geteuid()}:
                    # Somebody else took the name in a folder that all may write to.
                    raise ClusterError(f"{folder} belongs to somebody else; remove it.") from None
            self._give(folder)
            folder.chmod(0o700)
            return folder
        raise ClusterError(
            "Neither a runtime folder nor /tmp can be written; PostgreSQL needs one for its socket."
        )

    def _give(self, path: Path) -> None:
        if self._account is not None:
            os.chown(path, self._account.uid, self._account.gid)

    def _last_words(self) -> str:
        lines = (self._data_dir / "postgres.log").read_text(encoding="utf-8", errors="replace").splitlines()
        return " | ".join(lines[-5:]) or "it wrote nothing to its log"


def _environment() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
