"""Every message, and what became of it."""

from datetime import datetime

from ninja import Path, Query, Router, Schema

from tocsin.apps.audit.types import Slice
from tocsin.apps.incidents import queries as incidents
from tocsin.apps.notify import deliveries
from tocsin.apps.notify.deliveries import DeliveryFilter, DeliveryInfo
from tocsin.domain.notification.model import MessageKind, Occasion
from tocsin.domain.severity import Urgency
from tocsin.entrypoints.api.context import ApiRequest
from tocsin.entrypoints.api.shapes import Id, Instant, Listed

router = Router()


class AttemptOut(Schema):
    at: datetime
    result: str
    detail: str
    vendor: str


class DeliveryRow(Schema):
    """`key` is the same on every attempt; `vendor_ref` is the vendor's own name for the message. `hold` says
    why it waits, `carried_by` which message says it, too. An address that is a key is shown by its end.
    """

    id: int
    page_id: int
    key: str
    user: str | None
    kind: MessageKind
    urgency: Urgency
    occasion: Occasion
    incident: str | None
    service: str
    title: str
    why: str
    via: str
    address: str
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
    carried_by: int | None

    @staticmethod
    def resolve_user(info: DeliveryInfo) -> str | None:
        return info.email or None

    @staticmethod
    def resolve_incident(info: DeliveryInfo) -> str | None:
        return info.ref or None

    @staticmethod
    def resolve_address(info: DeliveryInfo) -> str:
        return info.shown


class DeliveryOut(DeliveryRow):
    carries: list[int]
    trail: list[AttemptOut]


class DeliveryRows(Schema):
    items: list[DeliveryRow]
    next_cursor: str | None


class Asked(Listed):
    user: str = ""
    via: str = ""
    state: str = ""
    vendor: str = ""
    kind: str = ""
    incident: str = ""
    page_id: Id | None = None
    since: Instant | None = None
    until: Instant | None = None
    problems: bool = False


@router.get("", response=DeliveryRows)
def list_deliveries(request: ApiRequest, asked: Query[Asked]) -> Slice[DeliveryInfo]:
    """Newest first. `problems`: only what failed, was never sent, or is being tried again."""
    one = incidents.incident(asked.incident, actor=request.actor).id if asked.incident else None
    filters = DeliveryFilter(
        person=asked.user,
        incident_id=one,
        **asked.dict(include={"via", "state", "vendor", "kind", "page_id", "since", "until", "problems"}),
    )
    return deliveries.deliveries(actor=request.actor, filters=filters, cursor=asked.cursor, limit=asked.limit)


@router.get("/{delivery_id}", response=DeliveryOut)
def read_delivery(request: ApiRequest, delivery_id: Path[Id]) -> DeliveryInfo:
    """With every attempt, and what vendors said of it since."""
    return deliveries.delivery(delivery_id, actor=request.actor)
