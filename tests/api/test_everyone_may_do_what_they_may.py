"""Each endpoint, tried by an owner, a team-mate, a stranger and nobody. One that is not listed fails."""

from dataclasses import dataclass
from typing import Any

import pytest

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


def _everyone(operation: str, path: str) -> Case:
    return Case(operation, path, 200, 200, 200)


OVERRIDE = {"start": "2030-01-01T00:00:00Z", "end": "2030-01-02T00:00:00Z", "user": "owner@example.com"}
SERVICE = {"name": "checkout", "team": "payments", "description": "new"}
INTEGRATION = {"name": "prom", "kind": "alertmanager", "service": "checkout"}
RING = {"type": "weekly", "participants": [{"user": "mate@example.com"}, {"user": "owner@example.com"}]}
LAYERS = {"layers": [{"rotation": "primary"}]}

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
    _everyone("GET /alerts", "/alerts"),
    _everyone("GET /alerts/{alert_id}", "/alerts/{alert}"),
    _everyone("GET /oncall", "/oncall"),
    _everyone("GET /schedules", "/schedules"),
    Case("POST /schedules", "/schedules", 201, 403, 403, {"name": "new", **LAYERS}),
    _everyone("GET /schedules/{name}", "/schedules/main"),
    Case("PUT /schedules/{name}", "/schedules/main", 200, 403, 403, LAYERS),
    Case("DELETE /schedules/{name}", "/schedules/main", 204, 403, 403),
    Case("POST /schedules/{name}/unlock", "/schedules/main/unlock", 200, 403, 403),
    _everyone("GET /schedules/{name}/shifts", "/schedules/main/shifts"),
    _everyone("GET /schedules/{name}/overrides", "/schedules/main/overrides"),
    Case("POST /schedules/{name}/overrides", "/schedules/main/overrides", 201, 201, 403, OVERRIDE),
    Case(
        "DELETE /schedules/{name}/overrides/{override_id}",
        "/schedules/main/overrides/{override}",
        204,
        204,
        403,
    ),
    _everyone("GET /rotations", "/rotations"),
    Case("POST /rotations", "/rotations", 201, 403, 403, {"name": "new", "definition": RING}),
    _everyone("GET /rotations/{name}", "/rotations/primary"),
    Case("PUT /rotations/{name}", "/rotations/primary", 200, 403, 403, {"definition": RING}),
    Case("DELETE /rotations/{name}", "/rotations/spare", 204, 403, 403),
    Case("POST /rotations/{name}/unlock", "/rotations/primary/unlock", 200, 403, 403),
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


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.operation)
@pytest.mark.parametrize("who", ["owner", "mate", "stranger", "nobody"])
def test_it(who: str, case: Case, world: World, nobody: Caller) -> None:
    callers = {"owner": world.owner, "mate": world.mate, "stranger": world.stranger, "nobody": nobody}
    path = case.path.format_map(world.ids)
    answer = callers[who](case.method, path, case.body, If_Match="*")
    expected = 401 if who == "nobody" else getattr(case, who)
    assert answer.status_code == expected, answer.content
