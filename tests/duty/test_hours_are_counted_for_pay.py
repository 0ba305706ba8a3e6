"""November 2026: the 1st is a Sunday; New York's clocks go back in its night, Berlin's did on 25 October."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest

from tests.duty.conftest import LONG_AGO, at
from tocsin.apps.audit.models import AuditEntry
from tocsin.apps.identity import queries as identity
from tocsin.apps.identity.models import Membership, Team, User
from tocsin.apps.oncall import actions, queries
from tocsin.apps.oncall.models import Override, ShiftUse
from tocsin.apps.oncall.types import PayRow
from tocsin.domain.errors import Conflict, Invalid, PermissionDenied
from tocsin.domain.permissions import SYSTEM, Actor
from tocsin.domain.schedule import Book, Schedule, Shift, resolve
from tocsin.domain.schedule.hours import Kind

Rota = Callable[..., None]
FIRST, AFTER = date(2026, 11, 2), date(2026, 11, 9)  # a week, from Monday
HOUR = 60


def row(
    email: str = "alice@example.com", first: date = FIRST, after: date = AFTER, **more: Any
) -> PayRow | None:
    rows = queries.pay(start=first, end=after, **more).rows
    return next((one for one in rows if one.email == email), None)


def classes(found: PayRow | None) -> tuple[float, ...]:
    """Hours of weekday, night, weekend, holiday."""
    assert found is not None
    return tuple(minutes / HOUR for minutes in found.computed.values())


def actor(name: str) -> Actor:
    return identity.actor_for(User.objects.get(email=f"{name}@example.com").pk)


def override(user: str, start: datetime, end: datetime, **more: Any) -> None:
    Override.objects.create(
        schedule="payments",
        start=start,
        end=end,
        user=User.objects.get(email=f"{user}@example.com"),
        created_at=LONG_AGO,
        **more,
    )


def test_a_week_alone_is_cut_by_class(rota: Rota) -> None:
    rota(people=("alice",), start="2026-10-01T00:00")
    assert classes(row()) == (80, 40, 48, 0)


def test_days_are_those_of_the_persons_wall(rota: Rota) -> None:
    rota(people=("alice",), start="2026-10-01T00:00")
    User.objects.filter(email="alice@example.com").update(timezone="Asia/Tokyo")
    (found,) = queries.pay(start=FIRST, end=date(2026, 11, 3)).rows
    assert (found.zone, classes(found)) == ("Asia/Tokyo", (16, 8, 0, 0))
    assert classes(row(zone="America/New_York")) == (80, 40, 48, 0)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("America/New_York", date(2026, 11, 1), (0, 0, 25, 0)),
        ("Europe/Berlin", date(2026, 10, 25), (0, 0, 25, 0)),
        ("Europe/Berlin", date(2026, 3, 29), (0, 0, 23, 0)),
        ("Africa/Cairo", date(2026, 10, 29), (16, 9, 0, 0)),
    ],
    ids=["back on a Sunday", "Berlin, back", "Berlin, forward", "Cairo: a night of nine hours"],
)
def test_what_counts_is_the_time_that_passes(
    zone: str, day: date, hours: tuple[float, ...], rota: Rota
) -> None:
    rota(people=("alice",), start="2026-01-01T00:00")
    User.objects.filter(email="alice@example.com").update(timezone=zone)
    found = row(first=day, after=day + timedelta(days=1))
    assert classes(found) == hours


def test_holidays_are_those_of_their_team(rota: Rota) -> None:
    rota(people=("alice",), start="2026-10-01T00:00")
    Team.objects.create(name="elsewhere", holidays=["2026-11-05"])
    Team.objects.filter(name="payments").update(holidays=["2026-11-04"])
    assert classes(row()) == (64, 32, 48, 24)


def test_who_is_in_no_team_has_the_holidays_of_those_they_serve(rota: Rota) -> None:
    rota(people=("mona",), start="2026-10-01T00:00")
    Team.objects.filter(name="payments").update(holidays=["2026-11-04"])
    assert classes(row("mona@example.com")) == (64, 32, 48, 24)


def test_an_override_pays_who_was_on_call(rota: Rota) -> None:
    rota(people=("alice",), start="2026-10-01T00:00")
    override("bob", at("03 10:00"), at("03 14:00"))
    assert (classes(row())[0], classes(row("bob@example.com"))) == (76, (4, 0, 0, 0))


def test_a_taken_swap_pays_who_took_it(rota: Rota) -> None:
    rota(people=("alice",), start="2026-10-01T00:00")
    actions.take_shift(
        actor=actor("bob"),
        schedule="payments",
        of="alice@example.com",
        start=at("07 00:00"),
        end=at("08 00:00"),
        now=at("01 12:00"),
    )
    assert (classes(row())[2], classes(row("bob@example.com"))) == (24, (0, 0, 24, 0))


def test_a_shift_that_runs_past_the_month_is_cut_there(rota: Rota) -> None:
    rota(people=("alice", "bob"), start="2026-11-01T12:00")
    day = {"first": date(2026, 11, 2), "after": date(2026, 11, 3)}
    assert classes(row("alice@example.com", **day)) == (6, 6, 0, 0)
    assert classes(row("bob@example.com", **day)) == (10, 2, 0, 0)


def test_two_schedules_at_once_are_paid_once(rota: Rota) -> None:
    rota(people=("alice",), start="2026-10-01T00:00")
    rota("order", people=("alice",), start="2026-10-01T00:00")
    assert classes(row()) == (80, 40, 48, 0)
    assert classes(row(schedule="orders")) == (80, 40, 48, 0)


def test_shadows_are_not_on_call(rota: Rota) -> None:
    rota(people=("alice",), role="shadow")
    assert row() is None


def test_call_outs_are_incidents_and_not_messages(rota: Rota) -> None:
    rota(people=("alice",), start="2026-10-01T00:00")
    for moment, incident in (
        (at("02 03:00"), 1),
        (at("02 03:05"), 1),
        (at("08 23:59"), 2),
        (at("09 00:00"), 3),
    ):
        ShiftUse.objects.create(
            at=moment,
            schedule="payments",
            which="current",
            role="primary",
            email="alice@example.com",
            reason="on call for payments",
            incident_id=incident,
            urgency="high",
        )
    found = row()
    assert found is not None
    assert found.call_outs == 2


def correct(by: Actor, minutes: int = 30, email: str = "alice@example.com") -> int:
    made = actions.add_correction(
        actor=by, email=email, day=FIRST, kind=Kind.NIGHT, minutes=minutes, reason="woken", now=LONG_AGO
    )
    return made.id


def test_corrections_are_added_and_withdrawn_but_never_lost(rota: Rota) -> None:
    rota(people=("alice",), start="2026-10-01T00:00")
    first, _ = correct(SYSTEM), correct(SYSTEM, -10)
    found = row()
    assert found is not None
    assert (found.corrected_min, found.corrected[Kind.NIGHT]) == (20, 20)
    assert found.total_min == 168 * HOUR + 20
    actions.withdraw_correction(actor=SYSTEM, correction_id=first, now=at("10 00:00"))
    report = queries.pay(start=FIRST, end=AFTER)
    assert [row.corrected_min for row in report.rows] == [-10]
    assert [(one.minutes, one.withdrawn_at) for one in report.corrections] == [
        (30, at("10 00:00")),
        (-10, None),
    ]
    with pytest.raises(Conflict):
        actions.withdraw_correction(actor=SYSTEM, correction_id=first, now=at("10 00:00"))
    assert list(
        AuditEntry.objects.filter(target_label="alice@example.com", action__startswith="pay.")
        .order_by("id")
        .values_list("action", flat=True)
    ) == ["pay.corrected", "pay.corrected", "pay.correction_withdrawn"]


@pytest.mark.parametrize("minutes", [0, 100_000_000])
def test_a_correction_of_nothing_is_refused(minutes: int, people: dict[str, User]) -> None:
    with pytest.raises(Invalid):
        correct(SYSTEM, minutes)


def test_managers_correct_their_team_but_not_themselves(people: dict[str, User]) -> None:
    assert correct(actor("mona"))
    assert correct(actor("owner"), email="owner@example.com")
    Membership.objects.create(team=Team.objects.get(), user=people["mona"])
    for who, whose in (("mona", "mona"), ("lena", "alice"), ("alice", "alice"), ("mona", "owner")):
        with pytest.raises(PermissionDenied):
            correct(actor(who), email=f"{whose}@example.com")


def test_people_see_their_own_hours_and_those_of_whom_they_lead(rota: Rota) -> None:
    rota(people=("alice", "bob", "mona"), start="2026-10-01T00:00")
    seen = {
        who: [one.name for one in queries.pay(start=FIRST, end=AFTER, actor=actor(who)).rows]
        for who in ("alice", "lena", "mona", "owner", "carol")
    }
    assert seen == {
        "alice": ["Alice"],
        "lena": ["Alice", "Bob"],
        "mona": ["Alice", "Bob", "Mona"],
        "owner": ["Alice", "Bob", "Mona"],
        "carol": [],
    }


def test_only_schedules_of_whom_one_may_see_are_worked_out(
    rota: Rota, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def counted(book: Book, plan: Schedule, *times: datetime) -> list[Shift]:
        asked.append(plan.name)
        return resolve(book, plan, *times)

    rota(people=("alice",), start="2026-10-01T00:00")
    rota("order", people=("bob",), start="2026-10-01T00:00")
    # The package has a function of the module's name.
    monkeypatch.setattr(import_module("tocsin.apps.oncall.queries.pay"), "resolve", counted)
    assert len(queries.pay(start=FIRST, end=AFTER, actor=actor("alice")).rows) == 1
    assert asked == ["payments"]


def test_a_deleted_persons_past_is_still_paid(rota: Rota) -> None:
    rota(people=("alice",), start="2026-10-01T00:00")
    User.objects.filter(email="alice@example.com").update(state="left")
    assert classes(row()) == (80, 40, 48, 0)
