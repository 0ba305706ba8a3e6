from tests.web.conftest import Visitor
from tocsin.apps.incidents import links, queries
from tocsin.apps.notify.delivery import keep_local_mail
from tocsin.lib import clock


def test_what_would_have_been_sent_is_found_and_its_links_work(owner: Visitor, house: str) -> None:
    incident = queries.incident(house, actor=owner.actor)
    url = links.url(owner.email, incident.id, "acknowledge", clock.now())
    keep_local_mail(owner.email, "[SEV2] checkout", f"Carts fail\n\nAcknowledge  {url}\n", "")
    assert "/delivery/#outbox" in owner.client.get("/incidents/").content.decode()
    page = owner.client.get("/delivery/").content.decode()
    assert "Local outbox</h2>" in page
    assert page.count(f'href="{url}"') == 2  # in the text, and as a button


def test_what_an_alert_says_makes_no_button(owner: Visitor) -> None:
    keep_local_mail(owner.email, "x", "Acknowledge  https://elsewhere.example/a/b\n<b>bold</b>", "")
    page = owner.client.get("/delivery/").content.decode()
    assert "maillinks" not in page
    assert "<b>bold" not in page


def test_mails_of_others_are_for_those_who_manage_people(owner: Visitor, mate: Visitor) -> None:
    keep_local_mail(owner.email, "for the owner", "x", "")
    assert "for the owner" in owner.client.get("/delivery/").content.decode()
    assert "for the owner" not in mate.client.get("/delivery/").content.decode()
