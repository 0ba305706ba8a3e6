"""Alertmanager's API v2 as JSON (its OpenAPI document of 0.27, answers of 0.25), to and from our values."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from tocsin.apps.alerts.firing import Firing
from tocsin.apps.alerts.types import SilenceInfo, SilenceSpec
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.routing import Matcher, Op, parse_matcher

VERSION: Final = "0.27.0"  # whose API this is: tools choose their calls by it
_STATES: Final = {"active": "active", "scheduled": "pending", "expired": "expired"}
_HELD_BY: Final = frozenset({"silence", "maintenance"})
_OPS: Final = {
    (False, True): Op.EQUAL,
    (False, False): Op.NOT_EQUAL,
    (True, True): Op.MATCHES,
    (True, False): Op.MATCHES_NOT,
}
# What an alert that has no end of its own is said to have: it is always some time ahead.
_AHEAD: Final = timedelta(minutes=5)


class SentMatcher(msgspec.Struct, rename="camel"):
    name: str
    value: str
    is_regex: bool
    is_equal: bool = True


class SentSilence(msgspec.Struct, rename="camel"):
    matchers: list[SentMatcher]
    starts_at: datetime
    ends_at: datetime
    created_by: str
    comment: str
    id: str | None = None


sent_silence: Final = msgspec.json.Decoder(SentSilence)


def instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def alert(given: Firing, now: datetime) -> dict[str, Any]:
    silenced = [hold.by for hold in given.holds if hold.kind in _HELD_BY]
    inhibited = [hold.by for hold in given.holds if hold.kind == "inhibition"]
    muted = [hold.kind for hold in given.holds if hold.kind not in {*_HELD_BY, "inhibition"}]
    return {
        "annotations": dict(given.annotations),
        "endsAt": instant(given.expires_at or now + _AHEAD),
        "fingerprint": given.fingerprint,
        "receivers": [{"name": given.service}],
        "startsAt": instant(given.starts_at),
        "status": {
            "inhibitedBy": inhibited,
            "mutedBy": muted,
            "silencedBy": silenced,
            "state": "suppressed" if given.holds else "active",
        },
        "updatedAt": instant(given.updated_at),
        **({"generatorURL": given.url} if given.url else {}),
        "labels": dict(given.labels),
    }


def groups(alerts: Iterable[Firing], now: datetime) -> list[dict[str, Any]]:
    found: dict[tuple[str, str], list[Firing]] = {}
    for each in alerts:
        found.setdefault((each.service, each.group_key), []).append(each)
    return [
        {
            "alerts": [alert(each, now) for each in several],
            "labels": _shared(several) if len(several) > 1 else {"alertname": several[0].labels["alertname"]},
            "receiver": {"name": service},
        }
        for (service, _), several in sorted(found.items())
    ]


def _shared(alerts: Sequence[Firing]) -> dict[str, str]:
    """The labels on which all of a group agree: by what it was grouped is not kept."""
    first, *others = alerts
    return {
        name: value
        for name, value in first.labels.items()
        if all(each.labels.get(name) == value for each in others)
    }


def scope_of(integration: str) -> str:
    """The matcher that keeps a silence made here to this integration's alerts."""
    return str(Matcher("integration", Op.EQUAL, integration))


def silence(given: SilenceInfo, scope: str) -> dict[str, Any]:
    start, end = given.current or (given.starts_at, given.ends_at)
    if given.ended_at is not None:
        end = given.ended_at
    return {
        "id": given.uid,
        "status": {"state": _STATES[given.state]},
        "updatedAt": instant(given.changed_at),
        "comment": given.comment,
        "createdBy": given.author,
        "startsAt": instant(start),
        "endsAt": instant(end),
        "matchers": [matcher(parse_matcher(text)) for text in given.matchers if text != scope],
    }


def matcher(given: Matcher) -> dict[str, Any]:
    return {
        "isEqual": given.op in {Op.EQUAL, Op.MATCHES},
        "isRegex": given.op in {Op.MATCHES, Op.MATCHES_NOT},
        "name": given.name,
        "value": given.value,
    }


def spec_of(sent: SentSilence, scope: str, now: datetime) -> SilenceSpec:
    """Raises Invalid with the original's words."""
    if sent.starts_at.tzinfo is None or sent.ends_at.tzinfo is None:
        raise _wrong("bad request: times need a zone")
    if sent.ends_at <= sent.starts_at:
        raise _wrong("Failed to create silence: start time must be before end time")
    if sent.ends_at < now:
        raise _wrong("Failed to create silence: end time can't be in the past")
    matchers = [_read(each) for each in sent.matchers]
    if all(matcher.matches({}) for matcher in matchers):
        raise _wrong("silence invalid: at least one matcher must not match the empty string")
    return SilenceSpec(
        matchers=(*(str(matcher) for matcher in matchers), scope),
        starts_at=max(sent.starts_at, now),
        ends_at=sent.ends_at,
        comment=sent.comment,
        author=sent.created_by,
    )


def same(found: SilenceInfo, sent: SentSilence, spec: SilenceSpec) -> bool:
    """One that goes on under its id: it has begun, and neither what it holds nor since when is another."""
    return (
        found.state == "active"
        and set(found.matchers) == set(spec.matchers)
        and instant(sent.starts_at.astimezone(UTC)) == instant(found.starts_at)
    )


def named(spec: SilenceSpec, uid: str) -> SilenceSpec:
    return replace(spec, uid=uid)


def starting(spec: SilenceSpec, at: datetime) -> SilenceSpec:
    """What has begun keeps its beginning."""
    return replace(spec, starts_at=at)


def _read(sent: SentMatcher) -> Matcher:
    matcher = Matcher(sent.name, _OPS[sent.is_regex, sent.is_equal], sent.value)
    try:
        return parse_matcher(str(matcher))
    except ValueError as error:
        raise _wrong(f"silence invalid: invalid label matcher {matcher}: {error}") from None


def _wrong(text: str) -> Invalid:
    return Invalid(FieldError("silence", text))


def status(receivers: Sequence[str], since: datetime) -> dict[str, Any]:
    return {
        "cluster": {"peers": [], "status": "disabled"},
        "config": {"original": _config(receivers)},
        "uptime": instant(since),
        "versionInfo": {
            "branch": "tocsin",
            "buildDate": "",
            "buildUser": "",
            "goVersion": "",
            "revision": "",
            "version": VERSION,
        },
    }


def _config(receivers: Sequence[str]) -> str:
    """A file that Alertmanager would take; the routes themselves are Tocsin's."""
    names = [json.dumps(name) for name in receivers]
    lines = ["route:", f"  receiver: {names[0]}", "receivers:", *(f"- name: {name}" for name in names)]
    return "\n".join(lines) + "\n"


def metrics(counts: Mapping[str, int]) -> str:
    lines = ["# TYPE alertmanager_build_info gauge", f'alertmanager_build_info{{version="{VERSION}"}} 1']
    lines.append("# TYPE alertmanager_alerts gauge")
    lines += [f'alertmanager_alerts{{state="{state}"}} {number}' for state, number in counts.items()]
    return "\n".join(lines) + "\n"
