"""What all actions share: one locked incident, its diary, and the way both are written."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from tocsin.apps.audit import actions as audit
from tocsin.apps.escalation import actions as escalation
from tocsin.apps.incidents import changes, queries
from tocsin.apps.incidents.changes import Diary
from tocsin.apps.incidents.locking import lock_incidents
from tocsin.apps.incidents.models import Incident
from tocsin.apps.incidents.surroundings import (
    Surroundings,
    has_call_out,
    load,
    nobody_has,
    start_call_outs,
    start_of,
)
from tocsin.domain.errors import Conflict
from tocsin.domain.escalation.model import Target
from tocsin.domain.lifecycle import MOVES, OPEN, Status
from tocsin.domain.permissions import Actor


@dataclass
class Deed:
    """One action under way. `name` "" at its end: nothing changed, so nothing is recorded."""

    incident: Incident
    actor: Actor
    now: datetime
    diary: Diary
    other: Incident  # the second one of a merge, else the same
    name: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    _around: Surroundings | None = None

    @property
    def around(self) -> Surroundings:
        if self._around is None:
            self._around = load(self.now)
        return self._around

    def did(self, name: str, kind: str, text: str, **data: Any) -> None:
        """Something changed: `name` for the audit log, `kind` and `text` for the timeline."""
        self.name, self.data = name, data
        self.diary.note(self.incident, kind, text, data)

    def has_call_out(self) -> bool:
        return has_call_out(self.incident)

    def call_out(self, first: tuple[Target, ...] = ()) -> None:
        """Begin the service's own call-out."""
        service = self.around.directory.by_id(self.incident.service_id)
        start = start_of(self.incident, service, self.around, first_targets=first)
        start_call_outs([start], self.around, now=self.now)

    def give_up(self) -> None:
        """Nobody has it from now on, until somebody answers again."""
        changes.unacknowledge(self.incident)
        self.incident.snoozed_until = None
        nobody_has(self.incident, self.around, self.now)

    def require_open(self) -> None:
        if Status(self.incident.status) not in OPEN:
            allowed = tuple(MOVES[Status(self.incident.status)])
            raise Conflict(f"{self.incident.ref} is {self.incident.status}; reopen it first.", allowed)


@contextmanager
def deed(*, actor: Actor, ref: str, now: datetime, also: str = "") -> Iterator[Deed]:
    """Lock the incident (and `also` another), let the body change it, then write row, timeline and audit
    entry, all in one transaction.
    """
    with transaction.atomic():
        ids = [queries.id_of(each) for each in (ref, also) if each]
        rows = lock_incidents(ids)
        incident = rows[ids[0]]
        this = Deed(incident, actor, now, Diary(actor, now), other=rows[ids[-1]])
        yield this
        if not this.name:
            return
        incident.touched = incident.touched or actor.is_person
        incident.version += 1
        incident.save()
        this.diary.write()
        record(actor, f"incident.{this.name}", incident, this.data, now)
        escalation.touch(incident_id=incident.pk, now=now)


def record(actor: Actor, action: str, incident: Incident, data: dict[str, Any], now: datetime) -> None:
    audit.record(
        actor=actor,
        action=action,
        target_kind="incident",
        target_id=incident.ref,
        target_label=incident.title,
        data=data,
        now=now,
    )
