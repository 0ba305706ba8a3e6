"""Which events are alerts, and who takes the others."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from tocsin.apps.alerts import amending, changing
from tocsin.apps.alerts.directory import Directory
from tocsin.apps.alerts.incoming import Incoming
from tocsin.apps.incidents import noting
from tocsin.apps.integrations import heartbeats
from tocsin.domain.signal import EventAction

_ALERTS: Final = frozenset({EventAction.TRIGGER, EventAction.ACKNOWLEDGE, EventAction.RESOLVE})


def alerts(incoming: Sequence[Incoming]) -> list[Incoming]:
    return [each for each in amending.amended(incoming) if each.signal.action in _ALERTS]


def take_others(incoming: Sequence[Incoming], directory: Directory, now: datetime) -> None:
    """After the alerts of the batch: a note may be about one of them."""
    by: dict[EventAction, list[Incoming]] = {}
    for each in incoming:
        if each.signal.action not in _ALERTS:
            by.setdefault(each.signal.action, []).append(each)
    for each in by.get(EventAction.HEARTBEAT, ()):
        heartbeats.heard(each.integration.id, each.signal, each.received_at)
    changing.take_changes(by.get(EventAction.CHANGE, ()), directory, now)
    if EventAction.NOTE in by:
        noting.take_notes(by[EventAction.NOTE], now)
