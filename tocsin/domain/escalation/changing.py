"""What another severity or urgency means for a call-out that goes on."""

from dataclasses import replace

from tocsin.domain.escalation.ladder import Walk
from tocsin.domain.escalation.model import (
    Call,
    CallOutStatus,
    Snapshot,
    StopCalling,
    Target,
    TargetKind,
    Via,
)
from tocsin.domain.severity import Ladder, Notify, Urgency

_UNACKNOWLEDGED = frozenset({CallOutStatus.RUNNING, CallOutStatus.EXHAUSTED})


def call_louder(walk: Walk) -> None:
    """What was called softly is called again, loudly: whoever of this pass may answer, in place of the call
    they have. Nobody of them can be reached: the ladder from its first step.
    """
    state, why = walk.state, "Urgent now, and nobody has acknowledged"
    away = {*state.acks, *state.declined}
    here = [c for c in state.called if c.lap == state.lap and c.email not in away]
    mine = {c.email: c for c in here if not c.stakeholder}
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


def apply_row(walk: Walk, old: Snapshot) -> None:
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
    # Nobody waits for whom nobody calls any more.
    kept = (
        c if c.lap != walk.state.lap or c.email in first else replace(c, each=False)
        for c in walk.state.called
    )
    walk.change(called=tuple(kept))
    walk.take_answer()
