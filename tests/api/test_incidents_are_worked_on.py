import json
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse

from tests.api.conftest import Caller
from tests.api.world import World
from tocsin.entrypoints.api.resources import schedules


def _json(answer: HttpResponse, status: int = 200) -> Any:
    assert answer.status_code == status, answer.content
    return json.loads(answer.content)


def _declare(by: Caller, **more: Any) -> Any:
    body = {"title": "Checkout fails", "service": "checkout", "severity": "SEV2", **more}
    return _json(by.post("/incidents", body), 201)


def test_one_declared_has_what_the_interface_promises(world: World) -> None:
    made = _declare(world.mate, summary="12 % of payments", started_at="2026-11-23T11:00:00+01:00")
    promised = {"ref", "title", "status", "severity", "urgency", "service", "declared_at"}
    promised |= {"acknowledged_at", "resolved_at", "assigned", "timeline", "alerts", "pages"}
    assert promised <= made.keys()
    assert (made["status"], made["severity"], made["urgency"]) == ("investigating", "SEV2", "high")
    assert made["started_at"] == "2026-11-23T10:00:00Z"
    row = _json(world.stranger.get("/incidents?limit=1"))["items"][0]
    assert row["ref"] == made["ref"]
    assert _json(world.stranger.get(f"/incidents/{made['ref'].lower()}"))["title"] == "Checkout fails"


def test_every_entry_says_when_and_what(world: World) -> None:
    made = _declare(world.mate)
    _json(world.mate.post(f"/incidents/{made['ref']}/note", {"text": "Looking at the database"}))
    timeline = _json(world.mate.get(f"/incidents/{made['ref']}"))["timeline"]
    assert timeline[-1]["text"] == "Looking at the database"
    assert timeline[-1]["at"]
    assert timeline[-1]["actor_label"] == "Mate"


def test_the_same_again_is_fine_and_leaves_no_second_entry(world: World) -> None:
    ref = _declare(world.mate)["ref"]
    asks: list[tuple[str, Any]] = [
        ("respond", None),
        ("mitigate", None),
        ("status", {"status": "identified"}),
        ("severity", {"severity": "SEV3"}),
        ("resolve", None),
        ("reopen", None),
    ]
    for verb, body in asks:
        first = _json(world.mate.post(f"/incidents/{ref}/{verb}", body))
        again = _json(world.mate.post(f"/incidents/{ref}/{verb}", body))
        assert again["version"] == first["version"], verb
        assert len(again["timeline"]) == len(first["timeline"]), verb


def test_a_move_that_is_not_allowed_names_those_that_are(world: World) -> None:
    ref = _declare(world.mate)["ref"]
    _json(world.mate.post(f"/incidents/{ref}/resolve"))
    refused = _json(world.mate.post(f"/incidents/{ref}/status", {"status": "identified"}), 409)
    assert refused["allowed"] == ["investigating", "closed", "merged"]


def test_a_repeat_with_the_same_key_declares_once(world: World) -> None:
    body = {"title": "Once", "service": "checkout", "severity": "SEV2"}
    first = _json(world.mate.post("/incidents", body, Idempotency_Key="once"), 201)
    again = _json(world.mate.post("/incidents", body, Idempotency_Key="once"), 201)
    assert first == again
    found = _json(world.mate.get("/incidents?search=Once"))["items"]
    assert [row["ref"] for row in found] == [first["ref"]]


def test_an_edit_on_what_has_changed_is_refused(world: World) -> None:
    ref = _declare(world.mate)["ref"]
    seen = world.mate.get(f"/incidents/{ref}")["ETag"]
    _json(world.owner.post(f"/incidents/{ref}/note", {"text": "In between"}))
    late = world.mate("PATCH", f"/incidents/{ref}", {"title": "Mine"}, If_Match=seen)
    assert late.status_code == 412
    now = world.mate.get(f"/incidents/{ref}")["ETag"]
    edited = _json(world.mate("PATCH", f"/incidents/{ref}", {"title": "Mine"}, If_Match=now))
    assert edited["title"] == "Mine"


