"""Between the machine and the tables: rows to values, and outcomes carried out for many call-outs at once."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from tocsin.apps.escalation import sql, turns
from tocsin.apps.escalation.models import CallOut, Decision
from tocsin.apps.escalation.roster import Roster
from tocsin.apps.escalation.types import Start
from tocsin.apps.notify import actions as notify
from tocsin.apps.notify import types as notices
from tocsin.apps.notify.types import Request
from tocsin.apps.oncall.actions.history import Use, record_uses
from tocsin.domain.escalation import machine
from tocsin.domain.escalation.codec import dump, load
from tocsin.domain.escalation.model import (
    Call,
    CallOutKind,
    CallOutStatus,
    Effect,
    Note,
    Nudge,
    Outcome,
    Policy,
    Post,
    Snapshot,
    State,
    StopCalling,
    TargetKind,
)
from tocsin.domain.notification.model import MessageKind, Subject
from tocsin.domain.severity import Ladder
from tocsin.domain.time import BusinessHours
from tocsin.lib import bus, pg
from tocsin.lib.log import Logger
from tocsin.ports import registry
from tocsin.ports.events import CallOutAcknowledged, CallOutReopened, TimelineNews

# What a person did is told by the action that did it.
_TOLD_BY_OTHERS = frozenset(
    {
        "acknowledged",
        "seen",
        "snoozed",
        "reassigned",
        "escalated",
        "handed_over",
        "urgent",
        "ended",
        "severity",
        "restarted",
        "merged",
        "again",
        "declined",
    }
)
_OPEN = frozenset({CallOutStatus.RUNNING, CallOutStatus.EXHAUSTED})
_LONGEST = 512

_log = Logger(__name__)


@dataclass
class Work:
    """One call-out and what became of it."""

    row: CallOut
    snapshot: Snapshot
    before: State | None
    outcome: Outcome
    bundle: str = ""  # pages of one person with the same word leave as one


def snapshot_of(row: CallOut) -> Snapshot:
    return load(row.snapshot, Snapshot)


def state_of(row: CallOut) -> State:
    return load(row.state, State)


def subject_of(row: CallOut) -> Subject:
    return load(row.subject, Subject)


def put(work: Work) -> None:
    """Write the outcome's values into the row, not yet into the table."""
    row, state = work.row, work.outcome.state
    row.snapshot, row.state = dump(work.snapshot), dump(state)
    row.status, row.due_at, row.generation = state.status, state.due_at, state.generation


def frozen(given: Start, fallbacks: tuple[Policy, ...]) -> Snapshot:
    row = given.severity_row
    return Snapshot(
        kind=given.kind,
        policy=given.policy,
        severity=row.severity,
        urgency=given.urgency,
        ladder=row.ladder if given.kind is CallOutKind.SERVICE else Ladder.FULL,
        respond_within=row.respond_within,
        escalate=row.escalate,
        lead=given.lead,
        management=given.management,
        last_resort=given.last_resort,
        hours=given.hours or BusinessHours(),
        ack_timeout=given.ack_timeout,
        alone=given.alone,
        support=given.support,
        fallbacks=fallbacks,
    )


def begun(given: Start, snapshot: Snapshot, roster: Roster, now: datetime) -> Work:
    """A call-out that has just begun to climb; its row is not in the table yet."""
    outcome = machine.begin(snapshot, roster.resolve, now, given.first_targets, turns=roster.turns)
    roster.turns.took(outcome.effects)
    call_out = CallOut(
        incident_id=given.incident_id,
        kind=given.kind,
        label=given.label[:255],
        subject=dump(given.subject),
        created_at=now,
    )
    work = Work(call_out, snapshot, None, outcome, given.bundle)
    put(work)
    return work


def carry_out(works: Sequence[Work], now: datetime, roster: Roster | None = None) -> None:
    """Everything the outcomes ask for, in this transaction. The rows are locked by the caller; those of
    call-outs that have just begun are in the table already.
    """
    decisions: list[Decision] = []
    requests: list[Request] = []
    posts: list[notices.Post] = []
    for work in works:
        if work.before is not None:
            put(work)
        for effect in work.outcome.effects:
            decisions += _decisions(work.row, effect, now)
            if isinstance(effect, StopCalling):
                _stop(work.row, effect, now)
            elif isinstance(effect, Call):
                requests.append(_request(work, effect))
            elif isinstance(effect, Nudge):
                requests.append(_nudge(work, effect))
            elif isinstance(effect, Post):
                posts += _post(work, effect)
    _save([work.row for work in works if work.before is not None])
    turns.write(effect for work in works for effect in work.outcome.effects)
    notify.call_many(requests=requests, now=now, directory=roster.directory if roster else None)
    if posts:
        notify.post_many(posts=posts, now=now)
    Decision.objects.bulk_create(decisions)
    record_uses(uses=[use for work in works for use in _uses(work, now)])
    for work in works:
        _publish(work, now)
    _wake_worker(works, now)


def _save(rows: Sequence[CallOut]) -> None:
    if not rows:
        return
    values = (
        [row.pk for row in rows],
        [json.dumps(row.subject) for row in rows],
        [json.dumps(row.snapshot) for row in rows],
        [json.dumps(row.state) for row in rows],
        [str(row.status) for row in rows],
        [row.due_at for row in rows],
        [row.generation for row in rows],
    )
    with connection.cursor() as cursor:
        cursor.execute(sql.SAVE, values)


