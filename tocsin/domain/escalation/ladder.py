"""One call-out at one instant: what the ladder, the severity table, hand-offs and silence ask for now.

A `Walk` gathers the new state and the effects while it works; `machine` opens one for every event and closes
it with `settle`, which sets the only clock. What happens at the same instant goes in this order: ladder,
table, hand-off, silence, breach. So a lead whom the ladder calls at the minute the table names is called
once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from tocsin.domain.escalation.model import (
    Call,
    Called,
    CallOutKind,
    CallOutStatus,
    Effect,
    Note,
    Outcome,
    Person,
    Resolve,
    Snapshot,
    State,
    Target,
    TargetKind,
    TeamWho,
    Via,
)
from tocsin.domain.escalation.timing import (
    GRACE,
    INSTANT,
    NUDGE_WAIT,
    SILENCE,
    ack_timeout,
    table_time,
    urgent,
)
from tocsin.domain.severity import Ladder, Notify, TableCall
from tocsin.domain.time import format_duration


@dataclass(frozen=True)
class Found:
    """`named`: as lead, as manager or by address, rather than by a schedule or as one of a team."""

    person: Person
    named: bool


class Walk:
    def __init__(self, snapshot: Snapshot, state: State, resolve: Resolve, now: datetime) -> None:
        self.snapshot, self.state, self.resolve, self.now = snapshot, state, resolve, now
        self.effects: list[Effect] = []

    def change(self, **fields: Any) -> None:
        self.state = replace(self.state, **fields)

    def note(self, kind: str, text: str, email: str | None = None, step: int | None = None) -> None:
        self.effects.append(Note(kind, text, email, step))

    # ---- the loop ----

    def run(self) -> None:
        """Do everything that is due now. Each turn uses up what it does, so this ends."""
        while self._one():
            pass

    def _one(self) -> bool:
        state, now = self.state, self.now
        if state.next_step_at is not None and state.next_step_at <= now:
            if state.step < len(self.snapshot.policy.steps):
                self._fire_step(state.next_step_at)
            else:
                self._end_pass(state.next_step_at)
            return True
        for index, row, at in self.table_pending():
            if at <= now:
                self._fire_table(index, row)
                return True
        if state.handoff_at is not None and state.handoff_at <= now:
            self._hand_off()
            return True
        silence = self.silence_at()
        if silence is not None and silence <= now:
            self._call_again()
            return True
        breach = self.breach_at()
        if breach is not None and breach <= now:
            self.breach()
            return True
        return False

    # ---- when ----

    def table_pending(self) -> list[tuple[int, TableCall, datetime]]:
        if self.snapshot.kind is not CallOutKind.SERVICE:
            return []
        pending = []
        for index, row in enumerate(self.snapshot.escalate):
            if index in self.state.table_done:
                continue
            at = table_time(self.snapshot, row, self.state.started_at)
            if at is not None:
                pending.append((index, row, at))
        return sorted(pending, key=lambda item: item[2])

    def silence_at(self) -> datetime | None:
        calls_on = self.snapshot.kind is CallOutKind.SERVICE or self.snapshot.alone
        if not calls_on or not urgent(self.snapshot):
            return None
        return self.state.quiet_since + SILENCE if self.state.quiet_since else None

    def breach_at(self) -> datetime | None:
        if self.snapshot.kind is not CallOutKind.SERVICE or self.state.breached:
            return None
        return self.state.started_at + self.snapshot.respond_within + INSTANT

    def settle(self) -> Outcome:
        """Set `due_at` from everything that lies ahead."""
        state = self.state
        due: list[datetime | None] = []
        if state.status in {CallOutStatus.RUNNING, CallOutStatus.EXHAUSTED}:
            due = [state.next_step_at, self.breach_at(), *(at for _, _, at in self.table_pending())]
            over = not any(due)
            self.change(status=CallOutStatus.EXHAUSTED if over else CallOutStatus.RUNNING)
            due += [state.handoff_at, self.silence_at()]
        elif state.status is CallOutStatus.ACKNOWLEDGED:
            timeout = ack_timeout(self.snapshot)
            if state.nudged_at is not None:
                due = [state.nudged_at + NUDGE_WAIT]
            elif timeout is not None and state.ack_timer_from is not None:
                due = [state.ack_timer_from + timeout]
        elif state.status is CallOutStatus.SNOOZED:
            due = [state.snoozed_until]
        self.change(due_at=min((at for at in due if at is not None), default=None))
        return Outcome(self.state, tuple(self.effects))

    # ---- the ladder ----

    def start(self) -> None:
        """The whole ladder from its first step, now."""
        lap = self.state.lap + 1 if self.state.called or self.state.lap else 0
        self.change(
            status=CallOutStatus.RUNNING,
            step=0,
            passing=0,
            lap=lap,
            ladder_lap=lap,
            chain=0,
            next_step_at=self.now,
            handoff_at=None,
            last_targets=(),
            quiet_since=None,
            acknowledged_by=None,
            acknowledged_at=None,
            ack_timer_from=None,
            nudged_at=None,
            snoozed_until=None,
            snoozed_by=None,
        )

    def step_zero(self, targets: Sequence[Target], via: Via, label: str) -> None:
        """Call `targets` before the policy; the policy follows after its own first wait."""
        found = self.find(targets)
        steps = self.snapshot.policy.steps
        wait = steps[0].wait if steps else self.snapshot.respond_within
        if self._call_all(found, 0, via, label):
            self.change(next_step_at=self.now + wait, last_targets=tuple(targets))
        else:
            self.note("skipped", f"{label}: nobody could be reached, so the policy begins at once", step=0)

    def call_also(self, email: str, via: Via, label: str) -> None:
        """Call one more person beside the step that just fired."""
        self._call_all(self.find((Target(TargetKind.USER, email),)), 0, via, label)

    def _fire_step(self, due: datetime) -> None:
        state, policy = self.state, self.snapshot.policy
        step, number = policy.steps[state.step], state.step + 1
        base = due
        if self.now - due > GRACE:
            base = self.now
            late = format_duration(self.now - due)
            self.note("resumed", f"Resumed at step {number}, {late} after it was due", step=number)
        label = f"Step {number} of “{policy.name}”"
        if state.passing:
            label += f", pass {state.passing + 1}"
        before = self._called_to_answer()
        found = self.find(step.targets, watch=True)
        by_table = {
            f.person.email
            for f in found
            if f.named and any(c.via is Via.TABLE for c in self._this_lap(f.person.email))
        }
        reached = self._call_all(found, number, Via.LADDER, label)
        self.change(step=state.step + 1)
        if not reached:
            self.note(
                "skipped",
                f"{label} reached nobody and is skipped{self._why_empty(step.targets)}",
                step=number,
            )
            self.change(next_step_at=base)
            return
        self.change(last_targets=step.targets)
        if self.snapshot.ladder is Ladder.FIRST_STEP:
            self.change(next_step_at=None)
        elif reached <= before | by_table:
            if number < len(policy.steps):
                self.note("again", f"{label}: everybody was called before, so it does not wait", step=number)
            self.change(next_step_at=base)
        else:
            self.change(next_step_at=base + step.wait)

    def _end_pass(self, due: datetime) -> None:
        state, policy = self.state, self.snapshot.policy
        if not self._called_to_answer():
            self._ask_chain()
            return
        base = due if self.now - due <= GRACE else self.now
        if self.snapshot.ladder is Ladder.FULL and state.passing < policy.repeat:
            self.change(
                step=0, passing=state.passing + 1, lap=state.lap + 1, next_step_at=base, handoff_at=None
            )
            return
        self.change(next_step_at=None)
        if policy.final and self.snapshot.ladder is Ladder.FULL and not state.chain:
            self.change(chain=1)
            if self._call_all(self.find(policy.final), -1, Via.LADDER, f"Final step of “{policy.name}”"):
                self.change(last_targets=policy.final)
        self.note("exhausted", "Every step was called; nobody has acknowledged")

    def _ask_chain(self) -> None:
        """A whole pass reached nobody: final, lead, manager, last resort; the first who can be reached."""
        stages = (
            (self.snapshot.policy.final, f"Final step of “{self.snapshot.policy.name}”"),
            (self.snapshot.lead, "Nobody else could be reached: team lead"),
            (self.snapshot.management, "Nobody else could be reached: manager"),
            (self.snapshot.last_resort, "Nobody else could be reached: last resort"),
        )
        self.change(next_step_at=None)
        while self.state.chain < len(stages):
            targets, label = stages[self.state.chain]
            self.change(chain=self.state.chain + 1)
            if targets and self._call_all(self.find(targets), -1, Via.NOBODY, label):
                self.change(last_targets=targets)
                return
        self.note("nobody", "Nobody could be reached: neither a step nor lead, manager or last resort")
        self.change(quiet_since=self.now)

    # ---- the table, hand-offs, silence ----

    def _fire_table(self, index: int, row: TableCall) -> None:
        self.change(table_done=(*self.state.table_done, index))
        management = row.notify is Notify.MANAGEMENT
        who = "management" if management else "the lead"
        after = "on the next business day" if row.at is None else f"at {format_duration(row.at)}"
        label = f"{self.snapshot.severity} calls {who} {after if row.at != timedelta(0) else 'at once'}"
        found = self.find(self.snapshot.management if management else self.snapshot.lead)
        if not found:
            self.note("nobody", f"{label}, but there is nobody to call")
        in_policy = self._named_in_policy() if management else frozenset()
        for one in found:
            email = one.person.email
            if any(c.named and c.via is not Via.TABLE and c.reached for c in self._this_lap(email)):
                self.note("merged", f"{label}: called already in this pass", email)
                continue
            stakeholder = management and email not in in_policy
            self._call(replace(one, named=True), -1, Via.TABLE, label, stakeholder=stakeholder)

    def _hand_off(self) -> None:
        """Whoever came on call for a fired step is called; those called before keep their reminders."""
        self.change(handoff_at=None)
        called = {c.email for c in self.state.called if c.lap == self.state.lap and not c.stakeholder}
        for index, step in enumerate(self.snapshot.policy.steps[: self.state.step]):
            targets = tuple(t for t in step.targets if t.kind is TargetKind.SCHEDULE)
            incoming = [f for f in self.find(targets, watch=True) if f.person.email not in called]
            label = f"Hand-off of step {index + 1} while unacknowledged"
            if self._call_all(incoming, index + 1, Via.HANDOFF, label):
                self.change(last_targets=step.targets)
            called |= {f.person.email for f in incoming}

    def _call_again(self) -> None:
        label = f"Unacknowledged, and nobody was called for {format_duration(SILENCE)}"
        targets, step = self.state.last_targets, self.state.step
        self.change(quiet_since=self.now)
        if targets and self._call_all(self.find(targets, watch=True), step or -1, Via.AGAIN, label):
            return
        # Nobody is left of them: the whole ladder once more, without repeats.
        self.note("resumed", f"{label}: the whole ladder again")
        last = max(self.snapshot.policy.repeat, self.state.passing)
        self.change(step=0, chain=0, passing=last, lap=self.state.lap + 1, next_step_at=self.now)

    def breach(self) -> None:
        self.change(breached=True)
        within = format_duration(self.snapshot.respond_within)
        text = f"Not acknowledged within {within} ({self.snapshot.severity})"
        if self.snapshot.ladder is Ladder.FIRST_STEP:
            text += "; this severity calls the first step only"
        self.note("breach", text)

    # ---- people ----

    def find(self, targets: Sequence[Target], *, watch: bool = False) -> list[Found]:
        """Who the targets are now, each person once. `watch`: remember when their schedules hand over."""
        found: dict[str, Found] = {}
        for target in targets:
            answer = self.resolve(target)
            named = target.kind is TargetKind.USER or target.who in {TeamWho.LEAD, TeamWho.MANAGER}
            for person in answer.people:
                known = found.get(person.email)
                if known is None or (known.person.shadow and not person.shadow):
                    found[person.email] = Found(person, named or (known is not None and known.named))
                elif named:
                    found[person.email] = replace(known, named=True)
            if watch and answer.until is not None and answer.until > self.now:
                first = min(answer.until, self.state.handoff_at or answer.until)
                self.change(handoff_at=first)
        return list(found.values())

    def _why_empty(self, targets: Sequence[Target]) -> str:
        reasons = [reason for target in targets if (reason := self.resolve(target).reason)]
        return f" ({'; '.join(reasons)})" if reasons else ""

    def _call_all(self, found: Sequence[Found], step: int, via: Via, label: str) -> frozenset[str]:
        """Call them; the addresses of those who count as reached."""
        return frozenset(one.person.email for one in found if self._call(one, step, via, label))

    def _call(self, one: Found, step: int, via: Via, label: str, *, stakeholder: bool = False) -> bool:
        """Call one person, never twice at one instant; whether they count as reached."""
        person, state = one.person, self.state
        earlier = [c for c in state.called if c.email == person.email]
        stakeholder = stakeholder or person.shadow
        entry = Called(
            person.email, self.now, step, state.lap, via, stakeholder, one.named, reached=person.deliverable
        )
        reason = f"{label}: {person.reason}"
        number = step if step >= 0 else None
        again = any(c.lap >= state.ladder_lap for c in earlier)
        at_once = any(c.at == self.now and c.lap >= state.ladder_lap for c in earlier)
        by_table = one.named and any(c.via is Via.TABLE and c.reached for c in self._this_lap(person.email))
        if at_once or (by_table and via is Via.LADDER):
            why = "called at this very moment" if at_once else "called already in this pass by the table"
            self.note("merged", f"{reason}; {why}", person.email, number)
        else:
            if not person.deliverable:
                self.note(
                    "undeliverable", f"{reason}; there is no working way to reach them", person.email, number
                )
            self.effects.append(
                Call(person, self.snapshot.urgency, step, via, reason, stakeholder, again=again)
            )
            if person.deliverable and not person.shadow:
                self.change(quiet_since=self.now)
        self._remember(entry)
        return person.deliverable and not person.shadow

    def _remember(self, entry: Called) -> None:
        """Keep this lap, and of older ones each person's last, so that a week of calls stays small."""

        def outlived(old: Called) -> bool:
            same = (old.email, old.stakeholder) == (entry.email, entry.stakeholder)
            return same and (old.lap < entry.lap or (old.via is Via.AGAIN and entry.via is Via.AGAIN))

        self.change(called=(*(old for old in self.state.called if not outlived(old)), entry))

    def _this_lap(self, email: str) -> list[Called]:
        return [c for c in self.state.called if c.email == email and c.lap == self.state.lap]

    def _called_to_answer(self) -> frozenset[str]:
        """Those this pass reached who may acknowledge; the table's calls are nothing to wait for."""
        lap = self.state.lap
        return frozenset(
            c.email
            for c in self.state.called
            if c.lap == lap and c.reached and not c.stakeholder and c.via is not Via.TABLE
        )

    def _named_in_policy(self) -> frozenset[str]:
        named = [
            target
            for step in self.snapshot.policy.steps
            for target in step.targets
            if target.kind is TargetKind.USER or target.who in {TeamWho.LEAD, TeamWho.MANAGER}
        ]
        return frozenset(f.person.email for f in self.find(named))
