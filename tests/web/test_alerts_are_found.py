"""The list of alerts: by matchers, by state, by what their labels are; and the noise report."""

import csv
import io
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.web.conftest import Visitor
from tocsin.apps.alerts import listing, queries
from tocsin.apps.alerts.models import Alert
from tocsin.apps.alerts.types import AlertFilter
from tocsin.apps.catalog.models import Service
from tocsin.apps.identity.models import User
from tocsin.apps.incidents import noise
from tocsin.apps.incidents.models import Incident, IncidentAlert
from tocsin.apps.integrations.models import Integration
from tocsin.apps.notify.models import Page
from tocsin.domain.errors import Invalid
from tocsin.domain.noise import Advice, Noisy, suggestions
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.severity import Severity
from tocsin.lib import clock

pytestmark = pytest.mark.django_db


def alert(key: str, labels: dict[str, str], **more: object) -> Alert:
    at = clock.now()
    way, _ = Integration.objects.get_or_create(
        name="prom", defaults={"kind": "generic", "key": "a" * 32, "created_at": at}
    )
    given: dict[str, object] = {
        "integration": way, "dedup_key": key, "summary": f"{key} is full", "severity": "SEV3",
        "group_key": key, "labels": labels, "first_seen_at": at, "last_seen_at": at,
    }  # fmt: skip
    return Alert.objects.create(**{**given, **more})


def found(*match: str, **more: str) -> list[str]:
    rows = queries.alerts(actor=SYSTEM, filters=AlertFilter(status="firing", match=match, **more)).items
    return sorted(row.dedup_key for row in rows)


@pytest.fixture
def alerts(db: None) -> None:
    alert("a", {"team": "payments", "env": "prod"})
    alert("b", {"team": "payments", "env": "dev"}, held_since=clock.now())
    alert("c", {"team": "search"}, flapping=True)
    alert("d", {}, status="resolved", resolved_at=clock.now())


@pytest.mark.parametrize(
    ("match", "keys"),
    [
        (('team="payments"',), ["a", "b"]),
        (('team="payments"', 'env!="dev"'), ["a"]),
        (('env!="dev"',), ["a", "c"]),
        (('env=""',), ["c"]),
        (('env!=""',), ["a", "b"]),
        (('team=~"pay.*|x"',), ["a", "b"]),
        (('team=~"pay"',), []),
        (('team!~"pay.*"',), ["c"]),
        (('env=~"|dev"',), ["b", "c"]),
    ],
)
def test_matchers_find_what_routes_would(alerts: None, match: tuple[str, ...], keys: list[str]) -> None:
    assert found(*match) == keys


def test_states_are_found_and_counted(alerts: None) -> None:
    assert found(state="held") == ["b"]
    assert found(state="flapping") == ["c"]
    filters = AlertFilter(status="firing", match=('team="payments"',), state="held")
    counts = listing.counts(actor=SYSTEM, filters=filters)
    assert (counts.firing, counts.held, counts.flapping) == (2, 1, 0)


def test_a_label_is_counted_by_its_values(alerts: None) -> None:
    filters = AlertFilter(status="firing")
    assert listing.label_names(actor=SYSTEM, filters=filters) == ("team", "env")
    facet = listing.facet("env", actor=SYSTEM, filters=filters, limit=2)
    assert facet.values == (("", 1), ("dev", 1))
    assert facet.more


@pytest.mark.parametrize("text", ["team", 'team=~"("', 'team="a'])
def test_a_matcher_that_cannot_be_read_is_named(alerts: None, text: str) -> None:
    with pytest.raises(Invalid) as caught:
        found(text)
    assert caught.value.errors[0].field == "match"


def test_the_list_narrows_by_what_is_typed_and_keeps_it(owner: Visitor, alerts: None) -> None:
    page = owner.client.get("/alerts/", {"add": 'team="payments"', "match": 'env="prod"'})
    text = page.content.decode()
    assert "a is full" in text
    assert "b is full" not in text
    assert 'name="match" value="team=&quot;payments&quot;"' in text
    wrong = owner.client.get("/alerts/", {"add": "team"})
    assert wrong.status_code == 200
    assert "expected a matcher" in wrong.content.decode()


