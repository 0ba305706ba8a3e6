"""Services made, changed and removed on their form."""

from typing import Any

import pytest
from django.utils.html import escape

from tests.web.conftest import Visitor
from tests.web.test_schedules import get, post
from tocsin.apps.catalog import actions, queries
from tocsin.apps.catalog.types import ServiceInfo
from tocsin.apps.escalation import settings
from tocsin.domain.configuration.ladder import read_policy
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.severity import Severity
from tocsin.entrypoints.api import forms
from tocsin.lib import clock

pytestmark = pytest.mark.usefixtures("house")


@pytest.fixture(autouse=True)
def _policy(house: str) -> None:
    policy = forms.read(read_policy, {"steps": [{"notify": [{"team": "payments"}]}]}, "front")
    settings.save_policy(actor=SYSTEM, policy=policy, now=clock.now())


def service(**changed: Any) -> dict[str, Any]:
    form = {
        "name": "search",
        "team": "payments",
        "escalation_policy": "front",
        "severity": "SEV3",
        "urgency": "high",
        "hours": "yes",
        "hours_days": ["mon", "fri"],
        "hours_start": "08:00",
        "hours_end": "18:30",
        "hours_timezone": "Europe/Paris",
        "outside": "low",
        "raise_at_opening": "yes",
        "ack_timeout": "off",
        "reopen_window": "10m",
        "tier": "2",
        "description": "Finds things",
        "depends_on": ["checkout"],
        "link_name": ["runbook", "notes", ""],
        "link_url": ["https://wiki.example.com/search", "https://notes.example.com", ""],
    }
    return form | changed


def stored(name: str = "search") -> ServiceInfo:
    found = queries.service(name)
    assert found is not None
    return found


def version_in(page: str) -> str:
    return page.partition('name="version" value="')[2].partition('"')[0]


def test_a_service_is_made_from_all_its_fields(owner: Visitor) -> None:
    post(owner, "/services/new", **service())
    made = stored()
    assert (made.team, made.escalation_policy, made.severity) == ("payments", "front", Severity.SEV3)
    assert (made.urgency, made.outside, made.raise_at_opening) == ("high", "low", True)
    assert made.support_hours == {
        "timezone": "Europe/Paris",
        "days": ["mon", "fri"],
        "start": "08:00",
        "end": "18:30",
    }
    assert (made.ack_timeout_s, made.reopen_window_s, made.tier) == (0, 600, 2)
    assert (made.description, made.depends_on) == ("Finds things", ("checkout",))
    assert made.links == {
        "runbook": "https://wiki.example.com/search",
        "notes": "https://notes.example.com",
    }


def test_saving_what_the_form_shows_changes_nothing(owner: Visitor) -> None:
    post(owner, "/services/new", **service())
    before = stored()
    page = get(owner, "/services/search/edit")
    for shown in (
        "<option selected>front</option>",
        'value="mon" checked',
        'name="ack_timeout" autocomplete="off" placeholder="by severity" value="off"',
        'value="https://notes.example.com"',
        'name="depends_on" value="checkout" checked',
    ):
        assert shown in page
    post(owner, "/services/search/edit", **service(version=version_in(page)))
    assert stored() == before


def test_support_hours_and_time_out_can_be_taken_back(owner: Visitor) -> None:
    post(owner, "/services/new", **service())
    page = get(owner, "/services/search/edit")
    form = service(version=version_in(page), ack_timeout="", outside="")
    post(owner, "/services/search/edit", **{key: value for key, value in form.items() if key != "hours"})
    assert stored().support_hours is None
    assert stored().ack_timeout_s is None


def test_it_is_renamed(owner: Visitor) -> None:
    post(owner, "/services/new", **service())
    page = get(owner, "/services/search/edit")
    post(owner, "/services/search/edit", **service(version=version_in(page), name="finder"))
    assert queries.service("search") is None
    assert stored("finder").tier == 2


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": ""}, "Please fill this in."),
        ({"name": "checkout", "depends_on": []}, "There is one of that name already."),
        ({"team": "nobodies"}, "there is no team “nobodies”"),
        ({"escalation_policy": "none-such"}, "there is no escalation policy “none-such”"),
        ({"tier": "first"}, "a whole number"),
        ({"ack_timeout": "a while"}, "a duration"),
        ({"reopen_window": "soon"}, "a duration"),
        ({"hours_days": []}, "Please choose at least one day."),
        ({"hours_timezone": "Mars/Olympus"}, "zone"),
        ({"link_url": ["ftp://x", "", ""]}, "a URL that begins with"),
        ({"link_name": ["", "", ""]}, "Please say what the link leads to."),
        ({"depends_on": ["nothing"]}, "there is no service “nothing”"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_saved(
    changed: dict[str, Any], said: str, owner: Visitor
) -> None:
    page = post(owner, "/services/new", 422, **service(**changed))
    assert escape(said) in page
    assert queries.service("search") is None


def test_the_second_of_two_who_save_at_once_is_told(owner: Visitor) -> None:
    post(owner, "/services/new", **service())
    seen = version_in(get(owner, "/services/search/edit"))
    post(owner, "/services/search/edit", **service(version=seen, tier="3"))
    page = post(owner, "/services/search/edit", 409, **service(version=seen, tier="4"))
    assert "Somebody else changed this service" in page
    assert stored().tier == 3
    post(owner, "/services/search/edit", **service(version=version_in(page), tier="4"))
    assert stored().tier == 4


def test_what_a_file_owns_is_read_only(owner: Visitor) -> None:
    post(owner, "/services/new", **service())
    actions.save_service(actor=SYSTEM, spec=stored().spec, from_file=True, now=clock.now())
    page = get(owner, "/services/search/edit")
    assert "is read-only here" in page
    post(owner, "/services/search/edit", 409, **service(version=version_in(page), tier="9"))
    post(owner, "/services/search/delete")
    assert stored().tier == 2


def test_deleting_asks_first_and_says_what_stands_in_the_way(owner: Visitor) -> None:
    post(owner, "/services/new", **service())
    assert "/services/search/edit" in get(owner, "/services/checkout/delete")
    post(owner, "/services/checkout/delete")
    assert queries.service("checkout") is not None
    assert "No other service depends on it." in get(owner, "/services/search/delete")
    post(owner, "/services/search/delete")
    assert queries.service("search") is None


@pytest.mark.parametrize("path", ["/services/new", "/services/checkout/edit", "/services/checkout/delete"])
def test_responders_look_and_do_not_touch(path: str, mate: Visitor, stranger: Visitor) -> None:
    before = queries.services()
    for each in (mate, stranger):
        assert each.client.get(path).status_code == 200
        assert each.client.post(path, service()).status_code in {302, 403, 409}
    assert queries.services() == before


def test_an_empty_directory_offers_the_first_one(owner: Visitor, mate: Visitor) -> None:
    assert 'href="/services/new"' in get(owner, "/services/")
    assert 'href="/services/new"' not in get(mate, "/services/")
