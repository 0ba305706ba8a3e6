"""Why somebody was called for an incident, or was not: what was decided about them, and what became of each
message, in words.

Nobody is left out: who was called, passed over, stands in a step that has not begun, or asks without having
been thought of at all.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from tocsin.apps.escalation.roster import Roster
from tocsin.apps.escalation.types import CallOutInfo, DecisionInfo, StepInfo
from tocsin.apps.identity import queries as identity
from tocsin.apps.incidents import following, queries
from tocsin.apps.incidents.following import Of
from tocsin.apps.incidents.types import IncidentDetail
from tocsin.apps.notify import queries as notify
from tocsin.apps.notify.types import NotificationInfo, PageInfo
from tocsin.apps.oncall import queries as oncall
from tocsin.domain.errors import NotFound
from tocsin.domain.escalation.model import MACHINES, CallOutKind, CallOutStatus
from tocsin.domain.notification.model import MessageKind
from tocsin.domain.permissions import Actor
from tocsin.ports import registry

_CALLS: Final = frozenset({MessageKind.PAGE, MessageKind.STAKEHOLDER})
_AHEAD: Final = frozenset({"next", "ahead"})
_NOT_SENT: Final = frozenset({"suppressed", "failed", "cancelled", "merged", "bundled"})


@dataclass(frozen=True)
class MessageWhy:
    """One message. `at`: when it left, or will; None: it never does. `text`: the rest, for people."""

    id: int
    via: str
    address: str
    state: str
    at: datetime | None
    text: str
    attempts: int
    trail: tuple[tuple[datetime, str], ...]


@dataclass(frozen=True)
class CallWhy:
    """One calling, or quiet word, and its messages."""

    at: datetime
    kind: MessageKind
    text: str
    ended: str
    messages: tuple[MessageWhy, ...]


@dataclass(frozen=True)
class PersonWhy:
    """`verdict`: one line; `reasons`: why they were not called, or not yet; `called`: whether they were."""

    email: str
    name: str
    called: bool
    verdict: str
    reasons: tuple[str, ...]
    decisions: tuple[DecisionInfo, ...]
    calls: tuple[CallWhy, ...]


def everybody(incident: IncidentDetail, now: datetime) -> tuple[PersonWhy, ...]:
    """All whom it concerns: who was called first, in the order of the calls; then who was thought of."""
    standing = _standing(incident, now) if incident.is_open else {}
    pages = [page.email for page in incident.pages if page.email]
    decided = [d.email for call in incident.call_outs for d in call.decisions if d.email]
    emails = list(dict.fromkeys([*pages, *decided, *standing]))
    names = {each.email: each.label for each in identity.people(emails=emails, include_left=True)}
    rows = [_person(incident, email, names.get(email, email), standing, ()) for email in emails]
    return tuple(sorted(rows, key=lambda row: not row.called))


def person(ref: str, email: str, *, actor: Actor, now: datetime) -> PersonWhy:
    """Somebody who asks, thought of or not. Raises NotFound for an unknown incident or person."""
    incident = queries.incident(ref, actor=actor)
    known = next(iter(identity.people(emails=[email.lower()], include_left=True)), None)
    if known is None:
        raise NotFound("user", email)
    standing = _standing(incident, now)
    more = _circumstances(incident, known.email, actor, now)
    return _person(incident, known.email, known.label, standing, more)


def _person(
    incident: IncidentDetail,
    email: str,
    name: str,
    standing: "_Standing",
    more: Sequence[str],
) -> PersonWhy:
    decisions = tuple(d for call in incident.call_outs for d in call.decisions if d.email == email)
    calls = tuple(_call(page) for page in incident.pages if page.email == email)
    called = any(call.kind in _CALLS for call in calls)
    reasons = () if called else (*_not_called(incident, standing.get(email, ())), *more)
    verdict = _verdict(incident, email, calls) if called else (reasons[0] if reasons else "Not called.")
    return PersonWhy(email, name, called, verdict, reasons[1:], decisions, calls)


# ---- who was called ----


def _verdict(incident: IncidentDetail, email: str, calls: Sequence[CallWhy]) -> str:
    mine = [call for call in calls if call.kind in _CALLS]
    messages = [message for call in mine for message in call.messages]
    reaching = [m for m in messages if _counts(m.via)]
    got = [m for m in reaching if m.state in {"sent", "delivered", "read"}]
    if incident.acknowledged_by == email:
        return "Called, and has it."
    if any(call.acknowledged_by == email for call in incident.call_outs if call.kind is CallOutKind.HELP):
        return "Asked to help, and came."
    if any(d.email == email and d.kind == "declined" for call in incident.call_outs for d in call.decisions):
        return "Called, and declined."
    if got:
        told = "Told" if all(call.kind is MessageKind.STAKEHOLDER for call in mine) else "Called"
        return f"{told}: {len(got)} of {len(messages)} messages sent."
    waiting = [m.at for m in reaching if m.at is not None and m.state in {"planned", "claimed"}]
    if waiting:
        return f"To be called: the first message leaves at {_at(min(waiting))}."
    why = next((m.text for m in reaching if m.text), "")
    why = why or ("only the local outbox has it" if messages else "they have no way to be reached")
    return f"Could not be reached: {why}"


def _counts(via: str) -> bool:
    """False for what reaches nobody, as the local outbox."""
    channel = registry.channels.get(via)
    return channel is None or channel.counts


def _at(instant: datetime) -> str:
    """As programs read it; pages show it in the reader's zone."""
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _call(page: PageInfo) -> CallWhy:
    ended = f"stopped: {page.end_reason}" if page.end_reason else ""
    text = page.reason if page.kind in _CALLS or not page.headline else page.headline
    return CallWhy(page.started_at, page.kind, text, ended, tuple(_message(n) for n in page.notifications))


