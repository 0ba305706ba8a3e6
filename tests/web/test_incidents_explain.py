import pytest

from tests.notify.fakes import FakeChannel
from tests.web.conftest import Visitor
from tests.web.rota import rota
from tocsin.apps.incidents import actions, following, queries
from tocsin.apps.incidents.following import Of
from tocsin.apps.oncall import queries as oncall
from tocsin.domain.escalation.model import Target, TargetKind
from tocsin.entrypoints.web.templatetags.tocsin import timed
from tocsin.lib import clock
from tocsin.ports import registry

__all__ = ["rota"]


def page_of(reader: Visitor, ref: str, **asked: str) -> str:
    answer = reader.client.get(f"/incidents/{ref}", asked)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_the_page_says_of_everybody_why(owner: Visitor, mate: Visitor, house: str) -> None:
    page = page_of(owner, house)
    assert "Why was I (not) paged?" in page
    assert 'id="why"' in page
    assert "Mate" in page


def test_somebody_nobody_thought_of_is_told_why_not(owner: Visitor, stranger: Visitor, house: str) -> None:
    page = page_of(stranger, house, why=stranger.email)
    assert "Stranger: Not called: no step of" in page
    assert "Not on call for any schedule now." in page
    assert owner.client.get(f"/incidents/{house}", {"why": "x@example.com"}).status_code == 404


def test_one_follows_and_unfollows_without_javascript(stranger: Visitor, house: str) -> None:
    page = page_of(stranger, house)
    assert ("Follow" in page, "Somebody else should follow" in page) == (True, False)
    form = {"of": "incident", "name": house, "do": "follow", "next": f"/incidents/{house}"}
    answer = stranger.client.post("/follow", form, follow=True)
    assert answer.redirect_chain[-1][0] == f"/incidents/{house}"
    assert "quiet updates, and no pages" in answer.content.decode()
    assert "Unfollow" in page_of(stranger, house)
    stranger.client.post("/follow", {**form, "do": "unfollow"})
    assert following.following(stranger.email, actor=stranger.actor) == ()


def test_an_owner_lets_others_follow(owner: Visitor, stranger: Visitor, house: str) -> None:
    form = {"of": "service", "name": "checkout", "do": "follow", "email": stranger.email}
    owner.client.post("/follow", form)
    (row,) = following.following(stranger.email, actor=owner.actor)
    assert (row.of, row.name, row.by) == (Of.SERVICE, "checkout", "Owner")
    assert "Stranger" in page_of(owner, house)  # follows its service


def test_who_may_not_let_others_follow_is_told_so(mate: Visitor, stranger: Visitor, house: str) -> None:
    form = {"of": "incident", "name": house, "do": "follow", "email": stranger.email}
    answer = mate.client.post("/follow", form, follow=True)
    assert "lacks the permission" in answer.content.decode()
    assert following.following(stranger.email, actor=mate.actor) == ()


def test_what_cannot_be_followed_is_said(mate: Visitor, house: str) -> None:
    for form in ({"of": "moon", "name": "x"}, {"of": "service", "name": "x"}, {"of": "incident"}):
        answer = mate.client.post("/follow", form, follow=True)
        assert 'class="toast' in answer.content.decode() or "alert" in answer.content.decode()
    assert following.following(mate.email, actor=mate.actor) == ()


def test_an_update_is_marked_and_goes_to_followers(owner: Visitor, mate: Visitor, house: str) -> None:
    mate.client.post(f"/incidents/{house}/note", {"text": "Half works", "update": "1"})
    mate.client.post(f"/incidents/{house}/note", {"text": "Between us"})
    kinds = {entry.text: entry.kind for entry in queries.incident(house, actor=owner.actor).timeline}
    assert (kinds["Half works"], kinds["Between us"]) == ("update", "note")
    assert "told all who follow" in page_of(owner, house)


def test_who_is_asked_to_help_answers_on_the_page(owner: Visitor, mate: Visitor, house: str) -> None:
    actions.respond(actor=owner.actor, ref=house, now=clock.now())
    target = Target(TargetKind.USER, mate.email)
    actions.ask_help(actor=owner.actor, ref=house, target=target, now=clock.now())
    assert "I cannot" in page_of(mate, house)
    assert "I cannot" not in page_of(owner, house)
    mate.client.post(f"/incidents/{house}/decline", {"reason": "On a train"})
    page = page_of(owner, house)
    assert "Mate cannot help: On a train" in page
    assert "I cannot" not in page_of(mate, house)
    actions.ask_help(actor=owner.actor, ref=house, target=target, now=clock.now())


def test_who_accepts_is_shown_as_helping(owner: Visitor, mate: Visitor, house: str) -> None:
    actions.respond(actor=owner.actor, ref=house, now=clock.now())
    target = Target(TargetKind.USER, mate.email)
    actions.ask_help(actor=owner.actor, ref=house, target=target, now=clock.now())
    answer = mate.client.post(f"/incidents/{house}/accept", follow=True)
    assert "You are helping" in answer.content.decode()
    assert "<dt>Helping</dt>" in page_of(owner, house)


def test_a_direct_page_is_as_loud_as_asked_and_says_who_is_called(
    owner: Visitor, mate: Visitor, house: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry.channels, "email", FakeChannel())
    form = {"target": f"user:{mate.email}", "title": "Come", "urgency": "low", "service": "checkout"}
    answer = owner.client.post("/incidents/page", form, follow=True)
    made = queries.incidents(actor=owner.actor).items[0]
    assert (made.severity, made.urgency, made.service) == ("SEV3", "low", "checkout")
    assert f"{made.ref}: calling Mate." in answer.content.decode()


def test_a_team_without_reachable_members_says_so(owner: Visitor, mate: Visitor, house: str) -> None:
    form = {"target": "team:payments", "title": "Come"}  # no way to send mails is set up
    page = owner.client.post("/incidents/page", form, follow=True).content.decode()
    assert "nobody can be reached. Its page says why." in page
    assert "Could not be reached" in page


def test_whoever_is_on_call_for_a_schedule_is_paged_from_its_page(
    owner: Visitor, rota: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry.channels, "email", FakeChannel())
    page = owner.client.get(f"/schedules/{rota}").content.decode()
    assert f'value="schedule:{rota}"' in page
    (shift,) = oncall.on_call(rota, clock.now())
    form = {"target": f"schedule:{rota}", "title": "Come"}
    owner.client.post("/incidents/page", form)
    (newest, *_) = queries.incidents(actor=owner.actor).items
    assert queries.incident(newest.ref, actor=owner.actor).assigned == (shift.user,)


def test_a_service_shows_who_follows_it(stranger: Visitor, house: str) -> None:
    stranger.client.post("/follow", {"of": "service", "name": "checkout", "do": "follow"})
    page = stranger.client.get("/services/checkout").content.decode()
    assert ("Who follows" in page, "Unfollow" in page) == (True, True)


def test_times_in_words_are_in_the_readers_zone_and_the_words_are_escaped() -> None:
    said = timed("step <2> at 2026-11-23T12:05:00Z, not before")
    assert said.startswith("step &lt;2&gt; at <time")
    assert ("12:05:00" in said, said.endswith("</time>, not before")) == (True, True)
    assert timed("nothing & more") == "nothing &amp; more"
