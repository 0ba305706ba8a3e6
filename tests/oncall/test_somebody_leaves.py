from dataclasses import replace

import pytest

from tests.oncall.conftest import DAY, NOW, Heard, actor, at
from tocsin.apps.escalation import settings
from tocsin.apps.escalation.models import LastResort, Policy
from tocsin.apps.identity import actions as identity
from tocsin.apps.identity import queries as people
from tocsin.apps.oncall import actions, queries
from tocsin.apps.oncall.models import Rotation
from tocsin.domain.configuration import load
from tocsin.domain.errors import Conflict, Invalid
from tocsin.domain.escalation import model
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.schedule import OverrideKind
from tocsin.domain.schedule.definition import OverrideDefinition
from tocsin.domain.schedule.swapping import SwapState

pytestmark = pytest.mark.usefixtures("rota")
U1, U2, U3, MATE = (f"{name}@x.org" for name in ("u1", "u2", "u3", "mate"))


def leave(email: str = U2, by: str | None = MATE, day: int = 0, hour: float = 9) -> None:
    identity.deactivate_user(actor=actor("boss"), email=email, replacement=by, now=at(day, hour))


def state(email: str) -> str:
    found = people.person(email)
    assert found is not None
    return found.state


def on_call(days: int, schedule: str = "web") -> list[str]:
    """Who has a shift, day by day."""
    found = queries.shifts(schedule, at(0, 0), at(days, 0))
    return [(shift.user or "").partition("@")[0] for shift in found if shift.user is not None]


def test_whoever_has_shifts_to_come_stays_until_somebody_is_named() -> None:
    with pytest.raises(Conflict) as caught:
        leave(by=None)
    assert "30 on calm, 30 on web; the first from 2026-11-26 12:00 UTC" in str(caught.value)
    assert str(caught.value).endswith("Name who takes their place in rotation noon.")
    assert state(U2) == "active"
    for wrong in (U2, "ghost@x.org"):
        with pytest.raises(Invalid):
            leave(by=wrong)
    identity.deactivate_user(actor=actor("boss"), email="looker@x.org", now=NOW)


def test_the_ring_goes_on_with_somebody_else_in_their_place(heard: Heard) -> None:
    leave()
    assert on_call(6) == ["u1", "mate", "u3", "u1", "mate", "u3"]
    assert state(U2) == "left"
    assert [name for name, _, _ in heard.moves()] == ["mate"]


def test_in_the_middle_of_a_turn_the_past_stays() -> None:
    leave(day=1, hour=13)
    assert on_call(5) == ["u1", "u2", "mate", "u3", "u1", "mate"]
    assert [shift.end.hour for shift in queries.shifts("web", at(1, 12), at(1, 14))] == [13, 14]


def test_a_planned_ring_too() -> None:
    ring = queries.rotation_definitions()["noon"]
    assert ring.participants is not None
    planned = replace(ring, participants=ring.participants[1:])
    actions.save_rotations(actor=actor("boss"), definitions=[planned], effective=at(3, 12), now=NOW)
    before = on_call(8)
    leave()
    assert on_call(8) == [name.replace("u2", "mate") for name in before]


def test_who_follows_by_days_is_rid_of_them_at_once() -> None:
    text = "rotations: [{name: second, follows: noon, start_delay: 7, role: secondary}]"
    second = load({"f": text}).organisation.rotations["second"]
    actions.save_rotations(actor=SYSTEM, definitions=[second], now=NOW)
    later = at(20, 9)
    identity.deactivate_user(actor=actor("boss"), email=U2, replacement=MATE, now=later)
    ahead = queries.shifts("second", later, later + 30 * DAY)
    assert {shift.user for shift in ahead if shift.user} == {U1, U3, MATE}
    assert U2 in {shift.user for shift in queries.shifts("second", at(10, 0), later)}


