"""A team's screen: what is open, who has it, who is on call; by a session or a revocable link."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from tests.web.conftest import Visitor
from tests.web.rota import rota  # noqa: F401  (a fixture)
from tests.web.test_schedules import get, post
from tocsin.apps.catalog import actions as catalog
from tocsin.apps.catalog.types import ServiceSpec
from tocsin.apps.escalation import settings
from tocsin.apps.identity import actions as identity
from tocsin.apps.identity import queries as people
from tocsin.apps.incidents import actions as incidents
from tocsin.apps.incidents.models import Storm
from tocsin.apps.notify import actions as notify
from tocsin.domain.configuration.ladder import read_policy
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.severity import Severity
from tocsin.entrypoints.api import forms
from tocsin.lib import clock


def link_in(page: str) -> str:
    address = page.partition('id="wall-link">')[2].partition("<")[0]
    return address.partition("testserver")[2].replace("&amp;", "&")


def test_it_shows_what_is_open_and_who_is_called(owner: Visitor, house: str) -> None:
    page = get(owner, "/wall/")
    assert "Checkout &lt;b&gt;fails&lt;/b&gt;" in page
    assert 'class="is-hot"' in page
    assert "All clear" not in page
    assert '<html lang="en" data-theme="dark">' in page
    assert '<b class="n hot">1</b> waiting' in page


def test_it_says_who_has_it(owner: Visitor, mate: Visitor, house: str) -> None:
    incidents.respond(actor=mate.actor, ref=house, now=clock.now())
    page = get(owner, "/wall/")
    assert 'class="is-held"' in page
    assert "Mate has it" in page


def test_it_counts_down_to_who_comes_next(owner: Visitor, mate: Visitor, house: str) -> None:
    at = clock.now()
    for each in (owner, mate):
        hook = f"https://hooks.example.com/{each.email}"
        notify.add_method(actor=SYSTEM, email=each.email, type="webhook", address=hook, now=at)
    steps = [
        {"notify": [{"user": mate.email}], "wait": "5m"},
        {"notify": [{"user": owner.email}, {"team": "payments", "who": "lead"}]},
    ]
    policy = forms.read(read_policy, {"steps": steps}, "front")
    settings.save_policy(actor=SYSTEM, policy=policy, now=at)
    catalog.save_service(actor=SYSTEM, spec=ServiceSpec("search", escalation_policy="front"), now=at)
    incidents.declare(actor=owner.actor, title="Slow", service="search", severity=Severity.SEV1, now=at)
    row = get(owner, "/wall/?service=search").partition('class="wallrows"')[2].partition("</ol>")[0]
    calls = row.partition('class="calls"')[2].partition("</p>")[0]
    assert "Mate" in calls
    assert "Owner" not in calls
    due = (at + timedelta(minutes=5)).isoformat()
    assert f'then Owner, lead of payments in <time data-countdown datetime="{due}"' in row


def test_with_nothing_open_all_is_clear(owner: Visitor, house: str) -> None:
    incidents.resolve(actor=owner.actor, ref=house, now=clock.now())
    with time_machine.travel(clock.now() + timedelta(hours=3)):
        page = get(owner, "/wall/")
    assert 'class="is-clear"' in page
    assert "All clear" in page
    assert "Quiet for <time data-quiet" in page
    assert "Nobody was woken." in page


def test_team_and_service_narrow_it(owner: Visitor, house: str) -> None:
    catalog.save_service(actor=SYSTEM, spec=ServiceSpec("search"), now=clock.now())
    for query in ("?team=payments", "?service=checkout"):
        assert "Checkout" in get(owner, f"/wall/{query}")
    for query in ("?team=platform", "?service=search"):
        page = get(owner, f"/wall/{query}")
        assert "&lt;b&gt;fails" not in page
        assert "All clear" in page


def test_the_worst_unanswered_stands_first(owner: Visitor, mate: Visitor, house: str) -> None:
    for title, severity in (("Small", Severity.SEV4), ("Worst", Severity.SEV1), ("Held", Severity.SEV1)):
        made = incidents.declare(
            actor=owner.actor, title=title, service="checkout", severity=severity, now=clock.now()
        )
        if title == "Held":
            incidents.respond(actor=mate.actor, ref=made.ref, now=clock.now())
    page = get(owner, "/wall/")
    places = [page.index(f">{title}") for title in ("Worst", "Checkout &lt;b", "Small", "Held")]
    assert places == sorted(places)


def test_what_does_not_fit_is_counted(owner: Visitor, house: str) -> None:
    for number in range(8):
        incidents.declare(
            actor=owner.actor,
            title=f"Trouble {number}",
            service="checkout",
            severity=Severity.SEV3,
            now=clock.now(),
        )
    assert "and 2 more open" in get(owner, "/wall/")


def test_it_says_who_is_on_call_until_when_and_who_cannot_be_reached(
    owner: Visitor,
    rota: str,  # noqa: F811  (the fixture)
) -> None:
    page = get(owner, "/wall/?team=payments")
    duty = page.partition('class="duty"')[2].partition("</ul>")[0]
    assert rota in duty
    assert "cannot be reached" in duty


def test_the_light_switch_is_in_the_address(owner: Visitor, house: str) -> None:
    page = get(owner, "/wall/?team=payments&theme=light")
    assert 'data-theme="light"' in page
    assert 'href="?team=payments"' in page


def test_a_stranger_signs_in_and_a_screen_that_is_signed_out_keeps_what_it_shows(house: str) -> None:
    assert Client().get("/wall/").status_code == 302
    answer = Client().get("/wall/", headers={"X-Live": "1"})
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_display_link_opens_the_wall_without_a_session(owner: Visitor, house: str) -> None:
    link = link_in(post(owner, "/wall/link?team=payments", 200, name="kitchen"))
    assert link.endswith("?team=payments")
    screen = Client().get(link)
    page = screen.content.decode()
    assert screen.status_code == 200
    assert "&lt;b&gt;fails" in page
    assert f'href="/incidents/{house}"' not in page
    assert "/wall/link" not in page
    assert screen.headers["Referrer-Policy"] == "no-referrer"
    ticket = page.partition('data-ticket="')[2].partition('"')[0]
    assert Client().get(ticket).json()["ticket"]


def test_a_revoked_display_link_shows_nothing_more(owner: Visitor, house: str) -> None:
    link = link_in(post(owner, "/wall/link", 200, name="kitchen"))
    (token,) = (each for each in people.tokens(actor=owner.actor) if each.name == "Wall: kitchen")
    identity.revoke_token(actor=owner.actor, token_id=token.id, now=clock.now())
    answer = Client().get(link)
    assert answer.status_code == 410
    assert b"no longer valid" in answer.content
    assert b"fails" not in answer.content
    assert Client().get(f"{link}/ticket").status_code == 401
    assert Client().get(link, headers={"X-Live": "1"}).status_code == 204


@pytest.mark.parametrize("token", ["x", "a.b", "eyJwIjp7InRva2VuIjoxfSwiZSI6bnVsbH0.AAAA"])
def test_a_made_up_display_link_opens_nothing(token: str, house: str) -> None:
    assert Client().get(f"/wall/screen/{token}").status_code == 410
    assert Client().get(f"/wall/screen/{token}/ticket").status_code == 401


def test_the_link_of_a_screen_opens_nothing_else(owner: Visitor, house: str) -> None:
    link = link_in(post(owner, "/wall/link", 200, name="kitchen"))
    secret = link.rpartition("/")[2]
    bearer = {"Authorization": f"Bearer {secret}"}
    assert Client().get("/api/v1/incidents", headers=bearer).status_code == 401


def test_only_who_may_make_tokens_makes_display_links(mate: Visitor, house: str) -> None:
    assert "Make a link" not in get(mate, "/wall/")
    assert mate.client.post("/wall/link", {"name": "mine"}).status_code == 403


def test_a_storm_is_told_while_it_lasts(owner: Visitor, house: str) -> None:
    at = clock.now()
    storm = Storm.objects.create(began_at=at, last_at=at)
    assert "A storm of alerts" in get(owner, "/wall/")
    Storm.objects.filter(pk=storm.pk).update(ended_at=at)
    assert "A storm of alerts" not in get(owner, "/wall/")
