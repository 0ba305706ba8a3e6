"""`ack: each` on the pages: an acknowledgement that others still have to match is noted, and says so."""

import pytest
from django.test import Client

from tests.web.conftest import Visitor
from tests.web.test_callouts_on_the_page import climb
from tests.web.test_deeds import act
from tests.web.test_links_for_several import to_all
from tests.web.test_links_in_mails import link

pytestmark = pytest.mark.usefixtures("house")
NOTED = "Noted: 1 of 2 have acknowledged; Owner is still called."


@pytest.fixture
def ref(owner: Visitor, mate: Visitor) -> str:
    return climb(owner, mate, {"notify": [{"user": owner.email}, {"user": mate.email}], "ack": "each"})


def test_the_page_of_the_incident_says_so_and_offers_to_respond(mate: Visitor, ref: str) -> None:
    page = act(mate, ref, "acknowledge")
    assert page.count(NOTED) == 2  # as the answer, and beside the buttons
    assert f"/incidents/{ref}/respond" in page
    assert f"/incidents/{ref}/acknowledge" not in page


def test_the_list_says_so(mate: Visitor, ref: str) -> None:
    page = mate.client.post("/incidents/bulk", {"do": "acknowledge", "ref": ref}, follow=True)
    assert f"{ref}: {NOTED}" in page.content.decode()
    assert f"{ref} acknowledged." not in page.content.decode()


def test_the_link_of_a_message_says_so_also_later(mate: Visitor, ref: str) -> None:
    url = link(mate, ref, "acknowledge")
    done = Client().post(url, {"do": "acknowledge"})
    assert done.status_code == 200
    assert NOTED in done.content.decode()
    assert NOTED in Client().get(url).content.decode()


def test_the_link_to_several_says_so(mate: Visitor, ref: str) -> None:
    page = Client().post(to_all(mate, ref)).content.decode()
    assert NOTED in page
    assert "Noted. Others are still called." in page
