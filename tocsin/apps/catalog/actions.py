import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeVar

from django.db import connection, models, transaction

from tocsin.apps.audit import actions as audit
from tocsin.apps.catalog import queries
from tocsin.apps.catalog.models import Service
from tocsin.apps.catalog.types import ServiceInfo, ServiceSpec
from tocsin.apps.escalation.models import Policy
from tocsin.apps.identity.models import Team
from tocsin.apps.identity.types import business_hours
from tocsin.domain.errors import Conflict, FieldError, Invalid, NotFound
from tocsin.domain.permissions import SYSTEM, Actor, Permission, require_owned
from tocsin.lib import bus, pg
from tocsin.ports.events import Going, Renamed

M = TypeVar("M", bound=models.Model)
UNROUTED: Final = "unrouted"


@transaction.atomic
def save_service(
    *,
    actor: Actor,
    spec: ServiceSpec,
    now: datetime,
    rename_from: str = "",
    from_file: bool = False,
    check: Callable[[], None] | None = None,
) -> ServiceInfo:
    """Create or change the service of that name. Raises Invalid, and Conflict for one that a file owns.
    `check` may refuse once nobody else can change it any more.
    """
    row = Service.objects.select_for_update().filter(name=rename_from or spec.name).first()
    team = _named(Team.objects.all(), "team", spec.team)
    before = (row.team_id,) if row else ()
    require_owned(actor, Permission.EDIT_TEAM, (*before, team.pk if team else None))
    if rename_from and row is None:
        raise NotFound("service", rename_from)
    if row is not None and row.from_file and not from_file:
        raise Conflict(f"The service “{row.name}” comes from a file; change it there or unlock it.")
    _check(spec)
    if check is not None:
        check()
    if rename_from not in {"", spec.name} and Service.objects.filter(name=spec.name).exists():
        raise Conflict(f"There is a service “{spec.name}” already.")
    if row is not None and row.from_file == from_file and queries.info_of(row).spec == normal(spec):
        return queries.info_of(row)
    created = row is None
    row = row or Service()
    row.name, row.team = spec.name, team
    row.policy = _named(Policy.objects.all(), "escalation_policy", spec.escalation_policy)
    row.severity = spec.severity or ""
    row.urgency, row.outside, row.raise_at_opening = spec.urgency, spec.outside or "", spec.raise_at_opening
    row.support_hours = dict(spec.support_hours) if spec.support_hours is not None else None
    row.ack_timeout_s, row.reopen_window_s = spec.ack_timeout_s, spec.reopen_window_s
    row.tier, row.description, row.links = spec.tier, spec.description, dict(spec.links)
    row.from_file = from_file
    row.save()
    row.depends_on.set(_dependencies(spec))
    if rename_from not in {"", spec.name}:
        bus.publish(Renamed("service", rename_from, spec.name))
    _record(actor, "service.created" if created else "service.changed", row, now)
    saved = queries.service_by_id(row.pk)
    assert saved is not None  # noqa: S101 - it was just saved
    return saved


@transaction.atomic
def delete_service(*, actor: Actor, name: str, now: datetime) -> None:
    row = Service.objects.select_for_update().filter(name=name).first()
    if row is None:
        raise NotFound("service", name)
    require_owned(actor, Permission.EDIT_TEAM, (row.team_id,))
    dependents = ", ".join(sorted(row.dependents.values_list("name", flat=True)))
    if dependents:
        raise Conflict(f"The service “{name}” is still needed by: {dependents}.")
    bus.publish(Going("service", name))
    _record(actor, "service.deleted", row, now)
    try:
        with transaction.atomic():
            row.delete()
    except models.ProtectedError as error:
        kinds = sorted({f"{type(each).__name__.lower()}s" for each in error.protected_objects})
        raise Conflict(f"The service “{name}” still has {', '.join(kinds)}.") from error


def unrouted_service(*, now: datetime) -> ServiceInfo:
    """Where an alert goes that no route and no integration sends anywhere: it is never dropped."""
    found = queries.service(UNROUTED)
    if found is None:
        text = "Alerts that no route and no integration sends anywhere. The last resort is called for them."
        found = save_service(actor=SYSTEM, spec=ServiceSpec(UNROUTED, description=text), now=now)
    return found


def normal(spec: ServiceSpec) -> ServiceSpec:
    """As it reads when it comes back from the table."""
    return replace(
        spec,
        team=spec.team or None,
        escalation_policy=spec.escalation_policy or None,
        outside=spec.outside or None,
        depends_on=tuple(sorted(set(spec.depends_on))),
    )


def _check(spec: ServiceSpec) -> None:
    errors = []
    if not spec.name.strip() or len(spec.name) > 128:  # noqa: PLR2004 - the column's length
        errors.append(FieldError("name", "expected 1 to 128 characters"))
    if spec.urgency not in {"high", "low", "by_severity"}:
        errors.append(FieldError("urgency", "expected high, low or by_severity"))
    if spec.outside not in {None, "", "high", "low"}:
        errors.append(FieldError("outside", "expected high or low"))
    if spec.support_hours is not None:
        try:
            business_hours(dict(spec.support_hours))
        except (ValueError, TypeError) as error:
            errors.append(FieldError("support_hours", str(error)))
    for name, href in spec.links.items():
        if not href.startswith(("http://", "https://")):
            errors.append(FieldError(f"links.{name}", "expected a URL that begins with https:// or http://"))
    if spec.name in spec.depends_on:
        errors.append(FieldError("depends_on", "a service cannot depend on itself"))
    if errors:
        raise Invalid(*errors)


def _dependencies(spec: ServiceSpec) -> list[Service]:
    rows = list(Service.objects.filter(name__in=spec.depends_on))
    unknown = sorted(set(spec.depends_on) - {row.name for row in rows})
    if unknown:
        raise Invalid(FieldError("depends_on", f"there is no service “{unknown[0]}”"))
    return rows


def _named(rows: models.QuerySet[M, M], field: str, name: str | None) -> M | None:
    if not name:
        return None
    row = rows.filter(name=name).first()
    if row is None:
        raise Invalid(FieldError(field, f"there is no {field.replace('_', ' ')} “{name}”"))
    return row


def _record(actor: Actor, action: str, row: Service, now: datetime) -> None:
    audit.record(
        actor=actor, action=action, target_kind="service", target_id=row.pk, target_label=row.name, now=now
    )
    with connection.cursor() as cursor:
        pg.notify(cursor, "tocsin_live", json.dumps({"kind": "service", "id": row.name}))
