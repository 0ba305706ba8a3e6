from datetime import timedelta

import pytest

from tests.incidents.conftest import Company
from tests.notify.fakes import FakeChannel
from tocsin.adapters.email import render
from tocsin.apps.audit.models import AuditEntry
from tocsin.apps.identity.models import User, UserState
from tocsin.apps.incidents import actions, following, jobs, links
from tocsin.apps.incidents.following import Of
from tocsin.apps.incidents.models import Happened
from tocsin.apps.notify import delivery
from tocsin.apps.notify.models import Notification, Page, QuietHours
from tocsin.domain.errors import Invalid, NotFound, PermissionDenied
from tocsin.domain.lifecycle import Status
from tocsin.domain.permissions import Actor
from tocsin.domain.severity import Severity
from tocsin.ports import registry


def updates(email: str = "stranger@example.com") -> list[Page]:
    return list(Page.objects.filter(kind="update", user__email=email).order_by("id"))


def said(company: Company, email: str = "stranger@example.com") -> list[str]:
    """A minute later: the words of each update that this person got."""
    company.wait(seconds=60)
    jobs.sweep(company.now)
    return [page.headline for page in updates(email)]


def follow(company: Company, of: Of, name: str, actor: Actor | None = None) -> None:
    actions.follow(actor=actor or company.stranger, of=of, name=name, now=company.now)


def test_it_tells_who_follows_the_service_that_one_opened_was_taken_and_is_over(company: Company) -> None:
    follow(company, Of.SERVICE, "checkout")
    company.trigger()
    assert said(company) == ["INC-1 checkout: Opened by an alert: k1 is down"]
    actions.acknowledge(actor=company.mate, ref="INC-1", now=company.now)
    assert said(company)[1:] == ["INC-1 checkout: Acknowledged by mate"]
    actions.set_severity(actor=company.mate, ref="INC-1", severity=Severity.SEV3, now=company.now)
    actions.set_status(actor=company.mate, ref="INC-1", status=Status.MONITORING, now=company.now)
    assert said(company)[2:] == ["INC-1 checkout: mate: investigating → monitoring"]
    lines = updates()[2].more["lines"]
    assert ("Severity lowered from SEV2 to SEV3" in lines[1], "monitoring" in lines[2]) == (True, True)
    actions.resolve(actor=company.mate, ref="INC-1", now=company.now)
    assert said(company)[3].startswith("INC-1 checkout: Resolved by mate")
    actions.reopen(actor=company.mate, ref="INC-1", now=company.now)
    assert said(company)[4:] == ["INC-1 checkout: Reopened by mate"]
    assert Happened.objects.count() == 0


def test_an_update_is_one_quiet_message(company: Company) -> None:
    follow(company, Of.SERVICE, "checkout")
    company.trigger(severity="SEV1")
    said(company)
    (page,) = updates()
    assert (page.urgency, page.call_out_id) == ("low", None)
    (message,) = Notification.objects.filter(page=page)
    assert (message.via, message.rank) == ("email", 5)


