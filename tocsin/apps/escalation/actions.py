"""What happens to call-outs. Incidents decides who may; here nothing is asked twice.

Every action locks the call-outs it changes, in the order of their ids, and runs in one transaction.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction

from tocsin.apps.escalation import advancing, helping
from tocsin.apps.escalation.models import CallOut
from tocsin.apps.escalation.policies import fallbacks
from tocsin.apps.escalation.roster import Roster
from tocsin.apps.escalation.store import (
    Work,
    begun,
    carry_out,
    frozen,
    snapshot_of,
    state_of,
    subject_of,
    tell_if_answered,
)
from tocsin.apps.escalation.types import AckOutcome, Start
from tocsin.domain.errors import FieldError, Invalid, NotFound
from tocsin.domain.escalation import machine
from tocsin.domain.escalation.codec import dump
from tocsin.domain.escalation.machine import AckKind
from tocsin.domain.escalation.model import (
    CallOutKind,
    CallOutStatus,
    Note,
    Outcome,
    Policy,
    Snapshot,
    State,
    StopCalling,
    Target,
    TargetKind,
)
from tocsin.domain.notification.model import Subject
from tocsin.domain.severity import Severity, SeverityRow, Urgency
from tocsin.domain.time import BusinessHours
from tocsin.lib import bus
from tocsin.ports.events import CallOutAcknowledged, HelpDeclined

SEV1_SNOOZE = timedelta(hours=1)

# What the worker does stands apart.
advance_apart = advancing.advance_apart
advance_due = advancing.advance_due
advance_held = advancing.advance_held

_Change = Callable[[Snapshot, State], Outcome]


def start(
    *,
    incident_id: int,
    subject: Subject,
    kind: CallOutKind,
    label: str,
    policy: Policy,
    severity_row: SeverityRow,
    urgency: Urgency,
    lead: tuple[Target, ...] = (),
    management: tuple[Target, ...] = (),
    last_resort: tuple[Target, ...] = (),
    hours: BusinessHours | None = None,
    ack_timeout: timedelta | None = None,
    first_targets: tuple[Target, ...] = (),
    now: datetime,
    roster: Roster | None = None,
) -> int:
    """Freeze the policy and begin to climb; the call-out's id."""
    given = Start(
        incident_id=incident_id,
        subject=subject,
        kind=kind,
        label=label,
        policy=policy,
        severity_row=severity_row,
        urgency=urgency,
        lead=lead,
        management=management,
        last_resort=last_resort,
        hours=hours,
        ack_timeout=ack_timeout,
        first_targets=first_targets,
    )
    return start_many(starts=(given,), now=now, roster=roster)[0]


@transaction.atomic
def start_many(*, starts: Sequence[Start], now: datetime, roster: Roster | None = None) -> list[int]:
    """As `start`, for a burst: however many they are, they cost a handful of queries."""
    if not starts:
        return []
    roster = roster or Roster(now)
    # Together, rather than one by one as the steps fire.
    targets = {target for each in starts for step in each.policy.steps[:1] for target in step.targets}
    roster.directory.load(target.name for target in targets if target.kind is TargetKind.USER)
    behind = fallbacks(each.policy for each in starts)
    snapshots = [frozen(each, behind.get(each.policy.name, ())) for each in starts]
    roster.turns.prepare(snapshots)
    works = [begun(each, snapshot, roster, now) for each, snapshot in zip(starts, snapshots, strict=True)]
    CallOut.objects.bulk_create(work.row for work in works)
    carry_out(works, now, roster)
    return [work.row.pk for work in works]


@transaction.atomic
def ask_help(
    *,
    incident_id: int,
    target: Target,
    label: str,
    subject: Subject,
    severity_row: SeverityRow,
    text: str = "",
    urgency: Urgency = Urgency.HIGH,
    team: str | None = None,
    now: datetime,
) -> int:
    """A call-out of its own for one person, team or schedule; the one that still climbs when there is one.

    Where the service has none, nobody behind it is forgotten: lead and manager (of `team`, where the target
    has no team), the last resort, and calling again.
    """
    asked = {row.status: row for row in _lock(incident_id) if _is_help(row, label)}
    if CallOutStatus.RUNNING in asked:
        return asked[CallOutStatus.RUNNING].pk
    if old := asked.get(CallOutStatus.EXHAUSTED):  # from now on the new one calls
        snapshot, before = snapshot_of(old), state_of(old)
        ended = machine.end(snapshot, before, "asked again", now)
        carry_out([Work(old, snapshot, before, ended)], now)
    given = helping.start_of(
        incident_id=incident_id,
        target=target,
        label=label,
        subject=replace(subject, summary=text or subject.summary),
        severity_row=severity_row,
        urgency=urgency,
        alone=not CallOut.objects.filter(incident_id=incident_id, kind=CallOutKind.SERVICE).exists(),
        team=team,
    )
    return start_many(starts=(given,), now=now)[0]


