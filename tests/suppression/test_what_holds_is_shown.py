"""By what and until when, on the pages of alerts and incidents; and the way to the form."""

from datetime import timedelta
from html import unescape

from tests.web.conftest import Visitor, house, mate, owner, stranger
from tocsin.apps.alerts.actions import save_silence
from tocsin.apps.alerts.types import SilenceSpec
from tocsin.apps.incidents.models import Storm
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