def test_lists_are_filtered(world: World) -> None:
    mine = _declare(world.mate, title="Needle", severity="SEV1")["ref"]
    _json(world.mate.post(f"/incidents/{mine}/respond"))
    for query in (
        "search=needle",
        f"search={mine}",
        "severity=SEV1",
        "status=acknowledged",
        "assigned=mate@example.com&severity=SEV1",
        "service=checkout&team=payments&status=open&severity=SEV1",
    ):
        refs = [row["ref"] for row in _json(world.stranger.get(f"/incidents?{query}"))["items"]]
        assert refs == [mine], query
    assert _json(world.stranger.get("/incidents?status=closed"))["items"] == []
    assert _json(world.stranger.get("/incidents?status=nonsense"), 422)["errors"][0]["field"] == "status"


def test_a_direct_page_calls_whom_it_names(world: World) -> None:
    made = _json(world.owner.post("/pages", {"title": "Please call", "user": "mate@example.com"}), 201)
    assert [page["email"] for page in made["pages"]] == ["mate@example.com"]
    wrong = _json(world.owner.post("/pages", {"title": "x", "user": "a@b.example", "team": "payments"}), 422)
    assert "one of" in wrong["detail"]


def test_wrong_input_names_its_fields(world: World) -> None:
    wrong = _json(world.mate.post("/incidents", {"title": "", "severity": "SEV9"}), 422)
    assert {error["field"] for error in wrong["errors"]} == {"title", "service", "severity"}
    wrong = _json(world.mate.post("/incidents", {"title": "x", "service": "none", "severity": "SEV1"}), 422)
    assert wrong["errors"][0]["field"] == "service"


def test_who_is_on_call_at_a_time(world: World) -> None:
    rows = _json(world.stranger.get("/oncall?schedule=main&at=2026-11-25T12:00:00Z"))["items"]
    assert [row["user"] for row in rows] in (["owner@example.com"], ["mate@example.com"])
    assert {"user", "rotation", "role", "start", "end", "origin"} <= rows[0].keys()
    everywhere = _json(world.stranger.get("/oncall?at=2026-11-25T12:00:00Z"))["items"]
    assert [row for row in everywhere if row["schedule"] == "main"] == rows
    every = {"approved", "idle", "main", "primary", "spare", "swapped"}
    assert {row["schedule"] for row in everywhere} == every
    span = "/oncall?schedule=main&from=2026-11-23T00:00:00Z&until=2026-12-07T00:00:00Z"
    assert len({row["user"] for row in _json(world.stranger.get(span))["items"]}) == 2
    assert _json(world.stranger.get("/oncall?schedule=none"), 404)


def test_the_key_of_an_integration_is_for_who_may_edit_it(world: World) -> None:
    assert len(_json(world.owner.get("/integrations/prom"))["key"]) == 32
    assert _json(world.stranger.get("/integrations/prom"))["key"] is None


def test_files_are_planned_applied_and_exported(world: World) -> None:
    files = {"files": {"t.yaml": "teams:\n  - {name: filed, members: [mate@example.com]}\n"}}
    planned = _json(world.owner.post("/configuration/plan", files))
    assert [(one["kind"], one["name"], one["action"]) for one in planned["changes"]] == [
        ("teams", "filed", "add")
    ]
    _json(world.owner.post("/configuration/apply", files))
    assert _json(world.owner.post("/configuration/apply", files))["changes"] == []
    assert "filed" in _json(world.owner.get("/configuration/export"))["text"]
    wrong = _json(
        world.owner.post("/configuration/plan", {"files": {"t.yaml": "teams:\n  - {nam: x}\n"}}), 422
    )
    assert wrong["errors"][0]["field"].startswith("t.yaml:2")


def test_all_schedules_at_once_are_not_worked_out_for_ever(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    span = "from=2026-11-23T00:00:00Z&until=2026-12-07T00:00:00Z"
    everything = _json(world.stranger.get(f"/oncall?{span}"))["items"]
    assert {row["schedule"] for row in everything} >= {"main", "spare"}
    monkeypatch.setattr(schedules, "_MOST", timedelta(days=20))
    assert world.stranger.get(f"/oncall?{span}").status_code == 422
    assert world.stranger.get(f"/oncall?schedule=main&{span}").status_code == 200
