"""Who follows what: stakeholders get updates, not pages."""

from datetime import datetime
from typing import Any, Self

from ninja import Field, Query, Router, Schema
from pydantic import model_validator

from tocsin.apps.incidents import actions, following
from tocsin.apps.incidents.following import FollowInfo, Of
from tocsin.domain.severity import Severity
from tocsin.entrypoints.api.context import ApiRequest
from tocsin.entrypoints.api.shapes import Email, In, Listed, Name, sliced

incidents = Router()
services = Router()
me = Router()


class Follower(Schema):
    """`of`: incident, service or severity; `by`: who made them follow, "" for themselves."""

    email: str
    person: str
    of: str
    name: str
    since: datetime
    by: str


class Followers(Schema):
    items: list[Follower]
    next_cursor: str | None


class FollowIn(In):
    email: Email | None = Field(None, description="Absent: yourself")


class FollowWhat(In):
    """Exactly one of the three."""

    incident: Name | None = None
    service: Name | None = None
    severity: Severity | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(bool(name) for name in (self.incident, self.service, self.severity)) != 1:
            message = "give one of `incident`, `service` and `severity`"
            raise ValueError(message)
        return self

    def what(self) -> tuple[Of, str]:
        if self.incident:
            return Of.INCIDENT, self.incident
        return (Of.SERVICE, self.service) if self.service else (Of.SEVERITY, str(self.severity))


def _listed(rows: tuple[FollowInfo, ...], filters: Listed) -> Any:
    return sliced(rows, lambda row: f"{row.email} {row.of} {row.name}", filters)


def _all(rows: tuple[FollowInfo, ...]) -> Any:
    return {"items": rows, "next_cursor": None}


@incidents.get("/{ref}/followers", response=Followers)
def list_followers(request: ApiRequest, ref: str, filters: Query[Listed]) -> Any:
    """Who gets its updates, also by following its service or its severity."""
    return _listed(following.followers(Of.INCIDENT, ref, actor=request.actor), filters)


@incidents.post("/{ref}/followers", response=Followers)
def follow_incident(request: ApiRequest, ref: str, body: FollowIn) -> Any:
    """Get updates of it, and no more pages than before; for others, whoever edits what the team owns."""
    made = actions.follow(actor=request.actor, of=Of.INCIDENT, name=ref, email=body.email, now=request.now)
    return _all(made)


@incidents.delete("/{ref}/followers/{email}", response=Followers)
def unfollow_incident(request: ApiRequest, ref: str, email: str) -> Any:
    left = actions.unfollow(actor=request.actor, of=Of.INCIDENT, name=ref, email=email, now=request.now)
    return _all(left)


@services.get("/{name}/followers", response=Followers)
def list_service_followers(request: ApiRequest, name: str, filters: Query[Listed]) -> Any:
    """Who gets updates of all its incidents."""
    return _listed(following.followers(Of.SERVICE, name, actor=request.actor), filters)


@services.post("/{name}/followers", response=Followers)
def follow_service(request: ApiRequest, name: str, body: FollowIn) -> Any:
    """Get updates of all its incidents; for others, whoever edits what the team owns."""
    made = actions.follow(actor=request.actor, of=Of.SERVICE, name=name, email=body.email, now=request.now)
    return _all(made)


@services.delete("/{name}/followers/{email}", response=Followers)
def unfollow_service(request: ApiRequest, name: str, email: str) -> Any:
    left = actions.unfollow(actor=request.actor, of=Of.SERVICE, name=name, email=email, now=request.now)
    return _all(left)


@me.get("/following", response=Followers)
def list_following(request: ApiRequest, filters: Query[Listed]) -> Any:
    """What you get updates of. A program follows nothing."""
    return _listed(following.following(request.actor.email or "", actor=request.actor), filters)


@me.post("/following", response=Followers)
def follow(request: ApiRequest, body: FollowWhat) -> Any:
    """Follow an incident, a service, or everything of a severity."""
    of, name = body.what()
    actions.follow(actor=request.actor, of=of, name=name, now=request.now)
    return _all(following.following(request.actor.email or "", actor=request.actor))


@me.delete("/following/{of}/{name}", response=Followers)
def unfollow(request: ApiRequest, of: Of, name: str) -> Any:
    actions.unfollow(actor=request.actor, of=of, name=name, now=request.now)
    return _all(following.following(request.actor.email or "", actor=request.actor))
