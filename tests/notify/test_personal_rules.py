from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from tocsin.domain.notification.failing import after_failure, pressing, rank
from tocsin.domain.notification.model import MessageKind, Method, Occasion, Rule
from tocsin.domain.notification.plan import plan, together
from tocsin.domain.severity import Severity, Urgency
from tocsin.domain.time import BusinessHours

NOW = datetime(2026, 11, 23, 23, 0, tzinfo=UTC)
MAIL = Method(1, "email", "alice@example.com")
HOOK = Method(2, "webhook", "https://example.com/hook")
SMS = Method(3, "sms", "+15550100", usable=False, why_not="no channel yet")
NIGHT = BusinessHours(days=frozenset(range(7)), start=time(22), end=time(7))


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def rule(after: float, via: str, urgency: Urgency = Urgency.HIGH) -> Rule:
    return Rule(urgency, minutes(after), via)


def planned(*args: Any, **kwargs: Any) -> list[tuple[float, str]]:
    lines = plan(*args, **kwargs)
    return [((line.due_at - NOW) / minutes(1), line.via) for line in lines if line.method]


def test_the_rules_of_the_urgency_give_methods_and_delays() -> None:
    rules = [rule(3, "webhook"), rule(0, "email"), rule(9, "email", Urgency.LOW)]
    assert planned([MAIL, HOOK], rules, Urgency.HIGH, NOW) == [(0, "email"), (3, "webhook")]


def test_without_rules_everything_usable_is_tried_three_minutes_apart() -> None:
    assert planned([MAIL, SMS, HOOK], [], Urgency.HIGH, NOW) == [(0, "email"), (3, "webhook")]


def test_a_rule_that_cannot_be_kept_is_shown_with_the_reason() -> None:
    lines = plan([MAIL, SMS], [rule(0, "email"), rule(3, "sms"), rule(5, "voice")], Urgency.HIGH, NOW)
    assert [(line.via, line.method is not None) for line in lines] == [
        ("email", True), ("sms", False), ("voice", False),
    ]  # fmt: skip
    assert lines[1].reason.endswith("not sent: no channel yet")
    assert lines[2].reason.endswith("not sent: no voice address")


def test_a_shut_way_does_not_delay_the_next() -> None:
    assert planned([MAIL, SMS], [rule(0, "sms"), rule(5, "email")], Urgency.HIGH, NOW) == [(0, "email")]


def test_rules_that_cannot_be_kept_at_all_give_way_to_what_there_is() -> None:
    assert planned([MAIL, SMS], [rule(0, "sms"), rule(1, "sms")], Urgency.HIGH, NOW) == [(0, "email")]


def test_the_same_method_at_the_same_moment_is_used_once() -> None:
    assert planned([MAIL], [rule(0, "email"), rule(0, "email"), rule(2, "email")], Urgency.HIGH, NOW) == [
        (0, "email"),
        (2, "email"),
    ]


def test_quiet_hours_defer_low_urgency() -> None:
    rules = [rule(0, "email", Urgency.LOW)]
    assert planned([MAIL], rules, Urgency.LOW, NOW, quiet=NIGHT) == [(8 * 60, "email")]


def test_quiet_hours_never_defer_beyond_the_ack_deadline() -> None:
    got = planned([MAIL], [], Urgency.LOW, NOW, quiet=NIGHT, ack_deadline=NOW + minutes(240))
    assert got == [(240, "email")]


def test_a_rule_later_than_the_ack_deadline_is_kept_as_it_is() -> None:
    rules = [rule(90, "email", Urgency.LOW)]
    assert planned([MAIL], rules, Urgency.LOW, NOW, quiet=NIGHT, ack_deadline=NOW + minutes(60)) == [
        (90, "email")
    ]


def test_quiet_hours_never_mute_high_urgency() -> None:
    assert planned([MAIL], [rule(0, "email")], Urgency.HIGH, NOW, quiet=NIGHT) == [(0, "email")]


def test_messages_deferred_to_one_moment_become_one() -> None:
    rules = [rule(0, "email", Urgency.LOW), rule(30, "email", Urgency.LOW)]
    assert planned([MAIL], rules, Urgency.LOW, NOW, quiet=NIGHT) == [(480, "email")]


def test_nobody_with_nothing_is_planned_for() -> None:
    assert planned([SMS], [], Urgency.HIGH, NOW) == []


