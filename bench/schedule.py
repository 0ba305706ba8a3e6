"""What does it cost to know who is on call? `python -m bench.schedule`.

CPU seconds of this process, the least of several runs, which other programs on the machine disturb least. In
the same run the peer, `recurring-ical-events`, expands a part of what the resolver does: the turns of the
same ten layers as repeating events, without priorities, overrides, gaps or the rules for changes of clocks.
The board and the page are asked of a real installation's database, the page through Django's test client.
"""

import random
import tempfile
import time as clock
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import recurring_ical_events
from icalendar import Calendar, Event, vRecur

from bench.numbers import HEADER, verdict
from bench.timers import database
from tests.endtoend.harness import Installation
from tocsin.domain.schedule import Book, DayWindow, Layer, Participant, Schedule, Unit, on_call, resolve
from tocsin.domain.schedule.definition import RotationDefinition, ScheduleDefinition, make_book
from tocsin.domain.schedule.model import Advance
from tocsin.domain.time.wall import _steady

ZONES = (
    "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Lord_Howe", "UTC",
    "America/Chicago", "Asia/Kolkata", "Europe/London", "Pacific/Auckland", "America/Sao_Paulo",
)  # fmt: skip
START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
FIRST = datetime(2024, 1, 1, 9)  # noqa: DTZ001 - wall time of every zone
SIZE = 5
WORKDAYS = (0, 1, 2, 3, 4)
SCHEDULES = 1000


def cpu(work: Callable[[], Any], *, before: Callable[[], Any] = lambda: None, repeats: int = 9) -> float:
    """The least CPU seconds that `work` took, `before` not counted."""
    taken = []
    for _ in range(repeats):
        before()
        begun = clock.process_time()
        work()
        taken.append(clock.process_time() - begun)
    return min(taken)


def ten(unit: Unit, advance: Advance, *, restricted: bool = True) -> dict[str, RotationDefinition]:
    """Ten rings of five in ten zones, on working days from nine to five."""
    window = (DayWindow(WORKDAYS, time(9), time(17)),) if restricted else ()
    return {
        f"r{number}": RotationDefinition(
            f"r{number}", unit, start=FIRST, zone=ZoneInfo(zone), advance=advance, restrictions=window,
            participants=tuple(Participant((f"u{number}{one}@example.com",)) for one in range(SIZE)),
        )
        for number, zone in enumerate(ZONES)
    }  # fmt: skip


def stacked(rotations: dict[str, RotationDefinition]) -> tuple[Book, Schedule]:
    layers = tuple(Layer(name, number % 3) for number, name in enumerate(rotations))
    book = make_book(rotations, {"s": ScheduleDefinition("s", layers, ZoneInfo("UTC"))})
    return book, book.schedules["s"]


def peer(rotations: dict[str, RotationDefinition]) -> Callable[[], Any]:
    """The same weeks as repeating events: each member every fifth, Monday to Friday."""
    calendar = Calendar()
    for rotation in rotations.values():
        for number, one in enumerate(rotation.participants or ()):
            event = Event()
            begins = (FIRST + timedelta(weeks=number)).replace(tzinfo=rotation.zone)
            event.add("dtstart", begins)
            event.add("dtend", begins + timedelta(hours=8))
            event.add("summary", one.people[0])
            event.add("uid", f"{rotation.name}-{number}")
            event["rrule"] = vRecur(
                FREQ="WEEKLY", INTERVAL=SIZE, BYDAY=["MO", "TU", "WE", "TH", "FR"], WKST="MO"
            )
            calendar.add_component(event)
    return lambda: recurring_ical_events.of(calendar).between(START, END)


def shown(name: str, seconds: float) -> str:
    """A row of what nothing was promised of."""
    return f"| {name} | {seconds * 1000:.3g} ms | | | |"


def resolving() -> list[str]:
    rows = []
    for name, rotations in (
        ("restricted, a day's turn each", ten(Unit.DAILY, Advance.OCCURRENCE)),
        ("restricted, a week's turn each", ten(Unit.WEEKLY, Advance.CLOCK)),
        ("unrestricted, a day's turn each", ten(Unit.DAILY, Advance.CLOCK, restricted=False)),
    ):
        book, plan = stacked(rotations)
        first = cpu(lambda made=(book, plan): resolve(*made, START, END), before=_steady.cache_clear)
        rows.append(verdict(f"1 year, 10 layers, {name}", first * 1000, 50, "ms"))
        again = cpu(lambda made=(book, plan): resolve(*made, START, END))
        rows.append(verdict("the same, again", again * 1000, 50, "ms"))
    weeks = ten(Unit.WEEKLY, Advance.CLOCK)
    made = stacked(weeks)
    ours = cpu(lambda: resolve(*made, START, END), before=_steady.cache_clear)
    theirs = cpu(peer(weeks), repeats=3)
    rows.append(f"| the weeks: `recurring-ical-events` | {theirs * 1000:.3g} ms | | {ours / theirs:.2g} | |")
    return rows


