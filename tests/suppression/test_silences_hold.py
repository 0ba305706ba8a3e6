"""Silences through the whole pipeline: held, over while held, still firing after, laid over what fires."""

from datetime import timedelta
from typing import Any

import pytest

from tests.incidents.conftest import START, Company
from tocsin.apps.alerts import silenced
from tocsin.apps.alerts.actions import expire_silence, save_silence
from tocsin.apps.alerts.models import Alert, Hold
from tocsin.apps.alerts.types import SilenceInfo, SilenceSpec
from tocsin.apps.incidents import actions, jobs
from tocsin.apps.incidents.models import Incident
from tocsin.apps.notify.models import Notification, Page
from tocsin.domain.errors import Conflict, Invalid


def _silence(company: Company, *matchers: str, hours: float = 1, **more: Any) -> SilenceInfo:
    end = company.now + timedelta(hours=hours)
    spec = SilenceSpec(matchers or ('dedup_key="k1"',), company.now, end, comment="work on it", **more)
    return save_silence(actor=company.mate, spec=spec, now=company.now)


def _sweep(company: Company, **span: float) -> None:
    company.wait(**span)
    jobs.sweep(company.now)


def test_a_silenced_alert_that_ends_opens_nothing(company: Company) -> None:
    _silence(company)
    company.send({"action": "trigger", "dedup_key": "k1", "summary": "s"})
    alert = Alert.objects.get()
    assert (alert.status, alert.held_since) == ("firing", START)
    decision = alert.decisions.get(stage="suppress")
    assert decision.outcome.startswith("held by the silence “work on it” by “")
    assert "2026-11-23 13:00 UTC" in decision.reason
    company.wait(minutes=10)
    company.send({"action": "resolve", "dedup_key": "k1"})
    _sweep(company, hours=2)
    alert.refresh_from_db()
    assert (alert.status, alert.held_since, alert.held_s) == ("resolved", None, 600)
    assert not Incident.objects.exists()
    assert not Hold.objects.filter(ended_at=None).exists()


def test_what_still_fires_when_the_silence_ends_is_decided_again(company: Company) -> None:
    _silence(company)
    company.send({"action": "trigger", "dedup_key": "k1", "summary": "s"})
    _sweep(company, minutes=59)
    assert not Incident.objects.exists()
    _sweep(company, minutes=1)
    incident = company.newest()
    assert incident.detected_at == START
    assert incident.declared_at == company.now
    assert set(Page.objects.values_list("user__email", flat=True)) == {"mate@example.com"}
    alert = Alert.objects.get()
    assert (alert.held_since, alert.held_s) == (None, 3600)
    said = [d.reason for d in alert.decisions.filter(stage="suppress", outcome="released")]
    assert said
    assert said[0].startswith("still firing after the silence")
    _sweep(company, minutes=1)
    assert Incident.objects.count() == 1


def test_of_two_holds_the_last_one_ends_it(company: Company) -> None:
    first = _silence(company, hours=1)
    second = _silence(company, 'integration="tools"', hours=3)
    company.send({"action": "trigger", "dedup_key": "k1", "summary": "s"})
    assert Hold.objects.filter(ended_at=None).count() == 2
    _sweep(company, minutes=70)
    assert [hold.by for hold in Hold.objects.filter(ended_at=None)] == [second.uid]
    assert not Incident.objects.exists()
    assert silenced.silence(first.uid, actor=company.mate, now=company.now).state == "expired"
    expire_silence(actor=company.mate, uid=second.uid, now=company.now)
    _sweep(company, seconds=1)
    assert Incident.objects.count() == 1


def test_a_silence_over_an_open_incident_stops_its_calls_until_it_ends(company: Company) -> None:
    company.trigger()
    made = _silence(company)
    _sweep(company, seconds=1)
    incident = Incident.objects.get()
    assert incident.suppressed_by.startswith("the silence")
    assert not Notification.objects.filter(state="planned").exists()
    before = Page.objects.count()
    _sweep(company, minutes=30)
    assert Page.objects.count() == before
    expire_silence(actor=company.mate, uid=made.uid, now=company.now)
    _sweep(company, seconds=1)
    incident.refresh_from_db()
    assert incident.suppressed_by == ""
    assert Page.objects.filter(ended_at=None).count() == 1
    kinds = company.kinds(incident.ref)
    assert kinds.index("suppressed") < kinds.index("released")


def test_an_acknowledged_incident_stays_acknowledged_and_nobody_is_asked(company: Company) -> None:
    company.trigger()
    actions.acknowledge(actor=company.mate, ref="INC-1", now=company.now)
    _silence(company, hours=2)
    _sweep(company, seconds=1)
    for _ in range(130):
        _sweep(company, minutes=1)
    incident = Incident.objects.get()
    assert incident.acknowledged_at is not None
    assert incident.suppressed_by == ""
    assert Page.objects.exclude(kind="notice").count() == 1


