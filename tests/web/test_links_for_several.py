from typing import Any

from django.test import Client

from tests.web.conftest import Visitor
from tocsin.apps.incidents import actions, following, links, queries
from tocsin.apps.incidents.following import Of
from tocsin.domain.severity import Severity
from tocsin.lib import clock


def declare(owner: Visitor, title: str) -> str:
    made = actions.declare(
        actor=owner.actor, title=title, service="checkout", severity=Severity.SEV3, now=clock.now()
    )
    return made.ref


def to_all(reader: Visitor, *refs: str) -> str:
    url = links.url_of_all(reader.email, [queries.id_of(ref) for ref in refs], clock.now())
    return url.partition("/a/")[1] + url.partition("/a/")[2]


def text(answer: Any) -> str:
    return str(answer.content.decode())


def test_it_lists_and_acknowledges_exactly_what_the_message_listed(
    owner: Visitor, mate: Visitor, house: str
) -> None:
    refs = [house, declare(owner, "Slow"), declare(owner, "Slower")]
    url = to_all(mate, *refs)
    later = declare(owner, "Came after the message")
    page = text(Client().get(url))
    assert [ref in page for ref in (*refs, later)] == [True, True, True, False]
    assert "Acknowledge all 3" in page
    assert queries.incident(house, actor=mate.actor).acknowledged_at is None  # GET only shows
    page = text(Client(enforce_csrf_checks=True).post(url))
    assert "3 of 3 are yours" in page
    have = [queries.incident(ref, actor=mate.actor).acknowledged_by for ref in (*refs, later)]
    assert have == [mate.email, mate.email, mate.email, None]


def test_one_that_is_over_or_taken_holds_up_no_other(owner: Visitor, mate: Visitor, house: str) -> None:
    taken, over = declare(owner, "Taken"), declare(owner, "Over")
    actions.respond(actor=owner.actor, ref=taken, now=clock.now())
    actions.resolve(actor=owner.actor, ref=over, now=clock.now())
    url = to_all(mate, house, taken, over)
    page = text(Client().get(url))
    assert ("Acknowledge the one that waits" in page, "Owner has it" in page) == (True, True)
    page = text(Client().post(url))
    assert "1 of 3 is yours" in page
    assert queries.incident(taken, actor=mate.actor).acknowledged_by == owner.email


def test_a_damaged_list_says_so(mate: Visitor, house: str) -> None:
    assert Client().get(f"{to_all(mate, house)}x").status_code == 410
    single = links.make(mate.email, queries.id_of(house), "acknowledge", clock.now())
    assert Client().get(f"/a/all/{single}").status_code == 410


def test_the_way_out_of_updates_needs_no_login(mate: Visitor, house: str) -> None:
    for of, name in ((Of.SERVICE, "checkout"), (Of.SEVERITY, "SEV1"), (Of.INCIDENT, house)):
        actions.follow(actor=mate.actor, of=of, name=name, now=clock.now())
    url = links.url_of_following(mate.email, clock.now())
    url = url[url.index("/a/") :]
    page = text(Client().get(url))
    assert ("Everything SEV1" in page, "checkout" in page, house in page) == (True, True, True)
    phone = Client(enforce_csrf_checks=True)
    assert "no more updates of checkout" in text(phone.post(url, {"of": "service", "name": "checkout"}))
    left = [each.name for each in following.following(mate.email, actor=mate.actor)]
    assert left == ["SEV1", house]
    assert "You follow nothing" in text(phone.post(url, {"of": "everything"}))
    assert following.following(mate.email, actor=mate.actor) == ()
    assert Client().get(f"{url}x").status_code == 410


def test_a_mail_programs_own_unsubscribe_ends_all_updates(mate: Visitor, house: str) -> None:
    actions.follow(actor=mate.actor, of=Of.INCIDENT, name=house, now=clock.now())
    url = links.url_of_following(mate.email, clock.now())
    program = Client(enforce_csrf_checks=True)
    answer = program.post(url[url.index("/a/") :], {"List-Unsubscribe": "One-Click"})
    assert (answer.status_code, following.following(mate.email, actor=mate.actor)) == (200, ())
