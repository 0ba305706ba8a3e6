"""The routing tree between the value and the form in which it is stored (that of the configuration files)."""

from collections.abc import Mapping
from typing import Any

from tocsin.domain.routing import Route, parse_matcher
from tocsin.domain.severity import Severity, Urgency


def route_of(form: Mapping[str, Any]) -> Route:
    """Raises ValueError."""
    group_by = form.get("group_by")
    return Route(
        matchers=tuple(parse_matcher(text) for text in form.get("match") or ()),
        service=form.get("service"),
        severity=Severity(form["severity"]) if form.get("severity") else None,
        urgency=Urgency(form["urgency"]) if form.get("urgency") else None,
        group_by=None if group_by is None else tuple(group_by),
        continue_=bool(form.get("continue")),
        routes=tuple(route_of(below) for below in form.get("routes") or ()),
    )


def form_of(route: Route) -> dict[str, Any]:
    form: dict[str, Any] = {
        "match": [str(matcher) for matcher in route.matchers],
        "service": route.service,
        "severity": route.severity,
        "urgency": route.urgency,
        "group_by": None if route.group_by is None else list(route.group_by),
        "continue": route.continue_,
        "routes": [form_of(below) for below in route.routes],
    }
    return {
        name: value for name, value in form.items() if value or (name == "group_by" and value is not None)
    }
