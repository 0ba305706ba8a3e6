from tests.api.conftest import NOW
from tests.api.world import PEOPLE, World
from tocsin.apps.catalog import actions as catalog
from tocsin.apps.catalog.types import ServiceSpec
from tocsin.apps.notify import actions as notify
from tocsin.domain.permissions import SYSTEM


def test_an_acknowledgement_that_others_have_to_match_is_noted(world: World) -> None:
    for email in PEOPLE:
        hook = f"https://hooks.example.com/{email}"
        notify.add_method(actor=SYSTEM, email=email, type="webhook", address=hook, now=NOW)
    body = {"name": "both", "steps": [{"notify": list(PEOPLE), "wait": "5m", "ack": "each"}]}
    assert world.owner.post("/escalation-policies", body).status_code == 201
    catalog.save_service(actor=SYSTEM, spec=ServiceSpec("lonely", escalation_policy="both"), now=NOW)
    ask = {"title": "Slow", "service": "lonely", "severity": "SEV2"}
    ref = world.owner.post("/incidents", ask).json()["ref"]
    noted = "Noted: 1 of 2 have acknowledged; Owner is still called."
    for _ in range(2):
        answer = world.mate.post(f"/incidents/{ref}/acknowledge")
        assert (answer.status_code, answer.json()["noted"]) == (200, noted)
    assert world.mate.get(f"/incidents/{ref}").json()["acknowledged_at"] is None
    done = world.owner.post(f"/incidents/{ref}/acknowledge").json()
    assert (done["noted"], done["acknowledged_by"]) == ("", "owner@example.com")
