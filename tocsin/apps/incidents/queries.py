import re
from collections.abc import Iterable
from typing import Final

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from tocsin.apps.alerts import queries as alerts
from tocsin.apps.alerts.types import AlertInfo
from tocsin.apps.audit.queries import id_of_cursor
from tocsin.apps.audit.types import Slice
from tocsin.apps.escalation import queries as escalation
from tocsin.apps.escalation.types import CallOutInfo
from tocsin.apps.identity import queries as identity
from tocsin.apps.incidents.models import Incident, IncidentAlert, TimelineEntry
from tocsin.apps.incidents.types import Counts, IncidentDetail, IncidentRow, TimelineInfo
from tocsin.apps.notify import queries as notify
from tocsin.apps.notify.models import Page
from tocsin.apps.notify.types import PageInfo
from tocsin.domain.errors import FieldError, Invalid, NotFound
from tocsin.domain.escalation.model import CallOutKind
from tocsin.domain.lifecycle import MOVES, OPEN, Status
from tocsin.domain.notification.model import MessageKind
from tocsin.domain.permissions import Actor, Permission, require
from tocsin.domain.severity import Severity, Urgency

_REF: Final = re.compile(r"(?:INC-)?(\d{1,15})", re.IGNORECASE)
_CALLS: Final = (MessageKind.PAGE, MessageKind.STAKEHOLDER)
_SHOWN_ALERTS: Final = 200
_NAMED: Final = 3


def incidents(
    *,
    actor: Actor,
    status: str | None = None,
    severity: str | None = None,
    service: str | None = None,
    team: str | None = None,
    assigned: str | None = None,
    search: str = "",
    cursor: str | None = None,
    limit: int = 50,
) -> Slice[IncidentRow]:
    """The newest first. `status` is one of the lifecycle's, or open, triggered or acknowledged. Raises
    Invalid.
    """
    require(actor, Permission.READ)
    rows = _with_status(_rows(), status)
    if severity:
        rows = rows.filter(severity=severity.upper())
    if service:
        rows = rows.filter(service__name=service)
    if team:
        rows = rows.filter(service__team__name=team)
    if assigned:
        calling = Page.objects.filter(
            incident_id=OuterRef("pk"), user__email=assigned.lower(), kind=MessageKind.PAGE, ended_at=None
        )
        rows = rows.filter(
            Q(acknowledged_by__email=assigned.lower()) | Q(acknowledged_at=None) & Exists(calling)
        )
    if search:
        found = _REF.fullmatch(search.strip())
        named = Q(number=int(found[1])) if found else Q()
        rows = rows.filter(named | Q(title__icontains=search) | Q(service__name__icontains=search))
    if cursor:
        rows = rows.filter(id__lt=id_of_cursor(cursor))
    found_rows = [_row_of(row) for row in rows.order_by("-id")[: limit + 1]]
    return Slice(
        tuple(found_rows[:limit]), str(found_rows[limit - 1].id) if len(found_rows) > limit else None
    )


def row(ref: str, *, actor: Actor) -> IncidentRow:
    """Raises NotFound."""
    require(actor, Permission.READ)
    return _row_of(_found(_rows(), ref))


def rows_of(ids: Iterable[int]) -> tuple[IncidentRow, ...]:
    """In this order; those that are gone are left out. For callers that have checked who asks."""
    wanted = list(ids)
    found = {each.pk: _row_of(each) for each in _rows().filter(pk__in=wanted)}
    return tuple(found[number] for number in wanted if number in found)


def incident(ref: str, *, actor: Actor) -> IncidentDetail:
    """With everything that happened to it. Raises NotFound."""
    require(actor, Permission.READ)
    related = ("declared_by", "resolved_by", "commander", "merged_into", "follows")
    found = _found(_rows().select_related(*related), ref)
    pages = tuple(notify.pages_of_incident(found.pk))
    plain, call_outs = _row_of(found), tuple(escalation.call_outs(found.pk))
    return IncidentDetail(
        **vars(plain),
        summary=found.summary,
        initial_severity=Severity(found.initial_severity),
        peak_severity=Severity(found.peak_severity),
        opened_by=found.opened_by,
        declared_by=found.declared_by.email if found.declared_by else None,
        started_at=found.started_at,
        detected_at=found.detected_at,
        first_acknowledged_at=found.first_acknowledged_at,
        mitigated_at=found.mitigated_at,
        resolved_how=found.resolved_how,
        resolved_by=found.resolved_by.email if found.resolved_by else None,
        closed_at=found.closed_at,
        held_until=found.held_until,
        reopen_count=found.reopen_count,
        commander=found.commander.email if found.commander else None,
        merged_into=found.merged_into.ref if found.merged_into else None,
        follows=found.follows.ref if found.follows else None,
        timeline=_timeline(found.pk),
        alerts=_alerts(found.pk),
        pages=pages,
        call_outs=call_outs,
        assigned=_assigned(plain, pages),
        responders=_responders(plain, call_outs),
        allowed=tuple(MOVES[plain.status]),
        my_role=_role(actor, pages),
        noted=_noted(actor, call_outs) if plain.is_open else "",
    )


