"""Telling people that they go on or off call, and who takes over from whom.

Any number of workers may do it: one at a time, and what was said is written down in the transaction in which
it is said.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from tocsin.apps.identity.models import User
from tocsin.apps.oncall import readiness
from tocsin.apps.oncall.ahead import BACK, Ahead, key, look, once, page_of, present, unsent, whole
from tocsin.apps.oncall.models import NoticeSent
from tocsin.apps.oncall.queries.notices import notices
from tocsin.apps.oncall.queries.stored import book
from tocsin.apps.oncall.types import NoticeInfo
from tocsin.domain.notification.model import Occasion
from tocsin.domain.schedule import Book, resolve
from tocsin.domain.schedule.notices import (
    LONGEST_SEEN,
    HandOff,
    Spell,
    described,
    due,
    hand_offs,
    moment,
    spells,
)
from tocsin.domain.time import parse_zone
from tocsin.lib import bus, pg
from tocsin.ports.events import DutyWord, HandedOver, ShiftsMoved

MOST: Final = 50  # words of a kind in one transaction
_KEPT: Final = timedelta(days=60)
_TICK: Final = "tick"  # its row says when we last looked
_MOST_MOVED: Final = 10

Pick = Callable[[Spell], datetime]
Said = Mapping[str, Spell]  # by the keys of what is said with it


def tick(now: datetime) -> bool:
    """Tell what is due, so many at a time that nobody waits long for the others; whether there is more."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            if not pg.try_lock(cursor, "oncall.notices"):
                return False  # another worker is at it
        last = NoticeSent.objects.filter(key=_TICK).values_list("at", flat=True).first() or now
        # Clocks go back, and another worker's may be ahead: from after now on, shifts would seem to begin.
        since = min(now, max(last, now - BACK))
        ahead = look(now, since)
        asked = readiness.ask(ahead, now, MOST)
        readiness.void(ahead, now)
        more = len(asked) > MOST
        more |= _going_on(ahead, asked, now)
        more |= _going_off(ahead, now)
        left, some = _handed_over(ahead, since, now)
        # What is left of the hand-offs is looked for from the same instant on.
        NoticeSent.objects.update_or_create(key=_TICK, defaults={"at": last if left else now})
        NoticeSent.objects.filter(at__lt=now - _KEPT).exclude(key=_TICK).delete()
    return more or (left > 0 and some)


def on_shifts_moved(news: ShiftsMoved) -> None:
    """One quiet word of what somebody else changed about a person's shifts to come."""
    user = present([news.email]).get(news.email)
    if user is None or not notices(news.email).moved:
        return
    zone = parse_zone(user.timezone)

    def shown(word: str, moved: Sequence[tuple[str, datetime, datetime]]) -> list[str]:
        lines = [
            f"{word} {schedule}: {moment(start, zone)} – {moment(end, zone)} ({zone.key})"
            for schedule, start, end in moved[:_MOST_MOVED]
        ]
        left = len(moved) - len(lines)
        return [*lines, f"{word} {left} more"] if left else lines

    lines = (
        *shown("You are on call for", news.gained),
        *shown("You are no longer on call for", news.lost),
        f"By {news.by}: {news.why}",
    )
    schedules = list(dict.fromkeys(name for name, _, _ in (*news.gained, *news.lost)))
    headline = f"Your shifts moved: {', '.join(schedules)}"
    # Published once, in the transaction that moves them: what it says makes it unlike any other.
    said = key("moved", news.email, news.at, *lines)
    first = min((start for _, start, _ in news.gained if start > news.at), default=None)
    bus.publish(DutyWord(news.email, headline, lines, news.at, said, before=first, occasion=Occasion.MOVED))


def _going_on(ahead: Ahead, asked: frozenset[readiness.Edge], now: datetime) -> bool:
    waiting = _waiting(ahead, "on", lambda wishes: wishes.on, lambda spell: spell.start, now)
    # Being asked to be ready says it already; who chose their own times hears at each of them all the same.
    known = readiness.edges(now) if waiting else set()
    said_already = asked | {edge for edge in known if edge[0] not in ahead.notices}

    def lines(said: Said, zone: ZoneInfo) -> list[str]:
        return [described(whole(ahead, spell), zone) for spell in dict.fromkeys(said.values())]

    return _say("on", waiting, said_already, lines, now)


