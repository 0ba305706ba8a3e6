from dataclasses import asdict
from datetime import datetime
from typing import Any

from ninja import Field, Query, Router, Schema, Status

from tocsin.apps.catalog import queries as catalog
from tocsin.apps.escalation import naming, queries, settings
from tocsin.apps.escalation.types import PolicyInfo
from tocsin.apps.identity import queries as identity
from tocsin.domain.configuration.ladder import policy_form, read_policy
from tocsin.domain.escalation.model import AckMode, During, OnEmpty, Strategy
from tocsin.domain.escalation.model import Policy as Ladder
from tocsin.domain.severity import Severity, Urgency
from tocsin.entrypoints.api import forms
from tocsin.entrypoints.api.context import ApiRequest
from tocsin.entrypoints.api.shapes import Duration, In, Instant, Listed, Name, found, sliced

router = Router()


class ConditionForm(In):
    severity: Severity | list[Severity] | None = None
    urgency: Urgency | None = None
    during: During | None = Field(None, description="The service's support hours, or those of each person")


class StepForm(In):
    notify: list[dict[str, Any] | str] = Field(max_length=100, examples=[[{"schedule": "primary-oncall"}]])
    wait: Duration | None = Field(None, description="How long it waits for an acknowledgement")
    strategy: Strategy = Field(Strategy.ALL, description="Everybody, or whom it called longest ago")
    ack: AckMode = Field(AckMode.ANY, description="Whose acknowledgement it takes: of one, or of each")
    on_empty: OnEmpty = Field(OnEmpty.SKIP, description="Where it stands for nobody")
    when: ConditionForm | None = Field(None, description="What must hold for it to call")


class PolicyForm(In):
    team: Name | None = None
    steps: list[StepForm] = Field(max_length=100)
    repeat: int = Field(0, ge=0, le=20)
    final: list[dict[str, Any] | str] = Field(default_factory=list, max_length=100)
    fallback: Name | None = Field(None, description="The policy that takes over when this one is over")


class PolicyIn(PolicyForm):
    name: Name


class StepOut(Schema):
    notify: list[dict[str, Any]]
    wait: str | None = None
    strategy: str = "all"
    ack: str = "any"
    on_empty: str = "skip"
    when: dict[str, Any] | None = None


class Policy(Schema):
    name: str
    team: str | None
    steps: list[StepOut]
    repeat: int
    final: list[dict[str, Any]]
    fallback: str | None
    from_file: bool


class Policies(Schema):
    items: list[Policy]
    next_cursor: str | None


class Rung(Schema):
    """Whom a step would call if it fired at `at`."""

    step: int
    people: list[str]


class PolicyPreview(Schema):
    at: datetime
    items: list[Rung]


class FireFor(Schema):
    """What fires, and when: `at` is now where absent. With a `service`, its team and hours count."""

    at: Instant | None = None
    severity: Severity = Severity.SEV2
    urgency: Urgency | None = Field(None, description="By the severity's row where absent")
    service: str | None = None


class Called(Schema):
    email: str
    reason: str
    deliverable: bool


class FireRow(Schema):
    """`step` is 0 beside the ladder."""

    at: datetime
    minute: float
    step: int
    label: str
    people: list[Called]
    machines: list[str]
    note: str


class Fire(Schema):
    """`end` says what happens after the last row."""

    at: datetime
    severity: str
    urgency: str
    items: list[FireRow]
    end: str


@router.get("", response=Policies)
def list_policies(request: ApiRequest, filters: Query[Listed]) -> Policies:  # noqa: ARG001 - ninja's
    page = sliced(queries.policy_infos(), lambda one: one.policy.name, filters)
    return Policies(items=[_shown(one) for one in page.items], next_cursor=page.next_cursor)


@router.post("", response={201: Policy})
def create_policy(request: ApiRequest, body: PolicyIn) -> Status[Policy]:
    forms.check_free("escalation policy", body.name, _find)
    return Status(201, _save(request, body.name, body))


