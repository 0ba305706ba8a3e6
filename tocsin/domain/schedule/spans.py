"""Sets of stretches of time, each a sorted tuple of (start, end) that neither overlap nor touch."""

from collections.abc import Iterable
from datetime import datetime, timedelta

Span = tuple[datetime, datetime]
Spans = tuple[Span, ...]


def joined(spans: Iterable[Span]) -> Spans:
    """Any stretches, in any order, as such a set; empty ones vanish."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if end <= start:
            continue
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return tuple(found)


def common(one: Spans, other: Spans) -> Spans:
    found: list[Span] = []
    here = there = 0
    while here < len(one) and there < len(other):
        start, end = max(one[here][0], other[there][0]), min(one[here][1], other[there][1])
        if start < end:
            found.append((start, end))
        if one[here][1] <= other[there][1]:
            here += 1
        else:
            there += 1
    return tuple(found)


def without(one: Spans, other: Spans) -> Spans:
    """What of `one` is not in `other`."""
    found: list[Span] = []
    there = 0
    for start, end in one:
        reached = start
        while there < len(other) and other[there][1] <= reached:
            there += 1
        after = there
        while after < len(other) and other[after][0] < end:
            if reached < other[after][0]:
                found.append((reached, other[after][0]))
            reached = max(reached, other[after][1])
            after += 1
        if reached < end:
            found.append((reached, end))
    return tuple(found)


def length(spans: Iterable[Span]) -> timedelta:
    return sum((end - start for start, end in spans), timedelta())
