"""The stage between alerts and incidents: what is held tells incidents nothing, until its last hold ends.

Held alerts are rows like any other, and so is what holds them: a process that is killed loses nothing. All
here run in the caller's transaction; the alerts are locked by it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from tocsin.apps.alerts import inhibiting
from tocsin.apps.alerts.directory import Directory
from tocsin.apps.alerts.intake import FIRING, RESOLVED, Happening, Placement, What, place, record
from tocsin.apps.alerts.models import Alert, Hold, Inhibitor
from tocsin.apps.alerts.suppressing import facts_of
from tocsin.domain.severity import Severity
from tocsin.domain.signal import EventAction, Link, Signal
from tocsin.domain.suppression import Facts, Held, HoldKind, Rules, Source, flaps, holds, remembered

_STATE: Final = ("held_since", "held_s", "changes", "flapping")
STAGE: Final = "suppress"

Decided = tuple[Alert, str, str, str]


@dataclass
class Desk:
    """What one batch does to holds, written together."""

    rules: Rules
    now: datetime
    open: dict[int, list[Hold]] = field(default_factory=dict)
    sources: list[Source] = field(default_factory=list)
    made: list[Hold] = field(default_factory=list)
    moved: list[Hold] = field(default_factory=list)
    changed: dict[int, Alert] = field(default_factory=dict)
    decisions: list[Decided] = field(default_factory=list)

    def load(self, alerts: Iterable[Alert]) -> None:
        held = [alert.pk for alert in alerts if alert.held_since is not None]
        for hold in Hold.objects.filter(alert_id__in=held, ended_at=None) if held else ():
            self.open.setdefault(hold.alert_id, []).append(hold)

    def holds(
        self, alert: Alert, facts: Facts, placements: Sequence[Placement], at: datetime
    ) -> tuple[Held, ...]:
        first = placements[0]
        if first.service.canary:
            return ()
        return holds(
            facts,
            worst(placements),
            self.rules,
            at,
            fired_at=alert.first_seen_at,
            pause=None if alert.incident else first.pause,
            flapping=None if alert.incident else first.flapping,
            changes=_instants(alert),
            flapped=alert.flapping,
            sources=self.sources,
            itself=alert.pk,
        )

    def hold(self, alert: Alert, found: Sequence[Held]) -> None:
        """From now on exactly these hold it; some may have done so before. With none it is released."""
        before = {(hold.kind, hold.by): hold for hold in self.open.get(alert.pk, ())}
        wanted = {(str(one.kind), one.by): one for one in found}
        for key, hold in before.items():
            if key not in wanted:
                self._end(hold)
            elif (hold.until, hold.ends) != (wanted[key].until, wanted[key].ends):
                hold.until, hold.ends, hold.text = wanted[key].until, wanted[key].ends, wanted[key].text[:512]
                self.moved.append(hold)
        for key, one in wanted.items():
            if key not in before:
                self._begin(alert, one)
        still = [hold for hold in self.open.get(alert.pk, ()) if hold.ended_at is None]
        if still and alert.held_since is None:
            alert.held_since = self.now
        elif not still:
            self._free(alert)
        self.open[alert.pk] = still
        self.changed[alert.pk] = alert

    def _begin(self, alert: Alert, one: Held) -> None:
        hold = Hold(
            alert=alert,
            kind=one.kind,
            by=one.by[:128],
            text=one.text[:512],
            since=self.now,
            until=one.until,
            ends=one.ends[:255],
        )
        self.made.append(hold)
        self.open.setdefault(alert.pk, []).append(hold)
        self.decisions.append((alert, STAGE, f"held by {one.text}", f"it ends {one.ends}"))

    def _end(self, hold: Hold) -> None:
        hold.ended_at = self.now
        if hold.pk:
            self.moved.append(hold)

    def _free(self, alert: Alert) -> None:
        if alert.held_since is not None:
            alert.held_s += max(0, int((self.now - alert.held_since).total_seconds()))
            alert.held_since = None

    def write(self) -> None:
        Hold.objects.bulk_create(self.made)
        Hold.objects.bulk_update(self.moved, ["ended_at", "until", "ends", "text"])
        Alert.objects.bulk_update(self.changed.values(), _STATE)
        record(self.decisions, self.now)


def withhold(happenings: Sequence[Happening], directory: Directory, now: datetime) -> list[Happening]:
    """Those that incidents may hear of."""
    if not happenings:
        return []
    desk = Desk(directory.suppression, now)
    desk.load({happening.alert.pk: happening.alert for happening in happenings}.values())
    facts = _facts(happenings, directory)
    said = [(one.alert, facts[id(one)]) for one in happenings if id(one) in facts]
    inhibiting.register(
        {alert.pk: (alert, seen) for alert, seen in said}.values(), desk.rules.inhibitions, now
    )
    desk.sources = inhibiting.sources((seen for _, seen in said), desk.rules.inhibitions)
    before = _changes_before(happenings)
    heard = [one for one in happenings if _heard(one, desk, facts, before)]
    desk.write()
    return heard


def _facts(happenings: Sequence[Happening], directory: Directory) -> dict[int, Facts]:
    return {id(one): facts_for(one.alert, one.placements, directory) for one in happenings if one.placements}


def facts_for(alert: Alert, placements: Sequence[Placement], directory: Directory) -> Facts:
    way = directory.integrations[alert.integration_id]
    services = tuple(each.service.name for each in placements)
    found = facts_of(alert, way, services)
    return replace(found, labels={**placements[0].labels, **found.labels})


def _heard(
    one: Happening,
    desk: Desk,
    facts: Mapping[int, Facts],
    before: dict[tuple[int, str], list[str]],
) -> bool:
    alert, key = one.alert, (one.alert.integration_id, one.alert.dedup_key)
    if one.what is What.FIRED:
        setting = one.placements[0].flapping
        if setting is not None:
            earlier = [datetime.fromisoformat(text) for text in before.get(key, ())]
            alert.changes = [at.isoformat() for at in remembered(earlier, one.at, setting)]
            alert.flapping = flaps(_instants(alert), one.at, setting)
            desk.changed[alert.pk] = alert
        found = desk.holds(alert, facts[id(one)], one.placements, one.at)
        if found:
            desk.decisions += [(alert, *reason) for each in one.placements for reason in each.reasons]
            desk.hold(alert, found)
        return not found
    if one.what is What.CHANGED:
        return _changed(one, desk, facts[id(one)])
    if one.what is What.ENDED:
        if alert.changes:
            alert.changes = [*alert.changes, one.at.isoformat()]
            before[key] = alert.changes
            desk.changed[alert.pk] = alert
        if alert.held_since is not None:
            desk.hold(alert, ())
            desk.decisions.append((alert, STAGE, "over", "it ended while it was held: nobody is told"))
    return True


def _changed(one: Happening, desk: Desk, facts: Facts) -> bool:
    """Another severity or other labels: other things may hold it now. Released at once where nothing does."""
    alert, held = one.alert, one.alert.held_since is not None
    found = desk.holds(alert, facts, one.placements, one.at)
    if not held and not found:
        return True
    if held:
        desk.decisions += [
            (alert, *why) for each in one.placements for why in each.reasons if why[0] == "severity"
        ]
    desk.hold(alert, found)
    if held and not found:
        desk.decisions.append((alert, STAGE, "released", "what held it does not hold it as it is now"))
    return not found


def _changes_before(happenings: Sequence[Happening]) -> dict[tuple[int, str], list[str]]:
    """When those that fire anew fired and ended before, where their routes ask for it."""
    flapping = {
        (one.alert.integration_id, one.alert.dedup_key): one.placements[0].flapping.within
        for one in happenings
        if one.what is What.FIRED and one.placements[0].flapping is not None
    }
    if not flapping:
        return {}
    oldest = min(one.at for one in happenings) - max(flapping.values())
    rows = Alert.objects.filter(
        integration_id__in={key[0] for key in flapping},
        dedup_key__in={key[1] for key in flapping},
        status=RESOLVED,
        last_seen_at__gte=oldest,
    ).exclude(changes=[])
    return {(row.integration_id, row.dedup_key): row.changes for row in rows.order_by("id")}


def _instants(alert: Alert) -> list[datetime]:
    return [datetime.fromisoformat(text) for text in alert.changes]


def worst(placements: Sequence[Placement]) -> Severity | None:
    """What no pause and no flapping may hold is not held for another service's sake either."""
    return min((each.severity for each in placements if each.severity is not None), default=None)


def placed_again(alert: Alert, directory: Directory, now: datetime) -> tuple[Placement, ...]:
    """Where it goes as things are now; its group stays the one it had."""
    signal = Signal(
        EventAction.TRIGGER,
        alert.dedup_key,
        summary=alert.summary,
        severity=alert.word or None,
        source=alert.source,
        labels=alert.labels,
        annotations=alert.annotations,
        links=tuple(Link(link["href"], link.get("text", "")) for link in alert.links),
        started_at=alert.started_at,
        details=alert.details,
    )
    found = place(directory.integrations[alert.integration_id], signal, directory, now)
    return tuple(
        replace(each, group_key=alert.group_key) if each.service.id == alert.service_id else each
        for each in found
    )


def inhibits_no_more(alert_ids: Iterable[int]) -> None:
    """Those that are over explain nothing any more."""
    Inhibitor.objects.filter(alert_id__in=list(alert_ids)).exclude(alert__status=FIRING).delete()


__all__ = ["STAGE", "Desk", "HoldKind", "facts_for", "placed_again", "withhold", "worst"]
