from datetime import timedelta

import pytest

from tests.incidents.conftest import Company
from tocsin.apps.audit.models import AuditEntry
from tocsin.apps.escalation import actions as escalation
from tocsin.apps.incidents import actions, jobs
from tocsin.domain.errors import Conflict, FieldError, Invalid, NotFound, PermissionDenied
from tocsin.domain.escalation.model import Target, TargetKind
from tocsin.domain.lifecycle import Status
from tocsin.domain.permissions import Actor, ActorKind, Role
from tocsin.domain.severity import Severity

TOKEN = Actor(ActorKind.TOKEN, "ci", Role.RESPONDER)


def calls(company: Company, ref: str = "INC-1") -> list[str]:
    return [page.email for page in company.show(ref).pages if page.kind == "page"]


def test_whoever_was_called_acknowledges(company: Company) -> None:
    company.trigger()
    company.wait(minutes=1)
    incident = actions.acknowledge(actor=company.mate, ref="INC-1", now=company.now)
    assert (incident.acknowledged_at, incident.acknowledged_by) == (company.now, "mate@example.com")
    assert incident.assigned == ("mate@example.com",)
    company.wait(minutes=10)
    escalation.advance_due(now=company.now)
    assert calls(company) == ["mate@example.com"]


def test_acknowledging_twice_leaves_one_entry(company: Company) -> None:
    company.trigger()
    for _ in range(2):
        actions.acknowledge(actor=company.mate, ref="INC-1", now=company.now)
    actions.acknowledge(actor=company.owner, ref="INC-1", now=company.now)
    assert company.kinds("INC-1").count("acknowledged") == 1
    assert AuditEntry.objects.filter(action="incident.acknowledged").count() == 1


def test_one_who_was_not_called_may_only_respond(company: Company) -> None:
    company.trigger()
    with pytest.raises(Conflict) as refused:
        actions.acknowledge(actor=company.owner, ref="INC-1", now=company.now)
    assert refused.value.allowed == ("respond",)
    incident = actions.respond(actor=company.owner, ref="INC-1", now=company.now)
    assert incident.acknowledged_by == "owner@example.com"


def test_a_stakeholder_sees_and_the_ladder_goes_on(company: Company) -> None:
    company.trigger(severity="SEV1")
    link = Actor(ActorKind.LINK, "manager", Role.RESPONDER, company.manager.id, "manager@example.com")
    incident = actions.acknowledge(actor=link, ref="INC-1", now=company.now)
    assert (incident.acknowledged_at, incident.my_role) == (None, "stakeholder")
    actions.seen(actor=company.manager, ref="INC-1", now=company.now)
    assert company.kinds("INC-1").count("seen") == 1
    company.wait(minutes=5)
    escalation.advance_due(now=company.now)
    assert calls(company) == ["mate@example.com", "owner@example.com"]


def test_a_token_acknowledges_for_nobody_in_particular(company: Company) -> None:
    company.trigger()
    incident = actions.acknowledge(actor=TOKEN, ref="INC-1", now=company.now)
    assert (incident.acknowledged_at, incident.acknowledged_by) == (company.now, None)
    assert company.kinds("INC-1").count("acknowledged") == 1
    for minutes in (31, 5, 30):  # the acknowledgement runs out, and nobody is nobody
        company.wait(minutes=minutes)
        escalation.advance_due(now=company.now)


def test_the_tool_acknowledges(company: Company) -> None:
    company.trigger()
    company.send({"action": "acknowledge", "dedup_key": "k1"})
    assert company.show("INC-1").acknowledged_at == company.now
    company.wait(minutes=6)
    escalation.advance_due(now=company.now)
    assert calls(company) == ["mate@example.com"]


