"""Whatever fits the API's description, or does not, gets an answer that is described: never a 500.

TOCSIN_TEST_EXAMPLES=10 asks ten times as much, something else each time.
"""

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from ninja import Schema
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

from tests.api.test_integrations_are_looked_after import aside, refused
from tests.api.world import World
from tocsin.apps.identity import actions
from tocsin.apps.integrations.models import Event, Rejected
from tocsin.domain.permissions import SYSTEM, Role
from tocsin.entrypoints.api.root import api

pytestmark = pytest.mark.filterwarnings("ignore")

SCHEMA = schemathesis.openapi.from_dict(dict(api.get_openapi_schema(path_prefix="/api/v1")))
SCHEMA.app = WSGIHandler()
MORE: Final = int(os.environ.get("TOCSIN_TEST_EXAMPLES", "0"))
BOUNDED = settings(
    max_examples=5 * (MORE or 1),
    deadline=None,
    derandomize=not MORE,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
KEPT_TO = CHECKS.get_by_names(
    ["content_type_conformance", "response_schema_conformance", "response_headers_conformance"]
)
NAMES = {
    "teams": "payments",
    "services": "checkout",
    "integrations": "prom",
    "schedules": "main",
    "rotations": "primary",
    "escalation-policies": "payments",
    "me": "checkout",  # what one follows
}
# Bodies that no generator would think of.
BODIES: Final = (
    *(b"", b"\xff\xfe", b"\0", b"null", b"[]", b'""', b"-1", b"1e999", b"NaN", b"[" * 100_000),
    *(b'{"a":' * 100_000, b'{"a":' * 5_000 + b"1" + b"}" * 5_000, b'{"title":1,"title":[],"title":null}'),
    *(b'{"title":"\\ud800"}', b"\xef\xbb\xbf{}", b"1" * 5_000, b"{" + b'"":1,' * 10_000 + b'"b":2}'),
    b'{"\\u0000":"\\u0000","title":"\\u0000","name":"\\u0000","service":"\\u0000","email":"a@b\\u0000"}',
)


@pytest.fixture
def one_connection() -> Iterator[None]:
    """The end of a request would close the connection that the test is in."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def headers(world: World) -> dict[str, str]:
    aside()
    refused(b"{}")
    _, raw = actions.create_token(actor=SYSTEM, name="fuzz", role=Role.OWNER, now=world.now)
    return {"Authorization": f"Bearer {raw}", "If-Match": "*"}


def known(path: str, world: World) -> dict[str, Any]:
    """Path parameters that stand for something that is there."""
    ids = world.ids
    return {
        "name": NAMES.get(path.split("/")[3], ""),
        "email": "mate@example.com",
        "ref": ids["incident"],
        "of": "service",
        "uid": ids["silence"],
        "event": Event.objects.exclude(set_aside="").values_list("pk", flat=True).first(),
        "sample": Rejected.objects.values_list("pk", flat=True).first(),
        **{f"{name}_id": value for name, value in ids.items()},
    }


def operations() -> list[Any]:
    found: list[Any] = list(SCHEMA.get_all_operations())
    assert len(found) > 80
    return [each.ok() for each in found]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=str)
def test_it_answers(
    mode: GenerationMode, world: World, headers: dict[str, str], one_connection: None
) -> None:
    def ask(case: Any, *, there: bool) -> None:
        if there:
            found = known(case.path, world)
            case.path_parameters = {name: found[name] for name in case.path_parameters}
        with transaction.atomic():
            answer = case.call(headers=headers)
            transaction.set_rollback(True)
        asked = (case.method, case.formatted_path, case.query, case.body)
        assert answer.status_code < 500, asked
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == ["application/problem+json"], asked
        case.validate_response(answer, checks=KEPT_TO)

    for operation in operations():
        cases = operation.as_strategy(generation_mode=mode)
        BOUNDED(given(case=cases, there=st.booleans())(ask))()


def test_any_body_is_answered(world: World, headers: dict[str, str], one_connection: None) -> None:
    client = Client(raise_request_exception=False, headers=headers)
    for operation in operations():
        if operation.method.upper() not in {"POST", "PUT", "PATCH"}:
            continue
        path = operation.path.format(**known(operation.path, world))
        for body in BODIES:
            with transaction.atomic():
                answer = client.generic(operation.method.upper(), path, body, "application/json")
                transaction.set_rollback(True)
            assert answer.status_code < 500, (operation.label, body[:100])
            if answer.status_code >= 400:
                assert answer.headers["content-type"] == "application/problem+json", operation.label


def test_no_two_forms_share_a_name() -> None:
    """The description knows each by its name: of two, one would be described as the other."""
    waiting, forms = [Schema], set[type[Schema]]()
    while waiting:
        forms.update(more := waiting.pop().__subclasses__())
        waiting += more
    ours = [form for form in forms if form.__module__.startswith("tocsin.entrypoints.api")]
    assert len(ours) > 80
    names = Counter(form.__name__ for form in ours)
    assert {name for name, count in names.items() if count > 1} == set()
