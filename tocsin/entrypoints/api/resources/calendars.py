"""Calendars out (feeds) and in."""

from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from ninja import Field, Path, Query, Router, Schema, Status

from tocsin.apps.oncall import actions, queries
from tocsin.apps.oncall.types import CalendarInfo, FeedInfo
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.permissions import Permission, require
from tocsin.entrypoints.api.context import ApiRequest
from tocsin.entrypoints.api.shapes import Email, Id, In, Listed, Name, found, sliced

router = Router()
feeds = Router()

Address = Field(max_length=2048, examples=["https://calendar.google.com/calendar/ical/…/basic.ics"])


class Feed(Schema):
    """`url` is empty for everybody but its owner; so is `schedule` for the person's own shifts."""

    id: int
    email: str
    schedule: str
    url: str
    created_at: datetime
    read_at: datetime | None


class Feeds(Schema):
    items: list[Feed]
    next_cursor: str | None


class FeedFilter(Listed):
    user: Email | None = Field(None, description="Somebody else's, for those who manage people")


class FeedIn(In):
    schedule: str = Field("", max_length=128, description="Empty: one's own shifts")


class UnmatchedOut(Schema):
    """An event that nothing was made of, and why."""

    summary: str
    start: datetime | None
    end: datetime | None
    why: str


class Calendar(Schema):
    """`url_shown` hides what may be a secret. `failures` since `read_at`; what was read then is in force.
    `idle` of the `events` change nothing: whom they name is on call anyway.
    """

    id: int
    name: str
    url_shown: str
    use: str
    schedule: str
    email: str | None
    due_at: datetime
    read_at: datetime | None
    failures: int
    problem: str
    unmatched: list[UnmatchedOut]
    events: int
    idle: int
    created_by: str


class Calendars(Schema):
    items: list[Calendar]
    next_cursor: str | None


class CalendarFilter(Listed):
    schedule: str | None = None
    user: Email | None = None


class CalendarIn(In):
    name: Name
    url: str = Address
    use: Literal["overrides", "absences"]
    schedule: str = Field("", max_length=128, description="Whose overrides its events are")
    user: Email | None = Field(None, description="Whose absences they are; null: whom each event names")


class CalendarChange(In):
    name: Name | None = None
    url: str | None = Field(None, max_length=2048)


@feeds.get("", response=Feeds)
def list_feeds(request: ApiRequest, filters: Query[FeedFilter]) -> Any:
    """One's own, with their addresses."""
    email = (filters.user or request.actor.email or "").lower()
    if email and email != request.actor.email:
        require(request.actor, Permission.MANAGE_PEOPLE)
    rows = [_shown(request, one) for one in queries.feeds(email)]
    return sliced(rows, lambda one: f"{one.id:019d}", filters)


@feeds.post("", response={201: Feed})
def make_feed(request: ApiRequest, body: FeedIn) -> Status[FeedInfo]:
    """A secret address for calendar programs, of one's own shifts or of a whole schedule."""
    request.shows_secret = True
    email = request.actor.email
    if email is None:
        raise Invalid(FieldError("user", "a feed belongs to a person: log in as one"))
    return Status(
        201, actions.make_feed(actor=request.actor, email=email, schedule=body.schedule, now=request.now)
    )


@feeds.get("/{feed_id}", response=Feed)
def read_feed(request: ApiRequest, feed_id: Path[Id]) -> FeedInfo:
    known = found(queries.feed(feed_id), "feed", feed_id)
    if known.email != request.actor.email:
        require(request.actor, Permission.MANAGE_PEOPLE)
    return _shown(request, known)


@feeds.post("/{feed_id}/renew", response=Feed)
def renew_feed(request: ApiRequest, feed_id: Path[Id]) -> FeedInfo:
    """Another address; the old one is dead at once."""
    request.shows_secret = True
    return actions.renew_feed(actor=request.actor, feed_id=feed_id, now=request.now)


@feeds.delete("/{feed_id}", response={204: None})
def revoke_feed(request: ApiRequest, feed_id: Path[Id]) -> Status[None]:
    actions.revoke_feed(actor=request.actor, feed_id=feed_id, now=request.now)
    return Status(204, None)


@router.get("", response=Calendars)
def list_calendars(request: ApiRequest, filters: Query[CalendarFilter]) -> Any:  # noqa: ARG001 - ninja's
    rows = queries.calendars(schedule=filters.schedule, email=filters.user)
    return sliced(rows, lambda one: f"{one.id:019d}", filters)


@router.post("", response={201: Calendar})
def add_calendar(request: ApiRequest, body: CalendarIn) -> Status[CalendarInfo]:
    """Read an iCal address every ten minutes; the first time within seconds."""
    made = actions.add_calendar(
        actor=request.actor,
        name=body.name,
        url=body.url,
        use=body.use,
        schedule=body.schedule,
        email=body.user,
        now=request.now,
    )
    return Status(201, made)


@router.get("/{calendar_id}", response=Calendar)
def read_calendar(request: ApiRequest, calendar_id: Path[Id]) -> CalendarInfo:  # noqa: ARG001 - ninja's
    return found(queries.calendar(calendar_id), "calendar", calendar_id)


@router.patch("/{calendar_id}", response=Calendar)
def change_calendar(request: ApiRequest, calendar_id: Path[Id], body: CalendarChange) -> CalendarInfo:
    return actions.edit_calendar(
        actor=request.actor, calendar_id=calendar_id, name=body.name, url=body.url, now=request.now
    )


@router.delete("/{calendar_id}", response={204: None})
def remove_calendar(request: ApiRequest, calendar_id: Path[Id]) -> Status[None]:
    """What it put on call to come goes, what runs ends now, and the past stays."""
    actions.remove_calendar(actor=request.actor, calendar_id=calendar_id, now=request.now)
    return Status(204, None)


@router.post("/{calendar_id}/read", response={202: Calendar})
def read_now(request: ApiRequest, calendar_id: Path[Id]) -> Status[CalendarInfo]:
    """Have it fetched within seconds; `read_at` or `failures` tells when that is done."""
    done = actions.read_calendar_now(actor=request.actor, calendar_id=calendar_id, now=request.now)
    return Status(202, done)


def _shown(request: ApiRequest, known: FeedInfo) -> FeedInfo:
    return known if known.email == request.actor.email else replace(known, url="")
