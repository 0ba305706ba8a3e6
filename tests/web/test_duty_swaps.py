from datetime import timedelta

import pytest

from tests.web.conftest import Visitor
from tests.web.rota import NAME, coming, key, on_call, rota, text
from tocsin.apps.identity.models import Team, User
from tocsin.apps.oncall import queries
from tocsin.apps.oncall.types import SwapInfo
from tocsin.lib import clock

__all__ = ["rota"]


def only() -> SwapInfo:
    (swap,) = queries.swaps()
    return swap


def ask(reader: Visitor, **more: str) -> SwapInfo:
    answer = reader.client.post("/swaps/new", {"shift": key(coming(reader)), "note": "Wedding", **more})
    assert answer.status_code == 302, text(answer)
    return only()


def do(reader: Visitor, swap: SwapInfo, deed: str, **data: str) -> str:
    return text(reader.client.post(f"/swaps/{swap.id}/{deed}", data, follow=True))


def test_a_shift_is_asked_for_taken_and_taken_back(owner: Visitor, mate: Visitor, rota: str) -> None:
    shift = coming(mate)
    swap = ask(mate)
    assert (swap.requester, swap.start, swap.end, swap.note) == (
        mate.email,
        shift.start,
        shift.end,
        "Wedding",
    )
    assert on_call(shift.start) == {mate.email}, "only a taken swap pages anyone"
    assert "Mate" in text(owner.client.get("/swaps/"))
    assert "Waiting for you" in text(owner.client.get("/my-on-call"))
    assert "Taken: you are on call for it." in do(owner, swap, "take")
    assert on_call(shift.start) == {owner.email}
    page = text(owner.client.get(f"/swaps/{swap.id}"))
    assert "Take back" in page
    assert "took it" in page
    assert "Give back" in text(owner.client.get("/my-on-call"))
    assert "Taken back" in do(owner, swap, "withdraw")
    assert on_call(shift.start) == {mate.email}
    assert only().state == "open"


def test_who_could_take_it_is_warned_of_what_they_have_then(owner: Visitor, mate: Visitor, rota: str) -> None:
    swap = ask(mate)
    assert "note warn" not in text(owner.client.get(f"/swaps/{swap.id}"))
    first, last = swap.start - timedelta(hours=1), swap.start + timedelta(hours=1)
    form = {"start": f"{first:%Y-%m-%dT%H:%M}", "end": f"{last:%Y-%m-%dT%H:%M}", "note": "Dentist"}
    owner.client.post("/absences/add", form)
    assert "You are away then (“Dentist”)" in text(owner.client.get(f"/swaps/{swap.id}"))


def test_something_in_return_waits_for_the_one_who_asked(owner: Visitor, mate: Visitor, rota: str) -> None:
    given, wanted = coming(mate), coming(owner)
    swap = ask(mate)
    assert "Offered" in do(owner, swap, "take", **{"return": key(wanted)})
    assert on_call(given.start) == {mate.email}
    assert "Accept" in text(mate.client.get(f"/swaps/{swap.id}"))
    do(mate, swap, "accept")
    assert on_call(given.start) == {owner.email}
    assert on_call(wanted.start) == {mate.email}


def test_a_part_of_a_shift_is_asked_for(mate: Visitor, rota: str) -> None:
    shift = coming(mate)
    part = shift.start + timedelta(hours=2)
    swap = ask(mate, start=f"{part:%Y-%m-%dT%H:%M}", end=f"{part + timedelta(hours=1):%Y-%m-%dT%H:%M}")
    assert (swap.start, swap.end) == (part, part + timedelta(hours=1))


def test_a_colleagues_shift_is_taken_without_being_asked(owner: Visitor, mate: Visitor, rota: str) -> None:
    shift = coming(owner)
    form = {
        "schedule": NAME,
        "of": owner.email,
        "start": shift.start.isoformat(),
        "end": shift.end.isoformat(),
    }
    assert "Taken: you are on call" in text(mate.client.post("/swaps/take", form, follow=True))
    assert on_call(shift.start) == {mate.email}


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({}, 422),
        ({"shift": "x"}, 422),
        ({"shift": f"{NAME}|soon|late"}, 422),
        ({"shift": "nowhere|2030-01-01T00:00:00+00:00|2030-01-02T00:00:00+00:00"}, 409),
        ({"shift": f"{NAME}|2020-01-01T00:00:00+00:00|2020-01-02T00:00:00+00:00"}, 422),
    ],
)
def test_what_cannot_be_asked_is_said_beside_the_form(
    form: dict[str, str], status: int, mate: Visitor, rota: str
) -> None:
    answer = mate.client.post("/swaps/new", {**form, "note": "kept words"})
    assert answer.status_code == status
    assert "kept words" in text(answer)
    assert not queries.swaps()


