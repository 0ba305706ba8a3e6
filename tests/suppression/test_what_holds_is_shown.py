"""By what and until when, on the pages of alerts and incidents; and the way to the form."""

from datetime import timedelta
from html import unescape

from tests.web.conftest import Visitor, house, mate, owner, stranger
from tocsin.apps.alerts.actions import save_silence
from tocsin.apps.alerts.models import Alert, Hold
from tocsin.apps.alerts.types import SilenceSpec
from tocsin.apps.incidents import queries
from tocsin.apps.incidents.models import IncidentAlert, Storm
from tocsin.apps.integrations.models import Integration
from tocsin.lib import clock

__all__ = ["house", "mate", "owner", "stranger"]


def _page(visitor: Visitor, path: str) -> str:
    return unescape(visitor.client.get(path).content.decode())


def test_a_storm_is_announced_above_the_incidents(house: str, mate: Visitor) -> None:
    assert "A storm of alerts" not in _page(mate, "/incidents/")
    at = clock.now()
    Storm.objects.create(began_at=at, last_at=at)
    assert "A storm of alerts" in _page(mate, "/incidents/")


def test_maintenance_is_listed_day_by_day(house: str, mate: Visitor) -> None:
    assert "No maintenance is planned" in _page(mate, "/silences/calendar")
    at = clock.now()
    spec = SilenceSpec(
        ('env="prod"',),
        at + timedelta(hours=1),
        at + timedelta(hours=2),
        kind="maintenance",
        rrule="FREQ=WEEKLY",
        comment="patch day",
    )
    save_silence(actor=mate.actor, spec=spec, now=at)
    page = _page(mate, "/silences/calendar")
    assert page.count("patch day") == 4
    assert page.count("<h2>") == 4


def test_pages_say_what_holds_an_alert_and_fill_in_the_form(house: str, mate: Visitor) -> None:
    at = clock.now()
    way = Integration.objects.get(name="prometheus")
    row = {"summary": "s", "group_key": "", "first_seen_at": at, "last_seen_at": at, "incident": house}
    labels = {"instance": 'a"b', "empty": ""}
    alert = Alert.objects.create(integration=way, dedup_key="k", labels=labels, held_since=at, **row)
    IncidentAlert.objects.create(incident_id=queries.id_of(house), alert=alert, joined_at=at)
    Hold.objects.create(alert=alert, kind="pause", by="pause", text="the pause of 2m", since=at, ends="soon")
    assert "held by the pause of 2m, until soon" in _page(mate, "/alerts/")
    assert "everything that fires here is held: the pause of 2m" in _page(mate, f"/incidents/{house}")
    shown = _page(mate, f"/alerts/{alert.pk}")
    assert "the pause of 2m: ends soon" in shown
    address = shown.split("Silence this")[0].rsplit('href="', 1)[1].split('"')[0]
    form = _page(mate, address)
    assert 'instance="a\\"b"' in form
    assert 'integration="prometheus"' in form
    assert "empty=" not in form.split("textarea")[1]
