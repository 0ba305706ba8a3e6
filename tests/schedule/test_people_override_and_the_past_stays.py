from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tocsin.apps.audit.models import AuditEntry
from tocsin.apps.identity import actions as identity
from tocsin.apps.identity import queries as people
from tocsin.apps.oncall import actions, queries
from tocsin.apps.oncall.models import Rotation
from tocsin.domain.configuration import load
from tocsin.domain.errors import Conflict, Invalid, NotFound, PermissionDenied
from tocsin.domain.permissions import SYSTEM, Actor, Role
from tocsin.domain.schedule import Origin, OverrideKind
from tocsin.domain.schedule.definition import OverrideDefinition

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TEXT = """
rotations:
  - {name: days, type: daily, handoff_time: '09:00', timezone: UTC, participants: [ben@x.org, ann@x.org]}
schedules:
  - {name: web, team: web, timezone: Europe/Berlin, layers: [days]}
"""


def _actor(email: str, role: Role) -> Actor:
    return people.actor_for(identity.invite_user(actor=SYSTEM, email=email, role=role, now=NOW).id)


@pytest.fixture
def owner(db: None) -> Actor:
    found = _actor("owner@x.org", Role.OWNER)
    for email in ("ann@x.org", "ben@x.org", "cem@x.org"):
        identity.invite_user(actor=found, email=email, now=NOW)
    identity.create_team(actor=found, form=identity.TeamForm("web", members=("ann@x.org",)), now=NOW)
    org = load({"f": TEXT}).organisation
    actions.save_rotations(actor=found, definitions=org.rotations.values(), now=NOW)
    actions.save_schedule(actor=found, definition=org.schedules["web"], now=NOW)
    return found


@pytest.fixture
def mate(owner: Actor) -> Actor:
    return people.actor_for_email("ann@x.org")


@pytest.fixture
def stranger(owner: Actor) -> Actor:
    return _actor("stranger@x.org", Role.OBSERVER)


def _change(user: str | None = "cem@x.org", start: int = 1, end: int = 3, **more: str) -> OverrideDefinition:
    kind = OverrideKind(more.get("kind", "override"))
    return OverrideDefinition(NOW + start * HOUR, NOW + end * HOUR, kind, user, more.get("replaces"))


def test_a_team_mate_puts_somebody_on_call(mate: Actor) -> None:
    made = actions.add_override(actor=mate, schedule="web", change=_change(), now=NOW)
    assert (made.user, made.created_by, made.from_file) == ("cem@x.org", "ann@x.org", False)
    (shift,) = queries.on_call("web", NOW + 2 * HOUR)
    assert (shift.user, shift.origin, shift.end) == ("cem@x.org", Origin.OVERRIDE, NOW + 3 * HOUR)
    assert queries.overrides("web") == (made,)
    assert AuditEntry.objects.filter(target_id="web", action="override.created").count() == 1


def test_times_without_a_zone_are_the_schedules(mate: Actor) -> None:
    change = OverrideDefinition(datetime(2026, 11, 26, 12), datetime(2026, 11, 26, 14), user="cem@x.org")
    made = actions.add_override(actor=mate, schedule="web", change=change, now=NOW)
    assert made.start == datetime(2026, 11, 26, 11, tzinfo=UTC)


