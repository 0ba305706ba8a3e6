from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from tests.oncall.conftest import DAY, NOW, actor, at
from tocsin.apps.oncall import actions, queries
from tocsin.apps.oncall.types import Preview
from tocsin.domain.errors import Conflict, FieldError, Invalid, NotFound
from tocsin.domain.schedule import Layer, Participant, Shift
from tocsin.domain.schedule.definition import OverrideDefinition, RotationDefinition

pytestmark = pytest.mark.usefixtures("rota")
END = NOW + 28 * DAY


def preview(schedule: str = "web", **change: Any) -> Preview:
    values: dict[str, Any] = {"start": NOW, "end": END, "now": NOW, **change}
    return queries.preview(schedule=schedule, **values)


def saved(schedule: str = "web") -> tuple[Shift, ...]:
    return tuple(queries.shifts(schedule, NOW, END))


def ring(**fields: Any) -> RotationDefinition:
    return replace(queries.rotation_definitions()["noon"], ring_offset=None, **fields)


def people(*names: str) -> tuple[Participant, ...]:
    return tuple(Participant((f"{name}@x.org",)) for name in names)


def change(start: datetime, end: datetime, user: str = "mate") -> OverrideDefinition:
    return OverrideDefinition(start, end, user=f"{user}@x.org")


def test_a_rotation_as_it_would_be() -> None:
    before = saved()
    wanted = ring(participants=people("u3", "mate", "u1"))
    shown = preview(rotations=[wanted])
    assert shown.before == before == saved()
    actions.save_rotations(actor=actor("boss"), definitions=[wanted], now=NOW)
    assert shown.after == saved() != before
    assert [moved.user for moved in shown.moved] == [f"{name}@x.org" for name in ("mate", "u1", "u2", "u3")]
    assert {stint.schedule for moved in shown.moved for stint in moved.gained} == {"web", "calm"}
    assert [name for name, _ in shown.layers] == ["noon"]
    assert len(shown.layers[0][1]) == 28


def test_a_planned_one() -> None:
    wanted = ring(participants=people("mate"))
    shown = preview(rotations=[wanted], effective=at(3, 12))
    actions.save_rotations(actor=actor("boss"), definitions=[wanted], effective=at(3, 12), now=NOW)
    assert shown.after == saved()
    found = queries.versions("noon", NOW)
    assert [(one.state, one.start, one.end) for one in found] == [
        ("present", None, at(3, 12)),
        ("planned", at(3, 12), None),
    ]
    later = queries.versions("noon", at(3, 12))
    assert [one.state for one in later] == ["past", "present"]
    assert later[1].definition["participants"] == [{"user": "mate@x.org"}]


def test_a_plan_for_what_was_is_refused_as_saving_it_would_be() -> None:
    wanted = ring(participants=people("mate"))
    with pytest.raises(Invalid, match="to come"):
        preview(rotations=[wanted], effective=NOW)
    with pytest.raises(Invalid, match="to come"):
        actions.save_rotations(actor=actor("boss"), definitions=[wanted], effective=NOW, now=NOW)


def test_a_new_rotation_and_a_new_schedule() -> None:
    wanted = replace(ring(participants=people("mate")), name="late")
    plan = replace(
        queries.schedule_definitions()["web"], name="new", layers=(Layer("late", 2), Layer("noon", 1))
    )
    shown = preview("new", rotations=[wanted], definition=plan)
    assert shown.before == ()
    assert {shift.user for shift in shown.after} == {"mate@x.org", None}
    assert [(name, len(shifts)) for name, shifts in shown.layers] == [("late", 28), ("noon", 28)]
    with pytest.raises(NotFound):
        preview("elsewhere")


def test_a_schedule_as_it_would_be_with_its_overrides() -> None:
    actions.add_override(actor=actor("boss"), schedule="web", change=change(at(1, 12), at(1, 13)), now=NOW)
    plan = replace(queries.schedule_definitions()["web"], fallback=("lead@x.org",))
    shown = preview(definition=plan)
    actions.save_schedule(actor=actor("boss"), definition=plan, now=NOW)
    assert shown.after == saved()
    assert "mate@x.org" in {shift.user for shift in shown.after}


def test_what_cannot_be_complete_is_refused_as_saving_would() -> None:
    broken = ring(follows="ghost")
    errors = []
    for attempt in (
        lambda: preview(rotations=[broken]),
        lambda: actions.save_rotations(actor=actor("boss"), definitions=[broken], now=NOW),
    ):
        with pytest.raises(Invalid) as caught:
            attempt()
        errors.append(caught.value.errors)
    assert errors[0] == errors[1] == (FieldError("noon.follows", "there is no rotation 'ghost'"),)


def test_an_override_that_is_not_saved() -> None:
    wanted = change(at(1, 13), at(1, 14))
    shown = preview(override=wanted)
    assert shown.problem == ""
    assert [(moved.user, len(moved.gained), len(moved.lost)) for moved in shown.moved] == [
        ("mate@x.org", 1, 0),
        ("u2@x.org", 0, 1),
    ]
    actions.add_override(actor=actor("boss"), schedule="web", change=wanted, now=NOW)
    assert shown.after == saved()
    again = preview(override=wanted)
    assert again.problem.startswith("This override would change nothing")
    with pytest.raises(Invalid):
        preview(override=change(at(1, 13), at(1, 12)))


def test_an_override_moved_and_taken_back() -> None:
    boss = actor("boss")
    first = actions.add_override(actor=boss, schedule="web", change=change(at(1, 12), at(1, 13)), now=NOW)
    actions.add_override(actor=boss, schedule="web", change=change(at(1, 13), at(1, 14), "lead"), now=NOW)
    longer = change(at(1, 12), at(1, 15))
    shown = preview(override=longer, without_override=first.id)
    gone = preview(without_override=first.id)
    nothing = preview(override=change(at(1, 13), at(1, 14)), without_override=first.id)
    assert nothing.problem
    actions.move_override(actor=boss, override_id=first.id, change=longer, now=NOW)
    assert shown.after == saved()
    actions.remove_override(actor=boss, override_id=first.id, now=NOW)
    assert gone.after == saved()
    with pytest.raises(NotFound):
        preview(without_override=first.id)


def test_one_that_has_begun_keeps_what_was() -> None:
    boss = actor("boss")
    made = actions.add_override(actor=boss, schedule="web", change=change(at(0, 12), at(0, 15)), now=NOW)
    later = at(0, 13)
    gone = preview(without_override=made.id, now=later)
    with pytest.raises(Conflict, match="only its end"):
        preview(override=change(at(0, 12.5), at(0, 15)), without_override=made.id, now=later)
    actions.remove_override(actor=boss, override_id=made.id, now=later)
    assert gone.after == saved()
    assert [shift.user for shift in gone.after if shift.start < at(0, 14)][1:] == ["mate@x.org", "u1@x.org"]


def test_each_layer_alone() -> None:
    actions.add_override(actor=actor("boss"), schedule="web", change=change(at(1, 12), at(1, 13)), now=NOW)
    (only,) = queries.layers("web", NOW, NOW + 2 * DAY)
    assert (only.rotation, only.role, only.priority) == ("noon", "primary", 0)
    assert [shift.user for shift in only.shifts] == ["u1@x.org", "u2@x.org"]
