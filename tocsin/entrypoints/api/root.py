from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, path, re_path
from ninja.renderers import JSONRenderer

from tocsin.entrypoints.api import door, problems
from tocsin.entrypoints.api.auth import Session, Token
from tocsin.entrypoints.api.body import Json
from tocsin.entrypoints.api.description import Api
from tocsin.entrypoints.api.docs import Page, asset
from tocsin.entrypoints.api.resources import ROUTERS

_DESCRIPTION = """Everything that can be done on Tocsin's pages can be done here.

**Lists** are `{"items": […], "next_cursor": …}`; send `cursor` to go on.
**Errors** are `application/problem+json`.
**POST** takes an `Idempotency-Key`. **PUT and PATCH** want the `ETag` of an earlier GET in `If-Match`.
Times are RFC 3339 with a zone; durations are texts such as `5m`, `1h30m`; people are e-mail addresses.
"""


class _Plain(JSONRenderer):
    json_dumps_params = problems.PLAIN


api = Api(
    title="Tocsin",
    version="1",
    description=_DESCRIPTION,
    urls_namespace="api",
    auth=[Token(), Session()],
    parser=Json(),
    renderer=_Plain(),
    docs=Page(),
)


def _answer(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:  # noqa: ARG001 - ninja's
    found = error if isinstance(error, Exception) else error()
    if problems.crossed(found):
        raise found  # the door tries again
    return problems.of(found)


_kinds: tuple[type[Exception], ...] = (Exception, *problems.FORESEEN)
for _kind in _kinds:
    api.add_exception_handler(_kind, _answer)

for _prefix, _router, _tag in ROUTERS:
    api.add_router(_prefix, _router, tags=[_tag])


def patterns() -> list[URLPattern | URLResolver]:
    """The API's addresses, each behind the door; whatever else lies below them is a 404 in our form."""
    found = api.urls[0]
    for pattern in found:
        if isinstance(pattern, URLPattern) and pattern.name not in {"openapi-json", "openapi-view"}:
            pattern.callback = door.through(pattern.callback)
    return [*found, path("docs/assets/<str:name>", asset), re_path(r"^(?P<rest>.*)$", problems.not_found)]
