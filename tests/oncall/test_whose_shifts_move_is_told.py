from dataclasses import replace
from datetime import timedelta

import pytest

from tests.oncall.conftest import DAY, NOW, TEXT, Heard, actor, at
from tocsin.apps.configuration import actions as configuration
from tocsin.apps.oncall import actions, queries
from tocsin.domain.errors import Conflict, Invalid
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.schedule import OverrideKind
from tocsin.domain.schedule.definition import OverrideDefinition

pytestmark = pytest.mark.usefixtures("rota")


def change(day: int, start: float, end: float, user: str | None = "mate", **more: str) -> OverrideDefinition:
    kind = OverrideKind(more.get("kind", "override"))
    replaces = f"{more['replaces']}@x.org" if "replaces" in more else None
    return OverrideDefinition(at(day, start), at(day, end), kind, user and f"{user}@x.org", replaces)


def test_both_sides_of_an_override_hear_but_not_who_made_it(heard: Heard) -> None:
    actions.add_override(actor=actor("boss"), schedule="web", change=change(1, 12, 13), now=NOW)
    (gain, loss) = sorted(heard.moved, key=lambda news: news.email)
    assert (gain.email, gain.gained, gain.lost) == ("mate@x.org", (("web", at(1, 12), at(1, 13)),), ())
    assert (loss.email, loss.gained, loss.lost) == ("u2@x.org", (), (("web", at(1, 12), at(1, 13)),))
    assert (gain.by, gain.at) == ("boss@x.org", NOW)
    assert [news.schedules for news in heard.changed] == [("web",)]
    heard.moves()
    made = actions.add_override(actor=actor("mate"), schedule="web", change=change(2, 12, 13), now=NOW)
    assert heard.moves() == [("u3", 0, 1)]
    actions.remove_override(actor=actor("u3"), override_id=made.id, now=NOW)
    assert heard.moves() == [("mate", 0, 1)]


def test_an_override_leaves_the_past_as_it_was() -> None:
    later = at(0, 13) + timedelta(seconds=30)
    shown = queries.preview(
        schedule="web", start=at(0, 0), end=at(1, 0), now=later, override=change(0, 9, 15)
    )
    made = actions.add_override(actor=actor("boss"), schedule="web", change=change(0, 9, 15), now=later)
    assert (made.start, made.end) == (at(0, 13), at(0, 15))
    found = [(one.user, one.start) for one in queries.shifts("web", at(0, 0), at(1, 0)) if one.user]
    assert found == [("u1@x.org", at(0, 12)), ("mate@x.org", at(0, 13))]
    assert [(one.user, one.start) for one in shown.after if one.user] == found


def test_what_is_far_off_is_told_later(heard: Heard) -> None:
    actions.add_override(actor=actor("boss"), schedule="web", change=change(91, 12, 13), now=NOW)
    assert heard.moves() == []
    assert len(heard.changed) == 1


def test_a_changed_ring_is_told_to_all_of_it(heard: Heard) -> None:
    ring = queries.rotation_definitions()["noon"]
    assert ring.participants is not None
    actions.save_rotations(
        actor=actor("boss"), definitions=[replace(ring, participants=ring.participants[:2])], now=NOW
    )
    assert [name for name, _, _ in heard.moves()] == ["u1", "u2", "u3"]
    assert set(heard.changed[0].schedules) == {"web", "calm", "noon"}


def test_new_schedules_and_the_installation_itself_tell_nobody(heard: Heard) -> None:
    plan = queries.schedule_definitions()["web"]
    actions.save_schedule(actor=actor("boss"), definition=replace(plan, name="new"), now=NOW)
    actions.add_override(actor=SYSTEM, schedule="web", change=change(1, 12, 13), now=NOW)
    assert heard.moves() == []
    actions.delete_schedule(actor=actor("boss"), name="new", now=NOW)
    assert [name for name, _, _ in heard.moves()] == ["u1", "u2", "u3"]


def test_an_apply_tells_each_person_once(heard: Heard) -> None:
    text = TEXT.replace("[u1@x.org, u2@x.org, u3@x.org]", "[u1@x.org, u3@x.org, u2@x.org]").replace(
        "[u1@x.org]", "[u1@x.org, u2@x.org]"
    )
    configuration.apply(actor=actor("boss"), files={"f": text}, now=NOW)
    assert len(heard.changed) == 1
    assert [name for name, _, _ in heard.moves()] == ["u1", "u2", "u3"]


