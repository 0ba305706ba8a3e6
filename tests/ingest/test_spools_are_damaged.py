"""Files of a spool that are damaged, or cannot be opened just now, cost nobody else's events."""

import asyncio
import errno
import logging
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.ingest.conftest import Options, Visitor, database_url, rows
from tocsin.apps.integrations.models import Integration
from tocsin.entrypoints.ingest import Door
from tocsin.lib import metrics, spool
from tocsin.lib.spool import Batch, Spool, Spooled
from tocsin.lib.spoollevel import level

BATCHES, EACH = 60, 5
PAGE = 4096
BEGAN = 1_700_000_000_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def event(batch: int, number: int, integration: int = 1) -> Spooled:
    marker = f'{{"summary":"{batch:03d}-{number}"}}' + " " * 300
    return Spooled(f"{_id(batch)}{number:012x}", integration, "", "trigger", "k", marker.encode(), 1)


def _id(batch: int) -> str:
    return f"{batch:08x}-0000-7000-8000-"


def filled(folder: Path, *, batches: int = BATCHES, begin: int = 0, integration: int = 1) -> Path:
    """A file as a process that was killed leaves it, but for its write-ahead log."""
    one = spool.create(folder)
    for batch in range(begin, begin + batches):
        events = [event(batch, number, integration) for number in range(EACH)]
        one.append(_id(batch), BEGAN + batch, events, doubt=False)
    one.close()
    return one.path


def spoil(path: Path, marker: bytes) -> None:
    """Garbage in place of the page that holds `marker`."""
    data = bytearray(path.read_bytes())
    page = data.index(marker) // PAGE * PAGE
    data[page : page + PAGE] = b"\xa5" * PAGE
    path.write_bytes(data)


def drained(one: Spool) -> list[Batch]:
    """All that it gives out, until it is empty or over."""
    found: list[Batch] = []
    for _ in range(1000):
        batches = one.first(10, 10**9)
        if not batches and (one.over or not one.rows):
            return found
        found += batches
        if batches:
            one.drop(batches[-1].seq)
    raise AssertionError("it never ends")


def whole(batch: Batch) -> bool:
    number = int(batch.id[:8], 16)
    return list(batch.events) == [event(number, each) for each in range(EACH)]


