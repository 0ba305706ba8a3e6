"""What the worker does for events and incidents, a batch at a time; each call is its own transaction."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction

from tocsin.apps.alerts import changing, expiry, intake, noticing
from tocsin.apps.alerts import holding as withholding
from tocsin.apps.alerts.incoming import Incoming
from tocsin.apps.audit import actions as audit
from tocsin.apps.incidents import (
    canary,
    holding,
    pipeline,
    proving,
    sorting,
    storms,
    surroundings,
    thinning,
    updates,
)
from tocsin.apps.incidents import sweep as due
from tocsin.apps.incidents.surroundings import Surroundings
from tocsin.apps.integrations import actions as integrations
from tocsin.apps.integrations import claiming, heartbeats, silence_of_sources, spooling
from tocsin.apps.integrations.models import Event
from tocsin.apps.integrations.types import IntegrationInfo, Logged
from tocsin.domain.errors import Invalid, NotFound
from tocsin.lib import metrics, pg
from tocsin.ports import registry
from tocsin.ports.source import Fetch, RefusedError, Source, VerifiedSource

logger = logging.getLogger(__name__)

BATCH: Final = 200
_EXCEEDED: Final = "54"  # PostgreSQL's class of SQLSTATEs: program limit exceeded
_SWEPT: Final = (
    due.end_holds,
    due.raise_at_opening,
    expiry.end_expired,
    heartbeats.look_for_missing,
    silence_of_sources.look_for_silent,
)

_HOLDS: Final = (holding.release, holding.suppress, storms.end_quiet, noticing.tell_authors)

_processed = metrics.counter("events_processed", "Events worked, by outcome", ("outcome",))


def process_waiting(now: datetime, limit: int = BATCH) -> int:
    """Work off events in order, lane by lane. The number worked; 0 when nothing waits that is free.

    An event that cannot be processed is set aside with its reason and blocks nothing. Errors of the
    connection are raised.
    """
    try:
        return _batch(now, limit)
    except Exception as error:
        if _away(error):
            raise
        logger.exception("a batch of events failed; each is tried alone")
    return _one_by_one(now, min(limit, BATCH))


def _batch(now: datetime, limit: int) -> int:
    with transaction.atomic():
        events = claiming.claim(limit)
        if events:
            with connection.cursor() as cursor:
                pg.by_keys(cursor)
            _work(events, now)
    return len(events)


def _one_by_one(now: datetime, limit: int) -> int:
    with transaction.atomic():
        events = claiming.claim(limit)
        for event in events:
            try:
                with transaction.atomic():
                    _work([event], now)
            except Exception as error:
                if _away(error):
                    raise
                logger.exception("an event was set aside", extra={"event": event.event_id})
                _set_aside(event, f"{type(error).__name__}: {error}", now)
    return len(events)


def _away(error: Exception) -> bool:
    """Whether the database is at fault, rather than the event: a limit it exceeds is its own doing."""
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    state = getattr(error.__cause__, "sqlstate", None)
    return not (state and state.startswith(_EXCEEDED))


def _work(events: Sequence[Logged], now: datetime, *, proven: bool = False) -> None:
    around = surroundings.load(now)
    incoming = list(_understood(events, around, now, proven=proven))
    alerts = sorting.alerts(incoming)
    taken = intake.take_in(alerts, around.directory, now)
    happenings = withholding.withhold(taken.happenings, around.directory, now)
    pipeline.carry_out(storms.collapsed(happenings, around, now), around, now=now)
    sorting.take_others(incoming, around.directory, now)
    thinning.processed([event for event in events if event.lane != proving.PARKED], taken.counts, now)
    silence_of_sources.heard(events, now)
    _processed.labels("done").inc(len(incoming))


def _understood(
    events: Sequence[Logged], around: Surroundings, now: datetime, *, proven: bool
) -> Iterable[Incoming]:
    readers: dict[tuple[int, str], tuple[Source, VerifiedSource | None]] = {}
    for event in events:
        integration = around.directory.integrations.get(event.integration_id)
        if integration is None:
            _set_aside(event, "its integration was deleted", now)
            continue
        try:
            reader = readers.get((integration.id, event.kind))
            if reader is None:
                reader = readers[integration.id, event.kind] = _reader(integration, event.kind)
            source, verified = reader
            if not proven and verified is not None and not proving.passes(event, verified):
                continue
            signal = source.parse(event.payload)
        except (Invalid, NotFound, RefusedError) as error:
            _set_aside(event, str(error), now)
            continue
        yield Incoming(integration, signal, event.count, event.received_at)


def _reader(integration: IntegrationInfo, kind: str) -> tuple[Source, VerifiedSource | None]:
    """Who reads its events; again, where what they say must be proven."""
    source = registry.bound(*((kind, {}) if kind else (integration.kind, integration.config)))
    return source, source if isinstance(source, VerifiedSource) else None


def prove_waiting(now: datetime, fetch: Fetch) -> int:
    """Work off what must be proven by something fetched; `fetch` is called outside transactions."""
    return proving.prove_waiting(
        now,
        fetch,
        lambda event: _work([claiming.logged(event)], now, proven=True),
        lambda event, reason: _set_aside(event, reason, now),
    )


def _set_aside(event: Event | Logged, reason: str, now: datetime) -> None:
    logger.warning("event set aside", extra={"event": event.event_id, "reason": reason})
    Event.objects.filter(pk=event.pk).update(processed_at=now, set_aside=_storable(reason)[:512])
    _processed.labels("set_aside").inc()


def _storable(text: str) -> str:
    """What went wrong may quote what cannot be stored."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def sweep(now: datetime) -> int:
    """What became due on incidents by itself; call it about once a second. The number of incidents looked
    at.
    """
    done = 0
    for kind in (*_SWEPT, spooling.tell, *_HOLDS, updates.tell_due):
        try:
            done += kind(now)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            logger.exception("a kind of sweep failed; the others go on")
    return done


def tidy(now: datetime) -> int:
    """Drop old events, answered keys and what a canary left; call it now and then. The number dropped."""
    return (
        integrations.forget_events(now=now, keep=timedelta(days=settings.TOCSIN.events_kept_days))
        + audit.forget_keys(now=now)
        + canary.tidy(now)
        + changing.forget_changes(now=now)
    )