def counts() -> Counts:
    is_open = Q(status__in=OPEN)
    found = Incident.objects.aggregate(
        open=Count("pk", filter=is_open),
        triggered=Count("pk", filter=is_open & Q(acknowledged_at=None)),
        total=Count("pk"),
    )
    return Counts(found["open"], found["triggered"], found["open"] - found["triggered"], found["total"])


def id_of(ref: str) -> int:
    """Raises NotFound."""
    return _found(Incident.objects.only("pk"), ref).pk


def refs(ids: Iterable[int]) -> dict[int, str]:
    """What these incidents are called, by id."""
    return {found.pk: found.ref for found in Incident.objects.filter(pk__in=set(ids)).only("number")}


def _with_status(rows: QuerySet[Incident, Incident], status: str | None) -> QuerySet[Incident, Incident]:
    if not status or status == "all":
        return rows
    if status == "open":
        return rows.filter(status__in=OPEN)
    if status in {"triggered", "acknowledged"}:
        return rows.filter(status__in=OPEN, acknowledged_at__isnull=status == "triggered")
    if status not in set(Status):
        known = ", ".join(["open", "triggered", "acknowledged", *Status])
        raise Invalid(FieldError("status", f"expected one of: {known}"))
    return rows.filter(status=status)


def _rows() -> QuerySet[Incident, Incident]:
    related = ("service", "service__team", "acknowledged_by")
    return Incident.objects.select_related(*related).annotate(alert_count=Count("alert_links"))


def _found(rows: QuerySet[Incident, Incident], ref: str) -> Incident:
    number = _REF.fullmatch(ref)
    found = rows.filter(number=int(number[1])).first() if number else None
    if found is None:
        raise NotFound("incident", ref)
    return found


def _row_of(found: Incident) -> IncidentRow:
    return IncidentRow(
        id=found.pk,
        ref=found.ref,
        title=found.title,
        status=Status(found.status),
        severity=Severity(found.severity),
        urgency=Urgency(found.urgency),
        service=found.service.name,
        team=found.service.team.name if found.service.team else None,
        declared_at=found.declared_at,
        acknowledged_at=found.acknowledged_at,
        acknowledged_by=found.acknowledged_by.email if found.acknowledged_by else None,
        resolved_at=found.resolved_at,
        snoozed_until=found.snoozed_until,
        alert_count=getattr(found, "alert_count", 0),
        version=found.version,
    )


def _timeline(incident_id: int) -> tuple[TimelineInfo, ...]:
    return tuple(
        TimelineInfo(
            entry.pk,
            entry.occurred_at,
            entry.recorded_at,
            entry.kind,
            entry.actor_kind,
            entry.actor_label,
            entry.text,
            entry.data,
        )
        for entry in TimelineEntry.objects.filter(incident_id=incident_id)
    )


def _alerts(incident_id: int) -> tuple[AlertInfo, ...]:
    links = IncidentAlert.objects.filter(incident_id=incident_id).order_by("id")
    links = links.select_related("alert__integration", "alert__service")
    links = links.prefetch_related("alert__decisions")
    return tuple(alerts.info_of(link.alert, decisions=True) for link in links[:_SHOWN_ALERTS])


def _assigned(found: IncidentRow, pages: tuple[PageInfo, ...]) -> tuple[str, ...]:
    """Who has it; while nobody has, who is being called."""
    if found.acknowledged_by:
        return (found.acknowledged_by,)
    if found.acknowledged_at is not None or not found.is_open:
        return ()
    calling = [page.email for page in pages if page.kind is MessageKind.PAGE and page.ended_at is None]
    return tuple(dict.fromkeys(calling))


def _responders(found: IncidentRow, call_outs: Iterable[CallOutInfo]) -> tuple[str, ...]:
    helping = [each.acknowledged_by for each in call_outs if each.kind is CallOutKind.HELP]
    return tuple(dict.fromkeys(email for email in (found.acknowledged_by, *helping) if email))


def _role(actor: Actor, pages: tuple[PageInfo, ...]) -> str:
    kinds = {page.kind for page in pages if page.email == actor.email and page.kind in _CALLS}
    if MessageKind.PAGE in kinds:
        return "target"
    return "stakeholder" if kinds else "none"


def _noted(actor: Actor, call_outs: Iterable[CallOutInfo]) -> str:
    """What the actor's acknowledgement came to in a call-out that waits for those of others, too."""
    mine = next((each for each in call_outs if each.awaited and actor.email in each.acks), None)
    if mine is None:
        return ""
    names = [person.label for person in identity.people(emails=mine.awaited)] or ["somebody"]
    shown, more = names[:_NAMED], len(names) - _NAMED
    last = f"{more} more" if more > 0 else shown.pop()
    still = f"{', '.join(shown)} and {last} are" if shown else f"{last} is"
    count = f"{len(mine.acks)} of {len(mine.acks) + len(mine.awaited)}"
    return f"Noted: {count} have acknowledged; {still} still called."
