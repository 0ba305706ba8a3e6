"""The part of Opsgenie's API that reads, or has to find an alert by its id before it can write. What brings
an event is answered by the door; what is written here goes the same way, into the log.

A key sees the alerts and heartbeats of its own integration.
"""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.core.exceptions import RequestDataTooBig
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from tocsin.apps.alerts import asked as alerts
from tocsin.apps.alerts.types import AlertInfo
from tocsin.apps.incidents import queries as incidents
from tocsin.apps.incidents.types import IncidentRow
from tocsin.apps.integrations import queries as integrations
from tocsin.apps.integrations import receipts
from tocsin.apps.integrations.types import IntegrationInfo
from tocsin.domain.errors import Conflict, FieldError, Invalid, NotFound, PermissionDenied
from tocsin.domain.permissions import Actor, ActorKind, Role
from tocsin.entrypoints.api.compat import opsgenie_deeds, opsgenie_heartbeats, opsgenie_shapes
from tocsin.entrypoints.api.compat.opsgenie_query import terms_of
from tocsin.lib import clock, ids
from tocsin.lib.ratelimit import Buckets
from tocsin.ports import registry
from tocsin.ports.source import Asked, CompatibleSource

log = logging.getLogger(__name__)

KIND: Final = "opsgenie"
_ASKERS = Buckets(rate=50, burst=300)
_PREFIX: Final = "/opsgenie"
_MOST: Final = 100
_ORDERS: Final[Mapping[str, str]] = {
    "createdat": "first_seen_at",
    "updatedat": "last_seen_at",
    "lastoccurredat": "last_seen_at",
    "message": "summary",
    "alias": "dedup_key",
    "status": "status",
    "source": "source",
    "count": "count",
    "tinyid": "pk",
}
_REQUEST: Final = re.compile(r"/v2/alerts/requests/(?P<id>[^/]+)")
_PARTS: Final = re.compile(r"/v2/alerts/(?P<id>.+)/(?P<part>notes|logs|recipients|attachments)")
_ONE: Final = re.compile(r"/v2/alerts/(?P<id>.+)")
_WRITE: Final = re.compile(
    r"/v2/alerts/(?P<id>.+?)(?P<rest>/(?:close|acknowledge|unacknowledge|notes|tags|details|message|description"
    r"|priority|snooze|escalate|assign|responders|teams|actions/[^/]+))?"
)
# What there is no place for, and what to do instead.
_NOT_HERE: Final = (
    (
        re.compile(r"/v2/alerts/saved-searches(?:/.*)?"),
        "Searches are not kept here: send the search itself, as `query` of /v2/alerts.",
    ),
    (
        re.compile(r"/v2/alerts/.+/attachments/.+"),
        "Files are not kept here: link to them in a note or in `details`.",
    ),
)
_BEATS: Final = re.compile(r"/v2/heartbeats(?:/(?P<name>.+?))?(?:/(?P<do>enable|disable))?")


@dataclass(frozen=True)
class Call:
    """One request of somebody who has the key of `integration`."""

    asked: Asked
    path: str  # without a prefix
    integration: IntegrationInfo
    actor: Actor
    now: datetime
    base: str

    def alert(self, identifier: str) -> AlertInfo:
        by = self.asked.query.get("identifierType", "id").lower()
        found = alerts.one(actor=self.actor, integration=self.integration.name, identifier=identifier, by=by)
        if found is None:
            raise NotFound("alert", identifier[:100])
        return found


Answer = tuple[int, dict[str, Any]]


@csrf_exempt
def enter(request: HttpRequest) -> HttpResponse:
    began = clock.perf()
    status, answer, request_id = _answered(request)
    took = round(clock.perf() - began, 3)
    headers = {
        "X-Request-ID": request_id,
        "X-Response-Time": str(took),
        "X-RateLimit-State": "THROTTLED" if status == 429 else "OK",  # noqa: PLR2004 - Too Many Requests
        "X-RateLimit-Reason": "INTEGRATION",
        "X-RateLimit-Period-In-Sec": "60",
        "Cache-Control": "no-store",
    }
    said = {**answer, "took": took, "requestId": request_id}
    return JsonResponse(said, status=status, headers=headers, json_dumps_params={"ensure_ascii": False})


