"""Events that prove themselves by something that must be fetched first (a certificate, mostly).

No lane waits for a fetch: such an event is parked in a lane that nobody claims, and so are those of its
integration that come after it, so that their order is kept. `prove_waiting` fetches, outside of any
transaction, and works them.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from django.db import InterfaceError, OperationalError, connection, transaction

from tocsin.apps.integrations.claiming import LOCK_CLASS
from tocsin.apps.integrations.models import Event, Integration
from tocsin.apps.integrations.types import Logged
from tocsin.domain.errors import Invalid, NotFound
from tocsin.domain.signal import LANES, EventAction, lane_of
from tocsin.ports import registry
from tocsin.ports.source import Fetch, RefusedError, UnreachableError, VerifiedSource

logger = logging.getLogger(__name__)

PARKED: Final = LANES
_BATCH: Final = 100
_MOST_REMEMBERED: Final = 64
# How long a page may wait for a certificate that stays out of reach, and a subscription for its confirmation.
_PATIENCE: Final = timedelta(seconds=60)
_PATIENCE_CONFIRMING: Final = timedelta(hours=1)

_fetched: OrderedDict[str, bytes] = OrderedDict()


def passes(event: Logged, source: VerifiedSource) -> bool:
    """Whether to go on with the event. If not, it is parked (its `lane` says so), or there is nothing in it.

    Raises RefusedError and Invalid.
    """
    if not _others_wait(event):
        try:
            return source.verify(event.payload, _remembered)
        except UnreachableError:
            pass
    event.lane = PARKED
    Event.objects.filter(pk=event.pk).update(lane=PARKED)
    return False


def prove_waiting(
    now: datetime, fetch: Fetch, work: Callable[[Event], None], set_aside: Callable[[Event, str], None]
) -> int:
    """The number of events done with. `work` and `set_aside` are called inside a transaction."""
    waiting = Event.objects.filter(lane=PARKED, processed_at=None).order_by("id")[:_BATCH]
    done, stuck = 0, set[int]()
    ask = _once(fetch)
    for event in waiting:
        if event.integration_id in stuck:
            continue
        if _prove(event, now, ask, work, set_aside):
            done += 1
        elif event.action != EventAction.NOTE:
            stuck.add(event.integration_id)
    return done


def _prove(
    event: Event,
    now: datetime,
    fetch: Fetch,
    work: Callable[[Event], None],
    set_aside: Callable[[Event, str], None],
) -> bool:
    refusal, worth = "", True
    try:
        worth = _verified(event, fetch)
    except (RefusedError, Invalid, NotFound) as error:
        refusal = str(error)
    except UnreachableError as error:
        patience = _PATIENCE_CONFIRMING if event.action == EventAction.NOTE else _PATIENCE
        if now - event.received_at < patience:
            return False
        logger.warning("an event could not be verified", extra={"event": event.event_id, "why": str(error)})
        if not _lenient(event):
            refusal = f"could not be verified: {error}"
    with transaction.atomic():
        if not _taken(event):
            return True
        if refusal:
            set_aside(event, refusal)
        elif worth:
            _worked(event, work, set_aside)
        else:
            Event.objects.filter(pk=event.pk).update(processed_at=now)
    return True


def _worked(event: Event, work: Callable[[Event], None], set_aside: Callable[[Event, str], None]) -> None:
    try:
        with transaction.atomic():
            work(event)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        logger.exception("an event was set aside", extra={"event": event.event_id})
        set_aside(event, f"{type(error).__name__}: {error}")


def _taken(event: Event) -> bool:
    """Back into its own lane, which is held until the end of the transaction."""
    if not (
        Event.objects.select_for_update(skip_locked=True)
        .filter(pk=event.pk, lane=PARKED, processed_at=None)
        .exists()
    ):
        return False
    event.lane = lane_of(event.integration_id, event.dedup_key)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK_CLASS, event.lane])
    Event.objects.filter(pk=event.pk).update(lane=event.lane)
    return True


def _verified(event: Event, fetch: Fetch) -> bool:
    source = _source(event)
    return not isinstance(source, VerifiedSource) or source.verify(bytes(event.payload), fetch)


def _lenient(event: Event) -> bool:
    source = _source(event)
    return not isinstance(source, VerifiedSource) or source.lenient


def _source(event: Event) -> object:
    integration = Integration.everything.filter(pk=event.integration_id).first()
    if integration is None:
        raise NotFound("integration", str(event.integration_id))
    return registry.bound(*((event.kind, {}) if event.kind else (integration.kind, integration.config)))


def _others_wait(event: Logged) -> bool:
    ahead = Event.objects.filter(
        lane=PARKED, processed_at=None, integration_id=event.integration_id, pk__lt=event.pk
    )
    return ahead.exclude(action=EventAction.NOTE).exists()


def _remembered(url: str) -> bytes:
    if url not in _fetched:
        raise UnreachableError(f"{url} was not fetched yet")
    return _fetched[url]


def _once(fetch: Fetch) -> Fetch:
    """What was fetched is remembered; what did not answer is not asked again in this round."""
    failed: dict[str, UnreachableError] = {}

    def ask(url: str) -> bytes:
        if url in _fetched:
            return _fetched[url]
        if url in failed:
            raise failed[url]
        try:
            body = fetch(url)
        except UnreachableError as error:
            failed[url] = error
            raise
        _fetched[url] = body
        while len(_fetched) > _MOST_REMEMBERED:
            _fetched.popitem(last=False)
        return body

    return ask


def forget() -> None:
    """What was fetched so far."""
    _fetched.clear()
