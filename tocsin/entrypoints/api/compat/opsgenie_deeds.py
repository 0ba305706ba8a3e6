"""What Opsgenie's clients do to an alert that is no event here but a deed on its incident: the closest real
thing, and then a word in the log that it was done.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from tocsin.apps.alerts.types import AlertInfo
from tocsin.apps.incidents import actions
from tocsin.domain import shape
from tocsin.domain.errors import Conflict, FieldError, Invalid, NotFound
from tocsin.domain.escalation.model import Target, TargetKind
from tocsin.domain.permissions import Actor
from tocsin.ports.source import Asked

_any: Final = msgspec.json.Decoder(dict[str, Any])
_NAMES: Final[Mapping[str, str]] = {
    "/snooze": "Snooze",
    "/escalate": "EscalateToNext",
    "/unacknowledge": "UnAcknowledge",
    "/assign": "Assign",
    "/responders": "AddResponder",
    "/teams": "AddTeam",
}
# Our actions' words for a field → the vendor's.
_THEIRS: Final[Mapping[str, str]] = {"until": "endTime", "emails": "owner", "target": "responder"}


def do(actor: Actor, alert: AlertInfo, asked: Asked, rest: str, now: datetime) -> bytes:
    """What the log is to say of it. Raises NotFound for a deed that there is not, and Conflict for an alert
    that nobody is called for.
    """
    if asked.method != "POST" or rest not in _NAMES:
        raise NotFound("deed", f"{asked.method} {rest}"[:100])
    if not alert.incident:
        raise Conflict("This alert has opened no incident, so there is nobody to call.", ())
    body: dict[str, Any] = shape.read(asked.body, _any) if asked.body.strip() else {}
    try:
        _carry_out(actor, alert.incident, rest, body, now)
    except Invalid as error:
        raise Invalid(
            *(FieldError(_THEIRS.get(each.field, each.field), each.message) for each in error.errors)
        ) from None
    words = {name: body[name] for name in ("note", "user", "source") if isinstance(body.get(name), str)}
    said = {**words, "action": "done", "alias": alert.dedup_key, "deed": _NAMES[rest]}
    return json.dumps(said).encode()


def _carry_out(actor: Actor, ref: str, rest: str, body: Mapping[str, Any], now: datetime) -> None:
    if rest == "/snooze":
        until = shape.time_of(body.get("endTime") if isinstance(body.get("endTime"), str) else None)
        if until is None:
            raise Invalid(FieldError("endTime", "expected a time such as 2026-11-23T14:00:00Z"))
        actions.snooze(actor=actor, ref=ref, until=until, now=now)
    elif rest in {"/escalate", "/unacknowledge"}:
        # Taking an acknowledgement back calls on from where the ladder stood.
        actions.escalate(actor=actor, ref=ref, now=now)
    elif rest == "/assign":
        owner = body.get("owner")
        name = _name(owner) if isinstance(owner, dict) else ""
        actions.reassign(actor=actor, ref=ref, emails=[name], now=now)
    else:
        given = body.get("responder" if rest == "/responders" else "team")
        target = _target(given if isinstance(given, dict) else {}, team=rest == "/teams")
        actions.ask_help(actor=actor, ref=ref, target=target, text=_words(body), now=now)


def _target(given: Mapping[str, Any], *, team: bool) -> Target:
    # The vendor's own client leaves the type out; only a user has a user name.
    kind = "team" if team else given.get("type") or ("user" if given.get("username") else None)
    name = _name(given)
    if not name:
        raise Invalid(FieldError("team" if team else "responder", "expected a name or a username"))
    if kind == "user":
        return Target(TargetKind.USER, name.lower())
    if kind == "team":
        return Target(TargetKind.TEAM, name, "members")
    if kind == "schedule":
        return Target(TargetKind.SCHEDULE, name, "current")
    raise Invalid(FieldError("responder.type", "expected user, team or schedule"))


def _name(given: Mapping[str, Any]) -> str:
    found = given.get("username") or given.get("name") or given.get("id")
    return found.replace("\0", "") if isinstance(found, str) else ""


def _words(body: Mapping[str, Any]) -> str:
    said = body.get("note")
    return shape.clean(said, 5000) if isinstance(said, str) else ""
