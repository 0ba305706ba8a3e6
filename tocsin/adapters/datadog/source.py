"""Datadog's webhook: one event of a monitor, a security signal or an incident, by whatever template."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from tocsin.adapters.datadog import links, template
from tocsin.domain import loose, shape
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.signal import EventAction, Signal
from tocsin.ports.source import Envelope, Snippet

_RECOVERED: Final = frozenset({"recovered", "resolved", "ok", "completed"})
_NO_DATA: Final = frozenset({"no data", "re-no data"})
_WARN: Final = frozenset({"warn", "re-warn", "warning"})
_TRANSITION: Final = re.compile(
    r"(?P<what>re-?triggered|triggered|re-?no data|no data|re-?warn|warn(?:ing)?|recovered|resolved|renotify)"
    r"\b(?: on \{(?P<scope>[^}]*)\})?",
    re.IGNORECASE,
)
_BRACKET: Final = re.compile(r"\s*\[(?P<said>[^\[\]]*)\]\s*")
_PRIORITY: Final = re.compile(r"p?([1-5])", re.IGNORECASE)
_PRIORITIES: Final = {"1": "critical", "2": "error", "3": "warning", "4": "info", "5": "info"}
_TYPES: Final = {"error": "error", "warning": "warning", "info": "info", "success": "info"}
_NAMES: Final = re.compile(r"[^\w.:/-]+")
_LONG_MS: Final = 100_000_000_000  # more than that is milliseconds

# What kind of monitor speaks, by its event's type or by its query; the first that fits.
_KINDS: Final = (
    ("error_tracking", re.compile(r"error[-_]tracking", re.IGNORECASE)),
    ("synthetics", re.compile(r"synthetics", re.IGNORECASE)),
    ("watchdog", re.compile(r"watchdog", re.IGNORECASE)),
    ("apm", re.compile(r"trace[-_]analytics|\btrace\.[\w.]+", re.IGNORECASE)),
    ("logs", re.compile(r"\blog_alert|\blogs\(", re.IGNORECASE)),
    ("security", re.compile(r"security", re.IGNORECASE)),
    ("rum", re.compile(r"\brum(_alert|\()", re.IGNORECASE)),
    ("slo", re.compile(r"slo_alert|\b(error_budget|burn_rate)\(", re.IGNORECASE)),
    ("ci", re.compile(r"\bci[-_](pipelines|tests)", re.IGNORECASE)),
    ("service_check", re.compile(r"service_check", re.IGNORECASE)),
    ("process", re.compile(r"process_alert|\bprocesses\(", re.IGNORECASE)),
    ("composite", re.compile(r"composite", re.IGNORECASE)),
    ("event", re.compile(r"event(_v2)?_alert|\bevents\(", re.IGNORECASE)),
)


class DatadogSource:
    kind = "datadog"
    title = "Datadog"
    snippets: Sequence[Snippet] = (
        Snippet(
            "By itself: creates or updates the webhook by Datadog's API",
            "shell",
            "tocsin datadog setup --url '{url}'",
        ),
        Snippet("Integrations → Webhooks → New: URL", "text", "{url}"),
        Snippet("Payload", "json", template.text()),
        Snippet("In each monitor's message", "text", "@webhook-tocsin"),
    )

    def envelope(self, body: bytes) -> Sequence[Envelope]:
        given = _read(body)
        said = template.fields(given)
        if not said:
            raise Invalid(
                FieldError(
                    "body", "holds none of the fields that Datadog's variables fill; paste our template"
                )
            )
        action, severity = _action(said), _severity(said)
        key = _dedup_key(said)
        return [Envelope(action, key, msgspec.json.encode(given), severity or "")]

    def parse(self, payload: bytes) -> Signal:
        given = loose.read_object(payload)
        said = template.fields(given)
        at = _moment(said.get("date_ms", ""))
        action = _action(said)
        labels = shape.labels_of(_labels(said))
        message = said.get("message", "")
        return Signal(
            action=action,
            dedup_key=_dedup_key(said),
            summary=shape.clean(_summary(said), 1024),
            severity=_severity(said),
            source=shape.clean(said.get("hostname", "") or said.get("org_name", "") or "Datadog", 512),
            labels=labels,
            annotations=_annotations(said, message),
            links=links.of(said, message, labels, at),
            images=links.image(said),
            started_at=at if action is EventAction.TRIGGER else None,
            ended_at=at if action is EventAction.RESOLVE else None,
            details=given,
        )

    def sample(self, dedup_key: str, *, resolve: bool = False) -> bytes:
        return msgspec.json.encode(
            {
                "schema": template.SCHEMA,
                "dedup_key": dedup_key,
                "transition": "Recovered" if resolve else "Triggered",
                "alert_type": "success" if resolve else "warning",
                "priority": "P3",
                "title": f"[P3] [{'Recovered' if resolve else 'Triggered'}] "
                "Test event from Tocsin: everything works",
                "tags": "test:true",
            }
        )


def _read(body: bytes) -> dict[str, Any]:
    """Datadog can also be told to encode the payload as a form."""
    if body[:1].isalpha() and b"=" in body:
        try:
            pairs = parse_qsl(body.decode(), strict_parsing=True, max_num_fields=200)
        except ValueError:  # also of the decoding
            raise Invalid(FieldError("body", "is neither JSON nor a form")) from None
        form: dict[str, Any] = dict(pairs)
        if set(form) == {"payload"}:
            return loose.read_object(form["payload"].encode("utf-8", "replace"))
        return form
    return loose.read_object(body)


def _action(said: Mapping[str, str]) -> EventAction:
    if said.get("incident_id"):
        over = said.get("incident_status", "").lower() in _RECOVERED
        return EventAction.RESOLVE if over else EventAction.TRIGGER
    transition = _transition(said)
    if transition:
        return EventAction.RESOLVE if transition in _RECOVERED else EventAction.TRIGGER
    return EventAction.RESOLVE if said.get("alert_type", "").lower() == "success" else EventAction.TRIGGER


def _transition(said: Mapping[str, str]) -> str:
    """In lower case; from the title where the template does not send it: “[Recovered on {host:db1}] …”."""
    given = said.get("transition", "").lower()
    if given:
        return given
    for each in _brackets(said.get("title", ""))[0]:
        found = _TRANSITION.match(each)
        if found:
            return found["what"].lower()
    return ""


def _brackets(title: str) -> tuple[list[str], str]:
    """What the title's leading brackets say, and the rest: “[P1] [Triggered on {…}] Rest”."""
    said: list[str] = []
    at = 0
    while (found := _BRACKET.match(title, at)) is not None:
        word = found["said"].strip()
        if not (_TRANSITION.match(word) or _PRIORITY.fullmatch(word)):
            break
        said.append(word)
        at = found.end()
    return said, title[at:].strip()


