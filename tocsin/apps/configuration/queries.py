from dataclasses import replace
from datetime import timedelta
from typing import Any

from tocsin.apps.catalog import queries as catalog
from tocsin.apps.catalog.types import ServiceInfo
from tocsin.apps.configuration.locks import owned
from tocsin.apps.configuration.models import AppliedObject
from tocsin.apps.configuration.quieting import silences, suppression, with_heartbeats
from tocsin.apps.escalation.models import LastResort, Policy, SeverityRow
from tocsin.apps.identity import queries as identity
from tocsin.apps.identity.models import User as UserRow
from tocsin.apps.identity.models import UserState
from tocsin.apps.identity.types import TeamInfo
from tocsin.apps.integrations import queries as integrations
from tocsin.apps.notify.models import ContactMethod as MethodRow
from tocsin.apps.notify.models import NotificationRule, QuietHours
from tocsin.apps.notify.models import Throttle as ThrottleRow
from tocsin.apps.oncall import queries as oncall
from tocsin.apps.oncall.models import Override
from tocsin.domain.configuration.catalog import read_service
from tocsin.domain.configuration.forms import dump
from tocsin.domain.configuration.ladder import read_policy, read_severity
from tocsin.domain.configuration.model import (
    ContactMethod,
    Integration,
    Organisation,
    Service,
    Team,
    User,
)
from tocsin.domain.configuration.nodes import from_plain
from tocsin.domain.configuration.people import read_hours, read_team
from tocsin.domain.configuration.problems import Report
from tocsin.domain.configuration.reader import Cursor
from tocsin.domain.configuration.throttles import Throttle
from tocsin.domain.escalation.model import Policy as PolicyValue
from tocsin.domain.notification.model import Occasion, Rule
from tocsin.domain.notification.plan import GROUPS
from tocsin.domain.notification.throttle import Scope
from tocsin.domain.permissions import Actor, Permission, Role, require
from tocsin.domain.schedule import OverrideKind
from tocsin.domain.schedule.definition import OverrideDefinition, ScheduleDefinition
from tocsin.domain.severity import Severity, Urgency
from tocsin.domain.severity import SeverityRow as SeverityValue
from tocsin.domain.time import format_duration

ObjectKey = tuple[str, str]


def organisation(*, from_files_only: bool = False) -> Organisation:
    """Everything the database holds that files can say. Overrides that people made are never in it; with
    `from_files_only`, neither are contact methods and rules that people made.
    """
    inhibitions, storm = suppression()
    return Organisation(
        users=_users(from_files_only=from_files_only),
        teams={team.name: _team(team) for team in identity.teams()},
        services={info.name: _service(info) for info in catalog.services()},
        integrations=with_heartbeats(_integrations()),
        rotations=oncall.rotation_definitions(),
        schedules=_schedules(),
        escalation_policies=_policies(),
        routes=integrations.routes(),
        tables=integrations.tables(),
        severities=_severities(),
        notification_rules=_rules().get(None, ()),
        throttles=tuple(
            Throttle(row.via, Scope(row.scope), row.most, timedelta(seconds=row.within_s))
            for row in ThrottleRow.objects.order_by("via", "scope", "within_s")
        ),
        silences=silences("silences"),
        maintenance=silences("maintenance"),
        inhibitions=inhibitions,
        storm=storm,
        last_resort=tuple(LastResort.objects.order_by("position", "id").values_list("email", flat=True)),
    )


def _integrations() -> dict[str, Integration]:
    return {
        info.name: Integration(
            info.name,
            info.kind,
            info.service,
            info.key,
            info.severity_map,
            info.enabled,
            dict(info.config) or None,
            info.silent_after or timedelta(0),
        )
        for info in integrations.integrations()
    }


def export(*, actor: Actor) -> str:
    """One YAML file that reads back as the same organisation. It holds the keys of the integrations."""
    require(actor, Permission.CONFIGURE)
    return dump(organisation())


def made_by_files() -> frozenset[ObjectKey]:
    """What files once made, and nobody has taken over since."""
    return frozenset(AppliedObject.objects.values_list("kind", "name")) & owned()


def people_who_left() -> frozenset[str]:
    return frozenset(UserRow.objects.filter(state=UserState.LEFT).values_list("email", flat=True))


def _cursor(form: Any, name: str) -> Cursor:
    return Cursor(from_plain(form, name), "", Report())


