"""From one call of one person to the messages it means: when, and over what.

Only low urgency is ever deferred by quiet hours, and the first message of high urgency waits at most 60 s
whatever the rules say, so nothing that a person sets can mute it. A person without rules, or whose rules
cannot be kept, is reached over everything they have. What reaches nobody (console, local outbox) is sent
along, and delays no other way.

An occasion other than a page (a hand-off, a swap, a moved shift) goes by its own rules where there are any,
else by those for pages of its message's urgency.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from tocsin.domain.notification.model import Method, Occasion, Planned, Rule
from tocsin.domain.severity import Urgency
from tocsin.domain.time import BusinessHours, format_duration

DEFAULT_GAP: Final = timedelta(minutes=3)
_PRESSING: Final = timedelta(seconds=60)
_SPOKEN: Final = {Occasion.HANDOFF: "hand-offs", Occasion.SWAP: "swaps", Occasion.MOVED: "moved shifts"}

# What rules can be for, in the order in which files write them and pages show them.
GROUPS: Final = (
    *((urgency, Occasion.PAGE) for urgency in Urgency),
    *((Urgency.LOW, occasion) for occasion in Occasion if occasion is not Occasion.PAGE),
)


def group_name(urgency: Urgency, occasion: Occasion) -> str:
    """The key of rules of this kind, in files and forms: `high`, `low`, `handoff` …"""
    return str(urgency) if occasion is Occasion.PAGE else str(occasion)


def what_for(urgency: Urgency, occasion: Occasion) -> str:
    """What a group of rules is for, for people to read."""
    return _SPOKEN.get(occasion) or f"{urgency} urgency"


def together(own: Iterable[Rule], everybodys: Iterable[Rule]) -> tuple[Rule, ...]:
    """A person's rules: their own, and everybody's for whatever they have none of their own for."""
    mine = tuple(own)
    kept = {_group(rule) for rule in mine}
    return mine + tuple(rule for rule in everybodys if _group(rule) not in kept)


def _group(rule: Rule) -> tuple[Occasion, Urgency | None]:
    return rule.occasion, rule.urgency if rule.occasion is Occasion.PAGE else None


def applying(rules: Iterable[Rule], urgency: Urgency, occasion: Occasion = Occasion.PAGE) -> tuple[Rule, ...]:
    """Those that a message of this urgency and occasion goes by, in the order of their delays."""
    known = sorted(rules, key=lambda rule: rule.after)
    special = tuple(rule for rule in known if rule.occasion is occasion is not Occasion.PAGE)
    usual = (rule for rule in known if rule.occasion is Occasion.PAGE and rule.urgency is urgency)
    return special or tuple(usual)


def plan(
    methods: Sequence[Method],
    rules: Iterable[Rule],
    urgency: Urgency,
    now: datetime,
    *,
    quiet: BusinessHours | None = None,
    ack_deadline: datetime | None = None,
    occasion: Occasion = Occasion.PAGE,
) -> tuple[Planned, ...]:
    """The messages by due time. A rule that cannot be kept is in it too, without a method and with the
    reason.
    """
    wanted = applying(rules, urgency, occasion)
    lines = [line for rule in wanted for line in _keep(rule, methods, now)]
    if not _reach(lines) and (_counts(methods) or not any(line.method for line in lines)):
        why = "none of the rules can be kept" if wanted else "no rules of their own"
        shown = {line.via for line in lines}
        lines += _by_default([m for m in methods if wanted or m.type not in shown], urgency, now, why)
    lines = _not_later_than_the_shut_ones(lines)
    if urgency is Urgency.HIGH:
        lines = _not_muted(lines, now)
    if quiet is not None and urgency is Urgency.LOW:
        lines = [_defer(line, quiet, ack_deadline) for line in lines]
    unique = {(line.method.id if line.method else line.via, line.due_at): line for line in reversed(lines)}
    return tuple(sorted(unique.values(), key=_order))


def _order(line: Planned) -> tuple[datetime, bool, bool]:
    """What reaches somebody comes first among equals."""
    return line.due_at, line.method is None, line.method is not None and not line.method.counts


def _counts(methods: Iterable[Method]) -> bool:
    return any(method.usable and method.counts for method in methods)


def _reach(lines: Iterable[Planned]) -> list[Planned]:
    return [line for line in lines if line.method and line.method.counts]


def _keep(rule: Rule, methods: Sequence[Method], now: datetime) -> list[Planned]:
    due = now + rule.after
    text = f"rule: {what_for(rule.urgency, rule.occasion)}, {rule.via} after {format_duration(rule.after)}"
    mine = [method for method in methods if method.type == rule.via]
    usable = [method for method in mine if method.usable]
    if usable:
        return [Planned(method, rule.via, due, text) for method in usable]
    why = mine[0].why_not if mine else f"no {rule.via} address"
    return [Planned(None, rule.via, due, f"{text}; not sent: {why}")]


def _by_default(methods: Sequence[Method], urgency: Urgency, now: datetime, why: str) -> list[Planned]:
    usable = [method for method in methods if method.usable]
    counting = [method for method in usable if method.counts]
    turns = {method: now + number * DEFAULT_GAP for number, method in enumerate(counting or usable)}
    lines = [
        Planned(method, method.type, turns.get(method, now), f"{why}: {urgency} urgency, {method.type}")
        for method in usable
    ]
    shut = [Planned(None, m.type, now, f"{m.type}; not sent: {m.why_not}") for m in methods if not m.usable]
    return lines + (shut if why.startswith("no rules") else [])


def _not_later_than_the_shut_ones(lines: list[Planned]) -> list[Planned]:
    """A way that is shut, or that reaches nobody, delays nobody: the first one that is open takes its
    time.
    """
    usable = _reach(lines)
    if not usable:
        return lines
    first, earliest = min(line.due_at for line in lines), min(line.due_at for line in usable)
    if first == earliest:
        return lines
    moved = f"moved {format_duration(earliest - first)} ahead, as an earlier way is shut"
    return _moved(lines, earliest, first, moved)


def _not_muted(lines: list[Planned], now: datetime) -> list[Planned]:
    """Nobody may be muted by a long delay: the first message that counts leaves at once instead."""
    earliest = min((line.due_at for line in _reach(lines)), default=now)
    if earliest - now <= _PRESSING:
        return lines
    return _moved(lines, earliest, now, "moved ahead: high urgency waits at most 60 s")


def _moved(lines: list[Planned], earliest: datetime, to: datetime, why: str) -> list[Planned]:
    return [
        replace(line, due_at=to, reason=f"{line.reason}; {why}")
        if line.method and line.method.counts and line.due_at == earliest
        else line
        for line in lines
    ]


def _defer(line: Planned, quiet: BusinessHours, ack_deadline: datetime | None) -> Planned:
    """To the end of the quiet hours, but never beyond the ack deadline."""
    over = quiet.closing(line.due_at)
    if line.method is None or over is None:
        return line
    if ack_deadline is not None and ack_deadline < over:
        due, until = max(ack_deadline, line.due_at), "the ack deadline"
    else:
        due, until = over, "their end"
    return replace(line, due_at=due, reason=f"{line.reason}; quiet hours: waits for {until}")
