"""u1 is on call today from 12 to 15, u2 tomorrow, u3 the day after, and again."""

import threading
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from django.db import connections

from tests.oncall.conftest import NOW, Heard, actor, at
from tocsin.apps.audit.models import AuditEntry
from tocsin.apps.oncall import actions, queries
from tocsin.apps.oncall.models import Override
from tocsin.apps.oncall.types import SwapInfo
from tocsin.domain.errors import Conflict, Invalid, NotFound, PermissionDenied
from tocsin.domain.notification.model import Occasion
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.schedule import OverrideKind
from tocsin.domain.schedule.definition import OverrideDefinition
from tocsin.domain.schedule.swapping import SwapState
from tocsin.lib import bus
from tocsin.ports.events import DutyWord

U1, U2, U3, MATE = (f"{name}@x.org" for name in ("u1", "u2", "u3", "mate"))
Span = tuple[datetime, datetime]
TOMORROW = (at(1, 12), at(1, 15))  # of u2


def ask(who: str = "u2", span: Span = TOMORROW, schedule: str = "web", **more: Any) -> SwapInfo:
    values: dict[str, Any] = {"now": NOW, **more}
    return actions.request_swap(actor=actor(who), schedule=schedule, start=span[0], end=span[1], **values)


def take(swap: SwapInfo, who: str, **more: Any) -> SwapInfo:
    values: dict[str, Any] = {"now": NOW, **more}
    return actions.take_swap(actor=actor(who), swap_id=swap.id, **values)


def who_is_on(day: int, schedule: str = "web") -> list[tuple[str, int, int, str]]:
    return [
        ((shift.user or "")[:-6], shift.start.hour, shift.end.hour, str(shift.origin))
        for shift in queries.shifts(schedule, at(day, 8), at(day, 20))
        if shift.user is not None
    ]


