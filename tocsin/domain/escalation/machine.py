"""The state machine of a call-out: one function for each thing that can happen to it.

Each takes the frozen snapshot, the state, how to resolve a target, and the instant; each gives the new state
and the effects in the order in which they must be carried out. Nothing here waits: `state.due_at` says when
`advance` has work.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from tocsin.domain.escalation.ladder import Walk
from tocsin.domain.escalation.model import (
    Call,
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
    Via,
)
from tocsin.domain.escalation.timing import NUDGE_WAIT, ack_timeout
from tocsin.domain.severity import Ladder, Notify, SeverityRow, Urgency
from tocsin.domain.time import BusinessHours, format_duration

_UNACKNOWLEDGED = frozenset({CallOutStatus.RUNNING, CallOutStatus.EXHAUSTED})


class AckKind(StrEnum):
    ACKNOWLEDGED = "acknowledged"
    SEEN = "seen"  # a stakeholder: their own reminders end, the ladder goes on
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
    snapshot: Snapshot, resolve: Resolve, now: datetime, first_targets: Sequence[Target] = ()
) -> Outcome:
    """Start climbing. `first_targets` are called before the policy, as its step 0."""
    walk = Walk(snapshot, State(CallOutStatus.RUNNING, now), resolve, now)
    walk.start()
    if first_targets:
        walk.step_zero(first_targets, Via.REASSIGN, "Asked first")
    walk.run()
    return walk.settle()


def advance(snapshot: Snapshot, state: State, resolve: Resolve, now: datetime) -> Outcome:
    """Everything that is due at `now`; nothing when nothing is."""
    walk = Walk(snapshot, state, resolve, now)
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
    breach = walk.breach_at()
    if breach is not None and breach <= now:
        walk.breach()
    walk.change(
        status=CallOutStatus.ACKNOWLEDGED,
        acknowledged_by=email,
        acknowledged_at=now,
        ack_timer_from=now,
        nudged_at=None,
        next_step_at=None,
        handoff_at=None,
        snoozed_until=None,
        snoozed_by=None,
    )
    walk.effects.append(StopCalling(f"acknowledged by {email or 'a token'}"))
    walk.note("acknowledged", "Acknowledged" if target else "Is responding", email)
    return Acknowledgement(AckKind.ACKNOWLEDGED, walk.settle())


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
    walk = Walk(renewed, state, resolve, now)
    # A call for help is its own: the incident's severity changes how urgently, not whether it was answered.
    if row.severity.worse_than(snapshot.severity) and snapshot.kind is CallOutKind.SERVICE:
        text = f"Raised from {snapshot.severity} to {row.severity}: the ladder starts again"
        if state.acknowledged_by:
            text += f"; the acknowledgement given at {snapshot.severity} is void"
        _restart(walk, text, fresh_table=True)
        walk.run()
    else:
        _lower(walk, snapshot)
        if walk.state.status in _UNACKNOWLEDGED:
            louder = snapshot.urgency is Urgency.LOW and urgency is Urgency.HIGH
            if louder and row.severity is snapshot.severity:
                _louder(walk)
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
    )
    walk.effects.append(StopCalling(f"snoozed by {email}"))
    walk.note("snoozed", f"Snoozed for {format_duration(until - now)}", email)
    return walk.settle()


def wake(snapshot: Snapshot, state: State, resolve: Resolve, now: datetime, reason: str) -> Outcome:
    """End a snooze before its time."""
    walk = Walk(snapshot, state, resolve, now)
    if state.status is CallOutStatus.SNOOZED:
        _wake(walk, reason)
        walk.run()
    return walk.settle()


def reassign(
    snapshot: Snapshot, state: State, resolve: Resolve, now: datetime, targets: Sequence[Target], by: str
) -> Outcome:
    """`targets` are step 0 now, then comes the policy; whoever was called before is left in peace."""
    walk = Walk(snapshot, state, resolve, now)
    names = ", ".join(target.name for target in targets)
    walk.effects.append(StopCalling(f"reassigned to {names}"))
    walk.note("reassigned", f"Reassigned to {names} by {by}")
    walk.start()
    walk.step_zero(targets, Via.REASSIGN, f"Assigned by {by}")
    walk.run()
    return walk.settle()


def escalate_now(snapshot: Snapshot, state: State, resolve: Resolve, now: datetime, by: str) -> Outcome:
    """The next step at once; past the last one, the ladder from its first. An acknowledgement is given up."""
    walk = Walk(snapshot, state, resolve, now)
    walk.note("escalated", f"Escalated by {by}")
    resumes = state.step < len(snapshot.policy.steps)
    if state.status in _UNACKNOWLEDGED and resumes:
        walk.change(next_step_at=now)
    else:
        step = state.step if resumes else 0
        walk.effects.append(StopCalling(f"escalated by {by}"))
        walk.start()
        walk.change(step=step)
    walk.run()
    return walk.settle()


def restart(snapshot: Snapshot, state: State, resolve: Resolve, now: datetime, reason: str) -> Outcome:
    """As if it began now; what was called before stays known."""
    walk = Walk(snapshot, state, resolve, now)
    _restart(walk, reason, fresh_table=True)
    walk.run()
    return walk.settle()


def end(snapshot: Snapshot, state: State, reason: str, now: datetime) -> Outcome:
    walk = Walk(snapshot, state, nobody, now)
    if state.status is CallOutStatus.ENDED:
        return Outcome(state)
    walk.change(status=CallOutStatus.ENDED, next_step_at=None, handoff_at=None, snoozed_until=None)
    walk.effects.append(StopCalling(reason))
    walk.note("ended", f"Ended: {reason}")
    return walk.settle()


def undeliverable(snapshot: Snapshot, state: State, email: str, resolve: Resolve, now: datetime) -> Outcome:
    """Every way to them failed: they are passed at once, unless somebody else of their step was reached."""
    walk = Walk(snapshot, state, resolve, now)
    lap = state.lap
    last = [c for c in state.called if c.lap == lap and not c.stakeholder and c.via is not Via.TABLE]
    if state.status not in _UNACKNOWLEDGED or not any(c.email == email and c.reached for c in last):
        return walk.settle()
    # All of them were called by the newest step together: its people.
    newest = last[-1].step
    called = tuple(
        replace(c, reached=False) if c.email == email and c.lap == lap else c for c in state.called
    )
    walk.change(called=called)
    walk.note("undeliverable", "Every way to reach them failed", email)
    left = [c for c in called if c.lap == lap and c.step == newest and c.reached and not c.stakeholder]
    if not [c for c in left if c.via is not Via.TABLE]:
        walk.note("passed", "Nobody of this step can be reached: the next one begins at once")
        walk.change(next_step_at=now)
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


def _louder(walk: Walk) -> None:
    """What was called softly is called again, loudly: whoever of this pass may answer, in place of the call
    they have. Nobody of them can be reached: the ladder from its first step.
    """
    state, why = walk.state, "Urgent now, and nobody has acknowledged"
    mine = {c.email: c for c in state.called if c.lap == state.lap and not c.stakeholder}
    reached: dict[str, bool] = {}
    for one in walk.find([Target(TargetKind.USER, email) for email in mine]):
        email, was = one.person.email, mine[one.person.email]
        reached[email] = one.person.deliverable
        walk.effects.append(StopCalling("called again, urgently", email))
        walk.effects.append(Call(one.person, Urgency.HIGH, was.step, Via.AGAIN, why, again=True))
    walk.note("urgent", why)
    again = tuple(
        replace(c, at=walk.now, reached=reached[c.email])
        if mine.get(c.email) is c and c.email in reached
        else c
        for c in state.called
    )
    walk.change(called=again)
    if any(reached.values()):
        walk.change(quiet_since=walk.now)
    else:
        walk.start()


def _lower(walk: Walk, old: Snapshot) -> None:
    """Keep the ladder where it is, and end what the new row would not have asked for."""
    new, state = walk.snapshot, walk.state
    if new.severity is not old.severity:
        walk.note("severity", f"Changed from {old.severity} to {new.severity}")
    asked = {row.notify for row in new.escalate}
    done = {old.escalate[index].notify for index in state.table_done}
    walk.change(table_done=tuple(i for i, row in enumerate(new.escalate) if row.notify in done))
    why = f"no longer applies at {new.severity}"
    answering = {c.email for c in state.called if not c.stakeholder and c.via is not Via.TABLE}
    for one in dict.fromkeys(c for c in state.called if c.via is Via.TABLE):
        wanted = Notify.MANAGEMENT if one.stakeholder else Notify.LEAD
        if wanted not in asked and one.email not in answering:
            walk.effects.append(StopCalling(why, one.email))
            walk.note("cancelled", f"The table's call {why}", one.email)
    if old.ladder is Ladder.FULL and new.ladder is Ladder.FIRST_STEP and state.status in _UNACKNOWLEDGED:
        _keep_first_step(walk, why)
    if old.urgency is Urgency.HIGH and new.urgency is Urgency.LOW:
        walk.effects.append(StopCalling(f"urgency is low now; reminders {why}", repeats_only=True))


def _keep_first_step(walk: Walk, why: str) -> None:
    answering = [
        c
        for c in walk.state.called
        if c.lap == walk.state.lap and c.reached and not c.stakeholder and c.via is not Via.TABLE
    ]
    if not answering:
        return
    walk.change(next_step_at=None)
    first = {c.email for c in answering if c.step in {0, answering[0].step}}
    for email in dict.fromkeys(c.email for c in answering):
        if email not in first:
            walk.effects.append(StopCalling(why, email))
            walk.note("cancelled", f"Called by a later step, which {why}", email)
