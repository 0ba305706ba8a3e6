"""What a source takes goes all the way: it is kept, decided, told, and shown on the pages. Nothing of it is
lost, nothing fails on the way, and nobody else's event waits for it.
"""

import copy
import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz import nasty
from tests.fuzz.path import Path, failures, named, path_of
from tests.fuzz.test_every_source_reads_anything import anything, hard, places
from tests.incidents.conftest import Company
from tocsin.apps.alerts.models import Alert
from tocsin.apps.identity.models import User
from tocsin.apps.incidents.models import Incident
from tocsin.apps.integrations.models import Event
from tocsin.domain.errors import Invalid
from tocsin.domain.signal import EventAction, Signal
from tocsin.entrypoints.worker import app
from tocsin.ports import registry
from tocsin.ports.source import Envelope, VerifiedSource

_PAGES = 20


@pytest.fixture
def path(kind: str, company: Company, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    source = registry.sources[kind]
    if isinstance(source, VerifiedSource):  # what is changed on the way has no signature
        monkeypatch.setattr(source, "verify", lambda *_: True)
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(app.STACK)  # as the worker does
    yield path_of(company, kind, nasty.NAMES)
    sys.setrecursionlimit(before)


def reader(company: Company) -> Client:
    client = Client(raise_request_exception=False)
    user = User.objects.get(email=company.owner.email)
    User.objects.filter(pk=user.pk).update(state="active")
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


@pytest.mark.parametrize("kind", nasty.KINDS)
def test_by_name(kind: str, path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in nasty.NAMES:
        for body in islice(nasty.made(name, kind), 6):
            path.send(body, name)
    path.somebody_else_is_served()
    assert failures(caplog) == set()
    assert path.set_aside() == set()
    client = reader(path.company)
    alerts = Alert.objects.order_by("pk").values_list("pk", flat=True)
    pages = [f"/alerts/{pk}" for pk in alerts[:: len(alerts) // _PAGES + 1]]
    pages += [f"/incidents/{row.ref}" for row in Incident.objects.order_by("pk")[:_PAGES]]
    pages += ["/integrations/control%20characters", "/alerts/", "/alerts/labels", "/incidents/"]
    assert {page: client.get(page).status_code for page in pages} == dict.fromkeys(pages, 200)


@pytest.mark.parametrize("kind", nasty.KINDS)
@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_with_something_else_in_some_places(
    kind: str, path: Path, caplog: pytest.LogCaptureFixture, data: st.DataObject
) -> None:
    """The same alerts again and again, so that repeats, updates and ends are tried as well."""
    known = [body for body in nasty.bodies(kind) if body[:1] in {b"[", b"{"}]
    for body in data.draw(st.lists(st.sampled_from(known), min_size=1, max_size=6)) if known else ():
        message = json.loads(body, strict=False)
        for place in data.draw(st.lists(st.sampled_from(places(message)[1:]), max_size=3)):
            _exchange(message, place, data.draw(hard | anything))
        path.send(json.dumps(message).encode(), nasty.NAMES[0])
    path.work()
    assert failures(caplog) == set()
    assert path.set_aside() == set()


def _exchange(message: Any, place: tuple[Any, ...], value: Any) -> None:
    with suppress(KeyError, IndexError, TypeError):  # another exchange took the place away
        inner = message
        for step in place[:-1]:
            inner = inner[step]
        inner[place[-1]] = copy.deepcopy(value)  # what was drawn may be drawn again


@pytest.mark.parametrize("kind", nasty.KINDS)
def test_what_stands_in_the_log_may_be_anything(
    kind: str, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Another version wrote it, or a disk lost it: it is set aside with its reason, or read."""
    stored = [b"", b"\xff", b"null", b"[]", b"{}", b'"\\ud800"', b"[" * 9000, b'{"a":[1,null,"\\u0000"]}']
    envelopes = [Envelope(EventAction.TRIGGER, f"k{n}", each) for n, each in enumerate(stored)]
    path.keep(envelopes, nasty.NAMES[0])
    path.somebody_else_is_served()
    assert failures(caplog) == set()
    assert path.set_aside()


@pytest.mark.parametrize("kind", ["json"])
def test_what_nobody_foresaw_is_set_aside_and_shown(
    kind: str, path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parse(payload: bytes) -> Signal:
        raise RecursionError(f"\0 \ud800 {payload[:20]!r}" + "x" * 2000)

    body = registry.sources[kind].sample("poison")
    path.send(body, "NUL")
    monkeypatch.setattr(registry.sources[kind], "parse", parse)
    path.somebody_else_is_served()
    assert any("RecursionError" in each for each in failures(caplog))
    page = reader(path.company).get("/integrations/NUL").content.decode()
    assert "Set aside" in page
    assert "RecursionError" in page
    assert list(Event.objects.exclude(set_aside="").values_list("dedup_key", flat=True)) == ["poison"]


def test_refusals_can_be_sent_back_and_kept() -> None:
    for kind in nasty.KINDS:
        for body in (b'{"\\ud800":1}', b'{"a":"\\u0000"}', b"\x80", b'["\\udfff"]'):
            try:
                registry.sources[kind].envelope(body)
            except Invalid as error:
                named(error)
