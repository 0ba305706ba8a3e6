"""Django system checks of our own: what must never reach production."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks


def register() -> None:
    checks.register(_public_url, checks.Tags.security)


def _public_url(app_configs: Sequence[Any] | None, **_: Any) -> list[checks.CheckMessage]:  # noqa: ARG001 - Django's form
    if settings.TOCSIN.https or settings.TOCSIN.public_host in {
        "localhost",
        "127.0.0.1",
        "::1",
        "testserver",
    }:
        return []
    return [
        checks.Warning(
            "TOCSIN_PUBLIC_URL is not https: passwords and links travel in the clear.",
            hint="Put a proxy with TLS in front and set TOCSIN_PUBLIC_URL=https://….",
            id="tocsin.W001",
        )
    ]