def _is_help(row: CallOut, label: str) -> bool:
    return row.kind == CallOutKind.HELP and row.label == label[:255]


@transaction.atomic
def acknowledge(
    *,
    incident_id: int,
    email: str,
    via: str,
    now: datetime,
    responding: bool = False,
    only: CallOutKind | None = None,
) -> AckOutcome:
    """End the call-outs (`only` those of this kind) that called this person; saying "I am responding" takes
    the service's own one too.
    """
    email = email.lower()
    best = AckOutcome(AckKind.NOT_CALLED, None, None)
    works = []
    rows = _lock(incident_id)
    beside = any(row.kind == CallOutKind.SERVICE for row in rows)
    for row in (each for each in rows if only in {None, each.kind}):
        frozen, state = snapshot_of(row), state_of(row)
        service = row.kind == CallOutKind.SERVICE
        # Once the service calls too, whoever answers that has the incident: others are called no further.
        snapshot = replace(frozen, alone=frozen.alone and not beside)
        takes = responding and (service or snapshot.alone)
        answer = machine.acknowledge(snapshot, state, email, now, responding=takes)
        work = Work(row, snapshot, state, _with_via(answer.outcome, via))
        if work.outcome.state != state or work.outcome.effects or snapshot != frozen:
            works.append(work)
        after = answer.outcome.state
        outcome = AckOutcome(answer.kind, after.acknowledged_by, CallOutKind(row.kind), after != state)
        best = max(best, outcome, key=_weight)
        if answer.kind is AckKind.ACKNOWLEDGED:
            bus.publish(CallOutAcknowledged(incident_id, now, email, service, row.label))
    carry_out(works, now)
    return best


def seen(*, incident_id: int, email: str, now: datetime) -> bool:
    """End this person's own reminders and nothing else; whether there was anything to end."""
    email, found = email.lower(), False

    def change(_snapshot: Snapshot, state: State) -> Outcome:
        nonlocal found
        called = any(c.email == email for c in state.called)
        if not called or state.status is CallOutStatus.ENDED:
            return Outcome(state)
        found = True
        return Outcome(state, (StopCalling("seen", email), Note("seen", "Seen", email)))

    _each(incident_id, change, now)
    return found


def _weight(outcome: AckOutcome) -> tuple[int, bool]:
    order = (
        AckKind.NOT_CALLED,
        AckKind.ENDED,
        AckKind.SEEN,
        AckKind.COUNTED,
        AckKind.ALREADY,
        AckKind.ACKNOWLEDGED,
    )
    return order.index(outcome.kind), outcome.call_out_kind is CallOutKind.SERVICE


def _with_via(outcome: Outcome, via: str) -> Outcome:
    effects = tuple(
        replace(e, text=f"{e.text} (by {via})")
        if isinstance(e, Note) and e.kind in {"acknowledged", "seen", "counted"}
        else e
        for e in outcome.effects
    )
    return Outcome(outcome.state, effects)


@transaction.atomic
def change_severity(
    *,
    incident_id: int,
    row: SeverityRow,
    urgency: Urgency,
    hours: BusinessHours | None = None,
    now: datetime,
    roster: Roster | None = None,
    bundle: str = "",
) -> None:
    """`bundle`: pages of one person that say the same word leave as one message."""
    roster = roster or Roster(now)
    works = []
    for call_out in _lock(incident_id):
        before = state_of(call_out)
        snapshot, outcome = machine.change_severity(
            snapshot_of(call_out),
            before,
            roster.resolve,
            now,
            row=row,
            urgency=urgency,
            hours=hours,
            turns=roster.turns,
        )
        roster.turns.took(outcome.effects)
        call_out.subject = dump(replace(subject_of(call_out), severity=row.severity))
        works.append(Work(call_out, snapshot, before, outcome, bundle))
    carry_out(works, now, roster)
    for work in works:
        tell_if_answered(work, now)


def snooze(*, incident_id: int, email: str, until: datetime, now: datetime) -> None:
    """Raises Invalid for a time that is past, and for more than an hour of a SEV1."""
    if until <= now:
        raise Invalid(FieldError("until", "Snooze until a time that is still to come."))

    def change(snapshot: Snapshot, state: State) -> Outcome:
        if snapshot.severity is Severity.SEV1 and until - now > SEV1_SNOOZE:
            raise Invalid(FieldError("until", "A SEV1 can be snoozed for at most one hour."))
        return machine.snooze(snapshot, state, email.lower(), until, now)

    _each(incident_id, change, now)


def unsnooze(*, incident_id: int, reason: str, now: datetime) -> None:
    roster = Roster(now)
    _each(
        incident_id,
        lambda p, s: machine.wake(p, s, roster.resolve, now, reason, turns=roster.turns),
        now,
        roster,
    )