def _going_off(ahead: Ahead, now: datetime) -> bool:
    waiting = _waiting(ahead, "off", lambda wishes: wishes.off, lambda spell: spell.end, now)
    return _say("off", waiting, frozenset(), lambda *_: [], now)


def _say(
    kind: str,
    waiting: Mapping[readiness.Edge, Said],
    silent: frozenset[readiness.Edge],
    lines: Callable[[Said, ZoneInfo], list[str]],
    now: datetime,
) -> bool:
    """The first of those that wait; whether there are more. What is `silent` counts as said."""
    people = present(email for email, _ in waiting)
    heard = (edge for edge in waiting if edge[0] in people and edge not in silent)
    loud = sorted(heard, key=lambda edge: edge[1])
    quiet = [each for edge in waiting.keys() - loud for each in waiting[edge]]
    if quiet:
        once(quiet, now, _nothing)

    def say(user: User, edge: datetime, said: Said) -> None:
        bus.publish(_word(user, kind, edge, said, lines(said, parse_zone(user.timezone)), now))

    done = [
        once(waiting[email, edge], now, partial(say, people[email], edge, waiting[email, edge]))
        for email, edge in loud[:MOST]
    ]
    return len(loud) > MOST and any(done)


def _nothing() -> None:
    """For what is marked as said, because other words say it."""


def _waiting(
    ahead: Ahead, kind: str, leads: Callable[[NoticeInfo], tuple[timedelta, ...]], edge: Pick, now: datetime
) -> dict[readiness.Edge, Said]:
    """What is due and was not said, by person and edge."""
    candidates = {
        key(kind, spell.schedule, spell.role, spell.user, edge(spell), lead): spell
        for several in ahead.spells.values()
        for spell in several
        if not spell.fallback
        for lead in due(edge(spell), leads(ahead.wants(spell.user)), now)
    }
    found: dict[readiness.Edge, dict[str, Spell]] = defaultdict(dict)
    for each in unsent(candidates):
        spell = candidates[each]
        found[spell.user, edge(spell)][each] = spell
    return {**found}


def _word(user: User, kind: str, edge: datetime, said: Said, lines: Iterable[str], now: datetime) -> DutyWord:
    names = list(dict.fromkeys(spell.schedule for spell in said.values()))
    headline = f"You go {kind} call for {', '.join(names)} on {moment(edge, parse_zone(user.timezone))}"
    lines = (*lines, *(page_of(name) for name in names))
    return DutyWord(user.email, headline, lines, now, key(kind, *sorted(said)), before=edge)


def _handed_over(ahead: Ahead, since: datetime, now: datetime) -> tuple[int, bool]:
    """How many are left to tell, and whether any were told now."""
    found = [
        one
        for several in ahead.spells.values()
        for one in hand_offs(several, since, now)
        if _holds(one, several, now)
    ]
    keys = {key("handoff", one.schedule, one.role, one.at): one for one in found}
    new = unsent(keys)
    made = book(since=since - LONGEST_SEEN) if new else ahead.book
    first = sorted(new, key=lambda each: keys[each].at)[:MOST]
    done = sum(once([each], now, partial(_publish, made, keys[each])) for each in first)
    return len(new) - done, done > 0


def _holds(one: HandOff, several: Iterable[Spell], now: datetime) -> bool:
    """Whether anybody who came on is on call yet: after an outage of ours, others are by now."""
    return any(spell.start == one.at and spell.role == one.role and now < spell.end for spell in several)


def _publish(made: Book, one: HandOff) -> None:
    began = _began(made, one)
    bus.publish(HandedOver(one.schedule, one.role, one.outgoing, one.incoming, began, one.at))


def _began(made: Book, one: HandOff) -> datetime:
    """When the outgoing shift did; after a time that was nobody's, when that did."""
    plan = made.schedule(one.schedule)
    before = resolve(made, plan, one.at - LONGEST_SEEN, one.at) if plan else []
    theirs = [
        spell for spell in spells(one.schedule, before) if spell.role == one.role and not spell.fallback
    ]
    if one.outgoing:
        return min((s.start for s in theirs if s.end == one.at and s.user in one.outgoing), default=one.at)
    return max((spell.end for spell in theirs), default=one.at)
