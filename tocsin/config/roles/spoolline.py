"""What `tocsin doctor` says of the events that wait on this host's disk for the database."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

from tocsin.domain.time import format_duration
from tocsin.lib import clock
from tocsin.lib.spoollevel import level

_NEARLY_FULL: Final = 0.8


class Options(Protocol):
    @property
    def spool_dir(self) -> Path: ...

    @property
    def spool_mb(self) -> int: ...


def look(options: Options) -> tuple[str, str, str, str]:
    """(check, state, detail, hint)."""
    found = level(options.spool_dir, options.spool_mb * 1024 * 1024)
    if found.damaged:
        names = ", ".join(path.name for path in found.damaged)
        hint = (
            f"What could be read of it is in the database; look at it in {options.spool_dir}, then remove it."
        )
        return "spool", "warning", f"damaged and put aside: {names}", hint
    if found.unread:
        hint = f"Check that this user may read {options.spool_dir}, and that the disk is sound."
        return "spool", "warning", f"{found.unread} files cannot be read", hint
    if not found.events:
        return "spool", "fine", "nothing waits on disk for the database", ""
    since = clock.now() - datetime.fromtimestamp(found.oldest / 1_000_000, UTC)
    ago = format_duration(max(timedelta(), timedelta(seconds=round(since.total_seconds()))))
    detail = f"{found.events} events wait for {ago}, {found.share:.0%} of the room"
    hint = "They are copied in once the database answers and a door runs here; full, it answers 503."
    return "spool", "failed" if found.share >= _NEARLY_FULL else "warning", detail, hint
