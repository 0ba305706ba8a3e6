"""`tocsin doctor`: looks at everything an installation depends on and says what to fix."""

import json
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import click
import psycopg

from tocsin.config.options import Options, Smtp, load
from tocsin.config.roles import chatlines, phonelines, spoolline
from tocsin.domain.canary import IN_TIME, LOST_AFTER
from tocsin.domain.time import format_duration
from tocsin.lib import clock, http
from tocsin.lib.env import WrongSettingsError

_WAIT_S: Final = 10
_OLDEST_SERVER: Final = 150000
_CLOCK_OFF_S: Final = 2.0
_ALIVE_S: Final = 4.0
_SILENT_S: Final = 60.0
_MARKS: Final = {"fine": "✓", "warning": "!", "failed": "✗", "skipped": "·"}


@dataclass(frozen=True)
class Finding:
    check: str
    state: str
    """fine, warning, failed, or skipped (not set up)."""
    detail: str
    hint: str = ""


def run(*, as_json: bool) -> int:
    findings = list(_examine())
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            click.echo(f"{_MARKS[finding.state]} {finding.check}: {finding.detail}")
            if finding.hint:
                click.echo(f"    {finding.hint}")
    return int(any(finding.state == "failed" for finding in findings))


def _examine() -> Iterator[Finding]:
    try:
        options = load()
    except WrongSettingsError as error:
        for problem in error.problems:
            yield Finding("settings", "failed", f"{problem.id} {problem.message}", problem.hint)
        return
    http.configure(options.https_proxy, options.ca_bundle)
    yield _settings(options)
    checks: tuple[Callable[[Options], Finding], ...] = (_database, _mail, _slack, _pagerduty, _clock)
    for check in checks:
        yield check(options)
    yield Finding(*spoolline.look(options))
    yield from (Finding(*line) for line in phonelines.look(options))
    yield from (Finding(*line) for line in chatlines.look(options))
    yield from _running(options)


def _running(options: Options) -> Iterator[Finding]:
    """How it stands with what runs, as the database tells it; nothing when that does not answer."""
    try:
        with psycopg.connect(options.database_url, connect_timeout=_WAIT_S) as connection:
            connection.autocommit = True
            yield _workers(connection)
            yield _canary(options, connection)
            yield from _vendors(connection)
    except psycopg.Error:
        return  # what is wrong with it is said above


def _workers(connection: psycopg.Connection) -> Finding:
    rows = connection.execute(
        "SELECT host, pid, extract(epoch FROM clock_timestamp() - heartbeat_at)::float8"
        " FROM notify_workerprocess ORDER BY heartbeat_at DESC"
    ).fetchall()
    alive = [row for row in rows if row[2] <= _ALIVE_S]
    silent = [f"{host} (process {pid}) for {_ago(since)}" for host, pid, since in rows if since > _SILENT_S]
    if not alive:
        last = f"; the last one was heard {_ago(rows[0][2])} ago" if rows else ""
        hint = "Start `tocsin up`, or `tocsin worker` on any host: until then nobody is called."
        return Finding("workers", "failed", f"none is running{last}", hint)
    if silent:
        hint = "Start it again on that host if it is meant to run there; it is forgotten after an hour."
        return Finding("workers", "warning", f"{len(alive)} running; silent: {', '.join(silent)}", hint)
    return Finding("workers", "fine", f"{len(alive)} running")


def _canary(options: Options, connection: psycopg.Connection) -> Finding:
    if not options.canary_url:
        return Finding("canary", "skipped", "turned off by TOCSIN_CANARY")
    row = connection.execute(
        "SELECT extract(epoch FROM clock_timestamp() - begun_at)::float8,"
        " extract(epoch FROM arrived_at - begun_at)::float8 FROM incidents_canaryrun"
        " WHERE arrived_at - begun_at <= make_interval(secs => %s) ORDER BY begun_at DESC LIMIT 1",
        [IN_TIME.total_seconds()],
    ).fetchone()
    if row is not None and row[0] <= LOST_AFTER.total_seconds():
        return Finding("canary", "fine", f"arrived {_ago(row[0])} ago, {row[1]:.1f} s after it was sent")
    problem = connection.execute(
        "SELECT problem FROM incidents_canaryrun ORDER BY begun_at DESC LIMIT 1"
    ).fetchone()
    said = f"none arrived for {_ago(row[0])}" if row else "none has arrived within the last hour"
    if problem and problem[0]:
        said += f": {problem[0]}"
    hint = (
        f"The workers' log says where the last one stuck. It enters at {options.canary_url}, which workers"
        " must reach; TOCSIN_CANARY names another address, or turns it off."
    )
    return Finding("canary", "failed", said, hint)


def _vendors(connection: psycopg.Connection) -> Iterator[Finding]:
    rows = connection.execute(
        "SELECT vendor, extract(epoch FROM clock_timestamp() - failing_since)::float8, last_error"
        " FROM notify_vendorstate ORDER BY vendor"
    ).fetchall()
    for vendor, since, error in rows:
        if since is not None:
            hint = (
                "Look at the vendor's status page, and at our settings for it; people's next ways are used."
            )
            yield Finding(f"vendor {vendor}", "failed", f"takes nothing for {_ago(since)}: {error}", hint)
    well = [vendor for vendor, since, _ in rows if since is None]
    if well:
        yield Finding("vendors", "fine", f"take what they are given: {', '.join(well)}")


def _ago(seconds: float) -> str:
    return format_duration(timedelta(seconds=max(0, round(seconds))))


