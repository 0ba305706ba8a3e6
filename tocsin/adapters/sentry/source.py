"""Sentry: webhooks of an (internal) integration, and the body of the older webhooks plugin.

docs.sentry.io/organization/integrations/integration-platform/webhooks. The resource stands in a header; it
shows in the body just as well, which is all that is stored.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

import msgspec

from tocsin.domain import loose, shape
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.loose import part, text_at
from tocsin.domain.signal import EventAction, Link, Signal
from tocsin.ports.source import Ask, Asked, ConfigField, Envelope, RefusedError, Snippet

_LEVELS: Final = {
    "fatal": "critical",
    "error": "error",
    "warning": "warning",
    "info": "info",
    "debug": "info",
}
_ISSUE_ACTIONS: Final = {
    "created": EventAction.TRIGGER,
    "unresolved": EventAction.TRIGGER,
    "resolved": EventAction.RESOLVE,
    "ignored": EventAction.RESOLVE,
    "archived": EventAction.RESOLVE,
    "assigned": EventAction.NOTE,
}
_METRIC_ACTIONS: Final = {
    "critical": EventAction.TRIGGER,
    "warning": EventAction.TRIGGER,
    "resolved": EventAction.RESOLVE,
}
_ABOUT: Final = ("environment", "release", "server_name", "level", "transaction", "url", "runtime", "handled")


class SentrySource:
    kind = "sentry"
    title = "Sentry"
    snippets: Sequence[Snippet] = (
        Snippet("Settings → Developer Settings → New Internal Integration: Webhook URL", "text", "{url}"),
        Snippet(
            "Its client secret, in this integration's config",
            "yaml",
            "integrations:\n"
            "  - name: sentry\n"
            "    kind: sentry\n"
            "    key: {key}\n"
            "    config: {secret: {env: SENTRY_CLIENT_SECRET}}\n",
        ),
    )

    fields: Sequence[ConfigField] = (
        ConfigField(
            "secret",
            "Client secret",
            "Of Sentry's internal integration. With it, only what Sentry signed is taken.",
            Ask.SECRET,
        ),
    )

    def __init__(self, secret: str = "") -> None:
        self._secret = secret

    def configured(self, config: Mapping[str, Any]) -> Self:
        for name in config:
            if name != "secret":
                raise Invalid(FieldError(name, "is no setting of Sentry; there is only “secret”"))
        secret = config.get("secret", "")
        if not isinstance(secret, str):
            raise Invalid(
                FieldError("secret", "is not text; paste the client secret of Sentry's integration")
            )
        return type(self)(secret.strip())

    def check(self, asked: Asked) -> None:
        if not self._secret:
            return
        given = asked.headers.get("sentry-hook-signature", "")
        made = hmac.new(self._secret.encode(), asked.body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(made.encode(), given.strip().lower().encode("utf-8", "replace")):
            raise RefusedError(
                "Sentry-Hook-Signature is missing or wrong: the secret here must be the client secret of the"
                " integration in Sentry that sends this."
            )

    def envelope(self, body: bytes) -> Sequence[Envelope]:
        given = loose.read_object(body)
        read = _read(given)
        if read is None:
            return []  # installations, and what Sentry will think of next: none of them is an alert
        key = shape.check_dedup_key(read.dedup_key, "data.issue.id")
        return [Envelope(read.action, key, msgspec.json.encode(given), read.severity or "")]

    def parse(self, payload: bytes) -> Signal:
        read = _read(loose.read_object(payload))
        if read is None:
            raise Invalid(FieldError("body", "is no event"))
        return read

    def sample(self, dedup_key: str, *, resolve: bool = False) -> bytes:
        issue = {
            "id": dedup_key,
            "title": "Test event from Tocsin: everything works",
            "level": "warning",
            "project": {"slug": "tocsin-test"},
        }
        return msgspec.json.encode(
            {
                "action": "resolved" if resolve else "created",
                "data": {"issue": issue},
                "actor": {"type": "user"},
            }
        )


def _read(given: dict[str, Any]) -> Signal | None:
    """None for what is no event. Raises `Invalid` for what is nothing of Sentry's."""
    data = given.get("data")
    if isinstance(data, dict) and "action" in given:
        action = loose.text_of(given["action"]).lower()
        if isinstance(data.get("metric_alert"), dict):
            return _metric(given, data, action)
        for name in ("event", "error"):
            if isinstance(data.get(name), dict):
                return _event(given, data[name], data)
        if isinstance(data.get("issue"), dict):
            return _issue(given, data["issue"], action)
        if "comment" in data and "issue_id" in data:
            return _comment(given, data, action)
        return None
    if isinstance(given.get("event"), dict) or ("project" in given and "url" in given):
        return _legacy(given)
    raise Invalid(FieldError("data", "is required: this is no webhook of Sentry's"))


