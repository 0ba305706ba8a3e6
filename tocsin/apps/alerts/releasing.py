"""What the worker does about holds about once a second: lay new ones over what fires already, and end those
that are due. An alert that another worker has in hand just now is left for the next time.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q, QuerySet

from tocsin.apps.alerts import inhibiting, silenced
from tocsin.apps.alerts.directory import Directory
from tocsin.apps.alerts.holding import STAGE, Desk, facts_for, placed_again
from tocsin.apps.alerts.intake import FIRING, Happening, Placement, What
from tocsin.apps.alerts.models import Alert, Hold, Inhibitor, Silence
from tocsin.apps.alerts.suppressing import value_of
from tocsin.domain.routing import Matcher
from tocsin.domain.suppression import SilenceIndex, span_at

_AT_ONCE: Final = 300
# A batch that was under way when a silence began did not know of it, so it is laid over once more.
_SETTLE: Final = timedelta(seconds=5)
_UNDER_WAY: Final = timedelta(minutes=1)
_REMEMBERED: Final = timedelta(hours=1)


@dataclass
class Released:
    """What is told again: alerts that nothing holds any more and that still fire."""

    happenings: list[Happening] = field(default_factory=list)
    looked_at: int = 0


def release_due(directory: Directory, now: datetime) -> Released:
    """Holds whose time has come: each alert is asked again what holds it now. In the caller's transaction,
    which then tells incidents of what is free.
    """
    due = Hold.objects.filter(ended_at=None, until__lte=now).order_by("until")
    wanted = [
        *due.values_list("alert_id", flat=True)[:_AT_ONCE],
        *inhibiting.orphaned(),
        *_held_by_what_changed(now),
    ]
    found = Released()
    if not wanted:
        return found
    rows = _lock(Alert.objects.filter(pk__in=wanted))
    found.looked_at = len(rows)
    for alert, placements, free in _reconsidered(rows, directory, now):
        if free and not alert.incident:
            found.happenings.append(_told_again(alert, placements, now))
        elif free:
            found.happenings.append(Happening(What.CHANGED, alert, now, placements))
    return found


def _held_by_what_changed(now: datetime) -> Iterator[int]:
    """Alerts held by a silence as it was before it was ended or changed: a batch that was under way meanwhile
    had read it, and wrote its holds after the change had looked for them.
    """
    for row in Silence.objects.filter(changed_at__gt=now - _REMEMBERED):
        changed = row.changed_at or row.created_at
        holds = Hold.objects.filter(ended_at=None, kind=row.kind, by=str(row.uid))
        if row.ended_at is None and span_at(value_of(row).window, now) is not None:
            if now > changed + 2 * _SETTLE:
                continue
            holds = holds.filter(since__range=(changed - _UNDER_WAY, changed + _SETTLE))
        yield from holds.values_list("alert_id", flat=True)[:_AT_ONCE]


def lay_over(directory: Directory, now: datetime) -> int:
    """Silences that have begun, and sources of inhibitions that have begun to fire, over what fires already.
    The number of alerts looked at.
    """
    done = 0
    for row in _begun(now):
        silence = value_of(row)
        firing = Alert.objects.filter(status=FIRING, integration__canary=False)
        done += _lay(firing, silence.matchers, silence.services, directory, now)
        Silence.objects.filter(pk=row.pk).update(swept_at=now)
    for source in Inhibitor.objects.filter(settled=False).order_by("since")[:_AT_ONCE]:
        rule = next((one for one in directory.suppression.inhibitions if one.name == source.rule), None)
        if rule is not None:
            firing = Alert.objects.filter(status=FIRING, integration__canary=False)
            done += _lay(firing, rule.target, (), directory, now)
        if now >= source.since + _SETTLE:
            Inhibitor.objects.filter(pk=source.pk).update(settled=True)
    silenced.retire(now)
    return done


def _begun(now: datetime) -> Iterator[Silence]:
    """Open, and not yet laid over what fired when they were opened (and once more a little later)."""
    rows = Silence.objects.filter(ended_at=None, starts_at__lte=now).filter(~Q(rrule="") | Q(ends_at__gt=now))
    for row in rows.filter(Q(swept_at=None) | ~Q(rrule="") | Q(swept_at__lt=now - timedelta(seconds=1))):
        span = span_at(value_of(row).window, now)
        if span is None:
            continue
        settled = max(span.start, row.changed_at or row.created_at) + _SETTLE
        if row.swept_at is None or row.swept_at < span.start or row.swept_at < settled <= now:
            yield row


def _lay(
    rows: QuerySet[Alert, Alert],
    matchers: Sequence[Matcher],
    services: Sequence[str],
    directory: Directory,
    now: datetime,
) -> int:
    some = silenced.narrowed(rows, matchers, services).order_by("pk")
    last, done = 0, 0
    while True:
        with transaction.atomic():
            part = _lock(some.filter(pk__gt=last), limit=_AT_ONCE)
            for _ in _reconsidered(part, directory, now, only_more=True):
                done += 1
        if len(part) < _AT_ONCE:
            return done
        last = part[-1].pk


def _lock(rows: QuerySet[Alert, Alert], limit: int = _AT_ONCE) -> list[Alert]:
    locked = rows.order_by("pk").select_for_update(no_key=True, skip_locked=True, of=("self",))
    return list(locked[:limit])


def _reconsidered(
    rows: Sequence[Alert], directory: Directory, now: datetime, *, only_more: bool = False
) -> Iterable[tuple[Alert, tuple[Placement, ...], bool]]:
    """Each with where it goes and whether it became free just now. `only_more`: holds begin, none ends."""
    rules = directory.suppression
    desk = Desk(rules, now)
    desk.load(rows)
    known = [row for row in rows if row.integration_id in directory.integrations]
    placed = {row.pk: placed_again(row, directory, now) for row in known if row.status == FIRING}
    facts = {row.pk: facts_for(row, placed[row.pk], directory) for row in known if row.pk in placed}
    desk.sources = inhibiting.sources(facts.values(), rules.inhibitions)
    if only_more:  # neither a pause nor flapping begins later
        placed = {pk: _plain(placements) for pk, placements in placed.items()}
    found = []
    for row in rows:
        if row.pk not in placed:  # over, or of an integration that is gone
            if not only_more:
                desk.hold(row, ())
            continue
        held = row.held_since is not None
        holds = desk.holds(row, facts[row.pk], placed[row.pk], now)
        if only_more:
            if not held and holds:
                desk.hold(row, holds)
            continue
        desk.hold(row, holds)
        if row.flapping and not any(one.kind == "flapping" for one in holds):
            row.flapping = False
        if held and not holds:
            text = f"still firing after {_after(desk.moved, row)}"
            desk.decisions.append((row, STAGE, "released", text))
            found.append((row, placed[row.pk], True))
    desk.write()
    return found


def _plain(placements: Sequence[Placement]) -> tuple[Placement, ...]:
    return tuple(replace(each, pause=None, flapping=None) for each in placements)


def _after(moved: Sequence[Hold], row: Alert) -> str:
    ended = [hold.text for hold in moved if hold.alert_id == row.pk and hold.ended_at is not None]
    return "; ".join(dict.fromkeys(ended))[:900] or "what held it"


def _told_again(alert: Alert, placements: Sequence[Placement], now: datetime) -> Happening:
    return Happening(What.FIRED, alert, now, tuple(placements))


__all__ = ["Released", "SilenceIndex", "lay_over", "release_due"]