def test_what_only_follows_yet_is_theirs_too() -> None:
    text = "rotations: [{name: second, follows: noon, start_delay: 7, role: secondary}]"
    second = load({"f": text}).organisation.rotations["second"]
    actions.save_rotations(actor=SYSTEM, definitions=[second], now=NOW)
    ring = queries.rotation_definitions()["noon"]
    assert ring.participants is not None
    without = replace(ring, participants=(ring.participants[0], ring.participants[2]))
    actions.save_rotations(actor=SYSTEM, definitions=[without], now=at(20, 9))
    with pytest.raises(Conflict, match="on second"):
        leave(by=None, day=21)
    leave(day=21)
    assert {shift.user for shift in queries.shifts("second", at(21, 9), at(40, 0)) if shift.user} == {
        U1,
        U3,
        MATE,
    }


def test_a_rotation_that_is_over_keeps_nobody() -> None:
    for name in ("noon", "solo"):
        ring = replace(queries.rotation_definitions()[name], until=at(1, 0).replace(tzinfo=None))
        actions.save_rotations(actor=SYSTEM, definitions=[ring], now=NOW)
    leave(by=None, day=2)
    assert state(U2) == "left"


def test_fallbacks_overrides_and_what_they_took(heard: Heard) -> None:
    boss = actor("boss")
    plan = replace(queries.schedule_definitions()["web"], fallback=(U2,))
    actions.save_schedule(actor=boss, definition=plan, now=NOW)
    for day, user, replaces in ((2, "u2", None), (4, "u1", "u2")):
        kind = OverrideKind.REPLACE if replaces else OverrideKind.OVERRIDE
        change = OverrideDefinition(
            at(day, 12), at(day, 15), kind, f"{user}@x.org", replaces and f"{replaces}@x.org"
        )
        actions.add_override(actor=boss, schedule="web", change=change, now=NOW)
    swap = actions.take_shift(
        actor=actor("u2"), schedule="calm", of=U1, start=at(3, 12), end=at(3, 15), now=NOW
    )
    actions.approve_swap(actor=actor("lead"), swap_id=swap.id, now=NOW)
    leave()
    found = queries.shifts("web", at(1, 0), at(6, 0))
    assert {shift.user for shift in found} == {U1, U3, MATE}
    by_day = {shift.start.day: shift.user for shift in found if shift.start.hour == 12}
    assert by_day == {26: MATE, 27: MATE, 28: U1, 29: U1, 30: U3}
    assert [shift.user for shift in queries.on_call("calm", at(3, 13))] == [MATE]
    taken = queries.swap(swap.id)
    assert taken is not None
    assert taken.taker == MATE


def test_what_they_asked_for_is_cancelled_and_what_they_offered_is_open_again() -> None:
    asked = actions.request_swap(actor=actor("u2"), schedule="web", start=at(1, 12), end=at(1, 15), now=NOW)
    offered = actions.request_swap(
        actor=actor("u3"), schedule="calm", start=at(2, 12), end=at(2, 15), now=NOW
    )
    actions.take_swap(actor=actor("u2"), swap_id=offered.id, now=NOW)
    leave()
    states = {swap.id: (swap.state, swap.taker) for swap in queries.swaps()}
    assert states == {asked.id: (SwapState.CANCELLED, None), offered.id: (SwapState.OPEN, None)}


def test_what_a_file_says_is_changed_there_first() -> None:
    Rotation.objects.filter(name="noon").update(from_file=True)
    with pytest.raises(Conflict, match="configuration files: rotation noon"):
        leave()
    assert state(U2) == "active"


def test_policies_and_the_last_resort_name_the_replacement() -> None:
    target = model.Target(model.TargetKind.USER, MATE)
    policy = model.Policy("page", (model.Step((target,), DAY),))
    settings.save_policy(actor=SYSTEM, policy=policy, now=NOW)
    settings.save_last_resort(actor=SYSTEM, emails=["boss@x.org", MATE], now=NOW)
    with pytest.raises(Conflict, match="policy page, the last resort"):
        leave(MATE, None)
    leave(MATE, U1)
    assert U1 in str(Policy.objects.get(name="page").definition)
    assert MATE not in str(Policy.objects.get(name="page").definition)
    assert list(LastResort.objects.order_by("position").values_list("email", flat=True)) == ["boss@x.org", U1]
    Policy.objects.update(from_file=True)
    with pytest.raises(Conflict, match="configuration files: policy page"):
        identity.deactivate_user(actor=actor("boss"), email=U1, replacement=U3, now=NOW)
