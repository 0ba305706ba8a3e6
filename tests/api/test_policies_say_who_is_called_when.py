from typing import Any

from tests.api.world import World

WHOLE: dict[str, Any] = {
    "team": "payments",
    "steps": [
        {"notify": ["mate@example.com", {"team": "payments"}], "wait": "5m", "strategy": "round_robin"},
        {
            "notify": ["owners"],
            "wait": "10m",
            "ack": "each",
            "on_empty": "wait",
            "when": {"severity": ["SEV1", "SEV2"], "urgency": "high", "during": "support_hours"},
        },
    ],
    "repeat": 2,
    "final": ["owner@example.com"],
    "fallback": "behind",
}
NIGHT, NOON = "2026-11-23T02:00:00Z", "2026-11-23T12:00:00Z"


def test_everything_that_files_can_say_is_kept(world: World) -> None:
    behind = {"name": "behind", "steps": [{"notify": ["owners"]}]}
    assert world.owner("POST", "/escalation-policies", behind).status_code == 201
    made = world.owner("POST", "/escalation-policies", {"name": "whole", **WHOLE})
    assert made.status_code == 201, made.content
    kept = world.owner("GET", "/escalation-policies/whole").json()
    assert kept["steps"][0]["notify"] == [{"user": "mate@example.com"}, {"team": "payments"}]
    assert (kept["steps"][0]["strategy"], kept["steps"][0]["ack"]) == ("round_robin", "any")
    assert kept["steps"][1]["when"] == WHOLE["steps"][1]["when"]
    assert (kept["steps"][1]["ack"], kept["steps"][1]["on_empty"]) == ("each", "wait")
    assert kept["fallback"] == "behind"
    # What was read may be sent back as it is.
    again = {key: value for key, value in kept.items() if key not in {"name", "from_file"}}
    answer = world.owner("PUT", "/escalation-policies/whole", again, If_Match="*")
    assert answer.json() == kept


def test_a_circle_is_a_wrong_field(world: World) -> None:
    body = {"name": "round", "steps": [], "fallback": "round"}
    answer = world.owner("POST", "/escalation-policies", body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "fallback"


def test_a_policy_that_is_not_saved_says_who_would_be_called(world: World) -> None:
    body = {**WHOLE, "fallback": None, "repeat": 0}
    night = world.stranger("POST", f"/escalation-policies/new/fire?at={NIGHT}", body).json()
    assert [(row["minute"], row["step"], [p["email"] for p in row["people"]]) for row in night["items"]][
        :2
    ] == [
        (0, 1, ["mate@example.com"]),
        (5, 2, []),
    ]
    assert night["items"][1]["note"].endswith("it is for support hours, and they are over now")
    noon = world.stranger("POST", f"/escalation-policies/new/fire?at={NOON}", body).json()
    assert noon["items"][1]["people"][0]["email"] == "owner@example.com"
    assert world.owner("GET", "/escalation-policies/new").status_code == 404


def test_a_low_severity_is_asked_for_by_name(world: World) -> None:
    path = f"/escalation-policies/payments/fire?at={NOON}&severity=SEV4&service=checkout"
    answer = world.stranger("GET", path).json()
    assert (answer["severity"], answer["urgency"]) == ("SEV4", "low")
    assert {row["step"] for row in answer["items"]} == {0, 1}  # the first step, and the missed deadline
    assert world.stranger("GET", path.replace("checkout", "nope")).status_code == 404
    assert world.stranger("GET", path.replace("SEV4", "SEV9")).status_code == 422
