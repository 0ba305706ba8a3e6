from typing import Any

from tests.incidents.conftest import Company
from tocsin.apps.escalation.models import Decision
from tocsin.apps.notify import delivery
from tocsin.apps.notify.models import Notification, Page


def test_the_ladder_goes_on_past_a_page_of_which_nothing_can_be_read(
    company: Company, django_capture_on_commit_callbacks: Any
) -> None:
    company.trigger()
    page = Page.objects.earliest("id")
    Page.objects.filter(pk=page.pk).update(subject={"of": "another version"})
    called = Decision.objects.filter(kind="called").count()
    delivery.beat("w", "here", 1)
    for _ in range(5):
        with django_capture_on_commit_callbacks(execute=True):
            delivery.claim("w", company.now, 20)
    mine = Notification.objects.filter(page=page)
    assert {row.state for row in mine if row.receipt} == {"failed"}
    assert all("cannot be read" in row.receipt for row in mine.filter(state="failed"))
    assert Decision.objects.filter(kind="called").count() > called
