import asyncio
from contextlib import aclosing
from pathlib import Path

import psycopg
import pytest

from tocsin.lib import clock, db
from tocsin.lib.postgres import Cluster


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    made = Cluster(tmp_path, {"fsync": "off"})
    made.start()
    return made


def _say(url: str, channel: str, payload: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_notify(%s, %s)", [channel, payload])


def test_a_listener_hears_again_after_the_database_was_restarted(cluster: Cluster) -> None:
    async def listen() -> list[str]:
        heard: list[str] = []
        news = db.listen(cluster.url, "news", resync="all")
        async with asyncio.timeout(20), aclosing(news):
            async for payload in news:
                heard.append(payload)
                if payload == "one":
                    await asyncio.to_thread(cluster.stop)
                    # Starting belongs to the thread whose end the server would follow.
                    cluster.start()
                elif payload == "all":
                    await asyncio.to_thread(_say, cluster.url, "news", "two")
                else:
                    return heard
        return heard

    async def both() -> list[str]:
        listening = asyncio.create_task(listen())
        while not listening.done():
            await asyncio.sleep(0.1)
            if not await asyncio.to_thread(_listens, cluster.url):
                continue
            await asyncio.to_thread(_say, cluster.url, "news", "one")
            break
        return await listening

    assert asyncio.run(both()) == ["one", "all", "two"]
    cluster.stop()


def _listens(url: str) -> bool:
    with psycopg.connect(url) as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
        row = connection.execute(query).fetchone()
        return bool(row and row[0])


def test_a_waiter_wakes_at_once_and_survives_a_restart(cluster: Cluster) -> None:
    waiter = db.Waiter(cluster.url, ["due", "news"])
    assert waiter.wait(0.05) == set()
    _say(cluster.url, "due", "")
    started = clock.monotonic()
    assert waiter.wait(60) == {"due"}
    assert clock.monotonic() - started < 30  # woken, not timed out
    cluster.stop()
    assert waiter.wait(0.1) == set()
    cluster.start()
    assert waiter.wait(0.1) == set()
    _say(cluster.url, "news", "")
    assert waiter.wait(60) == {"news"}
    waiter.close()
    cluster.stop()


def test_an_advisory_lock_is_held_by_one(cluster: Cluster) -> None:
    with db.lock(cluster.url, "thing"), psycopg.connect(cluster.url) as other:
        row = other.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchone()
        assert row == (1,)
    with db.lock(cluster.url, "thing"):
        pass
    cluster.stop()