def asking() -> str:
    chance = random.Random(7)
    rotations = ten(Unit.DAILY, Advance.OCCURRENCE)
    asked = [START + timedelta(minutes=chance.randrange(525_600)) for _ in range(300)]

    def ask() -> None:
        _steady.cache_clear()
        for instant in asked:
            on_call(*stacked(rotations), instant)

    return verdict("on_call(t) from definitions, 10 layers", cpu(ask, repeats=5) / len(asked) * 1000, 1, "ms")


def fill(now: datetime) -> None:
    """A thousand schedules of two layers each, a tenth of them overridden just now."""
    from tocsin.apps.identity.models import User  # noqa: PLC0415 - needs Django set up
    from tocsin.apps.oncall.models import Override, Rotation  # noqa: PLC0415
    from tocsin.apps.oncall.models import Schedule as Row  # noqa: PLC0415

    people = [f"p{number}@example.com" for number in range(200)]
    users = User.objects.bulk_create([User(email=email, created_at=now) for email in people])
    shapes: list[dict[str, Any]] = [
        {"type": "weekly"},
        {"type": "daily"},
        {
            "type": "daily", "advance": "occurrence",
            "restrictions": [{"days": ["mon", "tue", "wed", "thu", "fri"], "start": "09:00", "end": "17:00"}],
        },
        {"type": "monthly"},
    ]  # fmt: skip
    rotations, schedules = [], []
    for number in range(SCHEDULES):
        ring = [people[(number + one) % len(people)] for one in range(SIZE)]
        zone = ZONES[number % len(ZONES)]
        name, other = f"main-{number}", f"second-{number}"
        form = {"name": name, "handoff_time": "09:00", "timezone": zone, "participants": ring}
        rotations.append(Rotation(name=name, definition={**form, **shapes[number % 4]}, position=number))
        follower = {"name": other, "follows": name, "start_delay": 7, "role": "secondary"}
        rotations.append(Rotation(name=other, definition=follower, position=SCHEDULES + number))
        layers = [{"rotation": name}, {"rotation": other}]
        schedules.append(Row(name=f"team-{number}", definition={"name": f"team-{number}", "layers": layers}))
    Rotation.objects.bulk_create(rotations)
    Row.objects.bulk_create(schedules)
    hours = timedelta(hours=1), timedelta(hours=5)
    Override.objects.bulk_create(
        [
            Override(
                schedule=f"team-{number}", start=now - hours[0], end=now + hours[1], user=users[number % 200],
                created_at=now, created_by="bench",
            )
            for number in range(0, SCHEDULES, 10)
        ]
    )  # fmt: skip


def boards() -> list[str]:
    from django.test import Client  # noqa: PLC0415 - needs Django set up

    from tocsin.apps.identity.models import User  # noqa: PLC0415
    from tocsin.apps.oncall import queries  # noqa: PLC0415
    from tocsin.apps.oncall.queries.answers import _board  # noqa: PLC0415
    from tocsin.apps.oncall.queries.cover import _gaps, cover  # noqa: PLC0415

    now = datetime.now(UTC).replace(second=0, microsecond=0)
    fill(now)
    names = [f"team-{number}" for number in range(SCHEDULES)]
    begun = clock.process_time()
    assert len(queries.now_board(now, names)) == SCHEDULES
    reading = clock.process_time() - begun
    # So that nothing is remembered.
    anew = cpu(lambda: queries.now_board(now, names), before=_board._kept.clear)  # noqa: SLF001
    again = cpu(lambda: queries.now_board(now, names))
    rows = [
        shown("board of 1,000 schedules, all definitions new to the process", reading),
        verdict("board of 1,000 schedules, now and next", anew * 1000, 200, "ms"),
        verdict("the same, again", again * 1000, 200, "ms"),
    ]
    watched = cpu(lambda: cover(now), before=_gaps._kept.clear, repeats=3)  # noqa: SLF001 - as above
    rows.append(shown("`/metrics`: their gaps, once a day each", watched))
    rows.append(shown("the same, again", cpu(lambda: cover(now))))
    client = Client()
    client.force_login(User.objects.create(email="reader@example.com", created_at=now, role="owner"))

    def page() -> None:
        answer = client.get("/schedules/team-2?span=month", secure=True)
        assert answer.status_code == 200, answer.status_code

    page()
    rows.append(verdict("a month's page, 1,000 schedules there", cpu(page) * 1000, 100, "ms"))
    return rows


def main() -> None:
    rows = [*resolving(), asking()]
    print(HEADER, *rows, sep="\n", flush=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        installation = Installation(Path(folder) / "data", {}).start()
        try:
            with database(installation):
                print(*boards(), sep="\n")
        finally:
            installation.stop()


if __name__ == "__main__":
    main()
