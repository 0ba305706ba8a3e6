"""Old keys, samples of what was refused, quotas, and the days of the event log."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from django.db import connection

from tests.ingest.conftest import Visitor, rows
from tocsin.apps.integrations import actions, partitions, queries
from tocsin.apps.integrations.models import Event, Integration
from tocsin.apps.integrations.types import IntegrationSpec
from tocsin.domain.errors import Invalid
from tocsin.domain.permissions import SYSTEM
from tocsin.entrypoints.ingest import Door
from tocsin.lib.clock import now

EVENT = {"action": "trigger", "dedup_key": "disk", "summary": "Disk full"}
NAME = "my generic"


def test_the_old_key_opens_until_it_ends_and_its_use_is_noted(door: Visitor, keys: dict[str, str]) -> None:
    old = keys["generic"]
    fresh = actions.rotate_key(actor=SYSTEM, name=NAME, now=now()).key
    assert door.post(f"/ingest/generic/{old}", json.dumps(EVENT)).status_code == 202
    assert door.post(f"/ingest/generic/{fresh}", json.dumps(EVENT)).status_code == 202
    assert Integration.objects.get(name=NAME).old_key_used_at is not None
    actions.end_old_key(actor=SYSTEM, name=NAME, now=now())
    assert door.post(f"/ingest/generic/{old}", json.dumps(EVENT)).status_code == 401
    again = actions.rotate_key(actor=SYSTEM, name=NAME, now=now() - timedelta(days=2)).old_key
    assert again == fresh
    assert door.post(f"/ingest/generic/{fresh}", json.dumps(EVENT)).status_code == 401


def test_a_key_changed_in_a_file_keeps_the_old_one_too(keys: dict[str, str]) -> None:
    spec = IntegrationSpec(NAME, "generic", key="d" * 32)
    changed = actions.save_integration(actor=SYSTEM, spec=spec, now=now(), from_file=True)
    assert (changed.key, changed.old_key) == ("d" * 32, keys["generic"])
    spec = IntegrationSpec("thief", "generic", key=keys["generic"])
    with pytest.raises(Invalid, match="another integration"):
        actions.save_integration(actor=SYSTEM, spec=spec, now=now())


def test_what_is_refused_is_kept_once_and_counted(door: Visitor, keys: dict[str, str]) -> None:
    path = f"/ingest/generic/{keys['generic']}"

    async def deed(client: httpx.AsyncClient, _door: Door) -> None:
        for _ in range(3):
            await client.post(path, content=b'{"mine": "' + keys["generic"].encode() + b'"}')
        await client.post(path, content=b"x" * (1024 * 1024 + 1))
        await client.post(f"/ingest/alertmanager/{keys['generic']}", content=b"wrong door")

    door.visit(deed)
    found = {sample.status: sample for sample in queries.rejected(NAME)}
    assert {status: sample.count for status, sample in found.items()} == {400: 3, 413: 1, 403: 1}
    assert found[400].body == '{"mine": "[key]"}'
    assert "action" in found[400].reason
    assert len(found[413].body) == 64 * 1024
    assert found[403].body == "wrong door"


def test_at_most_twenty_samples_an_hour_are_kept(door: Visitor, keys: dict[str, str]) -> None:
    async def deed(client: httpx.AsyncClient, _door: Door) -> None:
        for number in range(30):
            body = [EVENT] * number + [{"action": "resolve"}]
            await client.post(f"/ingest/generic/{keys['generic']}", json=body)

    door.visit(deed)
    assert len(queries.rejected(NAME)) == 20


def test_above_its_quota_events_fold_and_only_far_above_they_are_refused(
    door: Visitor, keys: dict[str, str]
) -> None:
    spec = IntegrationSpec(NAME, "generic", config={"quota": 2000})
    actions.save_integration(actor=SYSTEM, spec=spec, now=now())

    async def deed(client: httpx.AsyncClient, _door: Door) -> list[int]:
        path = f"/ingest/generic/{keys['generic']}"
        return [(await client.post(path, json=[EVENT] * 1000)).status_code for _ in range(22)]

    answers = door.visit(deed)
    assert answers[:20] == [202] * 20
    assert answers[-1] == 429
    assert sum(row["count"] for row in rows()) == 1000 * answers.count(202)


def test_a_quota_is_a_number(keys: dict[str, str]) -> None:
    spec = IntegrationSpec(NAME, "generic", config={"quota": "many"})
    with pytest.raises(Invalid, match=r"config\.quota"):
        actions.save_integration(actor=SYSTEM, spec=spec, now=now())


def _event(received_at: datetime, key: str, **more: object) -> Event:
    integration = Integration.objects.get(name=NAME)
    values = {"action": "trigger", "lane": 1, "payload": b"{}", "event_id": key, **more}
    return Event.objects.create(integration=integration, dedup_key=key, received_at=received_at, **values)


def _partition_of(key: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM integrations_event WHERE dedup_key = %s", [key])
        return str(cursor.fetchone()[0])


@pytest.mark.usefixtures("keys")
def test_days_are_made_ahead_and_dropped_when_old_but_for_what_waits() -> None:
    start = datetime(2031, 3, 1, 12, tzinfo=UTC)
    assert partitions.make_ahead(now=start) == 4
    assert partitions.make_ahead(now=start) == 0
    _event(start, "done", processed_at=start)
    _event(start, "waits")
    _event(start, "aside", processed_at=start, set_aside="no")
    _event(start - timedelta(days=1), "before", processed_at=start - timedelta(days=1))
    assert (_partition_of("done"), _partition_of("before")) == (
        "integrations_event_20310301",
        "integrations_event_rest",
    )
    keep = timedelta(days=30)
    assert partitions.drop_old(now=start + timedelta(days=30), keep=keep) == 1  # of the rest only
    assert partitions.drop_old(now=start + timedelta(days=30, hours=12), keep=keep) == 1
    assert set(Event.objects.values_list("dedup_key", flat=True)) == {"waits", "aside"}
    assert _partition_of("waits") == "integrations_event_rest"
    partitions.drop_old(now=start + timedelta(days=40), keep=keep)


@pytest.mark.usefixtures("keys")
def test_the_log_is_read_in_order_page_by_page() -> None:
    start = datetime(2031, 5, 1, tzinfo=UTC)
    for number in range(5):
        _event(start + timedelta(hours=number), f"k{number % 2}")
    first = queries.log(since=start, until=start + timedelta(hours=4), limit=3)
    assert [each.dedup_key for each in first.items] == ["k0", "k1", "k0"]
    rest = queries.log(since=start, until=start + timedelta(hours=4), cursor=first.next_cursor, limit=3)
    assert ([each.dedup_key for each in rest.items], rest.next_cursor) == (["k1"], None)
    mine = queries.log(
        since=start, until=start + timedelta(days=1), integration=NAME, dedup_key="k0", limit=9
    )
    assert [(each.integration, each.kind, each.raw) for each in mine.items] == [(NAME, "generic", b"{}")] * 3
    raw = queries.raw_events(
        first.items[0].integration_id, "k1", since=start, until=now() + timedelta(days=9999)
    )
    assert [each.received_at.hour for each in raw] == [3, 1]
