from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import ProtectedError

from tocsin.apps.audit.actions import record
from tocsin.apps.identity.actions import checks
from tocsin.apps.identity.models import Membership, Team, User, UserState
from tocsin.apps.identity.queries import team as find_team
from tocsin.apps.identity.types import TeamInfo
from tocsin.apps.identity.types import business_hours as read_hours
from tocsin.domain.errors import Conflict, FieldError, Invalid, NotFound
from tocsin.domain.permissions import Actor, Permission, require
from tocsin.domain.time.business import known_country
from tocsin.lib import bus
from tocsin.ports.events import Going, Renamed


@dataclass(frozen=True)
class TeamForm:
    """All of a team. People are e-mails; `holidays` are ISO dates, or one country code."""

    name: str
    description: str = ""
    lead: str | None = None
    manager: str | None = None
    members: tuple[str, ...] = ()
    business_hours: Mapping[str, Any] | None = None
    holidays: tuple[str, ...] = field(default=())


@transaction.atomic
def create_team(*, actor: Actor, form: TeamForm, now: datetime) -> TeamInfo:
    """Raises Conflict when the name is taken."""
    require(actor, Permission.CONFIGURE)
    if Team.objects.filter(name=form.name.strip()).exists():
        raise Conflict(f"There is a team “{form.name}” already.")
    return _write(actor, Team(), form, now, "team.created", from_file=False)


@transaction.atomic
def save_team(*, actor: Actor, form: TeamForm, from_file: bool = False, now: datetime) -> TeamInfo:
    """Make or change the team of that name to be exactly this. Nothing changed: nothing audited."""
    require(actor, Permission.CONFIGURE)
    row = Team.objects.select_for_update().filter(name=form.name).first()
    if row is None:
        return _write(actor, Team(), form, now, "team.created", from_file=from_file)
    return _write(actor, row, form, now, "team.changed", from_file=from_file)


@transaction.atomic
def update_team(*, actor: Actor, name: str, form: TeamForm, unlock: bool = False, now: datetime) -> TeamInfo:
    """Also by the team's own admins. `form.name` may be a new name, which everything that named the team then
    says. What a file keeps needs `unlock`.
    """
    row = _locked(name)
    require(actor, Permission.EDIT_TEAM, teams=[row.pk])
    if row.from_file and not unlock:
        raise Conflict(
            f"Team “{name}” is kept in a configuration file; unlock it to change it here.", ("unlock",)
        )
    if form.name.strip() != name and Team.objects.filter(name=form.name.strip()).exists():
        raise Conflict(f"There is a team “{form.name}” already.")
    saved = _write(actor, row, form, now, "team.changed", from_file=False)
    if saved.name != name:
        bus.publish(Renamed("team", name, saved.name))
    return saved


@transaction.atomic
def delete_team(*, actor: Actor, name: str, now: datetime) -> None:
    """Raises Conflict while something, such as a service, belongs to it or names it."""
    require(actor, Permission.CONFIGURE)
    row = _locked(name)
    bus.publish(Going("team", name))
    pk = row.pk
    try:
        with transaction.atomic():
            row.delete()
    except ProtectedError as error:
        owned = sorted(str(thing) for thing in error.protected_objects)[:5]
        raise Conflict(f"Team “{name}” still owns {', '.join(owned)}.") from None
    _record(actor, "team.deleted", pk, name, {}, now)


@transaction.atomic
def set_team_admin(*, actor: Actor, team: str, email: str, is_admin: bool, now: datetime) -> TeamInfo:
    """A team's admin may edit what the team owns, and nothing else."""
    row = _locked(team)
    require(actor, Permission.EDIT_TEAM, teams=[row.pk])
    membership = Membership.objects.select_for_update().filter(team=row, user__email=email.lower()).first()
    if membership is None:
        raise NotFound(f"member of {team}", email)
    if membership.is_admin != is_admin:
        membership.is_admin = is_admin
        membership.save(update_fields=["is_admin"])
        _record(actor, "team.admin", row.pk, row.name, {"email": email.lower(), "admin": is_admin}, now)
    return _read(row.name)


