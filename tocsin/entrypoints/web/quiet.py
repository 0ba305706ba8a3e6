"""What holds alerts, for the pages of alerts and incidents, and where one silences them."""

from collections.abc import Iterable, Mapping
from typing import Final, Protocol
from urllib.parse import urlencode

from django.urls import reverse

from tocsin.apps.alerts import silenced
from tocsin.apps.alerts.types import AlertInfo, HoldInfo
from tocsin.domain.routing import Matcher, Op

_MOST: Final = 10


class _Incident(Protocol):
    @property
    def service(self) -> str: ...
    @property
    def alerts(self) -> tuple[AlertInfo, ...]: ...


def holds(alerts: Iterable[AlertInfo]) -> dict[int, tuple[HoldInfo, ...]]:
    """By the alert's id, for those that something holds."""
    held = [alert.id for alert in alerts if alert.held_since is not None]
    return silenced.holds_of(held) if held else {}


def of_incident(incident: _Incident) -> tuple[HoldInfo, ...]:
    """What holds everything that fires in it, each once; () where something in it is not held."""
    firing = [alert for alert in incident.alerts if alert.firing]
    if not firing or any(alert.held_since is None for alert in firing):
        return ()
    found = {(one.kind, one.by): one for several in holds(firing).values() for one in several}
    return tuple(found.values())


def silence_alert(alert: AlertInfo) -> str:
    """The form, with matchers that hit this alert and those that are like it."""
    named = _matchers(alert.labels) or [str(Matcher("dedup_key", Op.EQUAL, alert.dedup_key))]
    return _form([str(Matcher("integration", Op.EQUAL, alert.integration)), *named])


def silence_incident(incident: _Incident, shared: Mapping[str, str]) -> str:
    """With what its alerts have in common, on its service."""
    return _form(_matchers(shared), service=incident.service)


def _matchers(labels: Mapping[str, str]) -> list[str]:
    # The form takes one a line; an empty value would hit what has no such label.
    fit = [(name, value) for name, value in labels.items() if value and "\n" not in value]
    return [str(Matcher(name, Op.EQUAL, value)) for name, value in fit[:_MOST]]


def _form(matchers: list[str], service: str = "") -> str:
    asked = [("match", text) for text in matchers] + ([("service", service)] if service else [])
    return f"{reverse('silence_new')}?{urlencode(asked)}"
