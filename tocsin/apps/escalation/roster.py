"""Who a target is now, from what is stored: read once for a batch of work, then answered from memory."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tocsin.apps.audit import fresh
from tocsin.apps.escalation.turns import Turns
from tocsin.apps.identity import queries as identity
from tocsin.apps.identity.models import User, UserState
from tocsin.apps.notify.actions.rooms import problem
from tocsin.apps.notify.directory import Directory
from tocsin.apps.oncall import queries as oncall
from tocsin.domain.escalation.model import Resolution, Target, TargetKind
from tocsin.domain.escalation.resolving import Faces, TeamPeople
from tocsin.domain.escalation.resolving import make_resolve as resolver
from tocsin.domain.schedule import Book
from tocsin.ports import registry

_PAST_SHIFTS = timedelta(days=62)  # so far back "previous on call" may lie within overrides


@dataclass(frozen=True)
class Stored:
    book: Book
    faces: Faces
    directory: Directory


def _read(at: datetime) -> Stored:
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
    present = User.objects.exclude(state=UserState.LEFT).exclude(timezone="UTC")
    zones = dict(present.values_list("email", "timezone"))
    faces = Faces(teams, directory.deliverable, identity.owners(), zones, why_not_told, directory.load)
    return Stored(oncall.book(since=at - _PAST_SHIFTS), faces, directory)


def why_not_told(machine: Target) -> str:
    """Why a room, a web hook or a runbook cannot be told; "" when it can."""
    if machine.kind is TargetKind.RUNBOOK:
        return registry.runbooks.missing(machine.name)
    return problem(machine.via or machine.kind)


_stored = fresh.Fresh(_read)


class Roster:
    """Use one for one batch: overrides, teams and contact methods change. `resolve` and `turns` are what the
    domain asks. `look`: for a preview, which takes no turns.
    """

    def __init__(self, now: datetime, *, look: bool = False, like: "Roster | None" = None) -> None:
        """`like`: the same people, and the turns taken so far, at another instant."""
        self.now = now
        self.turns: Turns = like.turns if like else Turns(look=look)
        self.stored: Stored = like.stored if like else _stored.get(now)
        self.directory = self.stored.directory
        self._answer = resolver(self.stored.book, self.stored.faces, now)

    def resolve(self, target: Target) -> Resolution:
        return self._answer(target)
