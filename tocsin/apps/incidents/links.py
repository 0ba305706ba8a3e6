"""Signed links in messages: one person, one incident, one action. Dead once the incident is over; no login
needed. Two kinds are wider: "acknowledge all" is for exactly the incidents that a message listed, and the
link out of updates for what its person follows.

A link proves that its holder reads that person's messages. So it acts as that person, on that incident
only, and the page behind it shows nothing else. GET shows, only POST acts: mail scanners follow links.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any, Final

from django.conf import settings

from tocsin.apps.identity.models import User, UserState
from tocsin.apps.incidents import queries
from tocsin.apps.incidents.models import DeadLink, Incident
from tocsin.apps.incidents.types import IncidentDetail, IncidentRow
from tocsin.domain.lifecycle import OPEN, Status
from tocsin.domain.permissions import Actor, ActorKind, Role
from tocsin.lib import signing

PURPOSE: Final = "incident-link"
PURPOSE_ALL: Final = "incidents-link"
PURPOSE_FOLLOWING: Final = "following-link"
LIVES: Final = timedelta(days=30)
_LONGEST_TOKEN: Final = 2000  # mail programs and proxies take this much of an address
ACTIONS: Final = ("view", "acknowledge", "respond", "seen", "resolve", "escalate", "accept", "decline")


@dataclass(frozen=True)
class LinkTarget:
    actor: Actor
    incident: IncidentDetail
    action: str
    person: str  # a name, for the page


@dataclass(frozen=True)
class AllTarget:
    """`incidents`: those that the message listed, as they are now, in its order."""

    actor: Actor
    incidents: tuple[IncidentRow, ...]
    person: str


@dataclass(frozen=True)
class FollowingTarget:
    actor: Actor
    person: str


@dataclass(frozen=True)
class DeadTarget:
    """`why` is for the page that says so; `ref` where the link names an incident."""

    why: str
    ref: str = ""


_DAMAGED: Final = DeadTarget("This link is damaged or too old.")
_GONE: Final = DeadTarget("What this link was for is gone.")


def make(email: str, incident_id: int, action: str, now: datetime) -> str:
    """The token in `/a/<token>`."""
    return signing.sign(PURPOSE, {"u": email, "i": incident_id, "a": action}, now + LIVES)


def url(email: str, incident_id: int, action: str, now: datetime) -> str:
    return f"{settings.TOCSIN.public_url}/a/{make(email, incident_id, action, now)}"


def url_of_all(email: str, incident_ids: Iterable[int], now: datetime) -> str:
    """Acknowledges all of these and no other; "" for more than an address can name."""
    payload = {"u": email, "i": _steps(list(dict.fromkeys(incident_ids)))}
    token = signing.sign(PURPOSE_ALL, payload, now + LIVES)
    return f"{settings.TOCSIN.public_url}/a/all/{token}" if len(token) <= _LONGEST_TOKEN else ""


def url_of_following(email: str, now: datetime) -> str:
    """Where a person ends the updates they get."""
    token = signing.sign(PURPOSE_FOLLOWING, {"u": email}, now + LIVES)
    return f"{settings.TOCSIN.public_url}/a/following/{token}"


def open_all(token: str, now: datetime) -> AllTarget | DeadTarget:
    payload = _payload(PURPOSE_ALL, token, now)
    user = _user(payload)
    if payload is None or user is None:
        return _GONE if payload else _DAMAGED
    return AllTarget(_actor(user), queries.rows_of(_numbers(payload["i"])), str(user))


def open_following(token: str, now: datetime) -> FollowingTarget | DeadTarget:
    payload = _payload(PURPOSE_FOLLOWING, token, now)
    user = _user(payload)
    if user is None:
        return _GONE if payload else _DAMAGED
    return FollowingTarget(_actor(user), str(user))


def open(token: str, now: datetime) -> LinkTarget | DeadTarget:  # noqa: A001 - the word for it
    """Who may do what with this link, or why nobody may do anything."""
    payload = _payload(PURPOSE, token, now)
    if payload is None:
        return _DAMAGED
    incident, user = Incident.objects.filter(pk=payload["i"]).first(), _user(payload)
    if incident is None or user is None:
        return _GONE
    if Status(incident.status) not in OPEN:
        return DeadTarget(f"{incident.ref} is {incident.status}, so its links have ended.", incident.ref)
    if DeadLink.objects.filter(digest=_digest(token)).exists():
        return DeadTarget("This link was withdrawn.", incident.ref)
    actor = _actor(user)
    return LinkTarget(actor, queries.incident(incident.ref, actor=actor), payload["a"], str(user))


def withdraw(token: str, now: datetime) -> None:
    DeadLink.objects.get_or_create(digest=_digest(token), defaults={"at": now})


def _payload(purpose: str, token: str, now: datetime) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = signing.verify(purpose, token, now)
    except signing.BadSignature:
        return None
    return found


def _user(payload: dict[str, Any] | None) -> User | None:
    if payload is None:
        return None
    return User.objects.filter(email=payload["u"]).exclude(state=UserState.LEFT).first()


def _actor(user: User) -> Actor:
    # Whoever is called may answer, whatever else their role lets them do.
    role = Role(user.role) if user.role != Role.OBSERVER else Role.RESPONDER
    return Actor(ActorKind.LINK, str(user), role, user.pk, user.email)


def _steps(numbers: list[int]) -> list[int]:
    """Each as its distance from the one before: short, as they lie close together."""
    return [number - before for before, number in zip([0, *numbers], numbers, strict=False)]


def _numbers(steps: Iterable[int]) -> list[int]:
    return list(accumulate(steps))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
