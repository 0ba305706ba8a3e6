"""On “idle” the owner and the mate take weekly turns; the week of 2030-01-07 is looked at."""

import json
from typing import Any

from tests.api.conftest import NOW, Caller
from tests.api.world import World
from tocsin.apps.oncall.actions.history import Use, record_uses

OWNER, MATE = "owner@example.com", "mate@example.com"
RING = {"type": "weekly", "timezone": "UTC", "participants": [{"user": OWNER}, {"user": MATE}]}
# 2030-01-07 is a Monday: a whole turn, and the two beside it.
WEEK = {"start": "2030-01-07T09:00:00Z", "end": "2030-01-14T09:00:00Z"}
SPAN = "from=2030-01-07T09:00:00Z&until=2030-01-14T09:00:00Z"


def ask(caller: Caller, method: str, path: str, body: Any = None, expected: int = 200) -> Any:
    answer = caller(method, path, body, If_Match="*")
    assert answer.status_code == expected, answer.content
    return json.loads(answer.content) if answer.content else None


def shifts(caller: Caller) -> list[tuple[str, str]]:
    found = ask(caller, "GET", f"/schedules/idle/shifts?{SPAN}")["items"]
    return [(shift["user"], shift["origin"]) for shift in found]


def two(world: World) -> tuple[Caller, Caller]:
    """Who has the week, and the other."""
    ((email, _),) = shifts(world.owner)
    return (world.owner, world.mate) if email == OWNER else (world.mate, world.owner)


def test_a_swap_is_asked_for_taken_and_taken_back(world: World) -> None:
    giver, taker = two(world)
    swap = ask(giver, "POST", "/swaps", {**WEEK, "schedule": "idle", "note": "Sea"}, 201)
    assert (swap["state"], swap["asked"], swap["note"]) == ("open", None, "Sea")
    path = f"/swaps/{swap['id']}"
    assert "take" in ask(taker, "GET", path)["may"]
    taken = ask(taker, "POST", f"{path}/take")
    assert (taken["state"], taken["taker"]) == ("taken", f"{taker.name}@example.com")
    assert shifts(giver) == [(f"{taker.name}@example.com", "swap")]
    assert ask(giver, "POST", f"{path}/take", expected=409)["detail"].startswith("Nobody takes their own")
    (override,) = [o for o in ask(giver, "GET", "/schedules/idle/overrides")["items"] if o["swap"]]
    assert override["swap"] == swap["id"]
    refused = ask(giver, "DELETE", f"/schedules/idle/overrides/{override['id']}", expected=409)
    assert "take back the swap" in refused["detail"]
    assert ask(taker, "POST", f"{path}/withdraw")["state"] == "open"
    assert shifts(giver) == [(f"{giver.name}@example.com", "rotation")]
    listed = ask(giver, "GET", "/swaps?schedule=idle&state=open")["items"]
    assert swap["id"] in [one["id"] for one in listed]


def test_a_shift_is_taken_for_time_in_return(world: World) -> None:
    giver, taker = two(world)
    swap = ask(giver, "POST", "/swaps", {**WEEK, "schedule": "idle"}, 201)
    back = {"return_start": "2030-01-14T09:00:00Z", "return_end": "2030-01-15T09:00:00Z"}
    wrong = {**back, "return_end": back["return_start"]}
    refused = ask(taker, "POST", f"/swaps/{swap['id']}/take", wrong, 422)
    assert refused["errors"][0]["field"] == "return_end"
    assert ask(taker, "POST", f"/swaps/{swap['id']}/take", back)["state"] == "offered"
    assert ask(giver, "POST", f"/swaps/{swap['id']}/accept")["state"] == "taken"


def test_naive_times_are_the_schedules(world: World) -> None:
    giver, _ = two(world)
    body = {"schedule": "idle", "start": "2030-01-07T10:00", "end": "2030-01-07T11:00"}
    assert ask(giver, "POST", "/swaps", body, 201)["start"] == "2030-01-07T10:00:00Z"


def test_an_absence_says_which_shifts_it_meets(world: World) -> None:
    giver, _ = two(world)
    email = f"{giver.name}@example.com"
    made = ask(giver, "POST", "/absences", {**WEEK, "email": email}, 201)
    assert {shift["schedule"] for shift in made["clashes"]} >= {"idle"}
    assert {shift["user"] for shift in made["clashes"]} == {email}
    listed = ask(giver, "GET", f"/absences?user={email}&{SPAN}")["items"]
    assert [one["id"] for one in listed] == [made["id"]]


