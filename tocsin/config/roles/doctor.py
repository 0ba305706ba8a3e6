"""`tocsin doctor`: looks at everything an installation depends on and says what to fix."""

import json
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import click
import psycopg

from tocsin.config.options import Options, Smtp, load
from tocsin.lib import clock, http
from tocsin.lib.env import WrongSettingsError

_WAIT_S: Final = 10
_OLDEST_SERVER: Final = 150000
_CLOCK_OFF_S: Final = 2.0
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
