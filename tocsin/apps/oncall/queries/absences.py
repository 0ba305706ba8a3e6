"""Who is away, and who may say so."""

from datetime import datetime

from django.db.models import Q

from tocsin.apps.identity.models import Membership
from tocsin.apps.oncall.models import Absence
from tocsin.apps.oncall.types import AbsenceInfo
from tocsin.domain.permissions import Actor, Permission, can
from tocsin.domain.schedule import Shift


def absences(
    *, email: str | None = None, start: datetime | None = None, end: datetime | None = None
) -> tuple[AbsenceInfo, ...]:
    """By start: those that touch [start, end)."""
    rows = Absence.objects.select_related("user", "calendar")
    if email is not None:
        rows = rows.filter(user__email=email.lower())
    if start is not None:
        rows = rows.filter(end__gt=start)
    if end is not None:
        rows = rows.filter(start__lt=end)
    return tuple(absence_of(row) for row in rows)


def absence_of(row: Absence, clashes: tuple[tuple[str, Shift], ...] = ()) -> AbsenceInfo:
    return AbsenceInfo(
        id=row.pk,
        email=row.user.email,
        start=row.start,
        end=row.end,
        note=row.note,
        calendar=row.calendar.name if row.calendar else None,
        created_by=row.created_by,
        clashes=clashes,
    )


def may_keep_absences(actor: Actor, email: str) -> bool:
    """One's own; those of the people whose team one leads, manages or administers; or anybody's as a manager
    of people.
    """
    if actor.email == email:
        return can(actor, Permission.EDIT_SELF)
    if can(actor, Permission.MANAGE_PEOPLE):
        return True
    teams = Q(team_id__in=actor.administers)
    if actor.email is not None:
        teams |= Q(team__lead__email=actor.email) | Q(team__manager__email=actor.email)
    return Membership.objects.filter(teams, user__email=email).exists()