def _settings(options: Options) -> Finding:
    if not options.https and options.public_host not in {"localhost", "127.0.0.1", "::1"}:
        return Finding(
            "settings",
            "warning",
            f"{options.public_url} is not https.",
            "Put a proxy with TLS in front and set TOCSIN_PUBLIC_URL=https://….",
        )
    return Finding("settings", "fine", f"people reach this at {options.public_url}")


def _database(options: Options) -> Finding:
    if not options.database_url:
        return Finding(
            "database",
            "failed",
            f"no TOCSIN_DATABASE_URL, and no `tocsin up` runs in {options.data_dir}",
            "Start `tocsin up`, or set TOCSIN_DATABASE_URL.",
        )
    try:
        with psycopg.connect(options.database_url, connect_timeout=_WAIT_S) as connection:
            version = connection.info.server_version
            drift = _drift(connection)
            migrated = connection.execute("SELECT to_regclass('django_migrations')").fetchone()
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[0]
        return Finding("database", "failed", reason, "Check TOCSIN_DATABASE_URL and that the server runs.")
    if version < _OLDEST_SERVER:
        return Finding("database", "failed", f"PostgreSQL {version // 10000}", "Use PostgreSQL 15 or newer.")
    if migrated is None or migrated[0] is None:
        return Finding("database", "failed", "the schema is missing", "Run `tocsin migrate`.")
    if abs(drift) > _CLOCK_OFF_S:
        return Finding(
            "database", "warning", f"its clock is {drift:+.1f} s off ours", "Run NTP on both machines."
        )
    kind = "embedded" if options.embedded else "given"
    return Finding("database", "fine", f"PostgreSQL {version // 10000}.{version % 10000} ({kind})")


def _drift(connection: psycopg.Connection) -> float:
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    at: datetime = row[0] if row else clock.now()
    return (at.astimezone(UTC) - clock.now()).total_seconds()


def _mail(options: Options) -> Finding:
    smtp = options.smtp
    if smtp is None:
        hint = "Set TOCSIN_SMTP_URL=smtp://user:password@host:587."
        return Finding(
            "mail", "warning", "not set up: mails stay in the local outbox, nobody is reached", hint
        )
    try:
        with _connect(smtp) as server:
            if smtp.tls == "starttls":
                server.starttls(context=ssl.create_default_context())
            if smtp.user:
                server.login(smtp.user, smtp.password)
            server.noop()
    except (OSError, smtplib.SMTPException) as error:
        hint = "Check TOCSIN_SMTP_URL, its password, and that this machine may reach the server."
        return Finding("mail", "failed", f"{smtp.host}:{smtp.port}: {error}", hint)
    return Finding("mail", "fine", f"{smtp.host}:{smtp.port} takes our mail ({smtp.tls} TLS)")


def _connect(smtp: Smtp) -> smtplib.SMTP:
    if smtp.tls == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(smtp.host, smtp.port, timeout=_WAIT_S, context=context)
    return smtplib.SMTP(smtp.host, smtp.port, timeout=_WAIT_S, local_hostname=socket.gethostname())


def _slack(options: Options) -> Finding:
    slack = options.slack
    if not slack.bot_token:
        return Finding("slack", "skipped", "not set up")
    try:
        with http.client(slack.api_base_url, trusted=True) as client:
            headers = {"authorization": f"Bearer {slack.bot_token}"}
            answer = client.post("auth.test", headers=headers).json()
    except http.HttpError as error:
        return Finding("slack", "failed", str(error), "Check the network and TOCSIN_SLACK_API_BASE_URL.")
    if not answer.get("ok"):
        return Finding(
            "slack", "failed", f"Slack says {answer.get('error')}", "Check TOCSIN_SLACK_BOT_TOKEN."
        )
    return Finding("slack", "fine", f"works as {answer.get('user')} in {answer.get('team')}")


def _pagerduty(options: Options) -> Finding:
    pagerduty = options.pagerduty
    if not pagerduty.token:
        return Finding("pagerduty", "skipped", "not set up")
    try:
        with http.client(pagerduty.api_url, trusted=True) as client:
            headers = {"authorization": f"Token token={pagerduty.token}"}
            answer = client.get("abilities", headers=headers)
    except http.HttpError as error:
        return Finding("pagerduty", "failed", str(error), "Check the network and TOCSIN_PAGERDUTY_API_URL.")
    if not answer.ok:
        return Finding("pagerduty", "failed", f"it says {answer.status}", "Check TOCSIN_PAGERDUTY_TOKEN.")
    return Finding("pagerduty", "fine", "the token works")


def _clock(options: Options) -> Finding:
    # Any server we already talk to tells the time; nobody else is asked.
    url = options.watchdog_url or (options.slack.api_base_url if options.slack.bot_token else "")
    if not url:
        return Finding(
            "clock", "skipped", "compared with the database only (set TOCSIN_WATCHDOG_URL for more)"
        )
    try:
        with http.client(trusted=True) as client:
            answer = client.request("HEAD", url)
        theirs = parsedate_to_datetime(answer.headers.get("date", ""))
    except (http.HttpError, ValueError, TypeError) as error:
        return Finding("clock", "warning", f"{url} did not tell the time ({error})")
    off = (clock.now() - theirs).total_seconds()
    if abs(off) > _CLOCK_OFF_S + 1:
        return Finding("clock", "failed", f"{off:+.0f} s off", "Run NTP: escalations fire by this clock.")
    return Finding("clock", "fine", "right within 3 s")
