"""One module for each resource. A handler parses, asks for ONE action or query, and renders."""

from ninja import Router

from tocsin.entrypoints.api.resources import audit, me, stream, teams, tokens, users

# Each with its prefix and its tag.
ROUTERS: tuple[tuple[str, Router, str], ...] = (
    ("/me", me.router, "me"),
    ("/users", users.router, "users"),
    ("/teams", teams.router, "teams"),
    ("/tokens", tokens.router, "tokens"),
    ("/audit", audit.router, "audit"),
    ("/stream", stream.router, "stream"),
)
