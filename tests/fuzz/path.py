"""The whole way of what is sent, in one process: read at the door, kept, read back by the worker, decided,
and told to people.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

import pytest

from tests.incidents.conftest import START, Company
from tocsin.apps.alerts.actions import save_suppression
from tocsin.apps.alerts.models import Alert
from tocsin.apps.incidents import jobs, proving
from tocsin.apps.integrations import actions as integrations
from tocsin.apps.integrations.forms import read_form_of_tables, read_tree
from tocsin.apps.integrations.models import Event, Integration
from tocsin.domain.errors import Invalid
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.signal import lane_of
from tocsin.entrypoints.ingest.rows import Row
from tocsin.ports import registry
from tocsin.ports.source import Asked, Envelope, RequestSource, UnreachableError

# A bit of everything that looks into what was sent.
TREE = {
    "group_by": ["alertname", "host"],
    "extract": {"from": "summary", "regex": "(?P<first>[a-z]+)"},
    "lookup": {"table": "owners", "key": ["host"], "set": ["owner"]},
    "set": {
        "labels": {"where": "{{ labels.host }}/{{ labels.first }}"},
        "summary": "{{ labels.alertname }} on {{ labels.host }}",
        "runbook": "https://wiki.example.com/{{ labels.first }}",
    },
    "routes": [
        {"if": 'payload.a.b == 1 && labels.x.startsWith("y") || size(event.summary) > 9', "severity": "SEV4"},
        {"match": ['first=~"[a-z]{1,20}x"'], "dedup_key": "{{ labels.first }}", "severity": "SEV3"},
        {"match": ['host!=""'], "continue": True, "severity": "SEV2"},
    ],
}  # fmt: skip
OWNERS = [{"host": "db1", "owner": "web"}]
RULES = {"inhibitions": [{"name": "host", "source": ['a!=""'], "target": ['b!=""'], "equal": ["host"]}]}


OTHER = "somebody else"
_DOOR = ThreadPoolExecutor(1)


def nowhere(url: str) -> bytes:
    raise UnreachableError(url)


def named(error: Invalid) -> None:
    """A refusal says which field, in text that can be sent back."""
    assert error.errors
    assert all(each.field and each.message for each in error.errors), error.errors
    assert str(error).encode()


@dataclass
class Path:
    """Ways in of one kind, by name, and one of somebody who has nothing to do with it."""

    company: Company
    kind: str
    ids: dict[str, int]
    number: int = 0

    def read(self, body: bytes) -> Sequence[Envelope]:
        """As the door does, which has all of its stack for it. Raises Invalid, and nothing else."""
        source = registry.sources[self.kind]
        if isinstance(source, RequestSource):
            asked = Asked("POST", f"/ingest/{self.kind}/key", {}, {}, body)
            return _DOOR.submit(source.events_of, asked).result()
        return _DOOR.submit(source.envelope, body).result()

    def keep(self, envelopes: Iterable[Envelope], way: str) -> None:
        rows = []
        for envelope in envelopes:
            self.number += 1
            row = Row(b"%d" % self.number, self.ids[way], b"", envelope)
            key = row.dedup_key.decode()
            rows.append(
                Event(
                    event_id=str(self.number),
                    integration_id=self.ids[way],
                    action=row.action.decode(),
                    dedup_key=key,
                    lane=lane_of(self.ids[way], key),
                    payload=row.payload,
                    received_at=self.company.now,
                )
            )
        Event.objects.bulk_create(rows)

    def send(self, body: bytes, way: str, most: int = 5) -> None:
        try:
            envelopes = self.read(body)
        except Invalid as error:
            named(error)
        else:
            self.keep(envelopes[:most], way)

    def work(self) -> None:
        """Until nothing waits."""
        while jobs.process_waiting(self.company.now):
            pass
        self.company.now += timedelta(hours=2)
        while jobs.prove_waiting(self.company.now, nowhere):
            pass
        while jobs.process_waiting(self.company.now):
            pass

    def set_aside(self) -> set[tuple[str, str]]:
        """By which way it came, and why. That nobody confirms a subscription here is no wonder."""
        rows = Event.objects.exclude(set_aside="").exclude(set_aside__startswith="SubscribeURL: could not")
        return set(rows.values_list("integration__name", "set_aside"))

    def somebody_else_is_served(self) -> None:
        """An event that came last is an alert like any other."""
        body = registry.sources["generic"].sample("somebody-else")
        self.keep(registry.sources["generic"].envelope(body), OTHER)
        self.work()
        assert not Event.objects.filter(processed_at=None).exists()
        assert Alert.objects.filter(dedup_key="somebody-else", integration=self.ids[OTHER]).exists()


def path_of(company: Company, kind: str, ways: Sequence[str]) -> Path:
    rows = [
        Integration(name=name, kind=kind, key=f"{number:032x}", created_at=START)
        for number, name in enumerate(ways)
    ]
    rows.append(Integration(name=OTHER, kind="generic", key="f" * 32, created_at=START))
    Integration.objects.bulk_create(rows)
    tables = read_form_of_tables([{"name": "owners", "rows": OWNERS}])
    integrations.save_routes(actor=SYSTEM, tables=tables, now=START)
    integrations.save_routes(actor=SYSTEM, tree=read_tree(TREE), now=START)
    save_suppression(actor=SYSTEM, definition=RULES, now=START)
    proving.forget()
    return Path(company, kind, {row.name: row.pk for row in rows})


def failures(caplog: pytest.LogCaptureFixture) -> set[str]:
    """What was logged with an exception since it was asked last: nobody foresaw it."""
    found = {repr(record.exc_info[1])[:300] for record in caplog.records if record.exc_info}
    caplog.clear()
    return found
