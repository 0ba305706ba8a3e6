"""A past period through other routes than those in force: what would differ, before they are saved."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from tocsin.apps.configuration.queries import organisation
from tocsin.apps.integrations import history, queries, routechecks
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.permissions import Actor, Permission, require
from tocsin.domain.routing import Route
from tocsin.domain.simulation import Happening, Trigger
from tocsin.domain.simulation.replaying import Differences
from tocsin.domain.simulation.replaying import replay as play_twice

LONGEST: Final = timedelta(days=62)
MOST_EVENTS: Final = 5_000  # a page is waited for; `tocsin replay` takes any number
_SLICE: Final = 500


@dataclass(frozen=True)
class Replayed:
    """`until` is before the end that was asked for where there were more than MOST_EVENTS events."""

    found: Differences
    events: int
    since: datetime
    until: datetime
    cut: bool
    summaries: Mapping[str, str]  # what the alert of a dedup key says: many a key is a mere hash


def replay(*, actor: Actor, routes: Route, since: datetime, until: datetime) -> Replayed:
    """With the tables, services, schedules and people of today. Raises Invalid for a period that is none, and
    for routes that could not be saved.
    """
    require(actor, Permission.READ)
    if not timedelta(0) < until - since <= LONGEST:
        raise Invalid(FieldError("until", f"must be after the start, by at most {LONGEST.days} days"))
    routechecks.check_names(routes, queries.tables())
    events, cut = _recorded(actor, since, until)
    until = events[-1].at if cut else until
    present = organisation()
    found = play_twice(present, replace(present, routes=routes), events, since, until)
    said = {each.dedup_key: each.signal.summary for each in reversed(events) if isinstance(each, Trigger)}
    return Replayed(found, len(events), since, until, cut, said)


def _recorded(actor: Actor, since: datetime, until: datetime) -> tuple[list[Happening], bool]:
    found: list[Happening] = []
    cursor: str | None = None
    while True:
        part = history.happenings(actor=actor, since=since, until=until, cursor=cursor, limit=_SLICE)
        found += part.items
        cursor = part.next_cursor
        if cursor is None:
            return found, False
        if len(found) >= MOST_EVENTS:
            return found, True
