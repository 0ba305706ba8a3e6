"""One module for each resource. A handler parses, asks for ONE action or query, and renders."""

from ninja import Router

from tocsin.entrypoints.api.resources import (
    alerts,
    audit,
    integrations,
    me,
    rotations,
    schedules,
    services,
    stream,
    teams,
    tokens,
    users,
)

# Each with its prefix and its tag.
ROUTERS: tuple[tuple[str, Router, str], ...] = (
    ("/alerts", alerts.router, "alerts"),
    ("/services", services.router, "services"),
    ("/integrations", integrations.router, "integrations"),
    ("/schedules", schedules.router, "schedules"),
    ("/rotations", rotations.router, "schedules"),
    ("/oncall", schedules.oncall, "schedules"),
    ("/me", me.router, "me"),
    ("/users", users.router, "users"),
    ("/teams", teams.router, "teams"),
    ("/tokens", tokens.router, "tokens"),
    ("/audit", audit.router, "audit"),
    ("/stream", stream.router, "stream"),
)
