"""What a mapper, or rules, would make of a message, before they are saved."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tocsin.domain.errors import FieldError, Invalid
from tocsin.domain.mapping.mapping import Problem
from tocsin.domain.mapping.model import form_of
from tocsin.domain.signal import Signal
from tocsin.ports import registry
from tocsin.ports.source import Asked, MappedSource, RuledSource

MOST_SHOWN = 20


@dataclass(frozen=True)
class TriedEvent:
    """`problems` leave out fields; for `errors` the event would be set aside, and there is no signal."""

    signal: Signal | None
    problems: tuple[Problem, ...] = ()
    errors: tuple[FieldError, ...] = ()


@dataclass(frozen=True)
class Trial:
    """`errors` are what the sender would be answered. `total` counts all events, of which the first stand
    here; those to be ignored are not among them.
    """

    events: tuple[TriedEvent, ...] = ()
    total: int = 0
    errors: tuple[FieldError, ...] = ()


def mapper_of(kind: str, config: Mapping[str, Any]) -> dict[str, Any] | None:
    """The mapper that is at work, as data; None for a kind that has none."""
    source = registry.bound(kind, config)
    return form_of(source.definition) if isinstance(source, MappedSource) else None


def try_mapper(
    kind: str,
    config: Mapping[str, Any],
    *,
    mapper: Mapping[str, Any] | None,
    body: bytes,
    headers: Mapping[str, str],
) -> Trial:
    """`mapper` None: the one that is at work. Raises Invalid for a kind without one."""
    try:
        source = registry.bound(kind, dict(config) if mapper is None else {**config, "mapper": mapper})
    except Invalid as error:
        return Trial(errors=error.errors)
    if not isinstance(source, MappedSource):
        raise Invalid(FieldError("kind", f"integrations of kind “{kind}” have no mapper"))
    small = {name.lower(): value for name, value in headers.items()}
    try:
        envelopes = source.events_of(Asked("POST", "/", {}, small, body))
    except Invalid as error:
        return Trial(errors=error.errors)
    return Trial(tuple(_tried(source, one.payload) for one in envelopes[:MOST_SHOWN]), len(envelopes))


def rules_of(kind: str, config: Mapping[str, Any]) -> RuledSource | None:
    """The source that judges by the config's rules; None for a kind without. Raises Invalid, which names the
    field.
    """
    source = registry.bound(kind, config)
    return source if isinstance(source, RuledSource) else None


def _tried(source: MappedSource, payload: bytes) -> TriedEvent:
    try:
        mapped = source.mapped(payload)
    except Invalid as error:
        return TriedEvent(None, errors=error.errors)
    return TriedEvent(mapped.signal, mapped.problems)
