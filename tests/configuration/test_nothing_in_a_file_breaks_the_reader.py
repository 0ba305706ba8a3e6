from datetime import UTC, datetime
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.domain.configuration import load
from tocsin.domain.configuration.forms import LATER, LISTS, dump
from tocsin.domain.configuration.lint import lint
from tocsin.domain.configuration.references import Checker

NOW = datetime(2026, 11, 23, tzinfo=UTC)
WORDS = [
    "name",
    "email",
    "user",
    "users",
    "team",
    "teams",
    "members",
    "lead",
    "manager",
    "service",
    "services",
    "escalation_policy",
    "severity",
    "urgency",
    "support_hours",
    "outside",
    "raise_at_opening",
    "ack_timeout",
    "reopen_window",
    "depends_on",
    "tier",
    "description",
    "links",
    "timezone",
    "days",
    "start",
    "end",
    "from",
    "to",
    "kind",
    "key",
    "severity_map",
    "type",
    "every",
    "until",
    "participants",
    "group",
    "unassigned",
    "advance",
    "restrictions",
    "role",
    "follows",
    "start_delay",
    "handoff_time",
    "handoff_day",
    "layers",
    "rotation",
    "priority",
    "fallback",
    "overrides",
    "replaces",
    "notify",
    "wait",
    "steps",
    "repeat",
    "final",
    "schedule",
    "who",
    "match",
    "group_by",
    "continue",
    "routes",
    "contact_methods",
    "address",
    "notification_rules",
    "high",
    "low",
    "after",
    "via",
    "holidays",
    "business_hours",
    "escalate",
    "at",
    "respond_within",
    "ladder",
    "env",
    "file",
]
VALUES = [
    "a",
    "b",
    "a@example.com",
    "b@example.com",
    "SEV1",
    "high",
    "low",
    "weekly",
    "daily",
    "monthly",
    "hourly",
    "occurrence",
    "mon",
    "fri",
    "09:00",
    "17:00",
    "24:00",
    "2024-08-05T09:00",
    "2024-08-05",
    "2024-02-30",
    "5m",
    "0s",
    "7",
    "-1",
    "999999999999",
    "true",
    "false",
    "null",
    "~",
    "Europe/Berlin",
    "Mars",
    "DE",
    "XX",
    "a=b",
    "a=~(",
    "{}",
    "[]",
    "generic",
    "override",
    "replace",
    "remove",
    "add",
    "primary",
    "shadow",
    "next",
    "https://example.com",
    "fri 17:00",
    'team="x"',
    "",
    " ",
    "\u2028",
    "é",
]

scalars: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(VALUES),
    st.integers(-10, 100),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=True),
    st.text(max_size=8),
)
trees = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(WORDS), inner, max_size=6)
    ),
    max_leaves=25,
)
entries = st.lists(st.dictionaries(st.sampled_from(WORDS), trees, max_size=8), max_size=3)
organisations = st.dictionaries(
    st.sampled_from([*LISTS, "routes", "last_resort", "notification_rules", *LATER]),
    st.one_of(entries, trees),
    max_size=5,
)


def _whole_way(text: str) -> None:
    loaded = load({"f": text})
    if loaded.report.errors:
        return
    Checker(loaded.organisation, loaded.report, dict(loaded.places)).check()
    if loaded.report.errors:
        return
    lint(loaded.organisation, loaded.report, loaded.places, NOW)
    again = load({"again": dump(loaded.organisation)})
    assert again.report.errors == ()
    assert again.organisation == loaded.organisation


@settings(max_examples=200, deadline=None)
@given(organisations)
def test_any_shape_is_read_or_refused(value: dict[str, Any]) -> None:
    _whole_way(yaml.safe_dump(value, allow_unicode=True))


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    _whole_way(text)


def test_a_start_at_the_end_of_time_is_refused_or_answered() -> None:
    for start in ("0001-01-01T00:00", "9999-12-31T23:59", "1800-01-01T00:00", "2500-01-01T00:00"):
        rotation = f"{{name: r, type: monthly, start: '{start}', participants: [a@x.y], start_delay: 3660}}"
        override = f"{{start: '{start}', end: '9999-12-31', user: b@x.y}}"
        schedule = f"{{name: s, layers: [r], overrides: [{override}]}}"
        _whole_way(f"rotations: [{rotation}]\nschedules: [{schedule}]")
        _whole_way(f"rotations: [{rotation}]")