def test_the_message_says_what_happened_and_offers_a_way_out(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = FakeChannel()
    monkeypatch.setitem(registry.channels, "email", channel)
    follow(company, Of.SERVICE, "checkout")
    company.trigger()
    said(company)
    delivery.beat("w", "host", 1)
    for job in delivery.claim("w", company.now, 100):
        delivery.deliver_one(job, "w")
    (message,) = [each for each in channel.sent if each.address == "stranger@example.com"]
    assert [action.name for action in message.actions] == ["unfollow"]
    assert message.lines[-1].endswith("/incidents/INC-1")
    assert render.subject_line(message).startswith("Update: [SEV2] checkout: k1 is down")
    assert "because you follow it" in render.text(message)
    found = links.open_following(message.actions[0].url.rpartition("/")[2], company.now)
    assert isinstance(found, links.FollowingTarget)
    assert found.actor.email == "stranger@example.com"


def test_within_a_minute_everything_is_one_message(company: Company) -> None:
    follow(company, Of.SERVICE, "checkout")
    company.trigger("a")
    company.wait(seconds=30)
    company.trigger("b")
    jobs.sweep(company.now)
    assert updates() == []
    company.wait(seconds=30)
    jobs.sweep(company.now)
    (page,) = updates()
    assert page.headline == "News of 2 incidents that you follow"
    listed = [line for line in page.more["lines"] if line.startswith("INC-")]
    assert listed == ["INC-1 · SEV2 · checkout: a is down", "INC-2 · SEV2 · checkout: b is down"]
    company.wait(minutes=5)
    jobs.sweep(company.now)
    assert len(updates()) == 1


def test_who_is_called_for_it_is_not_told_the_same_again(company: Company) -> None:
    for actor in (company.mate, company.owner):
        follow(company, Of.SERVICE, "checkout", actor)
    company.trigger()  # calls the mate
    assert said(company, "mate@example.com") == []
    assert len(updates("owner@example.com")) == 1
    actions.resolve(actor=company.owner, ref="INC-1", now=company.now)
    assert said(company, "mate@example.com") == []  # a quiet word has said so
    assert len(updates("owner@example.com")) == 1  # did it, and knows


def test_who_follows_one_incident_hears_of_that_one_from_then_on(company: Company) -> None:
    company.trigger("a")
    company.trigger("b")
    company.wait(seconds=1)
    follow(company, Of.INCIDENT, "INC-1")
    for ref in ("INC-1", "INC-2"):
        company.wait(seconds=1)
        actions.acknowledge(actor=company.mate, ref=ref, now=company.now)
    assert said(company) == ["INC-1 checkout: Acknowledged by mate"]


def test_who_follows_a_severity_hears_how_it_ends_though_it_was_lowered(company: Company) -> None:
    follow(company, Of.SEVERITY, "SEV1")
    company.trigger("low", severity="warning")
    assert said(company) == []
    actions.set_severity(actor=company.mate, ref="INC-1", severity=Severity.SEV1, now=company.now)
    actions.set_severity(actor=company.mate, ref="INC-1", severity=Severity.SEV2, now=company.now)
    assert len(said(company)) == 1
    actions.resolve(actor=company.mate, ref="INC-1", now=company.now)
    assert said(company)[1].startswith("INC-1 checkout: Resolved")


def test_a_note_is_between_responders_and_an_update_is_for_followers(company: Company) -> None:
    company.trigger()
    company.wait(seconds=1)
    follow(company, Of.INCIDENT, "INC-1")
    actions.note(actor=company.mate, ref="INC-1", text="grumble", now=company.now)
    assert said(company) == []
    actions.note(actor=company.mate, ref="INC-1", text="Half of it works", update=True, now=company.now)
    assert said(company) == ["INC-1 checkout: Half of it works"]
    # A person said something in public: a person closes it.
    company.resolve()
    assert company.show("INC-1").status is Status.MONITORING


def test_quiet_hours_hold_it_back(company: Company) -> None:
    person = User.objects.get(email="stranger@example.com")
    hours = {"timezone": "UTC", "days": ["mon", "tue"], "start": "11:00", "end": "13:00"}
    QuietHours.objects.create(user=person, **hours)
    follow(company, Of.SERVICE, "checkout")
    company.trigger()
    said(company)
    message = Notification.objects.get(page__in=updates())
    assert (message.due_at.hour, "quiet hours" in message.reason) == (13, True)


def test_unfollowing_and_leaving_end_it(company: Company) -> None:
    for actor in (company.stranger, company.manager):
        follow(company, Of.SERVICE, "checkout", actor)
    actions.unfollow(actor=company.stranger, of=Of.SERVICE, name="checkout", now=company.now)
    User.objects.filter(email="manager@example.com").update(state=UserState.LEFT)
    company.trigger()
    assert said(company) == []
    assert updates("manager@example.com") == []


def test_following_twice_is_following_once(company: Company) -> None:
    for _ in range(2):
        found = actions.follow(actor=company.stranger, of=Of.SERVICE, name="checkout", now=company.now)
    assert [(each.email, each.of, each.name, each.by) for each in found] == [
        ("stranger@example.com", "service", "checkout", "")
    ]
    for _ in range(2):
        actions.unfollow(actor=company.stranger, of=Of.SERVICE, name="checkout", now=company.now)
    names = AuditEntry.objects.filter(action__startswith="follow.").values_list("action", flat=True)
    assert list(names.order_by("id")) == ["follow.begun", "follow.ended"]


def test_only_who_edits_it_makes_others_follow(company: Company) -> None:
    email = "stranger@example.com"
    with pytest.raises(PermissionDenied):
        actions.follow(actor=company.mate, of=Of.SERVICE, name="checkout", email=email, now=company.now)
    (made,) = actions.follow(
        actor=company.owner, of=Of.SERVICE, name="checkout", email=email, now=company.now
    )
    assert (made.email, made.by) == (email, "owner")
    with pytest.raises(PermissionDenied):
        actions.unfollow(actor=company.mate, of=Of.SERVICE, name="checkout", email=email, now=company.now)
    actions.unfollow(actor=company.stranger, of=Of.SERVICE, name="checkout", now=company.now)
    assert following.following(email, actor=company.stranger) == ()


@pytest.mark.parametrize(
    ("of", "name", "email"), [(Of.SEVERITY, "SEV9", None), (Of.SERVICE, "checkout", "x@example.com")]
)
def test_what_is_not_there_is_said_so(company: Company, of: Of, name: str, email: str | None) -> None:
    with pytest.raises(Invalid):
        actions.follow(actor=company.owner, of=of, name=name, email=email, now=company.now)


@pytest.mark.parametrize(("of", "name"), [(Of.SERVICE, "x"), (Of.INCIDENT, "INC-9")])
def test_nothing_is_followed_that_is_not_there(company: Company, of: Of, name: str) -> None:
    with pytest.raises(NotFound):
        actions.follow(actor=company.owner, of=of, name=name, now=company.now)


def test_who_followed_what_is_merged_away_follows_the_other(company: Company) -> None:
    company.trigger("a")
    company.trigger("b")
    follow(company, Of.INCIDENT, "INC-2")
    company.now += timedelta(seconds=1)
    actions.merge(actor=company.mate, ref="INC-2", into="INC-1", now=company.now)
    assert said(company) == ["INC-2 checkout: Merged into INC-1 by mate"]
    actions.mitigate(actor=company.mate, ref="INC-1", now=company.now)
    assert said(company)[1:] == ["INC-1 checkout: mate: mitigated"]


def test_a_zone_that_is_no_more_keeps_nobody_from_hearing(company: Company) -> None:
    follow(company, Of.SERVICE, "checkout")
    User.objects.filter(email="stranger@example.com").update(timezone="Mars/Olympus")
    stranger = User.objects.get(email="stranger@example.com")
    QuietHours.objects.create(user=stranger, timezone="Mars/Olympus", days=[], start="22:00", end="06:00")
    company.trigger()
    assert len(said(company)) == 1