def _write(
    actor: Actor, row: Team, form: TeamForm, now: datetime, action: str, *, from_file: bool
) -> TeamInfo:
    before = _facts(row) if row.pk else {}
    emails = tuple(dict.fromkeys(email.lower() for email in form.members))
    users = _users({*emails, *_named(form)}, form)
    row.name = checks.name(form.name, 128)
    row.description = form.description.strip()
    row.lead = users[form.lead.lower()] if form.lead else None
    row.manager = users[form.manager.lower()] if form.manager else None
    row.business_hours, row.holidays = _calendar(form)
    row.from_file = from_file
    row.save()
    _set_members(row, [users[email] for email in emails])
    after = _facts(row)
    changes = {
        key: {"from": before.get(key), "to": value}
        for key, value in after.items()
        if before.get(key) != value
    }
    if changes:
        _record(actor, action, row.pk, row.name, changes, now)
    return _read(row.name)


def _named(form: TeamForm) -> set[str]:
    return {email.lower() for email in (form.lead, form.manager) if email}


def _users(emails: Iterable[str], form: TeamForm) -> dict[str, User]:
    rows = User.objects.filter(email__in=set(emails)).exclude(state=UserState.LEFT)
    found = {row.email: row for row in rows}
    errors = [
        FieldError(where, f"there is no user “{email}”")
        for where, several in (("lead", [form.lead]), ("manager", [form.manager]), ("members", form.members))
        for email in several
        if email and email.lower() not in found
    ]
    if errors:
        raise Invalid(*errors)
    return found


def _calendar(form: TeamForm) -> tuple[dict[str, Any] | None, list[str]]:
    hours = (
        {key: value for key, value in form.business_hours.items() if value} if form.business_hours else None
    )
    holidays = list(form.holidays)
    countries = [day for day in holidays if not day[:1].isdigit()]
    if len(countries) > 1 or any(not known_country(code) for code in countries):
        raise Invalid(
            FieldError("holidays", "expected dates such as 2026-12-25, or one country code such as DE")
        )
    try:
        read_hours(None, form.holidays)
    except ValueError:
        raise Invalid(
            FieldError("holidays", "expected dates such as 2026-12-25, or a country code")
        ) from None
    try:
        read_hours(hours)
    except (ValueError, TypeError, AttributeError) as error:
        raise Invalid(FieldError("business_hours", str(error))) from None
    return hours or None, holidays


def _set_members(row: Team, users: list[User]) -> None:
    wanted = {user.pk: position for position, user in enumerate(users)}
    present = {membership.user_id: membership for membership in row.memberships.select_related("user")}
    for user_id, membership in present.items():
        if user_id not in wanted:
            # Who left stays a member on paper, to be one again when back.
            if membership.user.state != UserState.LEFT:
                membership.delete()
        elif membership.position != wanted[user_id]:
            membership.position = wanted[user_id]
            membership.save(update_fields=["position"])
    Membership.objects.bulk_create(
        Membership(team=row, user_id=user_id, position=position)
        for user_id, position in wanted.items()
        if user_id not in present
    )


def _facts(row: Team) -> dict[str, Any]:
    members = row.memberships.exclude(user__state=UserState.LEFT).order_by("position", "id")
    return {
        "name": row.name,
        "description": row.description,
        "lead": row.lead.email if row.lead else None,
        "manager": row.manager.email if row.manager else None,
        "members": list(members.values_list("user__email", flat=True)),
        "business_hours": row.business_hours,
        "holidays": list(row.holidays),
        "from_file": row.from_file,
    }


def _read(name: str) -> TeamInfo:
    found = find_team(name)
    if found is None:
        raise NotFound("team", name)
    return found


def _locked(name: str) -> Team:
    row = Team.objects.select_for_update().filter(name=name).first()
    if row is None:
        raise NotFound("team", name)
    return row


def _record(actor: Actor, action: str, pk: int, name: str, data: dict[str, Any], now: datetime) -> None:
    record(
        actor=actor, action=action, target_kind="team", target_id=pk, target_label=name, data=data, now=now
    )
