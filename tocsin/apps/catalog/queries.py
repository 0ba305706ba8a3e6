from collections.abc import Iterable

from django.db.models import QuerySet

from tocsin.apps.catalog.models import Service
from tocsin.apps.catalog.types import ServiceInfo
from tocsin.domain.severity import Severity


def service(name: str) -> ServiceInfo | None:
    row = _rows().filter(name=name).first()
    return info_of(row) if row else None


def service_by_id(id: int) -> ServiceInfo | None:  # noqa: A002 - the word for it
    row = _rows().filter(pk=id).first()
    return info_of(row) if row else None


def services(
    *, search: str = "", team: str = "", names: Iterable[str] | None = None
) -> tuple[ServiceInfo, ...]:
    """By name."""
    rows = _rows()
    if search:
        rows = rows.filter(name__icontains=search)
    if team:
        rows = rows.filter(team__name=team)
    if names is not None:
        rows = rows.filter(name__in=list(names))
    return tuple(info_of(row) for row in rows.order_by("name"))


def canary() -> ServiceInfo | None:
    """The platform's own, once it is there."""
    row = Service.everything.filter(canary=True).first()
    return info_of(row) if row else None


def info_of(row: Service) -> ServiceInfo:
    return ServiceInfo(
        name=row.name,
        team=row.team.name if row.team else None,
        escalation_policy=row.policy.name if row.policy else None,
        severity=Severity(row.severity) if row.severity else None,
        urgency=row.urgency,
        support_hours=row.support_hours,
        outside=row.outside or None,
        raise_at_opening=row.raise_at_opening,
        ack_timeout_s=row.ack_timeout_s,
        reopen_window_s=row.reopen_window_s,
        tier=row.tier,
        description=row.description,
        links=row.links,
        depends_on=tuple(sorted(other.name for other in row.depends_on.all())),
        id=row.pk,
        team_id=row.team_id,
        dependents=tuple(sorted(other.name for other in row.dependents.all())),
        from_file=row.from_file,
        canary=row.canary,
    )


def _rows() -> QuerySet[Service, Service]:
    return Service.objects.select_related("team", "policy").prefetch_related("depends_on", "dependents")