def _answered(request: HttpRequest) -> tuple[int, dict[str, Any], str]:
    request_id = ids.new_id()
    try:
        call = _call(request)
        if call is None:
            return 401, {"message": "Could not authenticate"}, request_id
        if _ASKERS.take(call.integration.key, clock.monotonic()):
            return 429, {"message": "You are making too many requests!"}, request_id
        with transaction.atomic():
            status, answer = _handle(call)
    except Invalid as error:
        return *_invalid(error), request_id
    except (NotFound, Conflict, PermissionDenied, RequestDataTooBig) as error:
        status, said = _refused(error)
        return status, {"message": said}, request_id
    except Exception:
        log.exception("an Opsgenie call failed")
        return 500, {"message": "Something went wrong here. It is in the log."}, request_id
    return status, answer, answer.pop("requestId", request_id)


def _call(request: HttpRequest) -> Call | None:
    """Raises Invalid for what cannot be a key."""
    asked = Asked(
        request.method or "GET",
        request.path.replace("\0", ""),
        {name: str(value).replace("\0", "") for name, value in request.GET.items()},
        {name.lower(): value for name, value in request.headers.items()},
        request.body,
    )
    now = clock.now()
    integration = integrations.by_key(_source().routing_key(asked).replace("\0", ""), now=now)
    if integration is None or not integration.enabled:
        return None
    actor = Actor(ActorKind.ALERT, integration.name, Role.RESPONDER)
    base = request.build_absolute_uri("/").rstrip("/") + request.path
    return Call(asked, asked.path.removeprefix(_PREFIX).rstrip("/"), integration, actor, now, base)


def _source() -> CompatibleSource:
    found = registry.source(KIND)
    assert isinstance(found, CompatibleSource)  # noqa: S101 - for mypy: it is ours
    return found


def _handle(call: Call) -> Answer:
    if beats := _BEATS.fullmatch(call.path):
        return opsgenie_heartbeats.handle(
            call.asked, beats["name"] or "", beats["do"] or "", call.integration, call.now
        )
    for pattern, instead in _NOT_HERE:
        if pattern.fullmatch(call.path):
            raise Conflict(instead)
    if call.asked.method in {"GET", "HEAD"}:
        return _read(call)
    if call.path.endswith("/attachments"):
        raise Conflict(_NOT_HERE[-1][1])
    if written := _WRITE.fullmatch(call.path):
        return _write(call, written["id"], written["rest"] or "")
    raise NotFound("address", call.path[:200])


# ---- reading ----


def _read(call: Call) -> Answer:
    if call.path == "/v2/alerts":
        return _list(call)
    if call.path == "/v2/alerts/count":
        terms = _terms(call)
        number = alerts.count(actor=call.actor, integration=call.integration.name, terms=terms)
        return 200, {"data": {"count": number}}
    reads: tuple[tuple[re.Pattern[str], Callable[[Call, re.Match[str]], Answer]], ...] = (
        (_REQUEST, _request),
        (_PARTS, _part),
        (_ONE, _one),
    )
    for pattern, handler in reads:
        if found := pattern.fullmatch(call.path):
            return handler(call, found)
    raise NotFound("address", call.path[:200])


def _list(call: Call) -> Answer:
    query = call.asked.query
    limit, offset = _number(query, "limit", 20, _MOST), _number(query, "offset", 0, 20_000)
    column = _ORDERS.get(query.get("sort", "createdAt").lower())
    if column is None:
        raise Invalid(FieldError("sort", f"expected one of: {', '.join(sorted(_ORDERS))}"))
    order = column if query.get("order", "desc").lower() == "asc" else f"-{column}"
    found = alerts.found(
        actor=call.actor,
        integration=call.integration.name,
        terms=_terms(call),
        order=order,
        offset=offset,
        limit=limit + 1,
    )
    of = _incidents(found)
    data = [opsgenie_shapes.alert(a, call.integration.id, of.get(a.incident)) for a in found[:limit]]

    def page(at: int) -> str:
        return f"{call.base}?{urlencode({**query, 'limit': limit, 'offset': at})}"

    paging = {"first": page(0)}
    if offset:
        paging["prev"] = page(max(0, offset - limit))
    if len(found) > limit:
        paging["next"] = page(offset + limit)
    return 200, {"data": data, "paging": paging}


