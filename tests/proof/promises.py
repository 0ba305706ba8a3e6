"""What must hold whatever happens. Each looks at the database, not at what the code says it did."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tocsin.apps.escalation.models import CallOut
from tocsin.apps.incidents.models import Incident
from tocsin.apps.notify.models import Notification, NotificationState, Page
from tocsin.domain.notification.model import MessageKind
from tocsin.ports.channel import Message

if TYPE_CHECKING:
    from tests.proof.simulation import Simulation

SLACK = timedelta(seconds=30)
_OPEN = ("running", "exhausted")
_WAITING = (NotificationState.PLANNED, NotificationState.CLAIMED)
_NEVER_LEFT = ("failed", "suppressed", "merged", "bundled", "cancelled")


class BrokenPromiseError(AssertionError):
    """One of the promises was broken."""


def nothing_leaves_after_the_acknowledgement(message: Message) -> None:
    """At the instant a page leaves, what it calls for is still unanswered."""
    if message.kind is not MessageKind.PAGE:
        return
    row = Notification.objects.select_related("page").get(key=message.key)
    if row.page.call_out_id is None or row.page.incident_id is None:
        return
    call_out = CallOut.objects.get(pk=row.page.call_out_id)
    _demand(call_out.status in _OPEN, f"a page of a call-out that is {call_out.status} left: {message.key}")
    incident = Incident.objects.get(pk=row.page.incident_id)
    answered = call_out.kind == "service" and incident.acknowledged_at is not None
    _demand(not answered, f"a page of {incident.ref} left after its acknowledgement")
    _demand(incident.resolved_at is None, f"a page of {incident.ref} left after it was resolved")


def nothing_due_is_left_undone(now: datetime) -> None:
    """After a round without a fault."""
    late = CallOut.objects.filter(due_at__lte=now)
    _demand(not late.exists(), f"a call-out is due and was not advanced: {list(late.values('pk', 'due_at'))}")


def whoever_waits_has_a_time(_now: datetime) -> None:
    """An unanswered incident is never forgotten: its call-out knows when to go on."""
    for incident in Incident.objects.filter(acknowledged_at=None, resolved_at=None, snoozed_until=None):
        if incident.status in {"merged", "closed"}:
            continue
        everybody = CallOut.objects.filter(incident_id=incident.pk)
        _demand(everybody.exists(), f"{incident.ref} is unanswered, and nobody was ever called for it")
        rows = list(everybody.filter(kind="service"))
        if not rows:
            continue
        call_out = rows[-1]
        urgent = call_out.snapshot["severity"] in {"SEV1", "SEV2"}
        _demand(
            call_out.status in _OPEN, f"{incident.ref} is unanswered, but its call-out is {call_out.status}"
        )
        if call_out.status == "running" or urgent:
            _demand(call_out.due_at is not None, f"{incident.ref} is unanswered, and nothing is due for it")


def the_last_step_is_reached_in_time(it: Simulation) -> None:
    """Of what nobody did anything about: each step waits no longer than it says, and what we cost."""
    for row in CallOut.objects.filter(kind="service", status__in=_OPEN).exclude(incident_id__in=it.touched):
        steps = row.snapshot["policy"]["steps"]
        if row.snapshot["ladder"] != "full" or not steps:
            continue
        waits = it.company.waits[row.snapshot["policy"]["name"]][:-1]
        last = row.created_at + timedelta(minutes=sum(waits), seconds=it.lost_s) + SLACK
        state = row.state
        beyond = state["passing"] > 0 or state.get("policy", 0) > 0 or state["next_step_at"] is None
        there = beyond or state["step"] >= len(steps)
        _demand(there or it.now <= last, f"call-out {row.pk} is at step {state['step']} of {len(steps)} only")


def no_key_came_twice(it: Simulation) -> None:
    _demand(not it.vendors.twice(), f"came more than once: {it.vendors.twice()}")


def every_message_has_an_end_and_a_reason(it: Simulation) -> None:
    left = Notification.objects.filter(state__in=_WAITING, due_at__lte=it.now - SLACK)
    _demand(not left.exists(), f"due and never sent: {list(left.values('pk', 'state', 'due_at', 'receipt'))}")
    _demand(
        not Notification.objects.filter(state=NotificationState.CLAIMED).exists(), "a message is nobody's"
    )
    for row in Notification.objects.all():
        _demand(row.reason != "", f"message {row.pk} has no reason")
        if row.state in {NotificationState.FAILED, NotificationState.CANCELLED}:
            _demand(row.receipt != "", f"message {row.pk} is {row.state}, and nothing says why")


def whoever_was_called_was_told_or_it_says_why_not(it: Simulation) -> None:
    """A page that was not ended brought a message, or each of its messages says why it did not leave."""
    came = {one.key for one in it.vendors.arrived}
    for page in Page.objects.filter(kind=MessageKind.PAGE, ended_at=None, started_at__lt=it.now - SLACK):
        rows = list(Notification.objects.filter(page=page))
        _demand(bool(rows), f"page {page.pk} has no messages")
        if any(row.key in came for row in rows):
            continue
        if any(row.state == NotificationState.PLANNED and row.due_at > it.now for row in rows):
            continue
        silent = [row.pk for row in rows if row.state not in _NEVER_LEFT]
        _demand(not silent, f"messages {silent} of page {page.pk} neither came nor say why not")


def what_came_is_known_to_have_left(it: Simulation) -> None:
    """Nothing rings a telephone that the books do not know of."""
    for one in it.vendors.arrived:
        row = Notification.objects.filter(key=one.key).first()
        _demand(row is not None, f"{one.key} came, and nobody knows of it")


def _demand(holds: bool, text: str) -> None:  # noqa: FBT001 - as in a sentence
    if not holds:
        raise BrokenPromiseError(text)
