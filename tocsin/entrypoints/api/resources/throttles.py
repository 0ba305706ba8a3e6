"""Throttles: how much a contact, and a vendor, is given in a while."""

from datetime import timedelta
from typing import Any

from ninja import Field, Router, Schema

from tocsin.apps.notify import actions, queries
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.notification.throttle import Limit, Scope
from tocsin.domain.time import format_duration
from tocsin.entrypoints.api.context import ApiRequest
from tocsin.entrypoints.api.shapes import In, duration

router = Router()


class Throttle(Schema):
    """At most `most` messages within `within` over `via`: to one contact, or in all (`per` vendor). `most` 0:
    no limit. `shipped`: nobody has changed it.
    """

    via: str
    per: Scope
    most: int
    within: str
    shipped: bool
    from_file: bool


class Throttles(Schema):
    items: list[Throttle]


class LimitIn(In):
    most: int = Field(ge=1)
    within: str = Field(description="Such as 15m")


class ThrottleIn(In):
    via: str
    per: Scope
    limits: list[LimitIn] | None = Field(description="Empty: no limit. null: those shipped")


@router.get("", response=Throttles)
def list_throttles(request: ApiRequest) -> Any:  # noqa: ARG001 - ninja's
    """All that hold. They delay repeats; the first page of an incident never waits for a contact's."""
    return _shown()


@router.put("", response=Throttles)
def replace_throttles(request: ApiRequest, body: ThrottleIn) -> Any:
    """Those of one channel, per contact or per vendor."""
    limits = None
    if body.limits is not None:
        limits = [
            Limit(limit.most, _within(limit.within, f"limits.{number}.within"))
            for number, limit in enumerate(body.limits)
        ]
    actions.set_throttles(
        actor=request.actor, via=body.via, scope=str(body.per), limits=limits, now=request.now
    )
    return _shown()


def _within(text: str, field: str) -> timedelta:
    found = duration(text, field)
    if found is None:
        raise Invalid(FieldError(field, "Expected a duration such as 15m."))
    return found


def _shown() -> dict[str, Any]:
    return {
        "items": [
            {
                "via": one.via,
                "per": one.scope,
                "most": one.most,
                "within": format_duration(one.within),
                "shipped": one.shipped,
                "from_file": one.from_file,
            }
            for one in queries.throttles()
        ]
    }