def test_an_override_is_moved_and_keeps_its_place(heard: Heard) -> None:
    first = actions.add_override(actor=actor("boss"), schedule="web", change=change(1, 12, 13), now=NOW)
    actions.add_override(actor=actor("boss"), schedule="web", change=change(1, 13, 14, "lead"), now=NOW)
    heard.moves()
    moved = actions.move_override(
        actor=actor("boss"), override_id=first.id, change=change(1, 12, 15), now=NOW
    )
    assert (moved.id, moved.start, moved.end) == (first.id, at(1, 12), at(1, 15))
    found = [(one.user, one.start.hour, one.end.hour) for one in queries.shifts("web", at(1, 12), at(1, 15))]
    assert found == [("mate@x.org", 12, 13), ("lead@x.org", 13, 14), ("mate@x.org", 14, 15)]
    assert heard.moves() == [("mate", 1, 0), ("u2", 0, 1)]


def test_one_that_has_begun_only_ends_elsewhere() -> None:
    made = actions.add_override(actor=actor("boss"), schedule="web", change=change(0, 12, 14), now=NOW)
    later = at(0, 13)
    for wrong in (change(0, 11, 14), change(0, 12, 14, "lead"), change(0, 12.5, 14)):
        with pytest.raises(Conflict, match="only its end"):
            actions.move_override(actor=actor("boss"), override_id=made.id, change=wrong, now=later)
    with pytest.raises(Invalid):
        actions.move_override(actor=actor("boss"), override_id=made.id, change=change(0, 12, 12.5), now=later)
    moved = actions.move_override(
        actor=actor("boss"), override_id=made.id, change=change(0, 12, 15), now=later
    )
    assert moved.end == at(0, 15)
    with pytest.raises(Conflict, match="over"):
        actions.move_override(
            actor=actor("boss"), override_id=made.id, change=change(0, 12, 15), now=at(0, 16)
        )


def test_one_to_come_is_not_moved_into_the_past_or_to_where_it_does_nothing() -> None:
    made = actions.add_override(actor=actor("boss"), schedule="web", change=change(1, 12, 14), now=NOW)
    with pytest.raises(Invalid) as caught:
        actions.move_override(actor=actor("boss"), override_id=made.id, change=change(0, 8, 14), now=NOW)
    assert caught.value.errors[0].field == "start"
    nothing = change(1, 20, 21, "mate", kind="replace", replaces="u2")
    with pytest.raises(Conflict, match="change nothing"):
        actions.move_override(actor=actor("boss"), override_id=made.id, change=nothing, now=NOW)


def test_a_plan_replaces_the_plan_before_it_and_the_present_stays() -> None:
    ring = queries.rotation_definitions()["noon"]
    assert ring.participants is not None
    u1, u2, u3 = ring.participants
    boss = actor("boss")

    def who(count: int) -> list[str]:
        return [
            (shift.user or "")[:2]
            for shift in queries.shifts("web", NOW, NOW + count * DAY)
            if shift.user is not None
        ]

    assert who(6) == ["u1", "u2", "u3", "u1", "u2", "u3"]
    two = replace(ring, participants=(u3, u1))
    actions.save_rotations(actor=boss, definitions=[two], effective=at(2, 12), now=NOW)
    assert who(6) == ["u1", "u2", "u3", "u1", "u3", "u1"]
    back = replace(ring, participants=(u2, u1))
    actions.save_rotations(actor=boss, definitions=[back], effective=at(3, 12), now=NOW)
    assert who(6) == ["u1", "u2", "u3", "u1", "u2", "u1"]
    with pytest.raises(Invalid, match="to come"):
        actions.save_rotations(actor=boss, definitions=[two], effective=NOW, now=NOW)


def test_two_edits_before_one_hand_off_leave_the_turn_that_runs() -> None:
    """The second one finds the first not begun yet: what holds now is what was before both."""
    ring = queries.rotation_definitions()["noon"]
    assert ring.participants is not None
    u1, u2, u3 = ring.participants
    later = at(1, 13)  # the turn of u2
    for people in ((u3,), (u1, u2, u3)):
        changed = replace(ring, participants=people)
        actions.save_rotations(actor=actor("boss"), definitions=[changed], now=later)
    found = [shift.user for shift in queries.shifts("web", NOW, NOW + 4 * DAY) if shift.user]
    assert found == ["u1@x.org", "u2@x.org", "u3@x.org", "u1@x.org"]


def test_the_turn_that_runs_out_is_still_ones_own() -> None:
    ring = queries.rotation_definitions()["noon"]
    assert ring.participants is not None
    later = at(1, 13)  # the turn of u2, who is taken out of the ring
    changed = replace(ring, participants=(ring.participants[0], ring.participants[2]))
    actions.save_rotations(actor=actor("boss"), definitions=[changed], now=later)
    mine = queries.shifts_of("u2@x.org", later, at(9, 0))
    assert [(name, shift.end) for name, shift in mine] == [("calm", at(1, 15)), ("web", at(1, 15))]