def _summary(said: Mapping[str, str]) -> str:
    if said.get("incident_id"):
        return f"{said.get('incident_title') or 'Datadog incident'} ({said['incident_id']})"
    title = _brackets(said.get("title", ""))[1]
    name = title or said.get("security_rule") or said.get("synthetics_test") or said.get("status")
    name = (
        name or (said.get("message", "").splitlines() or [""])[0] or f"Monitor {said.get('monitor_id', '')}"
    )
    return f"No data: {name}" if _transition(said) in _NO_DATA else name


def _dedup_key(said: Mapping[str, str]) -> str:
    if said.get("incident_id"):
        key = f"incident:{said['incident_id']}"
    elif said.get("dedup_key"):
        key = said["dedup_key"]
    elif said.get("monitor_id"):
        key = f"{said['monitor_id']}:{','.join(sorted(_tags(said.get('scope', ''))))}".rstrip(":")
    elif said.get("security_signal_id"):
        key = f"signal:{said['security_signal_id']}"
    else:  # the vendor's default body names its monitor in the title only
        words, rest = _brackets(said.get("title", ""))
        scopes = [found["scope"] or "" for each in words if (found := _TRANSITION.match(each))]
        key = f"{rest} {' '.join(scopes)}".strip() or said.get("event_id", "") or "datadog"
    if len(key) > shape.MAX_DEDUP_KEY:
        key = hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
    return key.replace("\0", "") or "datadog"


