"""Silences and maintenance windows as they stand, and what one would hit."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet

from tocsin.apps.alerts import queries, suppressing
from tocsin.apps.alerts.models import Alert, Hold, Silence
from tocsin.apps.alerts.types import (
    HoldInfo,
    Planned,
    SilenceFilter,
    SilenceInfo,
    SilencePreview,
    SilenceSpec,
)
from tocsin.apps.audit.queries import id_of_cursor
from tocsin.apps.audit.types import Slice
from tocsin.apps.integrations import queries as integrations
from tocsin.domain.errors import FieldError, Invalid, NotFound
from tocsin.domain.permissions import Actor, Permission, require
from tocsin.domain.routing import Matcher, Op, parse_matcher
from tocsin.domain.suppression import Span, check_rule, following
from tocsin.domain.suppression.recurrence import Recurring
from tocsin.domain.time import zone_or_utc

TIMES: Final = 5  # that are shown ahead
_LOOKED_AT: Final = 20_000
_SHOWN: Final = 20
_MOST_PLANNED: Final = 500
_BROAD: Final = 0.5
_FEW: Final = 10
# What matchers see beside the labels (`domain.signal.facts`); no label in the table is asked for these.
_RESERVED: Final = frozenset({"integration", "kind", "dedup_key", "summary", "source", "severity"})


def read_uid(text: str) -> UUID:
    """Raises NotFound: what is no such id names nothing."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("silence", text[:64]) from None


