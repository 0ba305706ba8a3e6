"""Calendars are read: fetched, their people found, and what changed put into force.

A reading is claimed by moving its time before anything is fetched, and nothing is locked while a stranger's
server takes its time. Whatever fails leaves what is in force as it was.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db import InterfaceError, OperationalError, connection, transaction

from tocsin.apps.identity.models import User, UserState
from tocsin.apps.oncall import queries
from tocsin.apps.oncall.actions.calendars import OVERRIDES
from tocsin.apps.oncall.actions.common import record, watching
from tocsin.apps.oncall.models import Absence, Calendar, Override
from tocsin.domain.configuration.rota import LONGEST_OVERRIDE
from tocsin.domain.permissions import Actor, ActorKind, Role
from tocsin.domain.schedule import Override as Change
from tocsin.domain.schedule import OverrideKind, changes_anything
from tocsin.domain.schedule import Schedule as Plan
from tocsin.domain.schedule.imported import Changes, Held, Known, People, Wanted, changes, instants, together
from tocsin.domain.time import parse_zone
from tocsin.lib import ical, icalfetch, pg
from tocsin.lib.log import Logger

EVERY: Final = timedelta(minutes=10)
RAREST: Final = timedelta(hours=1)
MOST_EVENTS: Final = 2_000
_BACK: Final = timedelta(days=1)
_AHEAD: Final = timedelta(days=366)
_MOST_LISTED: Final = 500
_LONGEST_KEY: Final = 480  # of the column's 512; the rest is for numbers of pieces
_LONGEST_TAG: Final = 512
_LONGEST_NOTE: Final = 255
_LONGEST_WHY: Final = 500
_UTC: Final = ZoneInfo("UTC")
# A calendar without any event is more often a fault of its server than what somebody wants.
_SUSPECT: Final = 2  # events to come that would vanish all at once
_PATIENT: Final = 3  # so often it must be empty before they do: for more than an hour
_EMPTY: Final = "The calendar is empty all at once"

_log = Logger(__name__)


def read_due(now: datetime) -> int:
    """Read one calendar whose time has come; how many were read."""
    row = _claim(now)
    if row is None:
        return 0
    start, end = now - 2 * _BACK, now + _AHEAD
    try:
        fetched = icalfetch.fetch(row.url, _tag(row, now), start, end)
    except icalfetch.FailedError as error:
        _failed(row, str(error), now)
        return 1
    if fetched.reading is None:
        _succeeded(row, now)
        return 1
    try:
        problem = _emptied(row, fetched.reading, now) or _applied(row, fetched, now)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # noqa: BLE001 - said where people look, and tried again
        _log.exception("a calendar could not be put into force", calendar=row.pk, name=row.name)
        problem = f"What it says could not be put into force ({type(error).__name__}); the log says why."
    if problem:
        _failed(row, problem, now)
    return 1


@transaction.atomic
def _claim(now: datetime) -> Calendar | None:
    rows = Calendar.objects.select_for_update(skip_locked=True, of=("self",)).select_related("user")
    row = rows.filter(due_at__lte=now).order_by("due_at", "id").first()
    if row is not None:
        row.due_at = now + EVERY
        row.save(update_fields=["due_at"])
    return row


def _tag(row: Calendar, now: datetime) -> str:
    """Whether an unchanged calendar may be left alone. It may not where people or schedules may have changed
    what it means, nor for longer than a day: each day a new one comes into sight.
    """
    same_day = row.read_at is not None and row.read_at.date() == now.date()
    return row.etag if same_day and not (row.unmatched or row.idle or row.problem) else ""


def _failed(row: Calendar, problem: str, now: datetime) -> None:
    failures = row.failures + 1
    pause = min(RAREST, EVERY * 2 ** min(failures - 1, 10))
    _log.warning("a calendar could not be read", calendar=row.pk, name=row.name, problem=problem)
    Calendar.objects.filter(pk=row.pk, url=row.url, due_at=row.due_at).update(
        failures=failures, problem=problem[:_LONGEST_WHY], due_at=now + pause
    )


def _succeeded(row: Calendar, now: datetime, problem: str = "", **found: Any) -> None:
    rows = Calendar.objects.filter(pk=row.pk, url=row.url)
    rows.update(read_at=now, failures=0, problem=problem, **found)


def _emptied(row: Calendar, reading: ical.Reading, now: datetime) -> str:
    """Why an empty calendar is not believed yet, or "" when it is, or there is something in it."""
    if not row.problem.startswith(_EMPTY):
        seen = 0
    elif (seen := row.failures) >= _PATIENT:
        return ""
    held = Override.objects if row.use == OVERRIDES else Absence.objects
    left = 0 if reading.happenings or reading.broken else held.filter(calendar=row, start__gt=now).count()
    if left < _SUSPECT:
        return ""
    row.failures = seen  # other failures of before are no sign of it
    return (
        f"{_EMPTY}, though {left} of its events were still to come. They stay in force; if it is still empty "
        "in about an hour, they go."
    )


@dataclass(frozen=True)
class _Sorted:
    wanted: tuple[Wanted, ...]
    unmatched: tuple[dict[str, Any], ...]


def _applied(row: Calendar, fetched: icalfetch.Fetched, now: datetime) -> str:
    """Put into force what was read; "", or why that is not possible."""
    people = {one.email: one for one in User.objects.all()}
    if row.user is not None and people[row.user.email].state == UserState.LEFT:
        return f"{row.user} has left; remove this calendar."
    with transaction.atomic():
        # Whoever removed it, or gave it another address, meanwhile, does not want this any more.
        here = Calendar.objects.select_for_update().filter(pk=row.pk, url=row.url).first()
        if here is None:
            return ""
        if row.use == OVERRIDES:
            # One after the other, so that each sees what the others put on call.
            with connection.cursor() as cursor:
                pg.lock(cursor, f"calendars of {row.schedule}")
        made = queries.book(since=now - _BACK)
        plan = made.schedule(row.schedule) if row.use == OVERRIDES else None
        if row.use == OVERRIDES and plan is None:
            return f"There is no schedule “{row.schedule}” any more; remove this calendar."
        found = _sort(row, fetched.reading or ical.Reading(), people, plan, now)
        wanted = sorted(found.wanted, key=lambda one: (one.start, one.key))
        minute = now.replace(second=0, microsecond=0)
        idle = 0
        if plan is None:
            _keep_absences(row, wanted[:MOST_EVENTS], people, minute, now)
        else:
            idle = _keep_overrides(row, wanted[:MOST_EVENTS], people, minute, now)
        _succeeded(
            row,
            now,
            etag=fetched.tag if len(fetched.tag) <= _LONGEST_TAG else "",
            unmatched=_listed(found.unmatched),
            events=len(wanted),
            idle=idle,
            problem=_too_many(wanted),
        )
    return ""


def _too_many(wanted: list[Wanted]) -> str:
    if len(wanted) <= MOST_EVENTS:
        return ""
    last = wanted[MOST_EVENTS - 1].start
    return (
        f"It holds {len(wanted)} events of the coming year; the first {MOST_EVENTS:,} are used, until "
        f"{last:%Y-%m-%d %H:%M} UTC."
    )


def _sort(
    row: Calendar, reading: ical.Reading, people: dict[str, User], plan: Plan | None, now: datetime
) -> _Sorted:
    """Whom each event to come means, and which mean nobody."""
    finder = People(Known(one.email, one.name, one.state == UserState.LEFT) for one in people.values())
    zones = {email: _zone(one.timezone) for email, one in people.items()}
    usual = plan.zone if plan else zones.get(row.user.email if row.user else "", _UTC)
    wanted: dict[str, Wanted] = {}
    unmatched = [_unmatched(one.summary, one.start, None, one.why) for one in reading.broken]
    for one in reading.happenings:
        email, why = _whom(row, finder, one)
        title = "(private)" if one.private else one.summary
        zone = usual if plan or email is None else zones[email]
        try:
            start, end = instants(one.start, one.end, zone)
        except OverflowError:
            unmatched.append(_unmatched(title, None, None, "its times are beyond all calendars"))
            continue
        if end <= now and start < now:
            continue
        why = why or _wrong(start, end, plan)
        if email is None or why:
            unmatched.append(_unmatched(title, start, end, why))
            continue
        key = _key(one)
        wanted[key] = Wanted(key, email, start, end, "" if one.private else one.summary[:_LONGEST_NOTE])
    return _Sorted(tuple(wanted.values()), tuple(unmatched))


def _whom(row: Calendar, finder: People, one: ical.Happening) -> tuple[str | None, str]:
    if row.user is not None:
        return row.user.email, ""
    return finder.whom(one.summary, one.description, one.attendees, one.organizer)


def _wrong(start: datetime, end: datetime, plan: Plan | None) -> str:
    if end <= start:
        return "it has no length: its end is its start"
    if plan is not None and end - start > LONGEST_OVERRIDE:
        return f"it lasts longer than {LONGEST_OVERRIDE.days} days"
    return ""


def _key(one: ical.Happening) -> str:
    key = f"{one.uid} {one.which}".strip()
    return key if len(key) <= _LONGEST_KEY else hashlib.sha256(key.encode()).hexdigest()


def _zone(name: str) -> ZoneInfo:
    try:
        return parse_zone(name)
    except ValueError:
        return _UTC


def _unmatched(summary: str, start: date | None, end: datetime | None, why: str) -> dict[str, Any]:
    at = start.isoformat() if isinstance(start, datetime) and start.tzinfo else None
    return {"summary": summary[:200], "start": at, "end": end.isoformat() if end else None, "why": why}


def _listed(unmatched: tuple[dict[str, Any], ...]) -> list[dict[str, Any]]:
    ordered = sorted(unmatched, key=lambda one: (one["start"] or "", one["summary"]))
    rest = len(ordered) - _MOST_LISTED
    if rest <= 0:
        return ordered
    return [*ordered[:_MOST_LISTED], _unmatched(f"{rest} more", None, None, "the list ends here")]


def _actor(row: Calendar) -> Actor:
    return Actor(ActorKind.TOKEN, f"calendar “{row.name}”", Role.OBSERVER)


def _keep_overrides(
    row: Calendar, wanted: Iterable[Wanted], people: dict[str, User], minute: datetime, now: datetime
) -> int:
    """Make the calendar's overrides what it asks for; how many of its events change nothing."""
    held = [
        Held(one.pk, one.uid, one.user.email if one.user else "", one.start, one.end, OverrideKind(one.kind))
        for one in Override.objects.filter(calendar=row, end__gt=minute).select_related("user")
    ]
    found = changes(held, together(wanted), minute, bound=True)
    created, idle = _useful(row, found, now)
    found = replace(found, created=created)
    if not found:
        return idle
    actor = _actor(row)
    with watching(actor, [row.schedule], now, f"the calendar “{row.name}”"):
        _drop(Override, found, minute)
        for pk, one in found.edited:
            Override.objects.filter(pk=pk).update(
                start=one.start, end=one.end, kind=one.kind, user=people[one.user]
            )
        Override.objects.bulk_create(
            Override(
                schedule=row.schedule,
                start=one.start,
                end=one.end,
                kind=one.kind,
                user=people[one.user],
                created_at=now,
                created_by=actor.label[:255],
                position=place,
                calendar_id=row.pk,
                uid=one.key,
            )
            for place, one in enumerate(found.created)
        )
        _record(actor, row, found, now)
    return idle


