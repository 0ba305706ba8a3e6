"""Whom one call-out calls at one instant: who a target is, whose turn it is, who was called before, and which
machines are told. `ladder` builds on it and says when.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tocsin.domain.escalation.conditions import kept_by_their_clock
from tocsin.domain.escalation.model import (
    MACHINES,
    Call,
    Called,
    Effect,
    Note,
    Person,
    Policy,
    Post,
    Resolve,
    Snapshot,
    State,
    Step,
    Strategy,
    Target,
    TargetKind,
    TeamWho,
    Took,
    Turns,
    Via,
    no_turns,
)
from tocsin.domain.time import format_duration

_NEVER: Final = datetime.min.replace(tzinfo=UTC)
_INSTANT: Final = timedelta(microseconds=1)  # turns of one moment have an order, too


@dataclass(frozen=True)
class Found:
    """`named`: as lead, as manager or by address, rather than by a schedule or as one of a team."""

    person: Person
    named: bool


class Calling:
    def __init__(
        self, snapshot: Snapshot, state: State, resolve: Resolve, now: datetime, turns: Turns = no_turns
    ) -> None:
        self.snapshot, self.state, self.resolve, self.now = snapshot, state, resolve, now
        self.turns = turns
        self.effects: list[Effect] = []
        self._taken: dict[tuple[str, int], dict[str, datetime]] = {}

    @property
    def policy(self) -> Policy:
        """The one that climbs now."""
        return self.snapshot.policy_at(self.state.policy)

    def change(self, **fields: Any) -> None:
        self.state = replace(self.state, **fields)

    def note(self, kind: str, text: str, email: str | None = None, step: int | None = None) -> None:
        self.effects.append(Note(kind, text, email, step))

    # ---- who ----

    def find(self, targets: Sequence[Target], *, watch: bool = False) -> list[Found]:
        """Who the targets are now, each person once. `watch`: remember when their schedules hand over."""
        found: dict[str, Found] = {}
        for target in targets:
            if target.kind in MACHINES:
                continue
            answer = self.resolve(target)
            named = target.kind is TargetKind.USER or target.who in {TeamWho.LEAD, TeamWho.MANAGER}
            for person in answer.people:
                known = found.get(person.email)
                if known is None or (known.person.shadow and not person.shadow):
                    found[person.email] = Found(person, named or (known is not None and known.named))
                elif named:
                    found[person.email] = replace(known, named=True)
            if watch and answer.until is not None and answer.until > self.now:
                first = min(answer.until, self.state.handoff_at or answer.until)
                self.change(handoff_at=first)
        return list(found.values())

    def find_for(self, step: Step) -> list[Found]:
        """Who a step stands for now, less those whose own clock its condition does not mean."""
        found = self.find(step.targets, watch=True)
        return [one for one in found if kept_by_their_clock(self.snapshot, step.when, one.person, self.now)]

    def why_empty(self, targets: Sequence[Target]) -> str:
        reasons = [reason for target in targets if (reason := self.resolve(target).reason)]
        return f" ({'; '.join(reasons)})" if reasons else ""

    # ---- whose turn ----

    def ring(self, found: Sequence[Found]) -> list[Found]:
        """Who may have the turn of a round-robin step."""
        away = {*self.state.declined, *self.state.acks}
        return [
            one
            for one in found
            if one.person.deliverable and not one.person.shadow and one.person.email not in away
        ]

    def choose(self, found: Sequence[Found], step: Step, number: int) -> list[Found]:
        """All of them; of a round-robin step the one whom it called longest ago, and the shadows, who get
        copies. Somebody whom this pass has called already comes after those whom it has not.
        """
        ring = self.ring(found) if step.strategy is Strategy.ROUND_ROBIN else []
        if not ring:
            return list(found)
        key = (self.policy.name, number)
        last = {**self.turns(*key), **self._taken.get(key, {})}
        called = self.called_to_answer()

        def order(one: Found) -> tuple[bool, datetime]:
            email = one.person.email
            return email in called, last.get(email, _NEVER)

        turn = min(ring, key=order)
        email = turn.person.email
        at = max([self.now, *(when + _INSTANT for when in last.values())])
        self._taken.setdefault(key, {})[email] = at
        self.effects.append(Took(*key, email, at))
        since = f"{format_duration(_minutes(self.now - last[email]))} ago" if email in last else "never yet"
        reason = f"{turn.person.reason}; round robin: paged longest ago ({since})"
        copies = [one for one in found if one.person.shadow]
        return [replace(turn, person=replace(turn.person, reason=reason)), *copies]

    # ---- calling ----

    def call_targets(self, targets: Sequence[Target], step: int, via: Via, label: str) -> frozenset[str]:
        """Tell the machines among them and call the people; the addresses of those who count as reached."""
        self.post_all(targets, step, label)
        return self.call_all(self.find(targets), step, via, label)

    def call_all(
        self, found: Sequence[Found], step: int, via: Via, label: str, *, each: bool = False
    ) -> frozenset[str]:
        """Call them; the addresses of those who count as reached."""
        return frozenset(one.person.email for one in found if self.call(one, step, via, label, each=each))

    def call(
        self,
        one: Found,
        step: int,
        via: Via,
        label: str,
        *,
        stakeholder: bool = False,
        each: bool = False,
    ) -> bool:
        """Call one person, never twice at one instant; whether they count as reached."""
        person, state = one.person, self.state
        earlier = [c for c in state.called if c.email == person.email]
        reason = f"{label}: {person.reason}"
        number = step if step >= 0 else None
        declined, acknowledged = person.email in state.declined, person.email in state.acks
        table = [c.at for c in self.this_lap(person.email) if c.via is Via.TABLE and c.reached]
        by_table = one.named and bool(table)
        why, at = "", self.now
        if any(c.at == self.now and c.lap >= state.ladder_lap for c in earlier):
            why = "called at this very moment"
        elif by_table and via is Via.LADDER:
            why, at = "called already in this pass by the table", table[0]
        elif declined:
            why = "they have said that they cannot"
        elif acknowledged:
            why = "they have acknowledged; others are awaited"
        stakeholder = stakeholder or person.shadow
        reached = person.deliverable and not declined
        if why:
            self.note("merged", f"{reason}; {why}", person.email, number)
        else:
            if not person.deliverable:
                self.note(
                    "undeliverable", f"{reason}; there is no working way to reach them", person.email, number
                )
            again = any(c.lap >= state.ladder_lap for c in earlier)
            self.effects.append(
                Call(person, self.snapshot.urgency, step, via, reason, stakeholder, again=again)
            )
            if reached and not person.shadow:
                self.change(quiet_since=self.now)
        self._remember(Called(person.email, at, step, state.lap, via, stakeholder, one.named, reached, each))
        return reached and not person.shadow

    def post_all(self, targets: Sequence[Target], step: int, label: str) -> bool:
        """Tell the machines among them, once a pass; whether any could be told."""
        told = False
        for target in targets:
            if target.kind not in MACHINES:
                continue
            if missing := self.resolve(target).reason:
                self.note("undeliverable", f"{label}: {_named(target)} was not told: {missing}", step=step)
                continue
            told = True
            if target in self.state.posted:
                self.note("merged", f"{label}: {_named(target)} was told already in this pass", step=step)
                continue
            self.change(posted=(*self.state.posted, target))
            self.effects.append(Post(target, step, f"{label}: {_named(target)}"))
        return told

    def _remember(self, entry: Called) -> None:
        """Keep this lap, and of older ones each person's last, so that a week of calls stays small."""

        def outlived(old: Called) -> bool:
            same = (old.email, old.stakeholder) == (entry.email, entry.stakeholder)
            return same and (old.lap < entry.lap or (old.via is Via.AGAIN and entry.via is Via.AGAIN))

        self.change(called=(*(old for old in self.state.called if not outlived(old)), entry))

    # ---- who was called ----

    def this_lap(self, email: str) -> list[Called]:
        return [c for c in self.state.called if c.email == email and c.lap == self.state.lap]

    def answering(self) -> list[Called]:
        """Calls of this pass that ask for an acknowledgement; the table's are nothing to wait for."""
        lap = self.state.lap
        return [c for c in self.state.called if c.lap == lap and not c.stakeholder and c.via is not Via.TABLE]

    def called_to_answer(self) -> frozenset[str]:
        """Those this pass reached who may acknowledge."""
        return frozenset(c.email for c in self.answering() if c.reached)

    def each_of(self) -> frozenset[str]:
        """Everybody whose own acknowledgement this pass asks for."""
        return frozenset(c.email for c in self.answering() if c.each and c.reached)


def _named(target: Target) -> str:
    if target.kind is TargetKind.CHAT:
        return f"{target.name} ({target.via})"
    return f"runbook {target.name}" if target.kind is TargetKind.RUNBOOK else target.name


def _minutes(passed: timedelta) -> timedelta:
    """Whole minutes, at least none: a turn may lie a few instants ahead."""
    return max(timedelta(minutes=passed // timedelta(minutes=1)), timedelta(0))
