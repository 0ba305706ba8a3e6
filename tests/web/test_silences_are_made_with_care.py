"""A silence by the form: on days of the week, asked about where it holds much, by those only who may."""

from datetime import timedelta
from typing import Any

import pytest

from tests.web.conftest import Visitor, visitor
from tocsin.apps.alerts.models import Alert, Silence
from tocsin.apps.integrations import actions as integrations
from tocsin.apps.integrations.types import IntegrationSpec
from tocsin.domain.permissions import SYSTEM, Role
from tocsin.lib.clock import now

pytestmark = pytest.mark.django_db


def firing(count: int) -> None:
    at = now()
    tools = integrations.save_integration(actor=SYSTEM, spec=IntegrationSpec("tools", "generic"), now=at)
    seen = {"status": "firing", "count": 1, "first_seen_at": at, "last_seen_at": at}
    for number in range(count):
        labels = {"instance": f"db{number}", "env": "prod"}
        key = f"k{number}"
        Alert.objects.create(integration_id=tools.id, dedup_key=key, summary=key, labels=labels, **seen)


def form(matchers: str, **more: Any) -> dict[str, Any]:
    at = now()
    times = {"starts": f"{at:%Y-%m-%dT%H:%M}", "ends": f"{at + timedelta(hours=2):%Y-%m-%dT%H:%M}"}
    return {"kind": "silence", "matchers": matchers, "zone": "UTC", "deed": "save", **times, **more}


def test_one_that_holds_most_of_what_fires_is_asked_about_first(owner: Visitor) -> None:
    firing(5)
    asked = owner.client.post("/silences/new", form('env="prod"')).content.decode()
    assert "<strong>5</strong> of the 5 alerts" in asked
    assert not Silence.objects.exists()
    assert owner.client.post("/silences/new", form('env="prod"', sure="1")).status_code == 302
    assert Silence.objects.get().matchers == ['env="prod"']


def test_one_that_holds_little_is_made_at_once(owner: Visitor) -> None:
    firing(5)
    assert owner.client.post("/silences/new", form('instance="db1"')).status_code == 302
    assert Silence.objects.count() == 1


def test_days_are_ticked_and_shown_again(owner: Visitor) -> None:
    assert owner.client.post("/silences/new", form('instance="db1"', days=["SU", "MO"])).status_code == 302
    made = Silence.objects.get()
    assert made.rrule == "FREQ=WEEKLY;BYDAY=MO,SU"
    page = owner.client.get(f"/silences/{made.uid}/edit").content.decode()
    assert page.count('name="days"') == 7
    assert 'value="SU" checked' in page
    assert 'value="TU" checked' not in page
    both = owner.client.post("/silences/new", form('a="b"', days=["SU"], rrule="FREQ=DAILY"))
    assert both.status_code == 400
    assert "either tick days" in both.content.decode()


def test_who_may_only_look_makes_none(db: None) -> None:
    viewer = visitor("viewer", Role.OBSERVER)
    page = viewer.client.get("/silences/new").content.decode()
    assert 'value="save"' not in page
    assert viewer.client.post("/silences/new", form('instance="db1"')).status_code == 403
    assert not Silence.objects.exists()
