"""A whole period at once."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from tocsin.domain.configuration.model import Organisation
from tocsin.domain.simulation.engine import Play
from tocsin.domain.simulation.model import Happening, Result
from tocsin.domain.simulation.world import World


def simulate(
    organisation: Organisation, events: Iterable[Happening], start: datetime, end: datetime
) -> Result:
    """Play `events` (in any order; equal instants as given) and give the pages within [start, end).

    What falls due at the instant of an event comes after it, so that an acknowledgement at the last moment
    counts. Raises `Invalid` for an integration that does not exist, DefinitionError for a rotation that is
    incomplete.
    """
    play = Play(World(organisation))
    ordered: Sequence[Happening] = sorted(events, key=lambda event: event.at)
    for event in ordered:
        if event.at >= end:
            break
        play.until(event.at, inclusive=False)
        play.happen(event)
    play.until(end, inclusive=False)
    return play.result(start, end)