@router.get("/{name}", response=Policy)
def read_policy_(request: ApiRequest, name: str) -> Policy:  # noqa: ARG001 - ninja's
    return _shown(found(_find(name), "escalation policy", name))


@router.put("/{name}", response=Policy)
def replace_policy(request: ApiRequest, name: str, body: PolicyForm) -> Policy:
    """Call-outs that climb already keep the policy they began with."""
    known = found(_find(name), "escalation policy", name)
    forms.check_unlocked("escalation policy", name, from_file=known.from_file)
    return _save(request, name, body)


@router.delete("/{name}", response={204: None})
def delete_policy(request: ApiRequest, name: str) -> Status[None]:
    settings.delete_policy(actor=request.actor, name=name, now=request.now)
    return Status(204, None)


@router.get("/{name}/preview", response=PolicyPreview)
def preview_policy(request: ApiRequest, name: str, at: Query[Instant | None] = None) -> PolicyPreview:
    """If it fired at `at` (now): who would be called at each step."""
    policy = found(queries.policy(name), "escalation policy", name)
    moment = at or request.now
    rungs = queries.ladder(policy, moment)
    items = [Rung(step=number, people=list(people)) for number, people in enumerate(rungs, 1)]
    return PolicyPreview(at=moment, items=items)


@router.get("/{name}/fire", response=Fire)
def fire_policy(request: ApiRequest, name: str, what: Query[FireFor]) -> Fire:
    """If it fired and nobody answered: who is called when."""
    return _fired(request, found(queries.policy(name), "escalation policy", name), what)


@router.post("/{name}/fire", response=Fire)
def fire_unsaved_policy(request: ApiRequest, name: str, body: PolicyForm, what: Query[FireFor]) -> Fire:
    """The same for a policy that is not saved, or not as it is now. Nothing is changed."""
    return _fired(request, _read(name, body), what, body.team)


def _fired(request: ApiRequest, policy: Ladder, what: FireFor, team: str | None = None) -> Fire:
    service = found(catalog.service(what.service), "service", what.service) if what.service else None
    owner = identity.team((service.team if service else team) or "")
    hours = owner.hours() if owner else None
    zone = owner.lead.timezone if owner and owner.lead else "UTC"
    holidays = owner.holidays if owner else ()
    rule = service.urgency_rule(zone=zone, holidays=holidays) if service else None
    urgency = what.urgency or queries.severity_table()[what.severity].urgency
    at = what.at or request.now
    info = queries.fire(
        policy,
        at,
        severity=what.severity,
        urgency=urgency,
        service=what.service,
        team=owner.name if owner else None,
        hours=hours,
        support=rule.support_hours if rule else None,
    )
    rows = [
        FireRow(
            at=at + row.offset,
            minute=round(row.offset.total_seconds() / 60, 2),
            step=row.step,
            label=row.label,
            people=[Called(**asdict(person)) for person in row.people],
            machines=list(row.machines),
            note=row.note,
        )
        for row in info.rows
    ]
    return Fire(at=at, severity=what.severity, urgency=urgency, items=rows, end=info.end)


def _find(name: str) -> PolicyInfo | None:
    return next((info for info in queries.policy_infos() if info.policy.name == name), None)


def _save(request: ApiRequest, name: str, body: PolicyForm) -> Policy:
    policy = _read(name, body)
    settings.save_policy(
        actor=request.actor,
        policy=policy,
        team=body.team,
        check=lambda: naming.check(policy),
        now=request.now,
    )
    return _shown(found(_find(name), "escalation policy", name))


def _read(name: str, body: PolicyForm) -> Ladder:
    form = body.model_dump(mode="json", exclude_none=True, exclude={"name", "team"}, exclude_defaults=True)
    return forms.read(read_policy, form, name)


def _shown(info: PolicyInfo) -> Policy:
    form = policy_form(info.policy)
    return Policy(
        name=info.policy.name,
        team=info.team,
        steps=[StepOut(**step) for step in form["steps"]],
        repeat=info.policy.repeat,
        final=list(form.get("final", ())),
        fallback=info.policy.fallback,
        from_file=info.from_file,
    )
