from datetime import datetime
from typing import Any

from ninja import Field, Query, Router, Schema, Status

from tocsin.apps.escalation import queries, settings
from tocsin.apps.escalation.types import PolicyInfo
from tocsin.domain.configuration.ladder import policy_form, read_policy
from tocsin.entrypoints.api import forms
from tocsin.entrypoints.api.context import ApiRequest
from tocsin.entrypoints.api.shapes import Duration, In, Instant, Listed, Name, found, sliced

router = Router()


class StepForm(In):
    notify: list[dict[str, Any]] = Field(max_length=100, examples=[[{"schedule": "primary-oncall"}]])
    wait: Duration | None = Field(None, description="How long it waits for an acknowledgement")


class PolicyForm(In):
    team: Name | None = None
    steps: list[StepForm] = Field(max_length=100)
    repeat: int = Field(0, ge=0, le=20)
    final: list[dict[str, Any]] = Field(default_factory=list, max_length=100)


class PolicyIn(PolicyForm):
    name: Name


class StepOut(Schema):
    notify: list[dict[str, Any]]
    wait: str | None = None


class Policy(Schema):
    name: str
    team: str | None
    steps: list[StepOut]
    repeat: int
    final: list[dict[str, Any]]
    from_file: bool


class Policies(Schema):
    items: list[Policy]
    next_cursor: str | None


class Rung(Schema):
    """Whom a step would call if it fired at `at`."""

    step: int
    people: list[str]


class Preview(Schema):
    at: datetime
    items: list[Rung]


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


@router.get("/{name}/preview", response=Preview)
def preview_policy(request: ApiRequest, name: str, at: Query[Instant | None] = None) -> Preview:
    """If it fired at `at` (now): who would be called at each step."""
    policy = found(queries.policy(name), "escalation policy", name)
    moment = at or request.now
    rungs = queries.ladder(policy, moment)
    items = [Rung(step=number, people=list(people)) for number, people in enumerate(rungs, 1)]
    return Preview(at=moment, items=items)


def _find(name: str) -> PolicyInfo | None:
    return next((info for info in queries.policy_infos() if info.policy.name == name), None)


def _save(request: ApiRequest, name: str, body: PolicyForm) -> Policy:
    form = body.dict(exclude_none=True, exclude={"name", "team"}, exclude_defaults=True)
    policy = forms.read(read_policy, form, name)
    settings.save_policy(actor=request.actor, policy=policy, team=body.team, now=request.now)
    return _shown(found(_find(name), "escalation policy", name))


def _shown(info: PolicyInfo) -> Policy:
    form = policy_form(info.policy)
    return Policy(
        name=info.policy.name,
        team=info.team,
        steps=[StepOut(**step) for step in form["steps"]],
        repeat=info.policy.repeat,
        final=list(form.get("final", ())),
        from_file=info.from_file,
    )
