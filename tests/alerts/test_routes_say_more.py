"""Enrichment, expressions, hours, tables, names and limits: what a route says beyond where an alert goes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.apps.integrations.forms import read_tree
from tocsin.domain.configuration import load
from tocsin.domain.configuration.forms import dump
from tocsin.domain.configuration.routelint import doubtful_routes
from tocsin.domain.errors import Invalid
from tocsin.domain.expression import Facts, bounded, parse_expression, parse_template
from tocsin.domain.joining import Candidate, Join
from tocsin.domain.joining import decide as join
from tocsin.domain.lifecycle import Status
from tocsin.domain.pattern import compile_extractor
from tocsin.domain.routing import Names, Routed, Table, decide
from tocsin.domain.severity import Severity

MONDAY = datetime(2026, 11, 23, 12, tzinfo=UTC)
TABLES = {"owners": Table(({"service": "search", "owner": "web", "tier": "3"},))}
NAMES = Names(lambda name: name in {"checkout", "search"}, {"web": ("search", "web-edge")}.get, TABLES)


def routed(form: Any, now: datetime = MONDAY, payload: Any = None, **labels: str) -> Routed:
    summary = labels.pop("summary", "it burns")
    facts = Facts({"summary": summary, "severity": "critical"}, payload or {})
    names = Names(NAMES.has_service, lambda team: NAMES.of_team(team) or (), TABLES)
    return decide(
        read_tree(form), labels, reserved={"summary": summary}, facts=facts, names=names, now=now, trace=True
    )


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ('labels.tier == "1"', True),
        ('labels.nothing == "1"', False),
        ('has(labels.nothing) || labels.tier == "1"', True),
        ("payload.n > 3", True),
        ("payload.list.exists(one, one == 2)", True),
        ("payload.list. exists (one, one == 2) // of any", True),
        ("payload.list.exists(one, string(one) != ') .all(x, (' && one == 2)", True),
        ('event.summary.matches("b.*s")', True),
        ("payload.n", False),
        ("payload.n / 0 == 1", False),
        ('payload.n > "3"', False),
    ],
)
def test_an_expression_decides_and_what_is_missing_is_no(condition: str, *, holds: bool) -> None:
    found = routed(
        {"routes": [{"if": condition, "service": "checkout"}]}, payload={"n": 4, "list": [1, 2]}, tier="1"
    )
    assert (found.service == "checkout") is holds
    if not holds:
        assert "is not true: " in found.visited[1].reason


@pytest.mark.parametrize(
    "text",
    [
        "",
        "labels.",
        "lables.tier == 1",
        "payload.a.all(x, payload.a.all(y, payload.a.exists(z, z == x)))",
        "payload.a.all(x, x != ')' && payload.a.all(y, y != ')' && payload.a.exists(z, z == x)))",
        """payload.a.all(x, x != r"\\)" && payload.a.all(y, y != '\\')' && payload.a.exists(z, z == x)))""",
        "payload.a.all(x, // )\npayload.a.all(y, payload.a. exists(z, z == x)))",
        "x" * 3000,
    ],
)
def test_an_expression_that_cannot_work_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expect|there is no|loop"):
        parse_expression(text)


def test_a_payload_is_cut_to_what_an_expression_can_afford() -> None:
    deep: Any = 1
    for _ in range(100):
        deep = {"a": deep}
    assert len(bounded({"l": list(range(5000)), "deep": deep, "big": 2**70})["l"]) == 1000
    assert len(bounded({str(number): number for number in range(5000)})) == 1000
    huge = Facts({}, {"l": list(range(5000)), "deep": deep, "big": 2**70})
    assert parse_expression("payload.big > 1.0").holds(huge, {}) == (True, "")


def test_hours_open_and_close_a_route() -> None:
    hours = {"timezone": "Europe/Berlin", "days": ["mon"], "start": "09:00", "end": "17:00"}
    day = {"routes": [{"during": hours, "service": "checkout"}]}
    night = {"routes": [{"outside": [hours], "service": "checkout"}]}
    assert (routed(day).service, routed(night).service) == ("checkout", None)
    late = MONDAY + timedelta(hours=6)
    assert (routed(day, late).service, routed(night, late).service) == (None, "checkout")
    assert "outside its hours" in routed(day, late).visited[1].reason


