"""The state machine of a call-out: one function for each thing that can happen to it.

Each takes the frozen snapshot, the state, how to resolve a target, and the instant; each gives the new state
and the effects in the order in which they must be carried out. Nothing here waits: `state.due_at` says when
`advance` has work.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from tocsin.domain.escalation.changing import apply_row, call_louder
from tocsin.domain.escalation.ladder import Walk
from tocsin.domain.escalation.model import (
    CallOutKind,
    CallOutStatus,
    Nudge,
    Outcome,
    Resolution,
    Resolve,
    ScheduleWho,
    Snapshot,
    State,
    StopCalling,
    Target,
    TargetKind,
    Turns,
    Via,
    no_turns,
)
from tocsin.domain.escalation.timing import NUDGE_WAIT, ack_timeout
from tocsin.domain.severity import SeverityRow, Urgency
from tocsin.domain.time import BusinessHours, format_duration

_UNACKNOWLEDGED = frozenset({CallOutStatus.RUNNING, CallOutStatus.EXHAUSTED})


class AckKind(StrEnum):
    ACKNOWLEDGED = "acknowledged"
    SEEN = "seen"  # a stakeholder: their own reminders end, the ladder goes on
    COUNTED = "counted"  # one of several whom a step asks: theirs is in, the others' are awaited
    NOT_CALLED = "not_called"  # no target of this call-out; "I am responding" would take it
    ALREADY = "already"
    ENDED = "ended"


@dataclass(frozen=True)
class Acknowledgement:
    kind: AckKind
    outcome: Outcome


def nobody(_target: Target) -> Resolution:
    """For what asks nobody."""
    return Resolution(())


def begin(
    snapshot: Snapshot,
    resolve: Resolve,
    now: datetime,
    first_targets: Sequence[Target] = (),
    *,
    turns: Turns = no_turns,
) -> Outcome:
    """Start climbing. `first_targets` are called before the policy, as its step 0."""
    walk = Walk(snapshot, State(CallOutStatus.RUNNING, now), resolve, now, turns)
    walk.start()
    if first_targets:
        walk.step_zero(first_targets, Via.REASSIGN, "Asked first")
    walk.run()
    return walk.settle()


def advance(
    snapshot: Snapshot, state: State, resolve: Resolve, now: datetime, *, turns: Turns = no_turns
) -> Outcome:
    """Everything that is due at `now`; nothing when nothing is."""
    walk = Walk(snapshot, state, resolve, now, turns)
    if state.status is CallOutStatus.SNOOZED and state.snoozed_until and state.snoozed_until <= now:
        _wake(walk, "The snooze is over")
    elif state.status is CallOutStatus.ACKNOWLEDGED:
        _watch_acknowledgement(walk)
    if walk.state.status in _UNACKNOWLEDGED:
        walk.run()
    return walk.settle()


def acknowledge(
    snapshot: Snapshot, state: State, email: str, now: datetime, *, responding: bool = False
) -> Acknowledgement:
    """Only someone this call-out called ends it, or anybody who says "I am responding"."""
    walk = Walk(snapshot, state, nobody, now)
    mine = [c for c in state.called if c.email == email]
    target = any(not c.stakeholder for c in mine)
    if state.status is CallOutStatus.ENDED:
        return Acknowledgement(AckKind.ENDED, Outcome(state))
    if state.status is CallOutStatus.ACKNOWLEDGED:
        if target or responding:
            return Acknowledgement(AckKind.ALREADY, touch(snapshot, state, now))
        kind = AckKind.SEEN if mine else AckKind.NOT_CALLED
        return Acknowledgement(kind, Outcome(state))
    if not target and not responding:
        if not mine:
            return Acknowledgement(AckKind.NOT_CALLED, Outcome(state))
        walk.effects.append(StopCalling("seen", email))
        walk.note("seen", "Seen; the ladder goes on until a responder acknowledges", email)
        return Acknowledgement(AckKind.SEEN, walk.settle())
    if target and not responding and (awaited := walk.each_of() - {*state.acks, email}):
        if email not in state.acks:
            walk.change(acks=(*state.acks, email))
            walk.effects.append(StopCalling("acknowledged; others are awaited", email))
            every = len(awaited | set(walk.state.acks))
            walk.note("counted", f"{len(walk.state.acks)} of {every} have acknowledged", email)
        return Acknowledgement(AckKind.COUNTED, walk.settle())
    walk.acknowledged(email, "Acknowledged" if target else "Is responding")
    return Acknowledgement(AckKind.ACKNOWLEDGED, walk.settle())


def awaited(snapshot: Snapshot, state: State) -> frozenset[str]:
    """Whose own acknowledgement is still to come."""
    if state.status not in _UNACKNOWLEDGED:
        return frozenset()
    return Walk(snapshot, state, nobody, state.started_at).each_of() - set(state.acks)


def touch(snapshot: Snapshot, state: State, now: datetime) -> Outcome:
    """A person did something about the incident: the acknowledgement holds anew."""
    walk = Walk(snapshot, state, nobody, now)
    if state.status is CallOutStatus.ACKNOWLEDGED:
        walk.change(ack_timer_from=now, nudged_at=None)
    return walk.settle()


def hand_over(snapshot: Snapshot, state: State, giver: str, taker: str, now: datetime) -> Outcome:
    """What `giver` ("" for a token) has acknowledged is `taker`'s from now on; nobody is called."""
    held = state.status in {CallOutStatus.ACKNOWLEDGED, CallOutStatus.SNOOZED}
    if not held or state.acknowledged_by != giver or giver == taker:
        return Outcome(state)
    walk = Walk(snapshot, state, nobody, now)
    walk.change(acknowledged_by=taker, ack_timer_from=now, nudged_at=None)
    if giver:  # a "still on it?" that waits is no question of theirs any more
        walk.effects.append(StopCalling(f"handed over to {taker}", giver))
    walk.note("handed_over", f"Handed over by {giver or 'a token'}", taker)
    return walk.settle()