def reassign(*, incident_id: int, targets: Sequence[Target], by: str, now: datetime) -> None:
    """They are step 0 of the service's call-out now, then its policy follows."""
    roster = Roster(now)
    change: _Change = lambda p, s: machine.reassign(  # noqa: E731
        p, s, roster.resolve, now, targets, by, turns=roster.turns
    )
    _service(incident_id, change, now, roster)


def hand_over(*, incident_id: int, giver: str, taker: str, now: datetime) -> None:
    _each(incident_id, lambda p, s: machine.hand_over(p, s, giver.lower(), taker.lower(), now), now)


def escalate_now(*, incident_id: int, by: str, now: datetime) -> None:
    roster = Roster(now)
    change: _Change = lambda p, s: machine.escalate_now(  # noqa: E731
        p, s, roster.resolve, now, by, turns=roster.turns
    )
    _service(incident_id, change, now, roster)


@transaction.atomic
def restart(
    *, incident_id: int, subject: Subject | None = None, reason: str, now: datetime, bundle: str = ""
) -> None:
    """The service's own call-out from step 1, also when it had ended; where there is none, whoever was called
    directly.
    """
    roster, works = Roster(now), []
    for row in helping.of_the_incident(_lock(incident_id)):
        if subject is not None and row.kind == CallOutKind.SERVICE:  # a call for help says what was asked
            row.subject = dump(subject)
        snapshot, before = snapshot_of(row), state_of(row)
        outcome = machine.restart(snapshot, before, roster.resolve, now, reason, turns=roster.turns)
        works.append(Work(row, snapshot, before, outcome, bundle))
    carry_out(works, now, roster)


def end(*, incident_id: int, reason: str, now: datetime) -> None:
    _each(incident_id, lambda snapshot, state: machine.end(snapshot, state, reason, now), now)


def touch(*, incident_id: int, now: datetime) -> None:
    """A person did something about the incident: the acknowledge time-out starts anew. Cheap when nobody
    acknowledged.
    """
    rows = CallOut.objects.filter(incident_id=incident_id, status=CallOutStatus.ACKNOWLEDGED)
    if rows.exists():
        _each(incident_id, lambda snapshot, state: machine.touch(snapshot, state, now), now)


@transaction.atomic
def decline(*, incident_id: int, email: str, reason: str = "", now: datetime) -> bool:
    """This person cannot: they hear no more of the call-outs that called them, and nobody waits for them.
    Whether there was any.
    """
    email, roster = email.lower(), Roster(now)
    works: list[Work] = []
    for row in _lock(incident_id):
        snapshot, before = snapshot_of(row), state_of(row)
        outcome = machine.decline(snapshot, before, roster.resolve, email, now, reason, turns=roster.turns)
        if outcome.state != before:
            works.append(Work(row, snapshot, before, outcome))
    carry_out(works, now, roster)
    for work in works:
        bus.publish(HelpDeclined(incident_id, now, email, work.row.label, reason))
        tell_if_answered(work, now)
    return bool(works)


@transaction.atomic
def unreachable(*, call_out_id: int, email: str, now: datetime, generation: int | None = None) -> None:
    """Every way to this person failed: whoever comes next is called now. News of a page that was made before
    the call-out's present `generation` is about a calling that is over, and changes nothing.
    """
    row = CallOut.objects.select_for_update().filter(pk=call_out_id).first()
    if row is None or (generation is not None and generation < row.generation):
        return
    roster = Roster(now)
    snapshot, before = snapshot_of(row), state_of(row)
    outcome = machine.undeliverable(snapshot, before, email, roster.resolve, now, turns=roster.turns)
    work = Work(row, snapshot, before, outcome)
    carry_out([work], now, roster)
    tell_if_answered(work, now)


def _lock(incident_id: int) -> list[CallOut]:
    return list(CallOut.objects.select_for_update().filter(incident_id=incident_id).order_by("id"))


@transaction.atomic
def _each(incident_id: int, change: _Change, now: datetime, roster: Roster | None = None) -> None:
    works = []
    for row in _lock(incident_id):
        snapshot, before = snapshot_of(row), state_of(row)
        outcome = change(snapshot, before)
        if outcome.state != before or outcome.effects:
            works.append(Work(row, snapshot, before, outcome))
    carry_out(works, now, roster)


@transaction.atomic
def _service(incident_id: int, change: _Change, now: datetime, roster: Roster) -> None:
    rows = [row for row in _lock(incident_id) if row.kind == CallOutKind.SERVICE]
    if not rows:
        raise NotFound("call-out of incident", incident_id)
    row = rows[-1]
    snapshot, before = snapshot_of(row), state_of(row)
    carry_out([Work(row, snapshot, before, change(snapshot, before))], now, roster)
