import json

from tests.api.conftest import Caller
from tests.api.world import World

# What a team owns, each as its admin might save it, and the same of another team.
OWN = (
    ("/teams/payments", {"name": "payments", "members": ["mate@example.com"]}),
    ("/services/checkout", {"name": "checkout", "team": "payments", "tier": 1}),
    ("/integrations/prom", {"name": "prom", "kind": "alertmanager", "service": "checkout"}),
)
FOREIGN = (
    ("/teams/others", {"name": "others"}),
    ("/services/lonely", {"name": "lonely", "team": "payments"}),
    ("/services/checkout", {"name": "checkout", "team": "others"}),
    ("/services/checkout", {"name": "checkout"}),
    ("/integrations/prom", {"name": "prom", "kind": "alertmanager", "service": "lonely"}),
    ("/escalation-policies/payments", {"team": "payments", "steps": []}),
)


def _made_admin(world: World) -> Caller:
    assert world.owner.post("/teams/payments/admins/mate@example.com").status_code == 200
    return world.mate


def test_theirs(world: World) -> None:
    admin = _made_admin(world)
    for path, body in OWN:
        answer = admin("PUT", path, body, If_Match="*")
        assert answer.status_code == 200, (path, answer.content)
    assert len(json.loads(admin.get("/integrations/prom").content)["key"]) == 32


def test_nobody_elses(world: World) -> None:
    admin = _made_admin(world)
    for path, body in FOREIGN:
        answer = admin("PUT", path, body, If_Match="*")
        assert answer.status_code == 403, (path, answer.content)
    for path in ("/tokens", "/audit", "/configuration/export"):
        assert admin.get(path).status_code == 403


def test_no_longer_once_unmade(world: World) -> None:
    admin = _made_admin(world)
    assert world.owner("DELETE", "/teams/payments/admins/mate@example.com").status_code == 200
    path, body = OWN[1]
    assert admin("PUT", path, body, If_Match="*").status_code == 403
