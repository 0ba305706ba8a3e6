"""From happenings of alerts to incidents: decided in memory in the order of the events, then written in a
few statements, then carried out (calls begin, stop, begin again), all in the caller's transaction.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from tocsin.apps.alerts import intake
from tocsin.apps.alerts.intake import Happening, Placement, What
from tocsin.apps.alerts.models import Alert
from tocsin.apps.audit.bulk import update_rows
from tocsin.apps.incidents import changes, handlers, parting, storms, telling
from tocsin.apps.incidents.changes import Diary
from tocsin.apps.incidents.groups import Group, link_alerts, lock_groups, newest_ids, one_firing
from tocsin.apps.incidents.limits import Fill, fills, limited
from tocsin.apps.incidents.locking import lock_incidents
from tocsin.apps.incidents.models import Incident, IncidentAlert
from tocsin.apps.incidents.surroundings import (
    Surroundings,
    call_again,
    change_severity,
    start_call_outs,
    start_of,
    subject_of,
)
from tocsin.domain import joining
from tocsin.domain.joining import Candidate, Ending, Join
from tocsin.domain.lifecycle import OPEN, Status
from tocsin.domain.permissions import SYSTEM
from tocsin.domain.severity import Severity


@dataclass
class _Round:
    around: Surroundings
    now: datetime
    diary: Diary
    numbers: list[int] = field(default_factory=list)
    rows: dict[int, Incident] = field(default_factory=dict)
    newest: dict[Group, Incident] = field(default_factory=dict)
    of_alert: dict[int, list[Incident]] = field(default_factory=lambda: defaultdict(list))
    firing: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))  # id(incident) → alerts
    fills: dict[int, Fill] = field(default_factory=lambda: defaultdict(Fill))  # id(incident) → how full
    created: list[Incident] = field(default_factory=list)
    changed: dict[int, Incident] = field(default_factory=dict)
    links: list[tuple[Incident, Alert]] = field(default_factory=list)
    decisions: list[tuple[Alert, str, str, str]] = field(default_factory=list)
    effects: list[Callable[[], None]] = field(default_factory=list)
    bundle: str = ""

    def change(self, incident: Incident) -> None:
        if incident.pk:
            self.changed[incident.pk] = incident

    def link(self, incident: Incident, alert: Alert) -> None:
        self.links.append((incident, alert))
        self.of_alert[alert.pk].append(incident)
        self.firing[id(incident)].add(alert.pk)
        self.fills[id(incident)].joined(self.now)


def carry_out(
    happenings: Sequence[Happening], around: Surroundings, *, now: datetime, bundle: str = ""
) -> None:
    """`bundle`: what is called for one service leaves as one message to each person."""
    if not happenings:
        return
    this = _Round(around, now, Diary(SYSTEM, now), bundle=bundle)
    happenings = parting.followed(happenings)
    _gather(happenings, this)
    for happening in happenings:
        # On the timeline the integration speaks.
        integration = around.directory.integrations[happening.alert.integration_id]
        this.diary.actor = changes.alert_actor(integration.name)
        _decide(happening, this)
    _write(this)
    with handlers.collecting():
        _start_call_outs(this)
        for effect in this.effects:
            effect()


def bundle_of(word: str, service_id: int, now: datetime) -> str:
    return f"{word}:{service_id}:{now:%Y-%m-%dT%H:%M:%SZ}" if word else ""


def _start_call_outs(this: _Round) -> None:
    """Of what is new; one that is over within its own batch begins and ends."""
    directory = this.around.directory
    starts = [
        start_of(
            incident, directory.by_id(incident.service_id), this.around, alerts=len(this.firing[id(incident)])
        )
        for incident in this.created
    ]
    pairs = zip(this.created, starts, strict=True)
    bundled = [replace(s, bundle=bundle_of(this.bundle, i.service_id, this.now)) for i, s in pairs]
    start_call_outs(bundled, this.around, now=this.now)


def _decide(happening: Happening, this: _Round) -> None:
    if happening.what is What.FIRED:
        for placement in happening.placements:
            this.decisions.extend((happening.alert, *reason) for reason in placement.reasons)
            _place(happening.alert, placement, this)
    elif happening.what is What.CHANGED:
        _changed(happening, this)
    elif happening.what is What.ACKNOWLEDGED:
        for incident in this.of_alert[happening.alert.pk]:
            _acknowledged(incident, happening.at, this)
    else:
        for incident in this.of_alert[happening.alert.pk]:
            _ended(incident, happening, this)


# ---- what is there already ----


def _gather(happenings: Sequence[Happening], this: _Round) -> None:
    groups = {
        (p.service.id, p.group_key) for happening in happenings for p in happening.placements if p.severity
    }
    lock_groups(groups)
    wanted = newest_ids(groups)
    old = [happening.alert.pk for happening in happenings if happening.what is not What.FIRED]
    linked = list(IncidentAlert.objects.filter(alert_id__in=old).values_list("incident_id", "alert_id"))
    rows = this.rows = _locked({*wanted.values(), *(incident for incident, _ in linked)})
    for group, incident_id in wanted.items():
        this.newest[group] = rows[incident_id]
    if any(limited(p) for happening in happenings for p in happening.placements):
        this.fills.update((id(rows[number]), fill) for number, fill in fills(rows).items())
    own = {s.id for s in this.around.directory.services.values() if s.canary}
    new = sum(group not in wanted and group[0] not in own for group in groups)
    this.numbers = list(changes.numbers(new)) if new else []
    for incident_id, alert_id in linked:
        this.of_alert[alert_id].append(rows[incident_id])
    ended = {happening.alert.pk for happening in happenings if happening.what is What.ENDED}
    for incident_id, alert_id in one_firing({one for one, alert_id in linked if alert_id in ended}):
        this.firing[id(rows[incident_id])].add(alert_id)


def _locked(wanted: Iterable[int]) -> dict[int, Incident]:
    """With those they were merged into."""
    rows: dict[int, Incident] = {}
    todo = set(wanted)
    while todo:
        rows.update(lock_incidents(todo))
        todo = {row.merged_into_id for row in rows.values() if row.merged_into_id} - set(rows)
    return rows


# ---- an alert fires ----


def _place(alert: Alert, placement: Placement, this: _Round) -> None:
    group = (placement.service.id, placement.group_key)
    newest = _followed(this.newest.get(group), this)
    candidate = _candidate(newest, placement, this) if newest else None
    window = placement.service.reopen_window
    decision = joining.decide(
        placement.severity,
        candidate,
        reopen_window=window,
        now=this.now,
        within=placement.group_within,
        most=placement.group_limit,
    )
    if placement.severity is None or decision.join is Join.NOTHING:
        this.decisions.append((alert, "incident", "none", decision.reason))
        return
    if newest is None or decision.join in {Join.OPEN, Join.OPEN_LINKED}:
        incident = _open(alert, placement, newest, this)
        this.newest[group] = incident
    else:
        incident = newest
        _join(alert, placement, incident, decision, this)
    this.decisions.append((alert, "incident", f"{decision.join}: {incident.ref}", decision.reason))


def _followed(incident: Incident | None, this: _Round) -> Incident | None:
    """The incident that one was merged into, where it was."""
    for _ in range(len(this.rows)):
        if incident is None or incident.status != Status.MERGED or incident.merged_into_id not in this.rows:
            break
        incident = this.rows[incident.merged_into_id]
    return incident


def _candidate(incident: Incident, placement: Placement, this: _Round) -> Candidate:
    other = this.around.directory.by_id(incident.service_id)
    return Candidate(
        ref=incident.ref,
        status=Status(incident.status),
        severity=Severity(incident.severity),
        declared_at=incident.declared_at,
        acknowledged=incident.acknowledged_at is not None,
        snoozed_until=incident.snoozed_until,
        resolved_at=incident.resolved_at,
        resolved_by_alert=incident.resolved_how == changes.BY_ALERT,
        same_team=other.team_id == placement.service.team_id,
        alerts=this.fills[id(incident)].alerts,
        last_joined_at=this.fills[id(incident)].last,
    )


def _open(alert: Alert, placement: Placement, follows: Incident | None, this: _Round) -> Incident:
    severity = placement.severity or Severity.SEV2
    incident = Incident(
        number=0,
        title=alert.summary,
        summary=alert.annotations.get("description", "") if alert.annotations else "",
        service_id=placement.service.id,
        severity=severity,
        initial_severity=severity,
        peak_severity=severity,
        urgency=placement.urgency,
        status=Status.INVESTIGATING,
        group_key=placement.group_key,
        opened_by=changes.BY_ALERT,
        started_at=alert.started_at or alert.first_seen_at,
        detected_at=alert.first_seen_at,
        declared_at=this.now,
        follows=follows if follows and follows.pk else None,
        raise_at=placement.raise_at,
        storm=storms.is_storm(placement.group_key),
    )
    if placement.service.canary:
        incident.number = -alert.pk  # takes no number from people's
    else:
        incident.number = this.numbers.pop(0) if this.numbers else changes.numbers(1)[0]
    this.created.append(incident)
    this.link(incident, alert)
    text = f"Opened by an alert: {alert.summary}"
    if follows is not None:
        text += f" (follows {follows.ref})"
    this.diary.note(incident, "declared", text, {"severity": severity})
    if incident.storm:
        this.diary.note(incident, "storm", storms.BEGUN)
    return incident


def _join(
    alert: Alert, placement: Placement, incident: Incident, decision: joining.JoinDecision, this: _Round
) -> None:
    this.link(incident, alert)
    this.change(incident)
    this.diary.note(incident, "alert_attached", f"Alert joined: {alert.summary}", {"alert": alert.pk})
    # The severity first: a call-out that has ended only takes note, so that reopening calls each person once.
    if decision.raise_to is not None:
        _raise(incident, placement, f"the alert “{alert.summary[:200]}” is worse", this)
    if decision.join is Join.REOPEN:
        if decision.raise_to is None and placement.severity == incident.severity:
            _as_urgent_as(incident, placement, this)
        _reopen(incident, decision.reason, this)
    elif decision.tell_acker and not incident.joined_told:
        incident.joined_told = True
        subject = subject_of(incident, this.around.directory.by_id(incident.service_id))
        this.effects.append(lambda: telling.joined(incident, subject, alert.summary, this.now))


def _as_urgent_as(incident: Incident, placement: Placement, this: _Round) -> None:
    """Support hours may have begun or ended since."""
    incident.urgency, incident.raise_at = placement.urgency, placement.raise_at
    service, around, now = this.around.directory.by_id(incident.service_id), this.around, this.now
    this.effects.append(lambda: change_severity(incident, service, around, now=now))


def _reopen(incident: Incident, reason: str, this: _Round) -> None:
    changes.reopen(incident)
    this.diary.note(incident, "reopened", f"Reopened: {reason}")
    service, around, now = this.around.directory.by_id(incident.service_id), this.around, this.now
    why = f"Reopened: {reason}"
    this.effects.append(lambda: call_again(incident, service, around, reason=why, now=now))


def _raise(incident: Incident, placement: Placement, why: str, this: _Round) -> None:
    severity = placement.severity
    if severity is None:
        return
    service = this.around.directory.by_id(incident.service_id)
    changes.set_severity(incident, severity, placement.urgency, this.diary, why, raise_at=placement.raise_at)
    around, now = this.around, this.now
    this.effects.append(lambda: change_severity(incident, service, around, now=now))


# ---- an alert changes, is acknowledged, ends ----


def _changed(happening: Happening, this: _Round) -> None:
    alert = happening.alert
    known = {incident.service_id: incident for incident in this.of_alert[alert.pk]}
    for placement in happening.placements:
        incident = known.get(placement.service.id)
        if incident is None:
            if not known:  # it opened nothing so far
                _place(alert, placement, this)
            continue
        # Not only worse than the incident: a person may have lowered that, and a repeat says nothing new.
        before = happening.before.get(placement.service.id)
        if Status(incident.status) in OPEN and joining.got_worse(
            placement.severity, before=before, incident=Severity(incident.severity)
        ):
            this.decisions.extend((alert, *reason) for reason in placement.reasons if reason[0] == "severity")
            this.change(incident)
            _raise(incident, placement, f"the alert “{alert.summary[:200]}” got worse", this)


def _acknowledged(incident: Incident, at: datetime, this: _Round) -> None:
    if Status(incident.status) not in OPEN or incident.acknowledged_at is not None:
        return
    this.change(incident)
    changes.acknowledge(incident, None, at)
    source = this.diary.actor.label
    this.diary.note(incident, "acknowledged", f"Acknowledged through {source}", at=at)

    def tell() -> None:
        # A later event of the same batch may have raised the incident, and so made this void.
        if incident.acknowledged_at is not None:
            telling.acknowledged_elsewhere(incident, source, this.now)

    this.effects.append(tell)


def _ended(incident: Incident, happening: Happening, this: _Round) -> None:
    alert, firing = happening.alert, this.firing[id(incident)]
    firing.discard(alert.pk)
    if Status(incident.status) not in OPEN:
        if incident.held_until is not None and not firing:
            incident.held_until = None
            this.change(incident)
        return
    this.diary.note(
        incident, "alert_ended", f"Alert over: {alert.summary}", {"alert": alert.pk}, happening.at
    )
    if firing:
        return
    decision = joining.all_over(
        status=Status(incident.status),
        severity=Severity(incident.severity),
        by_hand=incident.opened_by == changes.BY_PERSON,
        commander=incident.commander_id is not None,
        moved=incident.moved,
        touched=incident.touched,
    )
    this.decisions.append((alert, "incident", f"{decision.ending}: {incident.ref}", decision.reason))
    this.change(incident)
    subject = subject_of(incident, this.around.directory.by_id(incident.service_id))
    if decision.ending is Ending.MONITOR:
        known = incident.status == Status.MONITORING
        incident.status = Status.MONITORING
        this.diary.note(incident, "note" if known else "status_changed", f"Monitoring: {decision.reason}")
        this.effects.append(lambda: telling.all_over(incident, subject, this.now))
        return
    changes.resolve(incident, how=changes.BY_ALERT, user_id=None, now=this.now)
    this.diary.note(incident, "resolved", f"Resolved: {decision.reason}")
    this.effects.append(lambda: telling.resolved(incident, subject, "All its alerts are over", this.now))


# ---- writing ----

_FIELDS = (
    "severity",
    "peak_severity",
    "urgency",
    "status",
    "acknowledged_at",
    "acknowledged_by",
    "first_acknowledged_at",
    "mitigated_at",
    "resolved_at",
    "resolved_how",
    "resolved_by",
    "closed_at",
    "snoozed_until",
    "reopen_count",
    "joined_told",
    "raise_at",
    "held_until",
    "suppressed_by",
    "version",
)


def _write(this: _Round) -> None:
    Incident.everything.bulk_create(this.created)
    for incident in this.changed.values():
        incident.version += 1
    update_rows(this.changed.values(), _FIELDS)
    link_alerts(((incident.pk, alert.pk) for incident, alert in this.links), this.now)
    intake.belongs({alert.pk: incident.ref for incident, alert in this.links})
    intake.record(this.decisions, this.now)
    this.diary.write()
