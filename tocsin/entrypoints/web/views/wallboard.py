"""What a team's screen shows: what is open and who has it, who is on call, whom the last hour woke."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tocsin.apps.catalog import queries as catalog
from tocsin.apps.escalation import queries as escalation
from tocsin.apps.escalation.types import CallOutInfo
from tocsin.apps.incidents import queries as incidents
from tocsin.apps.incidents.types import IncidentRow
from tocsin.apps.notify import deliveries
from tocsin.apps.notify import queries as notify
from tocsin.apps.notify.deliveries import DeliveryFilter, DeliveryInfo
from tocsin.apps.oncall import queries as oncall
from tocsin.apps.oncall.types import OnCallNow
from tocsin.domain.escalation.model import CallOutKind, CallOutStatus, Target, TargetKind
from tocsin.domain.notification.model import MessageKind
from tocsin.domain.permissions import Actor
from tocsin.entrypoints.web.views.oncall import parts_of
from tocsin.entrypoints.web.views.teams import boards_of, called_for

SHOWN: Final = 7  # what can be read from five metres
_OPEN_MOST: Final = 200
_BOARDS_MOST: Final = 8
_PAGES_MOST: Final = 8
_HOUR: Final = timedelta(hours=1)
_LOOKED_AT: Final = 100


@dataclass(frozen=True)
class WallIncident:
    """`calling`: e-mails of who is called now. `following`: who comes next, at `next_at`."""

    row: IncidentRow
    calling: tuple[str, ...] = ()
    following: str = ""
    next_at: datetime | None = None
    breached: bool = False
    exhausted: bool = False


@dataclass(frozen=True)
class Woken:
    """One page of the last hour; `reached`: some message of it left, or arrived."""

    at: datetime
    email: str
    name: str
    service: str
    title: str
    reached: bool


@dataclass(frozen=True)
class Board:
    at: datetime
    shown: tuple[WallIncident, ...]
    more: int
    triggered: int
    acknowledged: int
    on_call: tuple[OnCallNow, ...]
    more_on_call: int
    unreachable: frozenset[str]
    woken: tuple[Woken, ...]
    woken_count: int
    quiet_since: datetime | None


def board(*, actor: Actor, team: str, service: str, names: Mapping[str, str], at: datetime) -> Board:
    """`team` and `service` "": all."""
    opened = incidents.incidents(
        actor=actor, status="open", team=team or None, service=service or None, limit=_OPEN_MOST
    ).items
    ranked = sorted(opened, key=lambda row: (row.acknowledged_at is not None, row.severity, -row.id))
    watched = _boards(team, service, at)
    people = {shift.user for each in watched for shift in each.now if shift.user}
    reachable = notify.deliverable(people)
    woken = _woken(actor, team, service, at)
    waiting = sum(row.acknowledged_at is None for row in opened)
    return Board(
        at,
        tuple(_shown(row, names) for row in ranked[:SHOWN]),
        max(len(ranked) - SHOWN, 0),
        waiting,
        len(opened) - waiting,
        tuple(watched[:_BOARDS_MOST]),
        max(len(watched) - _BOARDS_MOST, 0),
        frozenset(email for email in people if not reachable.get(email, False)),
        woken[:_PAGES_MOST],
        len(woken),
        None if opened else _quiet_since(actor, team, service),
    )


def _shown(row: IncidentRow, names: Mapping[str, str]) -> WallIncident:
    if row.acknowledged_at is not None:
        return WallIncident(row)
    own = next((each for each in escalation.call_outs(row.id) if each.kind is CallOutKind.SERVICE), None)
    if own is None:
        return WallIncident(row)
    current = next((step for step in own.steps if step.state == "current"), None)
    calling = current.called if current is not None and current.called else own.targets
    following, next_at = _following(own, names)
    return WallIncident(row, calling, following, next_at, own.breached, own.status is CallOutStatus.EXHAUSTED)


def _following(own: CallOutInfo, names: Mapping[str, str]) -> tuple[str, datetime | None]:
    if own.status is not CallOutStatus.RUNNING:
        return "", None
    step = next((step for step in own.steps if step.state == "next"), None)
    if step is not None:
        return ", ".join(said(target, names) for target in step.targets), step.due_at
    again = own.due_at is not None and own.passing < own.passes
    return ("the ladder again", own.due_at) if again else ("", None)


def said(target: Target, names: Mapping[str, str]) -> str:
    if target.kind is TargetKind.USER:
        return names.get(target.name, target.name)
    if target.kind is TargetKind.OWNERS:
        return "the owners"
    if target.kind is TargetKind.WEBHOOK:
        return "a webhook"
    if target.kind is TargetKind.TEAM and target.who != "members":
        return f"{target.who} of {target.name}"
    return target.name


def _boards(team: str, service: str, at: datetime) -> Sequence[OnCallNow]:
    if service:
        found = catalog.service(service)
        called = called_for([found]) if found else frozenset()
        return oncall.now_board(at, sorted(called)) if called else ()
    if team:
        return boards_of(team, called_for(catalog.services(team=team)), at)
    every = oncall.schedules()
    hidden = parts_of(every)
    return oncall.now_board(at, [info.name for info in every if info.name not in hidden])


def _woken(actor: Actor, team: str, service: str, at: datetime) -> tuple[Woken, ...]:
    """The newest first; several messages of one page are one line."""
    found = deliveries.deliveries(
        actor=actor, filters=DeliveryFilter(kind=MessageKind.PAGE, since=at - _HOUR), limit=_LOOKED_AT
    ).items
    wanted = _services_of(team, service)
    pages: dict[int, list[DeliveryInfo]] = {}
    for one in found:
        if wanted is None or one.service in wanted:
            pages.setdefault(one.page_id, []).append(one)
    return tuple(
        Woken(
            min(each.wanted_at for each in messages),
            messages[0].email,
            messages[0].name,
            messages[0].service,
            messages[0].title,
            any(each.sent_at is not None for each in messages),
        )
        for messages in pages.values()
    )


def _services_of(team: str, service: str) -> Collection[str] | None:
    if service:
        return {service}
    return {each.name for each in catalog.services(team=team)} if team else None


def _quiet_since(actor: Actor, team: str, service: str) -> datetime | None:
    rows = incidents.incidents(actor=actor, team=team or None, service=service or None, limit=20).items
    return max((row.resolved_at for row in rows if row.resolved_at is not None), default=None)
