"""All settings, read once from the environment into a frozen value."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from tocsin.config import chats, mailin, phones
from tocsin.config.chats import Chats
from tocsin.config.mailin import MailIn
from tocsin.config.phones import Phones
from tocsin.lib import files, ids
from tocsin.lib.env import Env, Network, Problem, WrongSettingsError

SECRET_KEY_FILE: Final = "secret-key"  # noqa: S105 - a file's name
DATABASE_URL_FILE: Final = "database-url"
_MIN_SECRET: Final = 20


@dataclass(frozen=True)
class Smtp:
    host: str
    port: int
    user: str
    password: str
    tls: str
    """"none", "starttls" (smtp:// with ?starttls=true, or port 587) or "tls" (smtps://)."""


@dataclass(frozen=True)
class Slack:
    bot_token: str
    app_token: str
    signing_secret: str
    api_base_url: str


@dataclass(frozen=True)
class PagerDuty:
    token: str
    api_url: str
    events_url: str


@dataclass(frozen=True)
class Opsgenie:
    key: str
    api_url: str


@dataclass(frozen=True)
class Datadog:
    api_key: str
    app_key: str
    api_url: str


@dataclass(frozen=True)
class Jira:
    url: str
    user: str
    token: str


@dataclass(frozen=True)
class Linear:
    api_url: str
    key: str


@dataclass(frozen=True)
class Oidc:
    name: str
    server_url: str
    client_id: str
    client_secret: str


@dataclass(frozen=True)
class Saml:
    name: str
    entity_id: str
    metadata_url: str


@dataclass(frozen=True)
class Options:
    database_url: str
    """Empty: the embedded PostgreSQL in `data_dir`, which is not running (yet)."""
    embedded: bool
    """No TOCSIN_DATABASE_URL was given."""
    data_dir: Path
    bind_host: str
    bind_port: int
    public_url: str
    secret_key: str
    bootstrap_token: str
    smtp: Smtp | None
    mail_from: str
    mail_in: MailIn | None
    datadog: Datadog
    slack: Slack
    pagerduty: PagerDuty
    opsgenie: Opsgenie
    phones: Phones
    chats: Chats
    jira: Jira
    linear: Linear
    oidc: Oidc | None
    saml: Saml | None
    watchdog_url: str
    canary_url: str
    """Where the canary enters: as monitors do. Empty: none flies."""
    https_proxy: str
    ca_bundle: Path | None
    trusted_proxies: tuple[Network, ...]
    allow_private_targets: bool
    """Whether webhooks of users may point at private addresses; link-local ones never may."""
    log_format: str
    log_level: str
    worker_lag_s: float
    """How late a `due_at` may be before the watchdog reports it, in seconds."""
    spool_dir: Path
    """Where events wait on disk while the database is away."""
    spool_mb: int
    events_kept_days: int

    @property
    def https(self) -> bool:
        return self.public_url.startswith("https://")

    @property
    def public_host(self) -> str:
        return urlsplit(self.public_url).hostname or "localhost"


@cache
def load() -> Options:
    """The options of this process; raises WrongSettingsError with every problem at once."""
    return read(os.environ)


def read(environ: Mapping[str, str]) -> Options:
    env = Env(environ)
    data_dir = env.path("TOCSIN_DATA_DIR", "./.tocsin")
    host, port = env.bind("TOCSIN_BIND", "127.0.0.1:8080")
    shown = {"0.0.0.0": "localhost", "::": "localhost"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - compared, not bound
    public_url = env.url("TOCSIN_PUBLIC_URL", f"http://{shown}:{port}")
    given = env.url("TOCSIN_DATABASE_URL", schemes=("postgres", "postgresql"))
    options = Options(
        database_url=given or _running_here(data_dir),
        embedded=not given,
        data_dir=data_dir,
        bind_host=host,
        bind_port=port,
        public_url=public_url,
        secret_key=_secret_key(env, data_dir),
        bootstrap_token=env.text("TOCSIN_BOOTSTRAP_TOKEN", min_length=_MIN_SECRET),
        smtp=_smtp(env),
        mail_from=env.text(
            "TOCSIN_MAIL_FROM", f"Tocsin <tocsin@{urlsplit(public_url).hostname or 'localhost'}>"
        ),
        mail_in=mailin.read(env, urlsplit(public_url).hostname or "localhost"),
        datadog=_datadog(env),
        slack=_slack(env),
        pagerduty=_pagerduty(env),
        opsgenie=_opsgenie(env),
        phones=phones.read(env),
        chats=chats.read(env),
        jira=_jira(env),
        linear=_linear(env),
        oidc=_oidc(env),
        saml=_saml(env),
        watchdog_url=env.url("TOCSIN_WATCHDOG_URL"),
        canary_url=_canary(env, public_url),
        https_proxy=env.url("TOCSIN_HTTPS_PROXY"),
        ca_bundle=env.existing_file("TOCSIN_CA_BUNDLE"),
        trusted_proxies=env.networks("TOCSIN_TRUSTED_PROXIES"),
        allow_private_targets=env.boolean("TOCSIN_ALLOW_PRIVATE_TARGETS", default=True),
        log_format=env.choice("TOCSIN_LOG_FORMAT", "auto", ("auto", "json", "console")),
        log_level=env.choice("TOCSIN_LOG_LEVEL", "info", ("debug", "info", "warning", "error")),
        worker_lag_s=env.seconds("TOCSIN_WATCHDOG_LAG", 10.0),
        spool_dir=env.path("TOCSIN_SPOOL_DIR", str(data_dir / "spool")),
        spool_mb=env.integer("TOCSIN_SPOOL_MB", 512, low=1, high=1_000_000),
        events_kept_days=env.integer("TOCSIN_EVENTS_KEPT_DAYS", 30, low=1, high=3650),
    )
    if env.problems:
        raise WrongSettingsError(tuple(env.problems))
    return options


def _canary(env: Env, public_url: str) -> str:
    said = env.text("TOCSIN_CANARY", "on").lower()
    if said in {"on", "off"}:
        return public_url if said == "on" else ""
    return env.url("TOCSIN_CANARY")


def _slack(env: Env) -> Slack:
    return Slack(
        bot_token=env.text("TOCSIN_SLACK_BOT_TOKEN"),
        app_token=env.text("TOCSIN_SLACK_APP_TOKEN"),
        signing_secret=env.text("TOCSIN_SLACK_SIGNING_SECRET"),
        api_base_url=env.url("TOCSIN_SLACK_API_BASE_URL", "https://slack.com/api"),
    )


def _pagerduty(env: Env) -> PagerDuty:
    return PagerDuty(
        token=env.text("TOCSIN_PAGERDUTY_TOKEN"),
        api_url=env.url("TOCSIN_PAGERDUTY_API_URL", "https://api.pagerduty.com"),
        events_url=env.url("TOCSIN_PAGERDUTY_EVENTS_URL", "https://events.pagerduty.com"),
    )


def _datadog(env: Env) -> Datadog:
    return Datadog(
        api_key=env.text("TOCSIN_DATADOG_API_KEY"),
        app_key=env.text("TOCSIN_DATADOG_APP_KEY"),
        api_url=env.url("TOCSIN_DATADOG_API_URL", "https://api.datadoghq.com"),
    )


def _opsgenie(env: Env) -> Opsgenie:
    return Opsgenie(
        key=env.text("TOCSIN_OPSGENIE_KEY"),
        api_url=env.url("TOCSIN_OPSGENIE_API_URL", "https://api.opsgenie.com"),
    )


def _linear(env: Env) -> Linear:
    return Linear(
        api_url=env.url("TOCSIN_LINEAR_API_URL", "https://api.linear.app/graphql"),
        key=env.text("TOCSIN_LINEAR_KEY"),
    )


def _jira(env: Env) -> Jira:
    url, user, token = env.url("TOCSIN_JIRA_URL"), env.text("TOCSIN_JIRA_USER"), env.text("TOCSIN_JIRA_TOKEN")
    env.together("Jira", {"TOCSIN_JIRA_URL": url, "TOCSIN_JIRA_USER": user, "TOCSIN_JIRA_TOKEN": token})
    return Jira(url, user, token)


def _smtp(env: Env) -> Smtp | None:
    url = env.url("TOCSIN_SMTP_URL", schemes=("smtp", "smtps"))
    if not url:
        return None
    parts = urlsplit(url)
    wants_starttls = "starttls=true" in parts.query or "starttls=1" in parts.query
    if parts.scheme == "smtps":
        tls, default_port = "tls", 465
    else:
        tls, default_port = "starttls" if wants_starttls or parts.port == 587 else "none", 25  # noqa: PLR2004 - RFC 6409
    return Smtp(
        host=parts.hostname or "",
        port=parts.port or default_port,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        tls=tls,
    )


def _oidc(env: Env) -> Oidc | None:
    url, client = env.url("TOCSIN_OIDC_URL"), env.text("TOCSIN_OIDC_CLIENT_ID")
    secret = env.text("TOCSIN_OIDC_CLIENT_SECRET")
    env.together(
        "OpenID Connect",
        {"TOCSIN_OIDC_URL": url, "TOCSIN_OIDC_CLIENT_ID": client, "TOCSIN_OIDC_CLIENT_SECRET": secret},
    )
    return Oidc(env.text("TOCSIN_OIDC_NAME", "Single sign-on"), url, client, secret) if url else None


def _saml(env: Env) -> Saml | None:
    entity, metadata = env.text("TOCSIN_SAML_ENTITY_ID"), env.url("TOCSIN_SAML_METADATA_URL")
    env.together("SAML", {"TOCSIN_SAML_ENTITY_ID": entity, "TOCSIN_SAML_METADATA_URL": metadata})
    return Saml(env.text("TOCSIN_SAML_NAME", "SAML"), entity, metadata) if metadata else None


def _running_here(data_dir: Path) -> str:
    """Written by a running `tocsin up`, so that commands beside it find its embedded server."""
    try:
        return (data_dir / DATABASE_URL_FILE).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _secret_key(env: Env, data_dir: Path) -> str:
    key = env.text("TOCSIN_SECRET_KEY", min_length=_MIN_SECRET)
    if key:
        return key
    path = data_dir / SECRET_KEY_FILE
    try:
        if path.exists():
            return path.read_text(encoding="utf-8").strip()
        return files.create_secret(path, ids.token(48))
    except OSError as error:
        env.problems.append(
            Problem(
                "S008",
                f"No TOCSIN_SECRET_KEY is set and none can be kept in {path} ({error.strerror}).",
                "Set TOCSIN_SECRET_KEY, or TOCSIN_DATA_DIR to a folder that can be written.",
            )
        )
        return ""
