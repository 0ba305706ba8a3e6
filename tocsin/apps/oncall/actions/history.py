"""Whom paging really took from a schedule: written as it happens, and never changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tocsin.apps.oncall.models import ShiftUse

_LONGEST_REASON = 512


@dataclass(frozen=True)
class Use:
    """As `UseInfo`, before it is stored."""

    at: datetime
    schedule: str
    which: str
    role: str
    email: str
    reason: str
    incident_id: int
    call_out_id: int | None
    step: int | None
    urgency: str


def record_uses(*, uses: Sequence[Use]) -> None:
    """In the transaction that calls these people, for all of them at once."""
    ShiftUse.objects.bulk_create(
        ShiftUse(
            at=use.at,
            schedule=use.schedule,
            which=use.which,
            role=use.role,
            email=use.email,
            reason=use.reason[:_LONGEST_REASON],
            incident_id=use.incident_id,
            call_out_id=use.call_out_id,
            step=use.step,
            urgency=use.urgency,
        )
        for use in uses
    )