def silences(
    *,
    actor: Actor,
    now: datetime,
    filters: SilenceFilter | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Slice[SilenceInfo]:
    """The newest first."""
    require(actor, Permission.READ)
    rows = _filtered(filters or SilenceFilter(), now).order_by("-id")
    if cursor:
        rows = rows.filter(id__lt=id_of_cursor(cursor))
    found = list(rows.select_related("created_by")[: limit + 1])
    held = _holding(found)
    infos = tuple(info_of(row, now, held.get(str(row.uid), 0)) for row in found[:limit])
    return Slice(infos, str(found[limit - 1].pk) if len(found) > limit else None)


def silence(uid: str, *, actor: Actor, now: datetime) -> SilenceInfo:
    """Raises NotFound."""
    require(actor, Permission.READ)
    row = Silence.objects.select_related("created_by").filter(uid=read_uid(uid)).first()
    if row is None:
        raise NotFound("silence", uid)
    return info_of(row, now, _holding([row]).get(str(row.uid), 0))


def holds_of(alert_ids: Iterable[int]) -> dict[int, tuple[HoldInfo, ...]]:
    """What holds each alert now, by its id."""
    found: dict[int, tuple[HoldInfo, ...]] = {}
    for row in Hold.objects.filter(alert_id__in=list(alert_ids), ended_at=None).order_by("id"):
        info = HoldInfo(row.kind, row.by, row.text, row.since, row.until, row.ends)
        found[row.alert_id] = (*found.get(row.alert_id, ()), info)
    return found


def info_of(row: Silence, now: datetime, holding: int = 0) -> SilenceInfo:
    over = row.ended_at is not None
    times = [] if over else following(suppressing.value_of(row).window, now, TIMES)
    spans = tuple((span.start, span.end) for span in times)
    state = "expired" if not times else "active" if times[0].holds(now) else "scheduled"
    return SilenceInfo(
        uid=str(row.uid),
        kind=row.kind,
        name=row.name,
        matchers=tuple(row.matchers),
        services=tuple(row.services),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        rrule=row.rrule,
        zone=row.zone,
        comment=row.comment,
        author=row.created_label,
        author_email=row.created_by.email if row.created_by else "",
        created_at=row.created_at,
        changed_at=row.changed_at or row.created_at,
        ended_at=row.ended_at,
        notice=row.notice,
        from_file=row.from_file,
        state=state,
        current=spans[0] if spans else None,
        later=spans[1:],
        holding=holding,
    )


def preview(*, actor: Actor, spec: SilenceSpec, now: datetime) -> SilencePreview:
    """Whatever its time is: what its matchers and services hit. Raises Invalid where they cannot be read."""
    require(actor, Permission.READ)
    matchers, span = _read(spec)
    times = following(span, now, TIMES)
    firing = Alert.objects.filter(status="firing", integration__canary=False)
    hit = _hit(firing, matchers, spec.services)
    recent = Alert.objects.filter(
        Q(status="firing") | Q(resolved_at__gte=now - timedelta(days=1)), integration__canary=False
    ).filter(last_seen_at__gte=now - timedelta(days=1))
    hit_lately = len(_hit(recent, matchers, spec.services))
    numbers = firing.count(), min(recent.count(), _LOOKED_AT)
    warnings = []
    if numbers[1] >= _FEW and hit_lately > _BROAD * numbers[1]:
        share = round(100 * hit_lately / numbers[1])
        warnings.append(f"It would have hit {share} % of all alerts of the last 24 hours. Is that meant?")
    if not hit and not hit_lately:
        warnings.append("It hits nothing that fires now, and nothing that fired within the last 24 hours.")
    shown = Alert.objects.filter(pk__in=[row.pk for row in hit[:_SHOWN]])
    return SilencePreview(
        now=len(hit),
        firing=numbers[0],
        incidents=tuple(sorted({row.incident for row in hit if row.incident})[:_SHOWN]),
        alerts=tuple(queries.info_of(row) for row in shown.select_related("integration", "service")),
        last_day=hit_lately,
        of_last_day=numbers[1],
        times=tuple((one.start, one.end) for one in times),
        warnings=tuple(warnings),
    )


def narrowed(
    rows: QuerySet[Alert, Alert], matchers: Iterable[Matcher], services: Sequence[str]
) -> QuerySet[Alert, Alert]:
    """Fewer rows, and all that they may hit among them."""
    for matcher in matchers:
        if matcher.op is Op.EQUAL and matcher.value and matcher.name not in _RESERVED:
            rows = rows.filter(labels__contains={matcher.name: matcher.value})
        elif matcher.op is Op.EQUAL and matcher.name == "integration":
            rows = rows.filter(integration__name=matcher.value)
    if services:
        rows = rows.filter(service__name__in=services)
    return rows


def _read(spec: SilenceSpec) -> tuple[list[Matcher], Recurring]:
    try:
        matchers = [parse_matcher(text.replace("\0", "")) for text in spec.matchers]
    except ValueError as error:
        raise Invalid(FieldError("matchers", str(error))) from None
    zone, first = zone_or_utc(spec.zone), Span(spec.starts_at, spec.ends_at)
    rule = ""
    if spec.rrule.strip():
        try:
            rule = check_rule(spec.rrule, first, zone)
        except ValueError as error:
            raise Invalid(FieldError("rrule", str(error))) from None
    return matchers, Recurring(first, rule, zone)


def _hit(rows: QuerySet[Alert, Alert], matchers: list[Matcher], services: Sequence[str]) -> list[Alert]:
    ways = {each.id: each for each in integrations.integrations()}
    found = []
    some = narrowed(rows, matchers, services).select_related("service").order_by("-id")[:_LOOKED_AT]
    for row in some.iterator(2000):
        facts = suppressing.facts_of(row, ways[row.integration_id], ())
        if all(matcher.matches(facts.labels) for matcher in matchers):
            found.append(row)
    return found


def planned(*, actor: Actor, now: datetime, ahead: timedelta) -> tuple[Planned, ...]:
    """Each time that maintenance is open from now on and begins within that time, in order."""
    require(actor, Permission.READ)
    rows = _filtered(SilenceFilter(kind="maintenance"), now).filter(starts_at__lt=now + ahead).order_by("id")
    found = [
        Planned(
            str(row.uid),
            row.name or row.comment,
            tuple(row.services),
            tuple(row.matchers),
            span.start,
            span.end,
            row.rrule,
            span.holds(now),
            row.from_file,
        )
        for row in rows[:_MOST_PLANNED]
        for span in following(suppressing.value_of(row).window, now, ahead.days + 1)
        if span.start < now + ahead
    ]
    return tuple(sorted(found, key=lambda one: (one.start, one.uid)))


def _holding(rows: Iterable[Silence]) -> Counter[str]:
    uids = [str(row.uid) for row in rows]
    counted = Hold.objects.filter(by__in=uids, ended_at=None).values_list("by").annotate(n=Count("pk"))
    return Counter(dict(counted))


def _filtered(given: SilenceFilter, now: datetime) -> QuerySet[Silence, Silence]:
    rows = Silence.objects.all()
    if given.kind:
        rows = rows.filter(kind=given.kind)
    if given.service:
        rows = rows.filter(services__contains=[given.service])
    if given.search:
        word = given.search.replace("\0", "")
        rows = rows.filter(
            Q(comment__icontains=word)
            | Q(name__icontains=word)
            | Q(created_label__icontains=word)
            | Q(matchers__icontains=word)
            | Q(services__icontains=word)
        )
    over = Q(ended_at__isnull=False) | Q(rrule="", ends_at__lte=now)
    if given.state == "expired":
        return rows.filter(over)
    if given.state == "active":
        # One that recurs counts as such from its first time on.
        return rows.exclude(over).filter(starts_at__lte=now)
    if given.state == "scheduled":
        return rows.exclude(over).filter(Q(starts_at__gt=now) | ~Q(rrule=""))
    if given.state == "all":
        return rows
    return rows.exclude(over)


def retire(now: datetime) -> int:
    """Those that are over by themselves need not be looked at any more."""
    return Silence.objects.filter(ended_at=None, rrule="", ends_at__lte=now).update(ended_at=F("ends_at"))
