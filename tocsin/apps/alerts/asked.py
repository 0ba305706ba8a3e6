"""Alerts of one integration, found by what a vendor's query language can say of them."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from django.db.models import Q, QuerySet

from tocsin.apps.alerts.models import Alert
from tocsin.apps.alerts.queries import info_of
from tocsin.apps.alerts.types import AlertInfo
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.permissions import Actor, Permission, require


@dataclass(frozen=True)
class Term:
    """One of `values` must hold; `field` "" looks into all texts. `op` is one of : < > <= >=."""

    field: str
    op: str
    values: tuple[str, ...]
    negated: bool = False


def found(
    *, actor: Actor, integration: str, terms: Iterable[Term], order: str = "-pk", offset: int = 0, limit: int
) -> tuple[AlertInfo, ...]:
    """Raises Invalid for a field that is unknown."""
    rows = _rows(actor, integration, terms).order_by(order, "-pk")
    return tuple(info_of(row) for row in rows[offset : offset + limit])


def count(*, actor: Actor, integration: str, terms: Iterable[Term]) -> int:
    return _rows(actor, integration, terms).count()


def one(*, actor: Actor, integration: str, identifier: str, by: str) -> AlertInfo | None:
    """By `id`, `tiny` or `alias`; of those with one alias the newest."""
    field = "alias" if by == "alias" else "id"
    return next(
        iter(found(actor=actor, integration=integration, terms=(Term(field, ":", (identifier,)),), limit=1)),
        None,
    )


def _rows(actor: Actor, integration: str, terms: Iterable[Term]) -> QuerySet[Alert, Alert]:
    require(actor, Permission.READ)
    rows = Alert.objects.filter(integration__name=integration).select_related("integration", "service")
    for term in terms:
        wanted = Q(pk__in=())
        for value in term.values:
            wanted |= _wanted(term, value.replace("\0", ""))
        rows = rows.filter(~wanted if term.negated else wanted)
    return rows


def _wanted(term: Term, value: str) -> Q:
    name = term.field.lower()
    if name in _TIMES:
        return _timed(name, term.op, value)
    if name.startswith("details."):
        return Q(labels__contains={term.field[len("details.") :]: value})
    make = _FIELDS.get(name)
    if make is None:
        known = ", ".join(sorted(each for each in (*_FIELDS, *_TIMES) if each))
        raise Invalid(FieldError("query", f"there is no field “{term.field[:60]}”; expected one of: {known}"))
    return make(value)


def _like(column: str) -> Callable[[str], Q]:
    """`*` stands for anything."""

    def make(value: str) -> Q:
        if "*" not in value:
            return Q(**{f"{column}__icontains": value})
        pattern = ".*".join(re.escape(part) for part in value.split("*"))
        return Q(**{f"{column}__iregex": f"^{pattern}$"})

    return make


def _alias(value: str) -> Q:
    return _like("dedup_key")(value) if "*" in value else Q(dedup_key=value)


def _id(value: str) -> Q:
    # Longer ones are no number that the table could hold.
    return Q(pk=int(value)) if re.fullmatch(r"[0-9]{1,18}", value) else Q(pk__in=())


def _status(value: str) -> Q:
    return Q(status="firing" if value.lower() == "open" else "resolved" if value.lower() == "closed" else "")


def _label(name: str) -> Callable[[str], Q]:
    return lambda value: Q(**{f"labels__{name}__icontains": value})


def _anywhere(value: str) -> Q:
    columns = ("summary", "dedup_key", "source", "annotations__description")
    wanted = Q(labels__has_key=f"tag.{value}")
    for column in columns:
        wanted |= _like(column)(value)
    return wanted


def _timed(name: str, op: str, value: str) -> Q:
    """Milliseconds since 1970, as the vendor has them."""
    try:
        moment = datetime.fromtimestamp(int(value) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        raise Invalid(FieldError("query", f"{name}: expected milliseconds since 1970")) from None
    how = {"<": "lt", ">": "gt", "<=": "lte", ">=": "gte"}.get(op, "exact")
    return Q(**{f"{_TIMES[name]}__{how}": moment})


_TIMES: Final[Mapping[str, str]] = {
    "createdat": "first_seen_at",
    "lastoccurredat": "last_seen_at",
    "updatedat": "last_seen_at",
}
_FIELDS: Final[Mapping[str, Callable[[str], Q]]] = {
    "": _anywhere,
    "status": _status,
    "alias": _alias,
    "id": _id,
    "tinyid": _id,
    "message": _like("summary"),
    "description": _like("annotations__description"),
    "source": _like("source"),
    "priority": lambda value: Q(labels__priority=value.upper()),
    "entity": lambda value: Q(labels__entity=value),
    "tag": lambda value: Q(labels__has_key=f"tag.{value}"),
    "tags": lambda value: Q(labels__has_key=f"tag.{value}"),
    "responders": _label("responders"),
    "teams": _label("responders"),
    "incident": lambda value: Q(incident=value) & ~Q(incident=""),
}
