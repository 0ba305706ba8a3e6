"""Whoever made a silence hears before it ends, so that nobody is surprised by what is told then."""

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Q
from django.db.models.functions import Coalesce

from tocsin.apps.alerts.models import Hold, Silence
from tocsin.apps.alerts.suppressing import value_of
from tocsin.domain.suppression import Span, span_at
from tocsin.domain.time import format_duration
from tocsin.lib import bus
from tocsin.ports.events import DutyWord

BEFORE: Final = timedelta(minutes=30)  # where the silence does not say
_AT_ONCE: Final = 200
_LONGEST: Final = 120


def tell_authors(now: datetime) -> int:
    """Once for each time that a silence is open: `told_at` is written with the word. The number told."""
    rows = Silence.objects.filter(ended_at=None, starts_at__lte=now, created_by__isnull=False)
    begins = ExpressionWrapper(F("ends_at") - Coalesce(F("notice"), BEFORE), DateTimeField())
    once = Q(rrule="", told_at=None, begins__lte=now, ends_at__gt=now)
    found = rows.annotate(begins=begins).filter(once | ~Q(rrule=""))
    due = [row.pk for row in found if _is_due(row, now)][:_AT_ONCE]
    if not due:
        return 0
    with transaction.atomic():
        locked = Silence.objects.filter(pk__in=due, ended_at=None, created_by__isnull=False)
        locked = locked.select_for_update(no_key=True, skip_locked=True, of=("self",)).order_by("pk")
        return sum(_tell(row, now) for row in locked.select_related("created_by"))


def _is_due(row: Silence, now: datetime) -> Span | None:
    """The time that is open and of which nothing was said yet."""
    span = span_at(value_of(row).window, now)
    if span is None or (row.told_at is not None and row.told_at >= span.start):
        return None
    # One that is hardly longer than the notice itself needs none, unless it asks for one.
    if row.notice is None and span.end - span.start <= 2 * BEFORE:
        return None
    return span if now >= span.end - (row.notice or BEFORE) else None


def _tell(row: Silence, now: datetime) -> bool:
    span = _is_due(row, now)
    if span is None or row.created_by is None:
        return False
    title = (row.name or row.comment or ", ".join(row.matchers) or ", ".join(row.services))[:_LONGEST]
    holding = Hold.objects.filter(kind=row.kind, by=str(row.uid), ended_at=None).count()
    still = f"{holding} alert{'' if holding == 1 else 's'} that it holds still fire and are told then."
    lines = (still if holding else "It holds nothing just now.", f"{settings.TOCSIN.public_url}/silences/")
    left = format_duration(span.end - now)
    word = f"Your {row.kind} “{title}” ends in {left}"
    key = f"silence-ends:{row.uid}:{span.end.isoformat()}"
    bus.publish(DutyWord(row.created_by.email, word, lines, now, key, before=span.end))
    row.told_at = now
    row.save(update_fields=["told_at"])
    return True
