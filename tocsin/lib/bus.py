"""News between apps: published inside a transaction, heard synchronously in it.

A handler that fails fails the publisher's transaction: what follows from an event is as durable as the event.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

E = TypeVar("E")

_handlers: dict[type[Any], list[Callable[[Any], None]]] = defaultdict(list)


def subscribe(kind: type[E], handler: Callable[[E], None]) -> None:
    """Register once; a second registration of the same handler changes nothing."""
    if handler not in _handlers[kind]:
        _handlers[kind].append(handler)


def publish(event: object) -> None:
    for handler in tuple(_handlers.get(type(event), ())):
        handler(event)


def subscribers(kind: type[Any]) -> tuple[Callable[[Any], None], ...]:
    return tuple(_handlers.get(kind, ()))


@contextmanager
def listening(kind: type[E], handler: Callable[[E], None]) -> Iterator[None]:
    """Hear `kind` inside the block only; for tests and rehearsals."""
    _handlers[kind].append(handler)
    try:
        yield
    finally:
        _handlers[kind].remove(handler)
