"""The canary's journeys: begun once a minute by whichever worker is first, followed from the door to its
channel, and swept away.

It proves the one path that matters: event accepted, taken in, incident opened, page planned, page handed
over. Where it stuck is found from what it left on its way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import connection, transaction
from django.db.models import Q

from tocsin.apps.alerts.models import Alert
from tocsin.apps.audit import actions as audit
from tocsin.apps.catalog.models import Service
from tocsin.apps.escalation.models import CallOut
from tocsin.apps.incidents.locking import lock_incidents
from tocsin.apps.incidents.models import CanaryRun, Incident
from tocsin.apps.integrations.models import Event, Integration
from tocsin.apps.notify.models import Notification, NotificationState, Page
from tocsin.domain.canary import IN_TIME
from tocsin.domain.permissions import SYSTEM
from tocsin.lib import ids, pg

_KIND: Final = "generic"
# So long what a journey left is kept: of one that arrived, until the books on its message are closed; of one
# that did not, so that it can be looked into.
_KEPT: Final = timedelta(seconds=30)
_KEPT_LOST: Final = timedelta(minutes=30)
_KEPT_RUN: Final = timedelta(hours=1)
_LONGEST: Final = 512


@dataclass(frozen=True)
class Flight:
    """A journey to begin: POST `body` to `path` of the door."""

    name: str
    path: str
    key: str  # in the path: a secret
    body: dict[str, str]


@dataclass(frozen=True)
class Standing:
    """`good_at`: when the latest journey that arrived in time began; None: none in the last hour."""

    good_at: datetime | None
    seconds: float | None
    name: str = ""  # of the latest one that did not arrive in time though it had the time, since then
    stuck: str = ""  # where: "it was accepted, but no worker took it in"


def begin(now: datetime) -> Flight | None:
    """The journey of this minute; None when another worker makes it."""
    now = now.astimezone(UTC)
    name = f"canary-{now:%Y%m%dT%H%MZ}"
    # The key of a minute belongs to whoever commits it first; one who dies then leaves this minute without.
    _run, mine = CanaryRun.objects.get_or_create(name=name, defaults={"begun_at": now})
    if not mine:
        return None
    key = _way_in(now)
    body = {"action": "trigger", "dedup_key": name, "summary": name}
    return Flight(name, f"/ingest/{_KIND}/{key}", key, body)


def accepted(name: str, now: datetime) -> None:
    CanaryRun.objects.filter(name=name).update(accepted_at=now, problem="")


def refused(name: str, problem: str) -> None:
    CanaryRun.objects.filter(name=name).update(problem=problem.replace("\0", "")[:_LONGEST])


def arrived(name: str, now: datetime) -> None:
    """The first time counts: what a killed worker had handed over comes twice."""
    CanaryRun.objects.filter(name=name, arrived_at=None).update(arrived_at=now)


def standing(now: datetime) -> Standing:
    """How it stands with the journeys of the last hour."""
    rows = list(CanaryRun.objects.filter(begun_at__gt=now - _KEPT_RUN).order_by("-begun_at"))
    good = next((row for row in rows if _in_time(row)), None)
    good_at = good.begun_at if good else None
    seconds = (good.arrived_at - good.begun_at).total_seconds() if good and good.arrived_at else None
    lost = next((row for row in rows if not _in_time(row) and row.begun_at + IN_TIME <= now), None)
    if lost is None or (good_at is not None and lost.begun_at < good_at):
        return Standing(good_at, seconds)
    return Standing(good_at, seconds, lost.name, where(lost.name))


def where(name: str) -> str:
    """Where a journey is: what came of it last, and what did not."""
    run = CanaryRun.objects.filter(name=name).first()
    if run is None:
        return "it is not known any more"
    if run.arrived_at is not None:
        return f"it arrived after {(run.arrived_at - run.begun_at).total_seconds():.0f} s"
    event = Event.objects.filter(integration__canary=True, dedup_key=name).order_by("id").first()
    alert = Alert.objects.filter(integration__canary=True, dedup_key=name).order_by("id").first()
    if event is None and alert is None:
        if run.accepted_at is not None:
            return "it was accepted, but its event is not there any more"
        return run.problem or "it was never sent: the worker that had it ended"
    if alert is None:
        set_aside = event.set_aside if event is not None else ""
        return f"it was accepted, but {f'set aside: {set_aside}' if set_aside else 'no worker took it in'}"
    incident = Incident.everything.filter(alert_links__alert=alert).first()
    if incident is None:
        return "it was accepted and taken in, but no incident was opened"
    return f"its incident was opened, but {_of_page(incident.pk)}"


def tidy(now: datetime) -> int:
    """Take away what journeys left that are over, and what nobody knows the journey of; how many alerts."""
    flying = [
        row.name
        for row in CanaryRun.objects.filter(begun_at__gt=now - _KEPT_LOST)
        if row.arrived_at is None or row.arrived_at > now - _KEPT
    ]
    over = Alert.objects.filter(integration__canary=True).exclude(dedup_key__in=flying)
    swept = list(over.values_list("pk", flat=True))
    if swept:
        _sweep(swept)
    events = Event.objects.filter(integration__canary=True).exclude(dedup_key__in=flying)
    events.filter(Q(processed_at__isnull=False) | Q(received_at__lt=now - _KEPT_LOST)).delete()
    CanaryRun.objects.filter(begun_at__lt=now - _KEPT_RUN).delete()
    return len(swept)


def _in_time(run: CanaryRun) -> bool:
    return run.arrived_at is not None and run.arrived_at - run.begun_at <= IN_TIME


def _of_page(incident_id: int) -> str:
    page = Page.objects.filter(incident_id=incident_id).first()
    if page is None:
        return "nobody was called"
    message = Notification.objects.filter(page=page).order_by("id").first()
    if message is None or message.state == NotificationState.PLANNED:
        return "its page did not leave" + (f": {message.receipt}" if message and message.receipt else "")
    if message.state == NotificationState.CLAIMED:
        return "its page hangs at a sender"
    return f"its page is {message.state}: {message.receipt}"


@transaction.atomic
def _sweep(alerts: Sequence[int]) -> None:
    numbers = [-pk for pk in alerts]
    incidents = lock_incidents(Incident.everything.filter(number__in=numbers).values_list("pk", flat=True))
    Page.objects.filter(incident_id__in=incidents).delete()
    CallOut.objects.filter(incident_id__in=incidents).delete()
    Incident.everything.filter(pk__in=incidents).delete()
    Alert.objects.filter(pk__in=alerts).delete()


@transaction.atomic
def _way_in(now: datetime) -> str:
    """The key of the canary's integration; it and its service are made when they are not there."""
    row = Integration.everything.filter(canary=True, enabled=True).first()
    if row is not None:
        return row.key
    with connection.cursor() as cursor:
        pg.lock(cursor, "canary")
    row = Integration.everything.filter(canary=True).first()
    if row is None:
        name = f"canary {ids.hex_key(8)}"  # a name that nobody else gives
        service = Service.everything.filter(canary=True).first()
        service = service or Service.everything.create(name=name, canary=True)
        row = Integration(name=name, kind=_KIND, key=ids.hex_key(16), created_at=now)
        row.service, row.canary = service, True
    row.enabled = True
    row.save()
    # Workers keep what they have read until an entry is written: without one they would not know it yet.
    audit.record(
        actor=SYSTEM,
        action="canary.set_up",
        target_kind="canary",
        target_id=row.pk,
        target_label="the platform's own canary",
        now=now,
    )
    return row.key
