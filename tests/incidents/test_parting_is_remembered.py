"""Alerts that a person split off an incident stay apart, until they are joined again."""

import pytest

from tests.incidents.conftest import Company
from tocsin.apps.escalation.models import CallOut
from tocsin.apps.incidents import actions, parting
from tocsin.apps.incidents.types import IncidentDetail
from tocsin.domain.errors import Conflict, Invalid, PermissionDenied


def two(company: Company) -> IncidentDetail:
    for key in ("k1", "k2"):
        company.trigger(key, group_key="same")
    return company.newest()


def alert(incident: IncidentDetail, summary: str) -> int:
    return next(each.id for each in incident.alerts if each.summary == summary)


def test_repeats_of_what_was_split_off_go_where_it_went(company: Company) -> None:
    old = two(company)
    made = parting.split(
        actor=company.owner, ref=old.ref, alert_ids=[alert(old, "k2 is down")], now=company.now
    )
    assert [each.summary for each in made.alerts] == ["k2 is down"]
    assert [each.summary for each in company.show(old.ref).alerts] == ["k1 is down"]
    company.resolve("k2")
    assert company.show(made.ref).status == "resolved"
    assert company.show(old.ref).is_open
    company.wait(minutes=1)
    company.trigger("k2", group_key="same")
    assert company.show(made.ref).is_open  # within the reopening window of its own
    assert len(company.show(old.ref).alerts) == 1


def test_people_are_called_for_it_unless_somebody_has_the_old_one(company: Company) -> None:
    old = two(company)
    made = parting.split(
        actor=company.owner, ref=old.ref, alert_ids=[alert(old, "k2 is down")], now=company.now
    )
    assert CallOut.objects.filter(incident_id=made.id).exists()
    actions.acknowledge(actor=company.mate, ref=old.ref, now=company.now)
    company.trigger("k3", group_key="same")
    again = parting.split(
        actor=company.mate,
        ref=old.ref,
        alert_ids=[alert(company.show(old.ref), "k3 is down")],
        now=company.now,
    )
    assert again.acknowledged_by == "mate@example.com"
    assert not CallOut.objects.filter(incident_id=again.id).exists()


def test_it_can_be_undone(company: Company) -> None:
    old = two(company)
    made = parting.split(
        actor=company.owner, ref=old.ref, alert_ids=[alert(old, "k2 is down")], now=company.now
    )
    parting.rejoin(actor=company.owner, ref=made.ref, now=company.now)
    assert len(company.show(old.ref).alerts) == 2
    company.resolve("k2")
    company.trigger("k2", group_key="same")
    assert len(company.show(old.ref).alerts) == 3
    with pytest.raises(Conflict):
        parting.rejoin(actor=company.owner, ref=old.ref, now=company.now)


def test_later_alerts_of_a_merged_group_follow_it(company: Company) -> None:
    first = company.trigger("k1", group_key="one")
    second = company.trigger("k2", group_key="two")
    actions.merge(actor=company.owner, ref=second.ref, into=first.ref, now=company.now)
    company.trigger("k3", group_key="two")
    assert [each.summary for each in company.show(first.ref).alerts][-1] == "k3 is down"
    assert len(company.rows()) == 2


def test_not_all_of_it_and_nothing_of_others(company: Company) -> None:
    old = two(company)
    for chosen in ([], [each.id for each in old.alerts], [999_999]):
        with pytest.raises(Invalid):
            parting.split(actor=company.owner, ref=old.ref, alert_ids=chosen, now=company.now)
    with pytest.raises(PermissionDenied):
        parting.split(actor=company.stranger, ref=old.ref, alert_ids=[old.alerts[0].id], now=company.now)