def change_severity(
    snapshot: Snapshot,
    state: State,
    resolve: Resolve,
    now: datetime,
    *,
    row: SeverityRow,
    urgency: Urgency,
    hours: BusinessHours | None = None,
    turns: Turns = no_turns,
) -> tuple[Snapshot, Outcome]:
    """Raised: the ladder starts again now with the new row, an acknowledgement is void.
    Lowered: what no longer applies is cancelled. The same severity, but urgent now: whom this pass called is
    called again.
    """
    renewed = replace(
        snapshot,
        severity=row.severity,
        urgency=urgency,
        ladder=row.ladder if snapshot.kind is CallOutKind.SERVICE else snapshot.ladder,
        respond_within=row.respond_within,
        escalate=row.escalate,
        hours=hours or snapshot.hours,
    )
    if state.status is CallOutStatus.ENDED:
        return renewed, Outcome(state)
    walk = Walk(renewed, state, resolve, now, turns)
    # A call for help is its own: the incident's severity changes how urgently, not whether it was answered.
    if row.severity.worse_than(snapshot.severity) and snapshot.kind is CallOutKind.SERVICE:
        text = f"Raised from {snapshot.severity} to {row.severity}: the ladder starts again"
        if state.acknowledged_by:
            text += f"; the acknowledgement given at {snapshot.severity} is void"
        _restart(walk, text, fresh_table=True)
        walk.run()
    else:
        apply_row(walk, snapshot)
        if walk.state.status in _UNACKNOWLEDGED:
            louder = snapshot.urgency is Urgency.LOW and urgency is Urgency.HIGH
            if louder and row.severity is snapshot.severity:
                call_louder(walk)
            walk.run()
    return renewed, walk.settle()


def snooze(snapshot: Snapshot, state: State, email: str, until: datetime, now: datetime) -> Outcome:
    """Silence until `until`; then the snoozer is woken if on call, else whoever is."""
    walk = Walk(snapshot, state, nobody, now)
    if state.status is CallOutStatus.ENDED:
        return Outcome(state)
    breach = walk.breach_at()
    if state.status in _UNACKNOWLEDGED and breach is not None and breach <= now:
        walk.breach()
    walk.change(
        status=CallOutStatus.SNOOZED,
        snoozed_until=until,
        snoozed_by=email,
        next_step_at=None,
        handoff_at=None,
        nudged_at=None,
        generation=state.generation + 1,
    )
    walk.effects.append(StopCalling(f"snoozed by {email}"))
    walk.note("snoozed", f"Snoozed for {format_duration(until - now)}", email)
    return walk.settle()


def wake(
    snapshot: Snapshot,
    state: State,
    resolve: Resolve,
    now: datetime,
    reason: str,
    *,
    turns: Turns = no_turns,
) -> Outcome:
    """End a snooze before its time."""
    walk = Walk(snapshot, state, resolve, now, turns)
    if state.status is CallOutStatus.SNOOZED:
        _wake(walk, reason)
        walk.run()
    return walk.settle()


def reassign(
    snapshot: Snapshot,
    state: State,
    resolve: Resolve,
    now: datetime,
    targets: Sequence[Target],
    by: str,
    *,
    turns: Turns = no_turns,
) -> Outcome:
    """`targets` are step 0 now, then comes the policy; whoever was called before is left in peace."""
    walk = Walk(snapshot, state, resolve, now, turns)
    names = ", ".join(target.name for target in targets)
    walk.effects.append(StopCalling(f"reassigned to {names}"))
    walk.note("reassigned", f"Reassigned to {names} by {by}")
    walk.start()
    walk.step_zero(targets, Via.REASSIGN, f"Assigned by {by}")
    walk.run()
    return walk.settle()


