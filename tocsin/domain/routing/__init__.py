"""The routing tree: which service an alert belongs to, what is added to it on the way, and what the route
says about severity, urgency, identity and grouping.

Words as Alertmanager uses them. A **route** holds conditions (matchers, an expression, hours), settings and
further routes. An alert walks down from the root: what a route does not say it inherits from the one above,
and what a route adds to the alert is seen by those below; among the routes below, the first that matches
wins, unless it says `continue`, which lets the ones after it have their say too.
"""

from tocsin.domain.routing.enriching import FIXED
from tocsin.domain.routing.matching import Matcher, Op, parse_matcher
from tocsin.domain.routing.tree import (
    EMPTY,
    MAX_DEPTH,
    Extract,
    Flapping,
    Lookup,
    Route,
    Settings,
    Table,
    Tables,
)
from tocsin.domain.routing.walk import Names, Routed, Visit, decide, default_service

__all__ = [
    "EMPTY",
    "FIXED",
    "MAX_DEPTH",
    "Extract",
    "Flapping",
    "Lookup",
    "Matcher",
    "Names",
    "Op",
    "Route",
    "Routed",
    "Settings",
    "Table",
    "Tables",
    "Visit",
    "decide",
    "default_service",
    "parse_matcher",
]
