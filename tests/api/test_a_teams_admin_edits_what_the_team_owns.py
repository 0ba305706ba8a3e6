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


LAYERS = {"layers": [{"rotation": "primary"}]}
RING = {"definition": {"type": "weekly", "participants": [{"user": "mate@example.com"}]}}


def test_the_teams_schedules_and_the_rotations_only_they_use(world: World) -> None:
    admin = _made_admin(world)
    assert admin("PUT", "/schedules/main", {**LAYERS, "team": "payments"}, If_Match="*").status_code == 200
    assert admin("PUT", "/rotations/primary", RING, If_Match="*").status_code == 200
    assert admin.post("/rotations", {"name": "mine", **RING}).status_code == 201
    mine = {"name": "ours", "team": "payments", "layers": [{"rotation": "mine"}]}
    assert admin.post("/schedules", mine).status_code == 201
    assert admin("PUT", "/rotations/mine", RING, If_Match="*").status_code == 200
    assert admin("DELETE", "/schedules/ours").status_code == 204


def test_not_what_somebody_else_relies_on(world: World) -> None:
    admin = _made_admin(world)
    assert admin("PUT", "/rotations/spare", RING, If_Match="*").status_code == 403  # nobody uses it
    assert admin("PUT", "/schedules/main", LAYERS, If_Match="*").status_code == 403  # gives it away
    assert admin.post("/schedules", {"name": "spare", "team": "payments", **LAYERS}).status_code == 403
    other = {"name": "theirs", "team": "others", "layers": [{"rotation": "primary"}]}
    assert world.owner.post("/schedules", other).status_code == 201
    assert admin("PUT", "/rotations/primary", RING, If_Match="*").status_code == 403
    assert admin("DELETE", "/schedules/theirs").status_code == 403


def test_nor_through_one_that_follows_it(world: World) -> None:
    admin = _made_admin(world)
    second = {"name": "second", "definition": {"follows": "primary", "start_delay": 7}}
    assert world.owner.post("/rotations", second).status_code == 201
    other = {"name": "theirs", "team": "others", "layers": [{"rotation": "second"}]}
    assert world.owner.post("/schedules", other).status_code == 201
    assert admin("PUT", "/rotations/primary", RING, If_Match="*").status_code == 403


def test_nor_by_taking_up_what_others_are_paged_from(world: World) -> None:
    admin = _made_admin(world)
    steps = {"name": "elsewhere", "steps": [{"notify": [{"schedule": "spare"}]}]}
    assert world.owner.post("/escalation-policies", steps).status_code == 201
    second = {"name": "second", "definition": {"follows": "spare", "start_delay": 7}}
    assert world.owner.post("/rotations", second).status_code == 201
    layers = [{"rotation": "second", "priority": 1}, {"rotation": "spare"}]
    ours = {"name": "ours", "team": "payments", "layers": layers}
    assert admin.post("/schedules", ours).status_code == 201
    assert admin("PUT", "/rotations/second", RING, If_Match="*").status_code == 200
    assert admin("PUT", "/rotations/spare", RING, If_Match="*").status_code == 403
