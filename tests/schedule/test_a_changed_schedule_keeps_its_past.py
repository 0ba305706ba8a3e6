"""What a schedule's layers and fallback were stays true of the time in which they held."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tocsin.domain.schedule import Book, Override, Shift, current, resolve
from tocsin.domain.schedule.definition import (
    PastSchedule,
    RotationDefinition,
    ScheduleDefinition,
    make_book,
)
from tocsin.domain.schedule.model import Layer, Participant, Unit

CHANGED = datetime(2026, 3, 4, 12, tzinfo=UTC)
NOON = timedelta(hours=12)


def ring(name: str, *people: str) -> RotationDefinition:
    return RotationDefinition(
        name=name,
        unit=Unit.WEEKLY,
        start=datetime(2026, 1, 5),
        zone=ZoneInfo("UTC"),
        participants=tuple(Participant((person,)) for person in people),
    )


def book(*pasts: PastSchedule) -> Book:
    rotations = {"old": ring("old", "ada"), "new": ring("new", "bo"), "first": ring("first", "cy")}
    present = ScheduleDefinition("s", (Layer("new"),))
    return make_book(rotations, {"s": present}, schedule_pasts={"s": pasts})


def shifts(made: Book, start: datetime, end: datetime) -> list[Shift]:
    plan = made.schedule("s")
    assert plan is not None
    return resolve(made, plan, start, end)


def people(made: Book, start: datetime, end: datetime) -> list[tuple[str | None, datetime, datetime]]:
    return [(shift.user, shift.start, shift.end) for shift in shifts(made, start, end)]


def before(*layers: str, until: datetime = CHANGED, fallback: tuple[str, ...] = ()) -> PastSchedule:
    return PastSchedule(
        ScheduleDefinition("s", tuple(Layer(one) for one in layers), fallback=fallback), until
    )


def test_each_version_answers_for_its_own_time() -> None:
    made = book(before("first", until=CHANGED - timedelta(days=1)), before("old"))
    start, end = CHANGED - timedelta(days=2), CHANGED + timedelta(days=1)
    assert people(made, start, end) == [
        ("cy", start, CHANGED - timedelta(days=1)),
        ("ada", CHANGED - timedelta(days=1), CHANGED),
        ("bo", CHANGED, end),
    ]


def test_what_a_change_leaves_alone_is_one_shift() -> None:
    made = book(before("new", "old"))
    start, end = CHANGED - NOON, CHANGED + NOON
    assert ("bo", start, end) in people(made, start, end)
    assert ("ada", start, CHANGED) in people(made, start, end)


def test_a_former_fallback_filled_only_the_former_gaps() -> None:
    made = book(before(fallback=("dee",)))
    assert people(made, CHANGED - NOON, CHANGED + NOON)[0] == ("dee", CHANGED - NOON, CHANGED)


def test_an_override_spans_the_change() -> None:
    made = book(before("old"))
    plan = made.schedule("s")
    assert plan is not None
    change = Override(CHANGED - NOON, CHANGED + NOON, user="eve")
    made = Book(made.rotations, {"s": replace(plan, overrides=(change,))})
    assert people(made, CHANGED - NOON, CHANGED + NOON) == [("eve", CHANGED - NOON, CHANGED + NOON)]


def test_the_shift_that_holds_an_instant_of_the_past_has_its_real_edges() -> None:
    made = book(before("old"))
    plan = made.schedule("s")
    assert plan is not None
    [shift] = current(made, plan, CHANGED - timedelta(hours=1))
    assert (shift.user, shift.start, shift.end) == ("ada", datetime(2026, 3, 2, tzinfo=UTC), CHANGED)


def test_splitting_at_the_change_changes_nothing() -> None:
    made = book(before("old"))
    start, end = CHANGED - timedelta(days=9), CHANGED + timedelta(days=9)
    halves = [*people(made, start, CHANGED), *people(made, CHANGED, end)]
    assert people(made, start, end) == halves


def test_a_rotation_that_is_gone_is_in_no_past() -> None:
    made = book(before("gone", fallback=("dee",)))
    assert people(made, CHANGED - NOON, CHANGED)[0][0] == "dee"


def test_before_the_first_turn_is_a_gap_with_its_real_end() -> None:
    made = book()
    plan = made.schedule("s")
    assert plan is not None
    begins = datetime(2026, 1, 5, tzinfo=UTC)
    for days in (1, 10, 200):
        [gap] = current(made, plan, begins - timedelta(days=days))
        assert (gap.user, gap.end) == (None, begins)
