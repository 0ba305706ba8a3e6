"""Escalation policies and severities: read from their configuration form, and written as it."""

from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from tocsin.domain.configuration import reader
from tocsin.domain.configuration.nodes import Scalar, Sequence, Table
from tocsin.domain.configuration.reader import Cursor, Fields
from tocsin.domain.escalation.model import (
    AckMode,
    Condition,
    During,
    OnEmpty,
    Policy,
    ScheduleWho,
    Step,
    Strategy,
    Target,
    TargetKind,
    TeamWho,
)
from tocsin.domain.severity import (
    NEXT_BUSINESS_DAY,
    SHIPPED_TABLE,
    Ladder,
    Notify,
    Severity,
    SeverityRow,
    TableCall,
    Urgency,
)
from tocsin.domain.time import format_duration, parse_duration

Form = dict[str, Any]


class _All(StrEnum):
    ALL = "all"


DEFAULT_WAIT: Final = timedelta(minutes=5)
_MOST_REPEATS: Final = 20
_TARGETS: Final = "a target such as {user: alice@example.com}, {schedule: primary} or {team: payments}"


def read_policy(cursor: Cursor) -> Policy | None:
    fields = cursor.table()
    if fields is None:
        return None
    name = fields.need("name", reader.name, "the policy's name")
    steps = fields.many("steps", _read_step)
    if not fields.has("steps"):
        cursor.fail("'steps' is missing: expected whom to call, in what order")
    repeat = fields.get("repeat", reader.whole(0, _MOST_REPEATS))
    final, fallback = _read_targets(fields, "final"), fields.get("fallback", reader.name)
    policy = Policy(name or "", steps, repeat or 0, final, fallback)
    fields.finish()
    return policy if name else None


def _read_step(cursor: Cursor) -> Step | None:
    fields = cursor.table()
    if fields is None:
        return None
    if not fields.has("notify"):
        cursor.fail(f"'notify' is missing: expected {_TARGETS}")
    wait = fields.get("wait", reader.duration)
    when = fields.at("when")
    step = Step(
        _read_targets(fields, "notify"),
        DEFAULT_WAIT if wait is None else wait,
        fields.get("strategy", reader.choice(Strategy)) or Strategy.ALL,
        fields.get("ack", reader.choice(AckMode)) or AckMode.ANY,
        fields.get("on_empty", reader.choice(OnEmpty)) or OnEmpty.SKIP,
        Condition() if when is None else _read_condition(when) or Condition(),
    )
    fields.finish()
    return step


def _read_condition(cursor: Cursor) -> Condition | None:
    fields = cursor.table()
    if fields is None:
        return None
    severity = fields.at("severity")
    one = reader.choice(Severity)
    severities: tuple[Severity, ...] = ()
    if severity is not None:
        many = isinstance(severity.node, Sequence)
        severities = severity.list_of(one) if many else tuple(s for s in (one(severity),) if s is not None)
    condition = Condition(
        severities,
        fields.get("urgency", reader.choice(Urgency)),
        fields.get("during", reader.choice(During)),
    )
    fields.finish()
    return condition


def _read_targets(fields: Fields, key: str) -> tuple[Target, ...]:
    at = fields.at(key)
    if at is None:
        return ()
    if isinstance(at.node, Table):
        target = read_target(at)
        return () if target is None else (target,)
    return at.list_of(read_target)


def read_target(cursor: Cursor) -> Target | None:
    """`{user: …}`, `{schedule: …, who?, role?}`, `{team: …, who?}`, `{chat: …, via: …}`, `{webhook: …}` or
    `{runbook: …}`; a bare e-mail address is a user, the bare word `owners` (or `{owners: all}`) the
    organisation's owners.
    """
    if isinstance(cursor.node, Scalar):
        if cursor.node.text == TargetKind.OWNERS:
            return Target(TargetKind.OWNERS, "all")
        email = reader.email(cursor)
        return None if email is None else Target(TargetKind.USER, email)
    fields = cursor.table()
    if fields is None:
        return None
    found = [kind for kind in TargetKind if fields.has(kind)]
    if len(found) != 1:
        cursor.fail(f"expected {_TARGETS}")
        return None
    kind = found[0]
    if kind is TargetKind.USER:
        name = fields.get("user", reader.email)
        target = Target(kind, name or "")
    elif kind is TargetKind.TEAM:
        name = fields.get("team", reader.name)
        target = Target(kind, name or "", fields.get("who", reader.choice(TeamWho)) or TeamWho.MEMBERS)
    elif kind is TargetKind.CHAT:
        name = fields.get("chat", reader.text)
        via = fields.need("via", reader.name, "the chat, such as slack or mattermost")
        target = Target(kind, name or "", via=via or "")
    elif kind is TargetKind.OWNERS:
        every = fields.get("owners", reader.choice(_All))
        name = None if every is None else str(every)
        target = Target(kind, name or "")
    elif kind in {TargetKind.WEBHOOK, TargetKind.RUNBOOK}:
        name = fields.get(kind, reader.text)
        target = Target(kind, name or "")
    else:
        name = fields.get("schedule", reader.name)
        who = fields.get("who", reader.choice(ScheduleWho)) or ScheduleWho.CURRENT
        target = Target(kind, name or "", who, fields.get("role", reader.name))
    fields.finish()
    return target if name else None


