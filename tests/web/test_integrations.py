from typing import Any

import pytest

from tests.web.conftest import Visitor
from tocsin.apps.integrations.models import Event, Integration
from tocsin.apps.integrations.queries import integration
from tocsin.apps.integrations.types import IntegrationInfo
from tocsin.lib import clock

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
    for deed, data in (("switch", {}), ("delete", {})):
        assert "comes from a file" in post(owner, deed, data)
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
