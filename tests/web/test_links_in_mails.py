from datetime import timedelta

import pytest
from django.test import Client

from tests.web.conftest import Visitor
from tocsin.apps.incidents import actions, links, queries
from tocsin.apps.incidents.types import IncidentDetail
from tocsin.lib import clock


def link(reader: Visitor, ref: str, action: str) -> str:
    found = queries.incident(ref, actor=reader.actor)
    return f"/a/{links.make(reader.email, found.id, action, clock.now())}"


def look(reader: Visitor, ref: str) -> IncidentDetail:
    return queries.incident(ref, actor=reader.actor)


def test_looking_changes_nothing(mate: Visitor, house: str) -> None:
    before = look(mate, house)
    answer = Client().get(link(mate, house, "respond"))
    assert answer.status_code == 200
    assert "I am responding" in answer.content.decode()
    assert (answer.headers["Cache-Control"], answer.headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert look(mate, house) == before


def test_the_button_acts_without_a_login_or_a_cookie(mate: Visitor, house: str) -> None:
    phone = Client(enforce_csrf_checks=True)
    answer = phone.post(link(mate, house, "respond"), {"do": "respond"})
    assert "You are responding" in answer.content.decode()
    assert look(mate, house).acknowledged_by == mate.email


def test_a_link_does_only_what_it_says(mate: Visitor, house: str) -> None:
    answer = Client().post(link(mate, house, "respond"), {"do": "resolve"})
    assert "cannot do that" in answer.content.decode()
    assert look(mate, house).is_open


def test_who_was_not_called_is_told_that_responding_is_possible(stranger: Visitor, house: str) -> None:
    answer = Client().post(link(stranger, house, "acknowledge"), {"do": "acknowledge"})
    assert answer.status_code == 409
    assert "I am responding" in answer.content.decode()


def test_links_end_with_the_incident(owner: Visitor, mate: Visitor, house: str) -> None:
    url = link(mate, house, "resolve")
    assert "Resolved." in Client().post(url, {"do": "resolve"}).content.decode()
    for answer in (Client().get(url), Client().post(url, {"do": "resolve"})):
        assert answer.status_code == 410
        assert "This link has ended" in answer.content.decode()


@pytest.mark.parametrize("damage", ["x", "a.b", "é", "%00"])
def test_a_damaged_link_says_so(damage: str, db: None) -> None:
    assert Client().get(f"/a/{damage}").status_code == 410


def test_an_old_link_says_so(mate: Visitor, house: str) -> None:
    found = look(mate, house)
    old = links.make(mate.email, found.id, "view", clock.now() - timedelta(days=31))
    assert Client().get(f"/a/{old}").status_code == 410


def test_a_link_opens_no_other_page(mate: Visitor, house: str) -> None:
    client = Client()
    client.post(link(mate, house, "respond"), {"do": "respond"})
    assert client.get(f"/incidents/{house}").status_code == 302


def test_after_somebody_else_took_it_the_page_says_who(owner: Visitor, mate: Visitor, house: str) -> None:
    actions.respond(actor=owner.actor, ref=house, now=clock.now())
    url = link(mate, house, "acknowledge")
    for answer in (Client().get(url), Client().post(url, {"do": "respond"})):
        page = answer.content.decode()
        assert "Owner has it since" in page
        assert page.count("<button") == page.count("Take it over") == 1
        assert "It is yours" not in page
        assert "You are responding" not in page
    assert look(mate, house).acknowledged_by == owner.email


def test_one_button_takes_it_over_from_whoever_has_it(owner: Visitor, mate: Visitor, house: str) -> None:
    actions.respond(actor=owner.actor, ref=house, now=clock.now())
    url = link(mate, house, "view")
    assert "Take it over" in Client().get(url).content.decode()
    page = Client().post(url, {"do": "take_over"}).content.decode()
    assert "It is yours now" in page
    assert "<button" not in page
    assert look(mate, house).acknowledged_by == mate.email
    assert "You have it since" in Client().get(url).content.decode()


def test_a_link_to_resolve_takes_nothing_over(owner: Visitor, mate: Visitor, house: str) -> None:
    actions.respond(actor=owner.actor, ref=house, now=clock.now())
    answer = Client().post(link(mate, house, "resolve"), {"do": "take_over"})
    assert "cannot do that" in answer.content.decode()
    assert look(mate, house).acknowledged_by == owner.email