@pytest.mark.usefixtures("rota")
class TestSwaps:
    def test_only_a_taken_one_puts_anybody_on_call(self, heard: Heard) -> None:
        swap = ask(note="Dentist")
        assert (swap.state, swap.requester, swap.created_by) == (SwapState.OPEN, U2, U2)
        asked = f"{U2} asks for somebody to take a shift"
        assert heard.told() == [("u1", asked), ("u3", asked)]
        assert who_is_on(1) == [("u2", 12, 15, "rotation")]
        taken = take(swap, "u3")
        assert (taken.state, taken.taker, taken.doubled) == (SwapState.TAKEN, U3, False)
        assert who_is_on(1) == [("u3", 12, 15, "swap")]
        assert who_is_on(1, "calm") == [("u2", 12, 15, "rotation")]
        assert heard.told() == [("u2", f"{U3} takes your shift")]
        assert heard.moves() == []  # both know already
        assert [one.swap for one in queries.overrides("web")] == [swap.id]
        actions_done = AuditEntry.objects.filter(target_kind="swap", target_id=str(swap.id))
        assert [entry.action for entry in actions_done.order_by("id")] == ["swap.requested", "swap.taken"]

    def test_a_part_of_a_shift_and_more_than_it(self) -> None:
        take(ask(span=(at(1, 13), at(1, 14))), "u1")
        assert who_is_on(1) == [
            ("u2", 12, 13, "rotation"),
            ("u1", 13, 14, "swap"),
            ("u2", 14, 15, "rotation"),
        ]
        take(ask("u3", (at(2, 13), at(2, 18))), "u2")
        assert who_is_on(2) == [("u3", 12, 13, "rotation"), ("u2", 13, 15, "swap")]

    def test_it_is_taken_back_until_it_starts(self, heard: Heard) -> None:
        swap = take(ask(), "u3")
        heard.told()
        back = actions.withdraw_swap(actor=actor("u3"), swap_id=swap.id, now=at(1, 11))
        assert (back.state, back.taker) == (SwapState.OPEN, None)
        assert who_is_on(1) == [("u2", 12, 15, "rotation")]
        assert heard.told() == [
            ("u1", f"{U2} asks for somebody to take a shift"),
            ("u2", f"{U3} does not take the shift after all"),
        ]
        assert Override.objects.count() == 0
        take(back, "u1", now=at(1, 11))
        with pytest.raises(Conflict, match="Too late to withdraw"):
            actions.withdraw_swap(actor=actor("u1"), swap_id=swap.id, now=at(1, 12))
        assert who_is_on(1) == [("u1", 12, 15, "swap")]

    def test_what_is_asked_in_return_waits_for_the_requester(self, heard: Heard) -> None:
        swap = ask()
        offered = take(swap, "u3", return_start=at(2, 12), return_end=at(2, 15))
        assert offered.state is SwapState.OFFERED
        assert heard.told()[-1] == ("u2", f"{U3} offers to take your shift, and asks for time in return")
        assert who_is_on(1) == [("u2", 12, 15, "rotation")]
        with pytest.raises(PermissionDenied):
            actions.accept_swap(actor=actor("u1"), swap_id=swap.id, now=NOW)
        taken = actions.accept_swap(actor=actor("u2"), swap_id=swap.id, now=NOW)
        assert taken.state is SwapState.TAKEN
        assert who_is_on(1) == [("u3", 12, 15, "swap")]
        assert who_is_on(2) == [("u2", 12, 15, "swap")]
        assert heard.told() == [("u3", f"You take a shift of {U2}")]
        actions.withdraw_swap(actor=actor("u3"), swap_id=swap.id, now=NOW)
        assert who_is_on(1) + who_is_on(2) == [("u2", 12, 15, "rotation"), ("u3", 12, 15, "rotation")]

    def test_an_offer_is_declined_or_taken_back(self) -> None:
        swap = ask()
        take(swap, "u3", return_start=at(2, 12), return_end=at(2, 15))
        declined = actions.decline_swap(actor=actor("u2"), swap_id=swap.id, now=NOW)
        assert (declined.state, declined.taker, declined.return_start) == (SwapState.OPEN, None, None)
        take(swap, "u3", return_start=at(2, 12), return_end=at(2, 15))
        assert actions.withdraw_swap(actor=actor("u3"), swap_id=swap.id, now=NOW).state is SwapState.OPEN
        assert actions.cancel_swap(actor=actor("u2"), swap_id=swap.id, now=NOW).state is SwapState.CANCELLED
        with pytest.raises(Conflict, match="cancelled"):
            take(swap, "u3")

    def test_an_approval_is_waited_for(self, heard: Heard) -> None:
        swap = ask(schedule="calm")
        heard.told()
        assert take(swap, "u3").state is SwapState.OFFERED
        assert sorted(name for name, _ in heard.told()) == ["lead", "mate", "u2"]
        for name in ("u1", "u2", "u3"):
            with pytest.raises(PermissionDenied):
                actions.approve_swap(actor=actor(name), swap_id=swap.id, now=NOW)
        approved = actions.approve_swap(actor=actor("lead"), swap_id=swap.id, now=NOW)
        assert (approved.state, approved.approved_by) == (SwapState.TAKEN, "lead@x.org")
        assert who_is_on(1, "calm") == [("u3", 12, 15, "swap")]

    def test_who_is_asked_may_say_no_and_others_may_not_say_yes(self, heard: Heard) -> None:
        swap = ask(asked=U3)
        assert heard.told() == [("u3", f"{U2} asks you to take a shift")]
        with pytest.raises(PermissionDenied):
            take(swap, "u1")
        assert actions.decline_swap(actor=actor("u3"), swap_id=swap.id, now=NOW).asked is None
        assert heard.told() == [
            ("u1", f"{U2} asks for somebody to take a shift"),
            ("u2", f"{U3} cannot take the shift; anybody may now"),
        ]
        assert take(swap, "u1").state is SwapState.TAKEN

    def test_a_colleagues_shift_is_taken_unasked(self, heard: Heard) -> None:
        swap = actions.take_shift(
            actor=actor("u3"), schedule="web", of=U2, start=TOMORROW[0], end=TOMORROW[1], now=NOW
        )
        assert (swap.state, swap.requester, swap.taker) == (SwapState.TAKEN, U2, U3)
        assert heard.told() == [("u2", f"{U3} takes your shift")]
        back = actions.cancel_swap(actor=actor("u2"), swap_id=swap.id, now=NOW)
        assert back.state is SwapState.CANCELLED
        assert who_is_on(1) == [("u2", 12, 15, "rotation")]
        offered = actions.take_shift(
            actor=actor("u3"), schedule="calm", of=U2, start=TOMORROW[0], end=TOMORROW[1], now=NOW
        )
        assert offered.state is SwapState.OFFERED
        gone = actions.decline_swap(actor=actor("lead"), swap_id=offered.id, now=NOW)
        assert gone.state is SwapState.CANCELLED  # nobody had asked

    def test_a_running_shift_is_swapped_from_now_on(self) -> None:
        later = at(0, 13.5)
        swap = ask("u1", (at(0, 12), at(0, 15)), now=later)
        assert swap.start == later
        assert actions.expire_swaps(now=at(0, 14)) == 0
        take(swap, "u2", now=at(0, 14))
        assert who_is_on(0) == [("u1", 12, 14, "rotation"), ("u2", 14, 15, "swap")]

    def test_what_nobody_took_expires_and_is_told_once(self, heard: Heard) -> None:
        swap = ask()
        heard.told()
        assert actions.expire_swaps(now=at(1, 11)) == 0
        with pytest.raises(Conflict, match="time has come"):
            take(swap, "u3", now=at(1, 12))
        assert actions.expire_swaps(now=at(1, 12)) == 1
        assert heard.told() == [("u2", "Nobody took your shift in time: it stays yours")]
        assert actions.expire_swaps(now=at(1, 12)) == 0
        found = queries.swap(swap.id)
        assert found is not None
        assert found.state is SwapState.EXPIRED

    def test_one_that_cannot_be_ended_holds_up_no_other(self) -> None:
        first = ask()
        second = ask(schedule="calm")

        def refuse(word: DutyWord) -> None:
            assert word.occasion is Occasion.SWAP
            if f"swaps/{first.id}" in word.lines[-1]:
                raise RuntimeError

        with bus.listening(DutyWord, refuse):
            assert actions.expire_swaps(now=at(1, 12)) == 1
        states = {swap.id: swap.state for swap in queries.swaps()}
        assert states == {first.id: SwapState.OPEN, second.id: SwapState.EXPIRED}
        assert actions.expire_swaps(now=at(1, 12)) == 1

    def test_a_manager_acts_for_others_and_nobody_else_does(self) -> None:
        for name in ("lead", "mate", "boss"):
            swap = ask(name, requester=U2)
            assert take(swap, name, taker=U3).taker == U3
            actions.cancel_swap(actor=actor(name), swap_id=swap.id, now=NOW)
        with pytest.raises(PermissionDenied):
            ask("u1", requester=U2)
        with pytest.raises(PermissionDenied):
            take(ask(), "u1", taker=U3)
        with pytest.raises(PermissionDenied):
            actions.take_shift(
                actor=actor("u1"), schedule="web", of=U2, start=at(1, 12), end=at(1, 15), taker=U3, now=NOW
            )
        # A schedule of no team is for whoever configures everything.
        with pytest.raises(PermissionDenied):
            ask("mate", requester=U1, schedule="free")
        assert ask("boss", requester=U1, schedule="free").requester == U1

    def test_who_only_looks_takes_nothing(self) -> None:
        with pytest.raises(PermissionDenied):
            take(ask(), "looker")

    def test_who_is_on_call_then_anyway_is_told_so(self, heard: Heard) -> None:
        beside = OverrideDefinition(at(1, 12), at(1, 15), OverrideKind.ADD, U1)
        actions.add_override(actor=actor("boss"), schedule="web", change=beside, now=NOW)
        swap = ask()
        heard.told()
        assert take(swap, "lead", taker=U1).doubled is True
        assert ("u1", f"You take a shift of {U2}, when you are on call anyway") in heard.told()

    @pytest.mark.parametrize(
        ("span", "kind", "text"),
        [
            ((at(1, 15), at(1, 12)), Invalid, "after the start"),
            ((at(-2, 12), at(-1, 12)), Invalid, "time to come"),
            ((at(1, 12), at(900, 12)), Invalid, "800 days"),
            ((at(1, 16), at(1, 18)), Conflict, "nothing to swap"),
        ],
    )
    def test_what_cannot_be_is_refused(self, span: Span, kind: type[Exception], text: str) -> None:
        with pytest.raises(kind, match=text):
            ask(span=span)

    def test_the_same_is_not_asked_for_twice_nor_of_nobody(self) -> None:
        ask()
        with pytest.raises(Conflict, match="already"):
            ask(span=(at(1, 14), at(1, 16)))
        with pytest.raises(Conflict, match="already"):
            actions.take_shift(
                actor=actor("u3"), schedule="web", of=U2, start=at(1, 12), end=at(1, 15), now=NOW
            )
        with pytest.raises(NotFound):
            ask(schedule="elsewhere")
        with pytest.raises(Invalid):
            ask(span=(at(4, 12), at(4, 15)), asked="ghost@x.org")
        with pytest.raises(Conflict, match="their own"):
            take(ask("lead", (at(4, 12), at(4, 15)), requester=U2), "lead", taker=U2)

    def test_who_is_only_added_beside_others_has_nothing_to_swap(self) -> None:
        beside = OverrideDefinition(*TOMORROW, OverrideKind.ADD, "lead@x.org")
        actions.add_override(actor=actor("boss"), schedule="web", change=beside, now=NOW)
        with pytest.raises(Conflict, match="change that one instead"):
            ask("lead")
        with pytest.raises(Conflict, match="change that one instead"):
            actions.take_shift(
                actor=actor("u3"), schedule="web", of="lead@x.org", start=at(1, 12), end=at(1, 15), now=NOW
            )

    def test_an_edit_that_takes_the_requester_off_is_harmless(self) -> None:
        take(ask(), "u1")
        ring = queries.rotation_definitions()["noon"]
        assert ring.participants is not None
        without = tuple(one for one in ring.participants if one.people != (U2,))
        changed = replace(ring, participants=without)
        actions.save_rotations(actor=actor("boss"), definitions=[changed], now=at(0, 16))
        assert who_is_on(1) == [("u3", 12, 15, "rotation")]

    def test_its_override_is_the_swaps_alone(self) -> None:
        swap = take(ask(), "u3")
        (override,) = queries.overrides("web")
        with pytest.raises(Conflict, match=f"swap {swap.id}"):
            actions.remove_override(actor=actor("boss"), override_id=override.id, now=NOW)

    def test_deeds_are_named_for_the_page(self) -> None:
        swap = ask()
        offered = {
            name: queries.may_do(swap, actor(name), NOW) for name in ("u1", "u2", "looker", "lead", "boss")
        }
        assert offered == {
            "u1": ("take",),
            "u2": ("cancel",),
            "looker": (),
            "lead": ("take", "cancel"),
            "boss": ("take", "cancel"),
        }

    def test_lists_are_narrowed(self) -> None:
        one, other = ask(), ask("u3", (at(2, 12), at(2, 15)), "calm", asked=U1)
        assert [swap.id for swap in queries.swaps()] == [one.id, other.id]
        assert [swap.id for swap in queries.swaps(schedule="calm")] == [other.id]
        assert [swap.id for swap in queries.swaps(email=U1)] == [other.id]
        assert queries.swaps(states=[SwapState.TAKEN]) == ()
        assert [swap.id for swap in queries.swaps(since=at(1, 15))] == [other.id]

    def test_the_system_moves_what_it_moves_in_silence(self, heard: Heard) -> None:
        actions.cancel_swap(actor=SYSTEM, swap_id=take(ask(), "u3").id, now=NOW)
        assert heard.moves() == []


