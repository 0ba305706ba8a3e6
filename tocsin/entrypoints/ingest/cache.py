"""What the last process knew of keys, so that a door that starts while the database is away still opens.

Keys stand there as digests; configs may hold secrets of signatures, so the file is this user's alone.
"""

import hashlib
import json
import logging
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from tocsin.lib import files

logger = logging.getLogger(__name__)

_FILE: Final = "keys.json"

# id, name, kind, enabled, config as JSON, and until when an old key opens.
Found = tuple[int, str, str, bool, str, datetime | None]


class Cache:
    def __init__(self, folder: Path | None) -> None:
        self._path = folder / _FILE if folder else None
        self._kept: Sequence[tuple[Any, ...]] | None = None
        self._entries: dict[str, list[Any]] | None = None

    def keep(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Rows as `keys` reads them; the file is written when they are others than before."""
        if self._path is None or rows == self._kept:
            return
        self._kept, self._entries = rows, None
        entries = {}
        for key, id_, name, kind, enabled, config, old_key, until in rows:
            entries[_digest(key)] = [id_, name, kind, enabled, config, None]
            if old_key:
                entries[_digest(old_key)] = [id_, name, kind, enabled, config, until.isoformat()]
        try:
            files.write_secret(self._path, json.dumps(entries))
        except OSError as error:
            logger.warning(
                "the keys cannot be kept for a start without database", extra={"error": str(error)}
            )

    def find(self, key: str) -> Found | None:
        if self._entries is None:
            self._entries = self._read()
        entry = self._entries.get(_digest(key))
        if entry is None:
            return None
        id_, name, kind, enabled, config, until = entry
        return id_, name, kind, enabled, config, datetime.fromisoformat(until) if until else None

    def _read(self) -> dict[str, list[Any]]:
        try:
            text = self._path.read_text(encoding="utf-8") if self._path else "{}"
            found = json.loads(text)
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
