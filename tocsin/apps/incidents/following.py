"""Who follows what: of an incident, of a service, of a person."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import Q, QuerySet

from tocsin.apps.catalog.models import Service
from tocsin.apps.identity.models import UserState
from tocsin.apps.incidents.models import Follow, Incident
from tocsin.apps.incidents.queries import id_of
from tocsin.domain.errors import FieldError, Invalid, NotFound
from tocsin.domain.permissions import Actor, Permission, require
from tocsin.domain.severity import Severity


class Of(StrEnum):
    INCIDENT = "incident"
    SERVICE = "service"
    SEVERITY = "severity"


@dataclass(frozen=True)
class FollowInfo:
    """`name`: INC-12, a service, or SEV1. `by`: who set it, where it was not the person."""

    id: int
    email: str
    person: str
    of: Of
    name: str
    since: datetime
    by: str


@dataclass(frozen=True)
class What:
    """One thing that can be followed, found; exactly one of the three is set. `team_id`: whose it is."""

    of: Of
    name: str
    incident_id: int | None = None
    service_id: int | None = None
    severity: str = ""
    team_id: int | None = None

    @property
    def row(self) -> Mapping[str, int | str | None]:
        return {"incident_id": self.incident_id, "service_id": self.service_id, "severity": self.severity}


def find(of: Of, name: str) -> What:
    """Raises NotFound; Invalid for what is no severity."""
    if of is Of.SEVERITY:
        if name.upper() not in set(Severity):
            raise Invalid(FieldError("name", f"“{name}” is not a severity."))
        return What(of, name.upper(), severity=name.upper())
    if of is Of.SERVICE:
        service = Service.objects.filter(name=name).first()
        if service is None:
            raise NotFound("service", name)
        return What(of, name, service_id=service.pk, team_id=service.team_id)
    incident = Incident.objects.select_related("service").get(pk=id_of(name))
    return What(of, incident.ref, incident_id=incident.pk, team_id=incident.service.team_id)


def followers(of: Of, name: str, *, actor: Actor) -> tuple[FollowInfo, ...]:
    """Of an incident: also those who follow its service or its severity."""
    require(actor, Permission.READ)
    what = find(of, name)
    wanted = Q(**what.row)
    if of is Of.INCIDENT:
        incident = Incident.objects.get(pk=id_of(what.name))
        wanted |= Q(service_id=incident.service_id) | Q(severity=incident.severity)
    return _infos(Follow.objects.filter(wanted))


def following(email: str, *, actor: Actor) -> tuple[FollowInfo, ...]:
    """All that a person follows: what lasts first, then the newest incident."""
    require(actor, Permission.READ)
    rows = _infos(Follow.objects.filter(user__email=email.lower()))
    order = (Of.SEVERITY, Of.SERVICE, Of.INCIDENT)
    return tuple(sorted(rows, key=lambda each: (order.index(each.of), each.name)))


def carry_over(incident: Incident, into: Incident) -> None:
    """Whoever followed what is merged away hears of the other one from now on."""
    already = Follow.objects.filter(incident=into).values("user_id")
    for row in Follow.objects.filter(incident=incident).exclude(user_id__in=already):
        Follow.objects.create(user_id=row.user_id, incident=into, since=row.since, by=row.by)


def emails(infos: Iterable[FollowInfo]) -> frozenset[str]:
    return frozenset(info.email for info in infos)


def _infos(rows: "QuerySet[Follow, Follow]") -> tuple[FollowInfo, ...]:
    known = rows.exclude(user__state=UserState.LEFT).select_related("user", "incident", "service")
    return tuple(_info(row) for row in known)


def _info(row: Follow) -> FollowInfo:
    of, name = Of.SEVERITY, row.severity
    if row.incident:
        of, name = Of.INCIDENT, row.incident.ref
    elif row.service:
        of, name = Of.SERVICE, row.service.name
    by = "" if row.by == str(row.user) else row.by
    return FollowInfo(row.pk, row.user.email, str(row.user), of, name, row.since, by)