def test_the_queue_goes_high_before_low_first_before_repeat_quiet_words_last() -> None:
    order = [
        rank(MessageKind.PAGE, Urgency.HIGH, first=True),
        rank(MessageKind.PAGE, Urgency.HIGH, first=False),
        rank(MessageKind.PAGE, Urgency.LOW, first=True),
        rank(MessageKind.PAGE, Urgency.LOW, first=False),
        rank(MessageKind.RESOLVED, Urgency.HIGH, first=True),
    ]
    assert order == sorted(set(order))


@pytest.mark.parametrize("severity", [Severity.SEV1, Severity.SEV2])
def test_the_first_page_of_an_urgent_incident_waits_a_minute_then_takes_the_next_method(
    severity: Severity,
) -> None:
    hurry = pressing(MessageKind.PAGE, severity, first=True)
    at, attempts = NOW, 1
    while True:
        verdict = after_failure(
            attempts=attempts, wanted_at=NOW, now=at, hurry=hurry, others=True, permanent=False
        )
        if verdict.retry_at is None:
            break
        at, attempts = verdict.retry_at, attempts + 1
    assert verdict.promote
    assert at - NOW <= timedelta(seconds=60)
    assert attempts >= 4


def test_a_permanent_failure_takes_the_next_method_at_once() -> None:
    verdict = after_failure(attempts=1, wanted_at=NOW, now=NOW, hurry=False, others=True, permanent=True)
    assert (verdict.retry_at, verdict.promote, verdict.unreachable) == (None, True, False)


def test_the_last_way_failing_for_good_makes_the_person_unreachable() -> None:
    verdict = after_failure(attempts=1, wanted_at=NOW, now=NOW, hurry=True, others=False, permanent=True)
    assert (verdict.retry_at, verdict.unreachable) == (None, True)


def test_the_only_way_is_tried_on_while_the_ladder_is_told() -> None:
    later = NOW + timedelta(seconds=58)
    verdict = after_failure(attempts=6, wanted_at=NOW, now=later, hurry=True, others=False, permanent=False)
    assert verdict.unreachable
    assert verdict.retry_at is not None
    much_later = NOW + timedelta(minutes=59)
    verdict = after_failure(
        attempts=20, wanted_at=NOW, now=much_later, hurry=True, others=False, permanent=False
    )
    assert verdict.retry_at is None


OUTBOX = Method(9, "email", "alice@example.com", counts=False)


def test_what_reaches_nobody_delays_nobody() -> None:
    assert planned([OUTBOX, HOOK], [], Urgency.HIGH, NOW) == [(0, "webhook"), (0, "email")]
    rules = [rule(0, "email", Urgency.LOW), rule(30, "webhook", Urgency.LOW)]
    assert planned([OUTBOX, HOOK], rules, Urgency.LOW, NOW) == [(0, "webhook"), (0, "email")]
    text = next(x.reason for x in plan([OUTBOX, HOOK], rules, Urgency.LOW, NOW) if x.via == "webhook")
    assert text.endswith("; moved 30m ahead, as an earlier way is shut")


def test_an_outbox_takes_no_turn_between_ways_that_count() -> None:
    other = Method(4, "push", "phone")
    assert planned([HOOK, OUTBOX, other], [], Urgency.HIGH, NOW) == [
        (0, "webhook"),
        (0, "email"),
        (3, "push"),
    ]


def test_rules_that_only_reach_the_outbox_give_way_to_what_counts() -> None:
    assert planned([OUTBOX, HOOK], [rule(0, "email")], Urgency.HIGH, NOW) == [(0, "webhook"), (0, "email")]
    assert planned([OUTBOX], [rule(2, "email", Urgency.LOW)], Urgency.LOW, NOW) == [(2, "email")]


def test_nobody_mutes_high_urgency_with_a_delay() -> None:
    lines = plan([MAIL, HOOK], [rule(720, "email"), rule(780, "webhook")], Urgency.HIGH, NOW)
    assert [(line.via, line.due_at) for line in lines] == [
        ("email", NOW),
        ("webhook", NOW + minutes(780)),
    ]
    assert lines[0].reason.endswith("; moved ahead: high urgency waits at most 60 s")
    assert planned([MAIL], [rule(720, "email", Urgency.LOW)], Urgency.LOW, NOW) == [(720, "email")]


