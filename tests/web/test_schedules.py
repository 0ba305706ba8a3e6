"""The schedule's page: what stretch it shows, in which zone, and overrides by its forms."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from tests.web.conftest import Visitor
from tocsin.apps.oncall import actions, queries
from tocsin.domain.configuration import load
from tocsin.domain.permissions import SYSTEM
from tocsin.lib import clock

NOW = datetime(2026, 10, 21, 10, tzinfo=UTC)  # a Wednesday; clocks change in Berlin on the 25th
TEXT = """
rotations:
  - {name: days, type: weekly, start: '2026-10-05T09:00', timezone: Europe/Berlin,
     participants: [owner@example.com, mate@example.com]}
  - {name: hours, type: daily, start: '2026-10-05T09:00', timezone: Europe/Berlin,
     participants: [stranger@example.com],
     restrictions: [{days: [mon, tue], start: '09:00', end: '17:00'}]}
schedules:
  - {name: shop, team: payments, timezone: Europe/Berlin, layers: [{rotation: days, priority: 1}]}
  - {name: sparse, timezone: Europe/Berlin, layers: [hours]}
"""


@pytest.fixture
def rota(house: str) -> Any:
    with time_machine.travel(NOW, tick=False):
        org = load({"rota.yaml": TEXT}).organisation
        actions.save_rotations(actor=SYSTEM, definitions=org.rotations.values(), now=clock.now())
        for definition in org.schedules.values():
            actions.save_schedule(actor=SYSTEM, definition=definition, now=clock.now())
        yield


def get(reader: Visitor, path: str, status: int = 200) -> str:
    answer = reader.client.get(path)
    assert answer.status_code == status, answer.content[-400:]
    return str(answer.content.decode())


def post(reader: Visitor, path: str, status: int = 302, **data: Any) -> str:
    answer = reader.client.post(path, data)
    assert answer.status_code == status, answer.content.decode()[-1500:]
    return str(answer.content.decode())


def override(**changed: str) -> dict[str, Any]:
    form = {"kind": "override", "user": "mate@example.com", "zone": "Europe/Berlin"}
    return form | {"start": "2026-10-22T12:00", "end": "2026-10-22T18:00", "do": "save"} | changed


def test_it_opens_on_this_week_in_its_own_zone(owner: Visitor, rota: None) -> None:
    page = get(owner, "/schedules/shop")
    assert "19–25 October 2026" in page
    assert "Mon 19 Oct, 09:00" in page
    assert "Sun 25 Oct has 25 h" in page
    assert '<a href="/schedules/shop" aria-current="page">Schedule</a>' in page
    assert 'href="/schedules/shop/checks"' in page


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?span=2weeks", "19 Oct – 1 Nov 2026"),
        ("?span=month", "October 2026"),
        ("?span=month&from=2027-02-14", "February 2027"),
        ("?from=2026-12-30", "28 Dec 2026 – 3 Jan 2027"),
        ("?zone=Asia/Kolkata", "Mon 19 Oct, 12:30"),
        ("?zone=Nowhere/Land&span=year&from=tomorrow", "19–25 October 2026"),
        ("?from=0001-01-01", "19–25 October 2026"),
    ],
)
def test_the_address_says_what_is_shown(query: str, said: str, owner: Visitor, rota: None) -> None:
    assert said in get(owner, f"/schedules/shop{query}")


def test_moving_in_time_keeps_the_span_and_the_zone(owner: Visitor, rota: None) -> None:
    page = get(owner, "/schedules/shop?span=month&zone=UTC&from=2026-12-24")
    assert 'href="?span=month&amp;from=2027-01-01&amp;zone=UTC"' in page
    assert 'href="?span=month&amp;from=2026-11-01&amp;zone=UTC"' in page


def test_a_gap_is_said_and_drawn(owner: Visitor, rota: None) -> None:
    page = get(owner, "/schedules/sparse")
    assert "Nobody is on call now." in page
    assert 'class="bar gap' in page
    assert "no layer has anybody on call here" in page


def test_a_responder_overrides_by_the_form_and_takes_it_back(mate: Visitor, rota: None) -> None:
    page = post(mate, "/schedules/shop/override", 200, **override(do="preview"))
    assert "What would change" in page
    assert "Thu 22 Oct, 12:00 – 18:00" in page
    assert not queries.overrides("shop")
    post(mate, "/schedules/shop/override", **override())
    (made,) = queries.overrides("shop")
    assert (made.user, made.start.hour, made.end.hour) == ("mate@example.com", 10, 16)
    page = get(mate, "/schedules/shop")
    assert f'href="/schedules/shop/overrides/{made.id}"' in page
    post(mate, f"/schedules/shop/overrides/{made.id}/delete")
    assert not queries.overrides("shop")
    page = get(mate, "/schedules/shop")
    assert "is deleted." in page
    assert ">Undo</button>" in page


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"user": ""}, "user"),
        ({"user": "ghost@example.com"}, "user"),
        ({"user": "Nobody Known"}, "user"),
        ({"start": ""}, "start"),
        ({"end": "soon"}, "end"),
        ({"end": "9999-12-31T23:59"}, "end"),
        ({"start": "0001-01-01T00:00"}, "start"),
        ({"start": "99999999999"}, "start"),
        ({"end": "2026-10-22T11:00"}, "end"),
        ({"start": "2020-01-01T00:00", "end": "2020-01-02T00:00"}, "end"),
        ({"kind": "swapped"}, "kind"),
    ],
)
def test_what_is_wrong_names_its_field_and_keeps_the_rest(
    changed: dict[str, str], field: str, mate: Visitor, rota: None
) -> None:
    for deed in ("save", "preview"):
        page = post(mate, "/schedules/shop/override", 422, **(override(do=deed) | changed))
        assert f'id="o-{field}-error"' in page
        assert 'value="2026-10-22T1' in page or field in {"start", "end"}
    assert not queries.overrides("shop")


def test_one_that_changes_nothing_is_refused_with_the_reason(mate: Visitor, rota: None) -> None:
    page = post(mate, "/schedules/shop/override", 409, **override(user="owner@example.com"))
    assert "nobody goes on or off call by it" in page


def test_a_person_may_be_called_by_name(mate: Visitor, rota: None) -> None:
    post(mate, "/schedules/shop/override", **override(user="Mate"))
    assert queries.overrides("shop")[0].user == "mate@example.com"


def test_an_observer_may_look_and_not_override(stranger: Visitor, rota: None) -> None:
    assert "Add override" not in get(stranger, "/schedules/shop")
    post(stranger, "/schedules/shop/override", 403, **override())
    assert not queries.overrides("shop")


def test_an_override_is_moved_and_a_second_editor_is_told(mate: Visitor, owner: Visitor, rota: None) -> None:
    post(mate, "/schedules/shop/override", **override())
    (made,) = queries.overrides("shop")
    path = f"/schedules/shop/overrides/{made.id}"
    page = get(owner, path)
    version = page.partition('name="version" value="')[2].partition('"')[0]
    post(mate, path, **override(end="2026-10-22T20:00"))
    assert queries.overrides("shop")[0].end.hour == 18
    page = post(owner, path, 409, **override(end="2026-10-22T22:00", version=version))
    assert "Somebody changed this override" in page
    assert 'value="2026-10-22T22:00"' in page
    assert queries.overrides("shop")[0].end.hour == 18


def test_what_a_file_made_is_locked(owner: Visitor, rota: None) -> None:
    override = "{start: '2026-10-23T09:00', end: '2026-10-23T12:00', user: mate@example.com}"
    more = TEXT.replace("layers: [hours]", f"layers: [hours], overrides: [{override}]")
    definition = load({"rota.yaml": more}).organisation.schedules["sparse"]
    actions.save_schedule(actor=SYSTEM, definition=definition, from_file=True, now=clock.now())
    (made,) = queries.overrides("sparse")
    page = get(owner, f"/schedules/sparse/overrides/{made.id}")
    assert "A configuration file owns it" in page
    assert 'name="start"' not in page
    assert "movable" not in get(owner, "/schedules/sparse")


def test_dragging_asks_for_a_preview_and_nothing_is_saved(mate: Visitor, rota: None) -> None:
    form = {
        "start": "2026-10-22T12:00",
        "end": "2026-10-22T18:00",
        "user": "mate@example.com",
        "kind": "override",
    }
    answer = mate.client.get("/schedules/shop/preview", form)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "data-after" in page
    assert page.count("<html") == 0
    assert "Owner" in page
    assert (
        "Please give a date"
        in mate.client.get("/schedules/shop/preview", form | {"end": ""}).content.decode()
    )
    assert not queries.overrides("shop")


def test_what_the_address_says_is_never_markup(owner: Visitor, rota: None) -> None:
    page = get(owner, "/schedules/shop/override?start=%3Cb%3E&user=%3Cscript%3E1&back=%22%3E")
    assert "<script>1" not in page
    assert "&lt;script&gt;1" in page


def test_the_span_of_a_shift_is_shown_whole(owner: Visitor, rota: None) -> None:
    """A week's turn that began before the first day shown says when it really began."""
    page = get(owner, "/schedules/shop?from=2026-10-26")
    assert "Mon 19 Oct, 09:00 – Mon 26 Oct, 09:00" in page


