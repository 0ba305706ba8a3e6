from collections.abc import Callable
from datetime import datetime, time, timedelta

import pytest
from django.db import connection

from tests.duty.conftest import Outbox, at, said, tick
from tocsin.apps.identity.models import User
from tocsin.apps.notify.models import QuietHours
from tocsin.apps.oncall import actions, ahead, notices
from tocsin.apps.oncall.models import NoticeSent
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.schedule import Book, OverrideKind, Schedule, Shift
from tocsin.domain.schedule.definition import OverrideDefinition
from tocsin.lib import pg

Rota = Callable[..., None]
QUIET = {"readiness": "off"}


def set_notices(email: str, *, on: tuple[int, ...] = (), off: tuple[int, ...] = ()) -> None:
    """Minutes."""
    actions.set_notices(
        actor=SYSTEM,
        email=email,
        on=tuple(timedelta(minutes=each) for each in on),
        off=tuple(timedelta(minutes=each) for each in off),
        handoff=False,
        moved=True,
        now=at("02 00:00"),
    )


def test_it_tells_an_hour_before_and_only_once(rota: Rota, outbox: Outbox) -> None:
    rota(schedule=QUIET)
    tick(at("23 07:59"))
    assert outbox(at("23 07:59")) == []
    for minute in ("08:00", "08:01", "08:59"):
        tick(at(f"23 {minute}"))
    (message,) = outbox(at("23 08:59"))
    assert said([message]) == [("bob", "You go on call for payments on Mon 23 Nov 09:00")]
    assert message.lines[0] == "payments: Mon 23 Nov 09:00 – Tue 24 Nov 09:00 (UTC)"


def test_a_shift_without_an_end_in_sight_has_none(rota: Rota, outbox: Outbox) -> None:
    rota(people=("bob",), start="2026-11-23T09:00", schedule=QUIET)
    tick(at("23 08:00"))
    (message,) = outbox(at("23 08:00"))
    assert message.lines[0] == "payments: from Mon 23 Nov 09:00 on (UTC)"


def test_times_are_those_of_the_readers_wall(rota: Rota, outbox: Outbox, people: dict[str, User]) -> None:
    User.objects.filter(pk=people["bob"].pk).update(timezone="Asia/Kolkata")
    rota(schedule=QUIET)
    tick(at("23 08:00"))
    (message,) = outbox(at("23 08:00"))
    assert message.lines[0] == "payments: Mon 23 Nov 14:30 – Tue 24 Nov 14:30 (Asia/Kolkata)"


def test_turns_that_touch_are_one_shift(rota: Rota, outbox: Outbox) -> None:
    rota(people=("alice",), schedule=QUIET)
    set_notices("alice@example.com", on=(60,), off=(60,))
    for hour in range(24):
        tick(at("23 00:00") + timedelta(hours=hour))
    assert outbox(at("24 00:00")) == []


def test_a_shift_that_appears_late_is_told_of_at_once(rota: Rota, outbox: Outbox) -> None:
    rota(schedule=QUIET)
    tick(at("23 11:00"))
    change = OverrideDefinition(at("23 11:10"), at("23 13:00"), OverrideKind.OVERRIDE, "carol@example.com")
    actions.add_override(actor=SYSTEM, schedule="payments", change=change, now=at("23 11:00"))
    tick(at("23 11:01"))
    assert said(outbox(at("23 11:01"))) == [("carol", "You go on call for payments on Mon 23 Nov 11:10")]


def test_a_shift_that_has_begun_is_told_of_no_more(rota: Rota, outbox: Outbox) -> None:
    rota(schedule=QUIET)
    set_notices("bob@example.com", on=(60,))
    tick(at("23 09:00"))
    tick(at("23 09:01"))
    assert outbox(at("23 09:01")) == []


def test_everybody_chooses_when(rota: Rota, outbox: Outbox) -> None:
    rota(schedule=QUIET)
    set_notices("bob@example.com", on=(1440, 30))
    set_notices("alice@example.com", off=(15,))
    times = [at("22 09:01"), at("23 08:00"), at("23 08:31"), at("23 08:46")]
    heard = []
    for each in times:
        tick(each)
        heard.append(said(outbox(each)))
    on = ("bob", "You go on call for payments on Mon 23 Nov 09:00")
    assert heard == [[on], [], [on], [("alice", "You go off call for payments on Mon 23 Nov 09:00")]]


