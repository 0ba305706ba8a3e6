"""Updates for those who follow: what happened is kept when it happens, and said within a minute, one message
a person however much happened.

Followers are told, never called. Nobody hears of what they did themselves, nor of what a page or a quiet word
has told them already; nothing is said of the canary.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from tocsin.apps.identity.models import User, UserState
from tocsin.apps.incidents.models import Follow, Happened, Incident
from tocsin.apps.notify import actions as notify
from tocsin.apps.notify.models import Page
from tocsin.apps.notify.types import Request
from tocsin.domain.lifecycle import OPEN, Status
from tocsin.domain.notification.model import MessageKind, Subject
from tocsin.domain.schedule.notices import moment
from tocsin.domain.severity import Severity, Urgency
from tocsin.domain.time import zone_or_utc

TOGETHER: Final = timedelta(seconds=60)
_AT_ONCE: Final = 1000
_LONGEST_TEXT: Final = 1000
_LONGEST_TITLE: Final = 160
_SHOWN: Final = 50
_PLAIN: Final = frozenset(
    {"declared", "severity_changed", "acknowledged", "mitigated", "resolved", "reopened", "update"}
)
_TOLD_BY: Final = (
    MessageKind.PAGE,
    MessageKind.STAKEHOLDER,
    MessageKind.RESOLVED,
    MessageKind.NUDGE,
    MessageKind.NOTICE,
)


@dataclass(frozen=True)
class Fact:
    """One entry of a timeline; `by`: the e-mail of who did it, "" for nobody's."""

    incident: Incident
    kind: str
    text: str
    data: Mapping[str, Any]
    at: datetime
    by: str


def keep(facts: Iterable[Fact]) -> None:
    """What somebody follows is said soon. In the transaction that made it true."""
    wanted = [fact for fact in facts if fact.incident.number > 0 and _is_news(fact)]
    if not wanted:
        return
    followed = _Followed([fact.incident for fact in wanted])
    Happened.objects.bulk_create(
        Happened(
            incident=fact.incident,
            at=fact.at,
            kind=fact.kind,
            text=fact.text[:_LONGEST_TEXT],
            by=fact.by,
            due_at=fact.at + TOGETHER,
        )
        for fact in wanted
        if followed.by(fact.incident)
    )


@transaction.atomic
def tell_due(now: datetime) -> int:
    """Once the oldest has waited long enough, all that waits is said. The number of facts that were due."""
    if not Happened.objects.filter(due_at__lte=now).exists():
        return 0
    waiting = Happened.objects.select_for_update(of=("self",), skip_locked=True)
    facts = list(waiting.select_related("incident__service").order_by("at", "id")[:_AT_ONCE])
    heard = _by_person(facts)
    zones = dict(User.objects.filter(email__in=heard).values_list("email", "timezone"))
    notify.call_many(
        requests=[_request(email, mine, zones[email]) for email, mine in sorted(heard.items())], now=now
    )
    Happened.objects.filter(pk__in=[fact.pk for fact in facts]).delete()
    return len(facts)


def _is_news(fact: Fact) -> bool:
    if fact.kind == "status_changed":
        to = fact.data.get("to", Status.MONITORING)
        return to == Status.MONITORING or to not in OPEN
    if fact.kind == "merged":
        return "into" in fact.data
    return fact.kind in _PLAIN


class _Followed:
    """Who follows some incidents: read once."""

    def __init__(self, incidents: Sequence[Incident]) -> None:
        levels = {level for each in incidents for level in _levels(each)}
        rows = Follow.objects.filter(
            Q(incident__in=[each.pk for each in incidents])
            | Q(service__in={each.service_id for each in incidents})
            | Q(severity__in=levels)
        ).exclude(user__state=UserState.LEFT)
        self._people: dict[tuple[str, int | str | None], list[tuple[str, datetime]]] = defaultdict(list)
        for row in rows.select_related("user").order_by("pk"):
            key: tuple[str, int | str | None] = ("severity", row.severity)
            if row.incident_id or row.service_id:
                key = ("incident", row.incident_id) if row.incident_id else ("service", row.service_id)
            self._people[key].append((row.user.email, row.since))

    def by(self, incident: Incident) -> dict[str, datetime]:
        """E-mail → since when, at the earliest."""
        keys: list[tuple[str, int | str | None]] = [("severity", one) for one in sorted(_levels(incident))]
        keys += [("incident", incident.pk), ("service", incident.service_id)]
        found: dict[str, datetime] = {}
        for key in keys:
            for email, since in self._people.get(key, ()):
                found[email] = min(since, found.get(email, since))
        return found


def _levels(incident: Incident) -> set[str]:
    """Whoever heard of it at one of its severities hears how it ends."""
    return {str(incident.severity), str(incident.peak_severity), str(incident.initial_severity)}


def _by_person(facts: Sequence[Happened]) -> dict[str, list[Happened]]:
    followed = _Followed([fact.incident for fact in facts])
    told: dict[tuple[int | None, str], list[datetime]] = defaultdict(list)
    pages = Page.objects.filter(incident_id__in={fact.incident_id for fact in facts}, kind__in=_TOLD_BY)
    for incident, email, at in pages.values_list("incident_id", "user__email", "started_at"):
        told[incident, email].append(at)
    heard: dict[str, list[Happened]] = defaultdict(list)
    for fact in facts:
        for email, since in followed.by(fact.incident).items():
            knows = fact.by == email or any(at >= fact.at for at in told[fact.incident_id, email])
            if since <= fact.at and not knows:
                heard[email].append(fact)
    return heard


def _request(email: str, facts: Sequence[Happened], zone: str) -> Request:
    groups: dict[int, list[Happened]] = defaultdict(list)
    for fact in facts:
        groups[fact.incident_id].append(fact)
    latest = facts[-1]
    one = latest.incident
    headline = f"{one.ref} {one.service.name}: {latest.text}"
    if len(groups) > 1:
        headline = f"News of {len(groups)} incidents that you follow"
    lines = [line for group in list(groups.values())[:_SHOWN] for line in _lines(group, zone)]
    if len(groups) > _SHOWN:
        lines.append(f"… and {len(groups) - _SHOWN} more")
    worst = min((fact.incident for fact in facts), key=lambda each: Severity(each.severity).rank)
    single = len(groups) == 1
    subject = Subject(
        incident_id=one.pk if single else 0,
        ref=one.ref if single else "",
        title=one.title if single else headline,
        severity=Severity(worst.severity),
        service=one.service.name if single else "Tocsin",
    )
    return Request(
        email,
        MessageKind.UPDATE,
        Urgency.LOW,
        subject,
        "follows it" if single else "follows them",
        incident_id=one.pk if single else None,
        headline=headline[:255],
        more={"lines": lines},
        key=_key(email, facts),
    )


def _lines(facts: Sequence[Happened], zone: str) -> list[str]:
    incident, clock = facts[0].incident, zone_or_utc(zone)
    head = (
        f"{incident.ref} · {incident.severity} · {incident.service.name}: {incident.title[:_LONGEST_TITLE]}"
    )
    said = [f"{moment(fact.at, clock)} ({clock.key}): {fact.text}" for fact in facts]
    return [head, *said, f"{settings.TOCSIN.public_url}/incidents/{incident.ref}"]


def _key(email: str, facts: Sequence[Happened]) -> str:
    names = ",".join(str(fact.pk) for fact in facts)
    return f"update-{hashlib.sha256(f'{email}:{names}'.encode()).hexdigest()[:40]}"
