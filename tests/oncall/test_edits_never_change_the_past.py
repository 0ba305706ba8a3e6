"""However often a rotation is edited, what was stays as it was, and a plan begins when it says."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.domain.schedule import DayWindow, Participant, Shift, Unit, resolve
from tocsin.domain.schedule.definition import Pasts, RotationDefinition, make_book
from tocsin.domain.schedule.revision import replace_person, revise

START = datetime(2026, 3, 27, 9, tzinfo=UTC)  # the clocks change two days later
HOUR = timedelta(hours=1)
PEOPLE = ("ann", "ben", "cem", "dee")

rings = st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=4, unique=True)
offices = st.none() | st.just((DayWindow(tuple(range(5)), time(9), time(17)),))
# (hours since the edit before, ring, days a turn lasts, restrictions, hours until it takes over)
edits = st.tuples(st.integers(0, 60), rings, st.integers(1, 3), offices, st.none() | st.integers(1, 70))


def definition(ring: list[str], every: int, restrictions: tuple[DayWindow, ...] | None) -> RotationDefinition:
    return RotationDefinition(
        "ring",
        unit=Unit.DAILY,
        every=every,
        start=datetime(2026, 3, 20, 9),
        zone=ZoneInfo("Europe/Berlin"),
        participants=tuple(Participant((name,)) for name in ring),
        restrictions=restrictions,
    )


def shifts(of: dict[str, RotationDefinition], pasts: Pasts, start: datetime, end: datetime) -> list[Shift]:
    book = make_book(of, {}, pasts)
    plan = book.schedule("ring")
    assert plan is not None
    return resolve(book, plan, start, end)


def people(found: list[Shift]) -> list[tuple[str | None, datetime, datetime]]:
    """Joined where somebody stays: an edit may cut a turn in two."""
    joined: list[tuple[str | None, datetime, datetime]] = []
    for shift in found:
        if joined and joined[-1][0] == shift.user and joined[-1][2] == shift.start:
            joined[-1] = (shift.user, joined[-1][1], shift.end)
        else:
            joined.append((shift.user, shift.start, shift.end))
    return joined


@settings(max_examples=150, deadline=None)
@given(rings, st.lists(edits, min_size=1, max_size=5))
def test_the_past_stays_and_a_plan_waits(
    first: list[str],
    several: list[tuple[int, list[str], int, tuple[DayWindow, ...] | None, int | None]],
) -> None:
    present, pasts, now = {"ring": definition(first, 1, None)}, {}, START
    for hours, ring, every, restrictions, ahead in several:
        now += hours * HOUR
        before, earlier = present, pasts
        wanted = definition(ring, every, restrictions)
        effective = None if ahead is None else now + ahead * HOUR
        revision = revise(present, pasts, {"ring": wanted}, now, effective)
        present, pasts = dict(revision.definitions), revision.pasts
        assert people(shifts(present, pasts, START - 24 * HOUR, now)) == people(
            shifts(before, earlier, START - 24 * HOUR, now)
        )
        if effective is not None and "ring" in revision.changed:
            assert pasts["ring"][-1].until == effective
        # In the end it is the new ring that turns.
        far = now + timedelta(days=30)
        users = {shift.user for shift in shifts(present, pasts, far, far + timedelta(days=20))} - {None}
        assert users == set(ring)


@settings(max_examples=100, deadline=None)
@given(rings, st.lists(edits, max_size=3), st.integers(0, 60))
def test_who_leaves_is_gone_from_then_on_and_nobody_else_moves(
    first: list[str],
    several: list[tuple[int, list[str], int, tuple[DayWindow, ...] | None, int | None]],
    later: int,
) -> None:
    present, pasts, now = {"ring": definition(first, 1, None)}, {}, START
    for hours, ring, every, restrictions, ahead in several:
        now += hours * HOUR
        effective = None if ahead is None else now + ahead * HOUR
        revision = revise(present, pasts, {"ring": definition(ring, every, restrictions)}, now, effective)
        present, pasts = dict(revision.definitions), revision.pasts
    now += later * HOUR
    after = replace_person(present, pasts, "ann", "zoe", now)
    span = (START - 24 * HOUR, now + timedelta(days=40))
    was = people(shifts(present, pasts, *span))
    expected = []
    for user, start, end in was:
        if user == "ann" and end > now:
            expected += [("ann", start, now)] * (start < now) + [("zoe", max(start, now), end)]
        else:
            expected.append((user, start, end))
    assert people(shifts(dict(after.definitions), after.pasts, *span)) == expected
