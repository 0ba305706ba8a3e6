"""One port: ingest and live run bare, probes answer for themselves, the rest is Django behind a bridge."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, Protocol

from django.conf import settings
from django.db.migrations.loader import MigrationLoader
from django.template.loader import get_template
from django.urls import reverse

from tocsin.config import mailroom
from tocsin.config.bridge import Bridge
from tocsin.config.options import Options
from tocsin.config.probes import Probes
from tocsin.config.wsgi import application
from tocsin.entrypoints.ingest.app import Door
from tocsin.entrypoints.ingest.app import build as build_ingest
from tocsin.entrypoints.live.app import LiveApp
from tocsin.entrypoints.live.app import build as build_live
from tocsin.entrypoints.mail.app import Mailroom

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

STREAM: Final = "/api/v1/stream"


class App(Protocol):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...


class Root:
    """`start` inside the running loop, `close` when a signal says stop, `stop` when requests are done."""

    def __init__(
        self, ingest: Door, live: LiveApp, probes: Probes, pages: App, mail: Mailroom | None = None
    ) -> None:
        self._ingest, self._live, self._probes, self._pages = ingest, live, probes, pages
        self._mail = mail

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            # No web sockets here; refusing at once is what the protocol asks for.
            await send({"type": "websocket.close", "code": 1000})
            return
        path = scope["path"]
        if self._ingest.serves(scope.get("method", ""), path, scope.get("query_string", b"")):
            await self._ingest(scope, receive, send)
        elif path == STREAM:
            await self._live(scope, receive, send)
        elif self._probes.serves(path):
            await self._probes(scope, receive, send)
        else:
            await self._pages(scope, receive, send)

    async def start(self) -> None:
        await self._probes.start()
        await self._ingest.start()
        await self._live.start()
        if self._mail is not None:
            await self._mail.start()

    def close(self) -> None:
        """Ends the open streams, which else would hold the server up; says not ready from now on."""
        self._probes.close()
        self._live.close()

    async def stop(self) -> None:
        if self._mail is not None:
            await self._mail.stop()
        await self._live.stop()
        await self._ingest.stop()
        await self._probes.stop()


def warm() -> None:
    """Import what the first page needs, so that the first reader does not wait for it."""
    reverse(settings.LOGIN_URL)
    get_template("account/login.html")


def build(options: Options) -> Root:
    migrations = frozenset(MigrationLoader(None).disk_migrations)
    door = build_ingest(options)
    probes = Probes(options.database_url, migrations, door.spool)
    return Root(door, build_live(options), probes, Bridge(application), mailroom.build(options, door))
