"""Who a target is at one instant: schedules, teams and people looked up, with the reason that people will
read.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tocsin.domain.escalation.model import (
    MACHINES,
    Duty,
    Person,
    Resolution,
    Resolve,
    ScheduleWho,
    Target,
    TargetKind,
    TeamWho,
)
from tocsin.domain.schedule import (
    PRIMARY,
    SHADOW,
    Book,
    Origin,
    Schedule,
    Shift,
    following,
    preceding,
    resolve,
)

# How far ahead the next hand-off is looked for; a later one is looked for again then.
_AHEAD = timedelta(days=1)


@dataclass(frozen=True)
class TeamPeople:
    members: tuple[str, ...] = ()
    lead: str | None = None
    manager: str | None = None


def _need_not_know(_emails: Iterable[str]) -> None:
    """Everybody is known already."""


def told(_target: Target) -> str:
    """Every machine can be told."""
    return ""


@dataclass(frozen=True)
class Faces:
    """Who there is. `reachable`: has a way that works; `missing`: why a machine cannot be told, "" when it
    can; `coming`: about these people it will be asked next, one by one.
    """

    teams: Mapping[str, TeamPeople]
    reachable: Callable[[str], bool]
    owners: tuple[str, ...] = ()
    zones: Mapping[str, str] = field(default_factory=dict)  # by e-mail, IANA names; absent: UTC
    missing: Callable[[Target], str] = told
    coming: Callable[[Iterable[str]], None] = _need_not_know

    def people(self, emails: Iterable[str], reason: str) -> tuple[Person, ...]:
        wanted = tuple(emails)
        self.coming(wanted)
        return tuple(self.person(email, reason) for email in wanted)

    def person(self, email: str, reason: str, *, shadow: bool = False, duty: Duty | None = None) -> Person:
        return Person(email, reason, self.reachable(email), shadow, duty, self.zones.get(email, ""))


def make_resolve(book: Book, faces: Faces, now: datetime) -> Resolve:
    """Answers are kept: ask for another when time has moved."""
    known: dict[Target, Resolution] = {}

    def answer(target: Target) -> Resolution:
        if target not in known:
            known[target] = _resolve(target, book, faces, now)
        return known[target]

    return answer


def _resolve(target: Target, book: Book, faces: Faces, now: datetime) -> Resolution:
    if target.kind in MACHINES:
        return Resolution((), faces.missing(target))
    if target.kind is TargetKind.USER:
        return Resolution((faces.person(target.name, "named by address"),))
    if target.kind is TargetKind.OWNERS:
        owners = faces.people(faces.owners, "owner")
        return Resolution(owners, "" if owners else "there are no owners")
    if target.kind is TargetKind.TEAM:
        return _of_team(target, faces)
    schedule = book.schedule(target.name)
    if schedule is None:
        return Resolution((), f"there is no schedule “{target.name}” any more")
    return _of_schedule(target, book, schedule, faces, now)


def _of_team(target: Target, faces: Faces) -> Resolution:
    team = faces.teams.get(target.name)
    if team is None:
        return Resolution((), f"there is no team “{target.name}” any more")
    emails: tuple[str | None, ...]
    if target.who == TeamWho.LEAD:
        emails, word = (team.lead,), "lead"
    elif target.who == TeamWho.MANAGER:
        emails, word = (team.manager,), "manager"
    else:
        emails, word = team.members, "member"
    people = faces.people((email for email in emails if email is not None), f"{word} of {target.name}")
    return Resolution(people, "" if people else f"{target.name} has no {word}")


def _of_schedule(target: Target, book: Book, schedule: Schedule, faces: Faces, now: datetime) -> Resolution:
    until = None
    if target.who == ScheduleWho.NEXT:
        shifts, when = following(book, schedule, now, target.role), "next on call"
    elif target.who == ScheduleWho.PREVIOUS:
        shifts, when = preceding(book, schedule, now, target.role), "on call before"
    else:
        ahead = resolve(book, schedule, now, now + _AHEAD)
        shifts, when = [s for s in ahead if s.start <= now < s.end], "on call"
        until = min((s.end for s in ahead), default=now + _AHEAD)
    wanted = [s for s in shifts if s.user is not None and target.role in {None, s.role}]
    # Somebody on call in two roles is called once, for the one that answers.
    wanted.sort(key=lambda s: s.role == SHADOW)
    people = {
        s.user: faces.person(
            s.user,
            _reason(when, schedule.name, s),
            shadow=s.role == SHADOW,
            duty=Duty(schedule.name, target.who or ScheduleWho.CURRENT, s.role or ""),
        )
        for s in reversed(wanted)
        if s.user is not None
    }
    role = f" as {target.role}" if target.role else ""
    reason = "" if people else f"nobody is {when}{role} for {schedule.name}"
    return Resolution(tuple(reversed(people.values())), reason, until)


def _reason(when: str, name: str, shift: Shift) -> str:
    text = f"{when} for {name}"
    details = []
    if shift.role and shift.role != PRIMARY:
        details.append(shift.role)
    if shift.origin is not Origin.ROTATION:
        details.append(f"by {shift.origin}")
    return f"{text} ({', '.join(details)})" if details else text
