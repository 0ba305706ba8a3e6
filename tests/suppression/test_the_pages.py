"""The pages of silences, without JavaScript."""

import pytest

from tests.web.conftest import Visitor, house, mate, owner, stranger
from tocsin.apps.alerts.models import Silence

__all__ = ["house", "mate", "owner", "stranger"]

FORM = {
    "kind": "silence",
    "matchers": 'instance="db1"\nenv="prod"',
    "starts": "2030-01-01T10:00",
    "ends": "2030-01-01T12:00",
    "zone": "Europe/Berlin",
    "comment": "disk is changed",
}


def test_one_is_tried_made_found_and_ended(house: str, mate: Visitor) -> None:
    page = mate.client.get("/silences/")
    assert "Nothing is silenced" in page.content.decode()
    tried = mate.client.post("/silences/new", {**FORM, "deed": "try"}).content.decode()
    assert "It hits nothing" in tried
    assert tried.count("2030-01-01T09:00") == tried.count("2030-01-01T11:00") == 1
    assert not Silence.objects.exists()
    assert mate.client.post("/silences/new", {**FORM, "deed": "save"}).status_code == 302
    row = Silence.objects.get()
    assert row.matchers == ['instance="db1"', 'env="prod"']
    assert "disk is changed" in mate.client.get("/silences/?state=scheduled&q=disk").content.decode()
    assert "db1" in mate.client.get(f"/silences/{row.uid}/edit").content.decode()
    assert mate.client.post(f"/silences/{row.uid}/extend").status_code == 302
    assert mate.client.post(f"/silences/{row.uid}/expire").status_code == 302
    row.refresh_from_db()
    assert row.ended_at is not None
    assert "Again" in mate.client.get("/silences/?state=expired").content.decode()


@pytest.mark.parametrize("wrong", [{"matchers": ""}, {"ends": "2029-01-01T00:00"}, {"rrule": "FREQ=NOW"}])
def test_what_is_wrong_is_said(house: str, mate: Visitor, wrong: dict[str, str]) -> None:
    page = mate.client.post("/silences/new", {**FORM, **wrong, "deed": "save"})
    assert page.status_code == 400
    assert not Silence.objects.exists()


def test_who_only_looks_is_offered_nothing(house: str, stranger: Visitor) -> None:
    assert "New silence" not in stranger.client.get("/silences/").content.decode()
    assert stranger.client.post("/silences/new", {**FORM, "deed": "save"}).status_code == 403
