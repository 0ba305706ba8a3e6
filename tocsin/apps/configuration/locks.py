"""Which rows files own: read-only on the pages until they are released."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Concat

from tocsin.apps.alerts.models import Silence, SuppressionRules
from tocsin.apps.catalog.models import Service
from tocsin.apps.configuration.quieting import KINDS
from tocsin.apps.escalation.models import LastResort, Policy, SeverityRow
from tocsin.apps.identity.models import Team, User, UserState
from tocsin.apps.integrations.models import Heartbeat, Integration, RouteTree
from tocsin.apps.notify.models import NotificationRule, Throttle
from tocsin.apps.oncall.models import Rotation, Schedule

# By top-level key: the table, and the column that holds the name ("" where the whole table is one object).
_TABLES: Final[Mapping[str, tuple[Any, str]]] = {
    "users": (User, "email"),
    "teams": (Team, "name"),
    "services": (Service, "name"),
    "integrations": (Integration, "name"),
    "heartbeats": (Heartbeat, "path"),
    "silences": (Silence, "name"),
    "maintenance": (Silence, "name"),
    "rotations": (Rotation, "name"),
    "schedules": (Schedule, "name"),
    "escalation_policies": (Policy, "name"),
    "severities": (SeverityRow, "name"),
    "routes": (RouteTree, ""),
    "tables": (RouteTree, ""),  # one row with the routes: both are a file's, or neither
    "notification_rules": (NotificationRule, ""),
    "throttles": (Throttle, ""),
    "inhibitions": (SuppressionRules, ""),
    "storm": (SuppressionRules, ""),  # one row with the inhibitions
    "last_resort": (LastResort, ""),
}
UNLOCKABLE: Final = frozenset(_TABLES)


def owned() -> frozenset[tuple[str, str]]:
    """What is the files' now, by kind and name; with people whom a file invited and who have not come yet."""
    found: set[tuple[str, str]] = set()
    for kind, (_, column) in _TABLES.items():
        rows = _rows(kind).filter(from_file=True)
        if kind == "users":
            rows = _rows(kind).filter(Q(from_file=True) | Q(state=UserState.INVITED))
        if column:
            found.update((kind, str(name)) for name in rows.values_list(column, flat=True))
        elif rows.exists():
            found.add((kind, ""))
    return frozenset(found)


def whole(kind: str) -> bool:
    """Whether all of this kind is one object, which has no name."""
    return not _TABLES[kind][1]


def release(kind: str, name: str) -> bool:
    """Make it editable on the pages; whether there is such a thing."""
    return _set(kind, [name], from_file=False) > 0


def take(kind: str, names: Iterable[str]) -> int:
    """Make these the files'; how many were not before."""
    return _set(kind, list(names), from_file=True)


def _rows(kind: str) -> QuerySet[Any]:
    rows: QuerySet[Any] = _TABLES[kind][0].objects.all()
    if kind in KINDS:
        rows = rows.filter(kind=KINDS[kind], ended_at=None)
    elif kind == "heartbeats":
        rows = rows.annotate(path=Concat("integration__name", Value("/"), "name"))
    return rows


def _set(kind: str, names: list[str], *, from_file: bool) -> int:
    model, column = _TABLES[kind]
    rows = _rows(kind)
    if column:
        rows = rows.filter(**{f"{column}__in": names})
    elif model is NotificationRule:
        rows = rows.filter(user=None)
    if from_file:
        rows = rows.filter(from_file=False)
    return int(rows.update(from_file=from_file))
