"""Who goes on and off call in the next hours: read once for all that is told because of it."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

from django.conf import settings
from django.db import transaction

from tocsin.apps.identity.models import User, UserState
from tocsin.apps.oncall.models import NoticeSent, NoticeSettings
from tocsin.apps.oncall.queries.notices import DEFAULT, notice_of
from tocsin.apps.oncall.queries.stored import book as stored_book
from tocsin.apps.oncall.queries.stored import everybody_of, schedule_definitions
from tocsin.apps.oncall.types import NoticeInfo
from tocsin.domain.schedule import Book, resolve
from tocsin.domain.schedule.notices import DEFAULT_READINESS, LONGEST_SEEN, SHORTEST_ASKED, Spell, spells
from tocsin.lib.log import Logger
from tocsin.lib.segments import segment

_log = Logger(__name__)
BACK: Final = timedelta(hours=12)  # so long an outage of ours may be, and hand-offs are still told
_MARGIN: Final = timedelta(minutes=1)
_BEYOND: Final = SHORTEST_ASKED + _MARGIN  # to see whether a shift is long enough
_REACHES: Final = (timedelta(days=2), LONGEST_SEEN)


@dataclass(frozen=True)
class Ahead:
    """`spells` by schedule; they reach as far as somebody of it wants to hear ahead."""

    book: Book
    spells: Mapping[str, tuple[Spell, ...]]
    readiness: Mapping[str, timedelta]
    notices: Mapping[str, NoticeInfo]

    def of_person(self) -> Mapping[str, list[Spell]]:
        found: dict[str, list[Spell]] = defaultdict(list)
        for several in self.spells.values():
            for spell in several:
                found[spell.user].append(spell)
        return found

    def wants(self, email: str) -> NoticeInfo:
        return self.notices.get(email, DEFAULT)


def look(now: datetime, since: datetime) -> Ahead:
    """From `since` on. A schedule that cannot be resolved is reported and left out: the others go on."""
    since -= _MARGIN
    made = stored_book(since=since)
    defined = schedule_definitions()
    asked = {name: one.readiness for name, one in defined.items() if one.readiness is not None}
    wishes = {row.user.email: notice_of(row) for row in NoticeSettings.objects.select_related("user")}
    found, readiness = {}, {}
    for name in made.own_names:
        plan = made.schedule(name)
        if plan is None:
            continue
        readiness[name] = asked.get(name, DEFAULT_READINESS)
        wanted = map(wishes.get, everybody_of(made, plan))
        until = now + _longest(readiness[name], wanted) + _BEYOND
        try:
            found[name] = spells(name, resolve(made, plan, since, until))
        except Exception:  # noqa: BLE001 - one schedule is at fault
            _log.exception("a schedule cannot be resolved", schedule=name)
    return Ahead(made, found, readiness, wishes)


def whole(ahead: Ahead, spell: Spell) -> Spell:
    """Up to its real end, 32 days at most: what was looked at ends sooner."""
    plan = ahead.book.schedule(spell.schedule)
    found = spell
    for reach in _REACHES:
        until = spell.start + reach
        shifts = resolve(ahead.book, plan, spell.start, until) if plan else []
        same = (one for one in spells(spell.schedule, shifts) if (one.user, one.role) == _who(spell))
        found = next((one for one in same if one.start == spell.start and not one.fallback), spell)
        if found.end < until:
            break
    return found


def _who(spell: Spell) -> tuple[str, str]:
    return spell.user, spell.role


def _longest(readiness: timedelta, wishes: Iterable[NoticeInfo | None]) -> timedelta:
    chosen = [one or DEFAULT for one in wishes]
    return max([readiness, *(lead for one in chosen for lead in (*one.on, *one.off))])


# ---- telling once ----


def key(*parts: object) -> str:
    """Of `NoticeSent`; names are longer than it may be."""
    return f"{parts[0]}:{hashlib.sha256('|'.join(map(str, parts)).encode()).hexdigest()[:48]}"


def unsent(keys: Collection[str]) -> set[str]:
    known = NoticeSent.objects.filter(key__in=keys).values_list("key", flat=True) if keys else ()
    return set(keys) - set(known)


def once(keys: Iterable[str], now: datetime, say: Callable[[], None]) -> bool:
    """Say it and write down that it was said, both or neither; whether that went well. What goes wrong with
    one concerns no other.
    """
    rows = [NoticeSent(key=each, at=now) for each in keys]
    try:
        with transaction.atomic():
            NoticeSent.objects.bulk_create(rows, ignore_conflicts=True)
            say()
    except Exception:  # noqa: BLE001 - the others are still to be told
        _log.exception("a notice failed; it is tried again", keys=[row.key for row in rows])
        return False
    return True


def present(emails: Iterable[str]) -> dict[str, User]:
    """Those of them who are here."""
    rows = User.objects.filter(email__in=set(emails)).exclude(state=UserState.LEFT)
    return {row.email: row for row in rows}


def page_of(schedule: str) -> str:
    return f"{settings.TOCSIN.public_url}/schedules/{quote(segment(schedule))}"
