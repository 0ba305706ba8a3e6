"""Whatever fits the API's description, or does not, gets an answer: never a 500."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.api.world import World
from tocsin.apps.identity import actions
from tocsin.domain.permissions import SYSTEM, Role
from tocsin.entrypoints.api.root import api

pytestmark = pytest.mark.filterwarnings("ignore")

SCHEMA = schemathesis.openapi.from_dict(dict(api.get_openapi_schema(path_prefix="/api/v1")))
SCHEMA.app = WSGIHandler()
BOUNDED = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
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


@pytest.fixture
def one_connection() -> Iterator[None]:
    """The end of a request would close the connection that the test is in."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def bearer(world: World) -> str:
    _, raw = actions.create_token(actor=SYSTEM, name="fuzz", role=Role.OWNER, now=world.now)
    return f"Bearer {raw}"


def known(path: str, world: World) -> dict[str, Any]:
    """Path parameters that stand for something that is there."""
    ids = world.ids
    return {
        "name": NAMES.get(path.split("/")[3], ""),
        "email": "mate@example.com",
        "ref": ids["incident"],
        "of": "service",
        "uid": ids["silence"],
        **{f"{name}_id": value for name, value in ids.items()},
    }


def test_it_answers(world: World, bearer: str, one_connection: None) -> None:
    headers = {"Authorization": bearer, "If-Match": "*"}

    def ask(case: Any, *, there: bool) -> None:
        if there:
            found = known(case.path, world)
            case.path_parameters = {name: found[name] for name in case.path_parameters}
        with transaction.atomic():
            answer = case.call(headers=headers)
            transaction.set_rollback(True)
        assert answer.status_code < 500, (case.method, case.formatted_path, case.query, case.body)
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == ["application/problem+json"]

    asked = 0
    for result in SCHEMA.get_all_operations():
        operation = result.ok()
        BOUNDED(given(case=operation.as_strategy(), there=st.booleans())(ask))()
        asked += 1
    assert asked > 80
