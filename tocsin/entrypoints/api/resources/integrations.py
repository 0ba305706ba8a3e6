from dataclasses import replace
from datetime import datetime
from typing import Any

from django.conf import settings
from ninja import Field, Query, Router, Schema, Status

from tocsin.apps.integrations import actions, queries
from tocsin.apps.integrations import settings as configs
from tocsin.apps.integrations.types import EventInfo, IntegrationInfo, IntegrationSpec
from tocsin.domain.permissions import Actor, Permission, can
from tocsin.domain.severity import Severity
from tocsin.entrypoints.api import forms
from tocsin.entrypoints.api.context import ApiRequest
from tocsin.entrypoints.api.shapes import Duration, In, Listed, Name, duration, duration_text, found, sliced

router = Router()


class IntegrationIn(In):
    name: Name
    kind: Name = Field(examples=["alertmanager"])
    service: Name | None = None
    key: str | None = Field(None, max_length=32, description="32 hex digits; absent: made, or kept")
    severity_map: dict[str, Severity] = Field(default_factory=dict, examples=[{"page": "SEV1"}])
    enabled: bool = True
    silent_after: Duration | None = Field(None, description="absent: kept; 0s: never")
    config: dict[str, Any] | None = Field(
        None,
        description="What its kind asks for; absent: kept. A secret not named is kept, null ends it",
        examples=[{"topic_arns": ["arn:aws:sns:eu-central-1:123456789012:alarms"]}],
    )

    def spec(self) -> IntegrationSpec:
        return IntegrationSpec(
            name=self.name,
            kind=self.kind,
            service=self.service,
            key=self.key,
            severity_map=self.severity_map,
            enabled=self.enabled,
            silent_after=duration(self.silent_after, "silent_after"),
            config=self.config,
        )


class KeyRotation(In):
    keep_for: Duration | None = Field(None, description="0s: the old key ends at once; at most 90d")


class Integration(Schema):
    """`key`, `url`, `config` and `secrets` are shown to those who may edit it. Of secrets only the names of
    those that are set are told.
    """

    name: str
    kind: str
    service: str | None
    key: str | None
    url: str | None
    severity_map: dict[str, Severity]
    enabled: bool
    created_at: datetime
    last_event_at: datetime | None
    silent_after: str | None
    silent_since: datetime | None
    old_key_until: datetime | None
    old_key_used_at: datetime | None
    config: dict[str, Any] | None
    secrets: list[str]
    from_file: bool


class Integrations(Schema):
    items: list[Integration]
    next_cursor: str | None


class IntegrationFilter(Listed):
    search: str = ""
    service: str = ""


class Event(Schema):
    id: int
    event_id: str
    action: str
    dedup_key: str
    count: int
    received_at: datetime
    processed_at: datetime | None
    set_aside: str
    payload: str


class Events(Schema):
    items: list[Event]
    next_cursor: str | None


class Sent(Schema):
    event_id: str


def shown(info: IntegrationInfo, actor: Actor) -> Integration:
    secret = can(actor, Permission.EDIT_TEAM, [info.team_id] if info.team_id else [])
    config, secrets = configs.without_secrets(info.kind, info.config)
    return Integration(
        name=info.name,
        kind=info.kind,
        service=info.service,
        key=info.key if secret else None,
        url=f"{settings.TOCSIN.public_url}/ingest/{info.kind}/{info.key}" if secret else None,
        severity_map=dict(info.severity_map),
        enabled=info.enabled,
        created_at=info.created_at,
        last_event_at=info.last_event_at,
        silent_after=duration_text(info.silent_after),
        silent_since=info.silent_since,
        old_key_until=info.old_key_until,
        old_key_used_at=info.old_key_used_at,
        config=config if secret else None,
        secrets=secrets if secret else [],
        from_file=info.from_file,
    )


@router.get("", response=Integrations)
def list_integrations(request: ApiRequest, filters: Query[IntegrationFilter]) -> Any:
    rows = queries.integrations(search=filters.search, service=filters.service)
    page = sliced(rows, lambda one: one.name, filters)
    items = [shown(one, request.actor) for one in page.items]
    return Integrations(items=items, next_cursor=page.next_cursor)


@router.post("", response={201: Integration})
def create_integration(request: ApiRequest, body: IntegrationIn) -> Status[Integration]:
    forms.check_free("integration", body.name, queries.integration)
    made = actions.save_integration(actor=request.actor, spec=body.spec(), now=request.now)
    return Status(201, shown(made, request.actor))


@router.get("/{name}", response=Integration)
def read_integration(request: ApiRequest, name: str) -> Integration:
    return shown(found(queries.integration(name), "integration", name), request.actor)


@router.put("/{name}", response=Integration)
def replace_integration(request: ApiRequest, name: str, body: IntegrationIn) -> Integration:
    """All of it, except that an absent `key` is kept; a new `name` renames it."""
    spec, there = body.spec(), queries.integration(name)
    if there is not None and there.kind == spec.kind and spec.config is not None:
        spec = replace(spec, config=configs.with_secrets(spec.kind, there.config, spec.config))
    saved = actions.save_integration(actor=request.actor, spec=spec, rename_from=name, now=request.now)
    return shown(saved, request.actor)


@router.delete("/{name}", response={204: None})
def delete_integration(request: ApiRequest, name: str) -> Status[None]:
    actions.delete_integration(actor=request.actor, name=name, now=request.now)
    return Status(204, None)


@router.post("/{name}/rotate-key", response=Integration)
def rotate_key(request: ApiRequest, name: str, body: KeyRotation | None = None) -> Integration:
    """A new key at once; the old one opens the door for `keep_for` longer, by default for a day."""
    keep = duration(body.keep_for, "keep_for") if body else None
    keep = actions.OLD_KEY_KEPT if keep is None else keep
    made = actions.rotate_key(actor=request.actor, name=name, now=request.now, keep_for=keep)
    return shown(made, request.actor)


@router.post("/{name}/end-old-key", response=Integration)
def end_old_key(request: ApiRequest, name: str) -> Integration:
    """The old key is refused from now on; nothing happens where there is none."""
    return shown(actions.end_old_key(actor=request.actor, name=name, now=request.now), request.actor)


@router.post("/{name}/test", response={202: Sent})
def send_test_event(request: ApiRequest, name: str) -> Status[Sent]:
    """As if the tool had sent an event."""
    event_id = actions.send_test_event(actor=request.actor, name=name, now=request.now)
    return Status(202, Sent(event_id=event_id))


@router.get("/{name}/events", response=Events)
def list_events(request: ApiRequest, name: str, limit: Query[int] = 20) -> Any:  # noqa: ARG001 - ninja's
    """The newest events that came in, with those that were set aside and why."""
    info = found(queries.integration(name), "integration", name)
    rows: tuple[EventInfo, ...] = queries.recent_events(info.id, limit=max(1, min(limit, 200)))
    return {"items": rows, "next_cursor": None}
