"""How vendors do: heard with each message, and with each receipt that does not come."""

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connection
from django.db.models import F

from tocsin.apps.notify.models import Matter, VendorState
from tocsin.domain import canary

_IN_A_ROW: Final = 5
_FEW: Final = 3
_FEW_FOR: Final = timedelta(minutes=2)
_REMEMBERED: Final = timedelta(seconds=30)
_SEEN: Final = timedelta(seconds=2)
_LONGEST: Final = 512
# Written only when it had failed before, or when what is known is old.
_TOOK: Final = """
INSERT INTO notify_vendorstate (vendor, last_ok_at, last_error, failures)
VALUES (%(vendor)s, %(now)s, '', 0)
ON CONFLICT (vendor) DO UPDATE
SET last_ok_at = EXCLUDED.last_ok_at, failing_since = NULL, failures = 0, failures_from = NULL
WHERE notify_vendorstate.failures > 0 OR notify_vendorstate.failing_since IS NOT NULL
   OR notify_vendorstate.last_ok_at IS NULL OR notify_vendorstate.last_ok_at <= %(old)s
"""
# It is failing after `many` in a row, or when a `few` have failed since `since` and none was taken.
_REFUSED: Final = """
INSERT INTO notify_vendorstate (vendor, last_failed_at, last_error, failures, failures_from)
VALUES (%(vendor)s, %(now)s, %(detail)s, 1, %(now)s)
ON CONFLICT (vendor) DO UPDATE
SET last_failed_at = EXCLUDED.last_failed_at, last_error = EXCLUDED.last_error,
    failures = notify_vendorstate.failures + 1,
    failures_from = coalesce(notify_vendorstate.failures_from, EXCLUDED.failures_from),
    failing_since = coalesce(notify_vendorstate.failing_since, CASE
        WHEN notify_vendorstate.failures + 1 >= %(many)s
          OR (notify_vendorstate.failures + 1 >= %(few)s AND notify_vendorstate.failures_from <= %(since)s)
        THEN notify_vendorstate.failures_from END)
"""

_lock = threading.Lock()
_well: dict[str, datetime] = {}  # of this process: when it last found a vendor well


@dataclass(frozen=True)
class VendorInfo:
    """`failing_since` None: well, as far as is known."""

    vendor: str
    failing_since: datetime | None
    last_ok_at: datetime | None
    last_failed_at: datetime | None
    last_error: str
    failures: int  # one after the other, up to now
    told_at: datetime | None  # when the administrators were told


def heard(vendor: str, ok: bool, detail: str, now: datetime) -> None:  # noqa: FBT001 - as in a sentence
    """A vendor took a message, or failed one for reasons of its own. Cheap while all is well: something is
    written only when that is news, or half a minute old.
    """
    if vendor == canary.VIA or not vendor:
        return
    if ok:
        _took(vendor, now)
    else:
        _failed(vendor, detail, now)


def vendors() -> tuple[VendorInfo, ...]:
    """All that were ever heard of, those that fail first."""
    rows = VendorState.objects.order_by(F("failing_since").asc(nulls_last=True), "vendor")
    told = dict(Matter.objects.filter(since__isnull=False).values_list("name", "told_at"))
    return tuple(
        VendorInfo(
            row.vendor,
            row.failing_since,
            row.last_ok_at,
            row.last_failed_at,
            row.last_error,
            row.failures,
            told.get(matter_of(row.vendor)),
        )
        for row in rows
    )


def _took(vendor: str, now: datetime) -> None:
    with _lock:
        seen = _well.get(vendor)
        if seen is not None and timedelta(0) <= now - seen < _SEEN:
            return
        _well[vendor] = now
    with connection.cursor() as cursor:
        cursor.execute(_TOOK, {"vendor": vendor, "now": now, "old": now - _REMEMBERED})


def _failed(vendor: str, detail: str, now: datetime) -> None:
    with _lock:
        _well.pop(vendor, None)
    values: dict[str, str | int | datetime] = {
        "vendor": vendor,
        "now": now,
        "detail": detail.replace("\0", "")[:_LONGEST],
        "many": _IN_A_ROW,
        "few": _FEW,
        "since": now - _FEW_FOR,
    }
    with connection.cursor() as cursor:
        cursor.execute(_REFUSED, values)


def matter_of(vendor: str) -> str:
    """The name under which the administrators are told of it."""
    return f"vendor:{vendor}"
