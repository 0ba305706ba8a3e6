"""CloudWatch's messages in the worker: fetched outside of lanes, in order, and lost by nobody."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.sources.test_cloudwatch_is_understood import OTHER, Amazon, signed
from tocsin.apps.alerts.models import Alert
from tocsin.apps.incidents import jobs, proving
from tocsin.apps.integrations import actions as integrations
from tocsin.apps.integrations.models import Event, Integration
from tocsin.apps.integrations.types import IntegrationSpec
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.signal import lane_of
from tocsin.ports import registry
from tocsin.ports.source import UnreachableError

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = "f" * 32

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_fetched() -> Iterator[None]:
    proving.forget()
    yield
    proving.forget()


def arrive(payload: bytes, **config: Any) -> None:
    if not Integration.objects.exists():
        integrations.save_integration(
            actor=SYSTEM, spec=IntegrationSpec("aws", "cloudwatch", key=KEY), now=NOW
        )
        Integration.objects.update(config=config)
    integration = Integration.objects.get()
    (envelope,) = registry.source("cloudwatch").envelope(payload)
    Event.objects.create(
        event_id=str(Event.objects.count()),
        integration_id=integration.pk,
        action=envelope.action,
        dedup_key=envelope.dedup_key,
        lane=lane_of(integration.pk, envelope.dedup_key),
        payload=envelope.payload,
        received_at=NOW,
    )
    jobs.process_waiting(NOW)


def nowhere(url: str) -> bytes:
    raise UnreachableError(url)


def firing() -> list[str]:
    return list(Alert.objects.values_list("status", flat=True))


def test_an_event_waits_for_its_certificate_and_is_then_worked() -> None:
    arrive(signed("alarm"))
    assert (firing(), Event.objects.get().processed_at) == ([], None)

    assert jobs.prove_waiting(NOW, Amazon()) == 1
    assert len(firing()) == 1
    assert Event.objects.get().processed_at == NOW


def test_what_comes_after_it_keeps_its_place() -> None:
    arrive(signed("alarm"))
    arrive(signed("ok"))
    jobs.prove_waiting(NOW, nowhere)
    assert firing() == []
    assert jobs.prove_waiting(NOW, Amazon()) == 2
    assert firing() == ["resolved"]


def test_a_known_certificate_is_not_asked_for_again() -> None:
    arrive(signed("alarm"))
    jobs.prove_waiting(NOW, Amazon())
    arrive(signed("ok"))
    assert firing() == ["resolved"]


def test_what_is_forged_is_set_aside_with_the_reason() -> None:
    arrive(signed("alarm", key=OTHER))
    jobs.prove_waiting(NOW, Amazon())
    assert firing() == []
    assert "signature is wrong" in Event.objects.get().set_aside


def test_a_certificate_out_of_reach_loses_no_page() -> None:
    arrive(signed("alarm"))
    assert jobs.prove_waiting(NOW + timedelta(seconds=59), nowhere) == 0
    assert jobs.prove_waiting(NOW + timedelta(seconds=60), nowhere) == 1
    assert len(firing()) == 1


def test_unless_signatures_are_required() -> None:
    arrive(signed("alarm"), signature="required")
    jobs.prove_waiting(NOW + timedelta(seconds=60), nowhere)
    assert firing() == []
    assert "could not be verified" in Event.objects.get().set_aside


def test_a_subscription_is_confirmed_by_the_worker() -> None:
    amazon = Amazon()
    arrive(signed("subscription_confirmation"))
    assert jobs.prove_waiting(NOW, amazon) == 1
    assert "Action=ConfirmSubscription" in amazon.asked[-1]
    event = Event.objects.get()
    assert (event.set_aside, event.processed_at) == ("", NOW)
    assert firing() == []
