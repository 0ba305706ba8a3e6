"""One answer to several incidents: what a message that listed them offers."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tocsin.apps.incidents import queries
from tocsin.apps.incidents.actions.calling import acknowledge
from tocsin.apps.incidents.types import IncidentRow
from tocsin.domain.errors import TocsinError
from tocsin.domain.permissions import Actor, Permission, require


@dataclass(frozen=True)
class Answered:
    """`mine`: the actor has it now. `noted`: others are awaited, too. `problem`: why nothing was done, ""
    where it was.
    """

    incident: IncidentRow
    mine: bool
    problem: str = ""
    noted: str = ""


def acknowledge_all(*, actor: Actor, incident_ids: Iterable[int], now: datetime) -> tuple[Answered, ...]:
    """Acknowledge these and no other, each in a transaction of its own: one that is over, or that somebody
    else has, holds up no other.
    """
    require(actor, Permission.RESPOND)
    return tuple(_answer(actor, row, now) for row in queries.rows_of(dict.fromkeys(incident_ids)))


def _answer(actor: Actor, row: IncidentRow, now: datetime) -> Answered:
    if not row.is_open:
        return Answered(row, mine=False, problem=f"it is {row.status} already")
    try:
        made = acknowledge(actor=actor, ref=row.ref, now=now)
    except TocsinError as error:
        return Answered(row, mine=False, problem=str(error))
    mine = made.acknowledged_by is not None and made.acknowledged_by == actor.email
    return Answered(made, mine=mine, noted=made.noted)
