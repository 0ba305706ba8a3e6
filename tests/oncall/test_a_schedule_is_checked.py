import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from tocsin.apps.identity import actions as identity
from tocsin.apps.identity import queries as people
from tocsin.apps.identity.models import User
from tocsin.apps.oncall import actions, queries
from tocsin.apps.oncall.models import Absence
from tocsin.domain.configuration import load
from tocsin.domain.errors import NotFound
from tocsin.domain.permissions import SYSTEM, Role
from tocsin.domain.schedule.checks import Check
from tocsin.domain.schedule.hours import Kind
from tocsin.ports import registry

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
TEXT = """
rotations:
  - {name: days, type: daily, start: 2026-11-01T00:00, timezone: UTC, participants: [ann@x.org, ben@x.org]}
  - {name: other, type: daily, start: 2026-11-01T00:00, timezone: UTC, participants: [cem@x.org, ben@x.org]}
schedules:
  - {name: web, team: web, timezone: UTC, layers: [days]}
  - {name: data, layers: [other]}
"""


@pytest.fixture
def rota(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for email in ("ann@x.org", "ben@x.org", "cem@x.org"):
        identity.invite_user(actor=SYSTEM, email=email, now=NOW)
    form = identity.TeamForm("web", members=("ann@x.org",), holidays=("2026-12-24",))
    identity.create_team(actor=SYSTEM, form=form, now=NOW)
    org = load({"f": TEXT}).organisation
    actions.save_rotations(actor=SYSTEM, definitions=org.rotations.values(), now=NOW)
    for name in ("web", "data"):
        actions.save_schedule(actor=SYSTEM, definition=org.schedules[name], now=NOW)
    monkeypatch.setattr(
        registry.reach, "deliverable", lambda emails: {email: email != "ben@x.org" for email in emails}
    )


def _of(check: Check, schedule: str = "web") -> list[tuple[str | None, str]]:
    return [(one.user, one.text) for one in queries.checks(schedule, now=NOW).findings if one.check is check]


def test_it_covers_ninety_days_from_this_minute(rota: None) -> None:
    found = queries.checks("web", now=NOW + timedelta(seconds=33))
    assert (found.start, found.end) == (NOW, NOW + 90 * DAY)
    assert found.coverage.percent == 100
    assert found.load.balance == 100
    with pytest.raises(NotFound):
        queries.checks("gone", now=NOW)


def test_who_is_doubly_booked_is_told_under_either_schedule(rota: None) -> None:
    for name, other in (("web", "data"), ("data", "web")):
        ((who, text),) = _of(Check.DOUBLE, name)
        assert who == "ben@x.org"
        assert f"in {other} as primary" in text
    # The days of a rotation without other members disturb nobody.
    assert _of(Check.DOUBLE, "days") == []


def test_holidays_are_those_of_the_schedules_team(rota: None) -> None:
    ((who, text),) = _of(Check.HOLIDAY)
    assert (who, text) == ("ben@x.org", "ben@x.org is on call on a holiday, Thu 24 Dec 2026")
    assert _of(Check.HOLIDAY, "data") == []
    (ann, ben) = queries.checks("web", now=NOW).load.people
    assert (ann.by_kind[Kind.HOLIDAY], ben.by_kind[Kind.HOLIDAY]) == (0 * HOUR, 24 * HOUR)


def test_absences_and_missing_contact_methods_are_found(rota: None) -> None:
    ben = User.objects.get(email="ben@x.org")
    Absence.objects.create(
        user=ben, start=NOW, end=NOW + 2 * DAY, note="leave", created_at=NOW, created_by="x"
    )
    Absence.objects.create(user=ben, start=NOW - 9 * DAY, end=NOW, created_at=NOW, created_by="x")
    assert _of(Check.ABSENT) == [
        ("ben@x.org", "ben@x.org is away (leave) but on call for 24 hours of it, from Tue 24 Nov 00:00 (UTC)")
    ]
    assert [who for who, _ in _of(Check.UNREACHABLE)] == ["ben@x.org"]


def test_the_load_is_by_each_persons_own_clock(rota: None) -> None:
    start = datetime(2026, 11, 24, tzinfo=UTC)
    User.objects.filter(email="ben@x.org").update(timezone="Asia/Tokyo")
    ann, ben = queries.load("web", start, start + 2 * DAY).people
    assert (ann.by_kind[Kind.NIGHT], ben.by_kind[Kind.NIGHT]) == (8 * HOUR, 8 * HOUR)
    assert (ann.nights, ben.nights) == (2, 1)


@pytest.fixture
def api(rota: None, client: Client) -> Any:
    person = identity.invite_user(actor=SYSTEM, email="owner@x.org", role=Role.OWNER, now=NOW)
    _, raw = identity.create_token(actor=people.actor_for(person.id), name="t", now=NOW)

    def get(path: str) -> Any:
        answer = client.get(f"/api/v1{path}", headers={"Authorization": f"Bearer {raw}"})
        return answer.status_code, json.loads(answer.content)

    return get


def test_the_api_gives_both(api: Any) -> None:
    status, body = api("/schedules/web/checks?days=7")
    assert status == 200
    assert {one["check"] for one in body["findings"]} == {"double", "unreachable"}
    assert body["coverage"] == {"percent": 100, "hours": 168, "covered_hours": 168, "fallback_hours": 0}
    status, body = api("/schedules/web/load?from=2026-11-24T00:00Z&until=2026-11-28T00:00Z")
    assert (status, body["balance"]) == (200, 100)
    assert body["people"][0] == {
        "user": "ann@x.org",
        "hours": 48,
        "weekday_hours": 32,
        "night_hours": 16,
        "weekend_hours": 0,
        "holiday_hours": 0,
        "nights": 4,
        "weekends": 0,
        "shifts": 2,
    }
    assert api("/schedules/gone/checks")[0] == 404
    assert api("/schedules/web/checks?days=0")[0] == 422
