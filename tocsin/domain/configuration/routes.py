"""Routes and the tables they look labels up in: read from their configuration form, and written as it."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from tocsin.domain.configuration import reader
from tocsin.domain.configuration.model import Hours
from tocsin.domain.configuration.nodes import Scalar, Sequence, Table
from tocsin.domain.configuration.people import hours_form, read_hours
from tocsin.domain.configuration.reader import Cursor, Fields
from tocsin.domain.expression import Expression, Template, parse_expression, parse_template
from tocsin.domain.pattern import compile_extractor
from tocsin.domain.routing import (
    EMPTY,
    FIXED,
    MAX_DEPTH,
    Extract,
    Flapping,
    Lookup,
    Matcher,
    Op,
    Route,
    Settings,
    parse_matcher,
)
from tocsin.domain.routing import Table as LookupTable
from tocsin.domain.severity import Severity, Urgency
from tocsin.domain.time import BusinessHours, format_duration

Form = dict[str, Any]
T = TypeVar("T")

_MOST_ROUTES: Final = 10_000
_MOST_ROWS: Final = 20_000
_MOST_CHANGES: Final = 1000
_MOST_ALERTS: Final = 100_000
_UTC: Final = ZoneInfo("UTC")
_SHORT: Final = {"summary": "event.summary", "source": "event.source", "dedup_key": "event.dedup_key"}


def read_routes(cursor: Cursor) -> Route | None:
    """The whole tree. A list stands for the routes of a root that says nothing itself."""
    if isinstance(cursor.node, Sequence):
        return Route(routes=cursor.list_of(lambda item: read_route(item, 1)))
    return read_route(cursor)


def read_route(cursor: Cursor, depth: int = 0) -> Route | None:
    fields = cursor.table()
    if fields is None:
        return None
    if depth > MAX_DEPTH:
        cursor.fail(f"routes are at most {MAX_DEPTH} deep")
        return None
    group_by = fields.at("group_by")
    route = Route(
        matchers=read_matchers(fields),
        condition=fields.get("if", _read_expression),
        during=_read_windows(fields, "during"),
        outside=_read_windows(fields, "outside"),
        extract=_several(fields, "extract", _read_extract),
        lookup=_several(fields, "lookup", _read_lookup),
        settings=fields.get("set", _read_settings) or Settings(),
        service=fields.get("service", _read_service),
        team=fields.get("team", reader.name),
        severity=fields.get("severity", reader.choice(Severity)),
        urgency=fields.get("urgency", reader.choice(Urgency)),
        dedup_key=fields.get("dedup_key", _read_template),
        group_by=None if group_by is None else group_by.list_of(reader.name),
        group_within=fields.get("group_within", reader.duration),
        group_limit=fields.get("group_limit", reader.whole(1, _MOST_ALERTS)),
        pause=fields.get("pause", reader.duration),
        flapping=fields.get("flapping", _read_flapping),
        continue_=fields.get("continue", reader.flag) or False,
        routes=fields.many("routes", lambda item: read_route(item, depth + 1)),
    )
    if route.service is not None and route.team is not None:
        cursor.fail("a route names a `service` or a `team`, not both")
    fields.finish()
    return route


def read_matchers(fields: Fields, key: str = "match") -> tuple[Matcher, ...]:
    at = fields.at(key)
    if at is None:
        return ()
    if isinstance(at.node, Table):
        table = at.table()
        pairs = () if table is None else tuple(table.unknown())
        return tuple(
            Matcher(label, Op.EQUAL, value)
            for label, item in pairs
            if (value := item.scalar("text")) is not None
        )
    return at.list_of(
        lambda item: item.parsed(
            'a matcher such as team="payments" or severity=~"critical|page"', parse_matcher
        )
    )


def _several(fields: Fields, key: str, read: Callable[[Cursor], T | None]) -> tuple[T, ...]:
    """A list, or one alone."""
    at = fields.at(key)
    if at is None:
        return ()
    if isinstance(at.node, Table):
        value = read(at)
        return () if value is None else (value,)
    return at.list_of(read)


def _read_expression(cursor: Cursor) -> Expression | None:
    return _checked(cursor, 'an expression such as labels.tier == "1"', parse_expression)


def _read_template(cursor: Cursor) -> Template | None:
    return _checked(cursor, "a text such as {{ labels.alertname }}", parse_template)


def _read_service(cursor: Cursor) -> str | None:
    text = cursor.scalar("a service")
    if text is not None and "{{" in text:
        return text if _read_template(cursor) is not None else None
    return reader.name(cursor)


def _checked(cursor: Cursor, expected: str, parse: Callable[[str], T]) -> T | None:
    """As `Cursor.parsed`, with the parser's own words: they say where in the text it stumbled."""
    text = cursor.scalar(expected)
    if text is None:
        return None
    try:
        return parse(text)
    except ValueError as error:
        cursor.fail(f"{error} (in {text[:80]!r})")
        return None


