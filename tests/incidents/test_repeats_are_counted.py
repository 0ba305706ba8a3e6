"""Repeats of one key, in one batch and over several: counted, never lost, and each change acted upon."""

from datetime import timedelta
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.incidents.conftest import Company
from tocsin.apps.alerts.models import Alert
from tocsin.apps.incidents.models import Incident
from tocsin.apps.incidents.thinning import ALL_OF, THEN_ONE_IN
from tocsin.apps.integrations.models import Event
from tocsin.domain.severity import Severity


def trigger(key: str = "k", severity: str = "warning", **more: Any) -> dict[str, Any]:
    return {"action": "trigger", "dedup_key": key, "summary": f"{key} is down", "severity": severity, **more}


def resolve(key: str = "k") -> dict[str, Any]:
    return {"action": "resolve", "dedup_key": key}


def test_repeats_are_counted_in_the_batch_of_the_first_and_in_later_ones(company: Company) -> None:
    company.send([trigger("a"), trigger("b"), trigger("a"), trigger("a")])
    company.wait(minutes=1)
    company.send([trigger("a"), trigger("b"), trigger("a")])
    assert dict(Alert.objects.values_list("dedup_key", "count")) == {"a": 5, "b": 2}
    assert set(Alert.objects.values_list("last_seen_at", flat=True)) == {company.now}
    assert set(Alert.objects.values_list("first_seen_at", flat=True)) == {company.now - timedelta(minutes=1)}


def test_what_ends_and_fires_again_within_a_batch_is_no_repeat(company: Company) -> None:
    company.send([trigger()])
    company.send([trigger(), resolve(), trigger(), trigger()])
    rows = Alert.objects.order_by("pk").values_list("status", "count")
    assert list(rows) == [("resolved", 3), ("firing", 2)]
    assert Incident.objects.get().reopen_count == 1


def test_what_gets_worse_among_repeats_raises_its_incident(company: Company) -> None:
    company.send([trigger()])
    company.send([trigger(), trigger(severity="SEV1"), trigger(severity="SEV1")])
    assert Alert.objects.get().count == 4
    assert company.newest().severity is Severity.SEV1
    company.send([trigger(severity="SEV1")])
    assert Alert.objects.get().count == 5


def test_a_repeat_of_what_is_over_opens_another(company: Company) -> None:
    company.send([trigger()])
    company.send([resolve()])
    company.wait(days=1)
    company.send([trigger()])
    assert list(Alert.objects.order_by("pk").values_list("status", "count")) == [
        ("resolved", 2),
        ("firing", 1),
    ]


def test_a_repeat_gives_what_is_stale_another_lease(company: Company) -> None:
    company.send([trigger()])
    Alert.objects.update(stale=True, expires_at=company.now)
    company.send([trigger()])
    alert = Alert.objects.get()
    assert (alert.stale, alert.expires_at) == (False, None)


def test_repeats_do_not_read_their_alerts(company: Company) -> None:
    company.send([trigger(f"k{number}") for number in range(20)])
    with CaptureQueriesContext(connection) as seen:
        company.send([trigger(f"k{number}") for number in range(20)])
    asked = [each["sql"] for each in seen.captured_queries]
    assert len([sql for sql in asked if "alerts_alert" in sql]) == 2  # looked up, and counted
    assert sum(Alert.objects.values_list("count", flat=True)) == 40


def test_of_many_repeats_the_first_payloads_are_kept_and_then_one_in_a_hundred(company: Company) -> None:
    for _ in range(4):
        company.send([trigger()] * 100)
    assert Event.objects.filter(processed_at=None).count() == 0
    kept = Event.objects.exclude(payload=b"").count()
    assert kept == ALL_OF + 300 // THEN_ONE_IN
    assert Event.objects.order_by("pk")[ALL_OF - 1].payload
