import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.api.conftest import Caller
from tests.api.world import World
from tocsin.apps.identity.models import User

MONTH = "/oncall/pay?from=2026-11-02&until=2026-11-09"


def read(caller: Caller, path: str) -> Any:
    answer = caller.get(path)
    assert answer.status_code == 200, answer.content
    return json.loads(answer.content)


def table(caller: Caller, path: str) -> list[dict[str, str]]:
    answer = caller.get(path)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "on-call-2026-11-02-2026-11-09.csv" in answer.headers["Content-Disposition"]
    text = answer.content.decode()
    assert text.count("\r\n") == text.count("\n")
    return list(csv.DictReader(io.StringIO(text)))


def test_both_forms_say_the_same(world: World) -> None:
    lines = read(world.owner, MONTH)["items"]
    assert len(lines) == 2
    rows = table(world.owner, f"{MONTH}&format=csv")
    assert [(row["email"], int(row["total_minutes"])) for row in rows] == [
        (line["email"], line["total_min"]) for line in lines
    ]
    assert sum(int(row["night_minutes"]) for row in rows) == 2400
    assert {row["timezone"] for row in rows} == {"UTC"}


def test_a_correction_is_in_both(world: World) -> None:
    body = {
        "email": "mate@example.com",
        "day": "2026-11-03",
        "kind": "night",
        "minutes": 90,
        "reason": "woken",
    }
    made = json.loads(world.owner.post("/oncall/pay/corrections", body).content)
    (mine,) = read(world.mate, MONTH)["items"]
    assert mine["corrected"]["night"] == 90
    (row,) = table(world.mate, f"{MONTH}&format=csv")
    assert (row["night_correction_minutes"], row["weekday_correction_minutes"]) == ("90", "0")
    world.owner("DELETE", f"/oncall/pay/corrections/{made['id']}")
    after = read(world.mate, MONTH)
    assert [line["corrected"]["night"] for line in after["items"]] == [0]
    (left,) = after["corrections"]
    assert left["withdrawn_by"] == "Owner"


def test_a_name_is_no_formula(world: World) -> None:
    User.objects.filter(email="mate@example.com").update(name='=cmd|" /C calc"!A1')
    names = [row["name"] for row in table(world.owner, f"{MONTH}&format=csv")]
    assert sorted(names) == ['\'=cmd|" /C calc"!A1', "Owner"]


@pytest.mark.parametrize(
    "query",
    [
        "from=2026-11-02&until=2026-11-02",
        "from=2026-11-02&until=2028-11-02",
        "from=2026-11-02&until=2026-11-09&zone=Mars/Base",
        "from=0001-01-01&until=0001-02-01",
        "from=yesterday&until=2026-11-09",
        "until=2026-11-09",
        "from=2026-11-02&until=2026-11-09&format=xls",
    ],
)
def test_what_makes_no_sense_is_refused(query: str, world: World) -> None:
    assert world.owner.get(f"/oncall/pay?{query}").status_code == 422


def test_notices_are_read_as_they_were_set(world: World) -> None:
    wish = {"on": ["1d", "1h"], "off": ["15m"], "handoff": False, "moved": True}
    assert world.mate("PUT", "/users/mate@example.com/notices", wish, If_Match="*").status_code == 200
    assert read(world.stranger, "/users/mate@example.com/notices") == wish
    assert read(world.mate, "/users/owner@example.com/notices") == {
        "on": ["1h"],
        "off": [],
        "handoff": True,
        "moved": True,
    }


@pytest.mark.parametrize("lead", ["8d", "1s", "soon"])
def test_a_time_ahead_has_its_limits(lead: str, world: World) -> None:
    wish = {"on": [lead], "off": []}
    answer = world.mate("PUT", "/users/mate@example.com/notices", wish, If_Match="*")
    assert answer.status_code == 422


def test_a_confirmed_readiness_is_shown(world: World) -> None:
    before = datetime.now(UTC)
    done = world.mate.post(f"/oncall/readiness/{world.ids['readiness']}/confirm")
    assert done.status_code == 200
    (found,) = read(world.stranger, "/oncall/readiness?schedule=main&email=mate@example.com")["items"]
    assert datetime.fromisoformat(found["confirmed_at"]) >= before
    assert read(world.stranger, "/oncall/readiness?schedule=idle")["items"] == []
