"""The rules alone: who may do what in which state, and what puts the taker on call."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tocsin.domain.schedule import (
    Book,
    DayWindow,
    Layer,
    Override,
    OverrideKind,
    Participant,
    Rotation,
    Schedule,
    Unit,
    resolve,
)
from tocsin.domain.schedule.swapping import SwapState, Terms, allowed, overrides_for

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
OPEN, OFFERED, TAKEN = SwapState.OPEN, SwapState.OFFERED, SwapState.TAKEN


def terms(state: SwapState, **more: object) -> Terms:
    values: dict[str, object] = {
        "state": state,
        "requester": "ann",
        "start": NOW + 24 * HOUR,
        "end": NOW + 27 * HOUR,
        "created_at": NOW,
        "taker": None if state is OPEN else "ben",
    }
    return Terms(**{**values, **more})  # type: ignore[arg-type]  # whatever a row says


RETURN = {"return_start": NOW + 48 * HOUR}
APPROVAL = {"needs_approval": True}
# (what, who, hours later, deeds); "boss" manages
CASES = [
    (terms(OPEN), "ann", 0, "cancel"),
    (terms(OPEN), "ben", 0, "take"),
    (terms(OPEN), None, 0, ""),
    (terms(OPEN), "boss", 0, "take cancel"),
    (terms(OPEN), "ben", 24, ""),
    (terms(OPEN), "ann", 24, "cancel"),
    (terms(OPEN, asked="ben"), "ben", 0, "take decline"),
    (terms(OPEN, asked="ben"), "cem", 0, ""),
    (terms(OPEN, asked="ben"), "boss", 0, "take decline cancel"),
    (terms(OPEN, start=NOW - HOUR), "ben", 23, "take"),  # asked in the middle: until its end
    (terms(OPEN, start=NOW - HOUR), "ben", 27, ""),
    (terms(OFFERED, **RETURN), "ann", 0, "accept decline cancel"),
    (terms(OFFERED, **RETURN), "ben", 0, "withdraw"),
    (terms(OFFERED, **RETURN), "cem", 0, ""),
    (terms(OFFERED, **RETURN), "ann", 24, "decline cancel"),
    (terms(OFFERED, **RETURN, accepted=True, **APPROVAL), "ann", 0, "cancel"),
    (terms(OFFERED, **APPROVAL), "ann", 0, "cancel"),
    (terms(OFFERED, **APPROVAL), "boss", 0, "approve decline withdraw cancel"),
    (terms(OFFERED, **APPROVAL), "boss", 24, "decline withdraw cancel"),
    (terms(OFFERED, **RETURN, **APPROVAL), "boss", 0, "accept approve decline withdraw cancel"),
    (terms(TAKEN), "ben", 0, "withdraw"),
    (terms(TAKEN), "ben", 24, ""),
    (terms(TAKEN), "ann", 0, ""),
    (terms(TAKEN, unasked=True), "ann", 0, "cancel"),
    (terms(TAKEN), "boss", 0, "withdraw cancel"),
    (terms(TAKEN), "boss", 24, ""),
    (terms(TAKEN, return_start=NOW + HOUR), "ben", 2, ""),  # ann has begun to give time in return
    (terms(SwapState.CANCELLED), "boss", 0, ""),
    (terms(SwapState.EXPIRED), "boss", 0, ""),
]


@pytest.mark.parametrize(("of", "who", "later", "deeds"), CASES)
def test_everybody_may_do_just_this(of: Terms, who: str | None, later: int, deeds: str) -> None:
    found = allowed(of, who, NOW + later * HOUR, manages=who == "boss")
    assert found == set(deeds.split())


@pytest.mark.parametrize(
    ("of", "state"),
    [
        (terms(OPEN), TAKEN),
        (terms(OPEN, **RETURN), OFFERED),
        (terms(OPEN, **RETURN, accepted=True), TAKEN),
        (terms(OPEN, **APPROVAL), OFFERED),
        (terms(OPEN, **APPROVAL, approved=True), TAKEN),
        (terms(OPEN, **APPROVAL, approved=True, **RETURN), OFFERED),
        (terms(OPEN, **APPROVAL, approved=True, **RETURN, accepted=True), TAKEN),
    ],
)
def test_it_is_taken_when_nobodys_word_is_missing(of: Terms, state: SwapState) -> None:
    assert of.agreed is state


# ann from 12 to 15, every day; from 15 on cem, who is the fallback
RING = Rotation(
    "noon",
    Unit.DAILY,
    datetime(2026, 1, 1),
    ZoneInfo("UTC"),
    (Participant(("ann",)),),
    restrictions=(DayWindow(tuple(range(7)), datetime(1, 1, 1, 12).time(), datetime(1, 1, 1, 15).time()),),
)


def over(kind: OverrideKind, start: int, end: int, user: str | None, replaces: str | None = None) -> Override:
    return Override(at(start), at(end), kind, user, replaces)


def at(hour: int) -> datetime:
    return NOW.replace(hour=hour)


REPLACE, PLAIN = OverrideKind.REPLACE, OverrideKind.OVERRIDE


@pytest.mark.parametrize(
    ("there", "giver", "span", "count", "expected"),
    [
        # The whole shift, part of it, more than it, none of it.
        ((), "ann", (12, 15), 1, [("ben", 12, 15)]),
        ((), "ann", (13, 14), 1, [("ann", 12, 13), ("ben", 13, 14), ("ann", 14, 15)]),
        ((), "ann", (13, 18), 1, [("ann", 12, 13), ("ben", 13, 15)]),
        ((), "ann", (8, 11), 0, [("ann", 12, 15)]),
        # What another took of it stays with them.
        (
            (over(REPLACE, 13, 14, "dan", "ann"),),
            "ann",
            (12, 15),
            2,
            [("ben", 12, 13), ("dan", 13, 14), ("ben", 14, 15)],
        ),
        # What somebody has by a swap or an override is passed on.
        ((over(REPLACE, 13, 14, "dan", "ann"),), "dan", (12, 15), 1, [("ann", 12, 13), ("ben", 13, 14)]),
        ((over(PLAIN, 13, 14, "dan"),), "dan", (13, 14), 1, [("ann", 12, 13), ("ben", 13, 14)]),
        # A fallback's time too.
        ((), "cem", (16, 17), 1, [("ann", 12, 15), ("ben", 16, 17)]),
        # Somebody who is beside others by `add` cannot be taken out by another override.
        ((over(OverrideKind.ADD, 13, 14, "dan"),), "dan", (13, 14), 0, [("ann", 12, 15), ("dan", 13, 14)]),
    ],
)
def test_the_taker_gets_what_the_giver_has(
    there: tuple[Override, ...],
    giver: str,
    span: tuple[int, int],
    count: int,
    expected: list[tuple[str, int, int]],
) -> None:
    plan = Schedule("web", ZoneInfo("UTC"), (Layer("noon"),), ("cem",), there)
    made = overrides_for(Book({"noon": RING}, {"web": plan}), plan, giver, "ben", at(span[0]), at(span[1]))
    assert len(made) == count
    after = Schedule("web", plan.zone, plan.layers, plan.fallback, (*there, *made))
    found = resolve(Book({"noon": RING}, {"web": after}), after, at(8), at(20))
    rows = [(one.user, one.start.hour, one.end.hour) for one in found if one.user != "cem"]
    assert [row for row in rows if row in expected] == expected