def escalate_now(
    snapshot: Snapshot,
    state: State,
    resolve: Resolve,
    now: datetime,
    by: str,
    *,
    turns: Turns = no_turns,
) -> Outcome:
    """The next step at once; past the last one, the ladder from its first. An acknowledgement is given up."""
    walk = Walk(snapshot, state, resolve, now, turns)
    walk.note("escalated", f"Escalated by {by}")
    more, behind = state.step < len(walk.policy.steps), walk.has_fallback()
    if state.status not in _UNACKNOWLEDGED or not (more or behind):
        walk.effects.append(StopCalling(f"escalated by {by}"))
        walk.start()
        if more or behind:
            walk.change(policy=state.policy, step=state.step)
    if more:
        walk.change(next_step_at=now)
    elif behind:
        walk.fall_back(now)
    walk.run()
    return walk.settle()


def restart(
    snapshot: Snapshot,
    state: State,
    resolve: Resolve,
    now: datetime,
    reason: str,
    *,
    turns: Turns = no_turns,
) -> Outcome:
    """As if it began now; what was called before stays known."""
    walk = Walk(snapshot, state, resolve, now, turns)
    _restart(walk, reason, fresh_table=True)
    walk.run()
    return walk.settle()


def end(snapshot: Snapshot, state: State, reason: str, now: datetime) -> Outcome:
    walk = Walk(snapshot, state, nobody, now)
    if state.status is CallOutStatus.ENDED:
        return Outcome(state)
    walk.change(
        status=CallOutStatus.ENDED,
        next_step_at=None,
        handoff_at=None,
        snoozed_until=None,
        generation=state.generation + 1,
    )
    walk.effects.append(StopCalling(reason))
    walk.note("ended", f"Ended: {reason}")
    return walk.settle()


def undeliverable(
    snapshot: Snapshot,
    state: State,
    email: str,
    resolve: Resolve,
    now: datetime,
    *,
    turns: Turns = no_turns,
) -> Outcome:
    """Every way to them failed: they are passed at once, unless somebody else of their step was reached."""
    walk = Walk(snapshot, state, resolve, now, turns)
    if state.status not in _UNACKNOWLEDGED or email not in walk.called_to_answer():
        return walk.settle()
    walk.note("undeliverable", "Every way to reach them failed", email)
    walk.pass_by(email)
    walk.run()
    return walk.settle()


def decline(
    snapshot: Snapshot,
    state: State,
    resolve: Resolve,
    email: str,
    now: datetime,
    reason: str = "",
    *,
    turns: Turns = no_turns,
) -> Outcome:
    """They cannot: no message of this call-out goes to them any more, and nobody waits for them. Nothing
    happens when it did not call them, or no longer calls.
    """
    walk = Walk(snapshot, state, resolve, now, turns)
    mine = any(c.email == email and c.lap >= state.ladder_lap and not c.stakeholder for c in state.called)
    if state.status not in _UNACKNOWLEDGED or not mine or email in state.declined:
        return Outcome(state)
    waited_for = email in walk.called_to_answer()
    walk.change(declined=(*state.declined, email), acks=tuple(ack for ack in state.acks if ack != email))
    walk.effects.append(StopCalling("declined", email))
    walk.note("declined", f"Cannot{f': {reason}' if reason else ''}", email)
    if waited_for:
        walk.pass_by(email)
    walk.run()
    return walk.settle()


def _restart(walk: Walk, text: str, *, fresh_table: bool) -> None:
    walk.effects.append(StopCalling(text))
    walk.note("restarted", text)
    walk.start()
    walk.change(started_at=walk.now, breached=False)
    if fresh_table:
        walk.change(table_done=())


def _wake(walk: Walk, reason: str) -> None:
    snoozer = walk.state.snoozed_by
    schedules = tuple(
        target
        for step in walk.snapshot.policy.steps
        for target in step.targets
        if target.kind is TargetKind.SCHEDULE and target.who in {"", ScheduleWho.CURRENT}
    )
    on_call = {f.person.email for f in walk.find(schedules) if not f.person.shadow}
    _restart(walk, reason, fresh_table=False)
    if snoozer is not None and snoozer in on_call:
        walk.step_zero((Target(TargetKind.USER, snoozer),), Via.SNOOZE, f"{reason}, and still on call")


def _watch_acknowledgement(walk: Walk) -> None:
    """First a quiet question, then the call-out again for the acker and whoever is on call now."""
    state, now = walk.state, walk.now
    timeout = ack_timeout(walk.snapshot)
    if timeout is None or state.ack_timer_from is None or state.acknowledged_by is None:
        walk.change(nudged_at=None)
        return
    acker = state.acknowledged_by
    if state.nudged_at is None:
        if state.ack_timer_from + timeout <= now:
            walk.change(nudged_at=now)
            silent = format_duration(timeout)
            if acker:  # a token acknowledged: there is nobody to ask
                walk.effects.append(Nudge(acker, f"Still on it? Nothing has been done for {silent}."))
            walk.note("nudge", f"Asked whether still on it, after {silent} without any action", acker)
    elif state.nudged_at + NUDGE_WAIT <= now:
        _restart(walk, f"The acknowledgement by {acker or 'a token'} ran out", fresh_table=False)
        walk.run()
        if acker:
            walk.call_also(acker, Via.TIMEOUT, "Their acknowledgement ran out")
