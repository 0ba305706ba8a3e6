"""How much waits in a folder of spools, for whoever looks on: a page, `tocsin doctor`. It only looks."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from tocsin.lib import spool
from tocsin.lib.salvage import to_read


class Level(NamedTuple):
    """`oldest` in µs since 1970, 0: nothing waits. `share` as the limit has it."""

    events: int
    share: float
    oldest: int
    damaged: Sequence[Path]  # put aside for a person
    unread: int  # files that could not be read just now


def level(folder: Path, most_bytes: int) -> Level:
    """Of all processes of this host, whether they run or not."""
    events = held = unread = 0
    oldest: list[int] = []
    for path in spool.files(folder):
        try:
            with closing(to_read(path)) as db:
                rows, size, received = db.execute(
                    "SELECT coalesce(sum(events), 0), coalesce(sum(bytes), 0), min(received) FROM batch"
                ).fetchone()
        except sqlite3.Error:
            unread += path.exists()  # else its owner took it away in between
            continue
        events, held = events + rows, held + size
        oldest += [received] if received else []
    return Level(events, held / most_bytes, min(oldest, default=0), spool.damaged(folder), unread)
