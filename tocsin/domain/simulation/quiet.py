"""What would hold an alert, by the rules of an Organisation: for one event alone, and through a period.

Storm mode is not played: it reduces messages, and holds no alert. Neither is a silence that begins after an
alert has fired.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tocsin.domain import suppression
from tocsin.domain.configuration.model import Integration, Organisation
from tocsin.domain.configuration.model import Silence as Written
from tocsin.domain.severity import Severity
from tocsin.domain.signal import Signal, facts
from tocsin.domain.simulation.model import Kept, Trigger
from tocsin.domain.simulation.world import Placement
from tocsin.domain.suppression import Facts, Held, HoldKind, Rules, SilenceIndex, SilenceKind, Source
from tocsin.domain.suppression.timing import NEVER_HELD
from tocsin.domain.time import format_duration

Alert = tuple[str, str]  # integration and dedup key
Verdict = tuple[str, str, str]  # stage, outcome, reason


def rules_of(organisation: Organisation) -> Rules:
    silences = [_silence(one, SilenceKind.SILENCE) for one in organisation.silences.values()]
    silences += [_silence(one, SilenceKind.MAINTENANCE) for one in organisation.maintenance.values()]
    return Rules(SilenceIndex(tuple(silences)), organisation.inhibitions, organisation.storm)


def _silence(one: Written, kind: SilenceKind) -> suppression.Silence:
    return suppression.Silence(
        f"{kind}/{one.name}",
        kind,
        one.matchers,
        one.services,
        one.start,
        one.end,
        one.rrule,
        one.zone,
        one.name,
    )


def facts_for(signal: Signal, way: Integration, placements: Sequence[Placement]) -> Facts:
    labels = dict(placements[0].labels) | dict(signal.labels)
    seen = labels | facts(signal, integration=way.name, kind=way.kind)
    return Facts(seen, tuple(each.service.name for each in placements))


def worst(placements: Sequence[Placement]) -> Severity | None:
    return min((each.severity for each in placements if each.severity is not None), default=None)


def alone(
    rules: Rules, seen: Facts, placements: Sequence[Placement], now: datetime, fired_at: datetime
) -> tuple[Held, ...]:
    """What holds an alert that fired at `fired_at` for the first time, while nothing else fires."""
    first = placements[0]
    return suppression.holds(
        seen,
        worst(placements),
        rules,
        now,
        fired_at=fired_at,
        pause=first.pause,
        flapping=first.flapping,
        changes=(fired_at,),
    )


def verdicts(
    rules: Rules, seen: Facts, placements: Sequence[Placement], held: Sequence[Held]
) -> list[Verdict]:
    """A line for each kind of hold: by what and until when, or why not."""
    found = [(str(one.kind), f"held by {one.text}", f"it ends {one.ends}") for one in held]
    kinds = {one.kind for one in held}
    first, severity = placements[0], worst(placements)
    for kind in (HoldKind.SILENCE, HoldKind.MAINTENANCE):
        if kind not in kinds:
            number = sum(str(one.kind) == str(kind) for one in rules.silences.silences)
            none = f"none of the {number} there are is open and hits it" if number else "there is none"
            found.append((str(kind), "not held", none))
    targets = [rule for rule in rules.inhibitions if rule.is_target(seen.labels)]
    for rule in targets:
        alike = f" with the same {', '.join(rule.equal)}" if rule.equal else ""
        found.append(
            ("inhibition", "not held", f"“{rule.name}” would hold it while one of its sources fires{alike}")
        )
    if not targets:
        number = len(rules.inhibitions)
        why = f"it is a target of none of the {number} rules" if number else "there is no rule"
        found.append(("inhibition", "not held", why))
    loud = f"a {severity} is never held by it" if severity in NEVER_HELD else ""
    if HoldKind.FLAPPING not in kinds:
        setting = first.flapping
        asked = setting and f"once it has changed {setting.changes} times {_within(setting)}"
        found.append(("flapping", "not held", (loud if asked else "") or asked or "its routes ask for none"))
    if HoldKind.PAUSE not in kinds:
        over = "it is over before it began" if first.pause else ""
        found.append(
            ("pause", "not held", (loud if first.pause else "") or over or "its routes ask for none")
        )
    return found


def _within(setting: suppression.Flapping) -> str:
    return f"within {format_duration(setting.within)}"


@dataclass
class Waiting:
    """An alert that is held. `held` is what holds it now; `due_at`, when that is looked at again."""

    alert: Alert
    event: Trigger
    since: datetime
    held: tuple[Held, ...]
    why: tuple[Held, ...]  # all that ever held it
    fired_at: datetime

    @property
    def due_at(self) -> datetime | None:
        return min((one.until for one in self.held if one.until is not None), default=None)

    def over(self, at: datetime | None, *, released: bool) -> Kept:
        text = "; ".join(dict.fromkeys(one.text for one in self.why))
        ends = "; ".join(dict.fromkeys(one.ends for one in self.held or self.why))
        return Kept(self.event.dedup_key, self.alert[0], self.since, text, ends, at, released)


@dataclass
class Desk:
    """What fires, what changed lately and what is held, in a period that is played."""

    rules: Rules
    waiting: dict[Alert, Waiting] = field(default_factory=dict)
    done: list[Kept] = field(default_factory=list)
    _firing: dict[Alert, tuple[int, Facts, datetime]] = field(default_factory=dict)
    _changes: dict[Alert, tuple[datetime, ...]] = field(default_factory=dict)
    _flapped: set[Alert] = field(default_factory=set)
    _count: int = 0

    def fires(
        self, alert: Alert, event: Trigger, way: Integration, placements: Sequence[Placement], now: datetime
    ) -> Waiting | None:
        """What holds it, if anything; `now` may be later than the event."""
        first, seen = placements[0], facts_for(event.signal, way, placements)
        if alert not in self._firing:
            self._count += 1
            if first.flapping is not None:
                self._changed(alert, now, first.flapping)
        number, _, fired_at = self._firing.get(alert, (self._count, seen, now))
        self._firing[alert] = (number, seen, fired_at)
        held = suppression.holds(
            seen,
            worst(placements),
            self.rules,
            now,
            fired_at=fired_at,
            pause=first.pause,
            flapping=first.flapping,
            changes=self._changes.get(alert, ()),
            flapped=alert in self._flapped,
            sources=self._sources(),
            itself=number,
        )
        if any(one.kind is HoldKind.FLAPPING for one in held):
            self._flapped.add(alert)
        else:
            self._flapped.discard(alert)
        known = self.waiting.pop(alert, None)
        if not held:
            if known is not None:
                self.done.append(known.over(now, released=True))
            return None
        since = known.since if known else now
        why = (*(known.why if known else ()), *held)
        self.waiting[alert] = Waiting(alert, event, since, held, why, fired_at)
        return self.waiting[alert]

    def ends(self, alert: Alert, now: datetime) -> bool:
        """Whether it was held, and nobody ever hears of it."""
        self._firing.pop(alert, None)
        if alert in self._changes:
            self._changes[alert] = (*self._changes[alert], now)
        known = self.waiting.pop(alert, None)
        if known is not None:
            self.done.append(known.over(now, released=False))
        return known is not None

    def inhibited(self) -> list[Waiting]:
        """Those that wait for another alert's end."""
        return [
            one for one in self.waiting.values() if any(held.kind is HoldKind.INHIBITION for held in one.held)
        ]

    def kept(self) -> tuple[Kept, ...]:
        still = [one.over(None, released=False) for one in self.waiting.values()]
        return tuple(sorted((*self.done, *still), key=lambda one: one.at))

    def _changed(self, alert: Alert, now: datetime, setting: suppression.Flapping) -> None:
        self._changes[alert] = suppression.remembered(self._changes.get(alert, ()), now, setting)

    def _sources(self) -> list[Source]:
        return [
            Source(rule.name, rule.alike(seen.labels), number, alert[1], rule.is_target(seen.labels))
            for rule in self.rules.inhibitions
            for alert, (number, seen, _) in self._firing.items()
            if rule.is_source(seen.labels)
        ]
