"""Inhibition, pauses, flapping and storms through the whole pipeline."""

from datetime import timedelta
from typing import Any

from tests.incidents.conftest import START, Company
from tocsin.apps.alerts.actions import save_suppression
from tocsin.apps.alerts.models import Alert, Hold
from tocsin.apps.catalog import actions as catalog
from tocsin.apps.catalog.types import ServiceSpec
from tocsin.apps.escalation.models import CallOut
from tocsin.apps.incidents import jobs
from tocsin.apps.incidents.models import Incident, Storm
from tocsin.apps.integrations import actions as integrations
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.routing import Flapping, Route, parse_matcher

RULES = {
    "inhibitions": [
        {"name": "host", "source": ['what="host"'], "target": ['what=~"disk|app"'], "equal": ["host"]},
        {"name": "disk", "source": ['what="disk"'], "target": ['what="app"'], "equal": ["host"]},
    ]
}


def _fire(company: Company, key: str, severity: str = "warning", **labels: str) -> None:
    event = {"action": "trigger", "dedup_key": key, "summary": key, "severity": severity, "labels": labels}
    company.send(event)


def _end(company: Company, key: str) -> None:
    company.send({"action": "resolve", "dedup_key": key})


def _sweep(company: Company, **span: float) -> None:
    company.wait(**span)
    jobs.sweep(company.now)


def _route(**settings: Any) -> None:
    integrations.save_routes(actor=SYSTEM, tree=Route(**settings), now=START)


def test_a_chain_of_inhibitions_holds_until_the_last_source_is_over(company: Company) -> None:
    save_suppression(actor=company.owner, definition=RULES, now=START)
    _fire(company, "host1", what="host", host="a")
    _fire(company, "disk1", what="disk", host="a")
    _fire(company, "app1", what="app", host="a")
    _fire(company, "app2", what="app", host="b")
    assert [row.title for row in reversed(company.rows())] == ["host1", "app2"]
    assert Hold.objects.filter(alert__dedup_key="app1", ended_at=None).count() == 2
    _end(company, "host1")
    _sweep(company, seconds=1)
    assert [row.title for row in reversed(company.rows())] == ["host1", "app2", "disk1"]
    _end(company, "disk1")
    _sweep(company, seconds=1)
    assert company.newest().title == "app1"


def test_a_source_that_fires_later_holds_what_fires_already(company: Company) -> None:
    save_suppression(actor=company.owner, definition=RULES, now=START)
    _fire(company, "app1", what="app", host="a")
    _fire(company, "host1", what="host", host="a")
    _sweep(company, seconds=1)
    assert Incident.objects.get(title="app1").suppressed_by.startswith("the inhibition “host”")
    assert Incident.objects.get(title="host1").suppressed_by == ""


def test_no_alert_inhibits_itself(company: Company) -> None:
    rule = {"name": "all", "source": ['a="b"'], "target": ['a="b"']}
    save_suppression(actor=company.owner, definition={"inhibitions": [rule]}, now=START)
    _fire(company, "one", a="b")
    _fire(company, "two", a="b")
    _sweep(company, seconds=1)
    assert not Hold.objects.exists()


def test_a_rule_that_goes_holds_no_more(company: Company) -> None:
    save_suppression(actor=company.owner, definition=RULES, now=START)
    _fire(company, "host1", what="host", host="a")
    _fire(company, "disk1", what="disk", host="a")
    save_suppression(actor=company.owner, definition={}, now=START)
    _sweep(company, seconds=1)
    assert company.newest().title == "disk1"


def test_what_ends_within_the_pause_opens_nothing(company: Company) -> None:
    _route(pause=timedelta(minutes=2))
    _fire(company, "k1")
    _sweep(company, seconds=90)
    _end(company, "k1")
    _sweep(company, minutes=5)
    assert not Incident.objects.exists()
    _fire(company, "k2")
    _sweep(company, seconds=119)
    assert not Incident.objects.exists()
    _sweep(company, seconds=1)
    assert company.newest().title == "k2"


def test_no_pause_holds_what_is_severe_or_becomes_so(company: Company) -> None:
    _route(pause=timedelta(minutes=2))
    _fire(company, "k1", "critical")
    assert company.newest().title == "k1"
    _fire(company, "k2")
    assert Incident.objects.count() == 1
    company.wait(seconds=10)
    _fire(company, "k2", "critical")
    assert company.newest().title == "k2"
    assert Alert.objects.get(dedup_key="k2").held_s == 10


def test_what_flaps_is_held_until_it_is_steady(company: Company) -> None:
    _route(flapping=Flapping(4, timedelta(minutes=30)))
    for _ in range(2):
        _fire(company, "k1")
        company.wait(minutes=1)
        _end(company, "k1")
        company.wait(minutes=6)
    assert {row.status for row in company.rows()} == {"resolved"}
    before = Incident.objects.count()
    _fire(company, "k1")
    alert = Alert.objects.get(status="firing")
    assert alert.flapping
    assert alert.held_since == company.now
    _sweep(company, minutes=14)
    assert Incident.objects.count() == before
    _sweep(company, minutes=1)
    assert company.newest().status == "investigating"
    alert.refresh_from_db()
    assert not alert.flapping


def test_a_storm_calls_each_service_once(company: Company) -> None:
    save_suppression(actor=company.owner, definition={"storm": {"alerts": 50, "within": "5m"}}, now=START)
    routes = []
    for name in ("checkout", "search", "mail"):
        spec = ServiceSpec(name, team="payments", escalation_policy="payments")
        catalog.save_service(actor=SYSTEM, spec=spec, now=START)
        routes.append(Route((parse_matcher(f"svc={name}"),), service=name))
    _route(routes=tuple(routes))
    names = ("checkout", "search", "mail")
    events = [
        {"action": "trigger", "dedup_key": f"k{n}", "summary": "s", "severity": "warning",
         "labels": {"svc": names[n % 3]}}
        for n in range(500)
    ]  # fmt: skip
    company.send(events)
    while jobs.process_waiting(company.now):
        pass
    assert Alert.objects.filter(status="firing").count() == 500
    assert Incident.objects.filter(storm=True).count() == Incident.objects.count() == 3
    assert CallOut.objects.count() == 3
    _fire(company, "worst", "SEV1", svc="mail")
    assert company.newest().title == "worst"
    _fire(company, "worse", "critical", svc="mail")
    assert Incident.objects.count() == 4
    assert Incident.objects.get(storm=True, service__name="mail").severity == "SEV2"
    _sweep(company, minutes=9)
    assert Storm.objects.filter(ended_at=None).exists()
    _sweep(company, minutes=2)
    assert not Storm.objects.filter(ended_at=None).exists()
    _fire(company, "after", svc="mail")
    assert company.newest().title == "after"