def test_observers_may_look_and_not_touch(company: Company) -> None:
    company.trigger()
    assert company.show("INC-1", company.stranger).my_role == "none"
    deeds = (
        lambda: actions.acknowledge(actor=company.stranger, ref="INC-1", now=company.now),
        lambda: actions.respond(actor=company.stranger, ref="INC-1", now=company.now),
        lambda: actions.resolve(actor=company.stranger, ref="INC-1", now=company.now),
        lambda: actions.reopen(actor=company.stranger, ref="INC-1", now=company.now),
        lambda: actions.escalate(actor=company.stranger, ref="INC-1", now=company.now),
        lambda: actions.note(actor=company.stranger, ref="INC-1", text="x", now=company.now),
        lambda: actions.mitigate(actor=company.stranger, ref="INC-1", now=company.now),
        lambda: actions.set_severity(
            actor=company.stranger, ref="INC-1", severity=Severity.SEV1, now=company.now
        ),
        lambda: actions.reassign(actor=company.stranger, ref="INC-1", emails=["x"], now=company.now),
        lambda: actions.snooze(actor=company.stranger, ref="INC-1", until=company.now, now=company.now),
        lambda: actions.merge(actor=company.stranger, ref="INC-1", into="INC-1", now=company.now),
        lambda: actions.edit(actor=company.stranger, ref="INC-1", title="x", now=company.now),
        lambda: actions.declare(
            actor=company.stranger, title="x", service="checkout", severity=Severity.SEV1, now=company.now
        ),
        lambda: actions.ask_help(
            actor=company.stranger, ref="INC-1", target=Target(TargetKind.USER, "x"), now=company.now
        ),
    )
    for deed in deeds:
        with pytest.raises(PermissionDenied):
            deed()


def test_resolving_by_hand_stops_calling_and_tells_the_others(company: Company) -> None:
    company.trigger()
    company.resolve("other")
    incident = actions.resolve(actor=company.owner, ref="INC-1", now=company.now)
    assert (incident.status, incident.resolved_by) == (Status.RESOLVED, "owner@example.com")
    assert [page.email for page in incident.pages if page.kind == "resolved"] == ["mate@example.com"]
    again = actions.resolve(actor=company.owner, ref="INC-1", now=company.now)
    assert [entry.kind for entry in again.timeline].count("resolved") == 1
    company.wait(minutes=6)
    assert escalation.advance_due(now=company.now) == 0


def test_resolved_while_firing_is_held_then_reopens(company: Company) -> None:
    company.trigger()
    actions.resolve(actor=company.mate, ref="INC-1", now=company.now)
    company.wait(minutes=14, seconds=59)
    assert jobs.sweep(company.now) == 0
    company.trigger()  # a repeat changes nothing
    assert company.show("INC-1").status is Status.RESOLVED
    company.wait(seconds=1)
    jobs.sweep(company.now)
    incident = company.show("INC-1")
    assert (incident.status, incident.reopen_count, incident.acknowledged_at) == (
        Status.INVESTIGATING,
        1,
        None,
    )
    assert calls(company) == ["mate@example.com"] * 2
    assert [page.email for page in incident.pages if page.kind == "notice"] == ["mate@example.com"]


def test_closing_what_still_fires_does_not_end_the_hold(company: Company) -> None:
    company.trigger()
    actions.resolve(actor=company.mate, ref="INC-1", now=company.now)
    actions.set_status(actor=company.mate, ref="INC-1", status=Status.CLOSED, now=company.now)
    company.wait(minutes=15)
    jobs.sweep(company.now)
    incident = company.show("INC-1")
    assert (incident.status, incident.closed_at) == (Status.INVESTIGATING, None)
    assert calls(company) == ["mate@example.com"] * 2


def test_closed_while_firing_stays_closed_when_the_alert_ends(company: Company) -> None:
    company.trigger()
    actions.resolve(actor=company.mate, ref="INC-1", now=company.now)
    actions.set_status(actor=company.mate, ref="INC-1", status=Status.CLOSED, now=company.now)
    company.resolve()
    company.wait(minutes=16)
    assert jobs.sweep(company.now) == 0
    assert company.show("INC-1").status is Status.CLOSED


def test_resolved_while_firing_stays_over_when_the_alert_ends(company: Company) -> None:
    company.trigger()
    actions.resolve(actor=company.mate, ref="INC-1", now=company.now)
    company.wait(minutes=5)
    company.resolve()
    company.wait(minutes=11)
    jobs.sweep(company.now)
    assert company.show("INC-1").status is Status.RESOLVED


