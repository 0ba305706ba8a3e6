from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tocsin.domain.routing import parse_matcher
from tocsin.domain.suppression import Facts, Silence, SilenceIndex, SilenceKind, Span, check_rule, following
from tocsin.domain.suppression.recurrence import Recurring

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = Span(datetime(2026, 3, 22, 1, tzinfo=BERLIN), datetime(2026, 3, 22, 4, tzinfo=BERLIN))


def test_a_window_follows_the_clock_on_the_wall() -> None:
    window = Recurring(NIGHT, check_rule("freq=weekly;byday=su", NIGHT, BERLIN), BERLIN)
    hours = [(s.start.astimezone(BERLIN).hour, s.end - s.start) for s in following(window, NIGHT.start, 3)]
    assert [hour for hour, _ in hours] == [1, 1, 1]
    assert [length.seconds // 3600 for _, length in hours] == [3, 2, 3]  # the clocks go forward in between


@pytest.mark.parametrize(
    "rule", ["FREQ=MINUTELY", "FREQ=DAILY;BYHOUR=3", "nonsense", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=5"]
)
def test_a_rule_that_is_none_is_refused(rule: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        check_rule(rule, NIGHT, BERLIN)


def test_the_index_finds_what_the_matchers_hit() -> None:
    texts = ('host="a"', 'host=~"a|b"', 'host!="a"', 'host=~"a.*"', 'host="c"')
    silences = tuple(
        Silence(text, SilenceKind.SILENCE, (parse_matcher(text),), (), NIGHT.start, NIGHT.end)
        for text in texts
    )
    found = SilenceIndex(silences).hitting(Facts({"host": "a"}), NIGHT.start)
    assert {silence.uid for silence, _ in found} == {texts[0], texts[1], texts[3]}
    assert not list(SilenceIndex(silences).hitting(Facts({"host": "a"}), NIGHT.end))
