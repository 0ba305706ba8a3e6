import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.pattern import compile_pattern
from tocsin.domain.routing import EMPTY, Matcher, Op, Route, decide, parse_matcher
from tocsin.domain.severity import Severity, Urgency


def route(*matchers: str, **settings: object) -> Route:
    return Route(tuple(parse_matcher(text) for text in matchers), **settings)  # type: ignore[arg-type]  # by name


@pytest.mark.parametrize(
    ("text", "labels", "holds"),
    [
        ('team="payments"', {"team": "payments"}, True),
        ("team=payments", {"team": "payments"}, True),
        (' team = "payments" ', {"team": "payments"}, True),
        ('team="payments"', {}, False),
        ('team=""', {}, True),
        ('team!="payments"', {}, True),
        ('team!="payments"', {"team": "payments"}, False),
        ('severity=~"critical|page"', {"severity": "page"}, True),
        ('severity=~"critical|page"', {"severity": "pager"}, False),
        ('severity!~"critical|page"', {"severity": "pager"}, True),
        ('severity=~".+"', {}, False),
        ('severity!~".+"', {}, True),
        (r'host=~"web\d+"', {"host": "web12"}, True),
        (r'path="a\\b\"c\n"', {"path": 'a\\b"c\n'}, True),
        ('"odd name"="x"', {"odd name": "x"}, True),
        ('text="a, b = c"', {"text": "a, b = c"}, True),
        ('text=~"a.c"', {"text": "a\nc"}, True),
        ('text=~"(?i)ABC"', {"text": "abc"}, True),
    ],
)
def test_matchers_read_as_in_alertmanager(*, text: str, labels: dict[str, str], holds: bool) -> None:
    matcher = parse_matcher(text)
    assert matcher.matches(labels) is holds
    assert parse_matcher(str(matcher)) == matcher


@pytest.mark.parametrize(
    "text",
    [
        "",
        "team",
        '="x"',
        'a="b" c',
        'a="b',
        'a=b"c',
        'a=~"("',
        'a=~"(?=b)"',
        r'a=~"(b)\1"',
        'a=~"x{5000}"',
        "a=" + "b" * 3000,
    ],
)
def test_what_is_no_matcher_says_so(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_matcher(text)


@pytest.mark.parametrize(
    ("pattern", "alphabet"),
    [
        ("a*b+?c?", "abc"),
        ("(a|b)*c{2,3}", "abc"),
        ("[^ab]{1,2}|ab", "abcd"),
        (r"\d+\.\w*", "1a._"),
        ("^a$|b.*", "ab\n"),
        ("(?i)aB[c-d]?", "abcdABCD"),
        ("(a(b|))*|c", "abc"),
        ("", "a"),
        (r"[\s-]\S", " -a"),
    ],
)
@given(data=st.data())
def test_patterns_agree_with_re(pattern: str, alphabet: str, data: st.DataObject) -> None:
    value = data.draw(st.text(alphabet, max_size=8))
    anchored_end = re.compile(pattern.replace("$", r"\Z"), re.DOTALL)
    assert compile_pattern(pattern).matches(value) is (anchored_end.fullmatch(value) is not None)


def test_patterns_run_in_linear_time() -> None:
    started = time.process_time()
    for pattern in ("(a+)+", "(a|a)*", ".*.*.*.*.*b", "(a*)*c", "a{0,500}a{0,500}"):
        compile_pattern(pattern).matches("a" * 2000 + "!")
    assert time.process_time() - started < 5


def test_settings_are_inherited_and_the_first_match_wins() -> None:
    tree = route(
        group_by=("alertname",),
        routes=(
            route(
                'team="payments"',
                service="checkout",
                severity=Severity.SEV3,
                routes=(
                    route('tier="1"', severity=Severity.SEV1),
                    route('tier="2"', urgency=Urgency.LOW, group_by=()),
                ),
            ),
            route('team="payments"', service="never"),
        ),
    )
    first = decide(tree, {"team": "payments", "tier": "1"})
    assert (first.service, first.severity, first.group_by) == ("checkout", Severity.SEV1, ("alertname",))
    second = decide(tree, {"team": "payments", "tier": "2"})
    assert (second.severity, second.urgency, second.group_by) == (Severity.SEV3, Urgency.LOW, ())
    third = decide(tree, {"team": "payments"})
    assert (third.service, third.severity) == ("checkout", Severity.SEV3)
    other = decide(tree, {"team": "web"}, default_service="fallback")
    assert (other.service, other.severity) == ("fallback", None)
    assert [visit.path for visit in other.visited] == ["root", "1", "2"]
    assert "team is “web”" in other.visited[1].reason


def test_continue_reaches_further_services_once_each() -> None:
    tree = route(
        routes=(
            route('a="1"', service="one", continue_=True),
            route('a="1"', service="one", severity=Severity.SEV1, continue_=True),
            route('a="1"', service="two"),
            route('a="1"', service="three"),
        )
    )
    found = decide(tree, {"a": "1"}, default_service="default")
    assert (found.service, found.severity) == ("one", None)
    assert [each.service for each in found.also] == ["two"]


def test_an_outsiders_label_cannot_pretend_to_be_another_integration() -> None:
    tree = route(routes=(route('integration="trusted"', severity=Severity.SEV1),))
    assert decide(tree, {"integration": "trusted"}, reserved={"integration": "mine"}).severity is None


def test_an_empty_tree_sends_to_the_integrations_own_service() -> None:
    found = decide(EMPTY, {}, default_service="checkout")
    assert (found.service, found.reason) == (
        "checkout",
        "the root route names no service; the integration's own is checkout",
    )
    assert decide(EMPTY, {}).service is None


@given(st.text(max_size=40), st.sampled_from(list(Op)), st.text(max_size=40))
def test_every_matcher_reads_back(name: str, op: Op, value: str) -> None:
    if not name.strip():
        return
    if op in {Op.MATCHES, Op.MATCHES_NOT}:
        value = re.escape(value)
    matcher = Matcher(name, op, value)
    assert parse_matcher(str(matcher)) == matcher
