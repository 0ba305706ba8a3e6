from datetime import timedelta

import pytest

from tests.incidents.conftest import Company
from tocsin.apps.escalation import actions as escalation
from tocsin.apps.incidents import actions, links
from tocsin.apps.incidents.links import LinkTarget
from tocsin.apps.notify.models import ContactMethod, Page
from tocsin.domain.errors import Conflict, FieldError, Invalid
from tocsin.domain.escalation.model import Target, TargetKind
from tocsin.domain.permissions import Actor, ActorKind, Role
from tocsin.domain.severity import Urgency

MATE = Target(TargetKind.USER, "mate@example.com")
OWNER = Target(TargetKind.USER, "owner@example.com")
ROBOT = Actor(ActorKind.TOKEN, "ci", Role.RESPONDER)
TEAM = Target(TargetKind.TEAM, "payments", "members")


def quiet_words(email: str) -> list[str]:
    return list(Page.objects.filter(kind="notice", user__email=email).values_list("headline", flat=True))


def asked(company: Company, target: Target = OWNER) -> None:
    """The mate has it, and asks somebody for help."""
    company.trigger()
    actions.acknowledge(actor=company.mate, ref="INC-1", now=company.now)
    company.wait(minutes=1)
    actions.ask_help(actor=company.mate, ref="INC-1", target=target, text="The database", now=company.now)
    company.wait(minutes=1)


def test_who_accepts_joins_and_the_asker_hears_it(company: Company) -> None:
    asked(company)
    incident = actions.accept_help(
        actor=company.owner, ref="INC-1", reason="In five minutes", now=company.now
    )
    assert (incident.acknowledged_by, incident.responders) == (
        "mate@example.com",
        ("mate@example.com", "owner@example.com"),
    )
    texts = [entry.text for entry in incident.timeline]
    assert ("owner joined" in texts, "In five minutes" in texts) == (True, True)
    assert quiet_words("mate@example.com") == ["owner joined to help with INC-1"]
    again = actions.accept_help(actor=company.owner, ref="INC-1", now=company.now)
    assert [entry.text for entry in again.timeline].count("owner joined") == 1


def test_accepting_ends_no_other_call_out(company: Company) -> None:
    company.trigger()
    actions.ask_help(actor=company.owner, ref="INC-1", target=MATE, now=company.now)
    incident = actions.accept_help(actor=company.mate, ref="INC-1", now=company.now)
    assert incident.acknowledged_at is None
    company.wait(minutes=5)
    escalation.advance_due(now=company.now)
    called = [page.email for page in company.show("INC-1").pages if page.kind == "page"]
    assert called[-1] == "owner@example.com"


def test_who_declines_is_left_alone_and_the_asker_hears_why(company: Company) -> None:
    asked(company)
    incident = actions.decline_help(actor=company.owner, ref="INC-1", reason="On a train", now=company.now)
    assert [e.text for e in incident.timeline if e.kind == "help_declined"] == [
        "owner cannot help: On a train"
    ]
    assert quiet_words("mate@example.com") == ["owner cannot help with INC-1: On a train"]
    (page,) = [page for page in incident.pages if page.email == "owner@example.com"]
    assert page.ended_at == company.now
    assert incident.acknowledged_by == "mate@example.com"


def test_a_program_that_asks_is_told_nothing(company: Company) -> None:
    company.trigger()
    actions.ask_help(actor=ROBOT, ref="INC-1", target=OWNER, now=company.now)
    actions.accept_help(actor=company.owner, ref="INC-1", now=company.now)
    assert Page.objects.filter(kind="notice").count() == 0


def test_who_was_not_asked_can_neither_accept_nor_decline(company: Company) -> None:
    asked(company, OWNER)
    company.now += timedelta(minutes=1)
    link = Actor(ActorKind.LINK, "stranger", Role.RESPONDER, company.stranger.id, company.stranger.email)
    for deed in (actions.accept_help, actions.decline_help):
        with pytest.raises(Conflict):
            deed(actor=link, ref="INC-1", now=company.now)


