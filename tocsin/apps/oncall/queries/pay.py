"""Time on call by class, as payroll wants it: who really was on call, as paging had it."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.db.models import Q

from tocsin.apps.identity import queries as identity
from tocsin.apps.identity.models import Team, User
from tocsin.apps.oncall.models import PayCorrection, Schedule, ShiftUse
from tocsin.apps.oncall.queries.stored import book_with_former, everybody_of
from tocsin.apps.oncall.types import CorrectionInfo, PayReport, PayRow
from tocsin.domain.permissions import Actor, Permission, can
from tocsin.domain.schedule import SHADOW, Book, resolve
from tocsin.domain.schedule.hours import Kind, split
from tocsin.domain.schedule.model import UTC_ZONE
from tocsin.domain.schedule.spans import Span, common, joined
from tocsin.domain.time import parse_zone, to_instant

_AROUND: Final = timedelta(days=1)  # the days of every zone lie within those of UTC and one more on each side
_MINUTE: Final = timedelta(minutes=1)

IsHoliday = Callable[[date], bool]
Turn = tuple[str, datetime, datetime]  # a schedule, from, until


def pay(
    *,
    start: date,
    end: date,
    zone: str | None = None,
    email: str | None = None,
    team: str | None = None,
    schedule: str | None = None,
    actor: Actor | None = None,
) -> PayReport:
    """The days from `start` until before `end`, on the clock of `zone` or, without, of each person's own.

    Shadows are not on call. Time on call in several schedules at once is counted once. Nights, weekends and
    holidays are those of the person's wall; holidays, of the teams they belong to. With `actor`, only people
    whose hours that actor may see. Raises ValueError for a zone that does not exist.
    """
    fixed = parse_zone(zone) if zone else None
    within = _within(actor=actor, email=email, team=team)
    turns = _served(
        book_with_former(since=_midnight(start, UTC_ZONE) - _AROUND), start, end, schedule, within
    )
    called = _call_outs(start, end, schedule)
    rows = PayCorrection.objects.filter(day__gte=start, day__lt=end).select_related("user")
    corrections = [correction_of(row) for row in rows]
    concerned = {*turns, *called, *(one.email for one in corrections)}
    seen = concerned if within is None else concerned & within
    holidays = _holidays()
    found = []
    for user in User.objects.filter(email__in=seen).order_by("name", "email"):
        clock = fixed or parse_zone(user.timezone)
        first, last = _midnight(start, clock), _midnight(end, clock)
        mine = turns.get(user.email, [])
        spans = common(joined([(since, until) for _, since, until in mine]), ((first, last),))
        minutes = _minutes(spans, clock, holidays(user.email, mine))
        corrected = _sums(one for one in corrections if one.email == user.email)
        outs = {incident for at, incident in called.get(user.email, ()) if first <= at < last}
        if any(minutes.values()) or corrected or outs:
            found.append(_row(user, clock, minutes, corrected, len(outs)))
    shown = tuple(one for one in corrections if one.email in seen)
    return PayReport(start, end, tuple(found), shown)


def may_see_pay(actor: Actor, email: str) -> bool:
    """One's own; anybody's, or that of a team's members, with the right to manage them."""
    return actor.email == email.lower() or _runs(actor, email, lead=True)


def may_correct(actor: Actor, email: str) -> bool:
    """Who manages people, and the manager of a team of theirs; nobody else corrects their own hours."""
    if can(actor, Permission.MANAGE_PEOPLE):
        return True
    return actor.email != email.lower() and _runs(actor, email, lead=False)


def correction_of(row: PayCorrection) -> CorrectionInfo:
    return CorrectionInfo(
        row.pk,
        row.user.email,
        row.day,
        Kind(row.kind),
        row.minutes,
        row.reason,
        row.created_at,
        row.created_by,
        row.withdrawn_at,
        row.withdrawn_by,
    )


def _runs(actor: Actor, email: str, *, lead: bool) -> bool:
    if can(actor, Permission.MANAGE_PEOPLE):
        return True
    return email.lower() in _run_by(actor, lead=lead)


def _run_by(actor: Actor, *, lead: bool) -> set[str]:
    """The members of the teams this actor manages; with `lead`, also of those they lead or administer."""
    if actor.email is None:
        return set()
    mine = Q(manager__email=actor.email)
    if lead:
        mine |= Q(lead__email=actor.email) | Q(pk__in=actor.administers)
    teams = Team.objects.filter(mine)
    return set(User.objects.filter(memberships__team__in=teams).values_list("email", flat=True))