def _read_windows(fields: Fields, key: str) -> tuple[BusinessHours, ...]:
    hours = _several(fields, key, read_hours)
    return tuple(one.within(_UTC, frozenset(), None) for one in hours)


def _read_extract(cursor: Cursor) -> Extract | None:
    fields = cursor.table()
    if fields is None:
        return None
    source = fields.need("from", _read_source, "summary, labels.x or payload.x")
    regex = fields.need("regex", _read_regex, "a regular expression with a named group")
    fields.finish()
    return Extract(source, regex) if source and regex else None


def _read_source(cursor: Cursor) -> Expression | None:
    return _checked(
        cursor, "summary, labels.x or payload.x", lambda text: parse_expression(_SHORT.get(text) or text)
    )


def _read_regex(cursor: Cursor) -> str | None:
    def parse(text: str) -> str:
        names = compile_extractor(text).names
        fixed = sorted(set(names) & FIXED)
        if fixed:
            raise ValueError(f"{fixed[0]!r} is a fact of the event, which no route rewrites")
        return text

    return _checked(cursor, "a regular expression with a named group", parse)


def _read_lookup(cursor: Cursor) -> Lookup | None:
    fields = cursor.table()
    if fields is None:
        return None
    table = fields.need("table", reader.name, "the name of a table")
    key = fields.many("key", reader.name)
    if not key:
        cursor.fail("'key' is missing: expected the labels to look up, which are columns of the table")
    columns: tuple[tuple[str, str], ...] = ()
    at = fields.at("set")
    if at is not None and isinstance(at.node, Table):
        pairs = at.table()
        named = () if pairs is None else tuple((label, reader.name(item)) for label, item in pairs.unknown())
        columns = tuple((label, column) for label, column in named if column is not None)
    elif at is not None:
        columns = tuple((name, name) for name in at.list_of(reader.name))
    _not_fixed(cursor, (label for label, _ in columns))
    fields.finish()
    return Lookup(table, key, columns) if table and key else None


def _read_settings(cursor: Cursor) -> Settings | None:
    fields = cursor.table()
    if fields is None:
        return None
    labels: list[tuple[str, Template]] = []
    at = fields.at("labels")
    pairs = at.table() if at is not None else None
    for label, item in pairs.unknown() if pairs is not None else ():
        template = _read_template(item)
        if template is not None:
            labels.append((label, template))
    _not_fixed(cursor, (label for label, _ in labels))
    settings = Settings(
        tuple(labels),
        fields.get("severity", _read_template),
        fields.get("summary", _read_template),
        fields.get("runbook", _read_template),
    )
    fields.finish()
    return settings


def _not_fixed(cursor: Cursor, labels: Iterable[str]) -> None:
    for label in labels:
        if label in FIXED:
            cursor.fail(f"{label!r} is a fact of the event, which no route rewrites as a label")


def _read_flapping(cursor: Cursor) -> Flapping | None:
    fields = cursor.table()
    if fields is None:
        return None
    changes = fields.need("changes", reader.whole(2, _MOST_CHANGES), "how many changes make it flap")
    within = fields.need("within", reader.duration, "a duration such as 30m")
    fields.finish()
    return Flapping(changes, within) if changes and within else None