def test_one_that_is_not_held_keeps_the_incident_calling(company: Company) -> None:
    company.trigger("k1", group_key="g")
    company.send({"action": "trigger", "dedup_key": "k2", "summary": "s", "group_key": "g"})
    _silence(company)
    _sweep(company, seconds=1)
    assert all(row.suppressed_by == "" for row in Incident.objects.all())
    assert Alert.objects.get(dedup_key="k1").held_since is not None


def test_what_was_closed_by_hand_while_held_does_not_reopen(company: Company) -> None:
    company.trigger()
    _silence(company, hours=2)
    _sweep(company, seconds=1)
    actions.resolve(actor=company.mate, ref="INC-1", now=company.now)
    _sweep(company, minutes=20)
    assert Incident.objects.get().status == "resolved"
    _sweep(company, hours=2)
    assert company.newest().ref == "INC-2"


def test_one_that_is_scheduled_begins_by_itself(company: Company) -> None:
    spec = SilenceSpec(('dedup_key="k1"',), START + timedelta(hours=1), START + timedelta(hours=2))
    save_silence(actor=company.mate, spec=spec, now=START)
    company.trigger()
    _sweep(company, minutes=30)
    assert Incident.objects.get().suppressed_by == ""
    _sweep(company, minutes=31)
    assert Incident.objects.get().suppressed_by != ""


def test_maintenance_of_a_service_holds_at_each_recurrence(company: Company) -> None:
    spec = SilenceSpec(
        (),
        START,
        START + timedelta(hours=1),
        kind="maintenance",
        services=("checkout",),
        rrule="FREQ=DAILY",
        zone="Europe/Berlin",
    )
    save_silence(actor=company.mate, spec=spec, now=START)
    company.now = START + timedelta(days=3, minutes=30)
    company.send({"action": "trigger", "dedup_key": "k1", "summary": "s"})
    assert Alert.objects.get().held_since == company.now
    _sweep(company, minutes=31)
    assert company.newest().status == "investigating"


def test_what_leaves_in_a_burst_is_one_message_for_each_person(company: Company) -> None:
    _silence(company, 'integration="tools"')
    for number in range(5):
        company.send({"action": "trigger", "dedup_key": f"k{number}", "summary": "s"})
    _sweep(company, hours=1)
    assert Incident.objects.count() == 5
    assert len({page.bundle for page in Page.objects.all()}) == 1
    page = Page.objects.first()
    assert page is not None
    assert page.bundle != ""


@pytest.mark.parametrize("matchers", [(), ('team=""',), ('env!="dev"',), ('a=~".*"',)])
def test_one_that_would_hit_everything_is_refused(company: Company, matchers: tuple[str, ...]) -> None:
    spec = SilenceSpec(matchers, START, START + timedelta(hours=1))
    with pytest.raises(Invalid, match="every alert"):
        save_silence(actor=company.mate, spec=spec, now=START)


def test_who_only_looks_silences_nothing(company: Company) -> None:
    with pytest.raises(Exception, match="lacks the permission"):
        save_silence(
            actor=company.stranger,
            spec=SilenceSpec(('a="b"',), START, START + timedelta(hours=1)),
            now=START,
        )


def test_the_preview_says_what_it_hits(company: Company) -> None:
    for number in range(12):
        company.send({"action": "trigger", "dedup_key": f"k{number}", "summary": "s", "labels": {"a": "b"}})
    spec = SilenceSpec(('a="b"',), company.now, company.now + timedelta(hours=1))
    found = silenced.preview(actor=company.mate, spec=spec, now=company.now)
    assert (found.now, found.firing, found.last_day) == (12, 12, 12)
    assert len(found.incidents) == 12
    assert "100 %" in found.warnings[0]


def test_one_that_ended_is_not_changed_but_made_anew(company: Company) -> None:
    made = _silence(company)
    expire_silence(actor=company.mate, uid=made.uid, now=company.now)
    again = _silence(company, uid=made.uid)
    assert again.uid != made.uid
    assert again.state == "active"


def test_a_file_owns_what_it_made(company: Company) -> None:
    spec = SilenceSpec(('a="b"',), START, START + timedelta(hours=1), name="nightly")
    made = save_silence(actor=company.owner, spec=spec, now=START, from_file=True)
    with pytest.raises(Conflict, match="comes from a file"):
        expire_silence(actor=company.owner, uid=made.uid, now=START)
