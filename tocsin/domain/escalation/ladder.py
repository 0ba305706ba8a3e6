"""One call-out at one instant: what the ladder, the severity table, hand-offs and silence ask for now.

A `Walk` gathers the new state and the effects while it works; `machine` opens one for every event and closes
it with `settle`, which sets the only clock. What happens at the same instant goes in this order: ladder,
table, hand-off, silence, breach. So a lead whom the ladder calls at the minute the table names is called
once.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from tocsin.domain.escalation.calling import Found
from tocsin.domain.escalation.conditions import unmet
from tocsin.domain.escalation.model import (
    AckMode,
    CallOutKind,
    CallOutStatus,
    Outcome,
    Step,
    Strategy,
    Target,
    TargetKind,
    TeamWho,
    Via,
)
from tocsin.domain.escalation.steps import Climbing
from tocsin.domain.escalation.timing import (
    NUDGE_WAIT,
    SILENCE,
    ack_timeout,
    table_time,
    urgent,
)
from tocsin.domain.severity import Notify, TableCall
from tocsin.domain.time import format_duration

_OPEN: Final = frozenset({CallOutStatus.RUNNING, CallOutStatus.EXHAUSTED})


class Walk(Climbing):
    # ---- the loop ----

    def run(self) -> None:
        """Do everything that is due now. Each turn uses up what it does, so this ends."""
        while self._one():
            pass

    def _one(self) -> bool:
        state, now = self.state, self.now
        if state.status not in _OPEN:
            return False
        if state.next_step_at is not None and state.next_step_at <= now:
            if state.step < len(self.policy.steps):
                self.fire_step(state.next_step_at)
            else:
                self.end_pass(state.next_step_at)
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

    def settle(self) -> Outcome:
        """Set `due_at` from everything that lies ahead."""
        state = self.state
        due: list[datetime | None] = []
        if state.status in _OPEN:
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
            if any(c.named and c.via is not Via.TABLE and c.reached for c in self.this_lap(email)):
                self.note("merged", f"{label}: called already in this pass", email)
                continue
            stakeholder = management and email not in in_policy
            self.call(replace(one, named=True), -1, Via.TABLE, label, stakeholder=stakeholder)

    def _hand_off(self) -> None:
        """Whoever came on call for a fired step is called; those called before keep their reminders."""
        self.change(handoff_at=None)
        called = {c.email for c in self.state.called if c.lap == self.state.lap and not c.stakeholder}
        for index, step in enumerate(self.policy.steps[: self.state.step]):
            targets = tuple(t for t in step.targets if t.kind is TargetKind.SCHEDULE)
            if not targets or unmet(self.snapshot, step, self.now):
                continue
            incoming = [f for f in self._came(step, targets, index + 1) if f.person.email not in called]
            label = f"Hand-off of step {index + 1} while unacknowledged"
            each = step.ack is AckMode.EACH
            if self.call_all(incoming, index + 1, Via.HANDOFF, label, each=each):
                self.change(last_targets=step.targets)
            called |= {f.person.email for f in incoming}

    def _came(self, step: Step, targets: tuple[Target, ...], number: int) -> list[Found]:
        """Of a round-robin step nobody, while the one whose turn it was is still on call; else the next."""
        if step.strategy is Strategy.ROUND_ROBIN:
            on_call = self.find_for(step)
            mine = {c.email for c in self.answering() if c.step == number}
            still = any(f.person.email in mine for f in on_call)
            return [] if still else self.choose(on_call, step, number)
        return self.find_for(replace(step, targets=targets))

    def _call_again(self) -> None:
        label = f"Unacknowledged, and nobody was called for {format_duration(SILENCE)}"
        targets, step = self.state.last_targets, self.state.step
        # Nobody else is left to ask: whoever could not then is asked once more.
        self.change(quiet_since=self.now, declined=())
        found = self.find(targets, watch=True)
        left = [one for one in found if one.person.email not in self.state.acks]
        if self.call_all(left, step or -1, Via.AGAIN, label):
            return
        # Nobody is left of them: the whole ladder once more, without repeats.
        self.note("resumed", f"{label}: the whole ladder again")
        last = max(self.snapshot.policy.repeat, self.state.passing)
        self.next_pass(self.now, passing=last, chain=0, policy=0)

    def _named_in_policy(self) -> frozenset[str]:
        policies = (self.snapshot.policy, *self.snapshot.fallbacks)
        named = [
            target
            for policy in policies
            for targets in (*(step.targets for step in policy.steps), policy.final)
            for target in targets
            if target.kind is TargetKind.USER or target.who in {TeamWho.LEAD, TeamWho.MANAGER}
        ]
        return frozenset(f.person.email for f in self.find(named))