def route_form(route: Route) -> Form:
    settings = route.settings
    texts = {
        "severity": settings.severity,
        "summary": settings.summary,
        "runbook": settings.runbook,
    }
    given: Form = {name: text.text for name, text in texts.items() if text is not None}
    if settings.labels:
        given = {"labels": {name: template.text for name, template in settings.labels}, **given}
    durations = {"group_within": route.group_within, "pause": route.pause}
    values: Form = {
        "match": [str(matcher) for matcher in route.matchers],
        "if": route.condition and route.condition.text,
        "during": [_window_form(one) for one in route.during],
        "outside": [_window_form(one) for one in route.outside],
        "extract": [{"from": one.source.text, "regex": one.regex} for one in route.extract],
        "lookup": [_lookup_form(one) for one in route.lookup],
        "set": given,
        "service": route.service,
        "team": route.team,
        "severity": route.severity and str(route.severity),
        "urgency": route.urgency and str(route.urgency),
        "dedup_key": route.dedup_key and route.dedup_key.text,
        "group_limit": route.group_limit,
        **{name: format_duration(span) for name, span in durations.items() if span is not None},
        "flapping": route.flapping
        and {"changes": route.flapping.changes, "within": format_duration(route.flapping.within)},
        "continue": route.continue_,
        "routes": [route_form(entry) for entry in route.routes],
    }
    form = {name: value for name, value in values.items() if value}
    if route.group_by is not None:
        form["group_by"] = list(route.group_by)
    return {name: form[name] for name in ORDER if name in form}


# The order in which a node is written: what must hold, what is added, where it goes, what is below.
ORDER: Final = (
    "match",
    "if",
    "during",
    "outside",
    "extract",
    "lookup",
    "set",
    "service",
    "team",
    "severity",
    "urgency",
    "dedup_key",
    "group_by",
    "group_within",
    "group_limit",
    "pause",
    "flapping",
    "continue",
    "routes",
)


def _window_form(hours: BusinessHours) -> Form:
    return dict(hours_form(Hours(hours.zone, hours)))


def _lookup_form(lookup: Lookup) -> Form:
    form: Form = {"table": lookup.table, "key": list(lookup.key)}
    if lookup.columns:
        same = all(label == column for label, column in lookup.columns)
        form["set"] = [label for label, _ in lookup.columns] if same else dict(lookup.columns)
    return form


def is_empty(route: Route) -> bool:
    return route == EMPTY


# ---- tables ----


def read_tables(cursor: Cursor) -> dict[str, LookupTable] | None:
    """`[{name, rows: [{column: value}]}]`, or with `csv:` text whose first line names the columns; the text
    may be `{file: PATH}`.
    """
    found: dict[str, LookupTable] = {}
    for item in cursor.items():
        fields = item.table()
        if fields is None:
            continue
        name = fields.need("name", reader.name, "the table's name")
        rows = (*fields.many("rows", _read_row), *(fields.get("csv", _read_csv) or ()))
        if len(rows) > _MOST_ROWS:
            item.fail(f"a table has at most {_MOST_ROWS} rows")
        if name in found:
            item.fail(f"table {name!r} is defined twice")
        fields.finish()
        if name:
            found[name] = LookupTable(rows)
    return found


def _read_row(cursor: Cursor) -> Mapping[str, str] | None:
    fields = cursor.table()
    if fields is None:
        return None
    return {name: text for name, at in fields.unknown() if (text := at.scalar("text")) is not None}


def _read_csv(cursor: Cursor) -> tuple[Mapping[str, str], ...] | None:
    if not isinstance(cursor.node, Scalar):
        cursor.fail("expected CSV text, or {file: PATH}")
        return None
    rows = []
    reading = csv.DictReader(io.StringIO(cursor.node.text.lstrip("\ufeff")), skipinitialspace=True)
    try:
        for number, row in enumerate(reading, start=2):
            if None in row or None in row.values():
                cursor.fail(f"line {number} of the table does not have as many values as there are columns")
                return None
            rows.append({str(name).strip(): str(value).strip() for name, value in row.items()})
    except csv.Error as error:
        cursor.fail(f"not CSV: {error}")
        return None
    return tuple(rows)


def tables_form(tables: Mapping[str, LookupTable]) -> list[Form]:
    return [{"name": name, "rows": [dict(row) for row in table.rows]} for name, table in tables.items()]