def test_it_refuses_illegal_moves_with_the_allowed_ones(company: Company) -> None:
    company.trigger()
    with pytest.raises(Conflict) as refused:
        actions.set_status(actor=company.mate, ref="INC-1", status=Status.CLOSED, now=company.now)
    assert "resolved" in refused.value.allowed
    with pytest.raises(NotFound):
        actions.resolve(actor=company.mate, ref="INC-99", now=company.now)


def test_raising_the_severity_voids_the_acknowledgement_and_calls_again(company: Company) -> None:
    company.trigger(severity="warning")
    actions.acknowledge(actor=company.mate, ref="INC-1", now=company.now)
    company.wait(minutes=1)
    incident = actions.set_severity(
        actor=company.mate, ref="INC-1", severity=Severity.SEV1, reason="it spreads", now=company.now
    )
    assert (incident.severity, incident.peak_severity) == (Severity.SEV1, Severity.SEV1)
    assert (incident.urgency, incident.acknowledged_at) == ("high", None)
    assert incident.first_acknowledged_at is not None
    assert calls(company) == ["mate@example.com"] * 2
    lowered = actions.set_severity(actor=company.mate, ref="INC-1", severity=Severity.SEV4, now=company.now)
    assert (lowered.severity, lowered.peak_severity) == (Severity.SEV4, Severity.SEV1)


def test_reassigning_calls_that_person_first(company: Company) -> None:
    company.trigger()
    actions.acknowledge(actor=company.mate, ref="INC-1", now=company.now)
    incident = actions.reassign(
        actor=company.mate, ref="INC-1", emails=["Owner@example.com"], now=company.now
    )
    assert (incident.acknowledged_at, incident.assigned) == (None, ("owner@example.com",))
    with pytest.raises(Invalid) as refused:
        actions.reassign(actor=company.mate, ref="INC-1", emails=["nobody@example.com"], now=company.now)
    assert refused.value.errors == (FieldError("emails", "there is no nobody@example.com"),)


def test_escalating_calls_the_next_step_now(company: Company) -> None:
    company.trigger()
    actions.escalate(actor=company.mate, ref="INC-1", now=company.now)
    assert calls(company) == ["mate@example.com", "owner@example.com"]


def test_asking_for_help_is_a_call_out_of_its_own(company: Company) -> None:
    company.trigger()
    actions.acknowledge(actor=company.mate, ref="INC-1", now=company.now)
    target = Target(TargetKind.USER, "owner@example.com")
    incident = actions.ask_help(
        actor=company.mate, ref="INC-1", target=target, text="database is full", now=company.now
    )
    assert [call_out.kind for call_out in incident.call_outs] == ["service", "help"]
    assert calls(company)[-1] == "owner@example.com"
    answered = actions.acknowledge(actor=company.owner, ref="INC-1", now=company.now)
    assert answered.acknowledged_by == "mate@example.com"
    assert "help_accepted" in company.kinds("INC-1")


def test_a_direct_page_calls_only_that_person(company: Company) -> None:
    incident = actions.page(
        actor=company.mate, target=Target(TargetKind.USER, "owner@example.com"), title="Come", now=company.now
    )
    assert calls(company, incident.ref) == ["owner@example.com"]
    assert incident.opened_by == "person"
    with pytest.raises(Conflict):
        actions.acknowledge(actor=company.mate, ref=incident.ref, now=company.now)
    answered = actions.acknowledge(actor=company.owner, ref=incident.ref, now=company.now)
    assert (answered.acknowledged_by, answered.assigned) == ("owner@example.com", ("owner@example.com",))
    other = actions.page(
        actor=company.mate,
        target=Target(TargetKind.USER, "owner@example.com"),
        title="Or you",
        now=company.now,
    )
    taken = actions.respond(actor=company.mate, ref=other.ref, now=company.now)
    assert taken.acknowledged_by == "mate@example.com"
    escalated = actions.escalate(actor=company.mate, ref=incident.ref, now=company.now)
    assert {call_out.kind for call_out in escalated.call_outs} == {"service", "help"}


