"""An event as the log keeps it, in our words."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from tocsin.adapters.opsgenie.reading import CREATE, PING, texts
from tocsin.domain import shape
from tocsin.domain.signal import EventAction, Signal

# P4 and P5 are both “info”: the words are four.
_WORDS: Final = {"P1": "critical", "P2": "error", "P3": "warning", "P4": "info", "P5": "info"}
_DEFAULT: Final = "P3"
_MOST_TAGS: Final = 20
_MOST_RESPONDERS: Final = 50
_LONGEST_NOTE: Final = 25_000
_LONGEST_DESCRIPTION: Final = 15_000
TAG: Final = "tag."  # begins the label that stands for a tag


class _Stored(msgspec.Struct):
    do: str
    alias: str
    body: dict[str, Any] = {}


_stored: Final = msgspec.json.Decoder(_Stored)


def signal_of(payload: bytes) -> Signal:
    kept = shape.read(payload, _stored)
    alias, body = kept.alias, kept.body
    if kept.do == PING:
        return Signal(EventAction.HEARTBEAT, alias)
    if kept.do == CREATE:
        return _created(alias, body)
    if kept.do in {"close", "delete"}:
        return Signal(EventAction.RESOLVE, alias, source=_text(body, "source", 512))
    if kept.do == "acknowledge":
        return Signal(EventAction.ACKNOWLEDGE, alias, source=_text(body, "source", 512))
    if kept.do == "done":  # its note is an event of its own
        return Signal(EventAction.NOTE, alias)
    if kept.do in {"note", "action"}:
        source = _text(body, "source", 512)
        return Signal(EventAction.NOTE, alias, source=source, note=_note(kept.do, body))
    return _changed(kept.do, alias, body)


def _created(alias: str, body: Mapping[str, Any]) -> Signal:
    priority = _priority(body.get("priority"))
    description = _text(body, "description", _LONGEST_DESCRIPTION)
    return Signal(
        EventAction.TRIGGER,
        alias,
        summary=_text(body, "message", 1024).strip(),
        severity=_WORDS[priority],
        source=_text(body, "source", 512),
        labels=shape.labels_of(
            {
                **_flat(body.get("details")),
                "priority": priority,
                "entity": _text(body, "entity", 512),
                **_responders(body),
                **{TAG + tag: "true" for tag in texts(body.get("tags"), _MOST_TAGS, 200)},
            }
        ),
        annotations={"description": description} if description else {},
        details=body,
    )


def _changed(do: str, alias: str, body: Mapping[str, Any]) -> Signal:
    """An empty label is one that is taken away."""
    summary, severity = "", None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    if do == "message":
        summary = _text(body, "message", 1024).strip()
    elif do == "description":
        annotations = {"description": _text(body, "description", _LONGEST_DESCRIPTION)}
    elif do == "priority":
        labels["priority"] = _priority(body.get("priority"))
        severity = _WORDS[labels["priority"]]
    elif do == "add_tags":
        labels = {TAG + tag: "true" for tag in texts(body.get("tags"), _MOST_TAGS, 200)}
    elif do == "add_details":
        labels = shape.labels_of(_flat(body.get("details")))
    else:
        begin = TAG if do == "remove_tags" else ""
        labels = {begin + name: "" for name in texts(body.get("names"), shape.MAX_LABELS, 255)}
    return Signal(
        EventAction.UPDATE, alias, summary=summary, severity=severity, labels=labels, annotations=annotations
    )


def _note(do: str, body: Mapping[str, Any]) -> str:
    said = _text(body, "note", _LONGEST_NOTE).strip()
    if do == "action":
        asked_for = f"The action “{_text(body, 'action', 200)}” was asked for"
        said = f"{asked_for}: {said}" if said else asked_for
    user = _text(body, "user", 100).strip()
    return f"{user}: {said}" if user and said else said


def _priority(given: Any) -> str:
    word = given.strip().upper() if isinstance(given, str) else ""
    return word if word in _WORDS else _DEFAULT


def _flat(given: Any) -> dict[str, str]:
    if not isinstance(given, dict):
        return {}
    return {
        name: value if isinstance(value, str) else msgspec.json.encode(value).decode()
        for name, value in given.items()
        if value is not None
    }


def _responders(body: Mapping[str, Any]) -> dict[str, str]:
    """`responders` names all; `team` the first team, unless the details have a label of that name."""
    found = list(_named(body.get("responders"), "user"))
    found += list(_named(body.get("teams"), "team"))
    found = list(dict.fromkeys(found))[:_MOST_RESPONDERS]
    labels = {"responders": ",".join(f"{kind}:{name}" for kind, name in found)}
    first = next((name for kind, name in found if kind == "team"), "")
    if "team" not in _flat(body.get("details")):
        labels["team"] = first
    return labels


def _named(given: Any, default: str) -> Iterable[tuple[str, str]]:
    for each in given if isinstance(given, list) else ():
        if isinstance(each, dict):
            name = each.get("name") or each.get("username") or each.get("id")
            kind = each.get("type") or default
            if isinstance(name, str) and isinstance(kind, str):
                yield kind, name


def _text(body: Mapping[str, Any], name: str, most: int) -> str:
    given = body.get(name)
    return shape.clean(given, most) if isinstance(given, str) else ""
