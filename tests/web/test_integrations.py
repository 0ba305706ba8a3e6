from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tests.ingest.test_spools_are_damaged import filled
from tests.web.conftest import Visitor
from tocsin.apps.integrations.health import traffic
from tocsin.apps.integrations.models import Event, Integration, Rejected
from tocsin.apps.integrations.queries import integration
from tocsin.apps.integrations.types import IntegrationInfo
from tocsin.entrypoints.web.gallery import groups
from tocsin.lib import clock
from tocsin.ports import registry

FORM = {"name": "prometheus", "service": "checkout", "severity_map": ""}


def look(name: str = "prometheus") -> IntegrationInfo:
    found = integration(name)
    assert found is not None
    return found


def post(reader: Visitor, deed: str, data: dict[str, Any] | None = None) -> str:
    answer = reader.client.post(f"/integrations/prometheus/{deed}", data or {}, follow=True)
    return str(answer.content.decode())


def test_it_is_changed_on_its_page_and_keeps_its_address(owner: Visitor, house: str) -> None:
    key = look().key
    form = {"name": "prometheus-eu", "service": "", "severity_map": "page: SEV1\n\nteam: x: sev3\n"}
    page = post(owner, "edit", form)
    assert "Saved." in page
    assert "team: x: SEV3" in page
    made = look("prometheus-eu")
    assert (made.key, made.service, made.enabled) == (key, None, True)
    assert made.severity_map == {"page": "SEV1", "team: x": "SEV3"}
    assert integration("prometheus") is None


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", "", "e-name-error"),
        ("name", "other", "e-name-error"),
        ("service", "nowhere", "e-service-error"),
        ("severity_map", "page: SEV1\nticket: SEV9", "Line 2"),
        ("severity_map", "SEV1", "Line 1"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_lost(
    field: str, value: str, said: str, owner: Visitor, house: str
) -> None:
    owner.client.post("/integrations/add", {"name": "other", "kind": "alertmanager"})
    before = look()
    form = {**FORM, "severity_map": "kept: SEV4", field: value}
    answer = owner.client.post("/integrations/prometheus/edit", form)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert form["severity_map"] in answer.content.decode()
    assert look() == before


def test_it_is_turned_off_and_on(owner: Visitor, house: str) -> None:
    assert "refused" in post(owner, "switch")
    assert not look().enabled
    assert "Turn on" in post(owner, "edit", FORM)
    assert not look().enabled
    post(owner, "switch", {"on": "yes"})
    assert look().enabled


def test_it_is_deleted_unless_alerts_refer_to_it(owner: Visitor, house: str) -> None:
    assert "is deleted" in post(owner, "delete")
    assert integration("prometheus") is None


def test_what_a_file_owns_is_not_changed_here(owner: Visitor, house: str) -> None:
    Integration.objects.update(from_file=True)
    before = look()
    page = owner.client.get("/integrations/prometheus").content.decode()
    assert "/integrations/prometheus/edit" not in page
    assert "/integrations/prometheus/rotate" not in page
    for deed in ("switch", "delete"):
        assert "comes from a file" in post(owner, deed)
    assert owner.client.post("/integrations/prometheus/edit", {**FORM, "name": "x"}).status_code == 409
    assert look() == before


def test_it_is_changed_by_those_who_may(mate: Visitor, stranger: Visitor, house: str) -> None:
    before = look()
    for reader in (mate, stranger):
        assert "Change it" not in reader.client.get("/integrations/prometheus").content.decode()
        for deed, data in (("edit", {**FORM, "name": "mine"}), ("switch", {}), ("delete", {})):
            post(reader, deed, data)
    assert look() == before


def test_what_was_set_aside_is_shown_with_its_reason(owner: Visitor, house: str) -> None:
    Event.objects.create(
        event_id="e1",
        integration_id=look().id,
        action="trigger",
        dedup_key="k",
        lane=0,
        payload=b"{}",
        received_at=clock.now(),
        processed_at=clock.now(),
        set_aside="labels: expected an object",
    )
    page = owner.client.get("/integrations/prometheus").content.decode()
    assert "Set aside" in page
    assert "labels: expected an object" in page


def aside(reason: str = "labels: expected an object", payload: bytes = b'{"odd": 1}') -> Event:
    return Event.objects.create(
        event_id="e1",
        integration_id=look().id,
        action="trigger",
        dedup_key="k",
        lane=0,
        payload=payload,
        received_at=clock.now(),
        processed_at=clock.now(),
        set_aside=reason,
    )


def refused(body: bytes, **other: Any) -> Rejected:
    at = clock.now()
    given = {"kind": "alertmanager", "status": 400, "reason": "alerts: missing", "size": len(body), **other}
    return Rejected.objects.create(integration_id=look().id, body=body, first_at=at, last_at=at, **given)


def test_the_list_has_a_word_for_how_each_fares_and_a_filter(owner: Visitor, house: str) -> None:
    def shown(query: str = "") -> str:
        page = owner.client.get(f"/integrations/{query}").content.decode()
        return page.partition('id="integrations"')[2]

    assert "Waiting for its first event" in shown()
    Integration.objects.update(last_event_at=clock.now())
    assert "Works" in shown()
    event = aside()
    assert "Errors</span>" in shown()
    assert "/integrations/prometheus" in shown("?health=errors&q=prom")
    assert "No integration matches" in shown("?health=silent")
    event.delete()
    Integration.objects.update(silent_since=clock.now())
    assert "/integrations/prometheus" in shown("?health=silent")
    Integration.objects.update(enabled=False)
    assert "Switched off" in shown()


def test_events_of_a_day_are_counted_by_their_hour(house: str) -> None:
    at = clock.now()
    for hours, count in ((0, 5), (3, 2), (3, 1), (30, 9)):
        event = aside(reason="")
        Event.objects.filter(pk=event.pk).update(
            count=count, received_at=at - timedelta(hours=hours, minutes=5)
        )
    own = aside(reason="")
    Event.objects.filter(pk=own.pk).update(kind="heartbeat", count=100)
    found = traffic([look().id], now=at)[look().id]
    assert (found.hours[-1], found.hours[-4], found.total) == (5, 3, 8)
    assert found.whole
    assert found.errors == 0


def test_every_tool_stands_in_the_gallery_with_a_line_and_is_found(owner: Visitor, house: str) -> None:
    cards = [card for _, found in groups() for card in found]
    assert {card.kind for card in cards} == set(registry.sources)
    assert all(card.about for card in cards)
    page = owner.client.get("/integrations/add?q=kibana").content.decode()
    assert "kind=elastic" in page
    assert "kind=zabbix" not in page
    assert "No tool of that name" in owner.client.get("/integrations/add?q=nothing-such").content.decode()


def test_a_new_one_is_named_waits_and_says_when_something_came(owner: Visitor, house: str) -> None:
    assert 'value="zabbix"' in owner.client.get("/integrations/add?kind=zabbix").content.decode()
    form = {"name": "zabbix", "kind": "zabbix"}
    page = owner.client.post("/integrations/add", form, follow=True).content.decode()
    assert "Waiting for the first event." in page
    assert 'hx-trigger="every 3s"' in page
    part = owner.client.get("/integrations/prometheus/first").content.decode()
    assert "Waiting for the first event." in part
    refused(b"{}")
    part = owner.client.get("/integrations/prometheus/first").content.decode()
    assert "alerts: missing" in part
    aside()
    part = owner.client.get("/integrations/prometheus/first").content.decode()
    assert "The first event arrived" in part
    assert "every 3s" not in part


def test_an_event_that_was_set_aside_is_tried_again_or_discarded(
    owner: Visitor, mate: Visitor, house: str
) -> None:
    event = aside()
    assert "{&quot;odd&quot;: 1}" in owner.client.get("/integrations/prometheus").content.decode()
    post(mate, "trouble", {"event": event.pk})
    post(mate, "trouble", {"event": event.pk, "deed": "discard"})
    event.refresh_from_db()
    assert event.set_aside
    assert "tried again" in post(owner, "trouble", {"event": event.pk})
    event.refresh_from_db()
    assert (event.processed_at, event.set_aside) == (None, "")
    assert "no event that was set aside" in post(owner, "trouble", {"event": event.pk}).lower()
    other = aside()
    post(owner, "trouble", {"event": other.pk, "deed": "discard"})
    assert list(Event.objects.values_list("pk", flat=True)) == [event.pk]


def test_all_that_was_set_aside_is_tried_again(owner: Visitor, house: str) -> None:
    aside(), aside()
    post(owner, "trouble")
    assert not Event.objects.exclude(set_aside="", processed_at=None).exists()


def test_a_refused_sample_is_tried_again_once_it_is_understood(owner: Visitor, house: str) -> None:
    good = registry.sources["alertmanager"].sample("again")
    bad = refused(b'{"alerts": 3}')
    page = post(owner, "trouble", {"sample": bad.pk})
    assert "is understood now" not in page
    assert Rejected.objects.filter(pk=bad.pk).exists()
    assert not Event.objects.exists()
    assert "is understood now" in post(owner, "trouble", {"sample": refused(good).pk})
    assert Event.objects.get().dedup_key
    assert list(Rejected.objects.all()) == [bad]
    post(owner, "trouble", {"sample": bad.pk, "deed": "discard"})
    assert not Rejected.objects.exists()


@pytest.mark.parametrize("other", [{"size": 900_000}, {"status": 401}])
def test_a_sample_of_which_something_is_missing_is_not_tried(
    other: dict[str, int], owner: Visitor, house: str
) -> None:
    sample = refused(registry.sources["alertmanager"].sample("again"), **other)
    assert "send it again" in post(owner, "trouble", {"sample": sample.pk})
    assert not Event.objects.exists()


def test_a_key_is_rotated_without_loss_and_the_old_one_ended(owner: Visitor, house: str) -> None:
    old = look().key
    page = post(owner, "rotate", {"keep": "168"})
    found = look()
    assert found.old_key == old
    assert found.old_key_until is not None
    assert timedelta(days=6) < found.old_key_until - clock.now() <= timedelta(days=7)
    assert "Nobody has used it" in page
    Integration.objects.update(old_key_used_at=clock.now())
    assert "some tool still has it" in owner.client.get("/integrations/prometheus").content.decode()
    assert "is refused" in post(owner, "end-old-key")
    assert look().old_key == ""
    key = look().key
    assert "number of hours" in post(owner, "rotate", {"keep": "soon"})
    assert look().key == key


def test_when_it_is_silent_is_said_in_its_form(owner: Visitor, house: str) -> None:
    post(owner, "edit", {**FORM, "silent_after": "2h"})
    assert look().silent_after == timedelta(hours=2)
    assert 'value="2h"' in owner.client.get("/integrations/prometheus").content.decode()
    answer = owner.client.post("/integrations/prometheus/edit", {**FORM, "silent_after": "often"})
    assert answer.status_code == 422
    assert "e-silent-error" in answer.content.decode()
    post(owner, "edit", FORM)
    assert look().silent_after == timedelta(hours=2)
    post(owner, "edit", {**FORM, "silent_after": ""})
    assert look().silent_after is None


def test_deleting_says_what_goes(owner: Visitor, house: str) -> None:
    refused(b"{}")
    page = owner.client.get("/integrations/prometheus").content.decode()
    assert "1 refused sample goes with it" in page


def test_events_that_wait_on_disk_are_told_of(
    owner: Visitor, house: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(settings, "TOCSIN", replace(settings.TOCSIN, spool_dir=tmp_path))
    assert "on this host" not in owner.client.get("/integrations/").content.decode()
    filled(tmp_path)
    assert "300 events wait on this host" in " ".join(
        owner.client.get("/integrations/").content.decode().replace("<strong>", "").split()
    )
