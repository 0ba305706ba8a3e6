"""From nodes to typed values: what the schema expects is tried on the text, and what does not fit is
reported.

A `Cursor` stands on one node and knows its path; `Fields` reads a mapping and, at the end, names the keys
nobody asked for. A value that does not fit is reported once and its default used, so that one run finds all
problems.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from difflib import get_close_matches
from enum import StrEnum
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from tocsin.domain.configuration.nodes import Node, Scalar, Sequence, Table
from tocsin.domain.configuration.problems import Report
from tocsin.domain.time import parse_duration, parse_weekday, parse_zone

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

MAX_NAME: Final = 128
NO_TIME: Final = timedelta(0)
_EMAIL: Final = re.compile(r"[^@\s,;<>\"\x00-\x1f]+@[^@\s,;<>\"\x00-\x1f]+")
_CHANNEL: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
_TIME: Final = re.compile(r"(\d{1,2}):(\d{2})(?::00)?")
_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 2200
_YES: Final = frozenset({"true", "yes", "on"})
_NO: Final = frozenset({"false", "no", "off"})


@dataclass(frozen=True, slots=True)
class Cursor:
    node: Node
    path: str
    report: Report

    def fail(self, message: str) -> None:
        self.report.error(self.node.place, self.path, message)

    def warn(self, message: str) -> None:
        self.report.warning(self.node.place, self.path, message)

    def scalar(self, expected: str) -> str | None:
        """The text of a scalar that is not null."""
        if isinstance(self.node, Scalar) and not self.node.is_null:
            if "\x00" in self.node.text:
                self.fail("holds a NUL character")
                return None
            return self.node.text.strip()
        self.fail(f"expected {expected}, found {_describe(self.node)}")
        return None

    def parsed(self, expected: str, parse: Callable[[str], T]) -> T | None:
        text = self.scalar(expected)
        if text is None:
            return None
        try:
            return parse(text)
        except (ValueError, OverflowError) as error:
            reason = (
                str(error)
                if str(error).startswith(("expected", "a ", "the ", "there "))
                else f"expected {expected}"
            )
            self.fail(f"{reason}, found {text[:80]!r}")
            return None

    def items(self) -> "Iterator[Cursor]":
        """The entries of a list; a single value may stand for a list of one."""
        if isinstance(self.node, Sequence):
            for number, item in enumerate(self.node.items):
                yield Cursor(item, f"{self.path}[{number}]", self.report)
        elif isinstance(self.node, Scalar) and not self.node.is_null:
            yield self
        elif isinstance(self.node, Table):
            self.fail("expected a list, found a mapping")

    def table(self) -> "Fields | None":
        if isinstance(self.node, Table):
            return Fields(self, self.node)
        self.fail(f"expected a mapping, found {_describe(self.node)}")
        return None

    def list_of(self, read: "Callable[[Cursor], T | None]") -> tuple[T, ...]:
        return tuple(value for item in self.items() if (value := read(item)) is not None)


class Fields:
    """The keys of one mapping, each asked for once; `finish` reports the rest."""

    def __init__(self, cursor: Cursor, table: Table) -> None:
        self.cursor = cursor
        self._nodes = {entry.key: entry for entry in table.entries}
        self._known: dict[str, None] = {}

    def at(self, key: str) -> Cursor | None:
        """The value of `key`; None when absent or null."""
        self._known[key] = None
        entry = self._nodes.get(key)
        if entry is None or (isinstance(entry.value, Scalar) and entry.value.is_null):
            return None
        return Cursor(entry.value, _below(self.cursor.path, key), self.cursor.report)

    def has(self, key: str) -> bool:
        return self.at(key) is not None

    def get(self, key: str, read: Callable[[Cursor], T | None]) -> T | None:
        found = self.at(key)
        return None if found is None else read(found)

    def need(self, key: str, read: Callable[[Cursor], T | None], expected: str) -> T | None:
        found = self.at(key)
        if found is None:
            self.cursor.fail(f"{key!r} is missing: expected {expected}")
            return None
        return read(found)

    def many(self, key: str, read: Callable[[Cursor], T | None]) -> tuple[T, ...]:
        found = self.at(key)
        return () if found is None else found.list_of(read)

    def unknown(self) -> Iterator[tuple[str, Cursor]]:
        for key, entry in self._nodes.items():
            if key not in self._known:
                yield key, Cursor(entry.value, _below(self.cursor.path, key), self.cursor.report)

    def finish(self) -> None:
        for key, entry in self._nodes.items():
            if key not in self._known:
                path = _below(self.cursor.path, key)
                self.cursor.report.error(entry.place, path, f"unknown key{did_you_mean(key, self._known)}")


def did_you_mean(word: str, known: Mapping[str, object]) -> str:
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else f" (known here: {', '.join(sorted(known))})"


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _describe(node: Node) -> str:
    if isinstance(node, Sequence):
        return "a list"
    if isinstance(node, Table):
        return "a mapping"
    return "nothing" if node.is_null else repr(node.text[:80])


# ---- readers of single values ----


def text(cursor: Cursor) -> str | None:
    return cursor.scalar("text")


def name(cursor: Cursor) -> str | None:
    return cursor.parsed("a name", _parse_name)


def email(cursor: Cursor) -> str | None:
    return cursor.parsed("an e-mail address such as alice@example.com", _parse_email)


def duration(cursor: Cursor) -> timedelta | None:
    return cursor.parsed("a duration such as 30s, 5m, 2h or 1d", parse_duration)


def zone(cursor: Cursor) -> ZoneInfo | None:
    return cursor.parsed("an IANA time zone such as Europe/Berlin", parse_zone)


def zone_name(cursor: Cursor) -> str | None:
    found = zone(cursor)
    return None if found is None else found.key


def weekday(cursor: Cursor) -> int | None:
    return cursor.parsed("a day of the week such as mon", parse_weekday)


def clock_time(cursor: Cursor) -> time | None:
    return cursor.parsed("a time of day such as 09:00", parse_clock)


def day(cursor: Cursor) -> date | None:
    return cursor.parsed("a date such as 2026-12-25", date.fromisoformat)


def naive(cursor: Cursor) -> datetime | None:
    """A wall time of the zone beside it."""
    return cursor.parsed("a date and time without a zone such as 2024-08-05T09:00", _parse_naive)


def moment(cursor: Cursor) -> datetime | None:
    """A wall time, or an instant where it carries an offset."""
    return cursor.parsed("a date and time such as 2024-08-05T09:00", parse_moment)


def flag(cursor: Cursor) -> bool | None:
    return cursor.parsed("true or false", _parse_flag)


def whole(low: int, high: int) -> Callable[[Cursor], int | None]:
    def read(cursor: Cursor) -> int | None:
        expected = f"a whole number from {low} to {high}"

        def parse(raw: str) -> int:
            number = int(raw) if re.fullmatch(r"-?\d{1,9}", raw) else low - 1
            if not low <= number <= high:
                raise ValueError(f"expected {expected}")
            return number

        return cursor.parsed(expected, parse)

    return read


def channel(cursor: Cursor) -> str | None:
    def parse(raw: str) -> str:
        if _CHANNEL.fullmatch(raw.lower()) is None:
            raise ValueError("expected a channel such as email, sms or webhook")
        return raw.lower()

    return cursor.parsed("a channel such as email, sms or webhook", parse)


def choice(kind: type[E]) -> Callable[[Cursor], E | None]:
    """One of an enum's values, in any case."""

    def read(cursor: Cursor) -> E | None:
        by_word = {str(member).lower(): member for member in kind}
        raw = cursor.scalar("one of " + ", ".join(by_word))
        if raw is None:
            return None
        if raw.lower() not in by_word:
            words = ", ".join(str(member) for member in kind)
            cursor.fail(f"expected one of {words}, found {raw[:80]!r}")
        return by_word.get(raw.lower())

    return read


