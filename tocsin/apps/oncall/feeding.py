"""What is served at the secret address of a feed.

What each event was last said to be is kept, so that a calendar program sees a change as a change. It is
written when a feed is read and something is different; else reading writes nothing. Shifts to come that
vanished are served as cancelled for a month, since some programs keep what is merely missing.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote

from django.conf import settings
from django.db import connection, transaction

from tocsin.apps.audit.models import AuditEntry
from tocsin.apps.identity import queries as identity
from tocsin.apps.identity.models import UserState
from tocsin.apps.oncall import queries, sql
from tocsin.apps.oncall.models import Feed, FeedEvent
from tocsin.apps.oncall.queries.feeds import PURPOSE
from tocsin.apps.oncall.queries.stored import everybody_of
from tocsin.domain.schedule import Book, Origin, Shift
from tocsin.domain.schedule.calendar import Duty, duties, listed
from tocsin.lib import ical, pg, signing
from tocsin.lib.segments import segment

_FORM: Final = "1"  # of the text; a new one makes every tag of before outdated
_BACK: Final = timedelta(days=31)
_AHEAD: Final = timedelta(days=366)
_OLDER: Final = timedelta(days=200)  # overrides that may have cut the first shifts
_CANCELLED_FOR: Final = timedelta(days=30)
_MOST_EVENTS: Final = 4_000
_NOTED_EVERY: Final = timedelta(hours=1)
# Of transactions that write, none is open for longer.
_SETTLED: Final = timedelta(minutes=1)
_ORIGINS: Final = {
    Origin.OVERRIDE: "by an override",
    Origin.SWAP: "by a swap",
    Origin.FALLBACK: "as the fallback, because nobody else is",
}


@dataclass(frozen=True)
class Served:
    """`body` None: what the reader has is still right."""

    body: bytes | None
    tag: str


@dataclass(frozen=True)
class Dead:
    status: int
    why: str


@dataclass(frozen=True)
class _Event:
    """A shift in the words of both kinds of feeds."""

    duty: Duty
    who: str

    @property
    def uid(self) -> str:
        return self.duty.uid

    @property
    def shift(self) -> Shift:
        return self.duty.shift

    @property
    def by_schedule(self) -> str:
        if self.shift.user is None:
            return f"Nobody on call: {self.duty.schedule}"
        return f"On call: {self.who} ({self.shift.role})"

    @property
    def by_person(self) -> str:
        return f"On call: {self.duty.schedule} ({self.shift.role})"

    @property
    def description(self) -> str:
        shift = self.shift
        if shift.user is None:
            return f"Nobody is on call for {self.duty.schedule}."
        person = f"{self.who} <{shift.user}>" if self.who != shift.user else shift.user
        via = _ORIGINS.get(shift.origin, f"by the rotation {shift.rotation}")
        return f"{person} is on call for {self.duty.schedule} ({shift.role}), {via}."

    @property
    def digest(self) -> str:
        said = (self.shift.start.isoformat(), self.shift.end.isoformat(), self.by_schedule, self.description)
        return hashlib.sha256("\x1f".join(said).encode()).hexdigest()


@dataclass(frozen=True)
class _Said:
    sequence: int
    changed_at: datetime


def opened(token: str, now: datetime) -> Feed | Dead:
    """The feed of an address. Only who holds a real one hears that it was taken back."""
    try:
        pk, _, nonce = str(signing.verify(PURPOSE, token, now)).partition(" ")
    except signing.BadSignature:
        return Dead(404, "There is no calendar at this address. Copy it again from “My on-call”.")
    row = Feed.objects.select_related("user").filter(pk=int(pk)).first()
    if row is None:
        return Dead(410, "This calendar was revoked. Make a new one on “My on-call”.")
    if not signing.same(row.nonce, nonce):
        return Dead(410, "This address was replaced by a new one. Copy it from “My on-call”.")
    if row.user.state == UserState.LEFT or not row.user.is_active:
        return Dead(410, "This calendar belonged to somebody who has left.")
    return row


def serve(feed: Feed, *, tag: str, gaps: bool, now: datetime) -> Served:
    """The text of the feed, unless it is what `tag` (of an earlier answer) stands for."""
    state = _state(feed, gaps=gaps, now=now)
    if state and tag.partition(".")[0] == state:
        return Served(None, tag)
    if feed.read_at is None or now - feed.read_at >= _NOTED_EVERY:
        Feed.objects.filter(pk=feed.pk).update(read_at=now)
    # What was said is read before the definitions: it cannot know of anything that they do not.
    said = list(_stored(feed))
    made = queries.book(since=now - _BACK - _OLDER)
    events, cut = _events(feed, made, now)
    known = _say(said, events, _scope(feed, made, cut), now)
    body = _text(feed, events, said, known, made, gaps=gaps)
    content = hashlib.sha256(body).hexdigest()[:32]
    fresh = f"{state}.{content}"
    return Served(None if content == tag.partition(".")[2] else body, fresh)


def _state(feed: Feed, *, gaps: bool, now: datetime) -> str:
    """What the text depends on, as far as one query tells; "" while a transaction may still be open that
    began before the newest entry of the audit log.
    """
    newest = AuditEntry.objects.order_by("-id").values_list("id", "at").first()
    if newest is not None and newest[1] > now - _SETTLED:
        return ""
    return f"{_FORM}-{feed.pk}-{newest[0] if newest else 0}-{now:%Y%m%d}{'-gaps' if gaps else ''}"


def _stored(feed: Feed) -> Iterable[FeedEvent]:
    if feed.schedule:
        return FeedEvent.objects.filter(schedule=feed.schedule)
    return FeedEvent.objects.filter(email=feed.user.email)


def _events(feed: Feed, made: Book, now: datetime) -> tuple[list[_Event], datetime | None]:
    """And from when on there are more than a calendar program would bear. The edges move by the month, so
    that a shift that never ends is not another one every day.
    """
    start, end = _month(now - _BACK), _month(now + _AHEAD + _BACK)
    found: list[Duty] = []
    for name in [feed.schedule] if feed.schedule else listed(made):
        plan = made.schedule(name)
        if plan is None or not (feed.schedule or feed.user.email in everybody_of(made, plan)):
            continue
        several = duties(made, plan, start, end)
        found += [one for one in several if feed.schedule or one.shift.user == feed.user.email]
    found.sort(key=lambda one: (one.shift.start, one.schedule, one.uid))
    cut = found[_MOST_EVENTS].shift.start if len(found) > _MOST_EVENTS else None
    found = found[:_MOST_EVENTS]
    names = {
        person.email: person.name or person.email
        for person in identity.people(
            emails={one.shift.user for one in found if one.shift.user}, include_left=True
        )
    }
    return [_Event(one, names.get(one.shift.user or "", one.shift.user or "")) for one in found], cut


def _month(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


@dataclass(frozen=True)
class _Scope:
    """Which of the stored events a feed speaks for."""

    beyond: frozenset[str]  # schedules that it leaves to feeds of their own
    cut: datetime | None

    def holds(self, row: FeedEvent) -> bool:
        return row.schedule not in self.beyond and (self.cut is None or row.start < self.cut)


def _scope(feed: Feed, made: Book, cut: datetime | None) -> _Scope:
    beyond = frozenset() if feed.schedule else frozenset(made.names) - frozenset(listed(made))
    return _Scope(beyond, cut)


def _say(said: list[FeedEvent], events: list[_Event], scope: _Scope, now: datetime) -> Mapping[str, _Said]:
    """The sequence of each event; what changed is written, and `said` follows it."""
    before = {row.uid: row for row in said}
    present = {event.uid for event in events}
    new = [
        event
        for event in sorted(events, key=lambda one: one.uid)
        if (row := before.get(event.uid)) is None or row.digest != event.digest or row.gone_at is not None
    ]
    missing = [row for row in said if row.uid not in present and scope.holds(row)]
    gone = [row for row in missing if row.gone_at is None and row.end > now]
    # Only what was cancelled for long enough, and what is too long ago to be served.
    forgotten = [
        row.uid
        for row in missing
        if (row.gone_at is not None and row.gone_at <= now - _CANCELLED_FOR)
        or (row.gone_at is None and row.end <= _month(now - _BACK))
    ]
    known = {row.uid: _Said(row.sequence, row.changed_at) for row in said}
    if new or gone or forgotten:
        for row in gone:
            row.gone_at = now
        known |= {event.uid: _Said(0, now) for event in new if event.uid not in known}
        known |= _write(new, [row.uid for row in gone], forgotten, now)
        said[:] = [row for row in said if row.uid not in set(forgotten)]
    return known


@transaction.atomic
def _write(new: list[_Event], gone: list[str], forgotten: list[str], now: datetime) -> dict[str, _Said]:
    with connection.cursor() as cursor:
        # One writer at a time: two feeds with events in common would else wait for each other.
        pg.lock(cursor, PURPOSE)
        cursor.execute(
            sql.SAY_EVENTS,
            {
                "now": now,
                "gone": gone,
                "forgotten": forgotten,
                "uid": [event.uid for event in new],
                "schedule": [event.duty.schedule for event in new],
                "email": [event.shift.user or "" for event in new],
                "digest": [event.digest for event in new],
                "start": [event.shift.start for event in new],
                "end": [event.shift.end for event in new],
                "summary": [event.by_schedule[:512] for event in new],
            },
        )
        return {uid: _Said(sequence, changed_at) for uid, sequence, changed_at in cursor.fetchall()}


def _text(
    feed: Feed,
    events: list[_Event],
    said: list[FeedEvent],
    known: Mapping[str, _Said],
    made: Book,
    *,
    gaps: bool,
) -> bytes:
    present = {event.uid for event in events}
    entries = [_entry(feed, event, known[event.uid]) for event in events if gaps or event.shift.user]
    entries += [
        _cancelled(feed, row, known[row.uid])
        for row in said
        if row.gone_at is not None and row.uid not in present and (gaps or row.email)
    ]
    entries.sort(key=lambda entry: (entry.start, entry.uid))
    if feed.schedule:
        plan = made.schedule(feed.schedule)
        return ical.write(f"On call: {feed.schedule}", plan.zone.key if plan else "UTC", entries)
    return ical.write(f"On call: {feed.user.name or feed.user.email}", feed.user.timezone, entries)


def _entry(feed: Feed, event: _Event, said: _Said) -> ical.Entry:
    page = _page(event.duty.schedule)
    return ical.Entry(
        uid=event.uid,
        start=event.shift.start,
        end=event.shift.end,
        summary=event.by_schedule if feed.schedule else event.by_person,
        description=f"{event.description}\n{page}",
        url=page,
        sequence=said.sequence,
        changed_at=said.changed_at,
    )


def _cancelled(feed: Feed, row: FeedEvent, said: _Said) -> ical.Entry:
    return ical.Entry(
        uid=row.uid,
        start=row.start,
        end=row.end,
        summary=row.summary if feed.schedule else f"On call: {row.schedule}",
        description="This shift is not on call any more.",
        url=_page(row.schedule),
        sequence=said.sequence,
        changed_at=said.changed_at,
        cancelled=True,
    )


def _page(schedule: str) -> str:
    return f"{settings.TOCSIN.public_url}/schedules/{quote(segment(schedule))}"
