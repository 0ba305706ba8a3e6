"""New layers, another fallback and a cleaned-up file change what comes, never what was."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.oncall.conftest import DAY, HOUR, NOW, at
from tocsin.apps.oncall import actions, queries
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.schedule import Layer
from tocsin.domain.schedule.definition import OverrideDefinition, ScheduleDefinition

pytestmark = pytest.mark.usefixtures("rota")


def who(schedule: str, day: int, hour: float) -> list[str | None]:
    return [shift.user for shift in queries.on_call(schedule, at(day, hour))]


def defined(name: str = "web") -> ScheduleDefinition:
    return queries.schedule_definitions()[name]


def save(definition: ScheduleDefinition, day: int, *, from_file: bool = False) -> None:
    actions.save_schedule(actor=SYSTEM, definition=definition, now=at(day, 9), from_file=from_file)


def test_other_layers_hold_from_now_on() -> None:
    assert who("web", 0, 13) == ["u1@x.org"]
    assert who("web", 1, 13) == ["u2@x.org"]
    save(replace(defined(), layers=(Layer("solo"),)), 2)
    assert who("web", 1, 13) == ["u2@x.org"]
    assert who("web", 2, 13) == ["u1@x.org"]
    save(replace(defined(), fallback=("lead@x.org",), layers=(Layer("noon"),)), 4)
    assert who("web", 3, 20) == ["u1@x.org"]
    assert who("web", 4, 20) == ["lead@x.org"]
    assert who("web", 1, 20) == [None]


def test_a_schedule_in_the_place_of_its_rotations_own_keeps_what_that_said() -> None:
    save(ScheduleDefinition("noon", (Layer("solo"),)), 2)
    assert who("noon", 1, 13) == ["u2@x.org"]
    assert who("noon", 2, 13) == ["u1@x.org"]


def test_saving_the_same_or_another_team_makes_no_past() -> None:
    save(replace(defined(), team=None), 1)
    save(defined(), 2)
    assert queries.schedule_pasts() == {}


def test_a_preview_of_other_layers_shows_the_same_as_saving_them() -> None:
    wanted = replace(defined(), layers=(Layer("solo"),))
    start, end = at(0, 0), at(4, 0)
    shown = queries.preview(schedule="web", start=start, end=end, now=at(2, 9), definition=wanted)
    save(wanted, 2)
    assert list(shown.after) == queries.shifts("web", start, end)
    assert {stint.start >= at(2, 9) for moved in shown.moved for stint in (*moved.gained, *moved.lost)} == {
        True
    }


def test_overrides_that_a_file_no_longer_lists_stay_for_the_time_that_was() -> None:
    over = OverrideDefinition(at(0, 12), at(0, 15), user="lead@x.org")
    runs = OverrideDefinition(at(2, 8), at(2, 15), user="lead@x.org")
    to_come = OverrideDefinition(at(3, 12), at(3, 15), user="lead@x.org")
    actions.save_schedule(
        actor=SYSTEM, definition=replace(defined(), overrides=(over, runs, to_come)), now=NOW, from_file=True
    )
    save(replace(defined(), overrides=()), 2, from_file=True)
    assert who("web", 0, 13) == ["lead@x.org"]
    assert who("web", 2, 8.5) == ["lead@x.org"]
    assert who("web", 2, 13) == ["u3@x.org"]
    assert who("web", 3, 13) == ["u1@x.org"]
    ends = {one.end for one in queries.overrides("web")}
    assert ends == {at(0, 15), at(2, 9)}


def test_a_file_without_them_changes_nothing_the_second_time() -> None:
    listed = replace(defined(), overrides=(OverrideDefinition(NOW - DAY, NOW - HOUR, user="lead@x.org"),))
    save(listed, 0, from_file=True)
    bare = replace(listed, overrides=())
    assert actions.save_schedule(actor=SYSTEM, definition=bare, now=at(1, 9), from_file=True)
    again = at(1, 9) + timedelta(minutes=1)
    assert not actions.save_schedule(actor=SYSTEM, definition=bare, now=again, from_file=True)


def test_a_rotation_that_is_deleted_stays_in_the_past() -> None:
    ring = queries.rotation_definitions()["noon"]
    assert ring.participants is not None
    turned = replace(ring, ring_offset=None, participants=ring.participants[::-1])
    actions.save_rotations(actor=SYSTEM, definitions=[turned], now=at(2, 9))
    before = [who("web", day, 13) for day in range(-2, 4)]
    assert before == [[None], [None], *([f"{name}@x.org"] for name in ("u1", "u2", "u1", "u3"))]
    for name in ("web", "calm"):
        save(replace(defined(name), layers=(Layer("solo"),)), 4)
    actions.delete_rotation(actor=SYSTEM, name="noon", now=at(4, 9))
    assert [who("web", day, 13) for day in range(-2, 4)] == before
    assert who("web", 4, 13) == ["u1@x.org"]
    # Another of that name is another.
    again = replace(turned, participants=ring.participants[:1], start=at(-9, 12).replace(tzinfo=None))
    actions.save_rotations(actor=SYSTEM, definitions=[again], now=at(5, 9))
    save(replace(defined(), layers=(Layer("noon"),)), 5)
    save(replace(defined(), layers=(Layer("solo"),)), 6)
    assert [who("web", day, 13) for day in range(-2, 4)] == before
    found = {email: queries.shifts_of(email, at(0, 0), at(4, 0)) for email in ("u2@x.org", "u3@x.org")}
    assert {email: len(shifts) for email, shifts in found.items()} == {"u2@x.org": 2, "u3@x.org": 2}


def listed(*several: tuple[int, int, str]) -> ScheduleDefinition:
    """Overrides of so many hours of the first day, by whom."""
    overrides = (
        OverrideDefinition(at(0, start), at(0, end), user=f"{name}@x.org") for start, end, name in several
    )
    return replace(defined(), overrides=tuple(overrides))


def apply(definition: ScheduleDefinition, hour: float) -> bool:
    return actions.save_schedule(actor=SYSTEM, definition=definition, now=at(0, hour), from_file=True)


def test_an_override_that_runs_is_somebody_elses_from_now_on() -> None:
    apply(listed((8, 16, "lead")), 7)
    apply(listed((8, 16, "mate")), 12)
    apply(listed((8, 16, "boss")), 14)
    found = [who("web", 0, hour) for hour in (9, 12, 13.9, 14, 15.9, 16)]
    assert found == [[f"{name}@x.org"] for name in ("lead", "mate", "mate", "boss", "boss")] + [[None]]
    assert not apply(listed((8, 16, "boss")), 15)


def test_one_that_is_listed_late_holds_from_then_on() -> None:
    apply(listed((8, 16, "lead")), 13)
    assert [who("web", 0, hour) for hour in (9, 12.5, 13)] == [[None], ["u1@x.org"], ["lead@x.org"]]
    new = replace(listed((8, 16, "lead")), name="new")
    apply(new, 13)
    assert who("new", 0, 9) == ["lead@x.org"]  # nothing was before


def test_cleaning_up_a_file_raises_nothing_above_what_people_did() -> None:
    apply(listed((1, 2, "lead"), (8, 10, "lead"), (11, 16, "lead")), 0)
    for start, end in ((9, 10), (12, 13)):
        change = OverrideDefinition(at(0, start), at(0, end), user="boss@x.org")
        actions.add_override(actor=SYSTEM, schedule="web", change=change, now=at(0, 5))
    hours = (1, 8, 9, 11, 12, 13)
    before = [who("web", 0, hour) for hour in hours]
    assert before == [[f"{name}@x.org"] for name in ("lead", "lead", "boss", "lead", "boss", "lead")]
    shorter = listed((8, 10, "lead"), (11, 16, "lead"))
    assert apply(shorter, 14)
    assert [who("web", 0, hour) for hour in hours] == before
    assert not apply(shorter, 15)


def test_an_edit_is_exact_to_the_minute_however_often_it_is_made() -> None:
    for seconds, fallback in ((10, "boss"), (20, "lead"), (30, "mate")):
        now = at(1, 13) + timedelta(seconds=seconds, microseconds=5)
        plan = replace(defined(), fallback=(f"{fallback}@x.org",), layers=(Layer("solo"), Layer("noon")))
        actions.save_schedule(actor=SYSTEM, definition=plan, now=now)
        start = at(1, seconds / 60).replace(tzinfo=None)
        ring = replace(queries.rotation_definitions()["solo"], ring_offset=None, start=start)
        actions.save_rotations(actor=SYSTEM, definitions=[ring], now=now)
    found = [(shift.user, shift.start) for shift in queries.shifts("web", at(1, 12), at(1, 14))]
    assert found[:2] == [("u2@x.org", at(1, 12)), ("u1@x.org", at(1, 13))]
    assert all(
        not (shift.start.second or shift.start.microsecond)
        for shift in queries.shifts("web", at(0, 0), at(3, 0))
    )
    assert len(queries.schedule_pasts()["web"]) == 1


def hours(day: int) -> dict[str, int]:
    """Minutes of one day, by person, as they are paid."""
    first = at(day, 0).date()
    return {row.email: row.weekday_min for row in queries.pay(start=first, end=first + DAY).rows}


def test_who_was_on_call_by_a_schedule_that_is_deleted_is_still_paid() -> None:
    before = hours(1)
    assert before["u2@x.org"] == 3 * 60
    for name in ("web", "calm", "free"):
        actions.delete_schedule(actor=SYSTEM, name=name, now=at(2, 9))
    assert hours(1) == before
    for name in ("noon", "solo"):
        actions.delete_rotation(actor=SYSTEM, name=name, now=at(2, 10))
    assert hours(1) == before
    assert hours(5) == {}
    assert queries.schedules() == ()


def test_a_rotation_alone_that_is_deleted_is_still_paid() -> None:
    for name in ("web", "calm"):
        actions.delete_schedule(actor=SYSTEM, name=name, now=at(0, 9))
    actions.delete_rotation(actor=SYSTEM, name="noon", now=at(2, 9))
    assert hours(1)["u2@x.org"] == 3 * 60
    assert "u3@x.org" not in hours(2)


def test_a_layer_that_is_left_alone_is_not_paid_twice_for_the_time_before() -> None:
    higher = replace(defined(), layers=(Layer("noon", 1), Layer("solo", 2)))
    for name in ("calm", "free"):
        actions.delete_schedule(actor=SYSTEM, name=name, now=at(0, 9))
    save(higher, 0)
    before = hours(1)
    assert "u2@x.org" not in before
    actions.delete_schedule(actor=SYSTEM, name="web", now=at(3, 9))
    assert hours(1) == before
    assert hours(7)["u2@x.org"] == 3 * 60


def test_a_new_schedule_of_the_same_name_takes_the_past_over() -> None:
    wanted = defined()
    actions.delete_schedule(actor=SYSTEM, name="web", now=at(2, 9))
    actions.save_schedule(actor=SYSTEM, definition=replace(wanted, layers=(Layer("solo"),)), now=at(4, 9))
    assert who("web", 1, 13) == ["u2@x.org"]
    assert who("web", 3, 13) == [None]
    assert who("web", 5, 13) == ["u1@x.org"]


def test_an_override_of_a_deleted_schedule_pays_only_until_then() -> None:
    change = OverrideDefinition(at(1, 20), at(3, 20), user="lead@x.org")
    actions.add_override(actor=SYSTEM, schedule="web", change=change, now=NOW)
    for name in ("web", "calm", "free"):
        actions.delete_schedule(actor=SYSTEM, name=name, now=at(2, 9))
    assert hours(1)["lead@x.org"] == 2 * 60
    assert hours(2)["lead@x.org"] == 3 * 60
    assert "lead@x.org" not in hours(3)
