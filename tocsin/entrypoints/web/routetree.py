"""The routing tree as a page shows and changes it: a node at a time, by its path ("root", "1", "1.2")."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from tocsin.apps.integrations.forms import read_tree, route_form
from tocsin.domain.deciding import Around, Placement, decide
from tocsin.domain.errors import FieldError, Invalid, NotFound
from tocsin.domain.routing import Route, Visit
from tocsin.domain.simulation import Trigger

_MOST_DIGITS = 5
_MOST_BEGUN = 8  # matchers that a new route begins with


@dataclass(frozen=True)
class Node:
    """`says` are its settings, besides what must hold; `visit` is there once something was tried."""

    path: str
    label: str
    says: tuple[tuple[str, str], ...]
    children: "tuple[Node, ...]"
    visit: Visit | None = None


_CONDITIONS = frozenset({"match", "if", "during", "outside", "routes"})


def drawn(route: Route, visits: Mapping[str, Visit], path: str = "root") -> Node:
    form = route_form(route)
    says = tuple((key, _short(value)) for key, value in form.items() if key not in _CONDITIONS)
    children = tuple(
        drawn(below, visits, below_path(path, number)) for number, below in enumerate(route.routes)
    )
    label = route.label if route.conditional else ("everything" if path == "root" else "everything else")
    return Node(path, label.strip("{}"), says, children, visits.get(path))


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else yaml.safe_dump(value, default_flow_style=True, width=10_000)
    return text.strip().removesuffix("...").strip()[:160]


def below_path(path: str, number: int) -> str:
    return str(number + 1) if path == "root" else f"{path}.{number + 1}"


def steps_of(path: str) -> list[int]:
    """Raises NotFound."""
    if path == "root":
        return []
    parts = path.split(".")
    if not all(
        part.isascii() and part.isdecimal() and len(part) <= _MOST_DIGITS and int(part) for part in parts
    ):
        raise NotFound("route", path)
    return [int(part) - 1 for part in parts]


def node_at(tree: Route, path: str) -> Route:
    """Raises NotFound."""
    for step in steps_of(path):
        if step >= len(tree.routes):
            raise NotFound("route", path)
        tree = tree.routes[step]
    return tree


def text_of(route: Route) -> str:
    """One node alone, as YAML."""
    form = {key: value for key, value in route_form(route).items() if key != "routes"}
    return yaml.safe_dump(form, sort_keys=False, allow_unicode=True, width=100) if form else ""


def text_for(labels: Mapping[str, str]) -> str:
    """The beginning of a route that takes what has these labels: by its name, or else by all of them."""
    named = {"alertname": labels["alertname"]} if labels.get("alertname") else labels
    first = sorted(named.items())[:_MOST_BEGUN]
    match = [f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in first]
    return yaml.safe_dump({"match": match}, allow_unicode=True, width=100) + "service: "


def whole_text(tree: Route) -> str:
    form = route_form(tree)
    return yaml.safe_dump(form, sort_keys=False, allow_unicode=True, width=100) if form else ""


def read_text(text: str) -> Route:
    """Raises Invalid, with the line of YAML that cannot be read, or the field."""
    try:
        form = yaml.safe_load(text) or {}
    except (yaml.YAMLError, RecursionError) as error:
        raise Invalid(FieldError("text", f"This is not YAML: {str(error)[:300]}")) from None
    if not isinstance(form, dict | list):
        raise Invalid(FieldError("text", "Expected lines such as “service: checkout”."))
    return read_tree(form)


def changed(tree: Route, path: str, change: Callable[[Route], Route]) -> Route:
    steps = steps_of(path)
    node_at(tree, path)
    return _changed(tree, steps, change)


def _changed(route: Route, steps: list[int], change: Callable[[Route], Route]) -> Route:
    if not steps:
        return change(route)
    routes = list(route.routes)
    routes[steps[0]] = _changed(routes[steps[0]], steps[1:], change)
    return replace(route, routes=tuple(routes))


def added(tree: Route, path: str, node: Route) -> Route:
    """As the last below `path`, but before one that takes everything else."""

    def change(parent: Route) -> Route:
        routes = list(parent.routes)
        end = len(routes) - 1 if routes and not routes[-1].conditional else len(routes)
        return replace(parent, routes=(*routes[:end], node, *routes[end:]))

    return changed(tree, path, change)


def removed(tree: Route, path: str) -> Route:
    return _siblings(tree, path, lambda routes, number: [*routes[:number], *routes[number + 1 :]])


def moved(tree: Route, path: str, by: int) -> Route:
    """One place up (-1) or down (1) among its siblings."""

    def change(routes: list[Route], number: int) -> list[Route]:
        other = number + by
        if 0 <= other < len(routes):
            routes[number], routes[other] = routes[other], routes[number]
        return routes

    return _siblings(tree, path, change)


def _siblings(tree: Route, path: str, change: Callable[[list[Route], int], list[Route]]) -> Route:
    steps = steps_of(path)
    if not steps:
        raise Invalid(FieldError("path", "The root stays where it is."))
    node_at(tree, path)
    return _changed(
        tree, steps[:-1], lambda one: replace(one, routes=tuple(change(list(one.routes), steps[-1])))
    )


@dataclass(frozen=True)
class Difference:
    """Recent events of one name that the draft would treat otherwise, all in the same way; `event` is the
    newest of them, `what` each thing that differs.
    """

    event: Trigger
    what: tuple[str, ...]
    times: int = 1


def differences(
    events: tuple[Trigger, ...], ways: Mapping[str, Any], now_: Around[Any], draft: Around[Any]
) -> tuple[Difference, ...]:
    """Each event decided by both trees, at the time at which it came."""
    found: dict[tuple[str, str, tuple[str, ...]], Difference] = {}
    for event in events:
        way = ways.get(event.integration)
        if way is None:
            continue
        old, new = (decide(event.signal, way, one, event.at) for one in (now_, draft))
        what = _what(old, new)
        if not what:
            continue
        name = event.signal.labels.get("alertname") or event.signal.summary or event.dedup_key
        key = (event.integration, name, what)
        one = found.get(key, Difference(event, what, 0))
        found[key] = replace(one, times=one.times + 1)
    return tuple(found.values())


def _what(old: Sequence[Placement[Any]], new: Sequence[Placement[Any]]) -> tuple[str, ...]:
    """Where both have one way, field by field; what `continue` sends several ways, as a whole."""
    if len(old) != 1 or len(new) != 1:
        both = [
            "; ".join(", ".join(filter(None, _said(one).values())) for one in side) for side in (old, new)
        ]
        return (f"{both[0]} → {both[1]}",) if both[0] != both[1] else ()
    before, after = _said(old[0]), _said(new[0])
    return tuple(
        f"{name} {before[name] or 'none'} → {after[name] or 'none'}"
        for name in before
        if before[name] != after[name]
    )


def _said(one: Placement[Any]) -> dict[str, str]:
    return {
        "service": one.service.name,
        "severity": str(one.severity or "opens nothing"),
        "urgency": str(one.urgency),
        "grouping": next((reason for stage, _, reason in one.reasons if stage == "group"), one.group_key)[
            :120
        ],
        "dedup key": one.dedup_key,
        "runbook": one.runbook,
    }


_WHERE = re.compile(r"((?:routes\[\d+\]\.?)+)")


def said(error: Exception) -> str:
    """An error of the tree, with the number that the route has on the page."""

    def number(found: re.Match[str]) -> str:
        return f"Route {'.'.join(str(int(each) + 1) for each in re.findall(r'[0-9]+', found[0]))}, "

    return _WHERE.sub(number, str(error))
