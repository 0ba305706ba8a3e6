"""`tocsin up`: everything on one machine."""

import json
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Any, Final, NoReturn

import click

from tocsin import __version__
from tocsin.config import schema
from tocsin.config.options import DATABASE_URL_FILE, Options, load
from tocsin.config.supervisor import Supervisor, environment, listen
from tocsin.lib import clock, db, files, log
from tocsin.lib.children import leave
from tocsin.lib.postgres import Cluster, ClusterError

LOGIN_FILE: Final = "admin-login"
NOTHING_NEW: Final[dict[str, Any]] = {"email": None, "password": None, "loaded": False}
_READY_S: Final = 60.0
_DATABASE_S: Final = 30.0

logger = log.get(__name__)


def run() -> NoReturn:
    options = load()
    log.configure(options.log_format, options.log_level)
    cluster = Cluster(options.data_dir) if options.embedded else None
    if cluster is not None:
        _claim(cluster)
    listening = _listen(options)
    supervisor = Supervisor(cluster, listening, environment())
    supervisor.watch_signals()
    try:
        if cluster is not None:
            _start(cluster, options)
            supervisor.set_database(cluster.url)
        else:
            _wait_for_database(supervisor, options.database_url)
            supervisor.set_database(options.database_url)
        database_url = supervisor.environ["TOCSIN_DATABASE_URL"]
        prepared = NOTHING_NEW if schema.current(database_url) else _prepare(options, supervisor.environ)
        supervisor.start()
        if _wait_until_ready(supervisor, options):
            _greet(options, prepared)
            supervisor.run()
    finally:
        if cluster is not None:
            (options.data_dir / DATABASE_URL_FILE).unlink(missing_ok=True)
        supervisor.stop()
        listening.close()
    with suppress(BrokenPipeError):
        click.echo("Tocsin has stopped.", err=True)
    leave()


def _wait_for_database(supervisor: Supervisor, url: str) -> None:
    # Machines and containers start in any order.
    until = clock.monotonic() + _DATABASE_S
    while problem := db.answers(url):
        if clock.monotonic() > until or supervisor.stopping.wait(0.5):
            raise click.ClickException(f"The database of TOCSIN_DATABASE_URL does not answer: {problem}")


def _claim(cluster: Cluster) -> None:
    try:
        cluster.claim()
    except ClusterError as error:
        raise click.ClickException(str(error)) from error


def _listen(options: Options) -> socket.socket:
    try:
        return listen(options.bind_host, options.bind_port)
    except OSError as error:
        raise click.ClickException(
            f"Cannot listen on {options.bind_host}:{options.bind_port} ({error.strerror}). "
            "Stop what uses it, or set TOCSIN_BIND to another address:port."
        ) from error


def _start(cluster: Cluster, options: Options) -> None:
    try:
        cluster.start()
    except ClusterError as error:
        raise click.ClickException(str(error)) from error
    # For commands in another terminal: doctor, migrate, token.
    files.write_secret(options.data_dir / DATABASE_URL_FILE, cluster.url)


def _prepare(options: Options, environ: dict[str, str]) -> dict[str, Any]:
    # In a process of its own: what it imports is not kept in memory by the supervisor.
    done = subprocess.run(
        [sys.executable, "-m", "tocsin", "migrate", "--first-run", "--json"],
        env=environ,
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        raise click.ClickException("The database could not be brought up to date; see above.")
    prepared: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if prepared["email"]:
        # Before anything else can go wrong: the database keeps no copy that could be read.
        login = f"{prepared['email']}\n{prepared['password']}\n"
        try:
            files.write_secret(options.data_dir / LOGIN_FILE, login)
        except OSError as error:
            logger.warning("the first login is only printed, not kept in a file", error=str(error))
    return prepared


def _wait_until_ready(supervisor: Supervisor, options: Options) -> bool:
    # Asked beside the look after the roles: what dies while an answer is waited for is started at once.
    ready = threading.Event()
    asking = (options, ready, supervisor.stopping)
    threading.Thread(target=_ask_until_ready, args=asking, name="ready", daemon=True).start()
    until = clock.monotonic() + _READY_S
    while not supervisor.stopping.is_set():
        if ready.is_set():
            return True
        if clock.monotonic() > until:
            ready.set()
            logger.warning("the web does not answer yet; see the log", port=options.bind_port)
            return True
        supervisor.look()
        supervisor.stopping.wait(0.05)
    return False


def _ask_until_ready(options: Options, ready: threading.Event, stopping: threading.Event) -> None:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(options.bind_host, options.bind_host)  # noqa: S104 - compared
    while not (stopping.is_set() or ready.is_set()):
        if _ready(host, options.bind_port):
            ready.set()
        ready.wait(0.05)


def _ready(host: str, port: int) -> bool:
    # Our own child on our own socket: not worth the guarded client's memory in a process that lives for ever.
    line = HTTPConnection(host, port, timeout=5.0)
    try:
        line.request("GET", "/readyz")
        return line.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        line.close()


def _greet(options: Options, prepared: dict[str, Any]) -> None:
    login = options.data_dir / LOGIN_FILE
    lines = [f"Tocsin {__version__} is up.", "", f"  URL       {options.public_url}"]
    if prepared["email"]:
        lines += [
            f"  E-mail    {prepared['email']}",
            f"  Password  {prepared['password']}",
            "",
            f"  The password is shown this once{f'; it is also kept in {login}' if login.exists() else ''}.",
        ]
    elif login.exists():
        lines += [f"  Login     the first one was written to {login}"]
    if prepared["loaded"]:
        lines += ["  The example organisation is loaded: `tocsin export` shows it."]
    if options.smtp is None:
        lines += ["  No TOCSIN_SMTP_URL is set: mails stay in the local outbox, nobody can be reached."]
    with suppress(BrokenPipeError):
        # Whoever reads our output may have gone; the service is for others.
        click.echo("\n".join([*lines, "", "  Ctrl-C stops it.", ""]))
