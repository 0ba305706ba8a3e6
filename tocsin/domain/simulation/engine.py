"""The virtual clock: from event to event and from one due time to the next, as the workers would go."""

import heapq
from datetime import datetime
from itertools import count
from typing import Final

from tocsin.domain import joining
from tocsin.domain.configuration.model import Integration
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.escalation import machine
from tocsin.domain.escalation.machine import AckKind
from tocsin.domain.escalation.model import (
    Call,
    CallOutStatus,
    Note,
    Nudge,
    Outcome,
    Post,
    StopCalling,
)
from tocsin.domain.escalation.rehearsal import Cursor
from tocsin.domain.joining import Ending, Join
from tocsin.domain.lifecycle import OPEN, Status
from tocsin.domain.severity import Severity, Urgency
from tocsin.domain.simulation.model import (
    Acknowledge,
    Happening,
    Page,
    Resolve,
    Result,
    SetSeverity,
    Trigger,
    Unsent,
)
from tocsin.domain.simulation.outbox import Outbox
from tocsin.domain.simulation.quiet import Desk, Waiting, rules_of
from tocsin.domain.simulation.running import Message, Running, candidate, promoted, stop, told
from tocsin.domain.simulation.world import Placement, World

_MOST_STEPS: Final = 5_000_000  # a rehearsal that never ends is a mistake, not a rehearsal


