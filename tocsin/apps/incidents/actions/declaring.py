from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from tocsin.apps.catalog.models import Service
from tocsin.apps.identity.models import User
from tocsin.apps.incidents import changes, queries
from tocsin.apps.incidents.actions.common import record
from tocsin.apps.incidents.changes import Diary
from tocsin.apps.incidents.models import Incident
from tocsin.apps.incidents.surroundings import load, start_call_outs, start_of
from tocsin.apps.incidents.types import IncidentDetail
from tocsin.domain import urgency
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.lifecycle import Status
from tocsin.domain.permissions import Actor, Permission, require
from tocsin.domain.severity import Severity, Urgency

_LONGEST_TITLE: Final = 255
_LONGEST_SUMMARY: Final = 20_000
_OLDEST: Final = timedelta(days=365)


def declare(
    *,
    actor: Actor,
    title: str,
    service: str,
    severity: Severity,
    summary: str = "",
    started_at: datetime | None = None,
    now: datetime,
) -> IncidentDetail:
    """Open an incident by hand and call whoever is on call for the service. Raises Invalid."""
    require(actor, Permission.DECLARE)
    ref = open_by_hand(
        actor=actor,
        title=title,
        service=service,
        severity=severity,
        summary=summary,
        started_at=started_at,
        now=now,
    )
    return queries.incident(ref, actor=actor)


@transaction.atomic
def open_by_hand(
    *,
    actor: Actor,
    title: str,
    service: str | None,
    severity: Severity,
    summary: str,
    now: datetime,
    started_at: datetime | None = None,
    urgency_: Urgency | None = None,
    calls: bool = True,
) -> str:
    """The new incident's ref. `calls` False: nobody is called yet; `service` None: the catch-all one;
    `urgency_` None: by the service and the severity.
    """
    title = title.strip().replace("\0", "")
    _check(title, service, summary, started_at, now)
    around = load(now)
    found = around.directory.service(service, now)
    loud = urgency.choose(
        route=None,
        rule=around.directory.urgency_rule(found),
        severity=severity,
        table=around.directory.table,
        now=now,
    )
    incident = Incident.objects.create(
        number=changes.numbers(1)[0],
        title=title,
        summary=summary.strip().replace("\0", ""),
        service_id=found.id,
        severity=severity,
        initial_severity=severity,
        peak_severity=severity,
        urgency=urgency_ or loud.urgency,
        status=Status.INVESTIGATING,
        opened_by=changes.BY_PERSON,
        declared_by=User.objects.filter(email=actor.email).first() if actor.email else None,
        started_at=started_at,
        detected_at=started_at or now,
        declared_at=now,
        touched=actor.is_person,
        raise_at=None if urgency_ else loud.raise_at,
    )
    diary = Diary(actor, now)
    diary.note(incident, "declared", f"Declared {severity} by {actor.label}: {title}", {"severity": severity})
    diary.write()
    record(actor, "incident.declared", incident, {"severity": severity, "service": found.name}, now)
    if calls:
        start_call_outs([start_of(incident, found, around)], around, now=now)
    return incident.ref


def _check(title: str, service: str | None, summary: str, started_at: datetime | None, now: datetime) -> None:
    errors = []
    if not title or len(title) > _LONGEST_TITLE:
        errors.append(FieldError("title", f"expected 1 to {_LONGEST_TITLE} characters"))
    if len(summary) > _LONGEST_SUMMARY:
        errors.append(FieldError("summary", f"expected at most {_LONGEST_SUMMARY} characters"))
    if service is not None and not Service.objects.filter(name=service).exists():
        errors.append(FieldError("service", f"there is no service “{service}”"))
    if started_at is not None and not now - _OLDEST <= started_at <= now:
        errors.append(FieldError("started_at", "expected a time in the past year"))
    if errors:
        raise Invalid(*errors)
