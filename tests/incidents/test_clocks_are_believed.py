"""What a tool says of when something began: taken where a clock may say so."""

from datetime import datetime, timedelta

import pytest

from tests.incidents.conftest import Company
from tocsin.apps.alerts.models import Alert
from tocsin.domain.signal import believed


def test_a_start_that_was_claimed_is_the_incidents(company: Company) -> None:
    began = company.now - timedelta(hours=2)
    incident = company.trigger(started_at=began.isoformat())
    assert (incident.started_at, incident.detected_at) == (began, company.now)


def test_a_clock_that_is_ahead_does_not_make_it_begin_after_it_was_heard_of(company: Company) -> None:
    incident = company.trigger(started_at="2999-01-01T00:00:00Z")
    assert incident.started_at == incident.detected_at == company.now


@pytest.mark.parametrize("claim", ["1969-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "1999-01-01T00:00:00Z"])
def test_a_clock_that_was_never_set_is_not_believed(company: Company, claim: str) -> None:
    incident = company.trigger(started_at=claim)
    assert incident.started_at == company.now
    assert Alert.objects.get().started_at is None


def test_a_year_is_the_longest_ago(company: Company) -> None:
    heard: datetime = company.now
    assert believed(heard - timedelta(days=360), heard) == heard - timedelta(days=360)
    assert believed(heard - timedelta(days=367), heard) is None
    assert believed(None, heard) is None
