"""Whose turn a round-robin step has: read for a batch of work, with a lock, so that two call-outs that fire
at once do not take the same turn.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from django.db import connection

from tocsin.apps.escalation import sql
from tocsin.apps.escalation.models import Turn
from tocsin.domain.escalation.model import Effect, Policy, Snapshot, Strategy, Took

_NONE: Final[Mapping[str, datetime]] = MappingProxyType({})


class Turns:
    """Called by the machine as a domain `Turns`. `look`: for a preview, which takes no turn and locks
    nothing. The lock is held until the transaction ends.
    """

    def __init__(self, *, look: bool = False) -> None:
        self._look = look
        self._read: set[str] = set()
        self._last: dict[tuple[str, int], dict[str, datetime]] = {}

    def __call__(self, policy: str, step: int) -> Mapping[str, datetime]:
        self._load([policy])
        return self._last.get((policy, step), _NONE)

    def prepare(self, snapshots: Iterable[Snapshot]) -> None:
        """Everything that a batch may ask, in one order, so that two batches never wait for each other."""
        policies = (one for snapshot in snapshots for one in (snapshot.policy, *snapshot.fallbacks))
        self._load({one.name for one in policies if takes_turns(one)})

    def _load(self, policies: Iterable[str]) -> None:
        names = sorted(set(policies) - self._read)
        if not names:
            return
        if not self._look:
            with connection.cursor() as cursor:
                cursor.execute(sql.LOCK_TURNS, [names])
        for turn in Turn.objects.filter(policy__in=names):
            self._last.setdefault((turn.policy, turn.step), {})[turn.email] = turn.at
        self._read.update(names)

    def took(self, effects: Iterable[Effect]) -> None:
        """For the next of the batch, before it is written down."""
        for effect in effects:
            if isinstance(effect, Took):
                self._last.setdefault((effect.policy, effect.step), {})[effect.email] = effect.at


def takes_turns(policy: Policy) -> bool:
    return any(step.strategy is Strategy.ROUND_ROBIN for step in policy.steps)


def write(effects: Iterable[Effect]) -> None:
    newest = {
        (effect.policy, effect.step, effect.email): effect.at
        for effect in effects
        if isinstance(effect, Took)
    }
    Turn.objects.bulk_create(
        [Turn(policy=policy, step=step, email=email, at=at) for (policy, step, email), at in newest.items()],
        update_conflicts=True,
        update_fields=["at"],
        unique_fields=["policy", "step", "email"],
    )
