from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from tests.escalation.conftest import NOW
from tocsin.apps.escalation import actions
from tocsin.apps.escalation.models import CallOut
from tocsin.apps.identity.models import User
from tocsin.apps.notify import queries as notify
from tocsin.apps.oncall import actions as oncall
from tocsin.apps.oncall import queries as history
from tocsin.apps.oncall.models import ShiftUse
from tocsin.domain.configuration import load
from tocsin.domain.escalation.model import CallOutKind, Policy, Step, Target, TargetKind
from tocsin.domain.notification.model import Subject
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.schedule.definition import OverrideDefinition
from tocsin.domain.severity import SHIPPED_TABLE, Severity

pytestmark = pytest.mark.django_db
ALICE, BOB = "alice@example.com", "bob@example.com"
HOUR = timedelta(hours=1)
TEXT = f"rotations: [{{name: web, type: weekly, start: '2026-11-02T00:00', participants: [{ALICE}]}}]"


@pytest.fixture
def climbing(people: dict[str, User]) -> CallOut:
    oncall.save_rotations(
        actor=SYSTEM, definitions=load({"f": TEXT}).organisation.rotations.values(), now=NOW
    )
    row = SHIPPED_TABLE[Severity.SEV2]
    number = actions.start(
        incident_id=7,
        subject=Subject(7, "INC-7", "Checkout is down", Severity.SEV2, "checkout"),
        kind=CallOutKind.SERVICE,
        label="checkout",
        policy=Policy("web", (Step((Target(TargetKind.SCHEDULE, "web"),), HOUR),)),
        severity_row=row,
        urgency=row.urgency,
        now=NOW,
    )
    return CallOut.objects.get(pk=number)


def override(user: str, start: datetime, now: datetime) -> None:
    change = OverrideDefinition(start, start + 4 * HOUR, user=user)
    oncall.add_override(actor=SYSTEM, schedule="web", change=change, now=now)


def pages() -> list[str]:
    return [page.email for page in notify.pages_of_incident(7)]


def test_at_the_minute_of_the_override(climbing: CallOut) -> None:
    later = NOW + timedelta(minutes=3)
    override(BOB, later, later)
    assert pages() == [ALICE]
    assert actions.advance_due(now=later) == 1
    assert pages() == [ALICE, BOB]
    assert actions.advance_due(now=later) == 0


def test_one_that_begins_later_is_waited_for(climbing: CallOut) -> None:
    override(BOB, NOW + HOUR / 6, NOW)
    actions.advance_due(now=NOW)
    assert pages() == [ALICE]
    climbing.refresh_from_db()
    assert climbing.due_at == NOW + HOUR / 6
    actions.advance_due(now=NOW + HOUR / 6)
    assert pages() == [ALICE, BOB]


def test_a_change_that_brings_nobody_new_calls_nobody(climbing: CallOut) -> None:
    override(BOB, NOW + 48 * HOUR, NOW)
    assert actions.advance_due(now=NOW) == 1
    assert pages() == [ALICE]


def test_who_answered_is_left_alone(climbing: CallOut, people: Any) -> None:
    later = NOW + timedelta(minutes=3)
    actions.acknowledge(incident_id=7, email=ALICE, via="link", now=later)
    override(BOB, later, later)
    actions.advance_due(now=later)
    assert pages() == [ALICE]


def test_whom_a_schedule_gave_is_written_down_for_good(climbing: CallOut) -> None:
    later = NOW + timedelta(minutes=3)
    override(BOB, later, later)
    actions.advance_due(now=later)
    first, second = reversed(history.uses(schedule="web").items)
    assert (first.at, first.email, first.which, first.role) == (NOW, ALICE, "current", "primary")
    assert (first.incident_id, first.call_out_id, first.step) == (7, climbing.pk, 1)
    assert first.reason == "Step 1 of “web”: on call for web"
    assert (second.at, second.email) == (later, BOB)
    assert second.reason.endswith("on call for web (by override)")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        ShiftUse.objects.update(email=BOB)
    page = history.uses(email=ALICE, incident_id=7, start=NOW, end=later, limit=1)
    assert (len(page.items), page.next_cursor) == (1, None)
    more = history.uses(limit=1)
    assert [use.email for use in history.uses(limit=1, cursor=more.next_cursor).items] == [ALICE]


def test_only_a_taken_swap_is_paged(climbing: CallOut) -> None:
    later = NOW + timedelta(minutes=3)
    span: dict[str, Any] = {"schedule": "web", "start": later, "end": later + HOUR, "now": later}
    swap = oncall.request_swap(actor=SYSTEM, requester=ALICE, **span)
    actions.advance_due(now=later)
    assert pages() == [ALICE]
    oncall.take_swap(actor=SYSTEM, swap_id=swap.id, taker=BOB, now=later)
    actions.advance_due(now=later)
    assert pages() == [ALICE, BOB]
    assert history.uses(email=BOB).items[0].reason.endswith("on call for web (by swap)")
