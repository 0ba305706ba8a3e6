"""A virtual clock over the state machine, with people who can be moved on and off call."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tocsin.domain.escalation import machine
from tocsin.domain.escalation.model import (
    MACHINES,
    Call,
    CallOutKind,
    Effect,
    Note,
    Nudge,
    Outcome,
    Person,
    Policy,
    Post,
    Resolution,
    Snapshot,
    State,
    Step,
    StopCalling,
    Target,
    TargetKind,
)
from tocsin.domain.escalation.rehearsal import Cursor
from tocsin.domain.severity import SHIPPED_TABLE, Severity, SeverityRow, Urgency

T0 = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # a Monday


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def schedule(name: str) -> Target:
    return Target(TargetKind.SCHEDULE, name)


def user(name: str) -> Target:
    return Target(TargetKind.USER, name)


def team(name: str, who: str = "members") -> Target:
    return Target(TargetKind.TEAM, name, who)


def chat(name: str = "#ops") -> Target:
    return Target(TargetKind.CHAT, name, via="slack")


def step(*targets: Target, wait: float = 5, **more: Any) -> Step:
    return Step(targets, minutes(wait), **more)


def policy(*steps: Step, repeat: int = 0, final: tuple[Target, ...] = ()) -> Policy:
    return Policy("payments", steps, repeat, final)


LADDER = policy(
    step(schedule("primary"), wait=5),
    step(schedule("secondary"), wait=10),
    step(team("payments"), wait=15),
)


def snapshot(
    severity: Severity = Severity.SEV2, of: Policy = LADDER, row: SeverityRow | None = None, **fields: object
) -> Snapshot:
    row = row or SHIPPED_TABLE[severity]
    values: dict[str, object] = {
        "kind": CallOutKind.SERVICE,
        "policy": of,
        "severity": severity,
        "urgency": row.urgency,
        "ladder": row.ladder,
        "respond_within": row.respond_within,
        "escalate": row.escalate,
        "lead": (team("payments", "lead"),),
        "management": (team("payments", "manager"),),
        "last_resort": (user("owner"),),
    }
    return Snapshot(**{**values, **fields})  # type: ignore[arg-type]


@dataclass
class World:
    """`people`: target → who it is now. Absent: nobody. `hand_offs`: schedule → instant, then who."""

    snapshot: Snapshot
    people: dict[Target, tuple[str, ...]] = field(default_factory=dict)
    hand_offs: dict[Target, tuple[datetime, tuple[str, ...]]] = field(default_factory=dict)
    unreachable: set[str] = field(default_factory=set)
    shadows: set[str] = field(default_factory=set)
    zones: dict[str, str] = field(default_factory=dict)
    missing: dict[Target, str] = field(default_factory=dict)  # machines that cannot be told, and why
    turns: Cursor = field(default_factory=Cursor)
    now: datetime = T0
    state: State | None = None
    log: list[tuple[datetime, Effect]] = field(default_factory=list)

    def resolve(self, target: Target) -> Resolution:
        if target.kind in MACHINES:
            return Resolution((), self.missing.get(target, ""))
        until = None
        emails = self.people.get(target, (target.name,) if target.kind is TargetKind.USER else ())
        if target in self.hand_offs:
            at, after = self.hand_offs[target]
            until, emails = (at, emails) if self.now < at else (None, after)
        people = tuple(
            Person(
                e,
                f"on call for {target.name}",
                e not in self.unreachable,
                e in self.shadows,
                zone=self.zones.get(e, ""),
            )
            for e in emails
        )
        return Resolution(people, "" if people else f"nobody for {target.name}", until)

    # ---- what happens ----

    def take(self, outcome: Outcome) -> None:
        self.state = outcome.state
        self.turns.took(outcome.effects)
        self.log += [(self.now, effect) for effect in outcome.effects]

    def at(self, minute: float) -> "World":
        """Move on to `minute`, doing everything on the way at the instant it is due."""
        until = T0 + minutes(minute)
        while self.current.due_at is not None and self.current.due_at <= until:
            assert self.current.due_at >= self.now
            self.now = self.current.due_at
            before = self.state
            self.take(machine.advance(self.snapshot, self.current, self.resolve, self.now, turns=self.turns))
            assert self.state != before, "work was due and nothing was done"
        self.now = until
        return self

    def outage_until(self, minute: float) -> "World":
        self.now = T0 + minutes(minute)
        self.take(machine.advance(self.snapshot, self.current, self.resolve, self.now, turns=self.turns))
        return self

    def begin(self, *first: Target) -> "World":
        self.take(machine.begin(self.snapshot, self.resolve, self.now, first, turns=self.turns))
        return self

    def ack(self, email: str, *, responding: bool = False) -> machine.AckKind:
        answer = machine.acknowledge(self.snapshot, self.current, email, self.now, responding=responding)
        self.take(answer.outcome)
        return answer.kind

    def decline(self, email: str, reason: str = "") -> "World":
        self.take(
            machine.decline(
                self.snapshot, self.current, self.resolve, email, self.now, reason, turns=self.turns
            )
        )
        return self

    def fail(self, email: str) -> "World":
        """Every way to them failed."""
        self.take(
            machine.undeliverable(
                self.snapshot, self.current, email, self.resolve, self.now, turns=self.turns
            )
        )
        return self

    def severity(self, severity: Severity, urgency: Urgency | None = None) -> "World":
        row = SHIPPED_TABLE[severity]
        self.snapshot, outcome = machine.change_severity(
            self.snapshot, self.current, self.resolve, self.now, row=row, urgency=urgency or row.urgency
        )
        self.take(outcome)
        return self

    # ---- what is seen ----

    @property
    def current(self) -> State:
        assert self.state is not None
        return self.state

    @property
    def calls(self) -> list[tuple[float, str]]:
        """Everybody called who can be reached: (minute, who)."""
        return [
            ((at - T0) / minutes(1), effect.person.email)
            for at, effect in self.log
            if isinstance(effect, Call) and effect.person.deliverable
        ]

    def notes(self, kind: str) -> list[str]:
        return [e.text for _, e in self.log if isinstance(e, Note) and e.kind == kind]

    @property
    def posts(self) -> list[tuple[float, str]]:
        return [((at - T0) / minutes(1), e.target.name) for at, e in self.log if isinstance(e, Post)]

    @property
    def stops(self) -> list[StopCalling]:
        return [e for _, e in self.log if isinstance(e, StopCalling)]

    @property
    def nudges(self) -> list[tuple[float, str]]:
        return [((at - T0) / minutes(1), e.email) for at, e in self.log if isinstance(e, Nudge)]


PEOPLE: Mapping[Target, tuple[str, ...]] = {
    schedule("primary"): ("alice",),
    schedule("secondary"): ("bob",),
    team("payments"): ("alice", "bob", "carol"),
    team("payments", "lead"): ("lena",),
    team("payments", "manager"): ("mona",),
}


def world(severity: Severity = Severity.SEV2, of: Policy = LADDER, **fields: object) -> World:
    return World(snapshot(severity, of, **fields), dict(PEOPLE)).begin()