def parse_clock(raw: str) -> time:
    """Raise ValueError unless `raw` is a time of day such as 9:00 or 09:00."""
    found = _TIME.fullmatch(raw)
    if found is None:
        raise ValueError("expected a time of day such as 09:00")
    return time(int(found[1]), int(found[2]))


def parse_moment(raw: str) -> datetime:
    """ISO 8601 with or without an offset, to the minute; a bare date is its midnight."""
    found = datetime.fromisoformat(raw.replace(" ", "T")).replace(second=0, microsecond=0, fold=0)
    # Far outside these years arithmetic with days would leave the calendar.
    if not _FIRST_YEAR <= found.year <= _LAST_YEAR:
        raise ValueError(f"expected a year from {_FIRST_YEAR} to {_LAST_YEAR}")
    return found


def _parse_naive(raw: str) -> datetime:
    found = parse_moment(raw)
    if found.tzinfo is not None:
        raise ValueError("expected no offset here: the time is in `timezone`")
    return found


def _parse_name(raw: str) -> str:
    if not raw or len(raw) > MAX_NAME or any(ord(letter) < ord(" ") for letter in raw):
        raise ValueError(f"expected a name of at most {MAX_NAME} characters")
    return raw


def _parse_email(raw: str) -> str:
    if len(raw) > 254 or _EMAIL.fullmatch(raw) is None:  # noqa: PLR2004 - RFC 5321's limit
        raise ValueError("expected an e-mail address such as alice@example.com")
    return raw.lower()


def _parse_flag(raw: str) -> bool:
    if raw.lower() in _YES:
        return True
    if raw.lower() in _NO:
        return False
    raise ValueError("expected true or false")
