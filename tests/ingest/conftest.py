"""The door on the test's own database, driven as an ASGI app."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
import pytest
from django.conf import settings

from tocsin.apps.integrations import actions as integrations
from tocsin.apps.integrations.models import Event
from tocsin.apps.integrations.types import IntegrationSpec
from tocsin.domain.permissions import SYSTEM
from tocsin.entrypoints.ingest import Door, Limits, build
from tocsin.lib.clock import now

KEYS = {"generic": "a" * 32, "alertmanager": "b" * 32, "pagerduty": "c" * 32}

T = TypeVar("T")


@dataclass(frozen=True)
class Options:
    database_url: str
    spool_dir: Path
    spool_mb: int = 8


def database_url() -> str:
    given = settings.DATABASES["default"]
    return (
        f"postgresql://{quote(given['USER'] or '')}:{quote(given['PASSWORD'] or '')}@/{given['NAME']}"
        f"?host={quote(given['HOST'], safe='')}&port={given['PORT'] or 5432}"
    )


class Visitor:
    """Runs one asynchronous visit at the door in a loop of its own."""

    def __init__(self, url: str, limits: Limits | None = None, *, spool_dir: Path | None = None) -> None:
        self.options = Options(url, spool_dir or Path(tempfile.mkdtemp(prefix="tocsin-spool-")))
        self.limits = limits

    def visit(self, deed: Callable[[httpx.AsyncClient, Door], Awaitable[T]]) -> T:
        async def run() -> T:
            door = build(self.options, self.limits)
            await door.start()
            transport = httpx.ASGITransport(app=door)  # type: ignore[arg-type]  # httpx types scopes as mutable
            try:
                async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
                    return await deed(client, door)
            finally:
                await door.stop()

        return asyncio.run(run())

    def post(self, path: str, body: bytes | str, **headers: str) -> httpx.Response:
        return self.request("POST", path, body, headers)

    def request(self, method: str, path: str, body: bytes | str, headers: dict[str, str]) -> httpx.Response:
        content = body.encode() if isinstance(body, str) else body

        async def deed(client: httpx.AsyncClient, _door: Door) -> httpx.Response:
            return await client.request(method, path, content=content, headers=headers)

        return self.visit(deed)


@pytest.fixture
def keys(transactional_db: None) -> dict[str, str]:
    for kind, key in KEYS.items():
        spec = IntegrationSpec(f"my {kind}", kind, key=key)
        integrations.save_integration(actor=SYSTEM, spec=spec, now=now())
    return KEYS


@pytest.fixture
def door(keys: dict[str, str]) -> Visitor:
    return Visitor(database_url())


def rows() -> list[dict[str, Any]]:
    return list(Event.objects.order_by("id").values("action", "dedup_key", "count", "event_id", "payload"))
