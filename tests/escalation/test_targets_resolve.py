from datetime import UTC, datetime, timedelta

import pytest

from tocsin.domain.configuration.load import load
from tocsin.domain.escalation.model import Resolution, Target, TargetKind
from tocsin.domain.escalation.resolving import Faces, TeamPeople, make_resolve

ROTATIONS = """
rotations:
  - name: weekly
    type: weekly
    participants: [{user: a@example.com}, {user: b@example.com}, {user: c@example.com}]
    handoff_time: "09:00"
    timezone: UTC
  - name: trainee
    type: weekly
    participants: [{user: t@example.com}]
    handoff_time: "09:00"
    timezone: UTC
    role: shadow
schedules:
  - name: both
    layers: [{rotation: weekly}, {rotation: trainee}]
  - name: gap
    layers: [{rotation: trainee}]
    fallback: dee@example.com
"""
TEAMS = {"payments": TeamPeople(("a@example.com", "b@example.com"), "lena@example.com", None)}
WEEK_OF_A = datetime(2024, 1, 1, 9, 0, tzinfo=UTC)


def resolve(target: Target, at: datetime = WEEK_OF_A) -> Resolution:
    organisation = load({"a.yaml": ROTATIONS}).organisation
    assert organisation is not None
    faces = Faces(
        TEAMS,
        lambda email: email != "b@example.com",
        owners=("o@example.com",),
        zones={"a@example.com": "Asia/Tokyo"},
        missing=lambda machine: "" if machine.kind is TargetKind.CHAT else "not set up",
    )
    return make_resolve(organisation.book(), faces, at)(target)


def emails(target: Target, at: datetime = WEEK_OF_A) -> list[tuple[str, bool]]:
    return [(person.email, person.shadow) for person in resolve(target, at).people]


def schedule(name: str, who: str = "", role: str | None = None) -> Target:
    return Target(TargetKind.SCHEDULE, name, who, role)


def test_a_schedule_is_whoever_is_on_call_with_the_reason() -> None:
    answer = resolve(schedule("weekly"))
    assert [(p.email, p.reason) for p in answer.people] == [("a@example.com", "on call for weekly")]


def test_shadows_come_along_as_shadows() -> None:
    assert emails(schedule("both")) == [("a@example.com", False), ("t@example.com", True)]


def test_a_role_narrows_a_schedule() -> None:
    assert emails(schedule("both", role="primary")) == [("a@example.com", False)]
    assert resolve(schedule("both", role="secondary")).reason == "nobody is on call as secondary for both"


def test_next_and_previous_are_the_neighbouring_turns() -> None:
    at = WEEK_OF_A + timedelta(days=8)
    assert emails(schedule("weekly"), at) == [("b@example.com", False)]
    assert emails(schedule("weekly", "next"), at) == [("c@example.com", False)]
    assert emails(schedule("weekly", "previous"), at) == [("a@example.com", False)]


def test_a_hand_off_within_a_day_is_known() -> None:
    hand_off = WEEK_OF_A + timedelta(days=7)
    assert resolve(schedule("weekly"), hand_off - timedelta(hours=3)).until == hand_off


def test_the_fallback_shows_through_what_only_a_shadow_covers() -> None:
    assert ("dee@example.com", False) in emails(schedule("gap"))


@pytest.mark.parametrize(
    ("who", "expected", "reason"),
    [
        ("", ["a@example.com", "b@example.com"], ""),
        ("members", ["a@example.com", "b@example.com"], ""),
        ("lead", ["lena@example.com"], ""),
        ("manager", [], "payments has no manager"),
    ],
)
def test_a_team_is_its_members_lead_or_manager(who: str, expected: list[str], reason: str) -> None:
    answer = resolve(Target(TargetKind.TEAM, "payments", who))
    assert [person.email for person in answer.people] == expected
    assert answer.reason == reason


def test_what_is_gone_is_nobody_with_a_reason() -> None:
    assert resolve(schedule("old")).reason == "there is no schedule “old” any more"
    assert resolve(Target(TargetKind.TEAM, "old")).reason == "there is no team “old” any more"


def test_whether_somebody_can_be_reached_is_asked() -> None:
    assert [resolve(Target(TargetKind.USER, f"{n}@example.com")).people[0].deliverable for n in "ab"] == [
        True,
        False,
    ]


def test_the_owners_are_a_target() -> None:
    answer = resolve(Target(TargetKind.OWNERS, "all"))
    assert [(person.email, person.reason) for person in answer.people] == [("o@example.com", "owner")]


def test_everybody_comes_with_their_own_clock() -> None:
    assert [p.zone for p in resolve(Target(TargetKind.TEAM, "payments")).people] == ["Asia/Tokyo", ""]


def test_a_machine_is_nobody_and_says_whether_it_can_be_told() -> None:
    assert resolve(Target(TargetKind.CHAT, "#ops", via="slack")) == Resolution(())
    assert resolve(Target(TargetKind.RUNBOOK, "drain")).reason == "not set up"
