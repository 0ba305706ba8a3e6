"""If this fired at T, and nobody answered: who is called when. The real machine on a virtual clock."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from tocsin.domain.escalation import machine
from tocsin.domain.escalation.model import (
    Call,
    CallOutKind,
    CallOutStatus,
    Effect,
    Note,
    Post,
    Resolve,
    Snapshot,
    Took,
    Turns,
    no_turns,
)
from tocsin.domain.escalation.timing import SILENCE, urgent
from tocsin.domain.time import format_duration

_MOST_ROWS: Final = 200
_MOST_INSTANTS: Final = 1000
_SHOWN: Final = frozenset({"skipped", "undeliverable", "nobody", "fallback", "breach"})


@dataclass(frozen=True)
class FirePerson:
    email: str
    reason: str
    deliverable: bool


@dataclass(frozen=True)
class FireRow:
    """What happens together: `step` is 1-based, 0 beside the ladder. A row may say only a `note`."""

    offset: timedelta
    step: int
    label: str
    people: tuple[FirePerson, ...] = ()
    machines: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class FireInfo:
    """`end` says what happens after the last row."""

    rows: tuple[FireRow, ...]
    end: str


class Cursor:
    """Turns that are taken in memory only, after those of `stored`."""

    def __init__(self, stored: Turns = no_turns) -> None:
        self._stored = stored
        self._taken: dict[tuple[str, int], dict[str, datetime]] = {}

    def __call__(self, policy: str, step: int) -> Mapping[str, datetime]:
        return {**self._stored(policy, step), **self._taken.get((policy, step), {})}

    def took(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Took):
                self._taken.setdefault((effect.policy, effect.step), {})[effect.email] = effect.at


def rehearse(
    snapshot: Snapshot, people: Callable[[datetime], Resolve], at: datetime, turns: Turns = no_turns
) -> FireInfo:
    """`people` resolves targets at an instant. Repeats are in it; the calls every half hour that follow an
    urgent one's last step are only told of.
    """
    cursor, table = Cursor(turns), _Table(at)
    outcome = machine.begin(snapshot, people(at), at, turns=cursor)
    now = at
    for _ in range(_MOST_INSTANTS):
        cursor.took(outcome.effects)
        table.add(outcome.effects, now)
        state = outcome.state
        if state.status is not CallOutStatus.RUNNING or state.due_at is None or table.full:
            break
        now = state.due_at
        outcome = machine.advance(snapshot, state, people(now), now, turns=cursor)
    return FireInfo(tuple(table.rows[:_MOST_ROWS]), _end(snapshot, table))


@dataclass
class _Table:
    began: datetime
    rows: list[FireRow] = field(default_factory=list)

    @property
    def full(self) -> bool:
        return len(self.rows) > _MOST_ROWS

    def add(self, effects: Iterable[Effect], now: datetime) -> None:
        first = len(self.rows)
        for effect in effects:
            match effect:
                case Call():
                    label = effect.reason.removesuffix(f": {effect.person.reason}")
                    person = FirePerson(effect.person.email, effect.person.reason, effect.person.deliverable)
                    row = self._row(first, now, effect.step, label)
                    self.rows[-1] = replace(row, people=(*row.people, person))
                case Post():
                    label, _, name = effect.reason.rpartition(": ")
                    row = self._row(first, now, effect.step, label)
                    self.rows[-1] = replace(row, machines=(*row.machines, name))
                # Of people it is seen that they cannot be reached; of machines it is said.
                case Note() if effect.kind in _SHOWN and not effect.email:
                    self._note(first, now, effect)

    def _row(self, first: int, now: datetime, step: int, label: str) -> FireRow:
        """The one that this belongs to; a new one where there is none. It is the last."""
        last = self.rows[-1] if len(self.rows) > first else None
        if last is not None and not last.label and last.step == step:
            self.rows[-1] = replace(last, label=label)
        elif last is None or last.label != label:
            self.rows.append(FireRow(now - self.began, max(step, 0), label))
        return self.rows[-1]

    def _note(self, first: int, now: datetime, note: Note) -> None:
        if note.step and len(self.rows) > first and self.rows[-1].step == note.step:
            self.rows[-1] = replace(self.rows[-1], note=note.text)
        else:
            self.rows.append(FireRow(now - self.began, note.step or 0, "", note=note.text))


def _end(snapshot: Snapshot, table: _Table) -> str:
    if table.full:
        return "And so on."
    reached = any(person.deliverable for row in table.rows for person in row.people)
    calls_on = snapshot.kind is CallOutKind.SERVICE or snapshot.alone
    if not urgent(snapshot) or not calls_on:
        return "Nobody else is called." if reached else "Nobody is reached, and nobody else is called."
    every = format_duration(SILENCE)
    if reached:
        return f"Then whoever the last step stands for is called again, every {every} until somebody answers."
    return f"Nobody is reached; the whole ladder is tried again every {every}."