def _message(row: NotificationInfo) -> MessageWhy:
    """Its state and every reason there is: nothing that was planned is passed over in silence."""
    never = row.state in _NOT_SENT
    parts = [row.receipt if never or row.sent_at else "", row.hold, row.reason]
    if row.carried_by is not None:
        parts.insert(0, f"said by message {row.carried_by}")
    if row.vendor and row.vendor != row.via:
        parts.append(f"by {row.vendor}")
    if row.attempts > 1:
        parts.append(f"{row.attempts} attempts")
    at = None if never and row.sent_at is None else row.sent_at or row.due_at
    trail = tuple((each.at, f"{each.result}: {each.detail}") for each in row.trail)
    text = "; ".join(dict.fromkeys(part for part in parts if part))
    return MessageWhy(row.id, row.via, row.address, row.state, at, text, row.attempts, trail)


# ---- who was not ----

_Standing = dict[str, tuple[tuple[CallOutInfo, StepInfo, str], ...]]


def _standing(incident: IncidentDetail, now: datetime) -> _Standing:
    """In which steps each person stands as things are now, and as what."""
    roster = Roster(now)
    found: _Standing = {}
    for call in incident.call_outs:
        for step in call.steps:
            for target in step.targets:
                if target.kind in MACHINES:
                    continue
                for each in roster.resolve(target).people:
                    found[each.email] = (*found.get(each.email, ()), (call, step, each.reason))
    return found


def _not_called(incident: IncidentDetail, stands: Iterable[tuple[CallOutInfo, StepInfo, str]]) -> list[str]:
    """One sentence for each step in which they stand; one that says so when there is none."""
    said = [_of_step(incident, call, step, reason) for call, step, reason in stands]
    if said:
        return said
    if not incident.call_outs:
        return ["Not called: this incident calls nobody."]
    policies = ", ".join(dict.fromkeys(f"“{call.policy}”" for call in incident.call_outs))
    return [f"Not called: no step of {policies} stands for them now."]


def _of_step(incident: IncidentDetail, call: CallOutInfo, step: StepInfo, reason: str) -> str:
    yet = " yet" if step.state in _AHEAD and _climbing(incident, call) else ""
    as_what = f" ({reason})" if reason else ""
    return f"Not called{yet}: {_why_not(incident, call, step)}{as_what}."


def _climbing(incident: IncidentDetail, call: CallOutInfo) -> bool:
    return incident.is_open and call.status in {CallOutStatus.RUNNING, CallOutStatus.EXHAUSTED}


def _why_not(incident: IncidentDetail, call: CallOutInfo, step: StepInfo) -> str:
    number = f"step {step.number}"
    if step.fired_at is not None or step.state in {"done", "current"}:
        return _without_them(call, step)
    if call.status is CallOutStatus.ACKNOWLEDGED and call.acknowledged_at:
        by = call.acknowledged_by or "a program"
        return f"{by} acknowledged at {_at(call.acknowledged_at)}, before {number} calls them"
    if call.status is CallOutStatus.SNOOZED and call.snoozed_until:
        return f"it is snoozed until {_at(call.snoozed_until)}; {number} stands for them"
    if not _climbing(incident, call):
        return f"it was over before {number} could call them"
    if step.state not in _AHEAD:
        return f"at {incident.severity} the calling ends before {number}, which stands for them"
    at, when = _begins(call, step), "later"
    if at is not None:
        when = f"at {_at(at)}" if step.state == "next" else f"at about {_at(at)}"
    return f"{number} calls them {when}, unless somebody acknowledges"


def _without_them(call: CallOutInfo, step: StepInfo) -> str:
    """The step began: its own decisions say who else it took, or why it took nobody."""
    said = [d.text for d in call.decisions if d.step == step.number and not d.email]
    began = f" at {_at(step.fired_at)}" if step.fired_at else ""
    why = "; ".join(dict.fromkeys(said)) or "it stood for somebody else then, or took one of several in turn"
    return f"step {step.number} began{began} without them: {why}"


def _begins(call: CallOutInfo, step: StepInfo) -> datetime | None:
    """When it would, if nobody answers: the next one's time, and the waits between."""
    following_ = next((each for each in call.steps if each.due_at is not None), None)
    if following_ is None or following_.due_at is None:
        return None
    between = [each.wait for each in call.steps if following_.number <= each.number < step.number]
    return following_.due_at + sum(between, timedelta())


def _circumstances(incident: IncidentDetail, email: str, actor: Actor, now: datetime) -> list[str]:
    """What else bears on it: shifts, ways to be reached, what they follow."""
    spells = oncall.shifts_of(email, now, now + timedelta(seconds=1))
    names = ", ".join(dict.fromkeys(f"{schedule}" for schedule, _ in spells))
    said = [f"On call now for: {names}." if names else "Not on call for any schedule now."]
    methods = notify.methods(email)
    said += [f"{one.type} {one.shown} cannot be used: {one.problem}." for one in methods if one.problem]
    if not any(each.counts and not each.problem for each in methods):
        said.append("No verified contact method could reach them: they would be passed at once.")
    if hours := notify.quiet_hours(email):
        said.append(f"Quiet hours {hours.start}–{hours.end} ({hours.timezone}) hold low urgency back.")
    followed = following.followers(Of.INCIDENT, incident.ref, actor=actor)
    said += [f"Follows {each.name}: gets updates, no pages." for each in followed if each.email == email]
    return said
