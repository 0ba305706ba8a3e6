from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class HoldKind(StrEnum):
    SILENCE = "silence"
    MAINTENANCE = "maintenance"
    INHIBITION = "inhibition"
    FLAPPING = "flapping"
    PAUSE = "pause"


@dataclass(frozen=True)
class Held:
    """`by` names it among its kind; `text` says it to people; `until` None: until what `ends` says."""

    kind: HoldKind
    by: str
    text: str
    since: datetime
    until: datetime | None
    ends: str

    @property
    def reason(self) -> str:
        return f"held by {self.text}; ends {self.ends}"


@dataclass(frozen=True)
class Facts:
    """What matchers see of an alert: its labels, with the facts about it (`domain.signal.facts`) above labels
    of the same name; and the services that it goes to.
    """

    labels: Mapping[str, str]
    services: tuple[str, ...] = ()


def clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
