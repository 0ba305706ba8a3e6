"""What a routing tree is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

from tocsin.domain.expression import Expression, Template, parse_template
from tocsin.domain.pattern import Extractor, compile_extractor
from tocsin.domain.routing.matching import Matcher
from tocsin.domain.severity import Severity, Urgency
from tocsin.domain.time.business import BusinessHours

MAX_DEPTH: Final = 32


@dataclass(frozen=True)
class Extract:
    """Named groups of `regex` become labels. `source` is `summary`, `labels.x` or any other expression."""

    source: Expression
    regex: str

    @cached_property
    def extractor(self) -> Extractor:
        return compile_extractor(self.regex)


@dataclass(frozen=True)
class Lookup:
    """The first row of `table` whose `key` columns equal the labels of those names. `columns`: which become
    labels, as (label, column); () : all that are no key.
    """

    table: str
    key: tuple[str, ...]
    columns: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Table:
    """`rows` by column. Made from rows in a file, or from CSV."""

    rows: tuple[Mapping[str, str], ...] = ()
    _found: dict[tuple[str, ...], dict[tuple[str, ...], Mapping[str, str]]] = field(
        default_factory=dict, compare=False, repr=False
    )

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for row in self.rows for name in row))

    def row(self, key: tuple[str, ...], values: tuple[str, ...]) -> Mapping[str, str] | None:
        known = self._found.get(key)
        if known is None:
            known = {}
            for row in self.rows:
                known.setdefault(tuple(row.get(name, "") for name in key), row)
            self._found[key] = known
        return known.get(values)


Tables = Mapping[str, Table]


@dataclass(frozen=True)
class Settings:
    """What a route sets on the alert."""

    labels: tuple[tuple[str, Template], ...] = ()
    severity: Template | None = None
    summary: Template | None = None
    runbook: Template | None = None


@dataclass(frozen=True)
class Flapping:
    """So many changes between firing and over within that time, and it flaps."""

    changes: int
    within: timedelta


@dataclass(frozen=True)
class Route:
    """One node. None means: as the route above. `group_by` () means: not grouped by labels, whatever is
    above. `during`: only while one of these is open; `outside`: only while none of these is.
    """

    matchers: tuple[Matcher, ...] = ()
    service: str | None = None  # may be a template: `{{ labels.service }}`
    team: str | None = None
    severity: Severity | None = None
    urgency: Urgency | None = None
    group_by: tuple[str, ...] | None = None
    continue_: bool = False
    routes: tuple["Route", ...] = ()
    condition: Expression | None = None
    during: tuple[BusinessHours, ...] = ()
    outside: tuple[BusinessHours, ...] = ()
    extract: tuple[Extract, ...] = ()
    lookup: tuple[Lookup, ...] = ()
    settings: Settings = Settings()
    dedup_key: Template | None = None
    group_within: timedelta | None = None
    group_limit: int | None = None
    pause: timedelta | None = None
    flapping: Flapping | None = None

    @property
    def label(self) -> str:
        """As it is shown: what must hold."""
        words = [str(matcher) for matcher in self.matchers]
        if self.condition is not None:
            words.append(f"if {self.condition.text}")
        windows = (("during", self.during), ("outside", self.outside))
        words += [f"{word} {_hours(hours)}" for word, hours in windows if hours]
        return "{" + ", ".join(words) + "}"

    @property
    def conditional(self) -> bool:
        return bool(self.matchers or self.condition or self.during or self.outside)

    @cached_property
    def service_template(self) -> Template | None:
        """None where the service is said as it is."""
        return parse_template(self.service) if self.service and "{{" in self.service else None

    @cached_property
    def enriches(self) -> bool:
        return bool(self.extract or self.lookup) or self.settings != Settings()

    @cached_property
    def renames(self) -> bool:
        """Whether it or a route below gives alerts another dedup key."""
        return self.dedup_key is not None or any(below.renames for below in self.routes)

    @cached_property
    def index(self) -> "Index":
        return Index.of(self.routes)

    def is_open(self, now: datetime) -> bool:
        return (not self.during or any(hours.is_open(now) for hours in self.during)) and not any(
            hours.is_open(now) for hours in self.outside
        )


@dataclass(frozen=True)
class Index:
    """Which of a node's children could match at all, without trying each: by the labels that they want equal
    to something. `others` must be tried always.
    """

    by_label: tuple[tuple[str, Mapping[str, tuple[int, ...]]], ...]
    others: tuple[int, ...]

    @staticmethod
    def of(routes: tuple[Route, ...]) -> "Index":
        others: list[int] = []
        named: dict[str, dict[str, list[int]]] = {}
        for number, route in enumerate(routes):
            listed = next((one for one in route.matchers if one.values), None)
            if listed is None:
                others.append(number)
                continue
            for value in listed.values:
                named.setdefault(listed.name, {}).setdefault(value, []).append(number)
        by_label = tuple(
            (name, {value: tuple(numbers) for value, numbers in values.items()})
            for name, values in named.items()
        )
        return Index(by_label, tuple(others))

    def candidates(self, labels: Mapping[str, str]) -> tuple[int, ...] | list[int]:
        """In the order of the tree."""
        found: list[tuple[int, ...]] = []
        for name, values in self.by_label:
            value = labels.get(name)
            if value is not None and (numbers := values.get(value)) is not None:
                found.append(numbers)
        if not found:
            return self.others
        if len(found) == 1 and not self.others:
            return found[0]
        return sorted({*self.others, *(number for numbers in found for number in numbers)})


EMPTY: Final = Route()


def _hours(windows: tuple[BusinessHours, ...]) -> str:
    names = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    return " or ".join(
        f"{','.join(names[day] for day in sorted(one.days))} {one.start:%H:%M}–{one.end:%H:%M} {one.zone.key}"
        for one in windows
    )
