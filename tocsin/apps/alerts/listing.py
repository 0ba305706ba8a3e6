"""Alerts found by what they say: rows, how many, and which values a label has. Made for 100,000 open ones."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import DataError
from django.db.models import BooleanField, Count, Func, Q, QuerySet, TextField, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce

from tocsin.apps.alerts.models import Alert
from tocsin.apps.alerts.types import AlertCounts, AlertFilter, Facet
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.permissions import Actor, Permission, require
from tocsin.domain.routing import Matcher, Op, parse_matcher

STATES: Final = ("held", "flapping", "stale")
_LOOKED_AT: Final = 500  # of the newest, to learn which labels there are
_MOST_NAMES: Final = 40
_MOST_COUNTED: Final = 100_000  # past that a count is "more than"


@contextmanager
def readable() -> Iterator[None]:
    """PostgreSQL reads a few regular expressions otherwise than we do: what it refuses is Invalid."""
    try:
        yield
    except DataError as error:
        raise Invalid(FieldError("match", str(error).splitlines()[0])) from error


def filtered(given: AlertFilter) -> QuerySet[Alert, Alert]:
    """Raises Invalid for a matcher or a state that cannot be read."""
    rows = Alert.objects.filter(integration__canary=False)
    if given.status:
        rows = rows.filter(status=given.status)
    if given.integration:
        rows = rows.filter(integration__name=given.integration)
    if given.service:
        rows = rows.filter(service__name=given.service)
    if given.severity:
        rows = rows.filter(severity="" if given.severity == "none" else given.severity)
    if given.search:
        rows = rows.filter(Q(summary__icontains=given.search) | Q(dedup_key__icontains=given.search))
    if given.state:
        rows = _in_state(rows, given.state)
    name, _, value = given.label.partition("=")
    if name:
        rows = rows.filter(labels__contains={name: value})
    for text in given.match:
        rows = rows.filter(_matching(_read(text)))
    return rows


def counts(*, actor: Actor, filters: AlertFilter) -> AlertCounts:
    """How many of those that fire, whatever state was asked for."""
    require(actor, Permission.READ)
    rows = filtered(_but(filters, status="firing", state=""))
    with readable():
        found = rows.aggregate(
            firing=Count("pk"),
            held=Count("pk", filter=Q(held_since__isnull=False)),
            flapping=Count("pk", filter=Q(flapping=True)),
            stale=Count("pk", filter=Q(stale=True)),
        )
    return AlertCounts(**found)


def label_names(*, actor: Actor, filters: AlertFilter) -> tuple[str, ...]:
    """Of the newest of them: the names of their labels, the commonest first."""
    require(actor, Permission.READ)
    seen: dict[str, int] = {}
    with readable():
        for labels in filtered(filters).order_by("-id").values_list("labels", flat=True)[:_LOOKED_AT]:
            for name in labels:
                seen[name] = seen.get(name, 0) + 1
    return tuple(sorted(seen, key=lambda name: (-seen[name], name))[:_MOST_NAMES])


def facet(name: str, *, actor: Actor, filters: AlertFilter, limit: int = 12) -> Facet:
    """The values that the label `name` has among them, the commonest first; "" where it is absent."""
    require(actor, Permission.READ)
    value = Coalesce(Cast(KeyTextTransform(name, "labels"), TextField()), Value("", TextField()))
    rows = filtered(filters).order_by()[:_MOST_COUNTED].annotate(value=value)
    # Counted over a bounded part: the table of what is over grows without end.
    found = (
        Alert.objects.filter(pk__in=rows.values("pk"))
        .annotate(value=value)
        .order_by()
        .values_list("value")
        .annotate(number=Count("pk"))
        .order_by("-number", "value")
    )
    with readable():
        listed = list(found[: limit + 1])
    return Facet(name, tuple((value, number) for value, number in listed[:limit]), more=len(listed) > limit)


def _but(filters: AlertFilter, *, status: str, state: str) -> AlertFilter:
    return AlertFilter(
        status, filters.integration, filters.service, filters.severity, filters.label, filters.search,
        filters.match, state,
    )  # fmt: skip


def _in_state(rows: QuerySet[Alert, Alert], state: str) -> QuerySet[Alert, Alert]:
    if state == "held":
        return rows.filter(held_since__isnull=False)
    if state == "flapping":
        return rows.filter(flapping=True)
    if state == "stale":
        return rows.filter(stale=True)
    raise Invalid(FieldError("state", f"expected one of: {', '.join(STATES)}"))


def _read(text: str) -> Matcher:
    try:
        return parse_matcher(text)
    except ValueError as error:
        raise Invalid(FieldError("match", f"“{text[:80]}”: {error}")) from None


def _matching(matcher: Matcher) -> Q:
    """The database's answer to what `Matcher.matches` says of one alert: an absent label counts as empty."""
    name, value = matcher.name, matcher.value
    if matcher.op in {Op.EQUAL, Op.NOT_EQUAL}:
        same = Q(labels__contains={name: value})
        if not value:
            same |= ~Q(labels__has_key=name)
        return same if matcher.op is Op.EQUAL else ~same
    actual = Coalesce(Cast(KeyTextTransform(name, "labels"), TextField()), Value("", TextField()))
    hit = Q(Matches(actual, Value(f"^(?:{value})$", TextField())))
    return hit if matcher.op is Op.MATCHES else ~hit


class Matches(Func):
    """PostgreSQL's `~` on an expression."""

    template = "(%(expressions)s)"
    arg_joiner = " ~ "
    output_field = BooleanField()
