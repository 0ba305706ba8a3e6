"""Each endpoint, tried by an owner, a team-mate, a stranger and nobody. One that is not listed fails."""

import json
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from tests.api.conftest import Caller
from tests.api.world import World
from tocsin.entrypoints.api.root import api


@dataclass(frozen=True)
class Case:
    """`operation` is the method and the path of the description; `path` one that it stands for."""

    operation: str
    path: str
    owner: int
    mate: int
    stranger: int
    body: Any = None

    @property
    def method(self) -> str:
        return self.operation.split(" ", 1)[0]


def _everyone(operation: str, path: str, body: Any = None) -> Case:
    return Case(operation, path, 200, 200, 200, body)


OVERRIDE = {"start": "2030-01-01T00:00:00Z", "end": "2030-01-02T00:00:00Z", "user": "owner@example.com"}
SILENCE = {"matchers": ['host="db1"'], "ends_at": "2030-01-01T00:00:00Z", "starts_at": "2029-06-01T00:00:00Z"}
WINDOW = {**SILENCE, "services": ["checkout"], "rrule": "FREQ=YEARLY"}
THROTTLE = {"via": "sms", "per": "contact", "limits": [{"most": 2, "within": "1m"}]}
SERVICE = {"name": "checkout", "team": "payments", "description": "new"}
INTEGRATION = {"name": "prom", "kind": "alertmanager", "service": "checkout"}
BEAT = {"integration": "prom", "name": "backup", "every": "1h"}
CHANGED = {"integration": "prom", "summary": "deployed v1.42", "service": "checkout"}
RING = {"type": "weekly", "participants": [{"user": "mate@example.com"}, {"user": "owner@example.com"}]}
LAYERS = {"layers": [{"rotation": "primary"}]}
STEPS = {"steps": [{"notify": [{"schedule": "main"}], "wait": "5m"}], "repeat": 1}
INCIDENT = {"title": "It burns", "service": "checkout", "severity": "SEV2"}
DEEDS: dict[str, Any] = {
    "respond": None,
    "resolve": None,
    "reopen": None,
    "escalate": None,
    "mitigate": None,
    "status": {"status": "identified"},
    "severity": {"severity": "SEV1", "reason": "worse"},
    "reassign": {"emails": ["mate@example.com"]},
    "help": {"team": "payments", "text": "Please come"},
    "note": {"text": "Looking"},
    "snooze": {"duration": "30m"},
    "unsnooze": None,
    "merge": {"into": "{other}"},
}
FILES = {"files": {"users.yaml": "users: [{email: filed@example.com}]"}}
UNLOCK = {"kind": "services", "name": "checkout"}
METHODS = "/users/{email}/contact-methods"
MATES_METHOD = "/users/mate@example.com/contact-methods/{method}"
METHOD = {"type": "email", "address": "other@example.com"}
RULES = {"rules": [{"urgency": "high", "after": "3m", "via": "email"}]}
CALENDAR = {"name": "New", "url": "https://example.com/new.ics", "use": "overrides", "schedule": "main"}
QUIET = {
    "quiet_hours": {"timezone": "UTC", "days": ["sat", "sun"], "start": "22:00", "end": "07:00"},
}

PEOPLE = ("owner@example.com", "mate@example.com")
FOLLOWERS = ("/incidents/{incident}/followers", "/services/checkout/followers")
SPAN = {"start": "2030-01-01T00:00:00Z", "end": "2030-02-01T00:00:00Z"}
ABSENCE = {**SPAN, "email": PEOPLE[1]}
SWAP = {**SPAN, "schedule": "main"}
TAKEN = {**SPAN, "schedule": "idle", "of": PEOPLE[0], "taker": PEOPLE[1]}
NOTICES = {"on": ["1d", "1h"], "off": [], "handoff": False}
CORRECTION = {
    "email": "mate@example.com",
    "day": "2026-11-02",
    "kind": "night",
    "minutes": -30,
    "reason": "was off",
}

