"""Escalation policies, the severity table and the last resort, as files give them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import ProtectedError

from tocsin.apps.audit.actions import record
from tocsin.apps.escalation.models import LastResort, Policy, SeverityRow
from tocsin.domain.configuration.ladder import policy_form, severity_form
from tocsin.domain.errors import Conflict
from tocsin.domain.escalation.model import Policy as PolicyValue
from tocsin.domain.permissions import Actor, Permission, require
from tocsin.domain.severity import SeverityRow as SeverityValue


def save_policy(*, actor: Actor, policy: PolicyValue, now: datetime) -> None:
    require(actor, Permission.CONFIGURE)
    form = policy_form(policy)
    name = form.pop("name")
    _, created = Policy.objects.update_or_create(name=name, defaults={"definition": form, "from_file": True})
    _record(actor, "policy.created" if created else "policy.changed", name, form, now)


def delete_policy(*, actor: Actor, name: str, now: datetime) -> None:
    """Raises Conflict while a service uses it."""
    require(actor, Permission.CONFIGURE)
    try:
        Policy.objects.filter(name=name).delete()
    except ProtectedError as error:
        raise Conflict(f"The policy “{name}” is still used by a service.") from error
    _record(actor, "policy.deleted", name, {}, now)


def save_severity(*, actor: Actor, row: SeverityValue, now: datetime) -> None:
    require(actor, Permission.CONFIGURE)
    form = severity_form(row)
    name = form.pop("name")
    SeverityRow.objects.update_or_create(name=name, defaults={"definition": form, "from_file": True})
    _record(actor, "severity.changed", name, form, now)


def delete_severity(*, actor: Actor, name: str, now: datetime) -> None:
    """The row is as shipped again."""
    require(actor, Permission.CONFIGURE)
    SeverityRow.objects.filter(name=name).delete()
    _record(actor, "severity.reset", name, {}, now)


def save_last_resort(*, actor: Actor, emails: Iterable[str], now: datetime) -> None:
    """None: the owners again."""
    require(actor, Permission.CONFIGURE)
    people = list(emails)
    LastResort.objects.all().delete()
    LastResort.objects.bulk_create(
        LastResort(email=email, position=position, from_file=True) for position, email in enumerate(people)
    )
    _record(actor, "last_resort.set", "last resort", {"people": people}, now)


def _record(actor: Actor, action: str, name: str, data: dict[str, Any], now: datetime) -> None:
    record(
        actor=actor,
        action=action,
        target_kind=action.partition(".")[0],
        target_id=name[:64],
        target_label=name,
        data=data,
        now=now,
    )
