"""The delivery log: every message with what became of it, the picture of the queue, and how a person would
be told.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, Max, Min, Q, QuerySet

from tocsin.apps.audit.queries import id_of_cursor
from tocsin.apps.audit.types import Slice
from tocsin.apps.notify.directory import Directory, shown_address
from tocsin.apps.notify.models import Attempt, Notification, NotificationState, VendorState
from tocsin.apps.notify.types import AttemptInfo
from tocsin.domain.canary import VIA as CANARY
from tocsin.domain.errors import NotFound
from tocsin.domain.notification.model import MessageKind, Occasion, Planned, Rule
from tocsin.domain.notification.plan import plan
from tocsin.domain.permissions import Actor, Permission, require
from tocsin.domain.severity import Urgency

_WAITING: Final = (NotificationState.PLANNED, NotificationState.CLAIMED)
# Ended otherwise than anybody would wish, or on its way there: tried, and not gone.
_TROUBLE: Final = Q(state__in=(NotificationState.FAILED, NotificationState.SUPPRESSED)) | Q(
    state__in=_WAITING, attempts__gt=0
)
# What stands in these is a way in: the log names the message and keeps its words to itself.
_PRIVATE: Final = {MessageKind.CODE: "A code that verifies a contact method"}


@dataclass(frozen=True)
class DeliveryFilter:
    """ "" and None: all. `until` is exclusive. `problems`: only what failed, was never sent, or is being
    tried again.
    """

    person: str = ""
    via: str = ""
    state: str = ""
    vendor: str = ""
    kind: str = ""
    incident_id: int | None = None
    page_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    problems: bool = False


ALL: Final = DeliveryFilter()


@dataclass(frozen=True)
class DeliveryInfo:
    """One message. `shown`: its address as people may see it. `email` is "" for a chat room."""

    id: int
    page_id: int
    key: str
    email: str
    name: str
    kind: MessageKind
    urgency: Urgency
    occasion: Occasion
    incident_id: int | None
    ref: str
    service: str
    title: str
    why: str
    step: int | None
    via: str
    shown: str
    state: str
    reason: str
    hold: str
    receipt: str
    vendor: str
    vendor_ref: str
    attempts: int
    wanted_at: datetime
    due_at: datetime
    sent_at: datetime | None
    receipt_due_at: datetime | None
    carried_by: int | None
    end_reason: str
    carries: tuple[int, ...] = ()
    trail: tuple[AttemptInfo, ...] = ()

    @property
    def open(self) -> bool:
        """Whether something may still become of it: it waits, or its receipt is awaited."""
        return self.state in _WAITING or (
            self.state == NotificationState.SENT and self.receipt_due_at is not None
        )


@dataclass(frozen=True)
class QueueRow:
    """What of one channel waits. `held`: put off by a throttle or a vendor, the last of it `held_until`."""

    via: str
    due: int
    later: int
    held: int
    oldest: datetime | None
    held_until: datetime | None


@dataclass(frozen=True)
class Preview:
    """One message that a call would mean: `after` from its start; `problem` says why it cannot leave."""

    after: timedelta
    via: str
    shown: str
    problem: str
    reason: str
    counts: bool


def deliveries(
    *, actor: Actor, filters: DeliveryFilter = ALL, cursor: str | None = None, limit: int = 50
) -> Slice[DeliveryInfo]:
    """The newest first, without their trails."""
    require(actor, Permission.READ)
    rows = _filtered(filters)
    if cursor:
        rows = rows.filter(id__lt=id_of_cursor(cursor))
    found = list(rows[: limit + 1])
    shown = found[:limit]
    following = str(shown[-1].pk) if len(found) > limit else None
    return Slice(tuple(_info(row) for row in shown), following)


def delivery(delivery_id: int, *, actor: Actor) -> DeliveryInfo:
    """With its trail, and what it carries."""
    require(actor, Permission.READ)
    row = _rows().filter(pk=delivery_id).first()
    if row is None:
        raise NotFound("delivery", delivery_id)
    return _with_trails([row])[0]


def of_page(page_id: int, *, email: str, actor: Actor) -> tuple[DeliveryInfo, ...]:
    """What one page of this person came to, in the order in which its messages leave, with their trails."""
    require(actor, Permission.READ)
    rows = list(_rows().filter(page_id=page_id, page__user__email=email.lower()).order_by("wanted_at", "id"))
    if not rows:
        raise NotFound("page", page_id)
    return tuple(_with_trails(rows))


def queue(now: datetime) -> tuple[QueueRow, ...]:
    """What waits to leave, by channel."""
    due = Q(due_at__lte=now)
    held = ~Q(hold="") & Q(due_at__gt=now)
    rows = (
        Notification.objects.filter(state__in=_WAITING)
        .exclude(via=CANARY)
        .values("via")
        .annotate(
            due=Count("id", filter=due),
            later=Count("id", filter=~due),
            held=Count("id", filter=held),
            oldest=Min("due_at", filter=due),
            held_until=Max("due_at", filter=held),
        )
        .order_by("via")
    )
    return tuple(QueueRow(**row) for row in rows)


def known_vendors() -> tuple[str, ...]:
    """Those of whom anything was heard."""
    return tuple(VendorState.objects.order_by("vendor").values_list("vendor", flat=True))


def preview(
    email: str,
    urgency: Urgency,
    now: datetime,
    *,
    occasion: Occasion = Occasion.PAGE,
    rules: Iterable[Rule] | None = None,
) -> tuple[Preview, ...]:
    """What a call would mean by these rules (None: theirs as they are), quiet hours apart: the planner's own
    answer.
    """
    contact = Directory().contact(email)
    if contact is None or contact.left:
        return ()
    lines = plan(contact.methods, contact.rules if rules is None else rules, urgency, now, occasion=occasion)
    return tuple(_previewed(line, now) for line in lines)


def _previewed(line: Planned, now: datetime) -> Preview:
    method = line.method
    problem = "" if method else line.reason.rpartition("not sent: ")[2]
    shown = shown_address(method.type, method.address) if method else ""
    return Preview(line.due_at - now, line.via, shown, problem, line.reason, bool(method and method.counts))


def _rows() -> QuerySet[Notification, Notification]:
    return Notification.objects.exclude(via=CANARY).select_related("page__user").order_by("-id")


def _filtered(filters: DeliveryFilter) -> QuerySet[Notification, Notification]:
    rows = _rows()
    plain = {
        "page__user__email": filters.person.lower(),
        "via": filters.via,
        "state": filters.state,
        "vendor": filters.vendor,
        "page__kind": filters.kind,
        "page__incident_id": filters.incident_id,
        "page_id": filters.page_id,
        "wanted_at__gte": filters.since,
        "wanted_at__lt": filters.until,
    }
    rows = rows.filter(**{field: value for field, value in plain.items() if value not in {"", None}})
    return rows.filter(_TROUBLE) if filters.problems else rows


def _with_trails(rows: Sequence[Notification]) -> list[DeliveryInfo]:
    trails: dict[int, list[AttemptInfo]] = defaultdict(list)
    for attempt in Attempt.objects.filter(notification__in=rows).order_by("at", "id"):
        said = AttemptInfo(attempt.at, attempt.result, attempt.detail, attempt.vendor)
        trails[attempt.notification_id].append(said)
    carried: dict[int | None, list[int]] = defaultdict(list)
    pairs = Notification.objects.filter(carried_by__in=rows).order_by("id")
    for carrier, one in pairs.values_list("carried_by_id", "id"):
        carried[carrier].append(one)
    return [_info(row, carried[row.pk], trails[row.pk]) for row in rows]


def _info(row: Notification, carries: Iterable[int] = (), trail: Iterable[AttemptInfo] = ()) -> DeliveryInfo:
    page, kind = row.page, MessageKind(row.page.kind)
    title = page.headline or str(page.subject.get("title", ""))
    return DeliveryInfo(
        id=row.pk,
        page_id=page.pk,
        key=row.key,
        email=page.user.email if page.user else "",
        name=str(page.user) if page.user else "",
        kind=kind,
        urgency=Urgency(page.urgency),
        occasion=Occasion(page.occasion),
        incident_id=page.incident_id,
        ref=str(page.subject.get("ref", "")) if page.incident_id else "",
        service=str(page.subject.get("service", "")) if page.incident_id else "",
        title=_PRIVATE.get(kind, title),
        why=page.reason,
        step=page.step,
        via=row.via,
        shown=shown_address(row.via, row.address),
        state=row.state,
        reason=row.reason,
        hold=row.hold,
        receipt=row.receipt,
        vendor=row.vendor,
        vendor_ref=row.ref,
        attempts=row.attempts,
        wanted_at=row.wanted_at,
        due_at=row.due_at,
        sent_at=row.sent_at,
        receipt_due_at=row.receipt_due_at,
        carried_by=row.carried_by_id,
        end_reason=page.end_reason,
        carries=tuple(carries),
        trail=tuple(trail),
    )
