from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from tocsin.domain.severity import Severity
from tocsin.domain.suppression.held import Facts, Held, HoldKind
from tocsin.domain.suppression.inhibition import Inhibition, Source, by_inhibition
from tocsin.domain.suppression.silences import SilenceIndex
from tocsin.domain.suppression.storm import Storm
from tocsin.domain.suppression.timing import Flapping, by_flapping, by_pause


@dataclass(frozen=True)
class Rules:
    """What may hold an alert, whichever it is."""

    silences: SilenceIndex = field(default_factory=SilenceIndex)
    inhibitions: tuple[Inhibition, ...] = ()
    storm: Storm | None = None


NOTHING: Final = Rules()


def holds(
    facts: Facts,
    severity: Severity | None,
    rules: Rules,
    now: datetime,
    *,
    fired_at: datetime | None = None,
    pause: timedelta | None = None,
    flapping: Flapping | None = None,
    changes: Sequence[datetime] = (),
    flapped: bool = False,
    sources: Iterable[Source] = (),
    itself: int | None = None,
) -> tuple[Held, ...]:
    """Everything that holds an alert at `now`. `fired_at`: when it fired (now, when it is new); `changes`:
    when it fired and ended lately; `flapped`: whether it flapped until now; `sources`: firing alerts that may
    inhibit it.
    """
    found = rules.silences.holds(facts, now)
    if rules.inhibitions:
        found += by_inhibition(rules.inhibitions, facts.labels, sources, now, itself=itself)
    for one in (
        by_flapping(severity, changes, now, flapping, before=flapped),
        by_pause(severity, fired_at or now, pause, now),
    ):
        if one is not None:
            found.append(one)
    return tuple(found)


__all__ = ["NOTHING", "Facts", "Held", "HoldKind", "Rules", "holds"]