def test_a_link_from_the_schedule_picks_the_shift_that_it_means(mate: Visitor, rota: str) -> None:
    at = clock.now()
    found = [shift for _, shift in queries.shifts_of(mate.email, at, at + timedelta(days=20))]
    wanted = found[4]
    page = text(
        mate.client.get("/swaps/new", {"schedule": NAME, "start": wanted.start.isoformat(), "end": "x"})
    )
    picked = page.split('type="radio"')[5]
    assert " checked" in picked.split(">")[0]
    assert page.count(" checked") == 1


def test_nobody_but_those_concerned_has_buttons(
    owner: Visitor, mate: Visitor, stranger: Visitor, rota: str
) -> None:
    swap = ask(mate)
    page = text(stranger.client.get(f"/swaps/{swap.id}"))
    assert "What you can do" not in page
    before = only()
    for deed in ("take", "accept", "approve", "decline", "withdraw", "cancel"):
        assert "toast-item error" in do(stranger, swap, deed), deed
    assert only() == before
    assert "Take it" not in text(mate.client.get(f"/swaps/{swap.id}")).split("What you can do")[1]
    assert stranger.client.post(f"/swaps/{swap.id}/explode").status_code == 404
    assert stranger.client.get("/swaps/99999").status_code == 404


def test_a_manager_acts_for_somebody(owner: Visitor, mate: Visitor, stranger: Visitor, rota: str) -> None:
    assert "On behalf of" in text(owner.client.get("/swaps/new"))
    page = text(owner.client.get("/swaps/new", {"for": mate.email}))
    assert "Ask for a swap for Mate" in page
    swap_form = {"shift": key(coming(mate)), "for": mate.email}
    assert owner.client.post("/swaps/new", swap_form).status_code == 302
    assert only().requester == mate.email
    Team.objects.update(lead=User.objects.get(email=stranger.email))
    assert "On behalf of" in text(stranger.client.get("/swaps/new"))
    assert "On behalf of" not in text(mate.client.get("/swaps/new"))
    assert mate.client.post("/swaps/new", {**swap_form, "for": owner.email}).status_code == 403


def test_the_lists_keep_what_they_promise(
    owner: Visitor, mate: Visitor, stranger: Visitor, rota: str
) -> None:
    assert "Nobody needs you" in text(owner.client.get("/swaps/"))
    assert "No swap of yours" in text(owner.client.get("/swaps/?tab=mine"))
    assert "No swap matches" in text(owner.client.get("/swaps/?tab=all"))
    swap = ask(mate)
    link = f'href="/swaps/{swap.id}"'
    assert link in text(owner.client.get("/swaps/"))
    assert link not in text(mate.client.get("/swaps/"))
    assert link not in text(stranger.client.get("/swaps/"))
    assert link in text(mate.client.get("/swaps/?tab=mine"))
    assert link in text(stranger.client.get("/swaps/?tab=all&state=open"))
    assert link not in text(stranger.client.get("/swaps/?tab=all&state=taken"))
    assert link not in text(stranger.client.get("/swaps/?tab=all&schedule=other"))
    assert stranger.client.get("/swaps/?tab=nonsense&state=nonsense&cursor=x").status_code == 200


def test_who_manages_hands_an_own_swap_to_somebody_and_does_not_take_it(
    owner: Visitor, mate: Visitor, rota: str
) -> None:
    swap = ask(owner)
    row = text(owner.client.get("/my-on-call")).split('id="mine-open"')[1].split("</section>")[0]
    assert "Take it" not in row
    assert f'href="/swaps/{swap.id}">See it</a>' in row
    assert "Take it" not in text(owner.client.get("/swaps/?tab=all"))
    page = text(owner.client.get(f"/swaps/{swap.id}"))
    assert "I do</option>" not in page
    assert "Hand it over" in page
    assert "Taken: Mate is on call for it" in do(owner, swap, "take", **{"for": mate.email})