def _within(*, actor: Actor | None, email: str | None, team: str | None) -> set[str] | None:
    """Whose hours are asked for and may be seen; None: everybody's."""
    asked = []
    if email is not None:
        asked.append({email.lower()})
    if team is not None:
        asked.append(set(User.objects.filter(memberships__team__name=team).values_list("email", flat=True)))
    if actor is not None and not can(actor, Permission.MANAGE_PEOPLE):
        asked.append({actor.email or "", *_run_by(actor, lead=True)})
    return set.intersection(*asked) if asked else None


def _served(
    made: Book, start: date, end: date, schedule: str | None, within: set[str] | None
) -> dict[str, list[Turn]]:
    """Everybody's time on call, with the schedule; of the schedules only that could have some of `within`."""
    since, until = _midnight(start, UTC_ZONE) - _AROUND, _midnight(end, UTC_ZONE) + _AROUND
    found: dict[str, list[Turn]] = defaultdict(list)
    for name in made.own_names if schedule is None else (schedule,):
        plan = made.schedule(name)
        if plan is None or (within is not None and within.isdisjoint(everybody_of(made, plan))):
            continue
        # While it was a layer, the schedule it was a layer of says who was on call.
        alone = made.alone_since(name)
        for shift in resolve(made, plan, since if alone is None else max(since, alone), until):
            if shift.user is not None and shift.role != SHADOW:
                found[shift.user].append((name, shift.start, shift.end))
    return found


def _minutes(spans: Iterable[Span], zone: ZoneInfo, is_holiday: IsHoliday) -> dict[Kind, int]:
    spent = dict.fromkeys(Kind, timedelta())
    for start, end in spans:
        for part in split(start, end, zone, is_holiday):
            spent[part.kind] += part.end - part.start
    return {kind: round(total / _MINUTE) for kind, total in spent.items()}


def _call_outs(start: date, end: date, schedule: str | None) -> dict[str, list[tuple[datetime, int]]]:
    """When, and for which incident, paging took whom from a schedule."""
    since, until = _midnight(start, UTC_ZONE) - _AROUND, _midnight(end, UTC_ZONE) + _AROUND
    rows = ShiftUse.objects.filter(at__gte=since, at__lt=until).exclude(role=SHADOW)
    if schedule is not None:
        rows = rows.filter(schedule=schedule)
    found: dict[str, list[tuple[datetime, int]]] = defaultdict(list)
    for email, at, incident in rows.values_list("email", "at", "incident_id"):
        found[email].append((at, incident))
    return found


def _holidays() -> Callable[[str, Iterable[Turn]], IsHoliday]:
    """Of the teams a person belongs to; of one in no team, of the teams whose schedules they serve."""
    offices = {team.name: team.hours() for team in identity.teams()}
    owners = dict(Schedule.objects.exclude(team=None).values_list("name", "team__name"))
    members: dict[str, set[str]] = defaultdict(set)
    for email, name in Team.objects.exclude(memberships=None).values_list("memberships__user__email", "name"):
        members[email].add(name)

    def holidays(email: str, turns: Iterable[Turn]) -> IsHoliday:
        names = members.get(email) or {owners[name] for name, _, _ in turns if name in owners}
        mine = [offices[name] for name in sorted(names)]
        return lambda day: any(hours.is_holiday(day) for hours in mine)

    return holidays


def _sums(corrections: Iterable[CorrectionInfo]) -> Mapping[Kind, int]:
    found: Counter[Kind] = Counter()
    for one in corrections:
        if one.withdrawn_at is None:
            found[one.kind] += one.minutes
    return found


def _row(
    user: User, zone: ZoneInfo, minutes: Mapping[Kind, int], corrected: Mapping[Kind, int], call_outs: int
) -> PayRow:
    return PayRow(
        user.email,
        str(user),
        zone.key,
        minutes[Kind.WEEKDAY],
        minutes[Kind.NIGHT],
        minutes[Kind.WEEKEND],
        minutes[Kind.HOLIDAY],
        sum(corrected.values()),
        call_outs,
        {kind: corrected.get(kind, 0) for kind in Kind},
    )


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return to_instant(datetime.combine(day, time()), zone)
