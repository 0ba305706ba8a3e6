"""A dedup key from a route: several of the tool's keys are one alert, and what ends it is found."""

import pytest

from tocsin.apps.alerts import directory, intake
from tocsin.apps.alerts.incoming import Incoming
from tocsin.apps.alerts.models import Alert
from tocsin.apps.integrations import actions
from tocsin.apps.integrations import queries as integrations
from tocsin.apps.integrations.forms import read_tree
from tocsin.apps.integrations.types import IntegrationSpec
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.signal import EventAction, Signal
from tocsin.lib import clock

pytestmark = pytest.mark.django_db


def taken(*signals: Signal) -> None:
    now = clock.now()
    way = integrations.integration("tool")
    assert way is not None
    intake.take_in([Incoming(way, signal, 1, now) for signal in signals], directory.load(), now)


def fired(key: str, **labels: str) -> Signal:
    return Signal(EventAction.TRIGGER, key, summary="down", labels=labels)


def test_several_keys_become_one_alert_that_its_own_end_resolves() -> None:
    now = clock.now()
    actions.save_integration(actor=SYSTEM, spec=IntegrationSpec("tool", "generic"), now=now)
    tree = {"dedup_key": "{{ labels.host }}", "set": {"labels": {"zone": "eu"}, "runbook": "https://r"}}
    actions.save_routes(actor=SYSTEM, tree=read_tree(tree), now=now)
    taken(fired("a-1", host="db"), fired("a-2", host="db"))
    taken(fired("a-2", host="db"))
    alert = Alert.objects.get()
    assert (alert.dedup_key, alert.source_key, alert.count) == ("db", "a-1", 3)
    assert alert.labels == {"host": "db", "zone": "eu"}
    assert alert.runbook == "https://r"
    taken(Signal(EventAction.RESOLVE, "a-1"))  # says no labels
    assert Alert.objects.get().status == "resolved"