def test_counts_lead_to_the_alerts_that_were_counted(owner: Visitor, alerts: None) -> None:
    text = owner.client.get("/alerts/labels", {"by": "team"}).content.decode()
    assert "<h1>Alerts by label</h1>" in text, "a page of its own, for who has no scripts"
    assert "match=" + quote('team="payments"') in text
    assert owner.client.get("/alerts/labels", {"add": "nonsense"}).status_code == 200


def incident(number: int, service: Service, *, acted: bool, pages: int, person: User) -> None:
    at = clock.now() - timedelta(hours=5 * number)
    made = Incident.objects.create(
        number=number, title="x", service=service, severity="SEV3", initial_severity="SEV3",
        peak_severity="SEV3", urgency="low", status="resolved", opened_by="alert", detected_at=at,
        declared_at=at, resolved_at=at + timedelta(minutes=3), resolved_how="alert", touched=acted,
    )  # fmt: skip
    opener = alert(f"k{number}", {}, summary=f"disk {number} is at {number}.5 %", status="resolved")
    IncidentAlert.objects.create(incident=made, alert=opener, joined_at=at)
    for _ in range(pages):
        Page.objects.create(
            incident_id=made.pk, user=person, kind="page", urgency="low", reason="r", subject={},
            started_at=at,
        )  # fmt: skip


def test_the_noise_report_adds_up_and_advises(owner: Visitor, house: str) -> None:
    service, person = Service.objects.get(name="checkout"), User.objects.get(email=owner.email)
    for number in range(101, 106):
        incident(number, service, acted=number == 101, pages=2, person=person)
    until = clock.now()
    (row,) = noise.report(actor=SYSTEM, since=until - timedelta(days=60), until=until).rows
    assert (row.noisy.name, row.noisy.incidents, row.noisy.pages) == ("disk … is at … %", 5, 10)
    assert (row.noisy.people, row.noisy.acted_on, row.noisy.by_itself) == (1, 1, 4)
    assert row.noisy.typical == timedelta(minutes=3)
    advice = {each.advice for each in row.suggestions}
    assert {Advice.PAUSE, Advice.LOWER} <= advice  # and, by the hour of this test, what is said of nights
    text = owner.client.get("/alerts/noise?days=90").content.decode()
    assert "pause: 3m" in text
    assert owner.client.get("/alerts/noise?days=nonsense&service=none").status_code == 200
    assert f"/routing/?alert={row.alert_id}" in text
    assert f'href="/alerts/{row.alert_id}"' in text
    assert "disk … is at … %" in owner.client.get("/alerts/noise?days=90&team=payments").content.decode()
    assert "No alert opened" in owner.client.get("/alerts/noise?days=90&team=others").content.decode()


def test_the_noise_report_is_a_file_too(owner: Visitor, house: str) -> None:
    service, person = Service.objects.get(name="checkout"), User.objects.get(email=owner.email)
    for number in range(101, 104):
        incident(number, service, acted=False, pages=2, person=person)
    Alert.objects.update(summary="=HYPERLINK(1)")
    answer = owner.client.get("/alerts/noise?days=90&format=csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="noise-90-days-')
    (row,) = csv.DictReader(io.StringIO(answer.content.decode()))
    assert row["alert"].startswith("'=HYPERLINK")
    assert (row["service"], row["incidents"], row["pages"], row["acted_on"]) == ("checkout", "3", "6", "0")
    assert row["typical_minutes"] == "3.0"
    assert "pause: 3m" in row["suggestions"]


USUAL = Noisy("x", "s", "i", Severity.SEV3, 10, 20, 2, 6, 0, 0, 0, timedelta(hours=1))


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ({}, []),
        ({"incidents": 2, "acted_on": 0, "by_itself": 2}, []),
        ({"by_itself": 8, "typical": timedelta(minutes=4)}, [Advice.PAUSE]),
        ({"by_itself": 8, "typical": timedelta(minutes=4), "severity": Severity.SEV2}, []),
        ({"crowd": 5}, [Advice.GROUP]),
        ({"acted_on": 2}, [Advice.LOWER]),
        ({"acted_on": 2, "severity": Severity.SEV4}, []),
        ({"acted_on": 5, "at_night": 3}, [Advice.HOURS]),
        ({"acted_on": 5, "at_night": 3, "severity": Severity.SEV1}, []),
        ({"acted_on": 10}, [Advice.TUNE]),
    ],
)
def test_advice_fits_how_it_behaved(given: dict[str, Any], advice: list[Advice]) -> None:
    assert [each.advice for each in suggestions(replace(USUAL, **given))] == advice
