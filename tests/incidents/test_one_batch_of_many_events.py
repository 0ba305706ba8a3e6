"""Events that come in together: what one undoes, the effects of another must not bring back."""

from datetime import timedelta
from typing import Any

from tests.incidents.conftest import Company
from tocsin.apps.incidents import actions, jobs
from tocsin.apps.integrations import claiming
from tocsin.apps.integrations.models import Event
from tocsin.domain.lifecycle import Status
from tocsin.domain.severity import Severity
from tocsin.domain.signal import LANES

GROUP = {"group_key": "g"}


def trigger(key: str, severity: str) -> dict[str, Any]:
    return {"action": "trigger", "dedup_key": key, "summary": key, "severity": severity, **GROUP}


def called(company: Company) -> list[str]:
    pages = company.show("INC-1").pages
    return [page.email for page in pages if page.kind in {"page", "stakeholder"} and page.ended_at is None]


def test_a_raise_after_the_tools_acknowledgement_still_calls(company: Company) -> None:
    company.send([trigger("a", "warning"), {"action": "acknowledge", "dedup_key": "a"}, trigger("b", "SEV1")])
    incident = company.show("INC-1")
    assert (incident.severity, incident.acknowledged_at) == (Severity.SEV1, None)
    assert sorted(called(company)) == ["manager@example.com", "mate@example.com"]


def test_an_acknowledgement_after_the_raise_counts(company: Company) -> None:
    company.send([trigger("a", "warning"), trigger("b", "SEV1"), {"action": "acknowledge", "dedup_key": "a"}])
    assert company.show("INC-1").acknowledged_at is not None
    assert called(company) == []


def test_a_group_key_of_any_length_and_script_is_worked(company: Company) -> None:
    """An index holds 2,704 bytes, and such a key does not compress."""
    long = "".join(chr(0x4E00 + (number * 7919) % 20000) for number in range(990))
    company.trigger("a", group_key=long)
    assert company.trigger("b", group_key=long).alert_count == 2
    assert not Event.objects.exclude(set_aside="").exists()


def test_what_got_worse_while_it_was_held_reopens_as_bad_as_it_is(company: Company) -> None:
    company.trigger("a", severity="warning")
    actions.resolve(actor=company.mate, ref="INC-1", now=company.now)
    company.wait(minutes=5)
    company.trigger("a", severity="SEV1")
    company.wait(minutes=10)
    jobs.sweep(company.now)
    incident = company.show("INC-1")
    assert (incident.status, incident.severity, incident.urgency) == ("investigating", Severity.SEV1, "high")
    assert incident.status is Status.INVESTIGATING
    assert sorted(called(company)) == ["manager@example.com", "mate@example.com"]


def test_the_oldest_waiting_event_is_seen_whatever_its_lane(company: Company) -> None:
    assert claiming.oldest_waiting() is None
    company.trigger("a")
    Event.objects.update(processed_at=None, lane=7, received_at=company.now - timedelta(minutes=1))
    assert claiming.oldest_waiting() == company.now - timedelta(minutes=1)
    Event.objects.update(lane=LANES)  # it waits for proof, and for no worker
    assert claiming.oldest_waiting() is None
