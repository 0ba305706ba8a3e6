from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Slice(Generic[T]):
    """Part of a list; `next_cursor` is where the rest begins, None at the end."""

    items: tuple[T, ...]
    next_cursor: str | None


@dataclass(frozen=True)
class AuditInfo:
    id: int
    at: datetime
    actor_kind: str
    actor_id: int | None
    actor_label: str
    action: str
    target_kind: str
    target_id: str
    target_label: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class AuditFilter:
    """`action` may end in `*`; `by` is an actor's label, in part; `until` is exclusive."""

    action: str = ""
    target_kind: str = ""
    target_id: str = ""
    by: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Answered:
    """The answer that was given to an earlier request with the same idempotency key."""

    digest: str
    status: int
    body: Any
