"""What is due at one instant goes through the queue's own stages: what leaves, what another message says for
it, and what a throttle puts off.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tocsin.domain.notification import queue
from tocsin.domain.notification.failing import pressing, rank
from tocsin.domain.notification.model import MessageKind, Waiting
from tocsin.domain.notification.throttle import SHIPPED, History, Limit, throttle
from tocsin.domain.simulation.model import Page, Unsent
from tocsin.domain.simulation.running import Message


@dataclass
class Left:
    """`elsewhere`: the person's next message takes the place of these, which wait too long for their way."""

    pages: list[Page] = field(default_factory=list)
    unsent: list[Unsent] = field(default_factory=list)
    held: list[Message] = field(default_factory=list)
    elsewhere: list[Message] = field(default_factory=list)


class Outbox:
    def __init__(self) -> None:
        self._to: dict[tuple[str, str], list[datetime]] = defaultdict(list)
        self._over: dict[str, list[datetime]] = defaultdict(list)
        self._people: dict[int, datetime] = {}
        self._services: dict[str, datetime] = {}
        self._numbers: dict[str, int] = {}

    def leave(self, messages: Sequence[Message], now: datetime) -> Left:
        """In the order in which they fell due: within one instant no order is seen."""
        numbered = dict(enumerate(messages))
        items = queue.order(
            [self._waiting(number, one, now) for number, one in numbered.items()],
            self._people,
            self._services,
        )
        items, merged = queue.merge(items)
        items, bundled = queue.bundle(items)
        going, held = throttle(items, SHIPPED, self._seen(items, now), {}, now)
        found = Left()
        for item in sorted(going, key=lambda one: one.id):
            found.pages.append(replace(numbered[item.id].page, at=now))
            self._people[item.person] = self._services[item.service] = now
            self._to[item.via, item.address].append(now)
            self._over[item.via].append(now)
        for gone in sorted((*merged, *bundled), key=lambda one: one.item.id):
            page, by = numbered[gone.item.id].page, numbered[gone.by.id].page
            why = f"{gone.reason}, for {by.dedup_key}" if by.dedup_key != page.dedup_key else gone.reason
            found.unsent.append(Unsent(replace(page, at=now), why))
        for late in held:
            message = numbered[late.item.id]
            reason = f"{message.said}; throttled: {late.reason}"
            message.page = replace(message.page, at=late.until, reason=reason)
            found.held.append(message)
            if late.elsewhere:
                found.elsewhere.append(message)
        return found

    def _waiting(self, number: int, message: Message, now: datetime) -> Waiting:
        page = message.page
        kind = MessageKind.STAKEHOLDER if message.stakeholder else MessageKind.PAGE
        person = self._numbers.setdefault(page.user, len(self._numbers) + 1)
        return Waiting(
            id=number,
            rank=rank(kind, page.urgency, first=message.first),
            due_at=now,
            wanted_at=message.wanted_at,
            person=person,
            kind=kind,
            via=page.contact,
            address=message.address,
            service=message.service,
            incident=message.incident,
            page=message.call,
            says=f"{page.step} {message.why}",
            hurry=pressing(kind, message.severity, first=message.first),
        )

    def _seen(self, items: Sequence[Waiting], now: datetime) -> History:
        """What was sent, as far as a limit looks back. A copy: places promised are its own."""
        seen = History()
        for via, address in {(item.via, item.address) for item in items if item.via in SHIPPED}:
            limits = SHIPPED[via]
            sent = self._to[via, address] = _since(self._to[via, address], now, limits.contact)
            seen.contact[via, address] = list(sent)
            over = self._over[via] = _since(self._over[via], now, limits.vendor)
            seen.vendor[via] = list(over)
        return seen


def _since(sent: list[datetime], now: datetime, limits: Sequence[Limit]) -> list[datetime]:
    longest = max((limit.within for limit in limits), default=timedelta(0))
    return [at for at in sent if at > now - longest]
