"""News between apps: frozen facts, published on `lib.bus` inside the transaction that made them true."""

from dataclasses import dataclass
from datetime import datetime

from tocsin.domain.notification.model import Occasion
from tocsin.domain.permissions import Actor


@dataclass(frozen=True)
class TimelineNews:
    """Something that belongs on an incident's timeline, said by an app below incidents."""

    incident_id: int
    at: datetime
    kind: str
    text: str
    email: str | None = None


@dataclass(frozen=True)
class CallOutAcknowledged:
    """A call-out ended by a person's acknowledgement. `service` tells the service's own call-out from calls
    for help, `label` whom those asked.
    """

    incident_id: int
    at: datetime
    email: str
    service: bool
    label: str = ""


@dataclass(frozen=True)
class CallOutReopened:
    """An acknowledgement ran out (time-out, snooze over, higher severity): the incident is unacknowledged
    again.
    """

    incident_id: int
    at: datetime
    reason: str


@dataclass(frozen=True)
class IncidentChanged:
    """Anything a page that shows the incident would want to know."""

    incident_id: int
    ref: str
    at: datetime
    what: str  # opened|joined|acknowledged|status|severity|timeline|resolved|reopened
    actor: Actor


@dataclass(frozen=True)
class NotificationFailed:
    """Every attempt over one contact method failed; the next method is used early."""

    incident_id: int
    at: datetime
    email: str
    via: str
    detail: str


@dataclass(frozen=True)
class PersonUnreachable:
    """Nothing is left to try for one page: whoever waits for this person should look for another.

    `generation`: the call-out's, when it made the page.
    """

    call_out_id: int
    incident_id: int
    at: datetime
    email: str
    detail: str
    generation: int = 0


@dataclass(frozen=True)
class HelpDeclined:
    """Somebody who was asked to help cannot."""

    incident_id: int
    at: datetime
    email: str
    label: str
    reason: str


@dataclass(frozen=True)
class AdminWord:
    """Something about Tocsin itself that its administrators must be told, by a way other than `avoid`.
    `key` makes it once.
    """

    headline: str
    lines: tuple[str, ...]
    at: datetime
    key: str
    avoid: tuple[str, ...] = ()  # vendors and channel types that are at fault


@dataclass(frozen=True)
class Renamed:
    """Something that others call by its name has another one now: they follow in this transaction."""

    kind: str  # team | service
    old: str
    new: str


@dataclass(frozen=True)
class Going:
    """Something is about to be deleted. Whoever calls it by its name raises Conflict and says where."""

    kind: str  # team | service | schedule
    name: str


@dataclass(frozen=True)
class InvitationMade:
    """Somebody may now set a password; whoever can reach them tells them how."""

    email: str
    at: datetime
    by: str


@dataclass(frozen=True)
class OnCallChanged:
    """Who is on call may be different from `at` on: an override, a swap or an edit took effect."""

    schedules: tuple[str, ...]
    at: datetime


@dataclass(frozen=True)
class ShiftsMoved:
    """An edit gave a person shifts to come, or took some. `gained` and `lost`: (schedule, start, end)."""

    email: str
    gained: tuple[tuple[str, datetime, datetime], ...]
    lost: tuple[tuple[str, datetime, datetime], ...]
    at: datetime
    by: str
    why: str


@dataclass(frozen=True)
class HandedOver:
    """One schedule passed from some people to others at `at`. `began`: when the outgoing shift did."""

    schedule: str
    role: str
    outgoing: tuple[str, ...]
    incoming: tuple[str, ...]
    began: datetime
    at: datetime


@dataclass(frozen=True)
class DutyWord:
    """Something about being on call that a person must be told, page or quiet word. `key` makes it once."""

    email: str
    headline: str
    lines: tuple[str, ...]
    at: datetime
    key: str
    pressing: bool = False  # goes by the rules of high urgency, as a page does
    confirm: int | None = None  # a readiness to confirm: the message carries the button
    before: datetime | None = None  # quiet hours hold it back no longer than this
    occasion: Occasion = Occasion.HANDOFF  # whose rules it goes by
    incidents: tuple[tuple[int, str], ...] = ()  # a button for each: its id, and the label


@dataclass(frozen=True)
class DutySettled:
    """What the word of `key` asked for was done, or is void: no more of it leaves."""

    key: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class Leaving:
    """A person is about to leave. Whoever still counts on them names `replacement` in their place, or raises
    Conflict and says where.
    """

    email: str
    replacement: str | None
    actor: Actor
    at: datetime