@pytest.mark.parametrize(("action", "kind"), [("accept", "help_accepted"), ("decline", "help_declined")])
def test_links_of_a_call_for_help_answer_it(company: Company, action: str, kind: str) -> None:
    asked(company)
    incident = company.show("INC-1")
    found = links.open(links.make("owner@example.com", incident.id, action, company.now), company.now)
    assert isinstance(found, LinkTarget)
    deed = {"accept": actions.accept_help, "decline": actions.decline_help}[found.action]
    deed(actor=found.actor, ref="INC-1", now=company.now)
    assert kind in company.kinds("INC-1")


def test_whoever_answers_a_direct_page_has_it(company: Company) -> None:
    made = actions.page(actor=company.owner, target=MATE, title="Come", now=company.now)
    assert (made.severity, made.urgency, made.assigned) == ("SEV2", "high", ("mate@example.com",))
    incident = actions.accept_help(actor=company.mate, ref=made.ref, now=company.now)
    assert incident.acknowledged_by == "mate@example.com"
    assert quiet_words("owner@example.com") == [f"mate answered your page and has {made.ref}"]


@pytest.mark.parametrize(
    ("target", "called"),
    [
        (MATE, {"mate@example.com"}),
        (TEAM, {"mate@example.com"}),
        (Target(TargetKind.TEAM, "payments", "lead"), {"owner@example.com"}),
    ],
)
@pytest.mark.parametrize(("urgency", "severity"), [(Urgency.HIGH, "SEV2"), (Urgency.LOW, "SEV3")])
def test_a_direct_page_calls_a_person_or_a_team_as_urgently_as_asked(
    company: Company, target: Target, called: set[str], urgency: Urgency, severity: str
) -> None:
    made = actions.page(
        actor=ROBOT,
        target=target,
        title="Come",
        text="All of you",
        urgency=urgency,
        now=company.now,
    )
    pages = [page for page in made.pages if page.kind == "page"]
    assert (made.severity, made.urgency) == (severity, urgency)
    assert {page.email for page in pages} == called
    assert {page.urgency for page in pages} == {urgency}


def test_a_team_that_nobody_can_reach_says_so(company: Company) -> None:
    ContactMethod.objects.update(verified_at=None)
    made = actions.page(actor=ROBOT, target=TEAM, title="Come", now=company.now)
    said = " ".join(entry.text for entry in made.timeline)
    assert "mate@example.com" in said or "nobody" in said.lower()
    assert any(entry.kind in {"undeliverable", "passed", "nobody"} for entry in made.timeline)


@pytest.mark.parametrize(
    "target",
    [
        Target(TargetKind.USER, "x@example.com"),
        Target(TargetKind.TEAM, "x"),
        Target(TargetKind.SCHEDULE, "x"),
    ],
)
def test_nobody_is_paged_who_is_not_there(company: Company, target: Target) -> None:
    with pytest.raises(Invalid) as refused:
        actions.page(actor=company.owner, target=target, title="Come", now=company.now)
    (error,) = refused.value.errors
    assert isinstance(error, FieldError)
    assert error.field == "target"


def test_reopening_calls_again_whoever_was_paged_directly(company: Company) -> None:
    made = actions.page(actor=company.owner, target=MATE, title="Come", now=company.now)
    actions.accept_help(actor=company.mate, ref=made.ref, now=company.now)
    actions.resolve(actor=company.mate, ref=made.ref, now=company.now)
    company.wait(minutes=30)
    again = actions.reopen(actor=company.owner, ref=made.ref, now=company.now)
    assert (again.acknowledged_by, again.assigned) == (None, ("mate@example.com",))
    called = [page for page in again.pages if page.kind == "page" and page.started_at == company.now]
    assert [page.email for page in called] == ["mate@example.com"]
    assert all(page.notifications for page in called)


def test_reopening_leaves_a_direct_page_as_loud_as_it_was(company: Company) -> None:
    made = actions.page(actor=company.owner, target=MATE, title="Come", urgency=Urgency.LOW, now=company.now)
    actions.resolve(actor=company.mate, ref=made.ref, now=company.now)
    again = actions.reopen(actor=company.owner, ref=made.ref, now=company.now)
    assert (again.urgency, again.assigned) == (Urgency.LOW, ("mate@example.com",))