def _issue(given: dict[str, Any], issue: dict[str, Any], action: str) -> Signal | None:
    does = _ISSUE_ACTIONS.get(action)
    if action == "triggered":  # an activity alert
        does = EventAction.TRIGGER
    if does is None:
        return None
    actor = text_at(given, "actor", "name")
    project = part(issue, "project")
    labels = {
        "project": text_at(project, "slug"),
        "platform": text_at(issue, "platform"),
        "level": text_at(issue, "level"),
        "issue": text_at(issue, "shortId"),
        "sentry_priority": text_at(issue, "priority"),
    }
    assigned = text_at(issue, "assignedTo", "name") or text_at(issue, "assignedTo", "email")
    return Signal(
        action=does,
        dedup_key=_key(text_at(issue, "id")),
        summary=shape.clean(text_at(issue, "title") or "Sentry issue", 1024),
        severity=_LEVELS.get(text_at(issue, "level").lower()),
        source=shape.clean(text_at(project, "slug") or "sentry", 512),
        labels=shape.labels_of(labels),
        annotations=_annotations(issue),
        links=_links(("Issue", text_at(issue, "web_url")), ("Issue", text_at(issue, "permalink"))),
        started_at=shape.time_of(text_at(issue, "firstSeen")) if does is EventAction.TRIGGER else None,
        details=given,
        note=_clean_note(f"{actor or 'Sentry'} assigned the issue to {assigned or 'nobody'} in Sentry")
        if does is EventAction.NOTE
        else "",
    )


def _event(given: dict[str, Any], event: dict[str, Any], data: dict[str, Any]) -> Signal:
    tags = _tags(event.get("tags"))
    labels: dict[str, shape.Scalar] = {
        **tags,
        "project": text_at(event, "project_slug") or _project_of(event) or tags.get("project", ""),
        "platform": text_at(event, "platform"),
        "environment": text_at(event, "environment") or tags.get("environment", ""),
        "release": text_at(event, "release") or tags.get("release", ""),
        "rule": text_at(data, "triggered_rule") or text_at(data, "issue_alert", "title"),
    }
    return Signal(
        action=EventAction.TRIGGER,
        dedup_key=_key(text_at(event, "issue_id") or _after(text_at(event, "issue_url"), "/issues/")),
        summary=shape.clean(text_at(event, "title") or text_at(event, "message") or "Sentry event", 1024),
        severity=_LEVELS.get((text_at(event, "level") or tags.get("level", "")).lower()),
        source=shape.clean(_project_of(event) or "sentry", 512),
        labels=shape.labels_of(labels),
        annotations=_annotations(event),
        links=_links(("Event", text_at(event, "web_url"))),
        started_at=shape.time_of(text_at(event, "datetime")),
        details=given,
    )


def _metric(given: dict[str, Any], data: dict[str, Any], action: str) -> Signal | None:
    does = _METRIC_ACTIONS.get(action)
    if does is None:
        return None
    alert = data["metric_alert"]
    rule = part(alert, "alert_rule")
    projects = [text for each in _list(part(alert, "projects")) if (text := loose.text_of(each))]
    title = text_at(data, "description_title") or text_at(alert, "title") or text_at(rule, "name")
    for word in ("Critical: ", "Warning: ", "Resolved: "):
        title = title.removeprefix(word)
    over = does is EventAction.RESOLVE
    return Signal(
        action=does,
        dedup_key=_key(text_at(alert, "id") or text_at(alert, "identifier"), "metric_alert:"),
        summary=shape.clean(title or "Sentry metric alert", 1024),
        severity=None if over else action,
        source=shape.clean(projects[0] if projects else "sentry", 512),
        labels=shape.labels_of(
            {
                "project": ",".join(projects),
                "rule": text_at(rule, "name"),
                "environment": text_at(rule, "environment"),
                "dataset": text_at(rule, "dataset"),
            }
        ),
        annotations=shape.labels_of(
            {
                "description": text_at(data, "description_text").replace("\\n", "\n"),
                "query": text_at(rule, "query"),
                "aggregate": text_at(rule, "aggregate"),
            }
        ),
        links=_links(("Metric alert", text_at(data, "web_url"))),
        started_at=None if over else shape.time_of(text_at(alert, "date_started")),
        ended_at=shape.time_of(text_at(alert, "date_closed")) if over else None,
        details=given,
    )


