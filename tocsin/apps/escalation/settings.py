"""Policies, the severity table and the last resort: what configuration says about escalation."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import ProtectedError

from tocsin.apps.audit import actions as audit
from tocsin.apps.escalation.models import LastResort, SeverityRow
from tocsin.apps.escalation.models import Policy as PolicyRow
from tocsin.apps.escalation.policies import find
from tocsin.apps.identity.models import Team
from tocsin.domain import severity as table
from tocsin.domain.configuration.ladder import policy_form, severity_form
from tocsin.domain.errors import Conflict, FieldError, Invalid, NotFound
from tocsin.domain.escalation.fallbacks import wrong
from tocsin.domain.escalation.model import Policy
from tocsin.domain.permissions import Actor, Permission, require, require_owned

MOST_REPEATS = 20
MOST_STEPS = 50


@transaction.atomic
def save_policy(
    *,
    actor: Actor,
    policy: Policy,
    team: str | None = None,
    from_file: bool = False,
    check: Callable[[], None] | None = None,
    now: datetime,
) -> None:
    """Make or change it. Call-outs that climb already keep the policy they began with. `check` may refuse
    once nobody else can change it any more.
    """
    row = PolicyRow.objects.select_for_update().filter(name=policy.name).first()
    owner = Team.objects.filter(name=team).first() if team else None
    if team and owner is None:
        raise NotFound("team", team)
    before = (row.team_id,) if row else ()
    require_owned(actor, Permission.EDIT_TEAM, (*before, owner.pk if owner else None))
    _check(policy)
    if check is not None:
        check()
    made = row is None
    if row is None:
        row = PolicyRow(name=policy.name)
    row.definition, row.team, row.from_file = policy_form(policy), owner, from_file
    row.save()
    audit.record(
        actor=actor,
        action="escalation_policy.created" if made else "escalation_policy.changed",
        target_kind="escalation_policy",
        target_id=row.pk,
        target_label=policy.name,
        data={"steps": len(policy.steps), "repeat": policy.repeat},
        now=now,
    )


@transaction.atomic
def delete_policy(*, actor: Actor, name: str, now: datetime) -> None:
    row = PolicyRow.objects.filter(name=name).first()
    if row is None:
        raise NotFound("escalation policy", name)
    require_owned(actor, Permission.EDIT_TEAM, (row.team_id,))
    label, number = row.name, row.pk
    behind = [each.name for each in PolicyRow.objects.all() if each.definition.get("fallback") == name]
    if behind:
        raise Conflict(f"“{name}” is still the fallback of: {', '.join(sorted(behind))}.")
    try:
        row.delete()
    except ProtectedError as error:
        used = ", ".join(sorted(str(getattr(each, "name", each)) for each in error.protected_objects))
        raise Conflict(f"“{name}” is still the policy of: {used}.") from error
    audit.record(
        actor=actor,
        action="escalation_policy.deleted",
        target_kind="escalation_policy",
        target_id=number,
        target_label=label,
        now=now,
    )


@transaction.atomic
def save_severity_rows(
    *, actor: Actor, rows: Iterable[table.SeverityRow], from_file: bool = False, now: datetime
) -> None:
    """The changed rows of the table, all of them: a row not among these is as shipped."""
    require(actor, Permission.CONFIGURE)
    wanted = {row.severity: row for row in rows}
    SeverityRow.objects.exclude(name__in=wanted).delete()
    for severity, row in wanted.items():
        SeverityRow.objects.update_or_create(
            name=severity, defaults={"definition": severity_form(row), "from_file": from_file}
        )
    audit.record(
        actor=actor,
        action="severities.changed",
        target_kind="organisation",
        target_id="",
        target_label="severities",
        data={"changed": sorted(wanted)},
        now=now,
    )


@transaction.atomic
def save_last_resort(*, actor: Actor, emails: Sequence[str], from_file: bool = False, now: datetime) -> None:
    """None: the owners."""
    require(actor, Permission.CONFIGURE)
    LastResort.objects.all().delete()
    unique = list(dict.fromkeys(email.lower() for email in emails))
    LastResort.objects.bulk_create(
        LastResort(email=email, position=number, from_file=from_file) for number, email in enumerate(unique)
    )
    audit.record(
        actor=actor,
        action="last_resort.changed",
        target_kind="organisation",
        target_id="",
        target_label="last resort",
        data={"emails": unique},
        now=now,
    )


def _check(policy: Policy) -> None:
    if not policy.name.strip():
        raise Invalid(FieldError("name", "A policy needs a name."))
    if not 0 <= policy.repeat <= MOST_REPEATS:
        raise Invalid(FieldError("repeat", f"Between 0 and {MOST_REPEATS}."))
    if len(policy.steps) > MOST_STEPS:
        raise Invalid(FieldError("steps", f"At most {MOST_STEPS} steps."))
    if problem := wrong(policy, find):
        raise Invalid(FieldError("fallback", problem))
