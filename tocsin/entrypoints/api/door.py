"""What holds for every request of the API, before and after its handler.

* Who asks is found out once. Each asker has a share of requests; strangers share by address.
* A write is one transaction: what a handler did stands or falls with the answer. One that the database ended
  because of another one is tried again.
* `Idempotency-Key` on POST: the same key with the same body gets the same answer again and nothing is done
  twice; with another body it is refused (422). Answers are kept for a day, those with a secret are not.
* A GET carries an ETag. An edit (PUT, PATCH) must bring it back in `If-Match`: absent 428, outdated 412.
  Whoever edits holds the thing's lock until the answer is committed.
"""

import hashlib
import json
import logging
from collections.abc import Callable
from copy import copy
from functools import wraps
from typing import Any, cast

from django.db import OperationalError, connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

from tocsin.apps.audit import actions as audit
from tocsin.apps.audit.types import Answered
from tocsin.domain.errors import FieldError
from tocsin.domain.permissions import Actor
from tocsin.entrypoints.api import auth, problems
from tocsin.entrypoints.api.context import ApiRequest
from tocsin.lib import clock, pg
from tocsin.lib.ratelimit import Buckets

log = logging.getLogger(__name__)

View = Callable[..., HttpResponseBase]

# One asker: 50 a second for long, 300 at once. Far above people and tools, too few to crowd out others.
_ASKERS = Buckets(rate=50, burst=300)
_STRANGERS = Buckets(rate=5, burst=50)
_SAFE = frozenset({"GET", "OPTIONS"})
_EDITS = frozenset({"PUT", "PATCH"})
_LONGEST_KEY = 255
_TRIES = 3


def through(view: View) -> View:
    @wraps(view)
    def enter(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        def handle(asked: HttpRequest) -> HttpResponseBase:
            answer = view(asked, *args, **kwargs)
            if answer.status_code == 405:  # noqa: PLR2004 - Method Not Allowed
                return problems.method_not_allowed(answer.headers["Allow"])
            return answer

        try:
            return _enter(cast(ApiRequest, request), handle)
        except Exception as error:  # noqa: BLE001 - each becomes an answer; unforeseen ones are logged there
            return problems.of(error)

    return enter


def _enter(request: ApiRequest, handle: View) -> HttpResponseBase:
    if request.method == "HEAD":
        # The server sends no body, because the request it knows stays a HEAD.
        request = copy(request)
        request.method = "GET"
    request.now = clock.now()
    request.shows_secret = False
    if "\x00" in request.path or "\x00" in request.GET.urlencode().replace("%00", "\x00"):
        return problems.problem(422, "The address holds a NUL character.", [FieldError("path", "holds NUL")])
    actor = auth.identify(request, request.now)
    if wait := _wait(request, actor):
        return problems.too_many(wait)
    if actor is not None:
        request.actor = actor
    if request.method in _SAFE or actor is None:
        return _tagged(request, handle(request))
    for _ in range(_TRIES - 1):
        try:
            return _write(request, handle)
        except OperationalError as error:
            if not problems.crossed(error):
                raise
            log.warning("transactions crossed; trying again: %s", error)
    return _write(request, handle)


def _wait(request: HttpRequest, actor: Actor | None) -> float:
    now = clock.monotonic()
    if actor is None:
        return _STRANGERS.take(str(request.META.get("REMOTE_ADDR")), now)
    return _ASKERS.take(_name(actor), now)


def _name(actor: Actor) -> str:
    return f"{actor.kind}:{actor.id}:{actor.label}"[:255]


def _write(request: ApiRequest, handle: View) -> HttpResponseBase:
    with transaction.atomic():
        if request.method in _EDITS or (request.method == "DELETE" and "If-Match" in request.headers):
            answer = _unchanged(request, handle) or handle(request)
        elif request.method == "POST" and "Idempotency-Key" in request.headers:
            answer = _once(request, handle)
        else:
            answer = handle(request)
        if answer.status_code >= 400:  # noqa: PLR2004 - an error of any kind
            transaction.set_rollback(True)
    return _tagged(request, answer)


def _once(request: ApiRequest, handle: View) -> HttpResponseBase:
    key = request.headers["Idempotency-Key"]
    if not 0 < len(key) <= _LONGEST_KEY:
        error = FieldError("Idempotency-Key", f"expected 1 to {_LONGEST_KEY} characters")
        return problems.problem(422, str(error.message), [error])
    actor, path = _name(request.actor), request.path[:512]
    digest = hashlib.sha256(request.body).hexdigest()
    before = audit.claim_key(key=key, actor=actor, path=path)
    if before is not None:
        return _again(before, digest)
    answer = handle(request)
    if answer.status_code < 400 and isinstance(answer, HttpResponse):  # noqa: PLR2004 - errors are not kept
        body = {} if request.shows_secret else {"json": json.loads(answer.content or b"null")}
        kept = Answered(digest, answer.status_code, body)
        audit.keep_answer(key=key, actor=actor, path=path, answer=kept, now=request.now)
    return answer


def _again(before: Answered, digest: str) -> HttpResponse:
    if before.digest != digest:
        error = FieldError("Idempotency-Key", "was used with another body")
        return problems.problem(422, "This Idempotency-Key was used with another body.", [error])
    if "json" not in before.body:
        return problems.problem(409, "This was done already, and its secret was shown once.", allowed=[])
    headers = {"Idempotent-Replayed": "true"}
    if before.status == 204:  # noqa: PLR2004 - No Content
        return HttpResponse(status=before.status, headers=headers)
    return JsonResponse(before.body["json"], status=before.status, headers=headers, safe=False)


def _unchanged(request: ApiRequest, handle: View) -> HttpResponse | None:
    """None when the thing is as the asker saw it; else the answer that says otherwise."""
    wanted = request.headers.get("If-Match")
    if wanted is None:
        hint = "Say in If-Match which version you change: the ETag of a GET, or “*” for any."
        return problems.problem(428, hint)
    with connection.cursor() as cursor:
        pg.lock(cursor, f"api edit {request.path}")
    look = copy(request)
    look.method = "GET"
    found = handle(look)
    if found.status_code != 200:  # noqa: PLR2004 - not there, or not for this asker: the handler will say so
        return None
    tags = {tag.strip().removeprefix("W/") for tag in wanted.split(",")}
    current = _etag(found)
    if "*" in tags or current in tags:
        return None
    hint = "It has changed since you read it: read it again, and decide again."
    return problems.problem(412, hint, headers={"ETag": current})


def _tagged(request: HttpRequest, answer: HttpResponseBase) -> HttpResponseBase:
    answer.headers.setdefault("Cache-Control", "no-store" if request.method != "GET" else "private, no-cache")
    if request.method != "GET" or answer.status_code != 200 or "ETag" in answer.headers:  # noqa: PLR2004 - OK
        return answer
    tag = _etag(answer)
    if tag in {one.strip() for one in request.headers.get("If-None-Match", "").split(",")}:
        return HttpResponse(status=304, headers={"ETag": tag})
    answer.headers["ETag"] = tag
    return answer


def _etag(answer: HttpResponseBase) -> str:
    content = answer.content if isinstance(answer, HttpResponse) else b""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'
