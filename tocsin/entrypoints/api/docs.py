"""The page that shows the API. Its scripts ship with django-ninja and are served by us, never by a CDN."""

from pathlib import Path
from typing import Any, Final

import ninja
from django.http import HttpRequest, HttpResponse
from ninja.openapi.docs import DocsBase

from tocsin.entrypoints.api import problems

_FOLDER: Final = Path(ninja.__file__).parent / "static/ninja"
_ASSETS: Final = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.svg": "image/svg+xml",
}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tocsin API</title>
<link rel="icon" href="docs/assets/favicon.svg">
<link rel="stylesheet" href="docs/assets/swagger-ui.css">
</head>
<body>
<main id="api"><p>Loading the API's description. Without JavaScript, read
<a href="openapi.json">openapi.json</a>.</p></main>
<script src="docs/assets/swagger-ui-bundle.js"></script>
<script src="docs/assets/start.js"></script>
</body>
</html>
"""
_START: Final = """const csrf = document.cookie.match(/(?:^|; )csrftoken=([^;]*)/);
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#api",
  deepLinking: true,
  requestInterceptor: (request) => {
    if (csrf) request.headers["X-CSRFToken"] = decodeURIComponent(csrf[1]);
    return request;
  },
});
"""


class Page(DocsBase):
    def render_page(self, request: HttpRequest, api: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002 - ninja's
        return HttpResponse(_PAGE, headers={"Content-Security-Policy": _POLICY})


def asset(request: HttpRequest, name: str) -> HttpResponse:
    headers = {"Cache-Control": "public, max-age=86400"}
    if name == "start.js":
        return HttpResponse(_START, content_type="text/javascript", headers=headers)
    if name not in _ASSETS:
        return problems.not_found(request)
    content = (_FOLDER / name).read_bytes()
    return HttpResponse(content, content_type=_ASSETS[name], headers=headers)
