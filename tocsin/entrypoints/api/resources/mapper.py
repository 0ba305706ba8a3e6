"""What an integration's mapper makes of a message."""

from datetime import datetime
from typing import Any

import msgspec
from ninja import Field, Router, Schema

from tocsin.apps.integrations import queries
from tocsin.apps.integrations.trying import TriedEvent, try_mapper
from tocsin.domain.signal import EventAction
from tocsin.entrypoints.api.context import ApiRequest
from tocsin.entrypoints.api.shapes import In, found

router = Router()


class MapperTest(In):
    mapper: dict[str, Any] | None = Field(None, description="Absent: the one that is at work")
    message: Any = Field(..., description="What the tool sends", examples=[{"id": "a", "title": "Disk full"}])
    headers: dict[str, str] = Field(default_factory=dict)


class MapperProblem(Schema):
    field: str
    message: str
    expression: str = ""


class MappedLink(Schema):
    href: str
    text: str


class MappedEvent(Schema):
    """`errors`: the event would be set aside. `problems`: it is taken without those fields."""

    action: EventAction | None
    dedup_key: str
    summary: str
    severity: str | None
    source: str
    group_key: str
    labels: dict[str, str]
    annotations: dict[str, str]
    links: list[MappedLink]
    started_at: datetime | None
    ended_at: datetime | None
    problems: list[MapperProblem]
    errors: list[MapperProblem]


class MapperTrial(Schema):
    """The first twenty of `total` events; `errors` is what the tool would be answered."""

    events: list[MappedEvent]
    total: int
    errors: list[MapperProblem]


def _shown(tried: TriedEvent) -> MappedEvent:
    signal = tried.signal
    return MappedEvent(
        action=signal.action if signal else None,
        dedup_key=signal.dedup_key if signal else "",
        summary=signal.summary if signal else "",
        severity=signal.severity if signal else None,
        source=signal.source if signal else "",
        group_key=signal.group_key if signal else "",
        labels=dict(signal.labels) if signal else {},
        annotations=dict(signal.annotations) if signal else {},
        links=[MappedLink(href=link.href, text=link.text) for link in signal.links] if signal else [],
        started_at=signal.started_at if signal else None,
        ended_at=signal.ended_at if signal else None,
        problems=[
            MapperProblem(field=each.field, message=each.text, expression=each.expression)
            for each in tried.problems
        ],
        errors=[MapperProblem(field=each.field, message=each.message) for each in tried.errors],
    )


@router.post("/{name}/mapper/test", response=MapperTrial)
def test_mapper(request: ApiRequest, name: str, body: MapperTest) -> MapperTrial:  # noqa: ARG001 - ninja's
    """Nothing is saved and nothing is sent."""
    info = found(queries.integration(name), "integration", name)
    message = msgspec.json.encode(body.message)
    trial = try_mapper(info.kind, info.config, mapper=body.mapper, body=message, headers=body.headers)
    errors = [MapperProblem(field=each.field, message=each.message) for each in trial.errors]
    return MapperTrial(events=[_shown(each) for each in trial.events], total=trial.total, errors=errors)