def _severity(said: Mapping[str, str]) -> str | None:
    """No Data and Warn are warnings whatever the monitor's priority; the priority goes before the type of
    alert, which is the same for all that trigger.
    """
    if said.get("incident_severity") and said.get("incident_id"):
        return shape.clean(said["incident_severity"].replace("-", "").upper(), 64)
    transition = _transition(said)
    found = _PRIORITY.fullmatch(said.get("priority", "")) or next(
        (m for each in _brackets(said.get("title", ""))[0] if (m := _PRIORITY.fullmatch(each))), None
    )
    ranked = _PRIORITIES[found[1]] if found else ""
    if transition in _NO_DATA | _WARN:
        return "info" if ranked == "info" and transition in _WARN else "warning"
    signal = said.get("security_severity", "").lower()
    if signal:
        return {"high": "error", "medium": "warning", "low": "info"}.get(signal, shape.clean(signal, 64))
    given = said.get("priority", "").lower()  # other templates' `severity` may be a word
    if not ranked and given in {"critical", "error", "warning", "info"}:
        return given
    if transition in _RECOVERED and not ranked:
        return None
    return ranked or _TYPES.get(said.get("alert_type", "").lower())


def _labels(said: Mapping[str, str]) -> dict[str, shape.Scalar]:
    """Tags are labels; of a key that stands there several times, the values are joined."""
    tags: dict[str, list[str]] = {}
    for tag in (*_tags(said.get("tags", "")), *_tags(said.get("scope", ""))):
        name, colon, value = tag.partition(":")
        name = _NAMES.sub("_", name.strip())
        if name and colon and value and value not in tags.setdefault(name, []):
            tags[name].append(value)
    labels: dict[str, shape.Scalar] = {}
    for name in ("service", "env", "version", "team"):
        labels[name] = said.get(name, "")
    labels |= {
        "host": said.get("hostname", ""),
        "monitor_id": said.get("monitor_id", ""),
        "priority": said.get("priority", "").upper() if _PRIORITY.fullmatch(said.get("priority", "")) else "",
        "metric": said.get("metric", ""),
        "alert_kind": _kind(said),
    }
    for name, values in tags.items():
        labels[name] = labels.get(name) or ",".join(values)
    return {name: value for name, value in labels.items() if value}


def _kind(said: Mapping[str, str]) -> str:
    if _transition(said) in _NO_DATA:
        return "no_data"
    if said.get("incident_id"):
        return "incident"
    if said.get("security_signal_id"):
        return "security"
    if said.get("synthetics_test"):
        return "synthetics"
    asked = " ".join(said.get(name, "") for name in ("event_type", "query", "metric"))
    title = said.get("title", "")
    found = next((kind for kind, words in _KINDS if words.search(asked)), "")
    return found or ("watchdog" if re.search(r"\bwatchdog\b", title, re.IGNORECASE) else "metric")


def _tags(text: str) -> list[str]:
    return [tag for each in text.split(",") if (tag := each.strip())]


def _annotations(said: Mapping[str, str], message: str) -> dict[str, str]:
    given: dict[str, shape.Scalar] = {
        "description": message.strip("% \n"),
        "query": said.get("query"),
        "status": said.get("status"),
        "scope": said.get("scope"),
        "cycle_key": said.get("cycle_key"),
        "logs_sample": said.get("logs_sample"),
        "failing_step": said.get("synthetics_step"),
        "synthetics_summary": said.get("synthetics_summary"),
        "security_rule": said.get("security_rule"),
        "runbook_url": links.runbook(message),
    }
    return shape.labels_of(given)


def _moment(text: str) -> datetime | None:
    """Milliseconds or seconds since 1970, or ISO 8601."""
    try:
        number = float(text)
    except ValueError:
        return shape.time_of(text)
    try:
        moment = datetime.fromtimestamp(number / 1000 if number > _LONG_MS else number, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if 1970 < moment.year <= 9000 else None  # noqa: PLR2004 - years that every store can hold
