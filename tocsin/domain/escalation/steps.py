"""Climbing: what a step asks for when it fires, what follows the last one, and what an answer ends."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from tocsin.domain.escalation.calling import Calling
from tocsin.domain.escalation.conditions import nobody_by_their_clock, unmet
from tocsin.domain.escalation.model import (
    AckMode,
    CallOutKind,
    CallOutStatus,
    OnEmpty,
    Step,
    StopCalling,
    Strategy,
    Target,
    TargetKind,
    Via,
)
from tocsin.domain.escalation.timing import GRACE, INSTANT
from tocsin.domain.severity import Ladder
from tocsin.domain.time import format_duration


class Climbing(Calling):
    def start(self) -> None:
        """The whole ladder from its first step, now."""
        lap = self.state.lap + 1 if self.state.called or self.state.lap else 0
        self.change(
            status=CallOutStatus.RUNNING,
            policy=0,
            step=0,
            passing=0,
            lap=lap,
            ladder_lap=lap,
            chain=0,
            next_step_at=self.now,
            handoff_at=None,
            acks=(),
            declined=(),
            posted=(),
            last_targets=(),
            quiet_since=None,
            acknowledged_by=None,
            acknowledged_at=None,
            ack_timer_from=None,
            nudged_at=None,
            snoozed_until=None,
            snoozed_by=None,
            generation=self.state.generation + 1,
        )

    def step_zero(self, targets: Sequence[Target], via: Via, label: str) -> None:
        """Call `targets` before the policy; the policy follows after its own first wait."""
        found = self.find(targets)
        steps = self.policy.steps
        wait = steps[0].wait if steps else self.snapshot.respond_within
        if self.call_all(found, 0, via, label):
            self.change(next_step_at=self.now + wait, last_targets=tuple(targets))
        else:
            self.note("skipped", f"{label}: nobody could be reached, so the policy begins at once", step=0)

    def call_also(self, email: str, via: Via, label: str) -> None:
        """Call one more person beside the step that just fired."""
        self.call_all(self.find((Target(TargetKind.USER, email),)), 0, via, label)

    def fire_step(self, due: datetime) -> None:
        state, policy = self.state, self.policy
        step, number = policy.steps[state.step], state.step + 1
        base = due
        if self.now - due > GRACE:
            base = self.now
            late = format_duration(self.now - due)
            self.note("resumed", f"Resumed at step {number}, {late} after it was due", step=number)
        label = f"Step {number} of “{policy.name}”"
        if state.passing:
            label += f", pass {state.passing + 1}"
        self.change(step=number)
        if why := unmet(self.snapshot, step, self.now):
            self.note("skipped", f"{label} is skipped: {why}", step=number)
            self.change(next_step_at=base)
            return
        before = self.called_to_answer()
        found = self.find_for(step)
        by_table = {
            f.person.email
            for f in found
            if f.named and any(c.via is Via.TABLE for c in self.this_lap(f.person.email))
        }
        told = self.post_all(step.targets, number, label)
        each = step.ack is AckMode.EACH
        reached = self.call_all(self.choose(found, step, number), number, Via.LADDER, label, each=each)
        if not reached:
            self._step_reached_nobody(step, number, label, base, told=told, empty=not found)
            return
        self.change(last_targets=step.targets)
        if self.snapshot.ladder is Ladder.FIRST_STEP:
            self.change(next_step_at=None)
        elif reached <= before | by_table | set(state.acks):
            if number < len(policy.steps):
                self.note("again", f"{label}: everybody was called before, so it does not wait", step=number)
            self.change(next_step_at=base)
        else:
            self.change(next_step_at=base + step.wait)
        if each:
            self.take_answer()

    def _step_reached_nobody(
        self, step: Step, number: int, label: str, base: datetime, *, told: bool, empty: bool
    ) -> None:
        """Skipped at once, but for a wait that was asked for: `on_empty`, or behind machines that were
        told.
        """
        others = self.find(step.targets) if empty else []
        machines_only = empty and not others
        if others:  # the condition left nobody
            why = f"{label} is skipped: {nobody_by_their_clock(step.when)}"
            waits = False
        elif told and machines_only:
            why = f"{label} calls nobody who could answer"
            waits = True
        else:
            why = f"{label} reached nobody and is skipped{self.why_empty(step.targets)}"
            waits = empty and step.on_empty is OnEmpty.WAIT
            if waits:
                why = why.replace("is skipped", f"waits {format_duration(step.wait)} all the same")
        self.note("skipped", why, step=number)
        self.change(next_step_at=base + step.wait if waits else base)

    def next_in_ring(self, number: int) -> bool:
        """Whom a round-robin step called does not answer: the next of them has the turn, where one is
        left.
        """
        step = self.policy.steps[number - 1] if number > 0 else None
        if step is None or step.strategy is not Strategy.ROUND_ROBIN:
            return False
        tried = {c.email for c in self.answering() if c.step == number}
        left = [f for f in self.ring(self.find_for(step)) if f.person.email not in tried]
        label = f"Step {number} of “{self.policy.name}”, in place of the one before"
        chosen = self.choose(left, step, number)
        each = step.ack is AckMode.EACH
        if not self.call_all(chosen, number, Via.LADDER, label, each=each):
            return False
        full = self.snapshot.ladder is Ladder.FULL
        self.change(next_step_at=self.now + step.wait if full else None, last_targets=step.targets)
        return True

    def pass_by(self, email: str) -> None:
        """Somebody this pass reached does not answer for sure. The next step begins now, unless somebody else
        of the newest one was reached, or it takes turns and somebody else has one.
        """
        lap = self.state.lap
        newest = self.answering()[-1].step  # all of them were called by it together: its people
        self.change(
            called=tuple(
                replace(c, reached=False) if c.email == email and c.lap == lap else c
                for c in self.state.called
            )
        )
        self.take_answer()
        if self.state.status is CallOutStatus.ACKNOWLEDGED:
            return
        left = any(c.step == newest and c.reached for c in self.answering())
        if not left and not self.next_in_ring(newest):
            self.note("passed", "Nobody of this step can be reached: the next one begins at once")
            self.change(next_step_at=self.now)

    def end_pass(self, due: datetime) -> None:
        state, policy = self.state, self.policy
        base = due if self.now - due <= GRACE else self.now
        self.change(next_step_at=None)
        if not self.called_to_answer():
            self._ask_chain(base)
            return
        full = self.snapshot.ladder is Ladder.FULL
        if full and state.passing < policy.repeat:
            self.next_pass(base, passing=state.passing + 1)
            return
        if full and policy.final and not state.chain:
            self.change(chain=1)
            label = f"Final step of “{policy.name}”"
            if self.call_targets(policy.final, -1, Via.LADDER, label):
                self.change(last_targets=policy.final)
                if self.has_fallback():
                    last = policy.steps[-1].wait if policy.steps else self.snapshot.respond_within
                    self.change(next_step_at=base + last)
                    return
        if full and self.fall_back(base):
            return
        self.note("exhausted", "Every step was called; nobody has acknowledged")

    def next_pass(self, at: datetime, *, passing: int, **fields: int) -> None:
        lap = self.state.lap + 1
        self.change(step=0, passing=passing, lap=lap, next_step_at=at, handoff_at=None, posted=(), **fields)

    def has_fallback(self) -> bool:
        return self.state.policy < len(self.snapshot.fallbacks)

    def fall_back(self, at: datetime) -> bool:
        """The policy that takes over begins at `at`; whether there is one."""
        if not self.has_fallback():
            return False
        over = self.policy.name
        self.next_pass(at, passing=0, chain=0, policy=self.state.policy + 1)
        self.note("fallback", f"“{over}” is over: “{self.policy.name}” takes over")
        return True

    def _ask_chain(self, base: datetime) -> None:
        """A whole pass reached nobody: final, the fallback policy, lead, manager, last resort; the first who
        can be reached.
        """
        if not self.state.chain:
            self.change(chain=1)
            final = self.policy.final
            if self.call_targets(final, -1, Via.NOBODY, f"Final step of “{self.policy.name}”"):
                self.change(last_targets=final)
                return
        if self.fall_back(base):
            return
        stages = (
            (self.snapshot.lead, "team lead"),
            (self.snapshot.management, "manager"),
            (self.snapshot.last_resort, "last resort"),
        )
        while self.state.chain <= len(stages):
            targets, who = stages[self.state.chain - 1]
            self.change(chain=self.state.chain + 1)
            if self.call_targets(targets, -1, Via.NOBODY, f"Nobody else could be reached: {who}"):
                self.change(last_targets=targets)
                return
        self.note("nobody", "Nobody could be reached: neither a step nor lead, manager or last resort")
        self.change(quiet_since=self.now)

    # ---- answers ----

    def take_answer(self) -> None:
        """Acknowledged, once everybody whose own acknowledgement this pass asks for has given it."""
        acks = self.state.acks
        if acks and not self.each_of() - set(acks):
            self.acknowledged(acks[-1], "Acknowledged, as everybody has")

    def acknowledged(self, email: str, text: str) -> None:
        breach = self.breach_at()
        if breach is not None and breach <= self.now:
            self.breach()
        self.change(
            status=CallOutStatus.ACKNOWLEDGED,
            acknowledged_by=email,
            acknowledged_at=self.now,
            ack_timer_from=self.now,
            nudged_at=None,
            next_step_at=None,
            handoff_at=None,
            snoozed_until=None,
            snoozed_by=None,
            generation=self.state.generation + 1,
        )
        self.effects.append(StopCalling(f"acknowledged by {email or 'a token'}"))
        self.note("acknowledged", text, email)

    # ---- the deadline ----

    def breach_at(self) -> datetime | None:
        if self.snapshot.kind is not CallOutKind.SERVICE or self.state.breached:
            return None
        return self.state.started_at + self.snapshot.respond_within + INSTANT

    def breach(self) -> None:
        self.change(breached=True)
        within = format_duration(self.snapshot.respond_within)
        text = f"Not acknowledged within {within} ({self.snapshot.severity})"
        if self.snapshot.ladder is Ladder.FIRST_STEP:
            text += "; this severity calls the first step only"
        self.note("breach", text)
