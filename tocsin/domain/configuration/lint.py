"""What is allowed but probably not meant. Every finding is a warning; `--strict` makes them count."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from math import floor
from typing import Final

from tocsin.domain.configuration.model import Organisation, Service
from tocsin.domain.configuration.problems import Place, Report
from tocsin.domain.configuration.routelint import doubtful_routes
from tocsin.domain.escalation.model import (
    MACHINES,
    AckMode,
    Condition,
    Policy,
    Step,
    Strategy,
    Target,
    TargetKind,
    TeamWho,
)
from tocsin.domain.notification.plan import applying
from tocsin.domain.schedule import Book, OverrideKind, Rotation, Schedule, changes_anything
from tocsin.domain.schedule.checks import YEAR, Check, Finding, check, coverage, doubles, never_in, over
from tocsin.domain.schedule.definition import OverrideDefinition
from tocsin.domain.schedule.load import shares
from tocsin.domain.schedule.turns import boundary
from tocsin.domain.severity import Urgency
from tocsin.domain.suppression import Span, following
from tocsin.domain.suppression.recurrence import Recurring
from tocsin.domain.time import format_duration, to_instant

_HOUR: Final = timedelta(hours=1)
_LOOK_AHEAD: Final = timedelta(days=28)
_EVEN_ENOUGH: Final = 60
_ENOUGH: Final = 2
_LONG_WAIT: Final = timedelta(hours=12)

Places = Mapping[tuple[str, str], Place]


def lint(
    organisation: Organisation, report: Report, places: Places, now: datetime, known: Iterable[str] = ()
) -> None:
    """Report what is doubtful. `known` are people who exist already, so need no mention in the files."""
    _Linter(organisation, report, places, now, frozenset(known)).run()


class _Linter:
    def __init__(
        self, org: Organisation, report: Report, places: Places, now: datetime, known: frozenset[str]
    ) -> None:
        self._org = org
        self._report = report
        self._places = places
        self._now = now
        self._known = known
        self._book = org.book()

    def run(self) -> None:
        self._people()
        self._last_resort()
        for rotation in self._book.rotations.values():
            self._rotation(rotation)
        layered = {layer.rotation for plan in self._book.schedules.values() for layer in plan.layers}
        # A rotation that is part of a schedule may well have hours in which others are on call.
        names = [name for name in self._book.names if name in self._book.schedules or name not in layered]
        double = doubles(self._book, names, self._now, self._now + _LOOK_AHEAD)
        for name in names:
            if self._is_ours(name):
                self._schedule(name, double.get(name, ()))
        for policy in self._org.escalation_policies.values():
            self._policy(policy)
        for service in self._org.services.values():
            self._service(service)
        for kind, several in (("silences", self._org.silences), ("maintenance", self._org.maintenance)):
            for one in several.values():
                if not following(Recurring(Span(one.start, one.end), one.rrule, one.zone), self._now, 1):
                    self._warn(kind, one.name, ".end", "it is over: it holds nothing any more")
        for path, message in doubtful_routes(self._org):
            self._warn("routes", "", path, message)

    def _warn(self, kind: str, name: str, path: str, message: str) -> None:
        place = self._places.get((kind, name))
        if place is not None:  # what no file of these says is not theirs to be warned about
            self._report.warning(place, f"{kind}[{name}]{path}" if name else f"{kind}{path}", message)

    def _is_ours(self, name: str) -> bool:
        """Whether the files speak of the schedule; the others need not be looked at."""
        return ("schedules", name) in self._places or ("rotations", name) in self._places

    def _people(self) -> None:
        unknown = [
            user.email
            for user in self._org.users.values()
            if not user.declared and user.email not in self._known
        ]
        for email in unknown:
            kind, name = self._mention(email)
            self._warn(
                kind,
                name,
                "",
                f"{email} is not among the users: will be invited, with that address as contact",
            )
        for user in self._org.users.values():
            types = {method.type for method in user.methods}
            for rule in user.notification_rules:
                if rule.via not in types:
                    self._warn(
                        "users", user.email, ".notification_rules", f"no contact method of type {rule.via!r}"
                    )
            for urgency in Urgency if user.notification_rules else ():
                if not applying(self._org.rules_of(user.email), urgency):
                    message = f"no rule for {urgency} urgency: every contact method is used"
                    self._warn("users", user.email, ".notification_rules", message)

    def _mention(self, email: str) -> tuple[str, str]:
        """The first object of these files that names this person."""
        for kind, name in self._places:
            if email in self._named_by(kind, name):
                return kind, name
        return "", ""

    def _named_by(self, kind: str, name: str) -> tuple[str, ...]:
        org = self._org
        if kind == "teams" and name in org.teams:
            team = org.teams[name]
            return (*team.members, *team.admins, team.lead or "", team.manager or "")
        if kind == "rotations" and name in org.rotations:
            return tuple(person for one in org.rotations[name].participants or () for person in one.people)
        if kind == "schedules" and name in org.schedules:
            plan = org.schedules[name]
            changes = (person or "" for one in plan.overrides for person in (one.user, one.replaces))
            return (*plan.fallback, *changes)
        if kind == "escalation_policies" and name in org.escalation_policies:
            return tuple(target.name for target in _targets(org.escalation_policies[name]))
        return org.last_resort if kind == "last_resort" else ()

    def _last_resort(self) -> None:
        people = self._org.last_resort or self._org.owners
        if len(set(people)) >= _ENOUGH:
            return
        message = (
            f"names {len(set(people))} of the two people it needs, whom to call when nobody else answers: "
            "name two with a contact method, or make two users owners"
        )
        place = self._places.get(("last_resort", "")) or next(iter(self._places.values()), None)
        if place is not None:
            self._report.warning(place, "last_resort", message)

    def _rotation(self, rotation: Rotation) -> None:
        start = max(self._now, boundary(rotation, 0, 1))
        if over(rotation, start):
            self._warn("rotations", rotation.name, ".until", "the rotation is over: nobody is on call by it")
            return
        for email in never_in(rotation, start):
            message = f"{email} is never on call within a year"
            if rotation.restrictions:
                message += (
                    "; with `advance: occurrence` only turns count that the restrictions leave any time"
                )
            self._warn("rotations", rotation.name, ".participants", message)

    def _schedule(self, name: str, double: Iterable[Finding]) -> None:
        plan = self._book.schedule(name)
        if plan is None:
            return
        kind = "schedules" if name in self._book.schedules else "rotations"
        if kind == "schedules" and not plan.layers:
            self._warn(kind, name, ".layers", "no layers: nobody is ever on call")
            return
        rings = [self._book.rotations[layer.rotation] for layer in plan.layers]
        start = max(self._now, min(boundary(ring, 0, 1) for ring in rings))
        end = start + _LOOK_AHEAD
        told = {person for ring in rings for person in never_in(ring, max(start, boundary(ring, 0, 1)))}
        for finding in check(self._book, (name,), start, end):
            if finding.check is Check.GAP:
                percent = floor(coverage(self._book, plan, start, end).percent)
                self._warn(kind, name, "", f"{finding.text} ({percent} % covered)")
            elif finding.check is Check.NEVER and finding.user not in told:
                self._warn(kind, name, "", f"{finding.text}: others always stand before them")
        for finding in double:
            self._warn(kind, name, "", finding.text)
        self._evenness(kind, plan, start)
        if kind == "schedules":
            self._overrides(plan, self._org.schedules[name].overrides)

    def _evenness(self, kind: str, plan: Schedule, start: datetime) -> None:
        balance, times = shares(self._book, plan, start, start + YEAR)
        if balance < _EVEN_ENOUGH:
            hours = ", ".join(f"{email} {time / _HOUR:.0f}" for email, time in times.items())
            message = f"unevenly shared, balance {balance} of 100; hours in a year: {hours}"
            self._warn(kind, plan.name, "", message)

    def _overrides(self, plan: Schedule, written: tuple[OverrideDefinition, ...]) -> None:
        for number, (change, definition) in enumerate(zip(plan.overrides, written, strict=True)):
            path = f".overrides[{number}]"
            if change.end <= change.start:
                self._warn("schedules", plan.name, path, "ends before it begins: has no effect")
                continue
            before = Schedule(plan.name, plan.zone, plan.layers, plan.fallback, plan.overrides[:number])
            if not changes_anything(self._book, before, change):
                self._warn("schedules", plan.name, path, "changes nothing: nobody goes on or off call by it")
            for field in ("start", "end"):
                wall: datetime = getattr(definition, field)
                if wall.tzinfo is None and to_instant(wall, plan.zone) != to_instant(
                    wall, plan.zone, last=True
                ):
                    message = "is ambiguous, the clocks go back then: taken as the first of the two"
                    self._warn("schedules", plan.name, f"{path}.{field}", message)
            if change.kind is OverrideKind.REPLACE and change.user == change.replaces:
                self._warn("schedules", plan.name, path, "replaces a person by the same person")

    def _policy(self, policy: Policy) -> None:
        if not policy.steps:
            self._warn("escalation_policies", policy.name, ".steps", "no steps: nobody is called by it")
        for number, step in enumerate(policy.steps):
            path = f".steps[{number}]"
            if not step.targets:
                self._warn("escalation_policies", policy.name, path, "calls nobody: it is skipped")
            for message in _doubtful(step):
                self._warn("escalation_policies", policy.name, path, message)
            is_last = number == len(policy.steps) - 1 and not policy.repeat
            if not is_last:
                self._delays(policy, step, path)

        people = [t for step in policy.steps for t in step.targets if t.kind not in MACHINES]
        if policy.steps and all(step.targets for step in policy.steps) and not people:
            message = "calls no people: lead, manager and last resort are called instead"
            self._warn("escalation_policies", policy.name, ".steps", message)
        elif policy.steps and all(step.when != Condition() for step in policy.steps):
            message = "every step has a condition: where none holds, only the last line is left"
            self._warn("escalation_policies", policy.name, ".steps", message)

    def _delays(self, policy: Policy, step: Step, path: str) -> None:
        for email in dict.fromkeys(self._reached(step.targets)):
            late = [
                f"“{rule.via} after {format_duration(rule.after)}”"
                for rule in applying(self._org.rules_of(email), Urgency.HIGH)
                if rule.after >= step.wait > timedelta(0)
            ]
            if late:
                comes = "comes" if len(late) == 1 else "come"
                message = (
                    f"waits {format_duration(step.wait)}, but of the notification rules of {email} "
                    f"{', '.join(late)} {comes} too late: the next step begins first"
                )
                self._warn("escalation_policies", policy.name, path, message)

    def _reached(self, targets: tuple[Target, ...]) -> Iterator[str]:
        for target in targets:
            if target.kind is TargetKind.USER:
                yield target.name
            elif target.kind is TargetKind.TEAM and target.name in self._org.teams:
                team = self._org.teams[target.name]
                people = {TeamWho.LEAD: (team.lead,), TeamWho.MANAGER: (team.manager,)}
                yield from (one for one in people.get(TeamWho(target.who), team.members) if one)
            elif target.kind is TargetKind.SCHEDULE:
                yield from _people_on(self._book, target.name)
            elif target.kind is TargetKind.OWNERS:
                yield from self._org.owners

    def _service(self, service: Service) -> None:
        if service.escalation_policy is None and service.team is None:
            message = "neither a team nor an escalation policy: only the last resort is called"
            self._warn("services", service.name, "", message)
        elif service.escalation_policy is None and not self._org.teams[service.team or ""].members:
            message = f"no escalation policy, and team {service.team!r} has no members to call instead"
            self._warn("services", service.name, "", message)


def _doubtful(step: Step) -> Iterator[str]:
    """What a step says that has no effect, or makes it wait for very long."""
    if step.wait > _LONG_WAIT:
        yield f"waits {format_duration(step.wait)} before anybody else is called"
    machines = all(target.kind in MACHINES for target in step.targets)
    if step.targets and machines and (step.strategy is not Strategy.ALL or step.ack is not AckMode.ANY):
        yield "`strategy` and `ack` are about people, and it tells none"


def _targets(policy: Policy) -> Iterator[Target]:
    for step in policy.steps:
        yield from step.targets
    yield from policy.final


def _people_on(book: Book, name: str) -> Iterator[str]:
    plan = book.schedule(name)
    for layer in plan.layers if plan else ():
        yield from book.rotations[layer.rotation].people
