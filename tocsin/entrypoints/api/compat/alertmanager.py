"""Alertmanager's API v2 below `/alertmanager/{key}/`: what amtool, karma and Grafana ask. Alerts themselves
come in through the door (`adapters.alertmanager.api`).

All of it is about the integration of the key: its alerts, and the silences that were made here or that hold
one of them. A silence made here carries a matcher for the integration, so that it holds no other's alerts.
Errors are the original's: a JSON string, or `code` and `message`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import wraps
from typing import Any, Final, NamedTuple

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from tocsin.apps.alerts import actions, silenced
from tocsin.apps.alerts.firing import Firing
from tocsin.apps.alerts.firing import firing as firing_of
from tocsin.apps.alerts.types import SilenceFilter, SilenceInfo
from tocsin.apps.integrations import queries as integrations
from tocsin.apps.integrations.types import IntegrationInfo
from tocsin.domain import shape
from tocsin.domain.errors import Conflict, FieldError, Invalid, NotFound, PermissionDenied
from tocsin.domain.pattern import compile_pattern
from tocsin.domain.permissions import Actor, ActorKind, Role
from tocsin.domain.routing import Matcher, parse_matcher
from tocsin.entrypoints.api.compat import alertmanager_shapes as shapes
from tocsin.lib import clock
from tocsin.lib.ratelimit import Buckets

_ASKERS: Final = Buckets(rate=50, burst=300)
_TRUE: Final = frozenset({"true", "1", "yes", "ok", "y", "on", "selected", "checked", "t", "enabled"})
_MOST_SILENCES: Final = 1000
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_GONE: Final = (
    "The Alertmanager v1 API was deprecated in version 0.16.0 and is removed as of version 0.27.0"
    " - please use the equivalent route in the v2 API"
)


class Asking(NamedTuple):
    request: HttpRequest
    way: IntegrationInfo
    actor: Actor
    now: datetime


View = Callable[..., HttpResponse]


def _door(*methods: str) -> Callable[[View], View]:
    """With the integration of the key in place of it."""

    def around(view: View) -> View:
        @csrf_exempt
        @wraps(view)
        def enter(request: HttpRequest, key: str, **rest: str) -> HttpResponse:
            if request.method not in methods:
                answer = _coded(405, f"method {request.method} is not allowed, but [{','.join(methods)}] are")
                answer["Allow"] = ", ".join(methods)
                return answer
            now = clock.now()
            wait = _ASKERS.take(key, clock.monotonic())
            if wait:
                answer = _coded(429, "too many requests")
                answer["Retry-After"] = str(max(1, round(wait)))
                return answer
            way = integrations.by_key(key, now=now)
            if way is None or not way.enabled:
                return _coded(401, "no integration has this key, or it is disabled")
            actor = Actor(ActorKind.TOKEN, f"{way.name} (Alertmanager API)", Role.RESPONDER)
            try:
                return view(Asking(request, way, actor, now), **rest)
            except Invalid as error:
                return _said(400, error.errors[0].message)
            except NotFound as error:
                return _said(404, f"{error.kind} not found")
            except PermissionDenied as error:
                return _said(403, str(error))
            except Conflict as error:
                return _said(400, error.detail)

        return enter

    return around


@_door("GET", "HEAD")
def alerts(asking: Asking) -> HttpResponse:
    return _json([shapes.alert(each, asking.now) for each in _asked(asking)])


@_door("GET", "HEAD")
def groups(asking: Asking) -> HttpResponse:
    return _json(shapes.groups(_asked(asking), asking.now))


@_door("GET", "HEAD", "POST")
def silences(asking: Asking) -> HttpResponse:
    if asking.request.method == "POST":
        return _save(asking)
    scope = shapes.scope_of(asking.way.name)
    matchers = _matchers(asking)
    found = (shapes.silence(each, scope) for each in _silences(asking, scope))
    kept = [each for each in found if all(_says(each, matcher) for matcher in matchers)]
    order = {"active": 0, "pending": 1, "expired": 2}
    return _json(sorted(kept, key=lambda each: (order[each["status"]["state"]], each["endsAt"])))


@_door("GET", "HEAD", "DELETE")
def silence(asking: Asking, uid: str) -> HttpResponse:
    if not _UUID.fullmatch(uid):
        return _coded(422, f'silenceID in path must be of type uuid: "{uid}"', 601)
    scope = shapes.scope_of(asking.way.name)
    found = silenced.silence(uid, actor=asking.actor, now=asking.now)
    if asking.request.method != "DELETE":
        if scope not in found.matchers and all(found.uid != each.uid for each in _silences(asking, scope)):
            raise NotFound("silence", uid)
        return _json(shapes.silence(found, scope))
    _own(found, scope)
    actions.expire_silence(actor=asking.actor, uid=uid, now=asking.now)
    return _empty()


@_door("GET", "HEAD")
def status(asking: Asking) -> HttpResponse:
    return _json(shapes.status(_receivers(asking), asking.way.created_at))


@_door("GET", "HEAD")
def receivers(asking: Asking) -> HttpResponse:
    return _json([{"name": name} for name in _receivers(asking)])


@_door("GET", "HEAD")
def metrics(asking: Asking) -> HttpResponse:
    found = firing_of(asking.way.id, actor=asking.actor)
    held = sum(1 for each in found if each.holds)
    text = shapes.metrics({"active": len(found) - held, "suppressed": held})
    return HttpResponse(text, content_type="text/plain; version=0.0.4; charset=utf-8")


@_door("GET", "HEAD")
def fine(_asking: Asking) -> HttpResponse:
    return HttpResponse("OK", content_type="text/plain; charset=utf-8")


@_door("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
def nowhere(_asking: Asking, rest: str) -> HttpResponse:
    return _coded(404, f"path /api/v2/{rest} was not found")


@csrf_exempt
def version_one(_request: HttpRequest, key: str, rest: str) -> HttpResponse:  # noqa: ARG001 - of the address
    return JsonResponse({"status": "deprecated", "error": _GONE}, status=410)


def _save(asking: Asking) -> HttpResponse:
    scope = shapes.scope_of(asking.way.name)
    try:
        sent = shape.read(asking.request.body, shapes.sent_silence)
    except Invalid as error:
        first = error.errors[0]
        if first.message == "is required":
            field = re.sub(r"\[(\d+)\]", r".\1", first.field)
            return _coded(422, f"{field} in body is required", 602)
        text = f'parsing silence body from "" failed, because {first.field}: {first.message}'
        return _coded(400, text)
    if not sent.matchers:
        return _coded(422, "matchers in body should have at least 1 items", 612)
    spec = shapes.spec_of(sent, scope, asking.now)
    uid = sent.id or ""
    if uid:
        found = silenced.silence(uid, actor=asking.actor, now=asking.now)
        _own(found, scope)
        if shapes.same(found, sent, spec):
            spec = shapes.starting(spec, found.starts_at)
        elif set(found.matchers) != set(spec.matchers) or found.state != "scheduled":
            # As the original does: what it holds, and since when, may not change under one id.
            actions.expire_silence(actor=asking.actor, uid=uid, now=asking.now)
            uid = ""
    saved = actions.save_silence(actor=asking.actor, spec=shapes.named(spec, uid), now=asking.now)
    return _json({"silenceID": saved.uid})


def _own(found: SilenceInfo, scope: str) -> None:
    if scope not in found.matchers:
        raise Invalid(FieldError("id", "this silence was not made by this integration; change it in Tocsin"))


def _says(shown: Mapping[str, Any], matcher: Matcher) -> bool:
    """As the original filters silences: those that have this very matcher."""
    return shapes.matcher(matcher) in shown["matchers"]


def _silences(asking: Asking, scope: str) -> Sequence[SilenceInfo]:
    """Made here, or holding an alert of here."""
    filters = SilenceFilter(state="all")
    found = {
        each.uid: each
        for each in silenced.silences(
            actor=asking.actor, now=asking.now, filters=filters, limit=_MOST_SILENCES
        ).items
    }
    holding = {hold.by for each in firing_of(asking.way.id, actor=asking.actor) for hold in each.holds}
    return [each for each in found.values() if scope in each.matchers or each.uid in holding]


def _asked(asking: Asking) -> list[Firing]:
    given = asking.request.GET
    matchers, wanted = _matchers(asking), given.get("receiver", "")
    try:
        receiver = compile_pattern(wanted) if wanted else None
    except ValueError as error:
        raise Invalid(FieldError("receiver", f"failed to parse receiver param: {error}")) from None
    flags = {name: _flag(given, name) for name in ("active", "silenced", "inhibited")}

    def passes(each: Firing) -> bool:
        kinds = {hold.kind for hold in each.holds}
        return (
            (flags["active"] or bool(kinds))
            and (flags["silenced"] or not kinds & {"silence", "maintenance"})
            and (flags["inhibited"] or "inhibition" not in kinds)
            and (receiver is None or receiver.matches(each.service))
            and all(matcher.matches(each.labels) for matcher in matchers)
        )

    return [each for each in firing_of(asking.way.id, actor=asking.actor) if passes(each)]


def _receivers(asking: Asking) -> list[str]:
    found = {each.service for each in firing_of(asking.way.id, actor=asking.actor)}
    own = asking.way.service or "unrouted"
    return [own, *sorted(found - {own})]


def _matchers(asking: Asking) -> list[Matcher]:
    found = []
    for text in asking.request.GET.getlist("filter"):
        try:
            found.append(parse_matcher(text))
        except ValueError:
            raise Invalid(FieldError("filter", f"bad matcher format: {text[:200]}")) from None
    return found


def _flag(given: Mapping[str, Any], name: str) -> bool:
    text = given.get(name)
    return text is None or str(text).lower() in _TRUE


def _json(value: Any) -> HttpResponse:
    return JsonResponse(value, safe=False, json_dumps_params={"separators": (",", ":")})


def _empty() -> HttpResponse:
    answer = HttpResponse(status=200)
    del answer["Content-Type"]
    return answer


def _said(code: int, text: str) -> HttpResponse:
    return JsonResponse(text, safe=False, status=code)


def _coded(status_code: int, message: str, code: int = 0) -> HttpResponse:
    answer = _json({"code": code or status_code, "message": message})
    answer.status_code = status_code
    return answer