def test_the_table_lists_what_is_over_apart(owner: Visitor, rota: None) -> None:
    page = get(owner, "/schedules/shop?span=month")
    assert "earlier</strong> in this stretch" in page


def test_the_list_says_who_is_on_call_and_where_a_gap_is(owner: Visitor, rota: None) -> None:
    page = get(owner, "/schedules/")
    assert "gap now" in page
    assert page.count('class="cover strong"') == 4  # two schedules, two rotations
    assert 'href="/schedules/new"' in page
    page = get(owner, "/schedules/?q=SHO")
    assert "/schedules/shop" in page
    assert "/schedules/sparse" not in page
    assert "No schedule is called that" in get(owner, "/schedules/?q=zzz")


def test_who_may_not_edit_sees_no_way_to(mate: Visitor, rota: None) -> None:
    page = get(mate, "/schedules/")
    assert "New schedule" not in page
    assert "New rotation" not in page
    assert "You may look." in get(mate, "/rotations/days/edit")
    assert "You may look." in get(mate, "/schedules/shop/edit")


def test_the_first_page_without_schedules_says_how_to_begin(owner: Visitor, house: str) -> None:
    assert "Begin with a rotation" in get(owner, "/schedules/")


def test_who_is_away_is_drawn_as_well(owner: Visitor, rota: None) -> None:
    assert 'class="lane away"' not in get(owner, "/schedules/shop")
    actions.add_absence(
        actor=owner.actor,
        email=owner.email,
        start=NOW,
        end=NOW + timedelta(days=2),
        note="<i>Skiing</i>",
        now=clock.now(),
    )
    page = get(owner, "/schedules/shop")
    assert 'class="lane away"' in page
    assert "away: &lt;i&gt;Skiing" in page
    assert 'class="lane away"' not in get(owner, "/schedules/sparse")


