"""What an integration's own config may say about alerts in Prometheus's form."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.time.durations import parse_duration
from tocsin.ports.source import Ask, ConfigField

# Alerts that always fire, so that their absence tells: kube-prometheus-stack's of today and of old.
_ALWAYS_FIRING: Final = frozenset({"Watchdog", "DeadMansSwitch"})
# Labels that tell one of a pair from the other and never one thing from another. A plain `replica` may do
# either, so it is left to the config.
_REPLICAS: Final = frozenset({"prometheus_replica", "__replica__", "rule_replica"})
_SHORTEST: Final = timedelta(seconds=1)
_LONGEST: Final = timedelta(days=7)
FIELDS: Final = (
    ConfigField(
        "heartbeats",
        "Signs of life",
        "Names of alerts that always fire, one a line: when one is missing, that is an alert. Empty: none.",
        Ask.LIST,
        "\n".join(sorted(_ALWAYS_FIRING)),
    ),
    ConfigField(
        "heartbeat_every", "Expected every", "How often a sign of life comes, at the latest.", default="12h"
    ),
    ConfigField(
        "resolve_timeout",
        "Over after",
        "An alert that does not say when it ends is over after so long without news.",
        default="5m",
    ),
    ConfigField(
        "replica_labels",
        "Labels of replicas",
        "Labels that tell one of a pair of Prometheus from the other, one a line; they are left out.",
        Ask.LIST,
        "\n".join(sorted(_REPLICAS)),
    ),
)


@dataclass(frozen=True)
class Settings:
    """`heartbeats`: names of alerts that are signs of life, expected each `heartbeat_every`: by default
    as often as kube-prometheus-stack as it is shipped repeats it, so that nobody is woken for nothing.
    `resolve_timeout`: an alert that does not say when it ends is over then.
    """

    heartbeats: frozenset[str] = _ALWAYS_FIRING
    heartbeat_every: timedelta = timedelta(hours=12)
    resolve_timeout: timedelta = timedelta(minutes=5)
    replica_labels: frozenset[str] = _REPLICAS


def read(config: Mapping[str, Any]) -> Settings:
    """Raises `Invalid`. Keys that are not named here belong to others."""
    known = Settings()
    return Settings(
        _words(config, "heartbeats", known.heartbeats),
        _span(config, "heartbeat_every", known.heartbeat_every),
        _span(config, "resolve_timeout", known.resolve_timeout),
        _words(config, "replica_labels", known.replica_labels),
    )


def _words(config: Mapping[str, Any], name: str, default: frozenset[str]) -> frozenset[str]:
    given = config.get(name)
    if given is None:
        return default
    if isinstance(given, str):  # as a form has it
        given = given.replace(",", " ").split()
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise Invalid(FieldError(name, "expected a list of names"))
    return frozenset(given)


def _span(config: Mapping[str, Any], name: str, default: timedelta) -> timedelta:
    given = config.get(name)
    if given in {None, ""}:
        return default
    try:
        span = parse_duration(str(given))
    except ValueError as error:
        raise Invalid(FieldError(name, str(error))) from None
    if not _SHORTEST <= span <= _LONGEST:
        raise Invalid(FieldError(name, "expected 1s to 7d"))
    return span
