"""Sources that are expected to speak, and fall silent: one event each, in their own log, until they speak
again.

While a source is silent, an alert of it that runs out has not ended: nobody said so.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, Q

from tocsin.apps.integrations import own
from tocsin.apps.integrations.models import Integration
from tocsin.apps.integrations.types import Logged
from tocsin.domain.time import format_duration

KEY: Final = "source-silent"  # the dedup key of the alert that stands for it
_AT_ONCE: Final = 200


def heard(events: Iterable[Logged], now: datetime) -> None:
    """These came from tools, or from us, which does not count."""
    newest: dict[int, datetime] = {}
    for event in events:
        if not own.is_own(event):
            before = newest.get(event.integration_id, event.received_at)
            newest[event.integration_id] = max(before, event.received_at)
    if not newest:
        return
    for number, at in sorted(newest.items()):
        older = Q(last_event_at=None) | Q(last_event_at__lt=at)
        Integration.everything.filter(older, pk=number).update(last_event_at=at)
    silent = Integration.objects.filter(pk__in=newest, silent_since__isnull=False)
    for row in silent.select_for_update(no_key=True).order_by("pk"):
        heard, since = row.last_event_at, row.silent_since
        if heard is not None and since is not None and heard >= since:
            _speaks(row, now)


def look_for_silent(now: datetime) -> int:
    """Sources from which nothing came for longer than they may be silent. The number of them.

    One that never sent anything is not silent, it is not set up yet.
    """
    with transaction.atomic():
        rows = Integration.objects.filter(enabled=True, silent_since=None, silent_after__isnull=False)
        rows = rows.filter(last_event_at__isnull=False).annotate(over=F("last_event_at") + F("silent_after"))
        locked = rows.filter(over__lte=now).select_for_update(skip_locked=True, no_key=True, of=("self",))
        found = list(locked.order_by("pk")[:_AT_ONCE])
        for row in found:
            falls_silent(row, now)
    return len(found)


def silent(integration_ids: Iterable[int]) -> frozenset[int]:
    """Those of them that are silent now."""
    rows = Integration.objects.filter(pk__in=set(integration_ids), silent_since__isnull=False)
    return frozenset(rows.values_list("pk", flat=True))


def settle(row: Integration, now: datetime) -> None:
    """After it was switched off, or may be silent from now on: nobody is to hear of it any more."""
    if row.silent_since is not None and (row.silent_after is None or not row.enabled):
        _speaks(row, now)


def falls_silent(row: Integration, now: datetime) -> None:
    row.silent_since = now
    row.save(update_fields=["silent_since"])
    since = now - row.last_event_at if row.last_event_at else timedelta()
    span = format_duration(row.silent_after or since)
    last = f"{row.last_event_at:%Y-%m-%d %H:%M} UTC" if row.last_event_at else "never"
    own.trigger(
        row,
        KEY,
        f"Source silent: nothing from {row.name} for {span}",
        now=now,
        labels={"source_silent": row.name},
        note=f"The last event came at {last}. What this source reported may have changed meanwhile:"
        " alerts of it that run out stay open until it speaks again.",
    )


def _speaks(row: Integration, now: datetime) -> None:
    row.silent_since = None
    row.save(update_fields=["silent_since"])
    own.resolve(row, KEY, now=now)
