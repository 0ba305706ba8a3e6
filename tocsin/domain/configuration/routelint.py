"""Routes that are allowed but probably not meant: never reached, or sending where nobody would look."""

from collections.abc import Iterator

from tocsin.domain.configuration.model import Organisation
from tocsin.domain.routing import Op, Route, default_service


def doubtful_routes(organisation: Organisation) -> Iterator[tuple[str, str]]:
    """Where, below `routes`, and what is doubtful."""
    yield from _below(organisation, organisation.routes, "")


def _below(organisation: Organisation, route: Route, path: str) -> Iterator[tuple[str, str]]:
    services = organisation.names.of_team(route.team or "")
    if route.team and len(services) > 1 and route.team not in services:
        chosen = default_service(route.team, services)
        yield (
            path,
            f"team {route.team!r} has {len(services)} services; the first by name is taken: {chosen!r}",
        )
    if route.group_by is None and (route.group_within or route.group_limit) and not route.routes:
        yield (
            path,
            '`group_within` and `group_limit` are about groups: say `group_by` too, such as `["*"]`',
        )
    told = False
    for number, below in enumerate(route.routes):
        here = f"{path}.routes[{number}]"
        shadow = next(
            (n for n, earlier in enumerate(route.routes[:number]) if _takes_all_of(earlier, below)), None
        )
        if not below.conditional and not below.continue_ and number < len(route.routes) - 1 and not told:
            told = True
            yield here, "matches everything: the routes after it are never tried"
        elif shadow is not None and route.routes[shadow].conditional:
            yield here, f"is never reached: routes[{shadow}] takes everything that it asks for"
        yield from _below(organisation, below, here)


def _takes_all_of(earlier: Route, later: Route) -> bool:
    """Whether nothing that `later` asks for gets past `earlier`. Sure where it says yes."""
    if earlier.continue_ or earlier.condition is not None or earlier.during or earlier.outside:
        return False
    asked = set(later.matchers)
    values = {one.name: one.values for one in later.matchers if one.values}
    return all(
        one in asked or (one.op in {Op.EQUAL, Op.MATCHES} and _covers(one.values, values.get(one.name, ())))
        for one in earlier.matchers
    )


def _covers(wide: tuple[str, ...], narrow: tuple[str, ...]) -> bool:
    return bool(narrow) and set(narrow) <= set(wide)