@pytest.mark.usefixtures("real_rota")
def test_of_two_who_take_it_at_once_one_has_it() -> None:
    swap = ask()
    starting, outcomes = threading.Barrier(2), []

    def run(name: str) -> None:
        me = actor(name)
        starting.wait()
        try:
            outcomes.append(take_as(me))
        except Conflict as error:
            outcomes.append(str(error))
        finally:
            connections.close_all()

    def take_as(me: Any) -> str:
        return actions.take_swap(actor=me, swap_id=swap.id, now=NOW).taker or ""

    threads = [threading.Thread(target=run, args=(name,)) for name in ("u1", "u3")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [outcome for outcome in outcomes if outcome in {U1, U3}]
    (refusal,) = [outcome for outcome in outcomes if outcome not in {U1, U3}]
    assert f"taken by {winner}" in refusal
    assert [one.user for one in queries.overrides("web")] == [winner]


@pytest.mark.usefixtures("real_rota")
def test_a_shift_is_taken_unasked_by_one_only() -> None:
    starting, outcomes = threading.Barrier(2), []

    def run(name: str) -> None:
        me = actor(name)
        starting.wait()
        try:
            actions.take_shift(actor=me, schedule="web", of=U2, start=TOMORROW[0], end=TOMORROW[1], now=NOW)
        except Conflict as error:
            outcomes.append(str(error))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(name,)) for name in ("u1", "u3")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (refusal,) = outcomes
    assert "nothing to take" in refusal
    assert len(queries.overrides("web")) == 1