def _terms(call: Call) -> list[alerts.Term]:
    """What only incidents know, whether one is acknowledged, is turned into which ones those are."""
    found = []
    for term in terms_of(call.asked.query.get("query", "")):
        acknowledged = term.field.lower() == "acknowledged"
        if acknowledged or (term.field.lower() == "status" and term.values == ("acked",)):
            listed = incidents.incidents(actor=call.actor, status="acknowledged", limit=_MOST * 20).items
            wanted = not acknowledged or "true" in [value.lower() for value in term.values]
            refs = tuple(row.ref for row in listed)
            found.append(alerts.Term("incident", ":", refs, term.negated == wanted))
        else:
            found.append(term)
    return found


def _number(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    given = query.get(name, str(default))
    if not re.fullmatch(r"[0-9]{1,6}", given):
        raise Invalid(FieldError(name, "expected a number"))
    return min(int(given), most)


def _incidents(found: tuple[AlertInfo, ...]) -> dict[str, IncidentRow]:
    numbers = {incidents.id_of(each.incident) for each in found if each.incident}
    return {row.ref: row for row in incidents.rows_of(numbers)}


def _one(call: Call, found: re.Match[str]) -> Answer:
    info = call.alert(found["id"])
    incident = _incidents((info,)).get(info.incident)
    return 200, {"data": opsgenie_shapes.whole(info, call.integration.id, incident)}


def _part(call: Call, found: re.Match[str]) -> Answer:
    info = call.alert(found["id"])
    if found["part"] == "attachments" or not info.incident:
        return 200, {"data": []}
    incident = incidents.incident(info.incident, actor=call.actor)
    if found["part"] == "recipients":
        return 200, {"data": opsgenie_shapes.recipients(incident)}
    timeline = incident.timeline
    if found["part"] == "notes":
        return 200, {
            "data": [opsgenie_shapes.note(each) for each in timeline if each.kind == "note"][-_MOST:]
        }
    return 200, {"data": [opsgenie_shapes.log(each) for each in timeline][-_MOST:]}


def _request(call: Call, found: re.Match[str]) -> Answer:
    received = receipts.received(integration_id=call.integration.id, receipt=found["id"])
    if received is None or received.processed_at is None:
        raise NotFound("request", found["id"][:64])
    of = alerts.one(
        actor=call.actor, integration=call.integration.name, identifier=received.dedup_key, by="alias"
    )
    return 200, {"data": opsgenie_shapes.request_status(received, call.integration.id, of)}


# ---- writing ----


def _write(call: Call, identifier: str, rest: str) -> Answer:
    info = call.alert(identifier)
    source = _source()
    asked = call.asked._replace(path=f"/v2/alerts/{info.dedup_key}{rest}")
    if source.takes(asked.method, asked.path):
        envelopes = source.read(asked)
    else:
        said = opsgenie_deeds.do(call.actor, info, asked, rest, call.now)
        envelopes = source.envelope(said)
    kind = "" if call.integration.kind == KIND else KIND
    event_id = receipts.write(
        integration_id=call.integration.id, kind=kind, envelopes=envelopes, now=call.now
    )
    reply = source.accepted(asked, envelopes, event_id)
    sent = {name.decode(): value.decode() for name, value in reply.headers}
    return reply.status, {"result": "Request will be processed", "requestId": sent["x-request-id"]}


# ---- refusing ----


def _invalid(error: Invalid) -> Answer:
    reply = _source().invalid(Asked("", "", {}, {}, b""), error)
    errors = {each.field: each.message for each in error.errors}
    if reply.status == 401:  # noqa: PLR2004 - Unauthorized
        return 401, {"message": str(error.errors[0].message)}
    if reply.status == 400:  # noqa: PLR2004 - Bad Request
        return 400, {"message": f"Request body {error.errors[0].message}"}
    return 422, {"message": "Request body is not processable. Please check the errors.", "errors": errors}


def _refused(error: Exception) -> tuple[int, str]:
    if isinstance(error, NotFound):
        return 404, str(error)
    if isinstance(error, PermissionDenied):
        return 403, str(error)
    if isinstance(error, RequestDataTooBig):
        return 413, "The body is too large."
    return 422, str(error)
