"""Signed links in messages: one person, one incident, one action. Dead once the incident is over; no login
needed.

A link proves that its holder reads that person's messages. So it acts as that person, on that incident
only, and the page behind it shows nothing else. GET shows, only POST acts: mail scanners follow links.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings

from tocsin.apps.identity.models import User, UserState
from tocsin.apps.incidents import queries
from tocsin.apps.incidents.models import DeadLink, Incident
from tocsin.apps.incidents.types import IncidentDetail
from tocsin.domain.lifecycle import OPEN, Status
from tocsin.domain.permissions import Actor, ActorKind, Role
from tocsin.lib import signing

PURPOSE: Final = "incident-link"
LIVES: Final = timedelta(days=30)
ACTIONS: Final = ("view", "acknowledge", "respond", "seen", "resolve", "escalate", "accept", "decline")


@dataclass(frozen=True)
class LinkTarget:
    actor: Actor
    incident: IncidentDetail
    action: str
    person: str  # a name, for the page


@dataclass(frozen=True)
class DeadTarget:
    """`why` is for the page that says so; `ref` where the link names an incident."""

    why: str
    ref: str = ""


def make(email: str, incident_id: int, action: str, now: datetime) -> str:
    """The token in `/a/<token>`."""
    return signing.sign(PURPOSE, {"u": email, "i": incident_id, "a": action}, now + LIVES)


def url(email: str, incident_id: int, action: str, now: datetime) -> str:
    return f"{settings.TOCSIN.public_url}/a/{make(email, incident_id, action, now)}"


def open(token: str, now: datetime) -> LinkTarget | DeadTarget:  # noqa: A001 - the word for it
    """Who may do what with this link, or why nobody may do anything."""
    try:
        payload = signing.verify(PURPOSE, token, now)
    except signing.BadSignature:
        return DeadTarget("This link is damaged or too old.")
    incident = Incident.objects.filter(pk=payload["i"]).first()
    user = User.objects.filter(email=payload["u"]).exclude(state=UserState.LEFT).first()
    if incident is None or user is None:
        return DeadTarget("What this link was for is gone.")
    if Status(incident.status) not in OPEN:
        return DeadTarget(f"{incident.ref} is {incident.status}, so its links have ended.", incident.ref)
    if DeadLink.objects.filter(digest=_digest(token)).exists():
        return DeadTarget("This link was withdrawn.", incident.ref)
    # Whoever is called may answer, whatever else their role lets them do.
    role = Role(user.role) if user.role != Role.OBSERVER else Role.RESPONDER
    actor = Actor(ActorKind.LINK, str(user), role, user.pk, user.email)
    return LinkTarget(actor, queries.incident(incident.ref, actor=actor), payload["a"], str(user))


def withdraw(token: str, now: datetime) -> None:
    DeadLink.objects.get_or_create(digest=_digest(token), defaults={"at": now})


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