class Play:
    """`step` through time; `result` when done."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.incidents: list[Running] = []
        self.pages: list[Page] = []
        self.notes: list[tuple[datetime, str, str]] = []
        self._newest: dict[tuple[str, str], Running] = {}  # by service and group
        self._by_key: dict[str, Running] = {}  # the newest by dedup key
        self._of_alert: dict[tuple[str, str], list[Running]] = {}
        self._named: dict[tuple[str, str], str] = {}  # by the tool's own key: the alert's
        self._meant: dict[tuple[tuple[str, str], str], Severity | None] = {}  # by alert and service
        self._due: list[tuple[datetime, int, Running | Message | Waiting]] = []
        self._tie = count()
        self._turns = Cursor()
        self.unsent: list[Unsent] = []
        self._leaving: list[Message] = []  # due at this instant
        self._outbox = Outbox()
        self.desk = Desk(rules_of(world.organisation))
        self._calls = count(1)

    # ---- time ----

    def until(self, instant: datetime, *, inclusive: bool) -> None:
        """Do what falls due before `instant`, or at it."""
        for _ in range(_MOST_STEPS):
            more = self._due and (self._due[0][0] < instant or (inclusive and self._due[0][0] == instant))
            if self._leaving and (not more or self._due[0][0] > self._leaving[0].page.at):
                self._leave(self._leaving[0].page.at)
                continue
            if not more:
                return
            at, _number, what = heapq.heappop(self._due)
            if isinstance(what, Running):
                self._advance(what, at)
            elif isinstance(what, Waiting):
                self._look_again(what, at)
            elif not what.stopped and what.page.at == at:  # otherwise it leaves at another time
                self._leaving.append(what)
        raise Invalid(FieldError("events", "the rehearsal does not come to an end"))

    def _advance(self, incident: Running, at: datetime) -> None:
        if incident.raise_at == at:
            self._raise_at_opening(incident, at)
        elif incident.state.due_at == at:  # otherwise the due time was moved: this entry is stale
            outcome = machine.advance(
                incident.snapshot, incident.state, self.world.resolver(at), at, turns=self._turns
            )
            self._carry_out(incident, outcome, at)

    def _schedule(self, at: datetime | None, what: Running | Message | Waiting) -> None:
        if at is not None:
            heapq.heappush(self._due, (at, next(self._tie), what))

    def _leave(self, now: datetime) -> None:
        """Everything that is due at `now`, together."""
        left = self._outbox.leave(self._leaving, now)
        self._leaving = []
        self.pages += left.pages
        self.unsent += left.unsent
        for message in left.held:
            self.incidents[message.incident - 1].waiting.append(message)
            self._schedule(message.page.at, message)
        for message in left.elsewhere:
            following = promoted(self.incidents[message.incident - 1], message, now)
            self._schedule(now if following else None, following or message)

    # ---- what happens ----

    def happen(self, event: Happening) -> None:
        self._happen(event)
        if self._leaving:  # what leaves at once is gone when the next thing happens
            self._leave(event.at)

    def _happen(self, event: Happening) -> None:
        match event:
            case Trigger():
                self._trigger(event)
            case Resolve():
                self._resolve(event)
            case Acknowledge():
                self._acknowledge(event)
            case SetSeverity():
                self._set_severity(event)

    def _trigger(self, event: Trigger) -> None:
        integration, signal, now = self._integration(event.integration), event.signal, event.at
        dedup_key = self.world.key(integration, signal, now)
        alert = (integration.name, dedup_key)
        self._named[integration.name, signal.dedup_key] = dedup_key
        self._tell(alert, event, integration, now)

    def _tell(self, alert: tuple[str, str], event: Trigger, integration: Integration, now: datetime) -> None:
        """Unless something holds it. What is in an incident already stays in it."""
        placements, dedup_key = self.world.place(integration, event.signal, now), alert[1]
        in_one = any(alert in one.firing for one in self._of_alert.get(alert, ()))
        waiting = self.desk.fires(alert, event, integration, placements, now)
        if waiting is not None and in_one:
            self.desk.waiting.pop(alert)
        elif waiting is not None:
            self._note(now, dedup_key, "; ".join(one.reason for one in waiting.held))
            self._schedule(waiting.due_at, waiting)
            return
        known = {one.service.name: one for one in self._of_alert.get(alert, ()) if alert in one.firing}
        for placement in placements:
            incident = known.get(placement.service.name)
            if incident is None:
                self._place(alert, dedup_key, placement, now)
            elif placement.severity is not None and joining.got_worse(
                placement.severity,
                before=self._meant.get((alert, placement.service.name)),
                incident=incident.severity,
            ):
                self._change_severity(
                    incident, placement.severity, placement.urgency, now, placement.raise_at
                )
            self._meant[alert, placement.service.name] = placement.severity

    def _look_again(self, waiting: Waiting, now: datetime) -> None:
        """Something that held it is over."""
        if self.desk.waiting.get(waiting.alert) is waiting:
            self._tell(waiting.alert, waiting.event, self._integration(waiting.alert[0]), now)

    def _place(self, alert: tuple[str, str], dedup_key: str, placement: Placement, now: datetime) -> None:
        newest = self._newest.get((placement.service.name, placement.group_key))
        decision = joining.decide(
            placement.severity,
            candidate(newest) if newest else None,
            reopen_window=placement.service.reopen_window,
            now=now,
            within=placement.group_within,
            most=placement.group_limit,
        )
        self._note(now, dedup_key, decision.reason)
        if placement.severity is None or decision.join is Join.NOTHING:
            return
        if newest is None or decision.join in {Join.OPEN, Join.OPEN_LINKED}:
            incident = self.open(dedup_key, placement, now)
        else:
            incident = newest
            if decision.join is Join.REOPEN:
                self._reopen(incident, decision.reason, now)
            if decision.raise_to is not None:
                self._change_severity(incident, decision.raise_to, placement.urgency, now, placement.raise_at)
        incident.firing.add(alert)
        incident.joined += 1
        incident.last_joined_at = now
        incident.keys.add(dedup_key)
        self._of_alert.setdefault(alert, []).append(incident)
        self._by_key[dedup_key] = incident

    def open(self, dedup_key: str, placement: Placement, now: datetime) -> Running:
        severity = placement.severity or Severity.SEV2
        snapshot = self.world.snapshot(placement.service, severity, placement.urgency)
        outcome = machine.begin(snapshot, self.world.resolver(now), now, turns=self._turns)
        incident = Running(
            number=len(self.incidents) + 1,
            dedup_key=dedup_key,
            service=placement.service,
            severity=severity,
            group_key=placement.group_key,
            opened_at=now,
            snapshot=snapshot,
            state=outcome.state,
            firing=set(),
            keys=set(),
            raise_at=placement.raise_at,
        )
        self.incidents.append(incident)
        self._newest[placement.service.name, placement.group_key] = incident
        self._schedule(placement.raise_at, incident)
        self._carry_out(incident, outcome, now)
        return incident

    def _reopen(self, incident: Running, reason: str, now: datetime) -> None:
        incident.status, incident.resolved_at = Status.INVESTIGATING, None
        incident.acknowledged_at = None
        text = f"Reopened: {reason}"
        outcome = machine.restart(
            incident.snapshot, incident.state, self.world.resolver(now), now, text, turns=self._turns
        )
        self._carry_out(incident, outcome, now)

    def _resolve(self, event: Resolve) -> None:
        own = (event.integration, event.dedup_key)
        alert = (event.integration, self._named.get(own, event.dedup_key))
        if self.desk.ends(alert, event.at):
            self._note(event.at, event.dedup_key, "it ended while it was held: nobody is told")
        for waiting in self.desk.inhibited():
            self._look_again(waiting, event.at)
        for incident in self._of_alert.get(alert, ()):
            if alert not in incident.firing:
                continue
            incident.firing.discard(alert)
            if incident.firing or incident.status not in OPEN:
                continue
            decision = joining.all_over(
                status=incident.status,
                severity=incident.severity,
                by_hand=False,
                commander=False,
                moved=False,
                touched=incident.touched,
            )
            self._note(event.at, event.dedup_key, decision.reason)
            if decision.ending is Ending.MONITOR:
                incident.status = Status.MONITORING
                continue
            incident.status, incident.resolved_at = Status.RESOLVED, event.at
            outcome = machine.end(incident.snapshot, incident.state, decision.reason, event.at)
            self._carry_out(incident, outcome, event.at)

    def _acknowledge(self, event: Acknowledge) -> None:
        incident = self._incident(event.dedup_key, event.at)
        if incident is None:
            return
        answer = machine.acknowledge(incident.snapshot, incident.state, event.by, event.at)
        if answer.kind is AckKind.NOT_CALLED:
            self._note(event.at, event.dedup_key, f"{event.by} was not called, so this is no acknowledgement")
        answers = {AckKind.ACKNOWLEDGED, AckKind.ALREADY, AckKind.COUNTED}
        incident.touched = incident.touched or answer.kind in answers
        self._carry_out(incident, answer.outcome, event.at)

    def _set_severity(self, event: SetSeverity) -> None:
        incident = self._incident(event.dedup_key, event.at)
        if incident is not None and event.severity is not incident.severity:
            incident.touched = True
            loud = self.world.urgency(incident.service, event.severity, event.at)
            self._change_severity(incident, event.severity, loud.urgency, event.at, loud.raise_at)

    def _change_severity(
        self,
        incident: Running,
        to: Severity,
        loud: Urgency,
        now: datetime,
        raise_at: datetime | None = None,
    ) -> None:
        if to.worse_than(incident.severity):
            incident.acknowledged_at = None
        incident.raise_at = raise_at
        self._schedule(raise_at, incident)
        incident.severity = to
        incident.snapshot, outcome = machine.change_severity(
            incident.snapshot,
            incident.state,
            self.world.resolver(now),
            now,
            row=self.world.row(to),
            urgency=loud,
            turns=self._turns,
        )
        self._carry_out(incident, outcome, now)

    def _raise_at_opening(self, incident: Running, now: datetime) -> None:
        incident.raise_at = None
        if incident.status not in OPEN or incident.acknowledged_at is not None:
            return
        if incident.snapshot.urgency is not Urgency.HIGH:
            self._note(now, incident.dedup_key, "Support hours have opened: it is urgent now")
            self._change_severity(incident, incident.severity, Urgency.HIGH, now)

    # ---- effects ----

    def _carry_out(self, incident: Running, outcome: Outcome, now: datetime) -> None:
        was = incident.state.status
        incident.state = outcome.state
        self._turns.took(outcome.effects)
        if was is CallOutStatus.ACKNOWLEDGED and outcome.state.status is CallOutStatus.RUNNING:
            incident.acknowledged_at = None
        if was is not CallOutStatus.ACKNOWLEDGED and outcome.state.status is CallOutStatus.ACKNOWLEDGED:
            incident.acknowledged_at = now
            incident.first_acknowledged_at = incident.first_acknowledged_at or now
        for effect in outcome.effects:
            match effect:
                case Call():
                    self._call(incident, effect, now)
                case StopCalling():
                    stop(incident, effect, now)
                case Post():
                    self._note(now, incident.dedup_key, f"told: {effect.reason}")
                case Note():
                    self._note(now, incident.dedup_key, effect.text)
                case Nudge():
                    self._note(now, incident.dedup_key, f"{effect.email}: {effect.text}")
        self._schedule(outcome.state.due_at, incident)

    def _call(self, incident: Running, call: Call, now: datetime) -> None:
        deadline = incident.state.started_at + incident.snapshot.respond_within
        lines = self.world.messages(call.person.email, call.urgency, now, deadline)
        first, number = not call.again, next(self._calls)
        for line in lines:
            if line.method is None:
                self._note(now, incident.dedup_key, f"{call.person.email}: {line.reason}")
                continue
            page = Page(
                line.due_at,
                incident.dedup_key,
                call.person.email,
                line.method.type,
                call.urgency,
                call.step,
                f"{call.reason}; {line.reason}",
            )
            message = Message(
                page=page,
                address=line.method.address,
                incident=incident.number,
                service=incident.service.name,
                severity=incident.severity,
                call=number,
                why=call.reason,
                said=page.reason,
                wanted_at=page.at,
                stakeholder=call.stakeholder,
                first=first,
            )
            first = False
            if page.at <= now:
                self._leaving.append(message)
            else:
                incident.waiting.append(message)
                self._schedule(page.at, message)

    # ---- look-ups ----

    def _note(self, at: datetime, dedup_key: str, text: str) -> None:
        self.notes.append((at, dedup_key, text))

    def _incident(self, dedup_key: str, at: datetime) -> Running | None:
        found = self._by_key.get(dedup_key)
        if found is None or found.status not in OPEN:
            self._note(at, dedup_key, "there is no open incident with this dedup key")
            return None
        return found

    def _integration(self, name: str) -> Integration:
        found = self.world.organisation.integrations.get(name)
        if found is None:
            known = ", ".join(sorted(self.world.organisation.integrations)) or "none"
            raise Invalid(FieldError("integration", f"there is no integration “{name}”; there is {known}"))
        return found

    def result(self, start: datetime, end: datetime) -> Result:
        pages = sorted((page for page in self.pages if start <= page.at < end), key=lambda page: page.at)
        incidents = tuple(told(one) for one in self.incidents)
        unsent = sorted(
            (one for one in self.unsent if start <= one.page.at < end), key=lambda one: one.page.at
        )
        held = tuple(one for one in self.desk.kept() if start <= one.at < end)
        return Result(tuple(pages), incidents, tuple(self.notes), tuple(unsent), held)
