import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType

from django.db.models import Min

from tocsin.apps.escalation import policies as stored
from tocsin.apps.escalation.models import CallOut, Decision, LastResort, SeverityRow
from tocsin.apps.escalation.models import Policy as PolicyRow
from tocsin.apps.escalation.roster import Roster
from tocsin.apps.escalation.store import frozen, snapshot_of, state_of
from tocsin.apps.escalation.types import CallOutInfo, DecisionInfo, PolicyInfo, Start, StepInfo
from tocsin.apps.identity import queries as identity
from tocsin.domain import severity as table
from tocsin.domain.configuration.ladder import read_severity
from tocsin.domain.configuration.nodes import from_plain
from tocsin.domain.configuration.problems import Report
from tocsin.domain.configuration.reader import Cursor
from tocsin.domain.escalation import machine
from tocsin.domain.escalation.model import (
    AckMode,
    CallOutKind,
    CallOutStatus,
    Policy,
    State,
    Target,
    TargetKind,
    TeamWho,
    Via,
)
from tocsin.domain.escalation.rehearsal import FireInfo, rehearse
from tocsin.domain.notification.model import Subject
from tocsin.domain.severity import Ladder, Severity, Urgency
from tocsin.domain.time import BusinessHours


def policy(name: str) -> Policy | None:
    return stored.find(name)


def policies() -> list[Policy]:
    return [info.policy for info in policy_infos()]


def policy_infos() -> list[PolicyInfo]:
    rows = PolicyRow.objects.select_related("team").order_by("name")
    read = ((row, stored.of_row(row)) for row in rows)
    return [
        PolicyInfo(row.pk, found, row.team.name if row.team else None, row.from_file)
        for row, found in read
        if found is not None
    ]


def changed_severities() -> Mapping[Severity, table.SeverityRow]:
    rows = SeverityRow.objects.order_by("name")
    read = (_severity(row.name, json.dumps(row.definition)) for row in rows)
    return MappingProxyType({row.severity: row for row in read if row is not None})


def severity_table() -> Mapping[Severity, table.SeverityRow]:
    return MappingProxyType({**table.SHIPPED_TABLE, **changed_severities()})


def last_resort_emails() -> tuple[str, ...]:
    """As set; none set: empty, and the owners are meant."""
    return tuple(LastResort.objects.order_by("position", "id").values_list("email", flat=True))


def last_resort() -> tuple[Target, ...]:
    emails = last_resort_emails() or identity.owners()
    return tuple(Target(TargetKind.USER, email) for email in emails)


def ladder(policy: Policy, at: datetime) -> list[tuple[str, ...]]:
    """For each step, whom it would call if it fired at `at`."""
    roster = Roster(at, look=True)
    return [
        tuple(
            dict.fromkeys(person.email for target in step.targets for person in roster.resolve(target).people)
        )
        for step in policy.steps
    ]


def fire(
    policy: Policy,
    at: datetime,
    *,
    severity: Severity = Severity.SEV2,
    urgency: Urgency = Urgency.HIGH,
    service: str | None = None,
    team: str | None = None,
    hours: BusinessHours | None = None,
    support: BusinessHours | None = None,
) -> FireInfo:
    """If it fired at `at` for `service` and nobody answered: who is called when. The policy need not be
    stored. Lead and manager are those of `team`, which the caller knows from the service; absent: of the team
    that has the policy.
    """
    roster = Roster(at, look=True)
    row = severity_table()[severity]
    owner = team or PolicyRow.objects.filter(name=policy.name).values_list("team__name", flat=True).first()
    given = Start(
        incident_id=0,
        subject=Subject(0, "", "", severity, service or ""),
        kind=CallOutKind.SERVICE,
        label=service or "",
        policy=policy,
        severity_row=row,
        urgency=urgency,
        lead=(Target(TargetKind.TEAM, owner, TeamWho.LEAD),) if owner else (),
        management=(Target(TargetKind.TEAM, owner, TeamWho.MANAGER),) if owner else (),
        last_resort=last_resort(),
        hours=hours,
        support=support,
    )
    snapshot = frozen(given, stored.fallbacks([policy]).get(policy.name, ()))
    return rehearse(snapshot, lambda now: Roster(now, like=roster).resolve, at, roster.turns)