def test_what_is_extracted_looked_up_and_set_is_seen_below() -> None:
    found = routed(
        {
            "extract": {"from": "summary", "regex": r"on (?P<host>[a-z0-9]+)\.(?P<zone>\w+)"},
            "lookup": {"table": "owners", "key": ["service"], "set": {"team": "owner"}},
            "set": {
                "labels": {"where": "{{ labels.host }}/{{ labels.zone }}", "gone": "{{ labels.nope }}"},
                "runbook": "https://wiki.example.com/{{ labels.host }}",
                "summary": "{{ labels.service }}: {{ event.summary }}",
                "severity": "{{ event.severity }}",
            },
            "routes": [{"match": ['team="web"', 'where="db7/eu"'], "service": "{{ labels.service }}"}],
        },
        summary="disk full on db7.eu",
        service="search",
    )
    assert found.service == "search"
    assert found.labels == {"host": "db7", "zone": "eu", "team": "web", "where": "db7/eu"}
    assert found.runbook == "https://wiki.example.com/db7"
    assert (found.summary, found.severity) == ("search: disk full on db7.eu", Severity.SEV2)
    assert any("gone is not set: there is no nope" in step for _, step in found.steps)


def test_a_service_that_a_label_names_must_exist() -> None:
    tree = {"service": "checkout", "routes": [{"match": ["a=1"], "service": "{{ labels.s }}"}]}
    assert routed(tree, a="1", s="search").service == "search"
    unknown = routed(tree, a="1", s="nonsense")
    assert unknown.service == "checkout"
    assert any("there is no such service" in step for _, step in unknown.steps)


def test_a_team_stands_for_the_service_named_like_it_or_its_first() -> None:
    assert routed({"team": "web"}).service == "search"
    assert routed({"team": "nobody"}).service is None


def test_a_dedup_key_is_a_template_and_stays_where_it_cannot_be_made() -> None:
    tree = {"dedup_key": "{{ labels.alertname }}/{{ labels.cluster }}"}
    assert routed(tree, alertname="Down", cluster="eu").dedup_key == "Down/eu"
    assert routed(tree, alertname="Down").dedup_key == ""


