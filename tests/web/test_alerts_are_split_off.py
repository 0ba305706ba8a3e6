"""Splitting alerts off an incident by its page, and putting them back; labels in common are said once."""

import pytest

from tests.web.conftest import Visitor
from tocsin.apps.alerts.models import Alert
from tocsin.apps.incidents import queries
from tocsin.apps.incidents.models import IncidentAlert
from tocsin.apps.integrations.models import Integration
from tocsin.lib import clock

pytestmark = pytest.mark.django_db


@pytest.fixture
def two(house: str) -> tuple[str, list[int]]:
    """An open incident with two alerts."""
    at = clock.now()
    found = []
    for name in ("db1", "db2"):
        alert = Alert.objects.create(
            integration=Integration.objects.get(name="prometheus"),
            dedup_key=name,
            group_key="same",
            summary=f"{name} is slow",
            labels={"env": "prod", "host": name},
            severity="SEV2",
            status="firing",
            first_seen_at=at,
            last_seen_at=at,
        )
        IncidentAlert.objects.create(incident_id=queries.id_of(house), alert=alert, joined_at=at)
        found.append(alert.pk)
    return house, found


def test_alerts_are_split_off_and_put_back(owner: Visitor, two: tuple[str, list[int]]) -> None:
    ref, (first, second) = two
    answer = owner.client.post(f"/incidents/{ref}/split", {"alert": [second]}, follow=True)
    made = Alert.objects.get(pk=second).incident_links.get().incident
    assert f"{made.ref} has them now" in answer.content.decode()
    assert made.ref != ref
    assert Alert.objects.get(pk=first).incident_links.get().incident.ref == ref
    page = owner.client.get(f"/incidents/{made.ref}").content.decode()
    assert f"Put back into {ref}" in page
    owner.client.post(f"/incidents/{made.ref}/rejoin")
    assert Alert.objects.get(pk=second).incident_links.filter(incident=queries.id_of(ref)).exists()


@pytest.mark.parametrize("chosen", [[], ["x"], ["9" * 40]])
def test_choosing_nothing_or_nonsense_says_so(
    owner: Visitor, two: tuple[str, list[int]], chosen: list[str]
) -> None:
    ref, ids = two
    answer = owner.client.post(f"/incidents/{ref}/split", {"alert": chosen}, follow=True)
    assert f"expected alerts of {ref}" in answer.content.decode()
    assert IncidentAlert.objects.filter(incident=queries.id_of(ref), alert__in=ids).count() == 2


def test_labels_in_common_are_said_once(owner: Visitor, two: tuple[str, list[int]]) -> None:
    text = owner.client.get(f"/incidents/{two[0]}").content.decode()
    assert text.count("env=<code>prod</code>") == 1
    assert text.count("host=<code>db1</code>") == 1


def test_who_only_looks_is_offered_no_split(stranger: Visitor, two: tuple[str, list[int]]) -> None:
    assert "/split" not in stranger.client.get(f"/incidents/{two[0]}").content.decode()
    owner_would = stranger.client.post(f"/incidents/{two[0]}/split", {"alert": [two[1][0]]}, follow=True)
    assert Alert.objects.get(pk=two[1][0]).incident_links.get().incident.ref == two[0]
    assert owner_would.status_code == 200
