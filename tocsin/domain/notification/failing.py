"""Which message matters more, and what becomes of one that failed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tocsin.domain.notification.model import MessageKind
from tocsin.domain.severity import Severity, Urgency

_BACKOFF: Final = (2, 5, 10, 20, 30, 60, 120, 300)  # seconds; the last one repeats
PRESSING: Final = timedelta(seconds=60)
_PATIENCE: Final = timedelta(minutes=5)
_LAST: Final = timedelta(hours=1)
_LAST_QUIET: Final = timedelta(days=1)  # nobody says it again, and it is still news
_URGENT_RANK: Final = 2
QUIET_WORDS: Final = frozenset(
    {MessageKind.RESOLVED, MessageKind.JOINED, MessageKind.NOTICE, MessageKind.UPDATE, MessageKind.ADMIN}
)
_QUIET_RANK: Final = 5


def rank(kind: MessageKind, urgency: Urgency, *, first: bool) -> int:
    """What leaves first: high before low, first pages before repeats, quiet words last. Rooms go with the
    repeats: nobody's page waits for them. A code is waited for by somebody who looks at a screen.
    """
    if kind in {MessageKind.ROOM, MessageKind.CODE, MessageKind.ADMIN}:
        first, kind = False, MessageKind.PAGE
    if kind not in {MessageKind.PAGE, MessageKind.STAKEHOLDER}:
        return _QUIET_RANK
    low = 0 if urgency is Urgency.HIGH else 2
    return low + (0 if first else 1)


def pressing(kind: MessageKind, severity: Severity, *, first: bool) -> bool:
    """The first page of a SEV1 or SEV2: it waits for one way at most 60 s."""
    return first and kind is MessageKind.PAGE and severity.rank <= _URGENT_RANK


@dataclass(frozen=True)
class Verdict:
    """After a failed attempt. `retry_at` None: this way is given up.

    `promote`: the person's next message is due now. `unreachable`: there is none, and the ladder should know.
    """

    retry_at: datetime | None
    promote: bool
    unreachable: bool


def after_failure(
    *,
    attempts: int,
    wanted_at: datetime,
    now: datetime,
    hurry: bool,
    others: bool,
    permanent: bool,
    retry_after: timedelta | None = None,
    quiet: bool = False,
    theirs: bool = True,
) -> Verdict:
    """`attempts` includes the failed one, `wanted_at` is when it was first due, `others`: more messages are
    planned, `quiet`: a word rather than a page, `theirs`: the message is at fault, not the vendor or the net.
    """
    if permanent:
        return Verdict(None, promote=others, unreachable=not others)
    patience = PRESSING if hurry else _PATIENCE
    pause = timedelta(seconds=_BACKOFF[min(attempts, len(_BACKOFF)) - 1])
    at = now + max(pause, retry_after or timedelta(0))
    spent = at - wanted_at > patience
    if not spent:
        # Where a vendor is down, what presses goes another way at once, and is tried here all the same.
        aside = hurry and others and not theirs and attempts == 1
        return Verdict(at, promote=aside, unreachable=False)
    if others:
        return Verdict(None, promote=True, unreachable=False)
    # Better late than never: the only way is tried on, while the ladder looks for somebody else.
    last = at - wanted_at > (_LAST_QUIET if quiet else _LAST)
    return Verdict(None if last else at, promote=False, unreachable=True)