def test_limits_and_timings_are_inherited() -> None:
    found = routed(
        {
            "group_within": "30m",
            "group_limit": 50,
            "pause": "2m",
            "flapping": {"changes": 4, "within": "30m"},
            "routes": [{"group_within": "1h", "service": "checkout"}],
        }
    )
    assert (found.group_within, found.group_limit) == (timedelta(hours=1), 50)
    assert found.pause == timedelta(minutes=2)
    assert found.flapping is not None
    assert found.flapping.changes == 4


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"routes": [{"if": "labels."}]}, "routes[0].if"),
        ({"extract": {"from": "summary", "regex": "(a+"}}, "extract.regex"),
        ({"extract": {"from": "summary", "regex": "a+"}}, "extract.regex"),
        ({"extract": {"from": "summary", "regex": r"(?P<a>x)\1"}}, "extract.regex"),
        ({"set": {"labels": {"a": "{{ labels.b"}}}, "set.labels.a"),
        ({"set": {"labels": {"integration": "x"}}}, "set"),
        ({"service": "a", "team": "b"}, ""),
        ({"lookup": {"table": "t"}}, "lookup"),
        ({"flapping": {"changes": 1, "within": "5m"}}, "flapping.changes"),
        ({"servic": "a"}, "servic"),
    ],
)
def test_what_is_wrong_is_named_with_its_field(form: Any, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_tree(form)
    assert caught.value.errors[0].field == field


def test_routes_and_tables_read_back_from_a_file_with_csv() -> None:
    text = """
teams: [{name: web}]
services: [{name: search, team: web}]
tables:
  - {name: owners, csv: "service,owner\\nsearch,web\\n"}
routes:
  lookup: {table: owners, key: [service]}
  routes:
    - {if: 'labels.a == "1"', team: web, group_by: ["*"], group_within: 30m, pause: 1m}
    - {during: {timezone: UTC, days: [sun], start: "01:00", end: "02:00"}, dedup_key: "{{ labels.x }}"}
"""
    first = load({"a.yaml": text})
    assert not first.report.errors, first.report.errors
    again = load({"b.yaml": dump(first.organisation)})
    assert again.organisation.routes == first.organisation.routes
    assert again.organisation.tables == first.organisation.tables
    assert first.organisation.tables["owners"].rows == ({"service": "search", "owner": "web"},)


def test_a_route_that_another_shadows_is_warned_of() -> None:
    text = """
routes:
  routes:
    - {match: ['team=~"a|b"'], severity: SEV3}
    - {match: ['team="a"', 'tier="1"'], severity: SEV1}
    - {match: ['team="c"'], severity: SEV2}
"""
    found = list(doubtful_routes(load({"a.yaml": text}).organisation))
    assert [path for path, _ in found] == [".routes[1]"]


@pytest.mark.parametrize(
    ("pattern", "value", "groups"),
    [
        (r"host=(?P<host>\S+)", "a host=db1 b", {"host": "db1"}),
        (r"(?P<a>a+?)(?P<b>a*)", "aaa", {"a": "a", "b": "aa"}),
        (r"(?P<a>x|xy)(?P<b>y?)", "xy", {"a": "x", "b": "y"}),
        (r"^(?P<a>b)", "ab", None),
        (r"(?P<a>b)?c", "c", {}),
    ],
)
def test_groups_are_found_as_re_finds_them(pattern: str, value: str, groups: Any) -> None:
    assert compile_extractor(pattern).search(value) == groups


def test_extracting_is_linear() -> None:
    assert compile_extractor(r"(?P<a>(a+)+)$").search("a" * 1000 + "!") is None


MATCHERS = st.sampled_from(['a="1"', 'a="2"', 'b=~"1|2"', 'a!="1"', 'b=""', 'c=~"x.*"', 'b="3"'])
NODES = st.recursive(
    st.fixed_dictionaries(
        {"match": st.lists(MATCHERS, max_size=2), "service": st.sampled_from(["checkout", "search"])}
    ),
    lambda below: st.fixed_dictionaries(
        {
            "match": st.lists(MATCHERS, max_size=2),
            "continue": st.booleans(),
            "set": st.just({"labels": {"b": "{{ labels.c }}"}}),
            "routes": st.lists(below, max_size=5),
        }
    ),
    max_leaves=12,
)
LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["1", "2", "3", "xy"]), max_size=3)


@given(NODES, LABELS)
def test_the_fast_way_and_the_one_that_explains_agree(form: Any, labels: dict[str, str]) -> None:
    tree = read_tree({"routes": [form]})
    slow, fast = (decide(tree, labels, names=NAMES, now=MONDAY, trace=trace) for trace in (True, False))
    for one, other in zip((slow, *slow.also), (fast, *fast.also), strict=True):
        assert (one.service, one.reason, one.labels) == (other.service, other.reason, other.labels)


def test_a_group_is_full_by_time_and_by_number() -> None:
    def decided(**changes: Any) -> Join:
        given = {"alerts": 3, "last_joined_at": MONDAY - timedelta(minutes=20), **changes}
        within, most = given.pop("within", None), given.pop("most", None)
        candidate = Candidate(
            ref="INC-1",
            status=Status.INVESTIGATING,
            severity=Severity.SEV3,
            declared_at=MONDAY - timedelta(hours=2),
            acknowledged=False,
            snoozed_until=None,
            resolved_at=None,
            resolved_by_alert=False,
            **given,
        )
        window = timedelta(minutes=5)
        return join(Severity.SEV3, candidate, reopen_window=window, now=MONDAY, within=within, most=most).join

    assert decided() is Join.JOIN
    assert decided(within=timedelta(minutes=20)) is Join.JOIN
    assert decided(within=timedelta(minutes=19)) is Join.OPEN_LINKED
    assert decided(most=4) is Join.JOIN
    assert decided(most=3) is Join.OPEN_LINKED


def test_a_template_gives_text_of_single_values_only() -> None:
    facts = Facts({}, {"n": 3.0, "list": [1]})
    assert parse_template("n={{ payload.n }}").render(facts, {}).value == "n=3"
    assert parse_template("{{ payload.list }}").render(facts, {}).value is None