def test_snoozing_is_bounded_and_ends_on_a_raise(company: Company) -> None:
    company.trigger()
    until = company.now + timedelta(hours=2)
    incident = actions.snooze(actor=company.mate, ref="INC-1", until=until, now=company.now)
    assert incident.snoozed_until == until
    raised = actions.set_severity(actor=company.mate, ref="INC-1", severity=Severity.SEV1, now=company.now)
    assert raised.snoozed_until is None
    for wrong in (company.now, company.now + timedelta(hours=1, seconds=1)):
        with pytest.raises(Invalid):
            actions.snooze(actor=company.mate, ref="INC-1", until=wrong, now=company.now)


def test_a_snooze_wakes_at_its_time(company: Company) -> None:
    company.trigger()
    until = company.now + timedelta(hours=1)
    actions.snooze(actor=company.mate, ref="INC-1", until=until, now=company.now)
    company.now = until
    escalation.advance_due(now=company.now)
    incident = company.show("INC-1")
    assert incident.snoozed_until is None
    assert len(calls(company)) == 2


def test_ending_a_snooze_early_calls_again(company: Company) -> None:
    company.trigger()
    actions.snooze(actor=company.mate, ref="INC-1", until=company.now + timedelta(hours=1), now=company.now)
    incident = actions.unsnooze(actor=company.mate, ref="INC-1", now=company.now)
    assert incident.snoozed_until is None


def test_notes_titles_and_mitigation_are_kept(company: Company) -> None:
    company.trigger()
    actions.note(actor=company.mate, ref="inc-1", text=" Looks like DNS\0 ", now=company.now)
    actions.edit(actor=company.mate, ref="1", title="DNS is down", now=company.now)
    incident = actions.mitigate(actor=company.mate, ref="INC-1", now=company.now)
    assert (incident.title, incident.mitigated_at) == ("DNS is down", company.now)
    assert "Looks like DNS" in [entry.text for entry in incident.timeline]
    assert [entry.kind for entry in incident.timeline][-3:] == ["note", "edited", "mitigated"]
    with pytest.raises(Invalid):
        actions.note(actor=company.mate, ref="INC-1", text="  ", now=company.now)


def test_merging_moves_the_alerts_and_ends_the_calls(company: Company) -> None:
    company.trigger("a")
    company.trigger("b")
    into = actions.merge(actor=company.mate, ref="INC-2", into="INC-1", now=company.now)
    assert (into.ref, into.alert_count) == ("INC-1", 2)
    gone = company.show("INC-2")
    assert (gone.status, gone.merged_into) == (Status.MERGED, "INC-1")
    company.resolve("a")
    assert company.show("INC-1").status is Status.INVESTIGATING
    company.resolve("b")
    assert company.show("INC-1").status is Status.RESOLVED


def test_a_declared_incident_goes_to_monitoring_when_a_person_opened_it(company: Company) -> None:
    incident = actions.declare(
        actor=company.mate,
        title="Checkout is slow",
        service="checkout",
        severity=Severity.SEV2,
        summary="since the deploy",
        started_at=company.now - timedelta(minutes=10),
        now=company.now,
    )
    assert (incident.opened_by, incident.declared_by) == ("person", "mate@example.com")
    assert calls(company, incident.ref) == ["mate@example.com"]
    with pytest.raises(Invalid) as refused:
        actions.declare(
            actor=company.mate,
            title=" ",
            service="nosuch",
            severity=Severity.SEV2,
            started_at=company.now + timedelta(minutes=1),
            now=company.now,
        )
    assert [error.field for error in refused.value.errors] == ["title", "service", "started_at"]


def test_every_action_is_audited(company: Company) -> None:
    company.trigger()
    actions.note(actor=company.mate, ref="INC-1", text="x", now=company.now)
    actions.respond(actor=company.owner, ref="INC-1", now=company.now)
    actions.resolve(actor=company.owner, ref="INC-1", now=company.now)
    found = AuditEntry.objects.filter(target_id="INC-1").order_by("id").values_list("action", "actor_label")
    assert list(found) == [
        ("incident.noted", "mate"),
        ("incident.acknowledged", "owner"),
        ("incident.resolved", "owner"),
    ]
