"""Swaps: one person's shifts of a span become another's, once everybody whose word it takes has given it.

A swap is **open** until a colleague takes it. Where that is not the end of it, because the taker asks for
time in return or the schedule wants an approval, it is **offered** until what is missing was given, in any
order. Only a **taken** one puts anybody on call. Until its shift begins the taker can give it back; then it
is open again. One that nobody took in time is **expired**; one that was called off is **cancelled**.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from tocsin.domain.schedule.model import Book, Origin, Override, OverrideKind, Schedule, Shift
from tocsin.domain.schedule.resolver import resolve
from tocsin.domain.schedule.spans import Span, joined

LONGEST: Final = timedelta(days=800)


class SwapState(StrEnum):
    OPEN = "open"
    OFFERED = "offered"
    TAKEN = "taken"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Deed(StrEnum):
    TAKE = "take"
    ACCEPT = "accept"  # what the taker asks for in return
    APPROVE = "approve"
    DECLINE = "decline"
    WITHDRAW = "withdraw"  # the taker takes the word back
    CANCEL = "cancel"


@dataclass(frozen=True)
class Terms:
    """What the rules look at. `unasked`: the taker came forward; nobody had asked."""

    state: SwapState
    requester: str
    start: datetime
    end: datetime
    created_at: datetime
    asked: str | None = None
    taker: str | None = None
    return_start: datetime | None = None
    needs_approval: bool = False
    approved: bool = False
    accepted: bool = False
    unasked: bool = False

    @property
    def lapses_at(self) -> datetime:
        """When it is too late to take it: at its start, or where it was asked in the middle, at its end."""
        return self.start if self.start > self.created_at else self.end

    @property
    def begins_at(self) -> datetime:
        """From when on somebody serves by it, so that it cannot be given back."""
        return min(self.start, self.return_start or self.start)

    @property
    def awaits_requester(self) -> bool:
        return self.return_start is not None and not self.accepted

    @property
    def awaits_approval(self) -> bool:
        return self.needs_approval and not self.approved

    @property
    def agreed(self) -> SwapState:
        """The state of one that has a taker."""
        return SwapState.OFFERED if self.awaits_requester or self.awaits_approval else SwapState.TAKEN


def allowed(terms: Terms, who: str | None, now: datetime, *, manages: bool = False) -> frozenset[Deed]:
    """What `who` may do about it at `now`. `manages`: they may act for anybody, and approve."""
    return frozenset(deed for deed, may in _deeds(terms, who, now, manages=manages).items() if may)


def _deeds(terms: Terms, who: str | None, now: datetime, *, manages: bool) -> dict[Deed, bool]:
    requester, taker = manages or who == terms.requester, manages or who == terms.taker
    in_time = now < terms.lapses_at
    if terms.state is SwapState.OPEN:
        takes = who is not None and who != terms.requester and terms.asked in {None, who}
        declines = terms.asked is not None and (manages or who == terms.asked)
        return {
            Deed.TAKE: in_time and (manages or takes),
            Deed.DECLINE: in_time and declines,
            Deed.CANCEL: requester,
        }
    if terms.state is SwapState.OFFERED:
        accepts, approves = terms.awaits_requester and requester, terms.awaits_approval and manages
        return {
            Deed.ACCEPT: in_time and accepts,
            Deed.APPROVE: in_time and approves,
            Deed.DECLINE: accepts or approves,
            Deed.WITHDRAW: taker,
            Deed.CANCEL: requester,
        }
    if terms.state is SwapState.TAKEN and now < terms.begins_at:
        # What nobody had asked for, the requester may also refuse afterwards.
        unasked = terms.unasked and who == terms.requester
        return {Deed.WITHDRAW: taker, Deed.CANCEL: manages or unasked}
    return {}


def shifts_of(book: Book, schedule: Schedule, who: str, start: datetime, end: datetime) -> list[Shift]:
    """When `who` is on call within [start, end)."""
    return [shift for shift in resolve(book, schedule, start, end) if shift.user == who]


def is_on_call(book: Book, schedule: Schedule, who: str, start: datetime, end: datetime) -> bool:
    return bool(shifts_of(book, schedule, who, start, end))


def overrides_for(
    book: Book, schedule: Schedule, giver: str, taker: str, start: datetime, end: datetime
) -> tuple[Override, ...]:
    """What puts `taker` on call wherever `giver` is within [start, end); nothing where that is nowhere.

    Alone on the span it is one `replace`, which follows the giver's shifts if the rota is edited. Where other
    overrides lie, it is cut to what the giver really has: an override is not overridden again, so the time
    that one of them gave the giver is taken over in that one's own way.
    """
    shifts = shifts_of(book, schedule, giver, start, end)
    if not shifts:
        return ()
    there = [entry for entry in schedule.overrides if entry.start < end and entry.end > start]
    if not there and all(shift.origin is Origin.ROTATION for shift in shifts):
        return (_replace(start, end, giver, taker),)
    by_layers = [shift for shift in shifts if shift.origin is Origin.ROTATION]
    made = [_replace(*span, giver, taker) for span in _times(by_layers)]
    fallback = [shift for shift in shifts if shift.origin is Origin.FALLBACK]
    made += [_plain(*span, taker) for span in _times(fallback)]
    by_overrides = [shift for shift in shifts if shift.origin in {Origin.OVERRIDE, Origin.SWAP}]
    for first, last in _times(by_overrides):
        made += _over(there, giver, taker, first, last)
    return tuple(made)


def _over(
    there: list[Override], giver: str, taker: str, start: datetime, end: datetime
) -> Iterable[Override]:
    """One for each override, in their order, that gave the giver this time."""
    for entry in there:
        first, last = max(start, entry.start), min(end, entry.end)
        if entry.user != giver or first >= last:
            continue
        if entry.kind is OverrideKind.REPLACE:
            yield _replace(first, last, entry.replaces, taker)
        elif entry.kind is OverrideKind.OVERRIDE:
            yield _plain(first, last, taker)


def _times(shifts: list[Shift]) -> tuple[Span, ...]:
    return joined([(shift.start, shift.end) for shift in shifts])


def _replace(start: datetime, end: datetime, replaces: str | None, user: str) -> Override:
    return Override(start, end, OverrideKind.REPLACE, user, replaces, Origin.SWAP)


def _plain(start: datetime, end: datetime, user: str) -> Override:
    return Override(start, end, OverrideKind.OVERRIDE, user, None, Origin.SWAP)
