from tests.incidents.conftest import Company
from tocsin.apps.escalation import actions as escalation
from tocsin.apps.incidents import actions
from tocsin.domain.escalation.model import Target, TargetKind
from tocsin.domain.severity import Severity


def pages(company: Company, ref: str) -> list[str]:
    return [page.email for page in company.show(ref).pages if page.kind == "page"]


def test_a_worse_one_that_nobody_has_raises_the_other(company: Company) -> None:
    company.trigger("a", severity="warning")
    actions.acknowledge(actor=company.mate, ref="INC-1", now=company.now)
    company.trigger("b")
    company.wait(minutes=1)
    incident = actions.merge(actor=company.mate, ref="INC-2", into="INC-1", now=company.now)
    assert (incident.severity, incident.acknowledged_at) == (Severity.SEV2, None)
    assert pages(company, "INC-1") == ["mate@example.com"] * 2
    assert "severity_changed" in company.kinds("INC-1")
    company.wait(minutes=5)
    escalation.advance_due(now=company.now)
    assert pages(company, "INC-1")[-1] == "owner@example.com"
    assert pages(company, "INC-2") == ["mate@example.com"]


def test_a_worse_one_that_somebody_has_raises_nothing(company: Company) -> None:
    company.trigger("a", severity="warning")
    company.trigger("b")
    actions.acknowledge(actor=company.mate, ref="INC-2", now=company.now)
    incident = actions.merge(actor=company.mate, ref="INC-2", into="INC-1", now=company.now)
    assert incident.severity is Severity.SEV3


def test_a_better_one_raises_nothing(company: Company) -> None:
    company.trigger("a")
    actions.acknowledge(actor=company.mate, ref="INC-1", now=company.now)
    company.trigger("b", severity="warning")
    incident = actions.merge(actor=company.mate, ref="INC-2", into="INC-1", now=company.now)
    assert (incident.severity, incident.acknowledged_by) == (Severity.SEV2, "mate@example.com")


def test_a_worse_one_merged_into_a_direct_page_has_its_service_called(company: Company) -> None:
    owner = Target(TargetKind.USER, "owner@example.com")
    actions.page(actor=company.mate, target=owner, title="Come", service="checkout", now=company.now)
    company.trigger("b", severity="SEV1")
    company.wait(minutes=1)
    incident = actions.merge(actor=company.mate, ref="INC-2", into="INC-1", now=company.now)
    assert incident.severity is Severity.SEV1
    assert pages(company, "INC-1") == ["owner@example.com", "mate@example.com"]