def _comment(given: dict[str, Any], data: dict[str, Any], action: str) -> Signal | None:
    if action != "created":
        return None
    who = text_at(given, "actor", "name") or "Somebody"
    return Signal(
        action=EventAction.NOTE,
        dedup_key=_key(text_at(data, "issue_id")),
        source="sentry",
        note=_clean_note(f"{who} commented in Sentry: {text_at(data, 'comment')}"),
        details=given,
    )


def _legacy(given: dict[str, Any]) -> Signal:
    event = given.get("event")
    tags = _tags(part(event, "tags"))
    rules = [text for each in _list(given.get("triggering_rules")) if (text := loose.text_of(each))]
    slug = text_at(given, "project_slug") or text_at(given, "project")
    title = text_at(event, "title") or text_at(given, "message") or text_at(given, "culprit")
    return Signal(
        action=EventAction.TRIGGER,
        dedup_key=_key(text_at(given, "id") or text_at(event, "issue_id")),
        summary=shape.clean(title or "Sentry event", 1024),
        severity=_LEVELS.get((text_at(given, "level") or text_at(event, "level")).lower()),
        source=shape.clean(slug or "sentry", 512),
        labels=shape.labels_of({**tags, "project": slug, "rule": ", ".join(rules)}),
        annotations=_annotations(event if isinstance(event, dict) else given),
        links=_links(("Issue", text_at(given, "url"))),
        started_at=shape.time_of(text_at(event, "datetime")),
        details=given,
    )


def _key(identity: str, prefix: str = "") -> str:
    if not identity:
        raise Invalid(FieldError("data", "names no issue: its id is missing"))
    return shape.check_dedup_key(prefix + identity, "data.issue.id")


def _annotations(event: Mapping[str, Any]) -> dict[str, str]:
    return shape.labels_of(
        {
            "culprit": text_at(event, "culprit"),
            "location": text_at(event, "location") or text_at(event, "metadata", "filename"),
            "description": text_at(event, "metadata", "value") or text_at(event, "message"),
            "count": text_at(event, "count"),
            "users": text_at(event, "userCount"),
        }
    )


def _tags(given: Any) -> dict[str, str]:
    """Pairs, or objects with key and value; the ones worth matching on."""
    found: dict[str, str] = {}
    for each in _list(given):
        if isinstance(each, list) and len(each) == 2:  # noqa: PLR2004 - a pair
            name, value = map(loose.text_of, each)
        else:
            name, value = text_at(each, "key"), text_at(each, "value")
        if name:
            found.setdefault(name, value)
    known = {name: found[name] for name in _ABOUT if name in found}
    return {**known, **{name: value for name, value in found.items() if len(value) <= 255}}  # noqa: PLR2004 - what still reads as a label


def _project_of(event: Mapping[str, Any]) -> str:
    """Events carry their project's number; its name stands in the API's address."""
    address = text_at(event, "url")
    words = address.split("/projects/")[-1].split("/") if "/projects/" in address else []
    return words[1] if len(words) > 1 else ""


def _after(text: str, mark: str) -> str:
    return text.split(mark, 1)[1].strip("/").split("/")[0] if mark in text else ""


def _links(*given: tuple[str, str]) -> tuple[Link, ...]:
    found = {href: name for name, href in given if href.startswith(("https://", "http://"))}
    return tuple(Link(shape.clean(href, 2048), name) for href, name in found.items())


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _clean_note(text: str) -> str:
    return shape.clean(text, 4000)
