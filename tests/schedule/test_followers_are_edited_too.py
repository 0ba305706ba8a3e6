"""Two rotations, of which the second may follow the first, edited again and again, together or alone."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.domain.configuration.nodes import from_plain
from tocsin.domain.configuration.problems import Report
from tocsin.domain.configuration.reader import Cursor
from tocsin.domain.configuration.rota import read_rotation, rotation_form
from tocsin.domain.schedule import Advance, DayWindow, Participant, Unit, resolve
from tocsin.domain.schedule.definition import PastDefinition, Pasts, RotationDefinition, make_book
from tocsin.domain.schedule.revision import Revision, revise

NOW = datetime(2026, 3, 18, 12, tzinfo=UTC)  # a Wednesday; the clocks change ten days later
DAY = timedelta(days=1)
FIRST, SECOND = "first", "second"
Rotations = dict[str, RotationDefinition]


def ring(name: str, people: str, **more: object) -> RotationDefinition:
    known = RotationDefinition(
        name,
        unit=Unit.WEEKLY,
        start=datetime(2026, 1, 5, 9),
        zone=ZoneInfo("Europe/Berlin"),
        participants=tuple(Participant((f"{one}@x.y",)) for one in people),
    )
    return replace(known, **more)  # type: ignore[arg-type]  # whatever a test wants


def later(days: int = 7, **more: object) -> RotationDefinition:
    return RotationDefinition(SECOND, follows=FIRST, start_delay=days, **more)  # type: ignore[arg-type]  # as above


def both(one: RotationDefinition, other: RotationDefinition) -> Rotations:
    return {FIRST: one, SECOND: other}


def weeks(of: Rotations, pasts: Pasts, name: str, first: int = -2, count: int = 8) -> str:
    """Who has the weeks around NOW, a letter each."""
    book = make_book(of, {}, pasts)
    plan = book.schedule(name)
    assert plan is not None
    starts = (NOW + 7 * DAY * number for number in range(first, first + count))
    return "".join((resolve(book, plan, at, at + DAY / 1440)[0].user or "-")[0] for at in starts)


def edited(before: Rotations, after: Rotations) -> Revision:
    return revise(before, {}, after, NOW)


def seen(revision: Revision, name: str = SECOND) -> str:
    return weeks(dict(revision.definitions), revision.pasts, name)


def test_another_delay_holds_from_the_next_handoff_on() -> None:
    before = both(ring(FIRST, "abcd"), later(7))
    assert weeks(before, {}, FIRST) == "abcdabcd"
    assert weeks(before, {}, SECOND) == "dabcdabc"
    assert seen(edited(before, both(before[FIRST], later(14)))) == "dabbcdab"


def test_one_that_begins_to_follow_counts_on_the_others_ring() -> None:
    before = both(ring(FIRST, "abcd"), ring(SECOND, "dcba"))
    assert weeks(before, {}, SECOND) == "dcbadcba"
    assert seen(edited(before, both(before[FIRST], later(7)))) == "dcbcdabc"


def test_one_edited_together_with_the_one_it_follows_stays_in_step() -> None:
    before = both(ring(FIRST, "abc"), later(7))
    assert weeks(before, {}, FIRST) == "cabcabca"
    revision = edited(before, both(ring(FIRST, "abcx"), later(7, role="secondary")))
    assert seen(revision, FIRST) == "cabcxabc"
    assert seen(revision) == "bcabcxab"


def test_one_that_follows_no_longer_keeps_its_past() -> None:
    before = both(ring(FIRST, "abc"), later(7))
    assert weeks(before, {}, SECOND) == "bcabcabc"
    assert seen(edited(before, both(before[FIRST], ring(SECOND, "x")))) == "bcaxxxxx"


def test_one_that_follows_another_keeps_its_past_though_the_first_is_gone() -> None:
    before = {**both(ring(FIRST, "abc"), later(7)), "third": ring("third", "xyz")}
    revision = edited(before, {SECOND: replace(later(7), follows="third")})
    rest = {name: one for name, one in revision.definitions.items() if name != FIRST}
    pasts = {name: tuple(read_back(past) for past in several) for name, several in revision.pasts.items()}
    assert weeks(before, {}, "third") == "zxyzxyzx"
    assert weeks(rest, pasts, SECOND) == "bcayzxyz"


def read_back(past: PastDefinition) -> PastDefinition:
    """As it is stored."""
    report = Report()
    form = rotation_form(replace(past.definition, ring_offset=None))
    definition = read_rotation(Cursor(from_plain(form, "past"), "", report))
    assert definition is not None
    assert report.errors == ()
    return replace(past, definition=replace(definition, ring_offset=past.definition.ring_offset))


def test_who_was_not_on_call_before_it_began_was_not_afterwards() -> None:
    before = {FIRST: ring(FIRST, "ab", start=datetime(2026, 4, 6, 9))}
    revision = revise(before, {}, {FIRST: ring(FIRST, "ab")}, NOW)
    assert seen(revision, FIRST) == "--ababab"


def test_a_list_changed_on_a_day_that_does_not_count_passes_nobody_over() -> None:
    office = (DayWindow((0, 1, 2, 3, 4), time(9), time(17)),)
    days = {"unit": Unit.DAILY, "advance": Advance.OCCURRENCE, "restrictions": office}
    before = {FIRST: ring(FIRST, "abcde", **days)}
    for now in (NOW + 3 * DAY, NOW + 4 * DAY):  # at the weekend
        revision = revise(before, {}, {FIRST: ring(FIRST, "abcdef", **days)}, now)
        made = shifts(dict(revision.definitions), revision.pasts, FIRST, NOW, NOW + 9 * DAY)
        assert "".join(user[0] for user, _, _ in made if user) == "cdefabcd"


people = st.lists(st.sampled_from("abcd"), min_size=1, max_size=4, unique=True).map("".join)
delays = st.sampled_from([0, 7, 14])
seconds = st.one_of(
    st.builds(later, delays),
    st.builds(later, delays, role=st.just("secondary")),
    st.builds(
        lambda some, days: replace(ring(SECOND, some), start=None, follows=FIRST, start_delay=days),
        people,
        delays,
    ),
    st.builds(lambda some: ring(SECOND, some), people),
)
firsts = st.builds(lambda some, every: ring(FIRST, some, every=every), people, st.integers(1, 2))
# (hours since the edit before, what is saved, hours until it takes over)
saved = st.one_of(st.tuples(firsts), st.tuples(seconds), st.tuples(firsts, seconds))
edits = st.tuples(st.integers(0, 400), saved, st.none() | st.integers(1, 400))


def shifts(
    of: Rotations, pasts: Pasts, name: str, start: datetime, end: datetime
) -> list[tuple[str | None, datetime, datetime]]:
    book = make_book(of, {}, pasts)
    plan = book.schedule(name)
    assert plan is not None
    joined: list[tuple[str | None, datetime, datetime]] = []
    for shift in resolve(book, plan, start, end):
        if joined and joined[-1][0] == shift.user and joined[-1][2] == shift.start:
            joined[-1] = (shift.user, joined[-1][1], shift.end)
        else:
            joined.append((shift.user, shift.start, shift.end))
    return joined


@settings(max_examples=150, deadline=None)
@given(firsts, seconds, st.lists(edits, min_size=1, max_size=5))
def test_the_past_of_both_stays_and_who_follows_is_in_step(
    first: RotationDefinition,
    second: RotationDefinition,
    several: list[tuple[int, tuple[RotationDefinition, ...], int | None]],
) -> None:
    present: Rotations = both(first, second)
    pasts: Pasts = {}
    now = NOW
    for hours, wanted, ahead in several:
        now += hours * DAY / 24
        before, earlier = present, pasts
        effective = None if ahead is None else now + ahead * DAY / 24
        revision = revise(present, pasts, {one.name: one for one in wanted}, now, effective)
        present, pasts = dict(revision.definitions), revision.pasts
        for name in present:
            assert shifts(present, pasts, name, NOW - 60 * DAY, now) == shifts(
                before, earlier, name, NOW - 60 * DAY, now
            )
    last = present[SECOND]
    if last.participants is None:
        delay = (last.start_delay or 0) * DAY
        far = datetime(2027, 6, 1, tzinfo=UTC)  # no change of clocks is near
        expected = shifts(present, pasts, FIRST, far, far + 30 * DAY)
        assert shifts(present, pasts, SECOND, far + delay, far + delay + 30 * DAY) == [
            (user, start + delay, end + delay) for user, start, end in expected
        ]
