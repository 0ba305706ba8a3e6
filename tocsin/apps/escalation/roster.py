"""Who a target is now, from what is stored: read once for a batch of work, then answered from memory."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from tocsin.apps.audit import fresh
from tocsin.apps.identity import queries as identity
from tocsin.apps.notify.directory import Directory
from tocsin.apps.oncall import queries as oncall
from tocsin.domain.escalation.model import Resolution, Target
from tocsin.domain.escalation.resolving import TeamPeople
from tocsin.domain.escalation.resolving import make_resolve as resolver
from tocsin.domain.schedule import Book

_PAST_SHIFTS = timedelta(days=62)  # so far back "previous on call" may lie within overrides


def _read(at: datetime) -> tuple[Book, Mapping[str, TeamPeople], Directory]:
    teams = {
        team.name: TeamPeople(
            tuple(person.email for person in team.members),
            team.lead.email if team.lead else None,
            team.manager.email if team.manager else None,
        )
        for team in identity.teams()
    }
    directory = Directory()
    if fresh.enabled():
        directory.load_everyone()
    return oncall.book(since=at - _PAST_SHIFTS), teams, directory


_stored = fresh.Fresh(_read)


class Roster:
    """Use one for one batch: overrides, teams and contact methods change. `resolve` is a domain `Resolve`."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        book, teams, self.directory = _stored.get(now)
        self._answer = resolver(book, teams, self.directory.deliverable, now)

    def resolve(self, target: Target) -> Resolution:
        return self._answer(target)
