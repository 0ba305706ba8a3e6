"""What many rows at once look like afterwards: as if each had been saved alone."""

import pytest
from django.db import DataError, transaction

from tests.incidents.conftest import Company
from tocsin.apps.alerts.models import Alert, Decision
from tocsin.apps.audit.bulk import append_rows, create_rows
from tocsin.domain.severity import Severity, Urgency

FIELDS = {"group_key": "g", "summary": 'tab\t, back\\slash, "quotes" and \\N', "severity": Severity.SEV2}


def alert(company: Company, key: str, **more: object) -> Alert:
    at = company.now
    given = {**FIELDS, "urgency": Urgency.HIGH, "first_seen_at": at, "last_seen_at": at, **more}
    return Alert(integration_id=integration(company), dedup_key=key, **given)


def integration(company: Company) -> int:
    company.trigger("first")
    return Alert.objects.values_list("integration_id", flat=True)[0]


def test_rows_that_are_copied_read_back_as_they_were(company: Company) -> None:
    labels = {"host": "ü\n\t\\", "empty": ""}
    made = [alert(company, "a", labels=labels, links=[{"href": "x"}]), alert(company, "b", count=7)]
    create_rows(made)
    for row in made:
        back = Alert.objects.get(pk=row.pk)
        for field in Alert._meta.concrete_fields:
            assert getattr(back, field.attname) == getattr(row, field.attname), field.attname
    made[0].summary = "saved again"
    made[0].save()
    assert Alert.objects.filter(summary="saved again").count() == 1
    append_rows(
        Decision, ("alert_id", "at", "stage", "outcome", "reason"), [(made[1].pk, company.now, "s", "o", "")]
    )
    assert made[1].decisions.get().outcome == "o"


def test_what_does_not_fit_is_an_error_of_the_framework(company: Company) -> None:
    with pytest.raises(DataError), transaction.atomic():
        create_rows([alert(company, "a", summary="x" * 2000)])
    assert not Alert.objects.filter(dedup_key="a").exists()
