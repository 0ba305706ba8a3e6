"""Who reads the page: the signed-in person, as the product knows them."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest

from tocsin.apps.identity import queries as identity
from tocsin.domain.permissions import Actor, Permission, can


@dataclass(frozen=True)
class Reader:
    actor: Actor
    email: str
    name: str
    timezone: str  # "" where the profile says nothing but UTC: the browser's own zone is used

    @property
    def may(self) -> dict[str, bool]:
        """What the role grants, for showing or hiding buttons; the actions check again."""
        return {permission.value: can(self.actor, permission) for permission in Permission}


def reader(request: HttpRequest) -> Reader | None:
    """The signed-in person, read once per request; None for a stranger."""
    known: Reader | None = getattr(request, "_reader", None)
    if known is None and request.user.is_authenticated:
        known = _load(request.user.pk)
        request._reader = known  # type: ignore[attr-defined]  # noqa: SLF001  # a cache for this request
    return known


def _load(user_id: int) -> Reader | None:
    found = identity.person_by_id(user_id)
    if found is None:
        return None
    return Reader(
        actor=identity.actor_for(found.id),
        email=found.email,
        name=found.name or found.email,
        timezone="" if found.timezone == "UTC" else found.timezone,
    )


def zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
