"""Messages as their channels need them, read from the rows of `sql/jobs.sql`."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection

from tocsin.apps.notify import sql
from tocsin.apps.notify.types import Job
from tocsin.domain.escalation.codec import load
from tocsin.domain.notification.model import MessageKind, Subject
from tocsin.domain.severity import Urgency


def read(ids: Sequence[int]) -> list[Job]:
    """Whatever their states. Raises for one that cannot be read."""
    with connection.cursor() as cursor:
        cursor.execute(sql.JOBS, {"ids": list(ids)})
        return [job_of(row) for row in cursor.fetchall()]


def job_of(row: tuple[Any, ...]) -> Job:
    subject = load(unpacked(row[13]), Subject)
    return Job(
        id=row[0],
        page_id=row[1],
        call_out_id=row[2],
        incident_id=row[3],
        key=row[4],
        method_id=row[5],
        via=row[6],
        address=row[7],
        config={str(k): str(v) for k, v in unpacked(row[8]).items()},
        email=row[9],
        name=row[10],
        kind=MessageKind(row[11]),
        urgency=Urgency(row[12]),
        severity=subject.severity,
        subject=subject,
        reason=row[14],
        headline=row[15],
        attempts=row[16],
        hurry=row[17],
        wanted_at=row[18],
        started_at=row[19],
        more=unpacked(row[20] or {}),
        person=row[21],
        generation=row[22],
        carries=row[23],
        avoid=tuple(row[24] or ()),
        rank=row[25],
    )


def unpacked(value: Any) -> Mapping[str, Any]:
    # Django leaves JSON to its own fields: a bare cursor gives text.
    found: Mapping[str, Any] = json.loads(value) if isinstance(value, str) else value
    return found
