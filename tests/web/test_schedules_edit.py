"""The editors of rotations and schedules."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils.html import escape

from tests.web.conftest import Visitor
from tests.web.test_schedules import get, post, rota  # noqa: F401  (a fixture)
from tocsin.apps.configuration.actions import unlock
from tocsin.apps.identity import actions as identity
from tocsin.apps.oncall import actions, queries
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.schedule import Advance, DayWindow, Participant, Unit, WeekSpan
from tocsin.lib import clock

pytestmark = pytest.mark.usefixtures("rota")


def rotation(**changed: Any) -> dict[str, Any]:
    form = {
        "name": "nights",
        "type": "daily",
        "every": "2",
        "date": "2026-10-26",
        "time": "20:00",
        "timezone": "Europe/Paris",
        "participants": ["owner@example.com", "Mate, stranger@example.com", "nobody"],
        "do": "save",
    }
    return form | changed


def schedule(**changed: Any) -> dict[str, Any]:
    form = {
        "name": "stack",
        "team": "payments",
        "timezone": "",
        "fallback": "owner@example.com",
        "l-0-rotation": "days",
        "l-0-priority": "2",
        "l-0-role": "",
        "l-1-rotation": "hours",
        "l-1-priority": "1",
        "l-1-role": "secondary",
        "readiness": "30m",
        "swap_approval": "yes",
        "do": "save",
    }
    return form | changed


def version_in(page: str) -> str:
    return page.partition('name="version" value="')[2].partition('"')[0]


def test_a_rotation_is_made_from_all_its_fields(owner: Visitor) -> None:
    form = rotation(
        **{
            "r-0-kind": "days",
            "r-0-days": ["mon", "fri"],
            "r-0-start": "20:00",
            "r-0-end": "06:00",
            "r-1-kind": "span",
            "r-1-from_day": "sat",
            "r-1-from_time": "00:00",
            "r-1-to_day": "mon",
            "r-1-to_time": "06:00",
            "advance": "occurrence",
            "role": "secondary",
            "until": "2027-12-31T00:00",
        }
    )
    post(owner, "/rotations/new", **form)
    made = queries.rotation_definitions()["nights"]
    assert (made.unit, made.every, made.advance, made.role) == (
        Unit.DAILY,
        2,
        Advance.OCCURRENCE,
        "secondary",
    )
    assert made.start is not None
    assert made.start.isoformat() == "2026-10-26T20:00:00"
    assert made.zone is not None
    assert made.zone.key == "Europe/Paris"
    assert made.participants == (
        Participant(("owner@example.com",)),
        Participant(("mate@example.com", "stranger@example.com")),
        Participant(()),
    )
    assert made.restrictions is not None
    assert [type(each) for each in made.restrictions] == [DayWindow, WeekSpan]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"participants": ["", ""]}, "Please name at least one person"),
        ({"participants": ["ghost@example.com"]}, "1: Nobody here has the address “ghost@example.com”"),
        ({"timezone": "Mars/Base"}, 'id="f-zone-error"'),
        ({"every": "0"}, 'id="f-every-error"'),
        ({"date": "soon"}, 'id="f-date-error"'),
        ({"name": "days"}, "There is one of that name already."),
        ({"name": "x" * 129}, 'id="f-name-error"'),
        ({"until": "2020-01-01T00:00"}, "is not after"),
        (
            {"r-0-kind": "days", "r-0-start": "09:00", "r-0-end": "10:00"},
            "1: Please choose at least one day.",
        ),
        ({"follows": "ghost", "participants": [""]}, "there is no rotation"),
    ],
)
def test_a_wrong_rotation_is_not_saved_and_says_why(
    changed: dict[str, Any], said: str, owner: Visitor
) -> None:
    page = post(owner, "/rotations/new", 422, **rotation(**changed))
    assert said in page
    assert "nights" not in queries.rotation_definitions()


def test_rows_come_go_and_move_without_script(owner: Visitor) -> None:
    def order(page: str) -> list[str]:
        parts = page.split('name="participants"')[1:]
        return [part.partition('value="')[2].partition('"')[0] for part in parts]

    form = rotation(participants=["a@x.org", "b@x.org", "c@x.org"])
    assert order(post(owner, "/rotations/new", 200, **form | {"do": "add participants"}))[-1] == ""
    for deed, expected in (
        ("up participants 1", "bac"),
        ("down participants 1", "acb"),
        ("remove participants 0", "bc"),
        ("up participants 0", "abc"),
        ("remove participants 9", "abc"),
    ):
        page = post(owner, "/rotations/new", 200, **form | {"do": deed})
        assert "".join(text[0] for text in order(page)) == expected
    page = post(owner, "/rotations/new", 200, **form | {"do": "add restrictions span"})
    assert 'name="r-0-from_day"' in page
    assert "nights" not in queries.rotation_definitions()


def test_an_edit_is_previewed_with_who_gains_and_loses(owner: Visitor) -> None:
    page = get(owner, "/rotations/days/edit")
    form = rotation(
        type="weekly", every="", date="2026-10-05", time="09:00", timezone="Europe/Berlin",
        participants=["mate@example.com", "stranger@example.com"], version=version_in(page), do="preview",
    )  # fmt: skip
    page = post(owner, "/rotations/days/edit", 200, **form)
    assert "What would change" in page
    for words in (">Now</h3>", ">After</h3>", "gains", "loses", "Stranger"):
        assert words in page
    before = queries.rotation_definitions()["days"]
    assert Participant(("owner@example.com",)) in (before.participants or ())
    post(owner, "/rotations/days/edit", **form | {"do": "save"})
    at = clock.now() + timedelta(days=14)
    coming = queries.shifts("shop", at, at + timedelta(days=14))
    assert {shift.user for shift in coming} == {"mate@example.com", "stranger@example.com"}
    assert "Versions" in get(owner, "/rotations/days/edit")


def test_saving_what_was_not_changed_changes_nothing(owner: Visitor) -> None:
    before = queries.rotation_definitions()
    page = get(owner, "/rotations/hours/edit")
    form = rotation(
        type="daily", every="", date="2026-10-05", time="09:00", timezone="Europe/Berlin",
        participants=["stranger@example.com"], version=version_in(page),
        **{"r-0-kind": "days", "r-0-days": ["mon", "tue"], "r-0-start": "09:00", "r-0-end": "17:00"},
    )  # fmt: skip
    post(owner, "/rotations/hours/edit", **form)
    assert queries.rotation_definitions() == before
    assert queries.pasts() == {}


def test_of_two_editors_the_second_is_told_and_keeps_what_was_typed(owner: Visitor) -> None:
    page = get(owner, "/rotations/days/edit")
    form = rotation(type="weekly", every="1", date="2026-10-05", time="09:00", timezone="Europe/Berlin")
    form |= {"version": version_in(page), "participants": ["mate@example.com"]}
    post(owner, "/rotations/days/edit", **form)
    late = form | {"participants": ["stranger@example.com"]}
    page = post(owner, "/rotations/days/edit", 409, **late)
    assert "Somebody else changed this rotation" in page
    assert 'value="stranger@example.com"' in page
    post(owner, "/rotations/days/edit", **late | {"version": version_in(page)})
    made = queries.rotation_definitions()["days"]
    assert made.participants == (Participant(("stranger@example.com",)),)


def test_an_edit_may_be_planned_for_later(owner: Visitor) -> None:
    page = get(owner, "/rotations/days/edit")
    form = rotation(type="weekly", every="1", date="2026-10-05", time="09:00", timezone="Europe/Berlin")
    form |= {"version": version_in(page), "participants": ["stranger@example.com"]}
    page = post(owner, "/rotations/days/edit", 422, **form | {"effective": "2020-01-01T00:00"})
    assert 'id="f-effective-error"' in page
    post(owner, "/rotations/days/edit", **form | {"effective": "2026-11-16T09:00"})
    at = clock.now() + timedelta(days=20)
    assert {s.user for s in queries.on_call("shop", at)} != {"stranger@example.com"}
    assert {s.user for s in queries.on_call("shop", at + timedelta(days=10))} == {"stranger@example.com"}
    assert ">planned</span>" in get(owner, "/rotations/days/edit")


def test_what_a_file_owns_is_read_only_until_unlocked(owner: Visitor, mate: Visitor) -> None:
    kept = queries.rotation_definitions()["days"]
    actions.save_rotations(actor=SYSTEM, definitions=[kept], from_file=True, now=clock.now())
    page = get(owner, "/rotations/days/edit")
    assert "A configuration file owns this rotation" in page
    assert 'value="save"' not in page
    assert 'action="/unlock"' in page
    assert "an administrator unlocks it" in get(mate, "/rotations/days/edit")
    assert 'action="/unlock"' not in get(mate, "/rotations/days/edit")
    form = rotation(version=version_in(page), type="weekly")
    assert "owns this rotation" in post(owner, "/rotations/days/edit", 409, **form)
    assert queries.rotation_definitions()["days"] == kept
    unlock(actor=SYSTEM, kind="rotations", name="days", now=clock.now())
    assert 'value="save"' in get(owner, "/rotations/days/edit")


def test_a_schedule_is_made_and_changed(owner: Visitor) -> None:
    page = post(owner, "/schedules/new", 200, **schedule(do="preview"))
    assert "What would change" in page
    post(owner, "/schedules/new", **schedule())
    made = queries.schedule_definitions()["stack"]
    assert [(each.rotation, each.priority, each.role) for each in made.layers] == [
        ("days", 2, None),
        ("hours", 1, "secondary"),
    ]
    assert (made.team, made.fallback, made.swap_approval) == ("payments", ("owner@example.com",), True)
    assert made.readiness == timedelta(minutes=30)
    page = get(owner, "/schedules/stack/edit")
    form = schedule(version=version_in(page), fallback="", readiness="off", swap_approval="")
    assert version_in(post(owner, "/schedules/stack/edit", 200, **form | {"do": "down layers 0"}))
    post(owner, "/schedules/stack/edit", **form)
    made = queries.schedule_definitions()["stack"]
    assert (made.fallback, made.readiness, made.swap_approval) == ((), timedelta(0), False)
    assert "Somebody else changed this schedule" in post(owner, "/schedules/stack/edit", 409, **form)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"l-0-rotation": "", "l-1-rotation": ""}, "Please choose at least one rotation."),
        ({"l-0-priority": "high"}, "1: "),
        ({"fallback": "ghost@example.com"}, 'id="f-fallback-error"'),
        ({"readiness": "3 moons"}, 'id="f-readiness-error"'),
        ({"timezone": "Mars/Base"}, 'id="f-zone-error"'),
        ({"name": ""}, 'id="f-name-error"'),
        ({"name": "shop"}, "There is one of that name already."),
        ({"team": "ghosts"}, 'id="f-team-error"'),
    ],
)
def test_a_wrong_schedule_is_not_saved_and_says_why(
    changed: dict[str, Any], said: str, owner: Visitor
) -> None:
    page = post(owner, "/schedules/new", 422, **schedule(**changed))
    assert said in page
    assert "stack" not in queries.schedule_definitions()


def test_deleting_names_who_loses_shifts_first(owner: Visitor) -> None:
    page = get(owner, "/schedules/shop/delete")
    assert "Mate" in page
    assert "Owner" in page
    assert "the first" in page
    page = get(owner, "/rotations/days/delete")
    assert "It is a layer of shop" in page
    post(owner, "/rotations/days/delete")
    assert "days" in queries.rotation_definitions()
    post(owner, "/schedules/shop/delete")
    assert "shop" not in queries.schedule_definitions()
    post(owner, "/rotations/days/delete")
    assert "days" not in queries.rotation_definitions()


def test_a_teams_admin_edits_what_the_team_owns(mate: Visitor) -> None:
    identity.set_team_admin(actor=SYSTEM, team="payments", email=mate.email, is_admin=True, now=clock.now())
    page = get(mate, "/schedules/shop/edit")
    assert 'value="save"' in page
    form = schedule(name="shop", version=version_in(page), fallback="mate@example.com")
    form = {key: value for key, value in form.items() if not key.startswith("l-1")}
    post(mate, "/schedules/shop/edit", **form)
    assert queries.schedule_definitions()["shop"].fallback == ("mate@example.com",)
    assert 'value="save"' not in get(mate, "/schedules/sparse/edit")
    sparse = schedule(name="sparse", team="", version=version_in(get(mate, "/schedules/sparse/edit")))
    post(mate, "/schedules/sparse/edit", 403, **sparse)


def test_nobody_else_edits(mate: Visitor, stranger: Visitor) -> None:
    for reader in (mate, stranger):
        post(reader, "/rotations/new", 403, **rotation())
        post(reader, "/schedules/new", 403, **schedule())
    assert "nights" not in queries.rotation_definitions()
    assert "stack" not in queries.schedule_definitions()


@pytest.mark.parametrize("name", ["eu/payments", "..", "new", "50% ~2F?#"])
def test_any_name_has_pages_and_breaks_none(name: str, owner: Visitor) -> None:
    post(owner, "/rotations/new", **rotation(name=name))
    for list_of_them in ("/schedules/", "/on-call/", "/my-on-call"):
        get(owner, list_of_them)
    shown = f">{escape(name)}</h1>"
    assert shown in get(owner, reverse("schedule", args=[name]))
    assert escape(f"Rotation {name}") in get(owner, reverse("rotation_edit", args=[name]))


def test_who_saves_within_the_same_moment_is_told_too(
    owner: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = get(owner, "/rotations/days/edit")
    form = rotation(type="weekly", every="1", date="2026-10-05", time="09:00", timezone="Europe/Berlin")
    form |= {"version": version_in(page), "participants": ["mate@example.com"]}
    save = actions.save_rotations

    def after_somebody_else(**asked: Any) -> Any:
        kept = queries.rotation_definitions()["days"]
        other = replace(kept, participants=(Participant(("stranger@example.com",)),))
        save(actor=SYSTEM, definitions=[other], now=asked["now"])
        return save(**asked)

    monkeypatch.setattr(actions, "save_rotations", after_somebody_else)
    page = post(owner, "/rotations/days/edit", 409, **form)
    assert "Somebody else changed this rotation" in page
    monkeypatch.undo()
    post(owner, "/rotations/days/edit", **form | {"version": version_in(page)})
    made = queries.rotation_definitions()["days"]
    assert made.participants == (Participant(("mate@example.com",)),)


def test_who_saves_a_schedule_within_the_same_moment_is_told_too(
    owner: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = get(owner, "/schedules/shop/edit")
    form = schedule(version=version_in(page), readiness="2h")
    save = actions.save_schedule

    def after_somebody_else(**asked: Any) -> Any:
        kept = queries.schedule_definitions()["shop"]
        save(actor=SYSTEM, definition=replace(kept, fallback=("mate@example.com",)), now=asked["now"])
        return save(**asked)

    monkeypatch.setattr(actions, "save_schedule", after_somebody_else)
    page = post(owner, "/schedules/shop/edit", 409, **form)
    assert "Somebody else changed this schedule" in page
    monkeypatch.undo()
    post(owner, "/schedules/shop/edit", **form | {"version": version_in(page)})
    assert queries.schedule_definitions()["shop"].readiness == timedelta(hours=2)
