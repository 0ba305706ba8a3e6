"""What clients ask, rather than send, is answered elsewhere: there too an old key is good for a while."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from tocsin.apps.integrations import actions, queries
from tocsin.apps.integrations.types import IntegrationSpec
from tocsin.domain.permissions import SYSTEM
from tocsin.lib import clock

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
OLD, FRESH = "0d" * 16, "0e" * 16


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def _rotated(kind: str, ago: timedelta) -> None:
    spec = IntegrationSpec("moving", kind, key=OLD)
    actions.save_integration(actor=SYSTEM, spec=spec, now=NOW - timedelta(days=9))
    spec = IntegrationSpec("moving", kind, key=FRESH)
    actions.save_integration(actor=SYSTEM, spec=spec, now=NOW - ago)


def _asked(kind: str, key: str) -> int:
    if kind == "opsgenie":
        return Client().get("/opsgenie/v2/alerts", headers={"authorization": f"GenieKey {key}"}).status_code
    return Client().get(f"/alertmanager/{key}/api/v2/alerts").status_code


@pytest.mark.parametrize("kind", ["opsgenie", "prometheus"])
def test_both_keys_are_good_at_first_and_the_use_of_the_old_one_is_noted(kind: str) -> None:
    _rotated(kind, timedelta(hours=1))
    assert _asked(kind, FRESH) == 200
    found = queries.integration("moving")
    assert found is not None
    assert found.old_key_used_at is None
    assert _asked(kind, OLD) == 200
    found = queries.integration("moving")
    assert found is not None
    assert found.old_key_used_at == NOW


@pytest.mark.parametrize("kind", ["opsgenie", "prometheus"])
def test_afterwards_only_the_fresh_one_is(kind: str) -> None:
    _rotated(kind, timedelta(hours=25))
    assert _asked(kind, OLD) == 401
    assert _asked(kind, FRESH) == 200


def test_no_key_is_not_the_old_key_of_those_that_have_none() -> None:
    _rotated("opsgenie", timedelta(hours=1))
    actions.end_old_key(actor=SYSTEM, name="moving", now=NOW)
    assert _asked("opsgenie", "") == 401
    assert _asked("opsgenie", OLD) == 401
