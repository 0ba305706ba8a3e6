"""An alert that explains others holds them: while the source fires, targets with equal labels are held.

As in Alertmanager, what matches both sides of a rule is not inhibited by another that does, so nothing
inhibits itself, and a source that is held still holds others.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tocsin.domain.routing import Matcher
from tocsin.domain.suppression.held import Held, HoldKind


@dataclass(frozen=True)
class Inhibition:
    name: str
    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()

    def is_source(self, labels: Mapping[str, str]) -> bool:
        return all(matcher.matches(labels) for matcher in self.source)

    def is_target(self, labels: Mapping[str, str]) -> bool:
        return all(matcher.matches(labels) for matcher in self.target)

    def alike(self, labels: Mapping[str, str]) -> str:
        """Equal for a source and the targets it holds; a label that is absent counts as empty."""
        values = json.dumps([labels.get(name, "") for name in self.equal])
        return hashlib.sha256(values.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Source:
    """A firing alert that matches a rule's source side. `both`: its target side too."""

    rule: str
    alike: str
    alert: int
    summary: str
    both: bool


def wanted(rules: Sequence[Inhibition], labels: Mapping[str, str]) -> list[tuple[str, str]]:
    """Which sources would hold an alert with these labels: rule and `alike`."""
    return [(rule.name, rule.alike(labels)) for rule in rules if rule.is_target(labels)]


def by_inhibition(
    rules: Sequence[Inhibition],
    labels: Mapping[str, str],
    sources: Iterable[Source],
    now: datetime,
    *,
    itself: int | None = None,
) -> list[Held]:
    """`sources` are firing; `itself` is the alert's own number, once it has one."""
    by_rule: dict[tuple[str, str], list[Source]] = {}
    for source in sources:
        by_rule.setdefault((source.rule, source.alike), []).append(source)
    held: dict[str, Held] = {}
    for rule in rules if by_rule else ():
        if not rule.is_target(labels):
            continue
        both = rule.is_source(labels)
        for source in by_rule.get((rule.name, rule.alike(labels)), ()):
            if source.alert != itself and not (both and source.both):
                text = f"the inhibition “{rule.name}”, because “{source.summary[:200]}” fires"
                ends = f"when alert {source.alert} is over"
                held[str(source.alert)] = Held(HoldKind.INHIBITION, str(source.alert), text, now, None, ends)
    return list(held.values())
