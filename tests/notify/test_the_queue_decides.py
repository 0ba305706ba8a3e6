"""The stages of the queue: values in, values and reasons out."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.escalation.conftest import NOW
from tocsin.domain.notification import queue
from tocsin.domain.notification.model import MessageKind, Waiting
from tocsin.domain.notification.throttle import (
    SHIPPED,
    History,
    Limit,
    Limits,
    Pause,
    throttle,
)

ALICE, BOB, CAROL = 1, 2, 3


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def ago(count: float) -> datetime:
    return NOW - seconds(count)


def one(id_: int, person: int = ALICE, rank: int = 0, **fields: Any) -> Waiting:
    """A page of incident `id_`, due now."""
    values: dict[str, Any] = {
        "due_at": NOW,
        "wanted_at": NOW,
        "kind": MessageKind.PAGE,
        "via": "sms",
        "address": f"+1555{person}",
        "service": "checkout",
        "incident": id_,
        "page": id_,
        "says": f"call-out {id_}",
    }
    return Waiting(id=id_, rank=rank, person=person, **{**values, **fields})


def ids(items: list[Waiting]) -> list[int]:
    return [item.id for item in items]


@pytest.mark.parametrize(
    ("items", "people", "services", "expected"),
    [
        pytest.param(
            [one(1, rank=3), one(2, BOB, rank=2), one(3, rank=1), one(4, BOB), one(5, CAROL, rank=5)],
            {},
            {},
            [4, 3, 2, 1, 5],
            id="high before low, first pages before repeats, quiet words last",
        ),
        pytest.param(
            [one(1), one(2, BOB), one(3, CAROL)],
            {ALICE: ago(5), BOB: ago(60)},
            {},
            [3, 2, 1],
            id="who was never paged, then who was paged longest ago",
        ),
        pytest.param(
            [one(1), one(2), one(3), one(4, BOB)],
            {ALICE: ago(60), BOB: ago(5)},
            {},
            [1, 4, 2, 3],
            id="one of each person before anybody's second",
        ),
        pytest.param(
            [one(1, service="a"), one(2, BOB, service="b")],
            {ALICE: ago(5), BOB: ago(5)},
            {"a": ago(10), "b": ago(600)},
            [2, 1],
            id="among equals, whose service was served longest ago",
        ),
        pytest.param(
            [one(1, service="a"), one(2, service="a"), one(3, service="b")],
            {},
            {},
            [1, 3, 2],
            id="of one person, one of each service before a second of any",
        ),
        pytest.param([one(1), one(2, BOB, due_at=ago(3))], {}, {}, [2, 1], id="then what was due first"),
        pytest.param([one(2), one(1)], {}, {}, [1, 2], id="then what was planned first"),
        pytest.param(
            [
                one(1, 0, address="#ops", kind=MessageKind.ROOM, rank=1),
                one(2, 0, address="#ops", kind=MessageKind.ROOM, rank=1),
                one(3, 0, address="#dev", kind=MessageKind.ROOM, rank=1),
            ],
            {},
            {},
            [1, 3, 2],
            id="each room is somebody of its own",
        ),
    ],
)
def test_what_leaves_first(
    items: list[Waiting], people: dict[int, datetime], services: dict[str, datetime], expected: list[int]
) -> None:
    assert ids(queue.order(items, people, services)) == expected


@pytest.mark.parametrize(
    ("items", "left", "merged"),
    [
        pytest.param(
            [one(1), one(2, incident=1, says="call-out 1")], [2], [(1, 2)], id="the newest page says it"
        ),
        pytest.param(
            [one(1), one(2, rank=1, incident=1, says="call-out 1")],
            [1],
            [(2, 1)],
            id="a first page rather than a repeat",
        ),
        pytest.param([one(1), one(2, incident=1, says="other")], [1, 2], [], id="says something else"),
        pytest.param([one(1), one(2, says="call-out 1")], [1, 2], [], id="another incident"),
        pytest.param(
            [one(1), one(2, BOB, incident=1, says="call-out 1", address="+15551")],
            [1, 2],
            [],
            id="another person",
        ),
        pytest.param(
            [one(1), one(2, incident=1, says="call-out 1", via="voice")], [1, 2], [], id="another way"
        ),
        pytest.param(
            [one(1), one(2, incident=1, says="call-out 1", address="+15559")],
            [1, 2],
            [],
            id="another address",
        ),
        pytest.param(
            [one(1), one(2, incident=1, says="call-out 1", kind=MessageKind.STAKEHOLDER)],
            [1, 2],
            [],
            id="another kind",
        ),
        pytest.param(
            [one(1), one(5, BOB), one(2, incident=1, says="call-out 1")],
            [2, 5],
            [(1, 2)],
            id="at the place of the first",
        ),
    ],
)
def test_identical_messages_become_one(
    items: list[Waiting], left: list[int], merged: list[tuple[int, int]]
) -> None:
    leaving, carried = queue.merge(items)
    assert ids(leaving) == left
    assert [(c.item.id, c.by.id) for c in carried] == merged
    assert all(c.reason == "merged: one message for 2 that say the same" for c in carried)


@pytest.mark.parametrize(
    ("items", "left", "bundled"),
    [
        pytest.param([one(1, rank=1), one(2, rank=1)], [1], [(2, 1)], id="repeats of one service"),
        pytest.param([one(1, rank=1), one(2, rank=3)], [1], [(2, 1)], id="low with high"),
        pytest.param([one(1), one(2, rank=1)], [1, 2], [], id="never a first page"),
        pytest.param([one(1, rank=2), one(2, rank=2)], [1, 2], [], id="nor one of low urgency"),
        pytest.param([one(1, rank=1), one(2, rank=1, service="db")], [1, 2], [], id="another service"),
        pytest.param([one(1, rank=1), one(2, BOB, rank=1)], [1, 2], [], id="another person"),
        pytest.param([one(1, rank=1), one(2, rank=1, via="voice")], [1, 2], [], id="another way"),
        pytest.param([one(1, rank=1), one(2, rank=1, incident=1)], [1, 2], [], id="one incident only"),
        pytest.param(
            [one(1, bundle="opening"), one(2, bundle="opening", service="db")],
            [1],
            [(2, 1)],
            id="by a word, first pages too, whatever the service",
        ),
        pytest.param([one(1, bundle="a"), one(2, bundle="b")], [1, 2], [], id="another word"),
        pytest.param(
            [one(1, rank=1), one(2, rank=1, bundle="opening")], [1, 2], [], id="with a word or without"
        ),
        pytest.param(
            [one(n, rank=5, kind=MessageKind.UPDATE, bundle="m1") for n in (1, 2, 3)],
            [1],
            [(2, 1), (3, 1)],
            id="updates by a word",
        ),
        pytest.param(
            [one(n, rank=5, kind=MessageKind.UPDATE) for n in (1, 2)], [1, 2], [], id="updates without"
        ),
        pytest.param(
            [one(n, rank=5, kind=MessageKind.RESOLVED) for n in (1, 2)], [1, 2], [], id="quiet words"
        ),
        pytest.param(
            [one(n, 0, rank=1, kind=MessageKind.ROOM, address="#ops") for n in (1, 2)],
            [1, 2],
            [],
            id="rooms",
        ),
        pytest.param(
            [one(n, rank=1) for n in range(1, 23)],
            [1, 21],
            [(n, 1) for n in range(2, 21)] + [(22, 21)],
            id="at most twenty in one",
        ),
    ],
)
def test_repeats_for_one_person_and_service_become_one(
    items: list[Waiting], left: list[int], bundled: list[tuple[int, int]]
) -> None:
    leaving, carried = queue.bundle(items)
    assert ids(leaving) == left
    assert [(c.item.id, c.by.id) for c in carried] == bundled
    assert all(c.reason.startswith("bundled: one message lists ") for c in carried)


SMS = {"sms": SHIPPED["sms"]}
AT = "2026-11-23 02:00"


@pytest.mark.parametrize(
    ("sent", "rank", "waits", "why"),
    [
        pytest.param([], 1, 0, "", id="the first"),
        pytest.param([59], 1, 1, "1 sms to +1555… in 1m", id="a minute is not over"),
        pytest.param([60], 1, 0, "", id="a minute is over"),
        pytest.param([840, 600, 300, 180, 120], 1, 60, "5 sms to +1555… in 15m", id="five in a quarter"),
        pytest.param([901, 600, 300, 180, 120], 1, 0, "", id="the first of five is long ago"),
        pytest.param([3500 - 200 * n for n in range(11)], 1, 100, "11 sms to +1555… in 1h", id="an hour"),
        pytest.param([1], 0, 0, "", id="never a first page"),
        pytest.param([1], 2, 0, "", id="nor one of low urgency"),
    ],
)
def test_a_contact_is_given_so_much_in_a_while(sent: list[int], rank: int, waits: int, why: str) -> None:
    history = History()
    history.contact["sms", "+15551"] = [ago(before) for before in sent]
    leave, held = throttle([one(1, rank=rank)], SMS, history, {}, NOW)
    if not waits:
        assert (ids(leave), held) == ([1], [])
        return
    (only,) = held
    assert (leave, only.until) == ([], NOW + seconds(waits))
    leaves = f"{NOW + seconds(waits):%H:%M:%S} UTC"
    assert only.reason == f"throttled: {why}; leaves at {leaves}"


def test_what_waits_for_a_contact_is_given_places_one_after_the_other() -> None:
    _, held = throttle([one(n, rank=1) for n in (1, 2, 3)], SMS, History(), {}, NOW)
    assert [(h.item.id, h.until) for h in held] == [(2, NOW + seconds(60)), (3, NOW + seconds(120))]


@pytest.mark.parametrize("kind", [MessageKind.CODE, MessageKind.TEST, MessageKind.DUTY, MessageKind.RESOLVED])
def test_what_somebody_waits_for_is_no_repeat(kind: MessageKind) -> None:
    history = History()
    history.contact["sms", "+15551"] = [ago(1)]
    leave, _ = throttle([one(1, rank=5, kind=kind)], SMS, history, {}, NOW)
    assert ids(leave) == [1]


VENDOR = {"sms": Limits(vendor=(Limit(2, seconds(1)),))}


def test_a_vendor_is_given_so_much_in_a_while_first_pages_too() -> None:
    leave, held = throttle([one(n, n) for n in range(1, 7)], VENDOR, History(), {}, NOW)
    assert ids(leave) == [1, 2]
    assert [(h.item.id, h.until - NOW) for h in held] == [
        (3, seconds(1)),
        (4, seconds(1)),
        (5, seconds(2)),
        (6, seconds(2)),
    ]
    assert held[0].reason == "throttled: 2 sms to all in 1s; leaves at 02:00:01 UTC"


def test_what_is_in_the_vendors_hands_counts() -> None:
    history = History()
    history.vendor["sms"] = [ago(0.5), ago(0.25)]
    leave, held = throttle([one(1)], VENDOR, history, {}, NOW)
    assert (leave, held[0].until) == ([], NOW + seconds(0.5))


@pytest.mark.parametrize(
    ("hurry", "wanted", "pause", "elsewhere"),
    [(True, 0, 60, False), (True, 0, 61, True), (True, 50, 11, True), (False, 0, 600, False)],
)
def test_what_presses_waits_a_minute_at_most(
    hurry: bool,  # noqa: FBT001 - a column of the table
    wanted: int,
    pause: int,
    elsewhere: bool,  # noqa: FBT001 - a column of the table
) -> None:
    item = one(1, hurry=hurry, wanted_at=ago(wanted))
    paused = {"sms": Pause(NOW + seconds(pause), "twilio asks to wait")}
    leave, (held,) = throttle([item], SMS, History(), paused, NOW)
    assert (leave, held.elsewhere, held.until) == ([], elsewhere, NOW + seconds(pause))
    assert held.reason.startswith("twilio asks to wait; leaves at 02:")


def test_a_pause_that_is_over_holds_nothing() -> None:
    leave, _ = throttle([one(1)], SMS, History(), {"sms": Pause(NOW, "asks to wait")}, NOW)
    assert ids(leave) == [1]


def test_of_ten_thousand_messages_none_is_lost() -> None:
    kinds = (MessageKind.PAGE, MessageKind.PAGE, MessageKind.STAKEHOLDER, MessageKind.UPDATE)
    items = [
        one(
            n,
            1 + n % 100,
            rank=n % 4,
            kind=kinds[n % 4],
            incident=n % 1500,
            says=f"call-out {n % 2500 % 1500}",
            service=f"s{n % 40}",
            via=("sms", "voice", "email")[n % 3],
        )
        for n in range(10_000)
    ]
    people = {n: ago(n) for n in range(500)}
    left = queue.order(items, people, {})
    left, merged = queue.merge(left)
    left, bundled = queue.bundle(left)
    leave, held = throttle(left, SHIPPED, History(), {}, NOW)
    assert len(merged) + len(bundled) + len(leave) + len(held) == 10_000
    assert merged
    assert bundled
    assert held