def test_two_schedules_at_one_time_are_one_message(rota: Rota, outbox: Outbox) -> None:
    rota(schedule=QUIET)
    rota("order", schedule=QUIET)
    tick(at("23 08:30"))
    (message,) = outbox(at("23 08:30"))
    assert sorted(line.partition(":")[0] for line in message.lines[:2]) == ["orders", "payments"]


def test_a_rotation_that_is_a_layer_is_not_told_of_as_well(rota: Rota, outbox: Outbox) -> None:
    rota(schedule=QUIET)
    tick(at("23 08:30"))
    (message,) = outbox(at("23 08:30"))
    assert message.headline == "You go on call for payments on Mon 23 Nov 09:00"


def test_the_fallback_is_a_net_and_not_a_shift(rota: Rota, outbox: Outbox) -> None:
    days = ["mon", "tue", "wed", "thu", "fri"]
    office = [{"days": days, "start": "09:00", "end": "17:00"}]
    rota(people=("bob",), restrictions=office, schedule={**QUIET, "fallback": "mona@example.com"})
    tick(at("23 16:30"))
    assert outbox(at("23 16:30")) == []


def test_quiet_hours_hold_it_back_until_the_shift_at_most(rota: Rota, outbox: Outbox) -> None:
    rota(schedule=QUIET)
    bob = User.objects.get(email="bob@example.com")
    QuietHours.objects.create(user=bob, timezone="UTC", start=time(22), end=time(10))
    tick(at("23 08:00"))
    assert outbox(at("23 08:59")) == []
    assert len(outbox(at("23 09:00"))) == 1


def test_one_schedule_that_breaks_stops_no_other(
    rota: Rota, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    rota(schedule=QUIET)
    rota("order", people=("carol", "alice"), schedule=QUIET)
    real = ahead.resolve

    def broken(book: Book, plan: Schedule, start: datetime, end: datetime) -> list[Shift]:
        if plan.name == "payments":
            raise ZeroDivisionError
        return real(book, plan, start, end)

    monkeypatch.setattr(ahead, "resolve", broken)
    tick(at("23 08:00"))
    assert [who for who, _ in said(outbox(at("23 08:00")))] == ["alice"]


def test_what_was_said_is_forgotten_after_two_months(rota: Rota) -> None:
    rota(schedule=QUIET)
    tick(at("23 08:00"))
    assert NoticeSent.objects.filter(at__lt=at("24 08:00")).count() > 1
    tick(at("23 08:00") + timedelta(days=61))
    assert not NoticeSent.objects.filter(at__lt=at("24 08:00")).exists()


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_at_a_time_tells(rota: Rota, outbox: Outbox) -> None:
    rota(schedule=QUIET)
    second = connection.copy()
    with second.cursor() as cursor:
        cursor.execute("BEGIN")
        assert pg.try_lock(cursor, "oncall.notices")
        tick(at("23 08:00"))
        assert outbox(at("23 08:00")) == []
        cursor.execute("COMMIT")
    second.close()
    tick(at("23 08:01"))
    assert len(outbox(at("23 08:01"))) == 1


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_on_the_way_has_told_nobody_and_the_next_one_does(
    rota: Rota, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    rota(schedule=QUIET)

    def killed(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(notices, "_handed_over", killed)
        with pytest.raises(SystemExit):
            tick(at("23 08:00"))
    assert outbox(at("23 08:00")) == []
    tick(at("23 08:01"))
    tick(at("23 08:02"))
    assert len(outbox(at("23 08:02"))) == 1


@pytest.mark.parametrize("kind", [{"readiness": "off"}, {}], ids=["told", "asked"])
def test_many_are_told_in_portions_and_each_once(
    kind: dict[str, str], rota: Rota, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "MOST", 1)
    for name, person in (("one", "alice"), ("two", "bob"), ("three", "carol")):
        rota(name, people=("mona", person), schedule=kind)
    rounds = 1
    while notices.tick(at("23 08:00")):
        rounds += 1
        assert rounds < 10
    assert rounds == 3
    heard = outbox(at("23 08:00"))
    assert sorted(who for who, _ in said(heard)) == ["alice", "bob", "carol"]
    later = at("23 09:00")
    notices.tick(at("23 08:59"))
    while notices.tick(later):
        pass
    assert len(outbox(later)) == 3


@pytest.mark.parametrize("back", [2, 90])
def test_a_clock_that_goes_back_wakes_nobody(rota: Rota, outbox: Outbox, back: int) -> None:
    rota()
    tick(at("23 12:00"))
    tick(at("23 12:00") - timedelta(minutes=back))
    tick(at("23 12:01"))
    assert outbox(at("23 12:01")) == []
