from datetime import datetime
from typing import Any

from ninja import Query, Router, Schema

from tocsin.apps.audit import queries
from tocsin.apps.audit.types import AuditFilter, AuditInfo, Slice
from tocsin.entrypoints.api.context import ApiRequest
from tocsin.entrypoints.api.shapes import Instant, Listed

router = Router()


class Entry(Schema):
    id: int
    at: datetime
    actor_kind: str
    actor_id: int | None
    actor_label: str
    action: str
    target_kind: str
    target_id: str
    target_label: str
    data: dict[str, Any]


class Entries(Schema):
    items: list[Entry]
    next_cursor: str | None


class EntryFilter(Listed):
    action: str = ""
    target_kind: str = ""
    target_id: str = ""
    by: str = ""
    since: Instant | None = None
    until: Instant | None = None


@router.get("", response=Entries)
def list_audit(request: ApiRequest, filters: Query[EntryFilter]) -> Slice[AuditInfo]:
    """Who did what, newest first. `action` may end in `*`."""
    asked = AuditFilter(**filters.dict(exclude={"cursor", "limit"}))
    return queries.entries(actor=request.actor, filters=asked, cursor=filters.cursor, limit=filters.limit)
