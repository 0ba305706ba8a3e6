"""`/push-worker.js`: what shows pushes in a browser. At the root, as it acts for all pages beneath it."""

from functools import cache
from pathlib import Path
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

_SCRIPT: Final = Path(__file__).parent.parent / "static" / "js" / "push-worker.js"


@cache
def _script() -> bytes:
    return _SCRIPT.read_bytes()


@require_safe
def worker(_request: HttpRequest) -> HttpResponse:
    answer = HttpResponse(_script(), content_type="text/javascript; charset=utf-8")
    answer.headers["Cache-Control"] = "no-cache"  # browsers look for a newer one themselves
    return answer