def _useful(row: Calendar, found: Changes, now: datetime) -> tuple[tuple[Wanted, ...], int]:
    """The new ones that put somebody on call who would else not be; how many are left out."""
    if not found.created:
        return (), 0
    instead: dict[int, Change | None] = dict.fromkeys((*found.ended, *found.deleted))
    instead |= {pk: _change(one) for pk, one in found.edited}
    made = queries.book(since=now, instead=instead)
    plan = made.schedule(row.schedule)
    if plan is None:
        return (), 0
    useful: list[Wanted] = []
    standing = list(plan.overrides)
    for one in found.created:
        near = tuple(other for other in standing if other.start < one.end and other.end > one.start)
        if changes_anything(made, replace(plan, overrides=near), _change(one)):
            standing.append(_change(one))
            useful.append(one)
    return tuple(useful), len(found.created) - len(useful)


def _change(one: Wanted) -> Change:
    return Change(one.start, one.end, one.kind, one.user)


def _keep_absences(
    row: Calendar, wanted: Iterable[Wanted], people: dict[str, User], minute: datetime, now: datetime
) -> None:
    held = [
        Held(one.pk, one.uid, one.user.email, one.start, one.end, summary=one.note)
        for one in Absence.objects.filter(calendar=row, end__gt=minute).select_related("user")
    ]
    found = changes(held, wanted, minute, bound=False)
    if not found:
        return
    actor = _actor(row)
    _drop(Absence, found, minute)
    for pk, one in found.edited:
        Absence.objects.filter(pk=pk).update(
            start=one.start, end=one.end, user=people[one.user], note=one.summary
        )
    Absence.objects.bulk_create(
        Absence(
            user=people[one.user],
            start=one.start,
            end=one.end,
            note=one.summary,
            calendar_id=row.pk,
            uid=one.key,
            created_at=now,
            created_by=actor.label[:255],
        )
        for one in found.created
    )
    _record(actor, row, found, now)


def _drop(model: type[Override | Absence], found: Changes, minute: datetime) -> None:
    model.objects.filter(pk__in=found.deleted).delete()
    model.objects.filter(pk__in=found.ended).update(end=minute)


def _record(actor: Actor, row: Calendar, found: Changes, now: datetime) -> None:
    data = {
        "name": row.name,
        "schedule": row.schedule,
        "added": len(found.created),
        "changed": len(found.edited),
        "removed": len(found.ended) + len(found.deleted),
    }
    record(actor, "calendar.read", "calendar", str(row.pk), data, now)