def _users(*, from_files_only: bool) -> dict[str, User]:
    methods: dict[int, list[ContactMethod]] = {}
    rows = MethodRow.objects.order_by("position", "id")
    for method in rows.filter(from_file=True) if from_files_only else rows.filter(disabled_at=None):
        config = {str(key): str(value) for key, value in method.config.items()}
        methods.setdefault(method.user_id, []).append(ContactMethod(method.type, method.address, config))
    rules = _rules(from_files_only=from_files_only)
    quiet = {row.user_id: row for row in QuietHours.objects.all()}
    return {
        row.email: User(
            email=row.email,
            name=row.name,
            timezone=row.timezone,
            role=Role(row.role),
            contact_methods=tuple(methods.get(row.pk, ())),
            notification_rules=rules.get(row.pk, ()),
            quiet_hours=read_hours(_cursor(_quiet_form(quiet[row.pk]), row.email))
            if row.pk in quiet
            else None,
        )
        for row in UserRow.objects.exclude(state=UserState.LEFT).order_by("id")
    }


def _quiet_form(row: QuietHours) -> dict[str, Any]:
    return {
        "timezone": row.timezone,
        "days": row.days,
        "start": f"{row.start:%H:%M}",
        "end": f"{row.end:%H:%M}",
    }


def _rules(*, from_files_only: bool = False) -> dict[int | None, tuple[Rule, ...]]:
    """By user; None: of everybody who has none. In the order in which files write them."""
    found: dict[int | None, list[Rule]] = {}
    rows = NotificationRule.objects.order_by("position", "id")
    for row in rows.filter(from_file=True) if from_files_only else rows:
        after = timedelta(seconds=row.after_s)
        rule = Rule(Urgency(row.urgency), after, row.via, Occasion(row.occasion))
        found.setdefault(row.user_id, []).append(rule)
    return {
        user: tuple(sorted(rules, key=lambda rule: GROUPS.index((rule.urgency, rule.occasion))))
        for user, rules in found.items()
    }


def _team(info: TeamInfo) -> Team:
    form = {
        "name": info.name,
        "description": info.description,
        "members": [person.email for person in info.members],
        "admins": list(info.admins),
        "lead": info.lead.email if info.lead else None,
        "manager": info.manager.email if info.manager else None,
        "business_hours": info.business_hours,
        "holidays": list(info.holidays),
    }
    return read_team(_cursor(form, info.name)) or Team(info.name)


def _service(info: ServiceInfo) -> Service:
    form = {
        "name": info.name,
        "team": info.team,
        "escalation_policy": info.escalation_policy,
        "severity": info.severity,
        "urgency": info.urgency,
        "support_hours": info.support_hours,
        "outside": info.outside,
        "raise_at_opening": info.raise_at_opening,
        "ack_timeout": None if info.ack_timeout is None else format_duration(info.ack_timeout),
        "reopen_window": format_duration(info.reopen_window),
        "depends_on": list(info.depends_on),
        "tier": info.tier,
        "description": info.description,
        "links": dict(info.links),
    }
    return read_service(_cursor(form, info.name)) or Service(info.name)


def _policies() -> dict[str, PolicyValue]:
    found: dict[str, PolicyValue] = {}
    for row in Policy.objects.order_by("name"):
        policy = read_policy(_cursor({**row.definition, "name": row.name}, row.name))
        if policy is not None:
            found[row.name] = policy
    return found


def _severities() -> dict[Severity, SeverityValue]:
    found: dict[Severity, SeverityValue] = {}
    for row in SeverityRow.objects.order_by("name"):
        value = read_severity(_cursor({**row.definition, "name": row.name}, row.name))
        if value is not None:
            found[value.severity] = value
    return found


def _schedules() -> dict[str, ScheduleDefinition]:
    found = oncall.schedule_definitions()
    rows = Override.objects.filter(from_file=True).select_related("user", "replaces")
    changes: dict[str, list[OverrideDefinition]] = {}
    for row in rows.order_by("position", "id"):
        changes.setdefault(row.schedule, []).append(
            OverrideDefinition(
                row.start,
                row.end,
                OverrideKind(row.kind),
                row.user.email if row.user else None,
                row.replaces.email if row.replaces else None,
            )
        )
    return {name: replace(entry, overrides=tuple(changes.get(name, ()))) for name, entry in found.items()}