def test_an_implicit_schedule_is_overridden_too(mate: Actor) -> None:
    actions.add_override(actor=mate, schedule="days", change=_change(), now=NOW)
    assert [shift.user for shift in queries.on_call("days", NOW + HOUR)] == ["cem@x.org"]
    assert [shift.user for shift in queries.on_call("web", NOW + HOUR)] == ["ann@x.org"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (_change("nobody@x.org"), "user"),
        (_change(None), "user"),
        (_change(start=3, end=1), "end"),
        (_change(start=-5, end=-1), "end"),
        (_change(end=24 * 900), "end"),
        (_change("cem@x.org", kind="remove"), "user"),
        (_change("cem@x.org", kind="add", replaces="ann@x.org"), "replaces"),
    ],
)
def test_what_cannot_be_is_refused(mate: Actor, change: OverrideDefinition, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        actions.add_override(actor=mate, schedule="web", change=change, now=NOW)
    assert caught.value.errors[0].field == field


def test_one_that_changes_nothing_is_refused(mate: Actor) -> None:
    with pytest.raises(Conflict, match="change nothing"):
        actions.add_override(actor=mate, schedule="web", change=_change("ann@x.org"), now=NOW)
    with pytest.raises(NotFound):
        actions.add_override(actor=mate, schedule="elsewhere", change=_change(), now=NOW)


def test_taking_one_back_leaves_the_past(mate: Actor) -> None:
    made = actions.add_override(actor=mate, schedule="web", change=_change(), now=NOW)
    later = NOW + 2 * HOUR
    actions.remove_override(actor=mate, override_id=made.id, now=later)
    (kept,) = queries.overrides("web")
    assert (kept.start, kept.end) == (made.start, later)
    assert [shift.user for shift in queries.on_call("web", later)] == ["ann@x.org"]
    assert [shift.user for shift in queries.on_call("web", NOW + HOUR)] == ["cem@x.org"]
    with pytest.raises(Conflict, match="over"):
        actions.remove_override(actor=mate, override_id=made.id, now=NOW + 9 * HOUR)
    other = actions.add_override(actor=mate, schedule="web", change=_change(start=5, end=6), now=NOW)
    actions.remove_override(actor=mate, override_id=other.id, now=NOW)
    assert queries.overrides("web") == (kept,)


def test_a_stranger_changes_nothing(stranger: Actor, mate: Actor) -> None:
    made = actions.add_override(actor=mate, schedule="web", change=_change(), now=NOW)
    org = load({"f": TEXT}).organisation
    with pytest.raises(PermissionDenied):
        actions.add_override(actor=stranger, schedule="web", change=_change(start=4, end=5), now=NOW)
    with pytest.raises(PermissionDenied):
        actions.remove_override(actor=stranger, override_id=made.id, now=NOW)
    for actor in (stranger, mate):
        with pytest.raises(PermissionDenied):
            actions.save_rotations(actor=actor, definitions=org.rotations.values(), now=NOW)
        with pytest.raises(PermissionDenied):
            actions.save_schedule(actor=actor, definition=org.schedules["web"], now=NOW)
        with pytest.raises(PermissionDenied):
            actions.delete_schedule(actor=actor, name="web", now=NOW)
        with pytest.raises(PermissionDenied):
            actions.delete_rotation(actor=actor, name="days", now=NOW)


def test_a_rotation_that_is_needed_stays(owner: Actor) -> None:
    with pytest.raises(Conflict, match="still needed by “web”"):
        actions.delete_rotation(actor=owner, name="days", now=NOW)
    actions.delete_schedule(actor=owner, name="web", now=NOW)
    actions.delete_rotation(actor=owner, name="days", now=NOW)
    assert queries.schedules() == ()


def test_a_definition_that_cannot_be_read_stops_nobody_elses_paging(owner: Actor) -> None:
    Rotation.objects.create(name="broken", definition={"name": "broken", "type": "never"}, position=9)
    Rotation.objects.create(name="lost", definition={"name": "lost", "follows": "broken"}, position=10)
    assert [shift.user for shift in queries.on_call("web", NOW)] == ["ann@x.org"]
    assert [info.name for info in queries.rotations()] == ["days"]


def test_the_board_shows_now_and_next(owner: Actor) -> None:
    board = {line.schedule: line for line in queries.now_board(NOW)}
    line = board["web"]
    assert [shift.user for shift in line.now] == ["ann@x.org"]
    assert [(shift.user, shift.start) for shift in line.next] == [
        ("ben@x.org", datetime(2026, 11, 26, 9, tzinfo=UTC))
    ]
    assert (line.team, line.timezone) == ("web", "Europe/Berlin")
    assert queries.on_call_anywhere(NOW) == {"ann@x.org"}
    mine = queries.shifts_of("ben@x.org", NOW, NOW + timedelta(days=2))
    assert [(name, shift.start.day) for name, shift in mine] == [("web", 26)]


def test_an_unchanged_save_says_nothing(owner: Actor) -> None:
    before = AuditEntry.objects.count()
    org = load({"f": TEXT}).organisation
    assert actions.save_rotations(actor=owner, definitions=org.rotations.values(), now=NOW) == ()
    assert actions.save_schedule(actor=owner, definition=org.schedules["web"], now=NOW) is False
    assert AuditEntry.objects.count() == before
    moved = replace(org.rotations["days"], every=2)
    assert actions.save_rotations(actor=owner, definitions=[moved], now=NOW) == ("days",)