def test_a_high_delay_of_up_to_a_minute_is_kept() -> None:
    assert planned([MAIL, HOOK], [rule(1, "email"), rule(9, "webhook")], Urgency.HIGH, NOW) == [
        (1, "email"),
        (9, "webhook"),
    ]


def test_an_outbox_copy_is_not_the_first_message_of_high_urgency() -> None:
    assert planned([OUTBOX, HOOK], [rule(5, "email"), rule(9, "webhook")], Urgency.HIGH, NOW) == [
        (0, "webhook"),
        (5, "email"),
    ]


PUSH = Method(5, "push", "phone")
HANDOFF = Rule(Urgency.LOW, minutes(0), "push", Occasion.HANDOFF)
SWAP = Rule(Urgency.LOW, minutes(2), "push", Occasion.SWAP)
LOW_MAIL = rule(4, "email", Urgency.LOW)
HIGH_MAIL = rule(0, "email")


@pytest.mark.parametrize(
    ("rules", "urgency", "occasion", "expected"),
    [
        ([HIGH_MAIL, HANDOFF], Urgency.HIGH, Occasion.PAGE, [(0, "email")]),
        ([LOW_MAIL, HANDOFF], Urgency.LOW, Occasion.PAGE, [(4, "email")]),
        ([LOW_MAIL, HANDOFF], Urgency.LOW, Occasion.HANDOFF, [(0, "push")]),
        ([LOW_MAIL, HANDOFF], Urgency.LOW, Occasion.SWAP, [(4, "email")]),
        ([LOW_MAIL, SWAP], Urgency.LOW, Occasion.SWAP, [(2, "push")]),
        # "Are you ready?" presses, and goes by the rules for hand-offs all the same.
        ([HIGH_MAIL, HANDOFF], Urgency.HIGH, Occasion.HANDOFF, [(0, "push")]),
        ([HIGH_MAIL], Urgency.HIGH, Occasion.HANDOFF, [(0, "email")]),
        # Rules for hand-offs alone say nothing of pages: everything is tried.
        ([HANDOFF], Urgency.HIGH, Occasion.PAGE, [(0, "email"), (3, "push")]),
        # A way that is not there gives way, as for pages.
        ([Rule(Urgency.LOW, minutes(0), "sms", Occasion.MOVED)], Urgency.LOW, Occasion.MOVED,
         [(0, "email"), (3, "push")]),
    ],
)  # fmt: skip
def test_an_occasion_goes_by_its_own_rules_else_by_urgency(
    rules: list[Rule], urgency: Urgency, occasion: Occasion, expected: list[tuple[float, str]]
) -> None:
    assert planned([MAIL, PUSH], rules, urgency, NOW, occasion=occasion) == expected


def test_the_reason_names_what_the_rules_are_for() -> None:
    (line,) = plan([PUSH], [HANDOFF], Urgency.LOW, NOW, occasion=Occasion.HANDOFF)
    assert line.reason == "rule: hand-offs, push after 0s"


def test_quiet_hours_hold_an_occasions_quiet_word_too_and_no_pressing_one() -> None:
    quiet = planned([PUSH], [HANDOFF], Urgency.LOW, NOW, quiet=NIGHT, occasion=Occasion.HANDOFF)
    assert quiet == [(480, "push")]
    pressing_one = planned([PUSH], [HANDOFF], Urgency.HIGH, NOW, quiet=NIGHT, occasion=Occasion.HANDOFF)
    assert pressing_one == [(0, "push")]


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ([], [HIGH_MAIL, LOW_MAIL, HANDOFF]),
        ([rule(1, "sms")], [rule(1, "sms"), LOW_MAIL, HANDOFF]),
        ([SWAP], [SWAP, HIGH_MAIL, LOW_MAIL, HANDOFF]),
        (
            [Rule(Urgency.LOW, minutes(9), "email", Occasion.HANDOFF)],
            [Rule(Urgency.LOW, minutes(9), "email", Occasion.HANDOFF), HIGH_MAIL, LOW_MAIL],
        ),
    ],
)
def test_everybodys_rules_stand_where_a_person_has_none_of_their_own(
    own: list[Rule], expected: list[Rule]
) -> None:
    assert together(own, [HIGH_MAIL, LOW_MAIL, HANDOFF]) == tuple(expected)
