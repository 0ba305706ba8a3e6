"""Alerts that are over by themselves unless they are heard of again: what `endsAt` and a resolve time-out
mean.

A time-out is written into the log as an event of that key, so there is one way in which alerts end, and
events that came before it and still wait are worked before it: each of them makes it void.

While its source is silent an alert does not end, it becomes `stale`: nobody said that it is over. Which
silence counts: one that was told; one that may yet turn out to be (`silent_after` of the integration); and
that of Prometheus, which repeats every alert that fires each minute. When the source speaks again, a stale
alert is given one more lease, and what is said or left unsaid in it decides.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from tocsin.apps.alerts.models import Alert
from tocsin.apps.integrations import own, silence_of_sources
from tocsin.apps.integrations.models import Integration
from tocsin.domain.signal import Signal

_AT_ONCE: Final = 500
_LOOK_AGAIN: Final = timedelta(minutes=1)
_LEASE: Final = timedelta(minutes=5)
_TOGETHER: Final = timedelta(seconds=2)  # what comes in one round of a sender's is not "later"
_REPEATERS: Final = ("Prometheus/", "vmalert", "thanos", "loki/", "mimir", "cortex")


def end_expired(now: datetime) -> int:
    """Call it about once a second. The number of alerts that were looked at."""
    with transaction.atomic():
        due = Alert.objects.filter(status="firing", expires_at__lte=now).order_by("expires_at", "pk")
        rows = list(due.select_for_update(skip_locked=True, no_key=True, of=("self",))[:_AT_ONCE])
        if not rows:
            return 0
        sources = Integration.everything.in_bulk({row.integration_id for row in rows})
        over: list[Alert] = []
        for row in rows:
            until = _kept_until(row, sources[row.integration_id], now)
            row.expires_at = until
            if until is None:
                over.append(row)
        _raise_silence((row for row in rows if row.stale), sources, now)
        Alert.objects.bulk_update(rows, ["expires_at", "stale"])
        own.time_out(
            [(row.integration_id, row.dedup_key, row.last_seen_at) for row in over],
            now=now,
        )
    return len(rows)


def lasts(alert: Alert, signal: Signal) -> None:
    """It was heard of again."""
    alert.expires_at, alert.stale = signal.expires_at, False


def ends(alert: Alert, signal: Signal) -> bool:
    """Whether a resolve ends it; a time-out does not when it was heard of since."""
    since = signal.unless_heard_since
    if since is not None and alert.last_seen_at > since:
        return False
    alert.ended_how = "source" if since is None else "timeout"
    alert.expires_at, alert.stale = None, False
    return True


def _kept_until(row: Alert, source: Integration, now: datetime) -> datetime | None:
    """None: it is over. Else when to look again; it is marked as stale meanwhile, or not."""
    spoke = source.last_event_at is not None and source.last_event_at > row.last_seen_at + _TOGETHER
    if row.stale:
        if source.silent_since is not None or not spoke:
            return now + _LOOK_AGAIN
        row.stale = False
        return now + _LEASE
    if source.silent_since is not None:
        row.stale = True
    elif spoke or source.canary:
        return None
    elif source.silent_after is not None:
        # Too early to tell: once it is silent, or has spoken, we know.
        told = (source.last_event_at or row.last_seen_at) + source.silent_after
        return max(told, now) + _TOGETHER
    else:
        row.stale = str(row.details.get("sender", "")).startswith(_REPEATERS)
    return now + _LOOK_AGAIN if row.stale else None


def _raise_silence(stale: Iterable[Alert], sources: dict[int, Integration], now: datetime) -> None:
    for number in {row.integration_id for row in stale}:
        if sources[number].silent_since is None:
            silence_of_sources.falls_silent(sources[number], now)
