"""Events of somebody else's calendar as time on call, or away.

An event **names** a person by an address or by their full name; what names nobody, or several, is listed with
the reason. Events that overlap put all their people on call together. What is **held** from an earlier
reading follows its event, but the past stays: a stretch that has begun keeps its start, and one whose event
vanished ends now.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from tocsin.domain.schedule.model import OverrideKind
from tocsin.domain.time import to_instant

_ADDRESS: Final = re.compile(r"(?<![\w.+'-])[\w.+'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,9}")
# What stands between a name and other words: “On call: Alice Okafor”, “Alice Okafor - vacation”.
_BREAKS: Final = re.compile(r"\s[-–—&]\s|[:|,;/()\[\]]")
_WORD: Final = re.compile(r"[\w'.-]+")
_DAY: Final = timedelta(days=1)

_Words = tuple[str, ...]


@dataclass(frozen=True)
class Known:
    """A person as events may call them."""

    email: str
    name: str
    left: bool = False


@dataclass(frozen=True)
class Wanted:
    """What one event asks for. `key` names the event, and which of its repeats and pieces."""

    key: str
    user: str
    start: datetime
    end: datetime
    summary: str
    kind: OverrideKind = OverrideKind.OVERRIDE


@dataclass(frozen=True)
class Held:
    """What an earlier reading made of an event; `summary` None: not kept."""

    id: int
    key: str
    user: str
    start: datetime
    end: datetime
    kind: OverrideKind = OverrideKind.OVERRIDE
    summary: str | None = None

    def is_as(self, one: Wanted, start: datetime) -> bool:
        same = (self.user, self.kind, self.start, self.end) == (one.user, one.kind, start, one.end)
        return same and self.summary in {None, one.summary}


@dataclass(frozen=True)
class Changes:
    """`edited`: held ones (by id) and what they become; `ended`: running ones that end now."""

    created: tuple[Wanted, ...]
    edited: tuple[tuple[int, Wanted], ...]
    ended: tuple[int, ...]
    deleted: tuple[int, ...]

    def __bool__(self) -> bool:
        return bool(self.created or self.edited or self.ended or self.deleted)


def instants(start: date, end: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """To the minute. Days are whole days of `zone`, and times without a zone are its wall time."""
    if not isinstance(start, datetime) and end <= start:
        end = start + _DAY
    return _instant(start, zone, last=False), _instant(end, zone, last=True)


def _instant(moment: date, zone: ZoneInfo, *, last: bool) -> datetime:
    if not isinstance(moment, datetime):
        return to_instant(datetime(moment.year, moment.month, moment.day), zone)  # noqa: DTZ001 - wall time
    known = to_instant(moment, zone, last=last) if moment.tzinfo is None else moment.astimezone(UTC)
    return known.replace(second=0, microsecond=0)


class People:
    """Finds whom an event means."""

    def __init__(self, known: Iterable[Known]) -> None:
        self._by_email = {one.email: one for one in known}
        self._by_name: dict[_Words, list[Known]] = {}
        for one in self._by_email.values():
            if name := _words(one.name):
                self._by_name.setdefault(name, []).append(one)
        self._longest = max(map(len, self._by_name), default=0)

    def whom(
        self, summary: str, description: str, attendees: Iterable[str], organizer: str
    ) -> tuple[str | None, str]:
        """The person's e-mail, or None and why. What the title says comes first, then who is invited, then
        the text; whoever wrote the event only when it speaks of nobody else.
        """
        invited = [one for one in attendees if one != organizer]
        spoken = [*_addresses(summary), *invited, *_addresses(description)]
        for found in (
            self._addressed(_addresses(summary)),
            self._named(summary),
            self._addressed(invited),
            self._addressed(_addresses(description)),
            self._addressed([organizer] if not spoken else []),
        ):
            if found:
                return _one(found)
        if spoken:
            return None, f"there is no user with the address {spoken[0]}"
        return None, "it names nobody whom Tocsin knows, neither by address nor by full name"

    def _addressed(self, addresses: Iterable[str]) -> list[Known]:
        return [self._by_email[address] for address in addresses if address in self._by_email]

    def _named(self, summary: str) -> list[Known]:
        """By names of several words wherever they stand, and by those of one word that stand alone."""
        parts = [_words(part) for part in (summary, *_BREAKS.split(summary))]
        names = [part for part in parts if part in self._by_name]
        words, at = parts[0], 0
        while at < len(words):
            spans = (words[at : at + size] for size in range(min(self._longest, len(words) - at), 1, -1))
            found = next((span for span in spans if span in self._by_name), None)
            names += [found] if found else []
            at += len(found) if found else 1
        return [one for name in dict.fromkeys(names) for one in self._by_name[name]]


def _one(found: list[Known]) -> tuple[str | None, str]:
    present = {one.email: one for one in found if not one.left}
    if len(present) > 1:
        names = ", ".join(f"{one.name} ({one.email})" if one.name else one.email for one in present.values())
        return None, f"it may mean several people: {names}"
    if not present:
        return None, f"{found[0].name or found[0].email} has left"
    return next(iter(present)), ""


def _words(text: str) -> _Words:
    plain = unicodedata.normalize("NFKC", text).casefold()
    return tuple(word for found in _WORD.findall(plain) if (word := found.strip("'.-")))


def _addresses(text: str) -> list[str]:
    return [found.lower().strip(".'") for found in _ADDRESS.findall(text)]


def together(wanted: Iterable[Wanted]) -> tuple[Wanted, ...]:
    """`wanted` such that whoever overlaps is on call together: an override takes the place of all, so where
    one holds already, the next person is added to it.
    """
    covered: list[Wanted] = []
    result: list[Wanted] = []
    for one in sorted(wanted, key=lambda entry: (entry.start, entry.key)):
        covered = [held for held in covered if held.end > one.start]
        own: list[Wanted] = []
        at = one.start
        for held in sorted(covered, key=lambda entry: entry.start):
            first, last = max(at, held.start), min(one.end, held.end)
            if first < last:
                own.append(replace(one, start=at, end=first))
                if held.user != one.user:
                    own.append(replace(one, start=first, end=last, kind=OverrideKind.ADD))
                at = last
        own.append(replace(one, start=at, end=one.end))
        pieces = [piece for piece in own if piece.start < piece.end]
        result += [replace(piece, key=_numbered(one.key, place)) for place, piece in enumerate(pieces)]
        covered += [piece for piece in pieces if piece.kind is OverrideKind.OVERRIDE]
    return tuple(result)


def _numbered(key: str, place: int) -> str:
    return f"{key} #{place}" if place else key


def changes(held: Iterable[Held], wanted: Iterable[Wanted], now: datetime, *, bound: bool) -> Changes:
    """What makes `held` into `wanted`. `bound`: what was before `now` (a whole minute) stays as it was."""
    asked: Mapping[str, Wanted] = {one.key: one for one in wanted if one.end > now}
    created: dict[str, Wanted] = dict(asked)
    edited: list[tuple[int, Wanted]] = []
    ended: list[int] = []
    deleted: list[int] = []
    for row in held:
        if row.end <= now:
            continue
        one = asked.get(row.key)
        begun = row.start < now
        stays = bound and begun
        if one is None or (stays and ((row.user, row.kind) != (one.user, one.kind) or one.start > now)):
            # Another person's time begins where this one's ends.
            (ended if begun else deleted).append(row.id)
            continue
        created.pop(row.key, None)
        start = row.start if stays else _start(one, now, bound=bound)
        if not row.is_as(one, start):
            edited.append((row.id, replace(one, start=start)))
    return Changes(
        tuple(replace(one, start=_start(one, now, bound=bound)) for one in created.values()),
        tuple(edited),
        tuple(ended),
        tuple(deleted),
    )


def _start(one: Wanted, now: datetime, *, bound: bool) -> datetime:
    return max(one.start, now) if bound else one.start
