"""The door itself, with a real database behind it: what cannot be read is answered with what is wrong, and a
sample of it is kept; what was answered with 2xx is in the log, all of it.
"""

import tempfile
from pathlib import Path

import httpx
import pytest

from tests.fuzz import nasty
from tests.fuzz.path import failures, nowhere
from tests.ingest.conftest import Visitor, database_url
from tocsin.apps.incidents import jobs
from tocsin.apps.integrations.models import Event, Integration, Rejected
from tocsin.entrypoints.ingest import Door
from tocsin.lib.clock import now
from tocsin.ports import registry
from tocsin.ports.source import CompatibleSource

# The doors of those that have their own.
DOORS = {
    "pagerduty": (
        ("POST", "/pagerduty/v2/enqueue"),
        ("POST", "/pagerduty/v2/change/enqueue"),
        ("POST", "/generic/2010-04-15/create_event.json"),
    ),
    "opsgenie": (
        ("POST", "/opsgenie/v2/alerts"),
        ("POST", "/opsgenie/v2/alerts/k/notes?identifierType=alias"),
        ("PUT", "/opsgenie/v2/alerts/k/priority?identifierType=alias"),
        ("POST", "/opsgenie/v2/heartbeats/k/ping"),
    ),
    "prometheus": (("POST", "/alertmanager/{key}/api/v2/alerts"),),
    "heartbeat": (
        ("POST", "/ingest/heartbeat/{key}/job/1?every=1h"),
        ("GET", "/ingest/heartbeat/{key}/%00"),
        ("GET", "/ingest/heartbeat/{key}/%ff%fe/start"),
        ("GET", "/ingest/heartbeat/{key}/job/999999999"),
        ("GET", "/ingest/heartbeat/{key}/job?every=%00&every=-1d"),
        ("GET", "/ingest/heartbeat/{key}/" + "x" * 5_000),
    ),
    "grafana": (("PUT", "/ingest/grafana/{key}"),),
}
ODD_HEADERS = (
    {"content-encoding": "gzip"},
    {"content-encoding": "br\xff"},
    {"content-encoding": "deflate"},
    {"content-type": "text/\xff; charset=\x80"},
    {"authorization": "GenieKey \xff\x80"},
    {"authorization": "Basic " + "x" * 4_000},
)


@pytest.fixture
def ways(transactional_db: None) -> dict[str, str]:
    """kind → key"""
    rows = [
        Integration(name=kind, kind=kind, key=f"{number:032x}", created_at=now())
        for number, kind in enumerate(nasty.KINDS)
    ]
    Integration.objects.bulk_create(rows)
    return {row.kind: row.key for row in rows}


class Counted:
    """What was asked, and how it was answered."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client, self.taken = client, 0
        self.refused: dict[tuple[str, int], int] = {}

    async def ask(self, kind: str, method: str, path: str, body: bytes, **headers: str) -> None:
        sent = [(name.encode(), text.encode("latin-1")) for name, text in headers.items()]
        raw = httpx.URL(f"http://door{path}")
        answer = await self.client.request(method, raw, content=body, headers=sent)
        assert answer.status_code < 500, (kind, path, body[:200], answer.text)
        if answer.is_success:
            self.taken += answer.json().get("events", 1) if path.startswith("/ingest/") else 0
        else:
            assert answer.text, (kind, path, body[:200])
            place = (kind, answer.status_code)
            self.refused[place] = self.refused.get(place, 0) + 1


def test_everything_is_answered_and_nothing_accepted_is_lost(
    ways: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    door = Visitor(database_url(), spool_dir=Path(tempfile.mkdtemp(prefix="tocsin-spool-")))

    async def deed(client: httpx.AsyncClient, _door: Door) -> Counted:
        counted = Counted(client)
        for kind, key in ways.items():
            for name in nasty.NAMES:
                for body in [*nasty.made(name, kind)][:1]:
                    await counted.ask(kind, "POST", f"/ingest/{kind}/{key}", body)
            for headers in ODD_HEADERS:
                body = registry.sources[kind].sample("k")
                await counted.ask(kind, "POST", f"/ingest/{kind}/{key}", body, **headers)
        return counted

    counted = door.visit(deed)
    kept = sum(Event.objects.values_list("count", flat=True))
    assert (kept, counted.taken > 1_000) == (counted.taken, True)
    assert {status for _, status in counted.refused} <= {400, 401, 413, 415}
    # So many of each in an hour.
    kept_of = set(Rejected.objects.filter(status=400).values_list("kind", flat=True))
    assert kept_of == {kind for kind, status in counted.refused if status == 400}
    while jobs.process_waiting(now()):
        pass
    while jobs.prove_waiting(now(), nowhere):
        pass
    assert failures(caplog) == set()


def test_doors_of_their_own_answer_in_their_own_words(ways: dict[str, str]) -> None:
    own = {kind for kind, source in registry.sources.items() if isinstance(source, CompatibleSource)}
    assert own == set(DOORS)
    door = Visitor(database_url(), spool_dir=Path(tempfile.mkdtemp(prefix="tocsin-spool-")))

    async def deed(client: httpx.AsyncClient, _door: Door) -> Counted:
        counted = Counted(client)
        for kind, doors in DOORS.items():
            key = ways[kind]
            for method, path in doors:
                at = path.format(key=key)
                for name in nasty.NAMES:
                    for body in [*nasty.made(name, kind)][:2]:
                        keyed = body.replace(b'"routing_key":"', b'"routing_key":"' + key.encode())
                        await counted.ask(kind, method, at, keyed, authorization=f"GenieKey {key}")
        return counted

    counted = door.visit(deed)
    assert counted.refused
    assert Event.objects.count() > 100
