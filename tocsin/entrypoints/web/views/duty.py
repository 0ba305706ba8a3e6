"""What the pages about being on call share: own shifts, whom one may act for, instants in forms."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import QueryDict

from tocsin.apps.identity import queries as identity
from tocsin.apps.oncall import queries
from tocsin.apps.oncall.types import AbsenceInfo, SwapInfo
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.permissions import Permission, can
from tocsin.domain.schedule import PRIMARY, Origin, Shift
from tocsin.domain.schedule.swapping import SwapState
from tocsin.entrypoints.web import forms
from tocsin.entrypoints.web.reader import Reader

AHEAD = timedelta(weeks=12)
_BEYOND = timedelta(days=31)  # so that the last one has its real end
PENDING = (SwapState.OPEN, SwapState.OFFERED)


@dataclass(frozen=True)
class OwnShift:
    """A shift of one person, with what is known about it: the swap it came by or that is asked for, and
    absences that overlap.
    """

    schedule: str
    role: str
    start: datetime
    end: datetime
    now: bool
    origin: Origin
    swap: SwapInfo | None = None
    away: tuple[AbsenceInfo, ...] = ()

    @property
    def key(self) -> str:
        """As a form sends it back."""
        return f"{self.schedule}|{self.start.isoformat()}|{self.end.isoformat()}"

    @property
    def unusual_role(self) -> str:
        return "" if self.role == PRIMARY else self.role


Stretch = OwnShift | Shift | SwapInfo | AbsenceInfo


def own_shifts(
    email: str,
    at: datetime,
    *,
    ahead: timedelta = AHEAD,
    swaps: Sequence[SwapInfo] = (),
    absences: Sequence[AbsenceInfo] = (),
) -> list[OwnShift]:
    """Those that begin within `ahead` or have begun, by start; turns that follow one another stay apart."""
    return [
        own_shift(name, shift, at, swaps, absences)
        for name, shift in queries.shifts_of(email, at, at + ahead + _BEYOND)
        if shift.start < at + ahead
    ]


def own_shift(
    name: str, shift: Shift, at: datetime, swaps: Sequence[SwapInfo], absences: Sequence[AbsenceInfo]
) -> OwnShift:
    concerned = [
        swap
        for swap in swaps
        if swap.schedule == name and overlap(swap, shift) and concerns(swap, shift.user or "")
    ]
    return OwnShift(
        schedule=name,
        role=shift.role or PRIMARY,
        start=shift.start,
        end=shift.end,
        now=shift.holds(at),
        origin=shift.origin,
        swap=concerned[0] if concerned else None,
        away=tuple(each for each in absences if overlap(each, shift)),
    )


def overlap(one: Stretch, other: Stretch) -> bool:
    return one.start < other.end and other.start < one.end


def concerns(swap: SwapInfo, email: str) -> bool:
    """Whether a shift that `email` has now is one they asked to be relieved of, or took."""
    if swap.state in PENDING:
        return swap.requester == email
    return swap.state is SwapState.TAKEN and swap.taker == email


def manages(reader: Reader) -> bool:
    """Whether to show what is done in somebody else's name; the actions check for whom."""
    if can(reader.actor, Permission.EDIT_TEAM) or reader.actor.administers:
        return True
    return any(
        person is not None and person.email == reader.email
        for team in identity.teams()
        for person in (team.lead, team.manager)
    )


def person_in_charge(reader: Reader, data: QueryDict, field: str) -> str:
    """Whom the form is about: somebody else only where one was chosen."""
    return forms.text(data, field).lower() or reader.email


def instant(text: str, field: str) -> datetime:
    """An instant that a page of ours wrote into a form."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or moment.year not in forms.YEARS:
        raise Invalid(FieldError(field, "Please choose one of the shifts, or give a time."))
    return moment
