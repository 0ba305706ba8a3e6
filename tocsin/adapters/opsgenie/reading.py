"""Requests to Opsgenie's Alert and Heartbeat API as events for the log. Only a message is asked for; all that
is too long is cut, and what is odd is left out: an alert is never lost for it (docs.opsgenie.com, 2026).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from tocsin.domain import shape
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.signal import EventAction
from tocsin.lib import ids
from tocsin.ports.source import Asked, Envelope

CREATE: Final = "create"
PING: Final = "ping"
# The path comes decoded, so that an alias may have a slash in it.
_DEED: Final = re.compile(
    r"/v2/alerts/(?P<alias>.+)/(?P<do>close|acknowledge|notes|tags|details|message|description|priority)"
)
_ACTION: Final = re.compile(r"/v2/alerts/(?P<alias>.+)/(?P<do>actions)/(?P<name>[^/]+)")
_ALERT: Final = re.compile(
    r"/v2/alerts/(?P<alias>(?!requests/|saved-searches)(?:(?!/attachments/).)+)(?P<do>)"
)
_PING: Final = re.compile(r"/v2/heartbeats/(?P<name>.+)/ping")
_BY: Final[Mapping[tuple[str, str], str]] = {
    ("POST", "close"): "close",
    ("POST", "acknowledge"): "acknowledge",
    ("POST", "notes"): "note",
    ("POST", "actions"): "action",
    ("POST", "tags"): "add_tags",
    ("DELETE", "tags"): "remove_tags",
    ("POST", "details"): "add_details",
    ("DELETE", "details"): "remove_details",
    ("PUT", "message"): "message",
    ("PUT", "description"): "description",
    ("PUT", "priority"): "priority",
    ("DELETE", ""): "delete",
}
_ACTIONS: Final[Mapping[str, EventAction]] = {
    CREATE: EventAction.TRIGGER,
    "close": EventAction.RESOLVE,
    "delete": EventAction.RESOLVE,
    "acknowledge": EventAction.ACKNOWLEDGE,
    "note": EventAction.NOTE,
    "action": EventAction.NOTE,
    "done": EventAction.NOTE,
    PING: EventAction.HEARTBEAT,
}
_MEANT: Final = frozenset({"message", "description", "priority", "note"})  # the body must say it
_any: Final = msgspec.json.Decoder(dict[str, Any])


def deed_of(method: str, path: str) -> tuple[str, str, str]:
    """What a request to `path` (without a prefix) wants done: the deed, the alias, and the name of an action;
    "" for none of ours.
    """
    path = path.rstrip("/")
    if path == "/v2/alerts":
        return (CREATE if method == "POST" else "", "", "")
    if found := _PING.fullmatch(path):
        return (PING if method in {"GET", "POST", "PUT", "PATCH"} else "", found["name"], "")
    found = _DEED.fullmatch(path) or _ACTION.fullmatch(path) or _ALERT.fullmatch(path)
    if found is None:
        return "", "", ""
    deed = _BY.get((method, found["do"]), "")
    return deed, found["alias"], found["name"] if deed == "action" else ""


def read(asked: Asked, path: str) -> Sequence[Envelope]:
    deed, alias, name = deed_of(asked.method, path)
    if deed == PING:
        return (_envelope(PING, alias[:200], {}),)
    body = _body(asked.body, needed=deed == CREATE)
    if deed == CREATE:
        return _created(body)
    if deed.startswith("remove_"):
        listed = asked.query.get("tags" if deed == "remove_tags" else "keys", "")
        body = {**body, "names": [each.strip() for each in listed.split(",") if each.strip()]}
    if deed == "action":
        body = {**body, "action": name}
    # Without a body, these say who and why in the query.
    body = {**{k: v for k, v in asked.query.items() if k in {"user", "source"}}, **body}
    if deed in _MEANT and not isinstance(body.get(deed), str):
        raise Invalid(FieldError(deed, f"{deed.capitalize()} can not be empty."))
    return changed(deed, alias, body)


def changed(deed: str, alias: str, body: Mapping[str, Any]) -> Sequence[Envelope]:
    if not alias:
        raise Invalid(FieldError("identifier", "Alert identifier can not be empty."))
    found = [_envelope(deed, alias, body)]
    if deed not in {"note", "action"} and _text(body.get("note")):
        found.append(_envelope("note", alias, body))
    return found


def of_body(body: bytes) -> Sequence[Envelope]:
    """A body by itself: one that creates, unless its `action` says what else; “done” says that something was,
    by another way than an event.
    """
    said = _body(body, needed=True)
    deed = said.get("action")
    if isinstance(deed, str) and deed in {"close", "acknowledge", "done"}:
        return changed(str(deed), _text(said.get("alias")), said)
    return _created(said)


def _created(body: Mapping[str, Any]) -> Sequence[Envelope]:
    if not _text(body.get("message")).strip():
        raise Invalid(FieldError("message", "Message can not be empty."))
    alias = _text(body.get("alias")) or ids.new_id()
    found = [_envelope(CREATE, alias, body)]
    if _text(body.get("note")):
        found.append(_envelope("note", alias, {"note": body["note"], "user": body.get("user")}))
    return found


def _envelope(deed: str, alias: str, body: Mapping[str, Any]) -> Envelope:
    alias = shape.clean(alias, shape.MAX_DEDUP_KEY)
    kept = {"do": deed, "alias": alias, "body": body}
    action = _ACTIONS.get(deed, EventAction.UPDATE)
    # Each note and each change says something of its own: they are never folded.
    apart = ids.new_id() if action in {EventAction.NOTE, EventAction.UPDATE} else ""
    return Envelope(action, alias, msgspec.json.encode(kept), apart or _text(body.get("priority")))


def _body(body: bytes, *, needed: bool) -> dict[str, Any]:
    if not body.strip() and not needed:
        return {}
    found: dict[str, Any] = shape.storable(shape.read(body, _any))
    return found


def _text(given: Any) -> str:
    return given if isinstance(given, str) else ""


def texts(given: Any, most: int, longest: int) -> Iterable[str]:
    """Of a list of texts, those that are any."""
    listed = given if isinstance(given, list) else str(given).split(",") if isinstance(given, str) else []
    said = (shape.clean(each.strip(), longest) for each in listed if isinstance(each, str) and each.strip())
    return list(dict.fromkeys(said))[:most]