def target_form(target: Target) -> Form:
    form: Form = {str(target.kind): target.name}
    if target.via:
        form["via"] = target.via
    if target.who and target.who not in {TeamWho.MEMBERS, ScheduleWho.CURRENT}:
        form["who"] = str(target.who)
    if target.role is not None:
        form["role"] = target.role
    return form


def policy_form(policy: Policy) -> Form:
    form: Form = {"name": policy.name}
    if policy.repeat:
        form["repeat"] = policy.repeat
    form["steps"] = [_step_form(step) for step in policy.steps]
    if policy.final:
        form["final"] = [target_form(target) for target in policy.final]
    if policy.fallback:
        form["fallback"] = policy.fallback
    return form


def _step_form(step: Step) -> Form:
    form: Form = {
        "notify": [target_form(target) for target in step.targets],
        "wait": format_duration(step.wait),
    }
    shipped = Step((), step.wait)
    for key, value, usual in (
        ("strategy", step.strategy, shipped.strategy),
        ("ack", step.ack, shipped.ack),
        ("on_empty", step.on_empty, shipped.on_empty),
    ):
        if value is not usual:
            form[key] = str(value)
    if step.when != Condition():
        form["when"] = _condition_form(step.when)
    return form


def _condition_form(when: Condition) -> Form:
    form: Form = {}
    if when.severities:
        form["severity"] = [str(severity) for severity in when.severities]
    if when.urgency is not None:
        form["urgency"] = str(when.urgency)
    if when.during is not None:
        form["during"] = str(when.during)
    return form


def read_severity(cursor: Cursor) -> SeverityRow | None:
    """What a row does not say stays as shipped."""
    fields = cursor.table()
    if fields is None:
        return None
    severity = fields.need("name", reader.choice(Severity), "one of SEV1, SEV2, SEV3, SEV4")
    if severity is None:
        return None
    given: dict[str, Any] = {
        "description": fields.get("description", reader.text),
        "respond_within": fields.get("respond_within", reader.duration),
        "urgency": fields.get("urgency", reader.choice(Urgency)),
        "ladder": fields.get("ladder", reader.choice(Ladder)),
    }
    escalate = fields.at("escalate")
    if escalate is not None:
        given["escalate"] = escalate.list_of(_read_call)
    fields.finish()
    changed = {key: value for key, value in given.items() if value is not None}
    return replace(SHIPPED_TABLE[severity], **changed)


def _read_call(cursor: Cursor) -> TableCall | None:
    fields = cursor.table()
    if fields is None:
        return None
    notify = fields.need("notify", reader.choice(Notify), "management or lead")
    at = fields.need("at", _read_when, "a duration such as 30m, or next_business_day")
    fields.finish()
    return TableCall(notify, at[0]) if notify and at else None


def _read_when(cursor: Cursor) -> tuple[timedelta | None] | None:
    def parse(raw: str) -> tuple[timedelta | None]:
        return (None if raw == NEXT_BUSINESS_DAY else parse_duration(raw),)

    return cursor.parsed("a duration such as 30m, or next_business_day", parse)


def severity_form(row: SeverityRow) -> Form:
    return {
        "name": str(row.severity),
        "description": row.description,
        "respond_within": format_duration(row.respond_within),
        "urgency": str(row.urgency),
        "ladder": str(row.ladder),
        "escalate": [
            {
                "at": NEXT_BUSINESS_DAY if call.at is None else format_duration(call.at),
                "notify": str(call.notify),
            }
            for call in row.escalate
        ],
    }
