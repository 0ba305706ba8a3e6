"""One module for each resource. A handler parses, asks for ONE action or query, and renders."""

from ninja import Router

from tocsin.entrypoints.api.resources import (
    alerts,
    audit,
    calendars,
    checks,
    configuration,
    contacts,
    duty,
    incidents,
    integrations,
    me,
    pay,
    policies,
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
    ("/incidents", incidents.router, "incidents"),
    ("/pages", incidents.pages, "incidents"),
    ("/alerts", alerts.router, "alerts"),
    ("/services", services.router, "services"),
    ("/integrations", integrations.router, "integrations"),
    ("/schedules", schedules.router, "schedules"),
    ("/schedules", checks.router, "schedules"),
    ("/rotations", rotations.router, "schedules"),
    ("/oncall", schedules.oncall, "schedules"),
    ("/oncall/pay", pay.router, "schedules"),
    ("/oncall/readiness", duty.router, "schedules"),
    ("/calendars", calendars.router, "schedules"),
    ("/feeds", calendars.feeds, "schedules"),
    ("/me", me.router, "me"),
    ("/escalation-policies", policies.router, "escalation policies"),
    ("/users", users.router, "users"),
    ("/users", contacts.router, "users"),
    ("/users", duty.notices, "users"),
    ("/teams", teams.router, "teams"),
    ("/configuration", configuration.router, "configuration"),
    ("/tokens", tokens.router, "tokens"),
    ("/audit", audit.router, "audit"),
    ("/stream", stream.router, "stream"),
)
