import json

import httpx

from tests.ingest.conftest import Visitor
from tocsin.apps.alerts.models import Alert
from tocsin.apps.incidents import jobs
from tocsin.apps.integrations.models import Event
from tocsin.entrypoints.ingest import Door
from tocsin.lib.clock import now


def test_the_first_hundred_payloads_are_kept_then_one_in_a_hundred(
    door: Visitor, keys: dict[str, str]
) -> None:
    path = f"/ingest/generic/{keys['generic']}"

    async def deed(client: httpx.AsyncClient, _door: Door) -> None:
        for number in range(250):
            event = {"action": "trigger", "dedup_key": "disk", "summary": str(number)}
            await client.post(path, json=event)

    door.visit(deed)
    while jobs.process_waiting(now()):
        pass
    assert Alert.objects.get().count == 250
    payloads = [bytes(row.payload) for row in Event.objects.order_by("id")]
    kept = [number for number, payload in enumerate(payloads, start=1) if payload]
    assert kept == [*range(1, 101), 200]
    assert json.loads(payloads[199])["summary"] == "199"
    assert not Event.objects.filter(processed_at=None).exists()
