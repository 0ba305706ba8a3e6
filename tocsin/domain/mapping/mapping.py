"""From one message to its events, by a definition."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tocsin.domain import shape
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.mapping import expressions, functions
from tocsin.domain.mapping.expressions import Scene
from tocsin.domain.mapping.model import EVERY, Definition, Texts
from tocsin.domain.mapping.seen import seen
from tocsin.domain.signal import EventAction, Image, Link, Signal

MOST_EVENTS: Final = 1000
IGNORE: Final = "ignore"
ACTIONS: Final = (*(str(action) for action in EventAction), IGNORE)
_MOST_LINKS: Final = 20
_BESIDE: Final = 8192  # characters of what stands beside a list that are kept with each of its events
_CUT_KEY: Final = 440


@dataclass(frozen=True)
class Problem:
    """`field` as in the definition: `labels.host`."""

    field: str
    text: str
    expression: str = ""


@dataclass(frozen=True)
class Said:
    """What decides over one event: what it does, to what, how badly. `action` "ignore": it is no event."""

    action: str
    dedup_key: str
    severity: str | None


@dataclass(frozen=True)
class Mapped:
    signal: Signal
    problems: tuple[Problem, ...] = ()


def events_of(definition: Definition, message: Any) -> Sequence[tuple[Any, Any]]:
    """(event, what stands beside it) for every event of a message. Raises Invalid."""
    if not definition.events:
        if not isinstance(message, list):
            return [(message, None)]
        found: Any = message
        beside: dict[str, Any] = {}
    else:
        found = message
        for step in definition.events.split(".")[1:]:
            found = found.get(step) if isinstance(found, Mapping) else None
        if not isinstance(found, list):
            raise Invalid(FieldError(definition.events.removeprefix("payload."), "expected a list of events"))
        beside = _beside(message, found)
    if not 1 <= len(found) <= MOST_EVENTS:
        where = definition.events.removeprefix("payload.") or "body"
        raise Invalid(FieldError(where, f"holds {len(found)} events; expected 1 to {MOST_EVENTS}"))
    return [(event, beside) for event in found]


def _beside(message: Any, events: Any) -> dict[str, Any]:
    """The message without its list of events and without what is long, for it is kept with each of them."""
    kept, room = {}, _BESIDE
    for name, value in message.items():
        size = len(functions.text_of(value)) + len(str(name))
        if value is not events and size <= room:
            kept[name] = value
            room -= size
    return kept


def scene_of(
    definition: Definition, event: Any, beside: Any, headers: Mapping[str, str], options: Mapping[str, Any]
) -> Scene:
    """`beside` None: the event is the whole message."""
    shown = seen(event)
    known = {
        **definition.options,
        **{name: value for name, value in options.items() if name in definition.options},
    }
    values = {
        "event": shown,
        "payload": shown if beside is None else seen(beside),
        "headers": {name: seen(headers.get(name)) for name in definition.headers if headers.get(name)},
        "options": {name: functions.text_of(value) for name, value in known.items()},
    }
    return Scene(values)


def said(definition: Definition, scene: Scene) -> Said:
    """Raises Invalid when it cannot be told what an event does, or to what."""
    problems: list[Problem] = []
    word = _word(definition, "action", scene, problems) or "trigger"
    if word not in ACTIONS:
        raise Invalid(FieldError("action", f"finds “{word[:100]}”; expected one of: {', '.join(ACTIONS)}"))
    if word == IGNORE:
        return Said(IGNORE, "", None)
    if any(problem.field == "action" for problem in problems):
        raise Invalid(_error(problems[0]))
    key = functions.text_of(_find(definition.fields.get("dedup_key", ()), "dedup_key", scene, problems))
    key = key.replace("\0", "").strip()
    if not key:
        failed = [problem for problem in problems if problem.field == "dedup_key"]
        looked = ", ".join(definition.fields.get("dedup_key", ()))[:200]
        raise Invalid(_error(failed[0]) if failed else FieldError("dedup_key", f"finds nothing at {looked}"))
    severity = _word(definition, "severity", scene, problems)
    return Said(word, _fitting(key), shape.clean(severity, 64) if severity else None)


def signal_of(definition: Definition, scene: Scene) -> Mapped:
    """Raises Invalid, as `said` does, and when the event is to be ignored."""
    decided = said(definition, scene)
    if decided.action == IGNORE:
        raise Invalid(FieldError("action", "this is to be ignored"))
    problems: list[Problem] = []

    def text(name: str, limit: int) -> str:
        found = _find(definition.fields.get(name, ()), name, scene, problems)
        return shape.clean(functions.text_of(found).strip(), limit)

    summary = text("summary", 1024)
    if not summary and decided.action in {EventAction.TRIGGER, EventAction.CHANGE}:
        summary = shape.clean(decided.dedup_key, 1024)
    details = _find(definition.fields.get("details", ("event",)), "details", scene, problems)
    made = Signal(
        action=EventAction(decided.action),
        dedup_key=decided.dedup_key,
        summary=summary,
        severity=decided.severity,
        source=text("source", 512),
        labels=_named(definition.labels, "labels", scene, problems),
        annotations=_named(definition.annotations, "annotations", scene, problems),
        links=_links(definition, scene, problems),
        images=_images(definition, scene, problems),
        group_key=text("group_key", 4096),
        started_at=_time(definition, "started_at", scene, problems),
        ended_at=_time(definition, "ended_at", scene, problems),
        details=details if isinstance(details, dict) else {"value": details} if details is not None else {},
        note=text("note", 4096),
    )
    return Mapped(made, tuple(problems))


def _find(texts: Texts, field: str, scene: Scene, problems: list[Problem]) -> Any:
    value, failed = expressions.find(texts, scene)
    problems.extend(Problem(field, problem, text) for text, problem in failed)
    return value


def _word(definition: Definition, field: str, scene: Scene, problems: list[Problem]) -> str:
    found = functions.text_of(_find(definition.fields.get(field, ()), field, scene, problems)).strip()
    table = definition.tables.get(field, {})
    if not found and "*" not in table:
        return ""
    there = table.get(found, table.get(found.lower(), table.get("*")))
    return found if there is None else there


def _time(definition: Definition, field: str, scene: Scene, problems: list[Problem]) -> datetime | None:
    found = _find(definition.fields.get(field, ()), field, scene, problems)
    return None if found is None else functions.moment(found)


def _named(rules: Mapping[str, Texts], kind: str, scene: Scene, problems: list[Problem]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, texts in rules.items():
        if name != EVERY:
            found[name] = functions.text_of(_find(texts, f"{kind}.{name}", scene, problems))
            continue
        for text in texts:  # of those that give many, all count
            many = _find((text,), f"{kind}.{name}", scene, problems)
            for each, value in functions.flat(many).items():
                found.setdefault(each, value)
    return shape.labels_of(found)


def _links(definition: Definition, scene: Scene, problems: list[Problem]) -> tuple[Link, ...]:
    found = []
    for number, rule in enumerate(definition.links):
        href = _address(rule.href, f"links[{number}].href", scene, problems)
        if href:
            found.append(Link(href, rule.text))
    return tuple(found[:_MOST_LINKS])


def _images(definition: Definition, scene: Scene, problems: list[Problem]) -> tuple[Image, ...]:
    found = []
    for number, rule in enumerate(definition.images):
        src = _address(rule.src, f"images[{number}].src", scene, problems)
        if src:
            href = _address(rule.href, f"images[{number}].href", scene, problems) if rule.href else ""
            found.append(Image(src, href, rule.alt))
    return tuple(found[:_MOST_LINKS])


def _address(text: str, field: str, scene: Scene, problems: list[Problem]) -> str:
    found = functions.text_of(_find((text,), field, scene, problems)).strip()
    return shape.clean(found, 2048) if found.startswith(("http://", "https://")) else ""


def _fitting(key: str) -> str:
    """A key that is too long is shortened so that it stays its own."""
    if len(key) <= shape.MAX_DEDUP_KEY:
        return key
    return f"{key[:_CUT_KEY]}…{hashlib.sha256(key.encode()).hexdigest()}"


def _error(problem: Problem) -> FieldError:
    return FieldError(problem.field, f"{problem.text}: {problem.expression[:200]}")