def test_an_override_is_moved_field_by_field(world: World) -> None:
    giver, taker = two(world)
    body = {**WEEK, "user": f"{taker.name}@example.com"}
    made = ask(giver, "POST", "/schedules/idle/overrides", body, 201)
    path = f"/schedules/idle/overrides/{made['id']}"
    assert giver("PATCH", path, {"end": "2030-01-10T09:00:00Z"}).status_code == 428
    moved = ask(giver, "PATCH", path, {"end": "2030-01-10T09:00:00Z"})
    assert (moved["start"], moved["end"], moved["user"]) == (
        WEEK["start"],
        "2030-01-10T09:00:00Z",
        body["user"],
    )
    assert [user for user, _ in shifts(giver)] == [body["user"], f"{giver.name}@example.com"]
    assert giver("PATCH", f"/schedules/main/overrides/{made['id']}", {}, If_Match="*").status_code == 404


def test_a_preview_says_who_gains_and_loses_and_saves_nothing(world: World) -> None:
    giver, taker = two(world)
    before = shifts(giver)
    times = {"from": WEEK["start"], "until": WEEK["end"]}
    override = {**WEEK, "user": f"{taker.name}@example.com"}
    shown = ask(world.stranger, "POST", "/schedules/idle/preview", {**times, "override": override})
    assert [shift["user"] for shift in shown["after"]] == [override["user"]]
    assert [(one["user"], len(one["gained"]), len(one["lost"])) for one in shown["moved"]] == sorted(
        [(override["user"], 1, 0), (f"{giver.name}@example.com", 0, 1)]
    )
    ring = {**RING, "participants": [{"user": MATE}]}
    alone = ask(world.mate, "POST", "/rotations/primary/preview", {**times, "definition": ring})
    assert {shift["user"] for shift in alone["after"]} == {MATE}
    plan = {"layers": [{"rotation": "primary"}], "fallback": [OWNER]}
    of_new = ask(world.mate, "POST", "/schedules/fresh/preview", {**times, "definition": plan})
    assert (of_new["before"], len(of_new["after"])) == ([], 1)
    assert shifts(giver) == before


def test_a_rotations_edit_is_planned(world: World) -> None:
    ring = {**RING, "participants": [{"user": MATE}]}
    at = "2030-01-07T09:00:00Z"
    ask(world.owner, "PUT", "/rotations/primary", {"definition": ring, "effective": at})
    versions = ask(world.mate, "GET", "/rotations/primary/versions")["items"]
    assert [(one["state"], one["start"], one["end"]) for one in versions] == [
        ("present", None, at),
        ("planned", at, None),
    ]
    past = {"definition": ring, "effective": "2020-01-01T00:00:00Z"}
    refused = ask(world.owner, "PUT", "/rotations/primary", past, 422)
    assert refused["errors"][0]["field"] == "effective"


def test_a_schedule_keeps_how_it_is_swapped(world: World) -> None:
    body = {"layers": [{"rotation": "primary"}], "readiness": "2h", "swap_approval": True}
    saved = ask(world.owner, "PUT", "/schedules/idle", body)
    assert (saved["readiness"], saved["swap_approval"]) == ("2h", True)


def test_who_leaves_names_somebody(world: World) -> None:
    refused = ask(world.owner, "POST", f"/users/{MATE}/deactivate", expected=409)
    assert "main" in refused["detail"]
    ask(world.owner, "POST", f"/users/{MATE}/deactivate", {"replacement": OWNER})
    assert {user for user, _ in shifts(world.owner)} == {OWNER}


def test_whom_paging_used_is_listed(world: World) -> None:
    several = [
        Use(NOW, name, "current", "primary", MATE, f"Step 1: on call for {name}", 7, None, 1, "high")
        for name in ("main", "idle", "main")
    ]
    record_uses(uses=several)
    first = ask(world.stranger, "GET", "/oncall/uses?schedule=main&limit=1")
    (use,) = first["items"]
    assert (use["email"], use["which"], use["incident_id"], use["step"]) == (MATE, "current", 7, 1)
    rest = ask(world.stranger, "GET", f"/oncall/uses?schedule=main&cursor={first['next_cursor']}")
    assert [one["id"] < use["id"] for one in rest["items"]] == [True]
    assert ask(world.stranger, "GET", f"/oncall/uses?user={OWNER}")["items"] == []
