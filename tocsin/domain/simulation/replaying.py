"""One period played twice, through two configurations: which incidents and pages differ."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tocsin.domain.configuration.model import Organisation
from tocsin.domain.simulation.model import Happening, Incident, Kept, Page, Resolve, Result, Trigger
from tocsin.domain.simulation.playing import simulate


@dataclass(frozen=True)
class Changed:
    """The incident that the same alert opened at the same instant, in both; `what` names what differs."""

    before: Incident
    after: Incident
    what: tuple[str, ...]


@dataclass(frozen=True)
class Differences:
    """`pages_before` and `pages_after` count what each person gets; `only_*_pages` are those without a
    counterpart.
    """

    before: Result
    after: Result
    only_before: tuple[Incident, ...]
    only_after: tuple[Incident, ...]
    changed: tuple[Changed, ...]
    only_before_pages: tuple[Page, ...]
    only_after_pages: tuple[Page, ...]
    unknown: tuple[str, ...] = ()  # integrations of events that neither configuration has: left out

    @property
    def same(self) -> bool:
        incidents = self.only_before or self.only_after or self.changed
        held = self.only_before_held or self.only_after_held
        return not (incidents or held or self.only_before_pages or self.only_after_pages)

    @property
    def only_before_held(self) -> tuple[Kept, ...]:
        return _held_less(self.before.held, self.after.held)

    @property
    def only_after_held(self) -> tuple[Kept, ...]:
        return _held_less(self.after.held, self.before.held)

    @property
    def people(self) -> tuple[tuple[str, int, int], ...]:
        """Everybody whose number of pages differs: who, before, after."""
        old, new = (Counter(page.user for page in one.pages) for one in (self.before, self.after))
        return tuple((who, old[who], new[who]) for who in sorted({*old, *new}) if old[who] != new[who])


def replay(
    present: Organisation,
    changed: Organisation,
    events: Iterable[Happening],
    start: datetime,
    end: datetime,
) -> Differences:
    """Play `events` through both. What comes from an integration that one of them does not have is left
    out of both, so that only decisions are compared.
    """
    given = list(events)
    named = {event.integration for event in given if isinstance(event, Trigger | Resolve)}
    unknown = {name for name in named if name not in present.integrations or name not in changed.integrations}
    kept = [event for event in given if getattr(event, "integration", "") not in unknown]
    before, after = (simulate(one, kept, start, end) for one in (present, changed))
    return compare(before, after, tuple(sorted(unknown)))


def compare(before: Result, after: Result, unknown: tuple[str, ...] = ()) -> Differences:
    old = {(one.dedup_key, one.service, one.opened_at): one for one in before.incidents}
    new = {(one.dedup_key, one.service, one.opened_at): one for one in after.incidents}
    both = [(one, new[key]) for key, one in old.items() if key in new]
    changed = [Changed(one, other, what) for one, other in both if (what := _what(one, other))]
    gone = [one for key, one in old.items() if key not in new]
    come = [one for key, one in new.items() if key not in old]
    # The same alert at the same instant, at another service: moved, rather than one gone and one come.
    moved = _moved(gone, come)
    pairs = {id(one) for each in moved for one in (each.before, each.after)}
    return Differences(
        before,
        after,
        tuple(one for one in gone if id(one) not in pairs),
        tuple(one for one in come if id(one) not in pairs),
        tuple(sorted((*changed, *moved), key=lambda each: each.before.opened_at)),
        _less(before.pages, after.pages),
        _less(after.pages, before.pages),
        unknown,
    )


def _moved(gone: Sequence[Incident], come: Sequence[Incident]) -> list[Changed]:
    by_key: dict[tuple[str, datetime], list[Incident]] = {}
    for one in come:
        by_key.setdefault((one.dedup_key, one.opened_at), []).append(one)
    moved = []
    for one in gone:
        others = by_key.get((one.dedup_key, one.opened_at))
        if others:
            other = others.pop(0)
            moved.append(Changed(one, other, _what(one, other)))
    return moved


def _what(one: Incident, other: Incident) -> tuple[str, ...]:
    said = []
    if one.service != other.service:
        said.append(f"service {one.service} → {other.service}")
    if one.severity is not other.severity:
        said.append(f"severity {one.severity} → {other.severity}")
    if one.resolved_at != other.resolved_at:
        ends = [f"{each.resolved_at:%a %H:%M}" if each.resolved_at else "open" for each in (one, other)]
        said.append(f"over {ends[0]} → {ends[1]}" if ends[0] != ends[1] else "over at another moment")
    return tuple(said)


def _less(some: Sequence[Page], others: Sequence[Page]) -> tuple[Page, ...]:
    """Those of `some` that `others` do not have: the same person, way and urgency at the same instant."""
    left = Counter((page.user, page.contact, page.urgency, page.at) for page in others)
    found = []
    for page in some:
        key = (page.user, page.contact, page.urgency, page.at)
        if left[key]:
            left[key] -= 1
        else:
            found.append(page)
    return tuple(found)


def _held_less(some: Sequence[Kept], others: Sequence[Kept]) -> tuple[Kept, ...]:
    """Alerts that are held in `some`, and not from the same instant on in `others`."""
    known = {(one.integration, one.dedup_key, one.at) for one in others}
    return tuple(one for one in some if (one.integration, one.dedup_key, one.at) not in known)
