"""Stand-ins for every channel: they keep what arrives, fail for a while, and confirm late, twice or never."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tocsin.domain.notification.model import MessageKind
from tocsin.ports.callback import Fate, Progress
from tocsin.ports.channel import (
    ADDRESS,
    PLAIN,
    Abilities,
    FieldSpec,
    Message,
    Receipt,
    Result,
    StillWanted,
)

CONFIRMED_WITHIN = timedelta(seconds=90)


@dataclass(frozen=True)
class Arrival:
    at: datetime
    key: str
    via: str
    address: str
    kind: MessageKind


@dataclass
class Vendors:
    """What all channels share. `watch` looks at each message at the instant it leaves."""

    chance: random.Random
    now: Callable[[], datetime]
    watch: Callable[[Message], None]
    down: dict[str, list[tuple[datetime, datetime]]] = field(default_factory=dict)
    arrived: list[Arrival] = field(default_factory=list)
    callbacks: list[tuple[datetime, str, Progress]] = field(default_factory=list)
    may_repeat: set[str] = field(default_factory=set)  # keys that may rightly come twice

    def is_down(self, via: str) -> bool:
        now = self.now()
        return any(start <= now < end for start, end in self.down.get(via, ()))

    def take(self, via: str, message: Message) -> None:
        self.watch(message)
        self.arrived.append(Arrival(self.now(), message.key, via, message.address, message.kind))

    def confirm(self, via: str, message: Message) -> str:
        """Say later what became of it: in time, late, twice, or never."""
        ref = f"{via}-{len(self.arrived)}"
        word = Progress(ref, Fate.DELIVERED, "delivered", message.key)
        how = self.chance.choice(("soon", "soon", "soon", "late", "twice", "never"))
        after = timedelta(seconds=self.chance.uniform(1, 80))
        if how in {"late", "never"}:
            self.may_repeat.add(message.key)  # nobody can know that it came
            after += CONFIRMED_WITHIN
        times = {"twice": 2, "never": 0}.get(how, 1)
        self.callbacks += [(self.now() + after, via, word)] * times
        return ref

    def twice(self) -> dict[str, int]:
        """Keys that came more than once without a reason."""
        counted = Counter(one.key for one in self.arrived)
        return {key: n for key, n in counted.items() if n > 1 and key not in self.may_repeat}


@dataclass
class FakeChannel:
    type: str
    vendors: Vendors
    abilities: Abilities = PLAIN
    title: str = "A stand-in"
    fields: Sequence[FieldSpec] = ()
    counts: bool = True
    ready: str = ""
    address: FieldSpec = ADDRESS

    def check_address(self, address: str) -> str:
        return address.strip()

    def send(self, message: Message, still_wanted: StillWanted) -> Receipt:
        if not still_wanted():
            return Receipt(Result.WITHDRAWN, "no longer wanted")
        if self.vendors.is_down(self.type):
            after = self.vendors.chance.choice((None, None, 5.0, 30.0))
            return Receipt(Result.RETRY, "503 not now", retry_after_s=after, vendor=self.type, theirs=False)
        self.vendors.take(self.type, message)
        if self.abilities.receipts is None:
            return Receipt(Result.SENT, "taken", vendor=self.type)
        return Receipt(Result.SENT, "taken", vendor=self.type, ref=self.vendors.confirm(self.type, message))