def _decisions(row: CallOut, effect: Effect, now: datetime) -> list[Decision]:
    if isinstance(effect, Call):
        if not effect.person.deliverable:
            return []  # the machine has noted that there is no way to them
        step = effect.step if effect.step >= 0 else None
        text = effect.reason
        return [
            Decision(
                call_out=row,
                at=now,
                kind="called",
                text=text[:_LONGEST],
                email=effect.person.email,
                step=step,
            )
        ]
    if isinstance(effect, Post):
        text, step = effect.reason[:_LONGEST], effect.step if effect.step >= 0 else None
        return [Decision(call_out=row, at=now, kind="posted", text=text, step=step)]
    if isinstance(effect, Note):
        return [
            Decision(
                call_out=row,
                at=now,
                kind=effect.kind,
                text=effect.text[:_LONGEST],
                email=effect.email or "",
                step=effect.step,
            )
        ]
    return []


def _uses(work: Work, now: datetime) -> list[Use]:
    return [
        Use(
            at=now,
            schedule=duty.schedule,
            which=duty.which,
            role=duty.role,
            email=effect.person.email,
            reason=effect.reason,
            incident_id=work.row.incident_id,
            call_out_id=work.row.pk,
            step=effect.step if effect.step >= 0 else None,
            urgency=str(effect.urgency),
        )
        for effect in work.outcome.effects
        if isinstance(effect, Call) and effect.person.deliverable and (duty := effect.person.duty)
    ]


def _stop(row: CallOut, effect: StopCalling, now: datetime) -> None:
    if effect.repeats_only:
        notify.stop_repeats(call_out_id=row.pk, reason=effect.reason)
    else:
        notify.stop(call_out_id=row.pk, email=effect.email, reason=effect.reason, now=now)


def _request(work: Work, effect: Call) -> Request:
    row, state = work.row, work.outcome.state
    deadline = state.started_at + work.snapshot.respond_within
    return Request(
        email=effect.person.email,
        kind=MessageKind.STAKEHOLDER if effect.stakeholder else MessageKind.PAGE,
        urgency=effect.urgency,
        subject=subject_of(row),
        reason=effect.reason,
        call_out_id=row.pk,
        incident_id=row.incident_id,
        step=effect.step if effect.step >= 0 else None,
        first=not effect.again,
        ack_deadline=deadline,
        generation=state.generation,
        bundle=work.bundle,
        more=_answers(work, effect),
    )


def _answers(work: Work, effect: Call) -> dict[str, str] | None:
    """A call for help is accepted or declined; `alone`: whoever answers it has the incident."""
    if work.row.kind != CallOutKind.HELP or effect.stakeholder:
        return None
    return {"help": "alone" if work.snapshot.alone else "beside"}


def _nudge(work: Work, effect: Nudge) -> Request:
    row = work.row
    return Request(
        email=effect.email,
        kind=MessageKind.NUDGE,
        urgency=work.snapshot.urgency,
        subject=subject_of(row),
        reason=effect.text,
        call_out_id=row.pk,
        incident_id=row.incident_id,
        first=False,
        headline=effect.text,
        generation=work.outcome.state.generation,
    )


def _post(work: Work, effect: Post) -> list[notices.Post]:
    """What a room or a web hook is told; a runbook is started at once."""
    row, state, target = work.row, work.outcome.state, effect.target
    if target.kind is TargetKind.RUNBOOK:
        key = f"{row.pk}-{state.generation}-{state.lap}-{target.name}"
        if missing := registry.runbooks.start(target.name, row.incident_id, key):
            _log.error("a runbook was not started", runbook=target.name, call_out=row.pk, problem=missing)
        return []
    step = effect.step if effect.step >= 0 else None
    via = target.via or str(target.kind)
    subject = subject_of(row)
    return [
        notices.Post(
            via, target.name, subject, effect.reason, row.pk, row.incident_id, step, state.generation
        )
    ]


def _publish(work: Work, now: datetime) -> None:
    row = work.row
    for effect in work.outcome.effects:
        if isinstance(effect, Call) and effect.person.deliverable:
            text = f"Called {effect.person.email}: {effect.reason}"
            bus.publish(TimelineNews(row.incident_id, now, "called", text, effect.person.email))
        if isinstance(effect, Post):
            bus.publish(TimelineNews(row.incident_id, now, "posted", effect.reason))
        if isinstance(effect, Note) and effect.kind not in _TOLD_BY_OTHERS:
            bus.publish(TimelineNews(row.incident_id, now, effect.kind, effect.text, effect.email))
    before, after = work.before, work.outcome.state
    if before is None or row.kind != CallOutKind.SERVICE or after.status not in _OPEN:
        return
    if before.status in {CallOutStatus.ACKNOWLEDGED, CallOutStatus.SNOOZED}:
        reason = next(
            (e.text for e in work.outcome.effects if isinstance(e, Note) and e.kind == "restarted"),
            "Called again",
        )
        bus.publish(CallOutReopened(row.incident_id, now, reason))


def tell_if_answered(work: Work, now: datetime) -> None:
    """Everybody else had acknowledged: the last of them has it."""
    state, row = work.outcome.state, work.row
    if state.status is CallOutStatus.ACKNOWLEDGED and work.before and work.before.status != state.status:
        service = row.kind == CallOutKind.SERVICE
        email = state.acknowledged_by or ""
        bus.publish(CallOutAcknowledged(row.incident_id, now, email, service, row.label))


def _wake_worker(works: Sequence[Work], now: datetime) -> None:
    if any(work.row.due_at is not None and work.row.due_at <= now for work in works):
        wake()


def wake() -> None:
    """Something is due now: do not wait for the worker's next look."""
    with connection.cursor() as cursor:
        pg.notify(cursor, "tocsin_due", "escalation")