def call_outs(incident_id: int) -> list[CallOutInfo]:
    """The service's own first, each with the ladder as it stands and every decision with its reason."""
    rows = list(CallOut.objects.filter(incident_id=incident_id).order_by("id"))
    decisions: dict[int, list[DecisionInfo]] = defaultdict(list)
    for each in Decision.objects.filter(call_out__in=rows):
        decisions[each.call_out_id].append(DecisionInfo(each.at, each.kind, each.text, each.email, each.step))
    infos = [_info(row, tuple(decisions[row.pk])) for row in rows]
    return sorted(infos, key=lambda info: info.kind is not CallOutKind.SERVICE)


def roles_of(email: str, incident_id: int) -> str:
    """What an acknowledgement of this person would be: target | stakeholder | none."""
    found = "none"
    for row in CallOut.objects.filter(incident_id=incident_id).exclude(status=CallOutStatus.ENDED):
        for called in state_of(row).called:
            if called.email == email.lower():
                if not called.stakeholder:
                    return "target"
                found = "stakeholder"
    return found


def oldest_due(now: datetime) -> datetime | None:
    """Since when the most late call-out is due: what the watchdog looks at."""
    oldest: datetime | None = CallOut.objects.filter(due_at__lte=now).aggregate(oldest=Min("due_at"))[
        "oldest"
    ]
    return oldest


def running() -> int:
    return CallOut.objects.filter(status=CallOutStatus.RUNNING).count()


@lru_cache(maxsize=64)
def _severity(name: str, text: str) -> table.SeverityRow | None:
    report = Report()
    found = read_severity(Cursor(from_plain({**json.loads(text), "name": name}, name), "", report))
    return None if stored.wrong(name, report) else found


def _info(row: CallOut, decisions: tuple[DecisionInfo, ...]) -> CallOutInfo:
    snapshot, state = snapshot_of(row), state_of(row)
    policy = snapshot.policy_at(state.policy)
    answering = dict.fromkeys(c.email for c in state.called if not c.stakeholder)
    awaited = machine.awaited(snapshot, state)
    seeing = dict.fromkeys(c.email for c in state.called if c.stakeholder and c.email not in answering)
    return CallOutInfo(
        row.pk,
        CallOutKind(row.kind),
        row.label,
        state.status,
        policy.name,
        state.passing + 1,
        1 + (policy.repeat if snapshot.ladder is Ladder.FULL else 0),
        state.due_at,
        state.started_at + snapshot.respond_within,
        state.breached,
        state.acknowledged_by,
        state.acknowledged_at,
        state.snoozed_until,
        tuple(answering),
        tuple(seeing),
        tuple(_step(number, policy, state, decisions) for number in range(len(policy.steps))),
        decisions,
        state.acks if awaited else (),
        tuple(sorted(awaited)),
    )


def _step(index: int, policy: Policy, state: State, decisions: tuple[DecisionInfo, ...]) -> StepInfo:
    step = policy.steps[index]
    mine = [
        c
        for c in state.called
        if c.lap == state.lap and c.step == index + 1 and c.via not in {Via.TABLE, Via.NOBODY}
    ]
    ahead = state.next_step_at if index == state.step else None
    if index < state.step:
        over = index + 1 < state.step or state.next_step_at is None
        text = "done" if over or state.status is not CallOutStatus.RUNNING else "current"
    elif state.next_step_at is None:
        text = "never"
    else:
        text = "next" if index == state.step else "ahead"
    called = tuple(dict.fromkeys(c.email for c in mine))
    passed = [each.text for each in decisions if each.kind == "skipped" and each.step == index + 1]
    return StepInfo(
        index + 1,
        step.targets,
        step.wait,
        text,
        called,
        min((c.at for c in mine), default=None),
        ahead,
        any(c.reached for c in mine),
        step,
        tuple(email for email in called if email in state.acks) if step.ack is AckMode.EACH else (),
        tuple(email for email in called if email in state.declined),
        tuple(target for target in step.targets if target in state.posted),
        passed[-1] if passed and not mine and index < state.step else "",
    )