CASES = (
    _everyone("GET /me", "/me"),
    _everyone("GET /users", "/users"),
    Case("POST /users", "/users", 201, 403, 403, {"email": "new@example.com"}),
    _everyone("GET /users/{email}", "/users/mate@example.com"),
    Case("PATCH /users/{email}", "/users/mate@example.com", 200, 200, 403, {"name": "M"}),
    Case("POST /users/{email}/role", "/users/mate@example.com/role", 200, 403, 403, {"role": "admin"}),
    Case("POST /users/{email}/invitation", "/users/invited@example.com/invitation", 201, 403, 403),
    Case("POST /users/{email}/deactivate", "/users/invited@example.com/deactivate", 200, 403, 403),
    Case("POST /users/{email}/reactivate", "/users/invited@example.com/reactivate", 200, 403, 403),
    _everyone("GET /teams", "/teams"),
    Case("POST /teams", "/teams", 201, 403, 403, {"name": "new"}),
    _everyone("GET /teams/{name}", "/teams/payments"),
    Case("PUT /teams/{name}", "/teams/payments", 200, 403, 403, {"name": "payments"}),
    Case("DELETE /teams/{name}", "/teams/empty", 204, 403, 403),
    Case("POST /teams/{name}/admins/{email}", "/teams/payments/admins/mate@example.com", 200, 403, 403),
    Case("DELETE /teams/{name}/admins/{email}", "/teams/payments/admins/mate@example.com", 200, 403, 403),
    Case("GET /tokens", "/tokens", 200, 403, 403),
    Case("POST /tokens", "/tokens", 201, 403, 403, {"name": "new"}),
    Case("GET /tokens/{token_id}", "/tokens/{token}", 200, 403, 403),
    Case("DELETE /tokens/{token_id}", "/tokens/{token}", 200, 403, 403),
    Case("GET /audit", "/audit", 200, 403, 403),
    Case("POST /stream/ticket", "/stream/ticket", 201, 201, 201),
    _everyone("GET /services", "/services"),
    Case("POST /services", "/services", 201, 403, 403, {"name": "new"}),
    _everyone("GET /services/{name}", "/services/checkout"),
    Case("PUT /services/{name}", "/services/checkout", 200, 403, 403, SERVICE),
    Case("DELETE /services/{name}", "/services/lonely", 204, 403, 403),
    _everyone("GET /integrations", "/integrations"),
    Case("POST /integrations", "/integrations", 201, 403, 403, {"name": "new", "kind": "generic"}),
    _everyone("GET /integrations/{name}", "/integrations/prom"),
    Case("PUT /integrations/{name}", "/integrations/prom", 200, 403, 403, INTEGRATION),
    Case("DELETE /integrations/{name}", "/integrations/prom", 204, 403, 403),
    Case("POST /integrations/{name}/rotate-key", "/integrations/prom/rotate-key", 200, 403, 403),
    Case("POST /integrations/{name}/test", "/integrations/prom/test", 202, 403, 403),
    _everyone("GET /integrations/{name}/events", "/integrations/prom/events"),
    Case("POST /integrations/{name}/end-old-key", "/integrations/prom/end-old-key", 200, 403, 403),
    _everyone("GET /integrations/{name}/health", "/integrations/prom/health"),
    _everyone("GET /integrations/{name}/set-aside", "/integrations/prom/set-aside"),
    Case("POST /integrations/{name}/set-aside/retry", "/integrations/prom/set-aside/retry", 200, 403, 403),
    Case(
        "POST /integrations/{name}/set-aside/{event}/retry",
        "/integrations/prom/set-aside/1/retry",
        404,
        403,
        403,
    ),
    Case("DELETE /integrations/{name}/set-aside/{event}", "/integrations/prom/set-aside/1", 404, 403, 403),
    _everyone("GET /integrations/{name}/rejected", "/integrations/prom/rejected"),
    Case(
        "POST /integrations/{name}/rejected/{sample}/retry",
        "/integrations/prom/rejected/1/retry",
        404,
        403,
        403,
    ),
    Case("DELETE /integrations/{name}/rejected/{sample}", "/integrations/prom/rejected/1", 404, 403, 403),
    Case(
        "POST /integrations/{name}/mapper/test",
        "/integrations/prom/mapper/test",
        422,
        422,
        422,
        {"message": {}},
    ),
    _everyone("GET /incidents/{ref}/similar", "/incidents/{incident}/similar"),
    _everyone("GET /incidents/{ref}/changes", "/incidents/{incident}/changes"),
    Case("POST /incidents/{ref}/split", "/incidents/{incident}/split", 422, 422, 403, {"alerts": [1]}),
    Case("POST /incidents/{ref}/rejoin", "/incidents/{incident}/rejoin", 409, 409, 403),
    _everyone("GET /heartbeats", "/heartbeats"),
    Case("POST /heartbeats", "/heartbeats", 201, 403, 403, BEAT),
    _everyone("GET /heartbeats/{heartbeat_id}", "/heartbeats/{heartbeat}"),
    Case("PUT /heartbeats/{heartbeat_id}", "/heartbeats/{heartbeat}", 200, 403, 403, BEAT),
    Case("POST /heartbeats/{heartbeat_id}/pause", "/heartbeats/{heartbeat}/pause", 200, 403, 403),
    Case("POST /heartbeats/{heartbeat_id}/resume", "/heartbeats/{heartbeat}/resume", 200, 403, 403),
    Case("DELETE /heartbeats/{heartbeat_id}", "/heartbeats/{heartbeat}", 204, 403, 403),
    _everyone("GET /changes", "/changes"),
    Case("POST /changes", "/changes", 201, 201, 403, CHANGED),
    _everyone("GET /alerts", "/alerts"),
    _everyone("GET /alerts/{alert_id}", "/alerts/{alert}"),
    _everyone("GET /oncall", "/oncall"),
    _everyone("GET /oncall/pay", "/oncall/pay?from=2026-11-01&until=2026-12-01"),
    Case("POST /oncall/pay/corrections", "/oncall/pay/corrections", 201, 403, 403, CORRECTION),
    Case(
        "DELETE /oncall/pay/corrections/{correction_id}",
        "/oncall/pay/corrections/{correction}",
        200,
        403,
        403,
    ),
    _everyone("GET /oncall/readiness", "/oncall/readiness"),
    Case(
        "POST /oncall/readiness/{readiness_id}/confirm",
        "/oncall/readiness/{readiness}/confirm",
        200,
        200,
        403,
    ),
    _everyone("GET /schedules", "/schedules"),
    Case("POST /schedules", "/schedules", 201, 403, 403, {"name": "new", **LAYERS}),
    _everyone("GET /schedules/{name}", "/schedules/main"),
    Case("PUT /schedules/{name}", "/schedules/main", 200, 403, 403, LAYERS),
    Case("DELETE /schedules/{name}", "/schedules/idle", 204, 403, 403),
    _everyone("GET /schedules/{name}/shifts", "/schedules/main/shifts"),
    _everyone("GET /schedules/{name}/checks", "/schedules/main/checks"),
    _everyone("GET /schedules/{name}/load", "/schedules/main/load"),
    _everyone("GET /schedules/{name}/overrides", "/schedules/main/overrides"),
    Case("POST /schedules/{name}/overrides", "/schedules/main/overrides", 201, 201, 403, OVERRIDE),
    Case(
        "DELETE /schedules/{name}/overrides/{override_id}",
        "/schedules/main/overrides/{override}",
        204,
        204,
        403,
    ),
    _everyone("GET /schedules/{name}/layers", "/schedules/main/layers"),
    _everyone("POST /schedules/{name}/preview", "/schedules/main/preview", {"override": OVERRIDE}),
    _everyone("GET /schedules/{name}/overrides/{override_id}", "/schedules/main/overrides/{override}"),
    Case(
        "PATCH /schedules/{name}/overrides/{override_id}",
        "/schedules/main/overrides/{override}",
        200,
        200,
        403,
        {"user": "mate@example.com"},
    ),
    _everyone("GET /oncall/uses", "/oncall/uses"),
    _everyone("GET /absences", "/absences"),
    Case("POST /absences", "/absences", 201, 201, 403, ABSENCE),
    Case("DELETE /absences/{absence_id}", "/absences/{absence}", 204, 204, 403),
    *(
        case
        for kind, body in (("silences", SILENCE), ("maintenance", WINDOW))
        for case in (
            _everyone(f"GET /{kind}", f"/{kind}"),
            Case(f"POST /{kind}", f"/{kind}", 201, 201, 403, body),
            _everyone(f"POST /{kind}/preview", f"/{kind}/preview", body),
            _everyone(f"GET /{kind}/{{uid}}", f"/{kind}/{{silence}}"),
            Case(f"PUT /{kind}/{{uid}}", f"/{kind}/{{silence}}", 200, 200, 403, body),
            Case(f"POST /{kind}/{{uid}}/expire", f"/{kind}/{{silence}}/expire", 200, 200, 403),
        )
    ),
    _everyone("GET /swaps", "/swaps"),
    Case("POST /swaps", "/swaps", 201, 201, 409, SWAP),
    Case("POST /swaps/take-shift", "/swaps/take-shift", 201, 201, 403, TAKEN),
    _everyone("GET /swaps/{swap_id}", "/swaps/{swap}"),
    # Of the owner, to anybody; and one that the mate offers to take for time in return.
    Case("POST /swaps/{swap_id}/take", "/swaps/{swap}/take", 200, 200, 403, {"taker": PEOPLE[1]}),
    Case("POST /swaps/{swap_id}/accept", "/swaps/{offer}/accept", 200, 403, 403),
    Case("POST /swaps/{swap_id}/approve", "/swaps/{waiting}/approve", 200, 403, 403),
    Case("POST /swaps/{swap_id}/decline", "/swaps/{offer}/decline", 200, 403, 403),
    Case("POST /swaps/{swap_id}/withdraw", "/swaps/{offer}/withdraw", 200, 200, 403),
    Case("POST /swaps/{swap_id}/cancel", "/swaps/{swap}/cancel", 200, 403, 403),
    _everyone("GET /escalation-policies", "/escalation-policies"),
    Case("POST /escalation-policies", "/escalation-policies", 201, 403, 403, {"name": "new", **STEPS}),
    _everyone("GET /escalation-policies/{name}", "/escalation-policies/payments"),
    Case("PUT /escalation-policies/{name}", "/escalation-policies/payments", 200, 403, 403, STEPS),
    Case("DELETE /escalation-policies/{name}", "/escalation-policies/payments", 204, 403, 403),
    _everyone("GET /escalation-policies/{name}/preview", "/escalation-policies/payments/preview"),
    _everyone("GET /escalation-policies/{name}/fire", "/escalation-policies/payments/fire"),
    _everyone("POST /escalation-policies/{name}/fire", "/escalation-policies/payments/fire", STEPS),
    _everyone("GET /incidents", "/incidents"),
    Case("POST /incidents", "/incidents", 201, 201, 403, INCIDENT),
    _everyone("GET /incidents/{ref}", "/incidents/{incident}"),
    Case("PATCH /incidents/{ref}", "/incidents/{incident}", 200, 200, 403, {"title": "Better"}),
    Case("POST /incidents/{ref}/acknowledge", "/incidents/{incident}/acknowledge", 200, 200, 403),
    *(
        Case(f"POST /incidents/{{ref}}/{verb}", f"/incidents/{{incident}}/{verb}", 200, 200, 403, body)
        for verb, body in DEEDS.items()
    ),
    Case("POST /incidents/{ref}/take-over", "/incidents/{incident}/take-over", 409, 409, 403),
    Case("POST /incidents/{ref}/seen", "/incidents/{incident}/seen", 200, 200, 409),
    Case("POST /incidents/{ref}/accept", "/incidents/{incident}/accept", 409, 409, 403),
    Case("POST /incidents/{ref}/decline", "/incidents/{incident}/decline", 200, 200, 409),
    _everyone("GET /incidents/{ref}/why", "/incidents/{incident}/why"),
    _everyone("GET /incidents/{ref}/followers", "/incidents/{incident}/followers"),
    _everyone("POST /incidents/{ref}/followers", "/incidents/{incident}/followers", {}),
    Case(
        "DELETE /incidents/{ref}/followers/{email}",
        f"/incidents/{{incident}}/followers/{PEOPLE[1]}",
        200,
        200,
        403,
    ),
    _everyone("GET /services/{name}/followers", "/services/checkout/followers"),
    Case(
        "POST /services/{name}/followers", "/services/checkout/followers", 200, 403, 403, {"email": PEOPLE[0]}
    ),
    Case(
        "DELETE /services/{name}/followers/{email}",
        f"/services/checkout/followers/{PEOPLE[1]}",
        200,
        200,
        403,
    ),
    _everyone("GET /me/following", "/me/following"),
    _everyone("POST /me/following", "/me/following", {"severity": "SEV1"}),
    _everyone("DELETE /me/following/{of}/{name}", "/me/following/service/checkout"),
    Case("POST /pages", "/pages", 201, 201, 403, {"title": "Come", "user": "mate@example.com"}),
    Case("POST /configuration/plan", "/configuration/plan", 200, 403, 403, FILES),
    Case("POST /configuration/apply", "/configuration/apply", 200, 403, 403, FILES),
    Case("POST /configuration/unlock", "/configuration/unlock", 204, 403, 403, UNLOCK),
    Case("GET /configuration/export", "/configuration/export", 200, 403, 403),
    _everyone(f"GET {METHODS}", "/users/mate@example.com/contact-methods"),
    Case(f"POST {METHODS}", "/users/mate@example.com/contact-methods", 201, 201, 403, METHOD),
    _everyone(f"GET {METHODS}/{{method_id}}", "/users/mate@example.com/contact-methods/{method}"),
    Case(f"PATCH {METHODS}/{{method_id}}", MATES_METHOD, 200, 200, 403, {"enabled": False}),
    Case(f"DELETE {METHODS}/{{method_id}}", MATES_METHOD, 204, 204, 403),
    Case(f"POST {METHODS}/{{method_id}}/code", f"{MATES_METHOD}/code", 204, 204, 403),
    Case(f"POST {METHODS}/{{method_id}}/verify", f"{MATES_METHOD}/verify", 200, 200, 403, {"code": "1"}),
    Case(f"PUT {METHODS}", "/users/mate@example.com/contact-methods", 200, 200, 403, {"ids": []}),
    # It is not verified, which is said to those who may try it.
    Case(f"POST {METHODS}/{{method_id}}/test", f"{MATES_METHOD}/test", 409, 409, 403),
    Case("POST /users/{email}/test", "/users/mate@example.com/test", 202, 202, 403),
    Case(
        "POST /users/{email}/tests/{page_id}/rest", "/users/mate@example.com/tests/{page}/rest", 202, 202, 403
    ),
    _everyone("GET /deliveries", "/deliveries"),
    _everyone("GET /routes", "/routes"),
    Case("PUT /routes", "/routes", 200, 403, 403, {"tree": {"service": "checkout"}}),
    _everyone("GET /events", "/events"),
    _everyone("GET /throttles", "/throttles"),
    Case("PUT /throttles", "/throttles", 200, 403, 403, THROTTLE),
    _everyone("GET /deliveries/{delivery_id}", "/deliveries/{delivery}"),
    _everyone("GET /users/{email}/notification-rules", "/users/mate@example.com/notification-rules"),
    Case(
        "PUT /users/{email}/notification-rules",
        "/users/mate@example.com/notification-rules",
        200,
        200,
        403,
        RULES,
    ),
    _everyone("GET /users/{email}/quiet-hours", "/users/mate@example.com/quiet-hours"),
    _everyone("GET /users/{email}/notices", "/users/mate@example.com/notices"),
    Case("PUT /users/{email}/notices", "/users/mate@example.com/notices", 200, 200, 403, NOTICES),
    Case("PUT /users/{email}/quiet-hours", "/users/mate@example.com/quiet-hours", 200, 200, 403, QUIET),
    _everyone("GET /calendars", "/calendars"),
    Case("POST /calendars", "/calendars", 201, 403, 403, CALENDAR),
    _everyone("GET /calendars/{calendar_id}", "/calendars/{calendar}"),
    Case("PATCH /calendars/{calendar_id}", "/calendars/{calendar}", 200, 403, 403, {"name": "Other"}),
    Case("DELETE /calendars/{calendar_id}", "/calendars/{calendar}", 204, 403, 403),
    Case("POST /calendars/{calendar_id}/read", "/calendars/{calendar}/read", 202, 403, 403),
    _everyone("GET /feeds", "/feeds"),
    Case("POST /feeds", "/feeds", 201, 201, 201, {"schedule": "main"}),
    Case("GET /feeds/{feed_id}", "/feeds/{feed}", 200, 200, 403),
    Case("POST /feeds/{feed_id}/renew", "/feeds/{feed}/renew", 403, 200, 403),
    Case("DELETE /feeds/{feed_id}", "/feeds/{feed}", 204, 204, 403),
    _everyone("GET /rotations", "/rotations"),
    Case("POST /rotations", "/rotations", 201, 403, 403, {"name": "new", "definition": RING}),
    _everyone("GET /rotations/{name}", "/rotations/primary"),
    _everyone("GET /rotations/{name}/versions", "/rotations/primary/versions"),
    _everyone("POST /rotations/{name}/preview", "/rotations/primary/preview", {"definition": RING}),
    Case("PUT /rotations/{name}", "/rotations/primary", 200, 403, 403, {"definition": RING}),
    Case("DELETE /rotations/{name}", "/rotations/spare", 204, 403, 403),
)


def test_every_endpoint_is_in_the_table() -> None:
    described = {
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for path, operations in api.get_openapi_schema(path_prefix="/api/v1")["paths"].items()
        for method in operations
    }
    listed = [case.operation for case in CASES]
    assert set(listed) == described
    assert len(listed) == len(set(listed))


def test_everyone_may_do_what_they_may(world: World, nobody: Caller) -> None:
    callers = {"stranger": world.stranger, "nobody": nobody, "mate": world.mate, "owner": world.owner}
    wrong = []
    for case in CASES:
        path = case.path.format_map(world.ids)
        body = json.loads(json.dumps(case.body).replace("{other}", str(world.ids["other"])))
        for who, caller in callers.items():
            with transaction.atomic():
                answer = caller(case.method, path, body, If_Match="*")
                transaction.set_rollback(True)
            expected = 401 if who == "nobody" else getattr(case, who)
            if answer.status_code != expected:
                wrong.append((case.operation, who, expected, answer.status_code, answer.content))
    assert wrong == []
