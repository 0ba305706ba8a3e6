import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tocsin.entrypoints.live import app as live
from tocsin.entrypoints.live.hub import Hub
from tocsin.lib import clock, signing


@dataclass(frozen=True)
class Options:
    database_url: str


class Page:
    """An open page: what it was sent, and a way to leave."""

    def __init__(self, app: live.LiveApp, ticket: str) -> None:
        self.sent: list[dict[str, Any]] = []
        self._gone = asyncio.Event()
        scope = {"type": "http", "method": "GET", "query_string": f"ticket={ticket}".encode()}
        self.task = asyncio.create_task(app(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        self.sent.append(message)

    def leave(self) -> None:
        self._gone.set()

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def text(self) -> str:
        return b"".join(each.get("body", b"") for each in self.sent[1:]).decode()

    async def until(self, holds: Callable[[str], bool]) -> None:
        async with asyncio.timeout(40):
            while not (len(self.sent) > 1 and holds(self.text)):  # noqa: ASYNC110  (it looks from outside)
                await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def _secret() -> None:
    signing.configure("a secret for these tests, long enough")


def ticket(lives: float = 60.0) -> str:
    return signing.sign(live.PURPOSE, "alice@example.com", clock.now() + timedelta(seconds=lives))


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(story)


def test_it_names_what_changed_and_each_name_once() -> None:
    async def story() -> None:
        hub = Hub(10)
        page = Page(live.LiveApp("", hub), ticket())
        await page.until(lambda text: "welcome" in text)
        for _ in range(3):
            hub.tell("incident", "INC-7")
        await page.until(lambda text: "changed" in text)
        assert page.status == 200
        assert page.text.count('data: {"kind": "incident", "id": "INC-7"}') == 1
        page.leave()
        await page.task
        assert len(hub) == 0

    run(story())


@pytest.mark.parametrize("wrong", ["", "x.y", "late"])
def test_it_lets_nobody_in_without_a_fresh_ticket(wrong: str) -> None:
    async def story() -> None:
        page = Page(live.LiveApp("", Hub(10)), ticket(lives=-1) if wrong == "late" else wrong)
        await page.task
        assert page.status == 401
        assert json.loads(page.text)["title"] == "Unauthorized"

    run(story())


def test_a_ticket_of_another_purpose_opens_nothing() -> None:
    async def story() -> None:
        other = signing.sign("link", "alice@example.com", clock.now() + timedelta(seconds=60))
        page = Page(live.LiveApp("", Hub(10)), other)
        await page.task
        assert page.status == 401

    run(story())


def test_it_sends_the_surplus_away_for_a_moment() -> None:
    async def story() -> None:
        app = live.LiveApp("", Hub(1))
        first = Page(app, ticket())
        await first.until(lambda text: "welcome" in text)
        second = Page(app, ticket())
        await second.task
        assert second.status == 503
        first.leave()
        await first.task

    run(story())


def test_a_reader_who_fell_behind_is_told_to_fetch_everything() -> None:
    hub = Hub(1)
    reader = hub.join()
    assert reader is not None
    for number in range(1000):
        hub.tell("incident", f"INC-{number}")
    assert reader.take() == {("*", "*"): ""}


def test_the_latest_state_comes_with_the_name() -> None:
    hub = Hub(1)
    reader = hub.join()
    assert reader is not None
    hub.tell("incident", "INC-7", "triggered")
    hub.tell("incident", "INC-7", "acknowledged")
    hub.tell("incident", "INC-7")  # a message has left: no word about the incident's own state
    assert reader.take() == {("incident", "INC-7"): "acknowledged"}


def test_many_readers_are_asked_to_spread_what_they_fetch() -> None:
    async def story() -> None:
        hub = Hub(100)
        app = live.LiveApp("", hub)
        pages = [Page(app, ticket()) for _ in range(30)]
        for page in pages:
            await page.until(lambda text: "welcome" in text)
        hub.tell("incident", "INC-7", "acknowledged")
        await pages[0].until(lambda text: "changed" in text)
        value = json.loads(pages[0].text.partition("data: ")[2].partition("\n")[0])
        assert value["state"] == "acknowledged"
        assert value["spread"] > 0
        for page in pages:
            page.leave()
            await page.task

    run(story())


def test_closing_ends_open_streams_at_once() -> None:
    async def story() -> None:
        app = live.LiveApp("", Hub(10))
        pages = [Page(app, ticket()) for _ in range(5)]
        for page in pages:
            await page.until(lambda text: "welcome" in text)
        app.close()
        async with asyncio.timeout(40):  # their tickets live longer
            await asyncio.gather(*(page.task for page in pages))
        assert all(page.sent[-1]["more_body"] is False for page in pages)

    run(story())


def test_what_postgres_notifies_reaches_the_page(database_server: str) -> None:
    async def story() -> None:
        app = live.build(Options(database_server))
        await app.start()
        page = Page(app, ticket())
        await page.until(lambda text: "welcome" in text)
        async with await psycopg.AsyncConnection.connect(database_server, autocommit=True) as connection:
            async with asyncio.timeout(40):
                while "changed" not in page.text:  # the listener may still be connecting
                    payload = json.dumps({"kind": "incident", "id": "INC-1"})
                    await connection.execute("SELECT pg_notify(%s, %s)", [live.CHANNEL, payload])
                    await connection.execute("SELECT pg_notify(%s, %s)", [live.CHANNEL, "not json"])
                    await asyncio.sleep(0.05)
        assert '{"kind": "incident", "id": "INC-1"}' in page.text
        await app.stop()
        await page.task

    run(story())
