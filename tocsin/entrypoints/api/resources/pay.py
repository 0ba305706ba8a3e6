"""Time on call by class, for payroll: as JSON, or as CSV with one row for each person."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal

from django.http import HttpResponse
from ninja import Field, Path, Query, Router, Schema, Status

from tocsin.apps.oncall import actions, queries
from tocsin.apps.oncall.types import CorrectionInfo, PayReport, PayRow
from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.schedule.hours import Kind
from tocsin.domain.time import parse_zone
from tocsin.entrypoints.api.context import ApiRequest
from tocsin.entrypoints.api.shapes import FIRST_YEAR, LAST_YEAR, Email, Id, In, Text
from tocsin.lib.csvfile import written

router = Router()

_WIDEST: Final = timedelta(days=400)
COLUMNS: Final = (
    "email",
    "name",
    "from",
    "until",
    "timezone",
    *(f"{kind}_minutes" for kind in Kind),
    *(f"{kind}_correction_minutes" for kind in Kind),
    "total_minutes",
    "call_outs",
)


class Hours(Schema):
    """Minutes by class."""

    weekday: int
    night: int
    weekend: int
    holiday: int


class PayLine(Schema):
    """`total_min` is all of `computed` and `corrected`."""

    email: str
    name: str
    timezone: str
    computed: Hours
    corrected: Hours
    total_min: int
    call_outs: int


class Correction(Schema):
    """One that was withdrawn stays here and counts for nothing."""

    id: int
    email: str
    day: date
    kind: Kind
    minutes: int
    reason: str
    created_at: datetime
    created_by: str
    withdrawn_at: datetime | None
    withdrawn_by: str


class Pay(Schema):
    since: date = Field(alias="from")
    until: date
    items: list[PayLine]
    corrections: list[Correction]


class PayFilter(Schema):
    since: date = Field(alias="from", description="The first day")
    until: date = Field(description="The day after the last one")
    zone: str | None = Field(None, description="Whose clock cuts days and classes; without: each person's")
    email: str | None = None
    team: str | None = None
    schedule: str | None = None
    format: Literal["json", "csv"] = "json"

    def check(self) -> None:
        for name, day in (("from", self.since), ("until", self.until)):
            if not FIRST_YEAR <= day.year <= LAST_YEAR:
                raise Invalid(FieldError(name, f"expected a day between {FIRST_YEAR} and {LAST_YEAR}"))
        if not self.since < self.until <= self.since + _WIDEST:
            raise Invalid(FieldError("until", f"expected a day after `from`, at most {_WIDEST.days} later"))
        try:
            parse_zone(self.zone or "UTC")
        except ValueError as error:
            raise Invalid(FieldError("zone", str(error))) from None


class CorrectionIn(In):
    email: Email
    day: date
    kind: Kind
    minutes: int = Field(ge=-100_000, le=100_000, description="Negative: so many fewer")
    reason: Text


@router.get("", response=Pay, by_alias=True)
def read_pay(request: ApiRequest, filters: Query[PayFilter]) -> Any:
    """One's own hours, and those of whom one leads or manages. `format=csv` gives a file."""
    filters.check()
    report = queries.pay(
        start=filters.since,
        end=filters.until,
        zone=filters.zone,
        email=filters.email,
        team=filters.team,
        schedule=filters.schedule,
        actor=request.actor,
    )
    if filters.format == "csv":
        return _file(report)
    return {
        "from": report.start,
        "until": report.end,
        "items": [_line(row) for row in report.rows],
        "corrections": report.corrections,
    }


@router.post("/corrections", response={201: Correction})
def add_correction(request: ApiRequest, body: CorrectionIn) -> Status[CorrectionInfo]:
    """For the manager of their team, and whoever manages people."""
    made = actions.add_correction(actor=request.actor, now=request.now, **body.dict())
    return Status(201, made)


@router.delete("/corrections/{correction_id}", response=Correction)
def withdraw_correction(request: ApiRequest, correction_id: Path[Id]) -> CorrectionInfo:
    """It stays in the list, and counts for nothing."""
    return actions.withdraw_correction(actor=request.actor, correction_id=correction_id, now=request.now)


def _line(row: PayRow) -> PayLine:
    computed, corrected = (
        Hours(**{kind.value: minutes[kind] for kind in Kind}) for minutes in (row.computed, row.corrected)
    )
    return PayLine(
        email=row.email,
        name=row.name,
        timezone=row.zone,
        computed=computed,
        corrected=corrected,
        total_min=row.total_min,
        call_outs=row.call_outs,
    )


def _file(report: PayReport) -> HttpResponse:
    """RFC 4180, in UTF-8."""
    rows: list[Sequence[object]] = [COLUMNS]
    for row in report.rows:
        minutes = [several[kind] for several in (row.computed, row.corrected) for kind in Kind]
        who = (row.email, row.name, report.start, report.end, row.zone)
        rows.append((*who, *minutes, row.total_min, row.call_outs))
    response = HttpResponse(written(rows), content_type="text/csv; charset=utf-8")
    name = f"on-call-{report.start}-{report.end}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