def test_a_preview_far_from_what_is_shown_says_who_and_draws_nothing(mate: Visitor, rota: None) -> None:
    form = {"user": "mate@example.com", "start": "2028-03-01T00:00", "end": "2028-03-20T00:00"}
    page = mate.client.get("/schedules/shop/preview", form).content.decode()
    assert "Mate" in page
    assert "data-after" not in page


@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_it_leads_back_to_our_pages_only(address: str, mate: Visitor, rota: None) -> None:
    page = get(mate, f"/schedules/shop/override?back={address}")
    assert "evil" not in page
    assert "javascript" not in page
    answer = mate.client.post("/schedules/shop/override", override(next=address))
    assert answer.headers["Location"].startswith("/schedules/shop?from=2026-10-22")


def test_a_bar_knows_which_override_it_showed(mate: Visitor, rota: None) -> None:
    """So that a drag of an override that somebody changed meanwhile is told so."""
    post(mate, "/schedules/shop/override", **override())
    (made,) = queries.overrides("shop")
    version = get(mate, "/schedules/shop").partition('data-version="')[2].partition('"')[0]
    path = f"/schedules/shop/overrides/{made.id}"
    post(mate, path, **override(end="2026-10-22T20:00", version=version))
    post(mate, path, 409, **override(end="2026-10-22T22:00", version=version))


def test_of_many_turns_those_to_come_are_listed_first(owner: Visitor, rota: None) -> None:
    text = """
rotations:
  - {name: busy, type: hourly, start: '2026-10-01T00:00', timezone: UTC,
     participants: [owner@example.com, mate@example.com]}
"""
    org = load({"rota.yaml": text}).organisation
    actions.save_rotations(actor=SYSTEM, definitions=org.rotations.values(), now=clock.now())
    page = get(owner, "/schedules/busy?span=month&from=2026-10-01")
    earlier, coming = page.split("From now on")
    assert 'id="shift-490"' in coming, "the one that runs, of 744"
    assert "Nobody is on call in this time" not in coming
    assert coming.count("<tr id=") == 150
    assert "594 more are not listed" in coming
    assert "earlier</strong>" not in earlier
