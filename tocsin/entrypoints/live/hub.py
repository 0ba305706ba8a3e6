"""One listener, many readers. What changed is only named, at most with the word for its new state, so a slow
reader costs a short list, no backlog.
"""

import asyncio
from dataclasses import dataclass, field

_PENDING_MOST = 256
EVERYTHING = ("*", "*")  # "fetch again all you show": sent to a reader who fell too far behind


@dataclass(eq=False)
class Reader:
    """Names waiting for one page, each once, with the latest state that was said ("": none)."""

    pending: dict[tuple[str, str], str] = field(default_factory=dict)
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def offer(self, kind: str, name: str, state: str = "") -> None:
        if EVERYTHING not in self.pending:
            self.pending[kind, name] = state or self.pending.get((kind, name), "")
            if len(self.pending) > _PENDING_MOST:
                self.pending = {EVERYTHING: ""}
        self.woken.set()

    def take(self) -> dict[tuple[str, str], str]:
        taken = dict(self.pending)
        self.pending.clear()
        self.woken.clear()
        return taken


class Hub:
    def __init__(self, most_readers: int) -> None:
        self._most = most_readers
        self._readers: set[Reader] = set()
        self.closing = False

    def __len__(self) -> int:
        return len(self._readers)

    def join(self) -> Reader | None:
        """A new reader; None when there are too many already."""
        if self.closing or len(self._readers) >= self._most:
            return None
        reader = Reader()
        self._readers.add(reader)
        return reader

    def leave(self, reader: Reader) -> None:
        self._readers.discard(reader)

    def tell(self, kind: str, name: str, state: str = "") -> None:
        for reader in self._readers:
            reader.offer(kind, name, state)

    def close(self) -> None:
        self.closing = True
        for reader in self._readers:
            reader.woken.set()
