"""If this fired at T and nobody answered: who is called when, by the real machine."""

from datetime import UTC, datetime

import pytest

from tests.escalation.conftest import NOW
from tests.escalation.test_call_outs_live_in_tables import ALICE, BOB, LENA, MONA, minutes, user
from tests.notify.fakes import FakeChannel
from tocsin.apps.escalation import queries
from tocsin.apps.escalation.models import CallOut
from tocsin.apps.escalation.settings import save_policy
from tocsin.apps.identity.models import User
from tocsin.apps.notify.models import Page
from tocsin.domain.escalation.model import Condition, During, Policy, Step, Target, TargetKind
from tocsin.domain.escalation.rehearsal import FireInfo
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.severity import Severity, Urgency
from tocsin.ports import registry

pytestmark = pytest.mark.django_db

TWO = Policy("payments", (Step((user(ALICE),), minutes(5)), Step((user(BOB),), minutes(10))), repeat=1)


def fire(policy: Policy, severity: Severity = Severity.SEV2, at: datetime = NOW) -> FireInfo:
    return queries.fire(policy, at, severity=severity, urgency=Urgency.HIGH, team="payments")


def told(info: FireInfo) -> list[tuple[float, int, str]]:
    return [(row.offset / minutes(1), row.step, one.email) for row in info.rows for one in row.people]


def test_it_has_repeats_and_the_tables_rows_and_the_missed_deadline(people: dict[str, User]) -> None:
    info = fire(TWO)
    assert told(info) == [(0, 1, ALICE), (5, 2, BOB), (15, 1, ALICE), (20, 2, BOB), (30, 0, LENA)]
    assert [row.note for row in info.rows if row.note] == ["Not acknowledged within 15m (SEV2)"]
    assert info.rows[0].label == "Step 1 of “payments”"
    assert info.rows[0].people[0].reason == "named by address"
    again = "Then whoever the last step stands for is called again, every 30m until somebody answers."
    assert info.end == again


def test_nothing_is_called_and_nothing_written(people: dict[str, User]) -> None:
    fire(TWO)
    assert not CallOut.objects.exists()
    assert not Page.objects.exists()


@pytest.mark.parametrize(
    ("severity", "rows", "end"),
    [
        (Severity.SEV1, [(0, 1, ALICE), (0, 0, MONA), (5, 2, BOB)], "Then whoever"),
        (Severity.SEV3, [(0, 1, ALICE), (60 * 7, 0, LENA)], "Nobody else is called."),
        (Severity.SEV4, [(0, 1, ALICE)], "Nobody else is called."),
    ],
)
def test_the_severity_decides_how_far_it_goes(
    people: dict[str, User], severity: Severity, rows: list[tuple[float, int, str]], end: str
) -> None:
    info = fire(TWO, severity)
    assert told(info)[: len(rows)] == rows
    assert info.end.startswith(end)


def test_what_is_passed_says_why(people: dict[str, User]) -> None:
    night = Step((user(ALICE),), minutes(5), when=Condition(during=During.SUPPORT))
    info = fire(Policy("p", (night, TWO.steps[1])), Severity.SEV4)
    assert next((row.step, row.note) for row in info.rows if row.note) == (
        1,
        "Step 1 of “p” is skipped: it is for support hours, and they are over now",
    )
    noon = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    assert told(fire(Policy("p", (night, TWO.steps[1])), Severity.SEV4, noon)) == [(0, 1, ALICE)]


def test_who_cannot_be_reached_is_shown_as_such(people: dict[str, User], mail: FakeChannel) -> None:
    mail.counts = False
    info = fire(TWO, Severity.SEV4)
    assert {one.deliverable for row in info.rows for one in row.people} == {False}
    assert info.end == "Nobody is reached, and nobody else is called."
    assert "tried again every 30m" in fire(TWO, Severity.SEV1).end


def test_machines_are_named_beside_the_people(
    people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = Target(TargetKind.WEBHOOK, "https://example.com/a")
    info = fire(Policy("p", (Step((user(ALICE), hook), minutes(5)),)), Severity.SEV4)
    assert [one.email for one in info.rows[0].people] == [ALICE]
    assert (info.rows[0].machines, info.rows[0].note) == (
        (),
        "Step 1 of “p”: https://example.com/a was not told: there is no channel “webhook”",
    )
    monkeypatch.setattr(registry.runbooks, "missing", lambda _name: "")
    drain = Target(TargetKind.RUNBOOK, "drain")
    info = fire(Policy("p", (Step((user(ALICE), drain), minutes(5)),)), Severity.SEV4)
    assert info.rows[0].machines == ("runbook drain",)


def test_the_fallback_follows_and_the_team_that_has_it_lends_its_lead(people: dict[str, User]) -> None:
    save_policy(actor=SYSTEM, policy=Policy("behind", (Step((user(BOB),), minutes(5)),)), now=NOW)
    first = Policy("payments", (Step((user(ALICE),), minutes(5)),), fallback="behind")
    save_policy(actor=SYSTEM, policy=first, team="payments", now=NOW)
    info = queries.fire(first, NOW)
    assert told(info) == [(0, 1, ALICE), (5, 1, BOB), (30, 0, LENA)]


def test_a_ladder_without_an_end_is_cut(people: dict[str, User]) -> None:
    passed = Step((user(BOB),), minutes(1), when=Condition((Severity.SEV1,)))
    info = fire(Policy("p", (Step((user(ALICE),), minutes(1)), *[passed] * 10), repeat=20))
    assert len(info.rows) == 200
    assert info.end == "And so on."
