"""Silences and maintenance windows: the same thing twice, the one for an alert's labels, the other for work
on services.
"""

from datetime import datetime, timedelta
from typing import Annotated, Any

from ninja import Field, Path, Query, Router, Schema, Status

from tocsin.apps.alerts import actions, silenced
from tocsin.apps.alerts.types import SilenceFilter, SilenceInfo, SilenceSpec
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.suppression import SilenceKind
from tocsin.domain.time import format_duration, parse_duration
from tocsin.entrypoints.api.context import ApiRequest
from tocsin.entrypoints.api.shapes import In, Instant, Listed

silences, maintenance = Router(), Router()
Uid = Path[Annotated[str, Field(max_length=64)]]


class SilenceTime(Schema):
    start: datetime
    end: datetime


class Silence(Schema):
    """`starts_at` and `ends_at` are of the first time; `current` is the time that is open or next. `holding`
    counts the alerts that it holds now.
    """

    id: str
    kind: str
    name: str
    matchers: list[str]
    services: list[str]
    starts_at: datetime
    ends_at: datetime
    rrule: str
    zone: str
    comment: str
    author: str
    created_at: datetime
    changed_at: datetime
    ended_at: datetime | None
    notice: str | None
    from_file: bool
    state: str
    current: SilenceTime | None
    later: list[SilenceTime]
    holding: int


class Silences(Schema):
    items: list[Silence]
    next_cursor: str | None


class SilencesAsked(Listed):
    state: str = Field("", pattern="^(|active|scheduled|expired|all)$", description="Without: not expired")
    search: str = Field("", max_length=200)
    service: str = Field("", max_length=128)


class SilenceIn(In):
    matchers: list[str] = Field(default_factory=list, max_length=50, examples=[['instance="db1"']])
    services: list[str] = Field(default_factory=list, max_length=200, description="Without: every service")
    starts_at: Instant | None = Field(None, description="Without: now")
    ends_at: Instant
    rrule: str = Field("", max_length=255, examples=["FREQ=WEEKLY;BYDAY=SU"])
    zone: str = Field("UTC", max_length=64)
    comment: str = Field("", max_length=4000)
    notice: str = Field("", max_length=40, description="The author hears so long before it ends: 30m")


class SilencePreviewed(Schema):
    """What it would hit: of the alerts that fire now, and of those of the last 24 hours."""

    now: int
    firing: int
    incidents: list[str]
    alerts: list[int]
    last_day: int
    of_last_day: int
    times: list[SilenceTime]
    warnings: list[str]


def _shown(info: SilenceInfo) -> dict[str, Any]:
    fields = {name: getattr(info, name) for name in Silence.model_fields if hasattr(info, name)}
    times = [{"start": start, "end": end} for start, end in info.later]
    current = {"start": info.current[0], "end": info.current[1]} if info.current else None
    notice = format_duration(info.notice) if info.notice else None
    return {**fields, "id": info.uid, "current": current, "later": times, "notice": notice}


def _spec(given: SilenceIn, kind: SilenceKind, now: datetime, uid: str = "") -> SilenceSpec:
    return SilenceSpec(
        matchers=tuple(given.matchers),
        starts_at=given.starts_at or now,
        ends_at=given.ends_at,
        comment=given.comment,
        kind=kind,
        services=tuple(given.services),
        rrule=given.rrule,
        zone=given.zone,
        notice=_duration("notice", given.notice) if given.notice else None,
        uid=uid,
    )


def _duration(field: str, text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise Invalid(FieldError(field, str(error))) from None


def _wire(router: Router, kind: SilenceKind, words: str) -> None:
    """The same endpoints for each kind, told apart in the description by `words`."""
    name = str(kind)

    def listed(request: ApiRequest, filters: Query[SilencesAsked]) -> Any:
        given = SilenceFilter(name, filters.state, filters.search, filters.service)
        found = silenced.silences(
            actor=request.actor,
            now=request.now,
            filters=given,
            cursor=filters.cursor,
            limit=filters.limit,
        )
        return {"items": [_shown(each) for each in found.items], "next_cursor": found.next_cursor}

    def made(request: ApiRequest, body: SilenceIn) -> Any:
        now = request.now
        info = actions.save_silence(actor=request.actor, spec=_spec(body, kind, now), now=now)
        return Status(201, _shown(info))

    def previewed(request: ApiRequest, body: SilenceIn) -> Any:
        now = request.now
        found = silenced.preview(actor=request.actor, spec=_spec(body, kind, now), now=now)
        times = [{"start": start, "end": end} for start, end in found.times]
        fields = {name: getattr(found, name) for name in SilencePreviewed.model_fields}
        return {**fields, "alerts": [each.id for each in found.alerts], "times": times}

    def shown(request: ApiRequest, uid: Uid) -> Any:
        return _shown(silenced.silence(uid, actor=request.actor, now=request.now))

    def changed(request: ApiRequest, body: SilenceIn, uid: Uid) -> Any:
        now = request.now
        spec = _spec(body, kind, now, uid)
        if body.starts_at is None:
            before = silenced.silence(uid, actor=request.actor, now=now)
            spec = _spec(body.model_copy(update={"starts_at": before.starts_at}), kind, now, uid)
        return _shown(actions.save_silence(actor=request.actor, spec=spec, now=now))

    def expired(request: ApiRequest, uid: Uid) -> Any:
        return _shown(actions.expire_silence(actor=request.actor, uid=uid, now=request.now))

    for method, path, response, view, summary in (
        ("GET", "", Silences, listed, f"List {words}"),
        ("POST", "", {201: Silence}, made, f"Make one of the {words}"),
        ("POST", "/preview", SilencePreviewed, previewed, f"What one of the {words} would hit"),
        ("GET", "/{uid}", Silence, shown, f"Show one of the {words}"),
        ("PUT", "/{uid}", Silence, changed, f"Change one of the {words}; one that ended is made anew"),
        ("POST", "/{uid}/expire", Silence, expired, f"End one of the {words} now"),
    ):
        router.add_api_operation(
            path,
            [method],
            view,
            response=response,
            summary=summary,
            operation_id=f"{view.__name__}_{name}",
        )


_wire(silences, SilenceKind.SILENCE, "silences")
_wire(maintenance, SilenceKind.MAINTENANCE, "maintenance windows")