def test_what_can_be_read_of_a_file_that_is_damaged_inside_is_given_out_and_it_is_put_aside(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = filled(folder)
    spoil(path, b'"030-2"')
    (one,) = spool.adopt(folder)
    found = drained(one)
    read = {each.event_id for batch in found for each in batch.events}
    lost = BATCHES * EACH - len(read)
    assert 0 < lost <= PAGE // 300
    assert [batch.received for batch in found] == sorted(batch.received for batch in found)
    assert sum(whole(batch) for batch in found) >= BATCHES - lost
    one.put_aside()
    said = next(each for each in caplog.records if "put aside" in each.message)
    assert said.levelno == logging.ERROR
    assert vars(said)["events_lost"] == lost
    kept = path.with_suffix(".damaged")
    assert vars(said)["file"] == str(kept)
    assert spool.damaged(folder) == [kept]
    assert spool.adopt(folder) == []
    assert spool.others(folder, []) == 0


def test_events_whose_batch_cannot_be_read_are_given_out_under_the_time_of_the_one_before(
    folder: Path,
) -> None:
    path = filled(folder)
    spoil(path, _id(30).encode() + (BEGAN + 30).to_bytes(8, "big"))  # as a row of `batch` has them
    (one,) = spool.adopt(folder)
    found = drained(one)
    assert [int(batch.id[:8], 16) for batch in found] == list(range(BATCHES))
    assert all(whole(batch) for batch in found)
    times = [batch.received for batch in found]
    assert times == sorted(times)
    assert times[30] < BEGAN + 30
    one.put_aside()


def test_damage_of_the_index_loses_nothing(folder: Path) -> None:
    path = filled(folder)
    with closing(sqlite3.connect(path)) as db:
        (root,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'event_batch'").fetchone()
    data = bytearray(path.read_bytes())
    data[(root - 1) * PAGE : root * PAGE] = b"\xa5" * PAGE
    path.write_bytes(data)
    (one,) = spool.adopt(folder)
    found = drained(one)
    assert len(found) == BATCHES
    assert all(whole(batch) for batch in found)
    one.put_aside()


@pytest.mark.parametrize("start", [b"garbage" * 100, b"SQLite format 3\0" + b"\xff" * 4080])
def test_a_file_that_cannot_be_read_at_all_goes_aside_with_its_write_ahead_log(
    folder: Path, start: bytes
) -> None:
    path = filled(folder, batches=2)
    path.write_bytes(start + path.read_bytes()[len(start) :])
    path.with_name(f"{path.name}-wal").write_bytes(b"what may be worth something")
    (one,) = spool.adopt(folder)
    assert drained(one) == []
    one.put_aside()
    left = {each.name for each in folder.iterdir() if not each.name.endswith("-shm")}
    assert left == {f"{path.stem}.damaged", f"{path.stem}.damaged-wal"}
    wal = path.with_name(f"{path.stem}.damaged-wal")
    assert wal.read_bytes() == b"what may be worth something"


def test_a_write_ahead_log_that_a_kill_left_behind_its_damaged_file_follows_it(folder: Path) -> None:
    path = filled(folder, batches=1)
    path.rename(path.with_suffix(".damaged"))
    path.with_name(f"{path.name}-wal").write_bytes(b"log")
    assert spool.adopt(folder) == []
    assert path.with_name(f"{path.stem}.damaged-wal").read_bytes() == b"log"
    assert spool.others(folder, []) == 0


@pytest.mark.parametrize(
    "code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN]
)
def test_what_may_pass_is_no_damage_and_the_file_is_tried_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    first, second = filled(folder, batches=1), filled(folder, batches=1)
    opened = Spool._open

    def failing(self: Spool) -> sqlite3.Connection:
        if self.path == first:
            error = sqlite3.OperationalError("not now")
            error.sqlite_errorcode = code
            raise error
        return opened(self)

    with monkeypatch.context() as patch:
        patch.setattr(Spool, "_open", failing)
        (one,) = spool.adopt(folder)
        assert one.path == second
    assert spool.damaged(folder) == []
    (again,) = spool.adopt(folder)
    assert again.path == first
    again.close()
    one.close()


def test_a_file_whose_rights_cannot_be_set_keeps_no_other_from_being_adopted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = filled(folder, batches=1), filled(folder, batches=1)
    chmod = Path.chmod

    def refusing(self: Path, mode: int) -> None:
        if self == first:
            raise PermissionError(errno.EPERM, "not yours")
        chmod(self, mode)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "chmod", refusing)
        found = spool.adopt(folder)
    assert [each.path for each in found] == [second]
    found += spool.adopt(folder)  # its lock was given back
    assert [each.path for each in found] == [second, first]
    for each in found:
        each.close()


def test_files_that_are_empty_are_taken_away(folder: Path) -> None:
    path = filled(folder, batches=1)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM event")
        db.execute("DELETE FROM batch")
    assert spool.adopt(folder) == []
    assert list(folder.iterdir()) == []


def test_what_a_full_disk_does_not_delete_is_not_given_twice(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(folder, batches=4)
    (one,) = spool.adopt(folder)

    def full(_self: Spool) -> None:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Spool, "_forget", full)
        found = [one.first(1, 1)[0] for _ in range(1)]
        one.drop(found[0].seq)
        found += one.first(1, 1)
    assert [int(batch.id[:8], 16) for batch in found] == [0, 1]
    assert (one.stale, one.rows) == (True, 3 * EACH)
    one.drop(one.first(100, 10**9)[-1].seq)
    assert (one.stale, one.rows) == (False, 0)
    one.close()
    assert list(folder.iterdir()) == []


def test_its_level_is_seen_from_outside_whether_somebody_works_on_it_or_not(folder: Path) -> None:
    filled(folder, batches=3)
    mine = spool.create(folder)
    mine.append(_id(9), BEGAN - 7, [event(9, 0)], doubt=False)
    folder.joinpath("old.damaged").write_bytes(b"")
    seen = level(folder, 1024 * 1024)
    assert (seen.events, seen.oldest) == (3 * EACH + 1, BEGAN - 7)
    assert 0 < seen.share < 0.1
    assert ([each.name for each in seen.damaged], seen.unread) == (["old.damaged"], 0)
    mine.drop(mine.first(1, 1)[0].seq)
    mine.close()


@pytest.fixture
def integration(keys: dict[str, str]) -> int:
    return int(Integration.objects.get(kind="generic").pk)


def arrive(folder: Path, wanted: int) -> list[str]:
    """What is in the log once a door that found `folder` has emptied it."""

    async def deed(_client: httpx.AsyncClient, door: Door) -> None:
        async with asyncio.timeout(60):
            while door.spool()["events"]:  # noqa: ASYNC110 - the door tells nobody when it is empty
                await asyncio.sleep(0.02)

    Visitor(database_url(), spool_dir=folder).visit(deed)
    found = [bytes(row["payload"]).split(b'"')[3].decode() for row in rows()]
    assert len(found) >= wanted
    return found


def test_a_damaged_file_does_not_hold_up_a_good_one(folder: Path, integration: int) -> None:
    bad = filled(folder, integration=integration)
    filled(folder, batches=3, begin=500, integration=integration)
    spoil(bad, b'"030-2"')
    found = arrive(folder, (BATCHES - 20) * EACH + 3 * EACH)
    assert found[-3 * EACH :] == [f"{batch}-{each}" for batch in range(500, 503) for each in range(EACH)]
    mine = found[: -3 * EACH]
    assert mine == sorted(mine)
    assert len(set(mine)) == len(mine) >= BATCHES * EACH - PAGE // 300
    assert [each.suffix for each in spool.damaged(folder)] == [".damaged"]
    assert metrics.registry.get_sample_value("tocsin_spool_damaged_files") == 1


def test_a_batch_that_was_copied_before_the_kill_is_not_copied_again(
    folder: Path, integration: int, tmp_path: Path
) -> None:
    path = filled(folder, batches=8, integration=integration)
    before = shutil.copytree(folder, tmp_path / "before")
    assert len(arrive(folder, 8 * EACH)) == 8 * EACH
    assert not path.exists()
    assert len(arrive(before, 8 * EACH)) == 8 * EACH


def test_the_files_of_others_count_in_how_full_it_is_as_they_do_in_the_limit(
    folder: Path, integration: int
) -> None:
    options = Options(database_url(), folder, 1)
    other = spool.create(folder)  # of a process that runs
    other.append(_id(1), BEGAN, [event(1, n)._replace(payload=b"x" * 300_000) for n in range(3)], doubt=False)

    async def deed(_client: httpx.AsyncClient, door: Door) -> float:
        return door.spool()["share"]

    visitor = Visitor(database_url(), spool_dir=folder)
    visitor.options = options
    assert visitor.visit(deed) > 0.8
    assert (metrics.registry.get_sample_value("tocsin_spool_share") or 0) > 0.8
    other.drop(other.first(9, 10**9)[-1].seq)
    other.close()
