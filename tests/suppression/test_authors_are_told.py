"""Before a silence ends its author hears, once."""

from datetime import timedelta

import pytest

from tests.incidents.conftest import Company
from tests.incidents.test_many_workers import together
from tocsin.apps.alerts.actions import extend_silence, save_silence
from tocsin.apps.alerts.types import SilenceInfo, SilenceSpec
from tocsin.apps.incidents import jobs
from tocsin.apps.notify.models import Page


def _silence(
    company: Company, hours: float = 2, rrule: str = "", notice: timedelta | None = None
) -> SilenceInfo:
    end = company.now + timedelta(hours=hours)
    spec = SilenceSpec(('dedup_key="k1"',), company.now, end, comment="new disks", rrule=rrule, notice=notice)
    return save_silence(actor=company.mate, spec=spec, now=company.now)


def _heard(company: Company, **span: float) -> list[str]:
    company.wait(**span)
    jobs.sweep(company.now)
    return list(
        Page.objects.filter(reason__contains="ends in").order_by("pk").values_list("reason", flat=True)
    )


def test_half_an_hour_before_it_ends_and_once(company: Company) -> None:
    _silence(company)
    assert _heard(company, minutes=89) == []
    assert _heard(company, minutes=1) == ["Your silence “new disks” ends in 30m"]
    assert len(_heard(company, minutes=1)) == 1
    assert Page.objects.get().user.email == "mate@example.com"


def test_its_own_notice_counts_and_an_extension_tells_again(company: Company) -> None:
    made = _silence(company, notice=timedelta(hours=1))
    assert len(_heard(company, minutes=60)) == 1
    extend_silence(actor=company.mate, uid=made.uid, by=timedelta(hours=1), now=company.now)
    assert len(_heard(company, minutes=59)) == 1
    assert len(_heard(company, minutes=1)) == 2


def test_one_that_is_short_needs_none(company: Company) -> None:
    _silence(company, hours=1)
    assert _heard(company, minutes=45) == []


def test_one_that_recurs_tells_at_each_end(company: Company) -> None:
    _silence(company, rrule="FREQ=DAILY")
    assert len(_heard(company, minutes=100)) == 1
    assert len(_heard(company, hours=12)) == 1
    assert len(_heard(company, hours=12)) == 2


@pytest.mark.django_db(transaction=True)
def test_two_workers_tell_once(transactional_db: None, company: Company) -> None:
    _silence(company)
    company.wait(minutes=95)
    assert together(*[lambda: jobs.sweep(company.now)] * 3) == []
    assert len(_heard(company, seconds=1)) == 1
