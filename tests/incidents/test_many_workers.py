"""Several workers and people at once: every event is worked once, and nobody waits for each other in a
circle.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import connection

from tests.incidents.conftest import Company
from tocsin.apps.alerts.models import Alert
from tocsin.apps.escalation import actions as escalation
from tocsin.apps.incidents import actions, jobs
from tocsin.apps.incidents.models import Incident
from tocsin.apps.integrations.models import Event, Integration
from tocsin.domain.errors import TocsinError
from tocsin.domain.signal import lane_of

pytestmark = pytest.mark.django_db(transaction=True)


def together(*deeds: Callable[[], object]) -> list[BaseException]:
    """Run each in a thread of its own; what they raised."""

    def run(deed: Callable[[], object]) -> None:
        try:
            deed()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(deeds)) as pool:
        futures = [pool.submit(run, deed) for deed in deeds]
    return [error for future in futures if (error := future.exception()) is not None]


def fill(company: Company, events: list[tuple[str, str]]) -> None:
    row = Integration.objects.get(name="tools")
    Event.objects.bulk_create(
        Event(
            event_id=str(number),
            integration=row,
            action=action,
            dedup_key=key,
            lane=lane_of(row.pk, key),
            payload=b'{"action":"%b","dedup_key":"%b","summary":"s","group_key":"g%b"}'
            % (action.encode(), key.encode(), key[-1].encode()),
            received_at=company.now,
        )
        for number, (action, key) in enumerate(events)
    )


def work_off(company: Company) -> None:
    while Event.objects.filter(processed_at=None).exists():
        jobs.process_waiting(company.now, limit=7)


def test_workers_share_the_events(transactional_db: None, company: Company) -> None:
    fill(company, [("trigger", f"key{number % 40}") for number in range(200)])
    failed = together(*[lambda: work_off(company)] * 3)
    assert failed == []
    assert Alert.objects.count() == 40
    assert sum(Alert.objects.values_list("count", flat=True)) == 200
    # Forty keys are in ten groups.
    assert Incident.objects.count() == 10
    assert Event.objects.filter(processed_at=None).count() == 0


def test_people_timers_and_alerts_meet_without_a_deadlock(transactional_db: None, company: Company) -> None:
    fill(company, [("trigger", f"key{number}") for number in range(10)])
    work_off(company)
    refs = [f"INC-{number}" for number in range(1, 11)]
    fill(
        company,
        [("trigger", f"more{n % 10}") for n in range(60)] + [("resolve", f"key{n}") for n in range(10)],
    )

    def quietly(deed: Callable[[], object]) -> None:
        with suppress(TocsinError):  # somebody else was faster
            deed()

    def people() -> None:
        for ref in refs:
            quietly(lambda ref=ref: actions.respond(actor=company.mate, ref=ref, now=company.now))
            quietly(lambda ref=ref: actions.escalate(actor=company.owner, ref=ref, now=company.now))

    def others() -> None:
        for ref in reversed(refs):
            quietly(lambda ref=ref: actions.note(actor=company.owner, ref=ref, text="x", now=company.now))
            quietly(lambda ref=ref: actions.resolve(actor=company.owner, ref=ref, now=company.now))

    def timers() -> None:
        for minutes in range(1, 60, 3):
            escalation.advance_due(now=company.now + timedelta(minutes=minutes))

    failed = together(people, others, timers, lambda: work_off(company), lambda: work_off(company))
    assert failed == []
