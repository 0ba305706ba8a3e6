from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry, Gauge

from tocsin.apps.identity import actions as identity
from tocsin.apps.oncall import actions, queries
from tocsin.config.readings import WORKED, Worked
from tocsin.domain.configuration import load
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.schedule import OverrideKind
from tocsin.domain.schedule.definition import OverrideDefinition
from tocsin.lib import metrics

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)  # a Wednesday
HOUR = timedelta(hours=1)
TEXT = """
rotations:
  - name: days
    type: daily
    start: 2026-11-01T00:00
    timezone: UTC
    participants: [ann@x.org]
    restrictions: [{days: [mon, tue, wed, thu, fri], start: '08:00', end: '20:00'}]
  - {name: ghosts, type: daily, role: shadow, start: 2026-11-01T00:00, participants: [ben@x.org]}
  - {name: alone, type: daily, start: 2026-11-01T00:00, timezone: UTC, participants: [cem@x.org]}
schedules:
  - {name: web, timezone: UTC, layers: [days, ghosts]}
"""


@pytest.fixture
def rota(db: None) -> None:
    for email in ("ann@x.org", "ben@x.org", "cem@x.org"):
        identity.invite_user(actor=SYSTEM, email=email, now=NOW)
    org = load({"f": TEXT}).organisation
    actions.save_rotations(actor=SYSTEM, definitions=org.rotations.values(), now=NOW)
    actions.save_schedule(actor=SYSTEM, definition=org.schedules["web"], now=NOW)


def _cover(at: datetime) -> dict[str, tuple[float, bool, tuple[tuple[str, str], ...]]]:
    return {one.schedule: (one.gap / HOUR, one.covered, one.now) for one in queries.cover(at)}


def test_gaps_of_a_week_and_who_is_on_call_of_each_schedule(rota: None) -> None:
    week = 7 * 24 - 5 * 12
    ben, ann = ("shadow", "ben@x.org"), ("primary", "ann@x.org")
    assert _cover(NOW) == {
        "alone": (0, True, (("primary", "cem@x.org"),)),
        "web": (week, True, (ann, ben)),
    }
    # A shadow covers nothing.
    assert _cover(NOW + 9 * HOUR)["web"] == (week, False, (ben,))
    assert _cover(NOW + 20 * HOUR)["web"] == (week, True, (ann, ben))


def test_a_change_is_seen_at_once_and_time_goes_on(rota: None) -> None:
    assert _cover(NOW)["web"][2][0] == ("primary", "ann@x.org")
    change = OverrideDefinition(NOW + HOUR, NOW + 3 * HOUR, OverrideKind.OVERRIDE, "cem@x.org")
    made = actions.add_override(actor=SYSTEM, schedule="web", change=change, now=NOW)
    assert _cover(NOW)["web"][2][0] == ("primary", "ann@x.org")
    assert _cover(NOW + HOUR)["web"][2][0] == ("primary", "cem@x.org")
    assert _cover(NOW + 3 * HOUR)["web"][2][0] == ("primary", "ann@x.org")
    actions.remove_override(actor=SYSTEM, override_id=made.id, now=NOW)
    assert _cover(NOW + HOUR)["web"][2][0] == ("primary", "ann@x.org")
    actions.delete_schedule(actor=SYSTEM, name="web", now=NOW)
    assert set(_cover(NOW)) == {"alone", "days", "ghosts"}


def test_it_is_shown_as_three_gauges(rota: None) -> None:
    WORKED[0].show(queries.cover(NOW + 9 * HOUR))
    shown = metrics.render().decode()
    assert 'tocsin_oncall_gap_seconds{schedule="web"} 388800.0' in shown
    assert 'tocsin_oncall_covered{schedule="web"} 0.0' in shown
    assert 'tocsin_oncall_covered{schedule="alone"} 1.0' in shown
    assert 'tocsin_oncall_current{role="primary",schedule="alone",user="cem@x.org"} 1.0' in shown
    WORKED[0].show(())
    assert "tocsin_oncall_gap_seconds{" not in metrics.render().decode()


def test_it_is_worked_out_only_so_often() -> None:
    gauge = Gauge("g", "g", ("a",), registry=CollectorRegistry())
    worked = Worked(lambda _now: (), [(gauge, lambda found: found)], every_s=30)
    assert [worked.is_due(at) for at in (100, 101, 129, 130, 131)] == [True, False, False, True, False]
